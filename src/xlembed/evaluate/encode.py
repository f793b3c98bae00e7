"""Stage encode: task + model -> embeddings/TASK/MODEL/."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xlembed.data.task import Task
from xlembed.embeddings.encode import EncodeReport, Progress, encode_texts
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.export import TextList, export, load_export
from xlembed.embeddings.given import check_given
from xlembed.embeddings.postprocessing import pair_sets, parallel_vectors, vectors_fingerprint
from xlembed.embeddings.texts import document_text, query_text
from xlembed.embeddings.truncation import describe_truncation, stored_tokens
from xlembed.evaluate.late import encode_late
from xlembed.evaluate.late_manifest import late_manifest
from xlembed.files import atomic_folder, write_json
from xlembed.models.safety import check_kinds
from xlembed.models.spec import ModelRef
from xlembed.search.remedied import check_remedies
from xlembed.words import Kind, Role, UserError
from xlembed.workspace import Watch, Workspace, unwatched

PLURAL = {Role.QUERY: "queries", Role.DOCUMENT: "documents"}
SPEED = ("texts_per_second", "seconds", "peak_memory_mb")
"""Of an encoding, what a run shows as metrics."""


@dataclass(frozen=True)
class Encoded:
    """What the stage did.

    Attributes:
        folder: the export.
        fingerprint: derived fingerprint of the vectors; empty without vectors.
        reports: one per role.
        spent: what a service was asked, and its cost; empty where there is nothing to pay.
    """

    folder: Path
    fingerprint: str
    reports: dict[Role, EncodeReport]
    spent: str = ""

    @property
    def n_encoded(self) -> int:
        """Texts that the store lacked."""
        return sum(report.n_encoded for report in self.reports.values())

    def speed_metrics(self) -> dict[str, float]:
        """`speed/ROLE/...` metrics; only of what was encoded now, so nothing when all came from the store."""
        return {
            f"speed/{role}/{name}": float(getattr(report, name) or 0)
            for role, report in self.reports.items()
            for name in SPEED
            if report.n_encoded
        }

    def to_json(self) -> dict[str, Any]:
        """All that is known of the encoding, by role."""
        return {str(role): asdict(report) for role, report in self.reports.items()}


def encode(task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched) -> Encoded:
    """Encode what the store lacks, then export exactly this task and model; a lexical one has nothing to encode.

    Raises:
        UserError: the model cannot be loaded, or gives vectors that cannot be used.
    """
    check_remedies(task, ref.variation)
    if (slow := ref.second_stage) is not None:
        return _encode_both(task, ref.first_stage, slow, workspace, watch)
    if ref.card.kind is Kind.LATE_INTERACTION:
        check_kinds(ref)

        def told(role: Role, progress: Progress) -> None:
            watch(f"encode {PLURAL[role]}", progress.n_done, progress.n_total)

        reports = encode_late(task, ref, workspace, told)
        fingerprint = str(late_manifest(task, ref, workspace)["fingerprint"])
        return Encoded(workspace.embeddings(task.name, ref.slug), fingerprint, reports)
    if not ref.card.has_vectors:
        return Encoded(_without_vectors(task, ref, workspace), "", {})
    sets = pair_sets(ref, task, workspace)  # a typo is told before hours of work
    encoding = open_encoding(ref, workspace)
    if ref.card.given:
        check_given(load_export(encoding.folder).manifest, task, ref.slug)
    documents = TextList(
        [d.doc_id for d in task.documents],
        [document_text(ref.card, d) for d in task.documents],
        [d.lang for d in task.documents],
    )
    queries = TextList(
        [q.query_id for q in task.queries],
        [query_text(ref.card, q) for q in task.queries],
        [q.lang for q in task.queries],
    )
    reports = {}
    with encoding.crew:
        for role, texts in ((Role.DOCUMENT, documents.texts), (Role.QUERY, queries.texts)):

            def tell(progress: Progress, role: Role = role) -> None:
                watch(f"encode {PLURAL[role]}", progress.n_done, progress.n_total)

            reports[role] = encode_texts(
                encoding.crew,
                texts,
                role,
                encoding.store,
                shard_size=encoding.shard_texts,
                progress=tell,
            )
    # The store may know the texts from another card of the same files, so that no model was loaded and looked at.
    width = encoding.store.read(Role.DOCUMENT, documents.texts[:1]).shape[1]
    if ref.card.dim not in (None, width) and not (ref.card.given or ref.card.api):
        raise UserError(f"{ref.slug}: the card says {ref.card.dim} dimensions, its vectors have {width}")
    tokens = {
        PLURAL[role]: (stored_tokens(encoding.encoder, of.texts, role, encoding.store), of.langs)
        for role, of in ((Role.DOCUMENT, documents), (Role.QUERY, queries))
    }
    fingerprint = vectors_fingerprint(encoding.base.digest, ref, task, sets)
    target = workspace.embeddings(task.name, ref.slug)
    manifest = {
        "task": task.name,
        "task_digest": task.digest,
        "documents_digest": task.documents_digest,
        "queries_digest": task.queries_digest,
        "model": ref.slug,
        "fingerprint": fingerprint,
        **({"notes": list(encoding.notes)} if encoding.notes else {}),
        **({"truncation": cut} if (cut := describe_truncation(tokens)) else {}),
    }
    export(
        target,
        documents,
        queries,
        encoding.store,
        dim=ref.variation.dim,
        steps=ref.variation.steps,
        pairs=parallel_vectors(ref, task, sets, encoding, workspace, watch),
        manifest=manifest,
    )
    return Encoded(target, fingerprint, reports, encoding.spent())


def _encode_both(task: Task, fast: ModelRef, slow: ModelRef, workspace: Workspace, watch: Watch) -> Encoded:
    """The fast model's vectors and, inside their folder, the slow one's; speed is that of the fast one."""
    check_kinds(replace(fast, reranker=slow))
    encoded = encode(task, fast, workspace, watch)
    encode(task, slow, workspace, watch)
    return encoded


def _without_vectors(task: Task, ref: ModelRef, workspace: Workspace) -> Path:
    """The folder that DVC expects, saying that there is nothing in it."""
    target = workspace.embeddings(task.name, ref.slug)
    with atomic_folder(target) as folder:
        found = {"task": task.name, "task_digest": task.digest, "model": ref.slug, "vectors": False}
        write_json(folder / "manifest.json", found)  # the digest: other texts make another output
    return target
