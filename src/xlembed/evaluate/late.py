"""A late-interaction model in the main job: its token vectors encoded and described, its search opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xlembed.data.task import Task
from xlembed.embeddings.encode import EncodeReport, Progress
from xlembed.embeddings.texts import document_text
from xlembed.embeddings.tokens import TokenEncoding, encode_tokens, open_token_encoding, read_tokens
from xlembed.embeddings.truncation import describe_truncation, stored_tokens
from xlembed.evaluate.late_manifest import late_manifest
from xlembed.files import atomic_folder, write_json
from xlembed.models.spec import ModelRef
from xlembed.search.late import TokenPairs, TokenSearcher
from xlembed.words import Lang, Role, TokenVectors, UserError
from xlembed.workspace import Workspace

if TYPE_CHECKING:
    from xlembed.models.token_encoder import TokenEncoder

Tell = Callable[[Role, Progress], None]


def encode_late(task: Task, ref: ModelRef, workspace: Workspace, tell: Tell) -> dict[Role, EncodeReport]:
    """Encode what the store lacks; the folder of the stage says what there is, the vectors stay in the store.

    Raises:
        UserError: the model cannot be loaded, or the vectors would be too large.
    """
    encoding = open_token_encoding(ref, workspace)
    reports = _encoded(encoding, task, ref, tell)
    sides: dict[str, tuple[list[str], list[Lang]]] = {
        "documents": (_documents(task, ref), [d.lang for d in task.documents]),
        "queries": ([q.text for q in task.queries], [q.lang for q in task.queries]),
    }
    tables = {
        name: read_tokens(encoding.store, texts, role)
        for (name, (texts, _)), role in zip(sides.items(), (Role.DOCUMENT, Role.QUERY), strict=True)
    }
    tokens = {
        name: (stored_tokens(partial(_encoder, encoding, role), texts, role, encoding.store), langs)
        for (name, (texts, langs)), role in zip(sides.items(), (Role.DOCUMENT, Role.QUERY), strict=True)
    }
    found = {
        "task": task.name,
        "task_digest": task.digest,
        "model": ref.slug,
        "vectors": "of tokens",
        "fingerprint": encoding.base.digest,
        "token_dim": tables["documents"].dim,
        "tokens": {name: int(table.counts.sum()) for name, table in tables.items()},
        "bytes_per_document": _bytes(tables["documents"].counts, tables["documents"].dim, encoding),
        **({"notes": list(encoding.notes)} if encoding.notes else {}),
        **({"truncation": cut} if (cut := describe_truncation(tokens)) else {}),
    }
    with atomic_folder(workspace.embeddings(task.name, ref.slug)) as folder:
        write_json(folder / "manifest.json", found)
    return reports


def open_late(
    task: Task, ref: ModelRef, workspace: Workspace, texts: Sequence[str] | None
) -> tuple[TokenSearcher, Mapping[str, Any]]:
    """Exact search, and what `encode_late` wrote.

    Args:
        task: whose documents are searched.
        ref: the model.
        workspace: settings and places.
        texts: of the questions; None: the task's queries.

    Raises:
        UserError: nothing was encoded, or the model cannot be loaded where something is missing.
    """
    pairs, manifest = open_late_pairs(task, ref, workspace, texts)
    langs = [d.lang for d in task.documents]
    return TokenSearcher([d.doc_id for d in task.documents], langs, pairs.documents, pairs.queries), manifest


def open_late_pairs(
    task: Task, ref: ModelRef, workspace: Workspace, texts: Sequence[str] | None
) -> tuple[TokenPairs, Mapping[str, Any]]:
    """What ranks anew, likewise; it reads the vectors of the documents that it ranks."""
    manifest = late_manifest(task, ref, workspace)
    encoding = open_token_encoding(ref, workspace)
    if encoding.base.digest != manifest["fingerprint"]:
        raise UserError(
            f"{ref.slug} was encoded by other files or settings: run xlembed encode -m {ref.slug} -t {task.name}"
        )
    _encoded(encoding, task, ref)  # where the manifest came without the store, as from DVC
    documents = read_tokens(encoding.store, _documents(task, ref), Role.DOCUMENT)
    if texts is not None:
        queries = encoding.encoders()[Role.QUERY].encode_batch(texts, Role.QUERY)
    else:
        queries = _loaded(encoding, [q.text for q in task.queries])
    return TokenPairs(queries, documents), manifest


def _encoded(
    encoding: TokenEncoding, task: Task, ref: ModelRef, tell: Tell | None = None
) -> dict[Role, EncodeReport]:
    reports = {}
    with encoding.crew:
        for role, texts in (
            (Role.DOCUMENT, _documents(task, ref)),
            (Role.QUERY, [q.text for q in task.queries]),
        ):

            def told(progress: Progress, role: Role = role) -> None:
                if tell:
                    tell(role, progress)

            reports[role] = encode_tokens(encoding, texts, role, told)
    return reports


def _encoder(encoding: TokenEncoding, role: Role) -> TokenEncoder:
    return encoding.encoders()[role]


def _documents(task: Task, ref: ModelRef) -> list[str]:
    return [document_text(ref.card, d) for d in task.documents]


def _loaded(encoding: TokenEncoding, texts: Sequence[str]) -> TokenVectors:
    """Queries are short and few: all of them in memory."""
    table = read_tokens(encoding.store, texts, Role.QUERY)
    found = np.empty(len(texts), dtype=object)
    found[:] = np.split(table.take(np.arange(len(texts))), np.cumsum(table.counts)[:-1])
    return found


def _bytes(counts: np.ndarray, dim: int, encoding: TokenEncoding) -> int:
    """Mean of the documents."""
    return round(float(counts.mean()) * dim * encoding.store.dtype.itemsize) if len(counts) else 0
