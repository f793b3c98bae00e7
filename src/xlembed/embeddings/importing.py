"""Vectors from elsewhere -> a folder that is a MODEL (``vectors:FOLDER``), checked against the task; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xlembed.data.card import is_task_name
from xlembed.data.languages import require_language
from xlembed.data.task import Task
from xlembed.embeddings.derive import derive
from xlembed.embeddings.export import MANIFEST, Embeddings, write_given
from xlembed.embeddings.layout import Names, Table, find_layout
from xlembed.files import check_free
from xlembed.words import Lang, Role, UserError, Vectors, counted

SHOWN = 3
"""Ids named of each kind of trouble."""
UNIT = 1e-5
"""Vectors whose length is this near to 1 are kept bit for bit."""
NOUNS = {Role.DOCUMENT: ("document", "documents"), Role.QUERY: ("query", "queries")}


@dataclass(frozen=True)
class Imported:
    """The folder as written, counts, and what must be known of the vectors."""

    folder: Path
    documents: int
    queries: int
    dim: int
    notes: tuple[str, ...]
    told: tuple[str, ...]


def import_vectors(
    task: Task,
    sources: Sequence[str],
    name: str,
    folder: Path,
    names: Names | None = None,
    *,
    languages: Sequence[Lang] = (),
    force: bool = False,
) -> Imported:
    """Read, check and write the vectors of all documents and queries of a task.

    Args:
        task: whose ids are looked for.
        sources: one with both roles, or one of documents and one of queries.
        name: of the vectors.
        folder: that is written.
        names: what fields are called, where not as usual.
        languages: that their model is made for; empty: not known, nothing is labelled.
        force: replace vectors that are there.

    Raises:
        UserError: a source cannot be read; a vector is missing, stands twice, is not finite or of another dimension.
    """
    _check_target(name, folder, force)
    names = names or Names()
    read = {
        role: find_layout(source).read(source, role, names)
        for role, source in zip(Role, (sources[-1], sources[0]), strict=True)
    }
    wanted = {
        Role.DOCUMENT: [d.doc_id for d in task.documents],
        Role.QUERY: [q.query_id for q in task.queries],
    }
    (documents, queries) = (read[role] for role in (Role.DOCUMENT, Role.QUERY))
    shared = documents.ids == queries.ids and np.array_equal(documents.vectors, queries.vectors)
    if shared and (both := sorted(set(wanted[Role.DOCUMENT]) & set(wanted[Role.QUERY]))):
        raise UserError(
            f"{sources[0]}: {counted(len(both), 'id is', 'ids are')} a document's and a query's, the first is "
            f"{both[0]!r}: say which vector is which by a role (document, query) for each, or give two files"
        )
    found: dict[Role, Vectors] = {}
    notes: list[str] = []
    told: list[str] = []
    for role, source in zip(Role, (sources[-1], sources[0]), strict=True):
        also = set(wanted[Role.QUERY if role is Role.DOCUMENT else Role.DOCUMENT]) if shared else set()
        found[role] = _of_task(read[role], wanted[role], role, source, also, told)
        notes += _unlike_units(found[role], role)
        found[role] = _unit(found[role])
    dims = {role: vectors.shape[1] for role, vectors in found.items()}
    if len(set(dims.values())) > 1:
        raise UserError(
            f"documents have {dims[Role.DOCUMENT]} dimensions and queries {dims[Role.QUERY]}: one model gives both"
        )
    manifest = {
        "task": task.name,
        "task_digest": task.digest,
        "documents_digest": task.documents_digest,
        "queries_digest": task.queries_digest,
        "model": name,
        **({"languages": [require_language(lang, "--languages") for lang in languages]} if languages else {}),
        **({"notes": notes} if notes else {}),
    }
    write_given(folder, found[Role.DOCUMENT], found[Role.QUERY], wanted, manifest)
    counts = {role: len(ids) for role, ids in wanted.items()}
    dim = dims[Role.DOCUMENT]
    return Imported(folder, counts[Role.DOCUMENT], counts[Role.QUERY], dim, tuple(notes), tuple(told))


def export_vectors(embeddings: Embeddings, path: Path) -> None:
    """Write a finished export as a file of vectors; its ending says in which layout.

    Raises:
        UserError: no layout writes such a file.
    """
    write = find_layout(str(path), written=True).write
    if write is not None:
        documents = Table(embeddings.doc_ids, np.asarray(embeddings.documents))
        write(
            path,
            {
                Role.DOCUMENT: documents,
                Role.QUERY: Table(embeddings.query_ids, np.asarray(embeddings.queries)),
            },
        )


def _check_target(name: str, folder: Path, force: bool) -> None:
    if not is_task_name(name):
        raise UserError(f"--name: {name!r}: a name has letters, digits, '.', '_', '+' and '-'")
    check_free(folder, MANIFEST, force)


def _of_task(
    table: Table, wanted: Sequence[str], role: Role, source: str, also: set[str], told: list[str]
) -> Vectors:
    """The vectors of the wanted ids in their order; what else is there is told."""
    many = NOUNS[role][1]
    rows = _rows_by_id(table, source)
    if missing := [row_id for row_id in wanted if row_id not in rows]:
        raise UserError(
            f"{source}: {len(missing):,} of {len(wanted):,} {many} have no vector: {_first(missing)}. "
            f"It has {len(rows):,} ids: {_first(list(rows))}"
        )
    if extra := [row_id for row_id in rows if row_id not in set(wanted) | also]:
        told.append(
            f"{source}: {counted(len(extra), 'vector')} left out, of ids that are none of the {many}: {_first(extra)}"
        )
    if np.ndim(table.vectors) != 2 or table.vectors.dtype.kind not in "fiu" or not table.vectors.shape[1]:
        raise UserError(
            f"{source}: expected numbers of shape (texts, dimensions), found {table.vectors.dtype} of shape "
            f"{table.vectors.shape}"
        )
    vectors = np.asarray(table.vectors[[rows[row_id] for row_id in wanted]], dtype=np.float32)
    if len(broken := np.flatnonzero(~np.isfinite(vectors).all(axis=1))):
        first = _first([wanted[i] for i in broken.tolist()])
        raise UserError(f"{source}: {len(broken):,} {many} have a vector with NaN or infinity: {first}")
    if len(zero := np.flatnonzero(~vectors.any(axis=1))):
        if len(zero) == len(wanted):
            raise UserError(f"{source}: the vectors of all {many} are zero")
        first = _first([wanted[i] for i in zero.tolist()])
        told.append(
            f"{source}: {len(zero):,} {many} have a vector of zeros, and find or are found last: {first}"
        )
    return vectors


def _rows_by_id(table: Table, source: str) -> Mapping[str, int]:
    """Id -> row; the same vector may stand twice.

    Raises:
        UserError: ids and vectors are not one each, or an id has two vectors.
    """
    if len(table.ids) != len(table.vectors):
        raise UserError(
            f"{source}: {len(table.ids):,} ids and {len(table.vectors):,} vectors: expected one each"
        )
    rows: dict[str, int] = {}
    for row, row_id in enumerate(table.ids):
        first = rows.setdefault(row_id, row)
        if first != row and not np.array_equal(table.vectors[first], table.vectors[row]):
            raise UserError(
                f"{source}: id {row_id!r} has two vectors (rows {first + 1} and {row + 1}): keep one of them"
            )
    return rows


def _unlike_units(vectors: Vectors, role: Role) -> list[str]:
    """A note, where lengths differ: a model that is made for inner products ranks otherwise."""
    lengths = np.linalg.norm(vectors, axis=1)
    lengths = lengths[lengths > 0]
    if not len(lengths) or lengths.max() - lengths.min() <= 0.01 * lengths.max():
        return []
    return [
        f"the vectors of {NOUNS[role][1]} came with lengths from {lengths.min():.3g} to {lengths.max():.3g}; they are "
        "compared by cosine, which does not look at lengths"
    ]


def _unit(vectors: Vectors) -> Vectors:
    """Of unit length; as they are, where they are of it already."""
    lengths = np.linalg.norm(vectors, axis=1)
    return vectors if (np.abs(lengths[lengths > 0] - 1) < UNIT).all() else derive(vectors, None)


def _first(ids: Sequence[str]) -> str:
    return ", ".join(ids[:SHOWN]) + (" ..." if len(ids) > SHOWN else "")
