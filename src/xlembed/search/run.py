"""Rankings by name, and their exchange format (TREC run files)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xlembed.data.lines import unpacked
from xlembed.files import atomic_path
from xlembed.words import UserError

Run = Mapping[str, Sequence[str]]
"""Query id -> document ids, best first."""

RAW_RANKING = "all.trec.gz"
"""In the folder of an evaluation: the first documents of each query among all of them, nothing taken out."""


def write_trec(run: Run, path: Path, tag: str) -> None:
    """Write `query Q0 document rank score tag` lines; score = -rank, so that no reader breaks ties its own way.

    A path that ends in .gz is packed, equal runs to equal bytes.
    """
    lines = (
        f"{query_id} Q0 {doc_id} {rank} {-rank} {tag}\n"
        for query_id, doc_ids in run.items()
        for rank, doc_id in enumerate(doc_ids, 1)
    )
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                packed.writelines(line.encode() for line in lines)
        else:
            file.writelines(line.encode() for line in lines)


def read_trec(path: Path) -> dict[str, list[str]]:
    """Read a TREC run file, perhaps packed; documents come back by score descending, then id ascending.

    Raises:
        UserError: names file and line of a row without six fields or with a score that is no number.
    """
    found: dict[str, list[tuple[float, str]]] = {}
    for query_id, doc_id, score in _rows(path):
        found.setdefault(query_id, []).append((-score, doc_id))
    return {query_id: [doc_id for _, doc_id in sorted(pairs)] for query_id, pairs in found.items()}


def _rows(path: Path) -> Iterator[tuple[str, str, float]]:
    with unpacked(path) as file:
        lines = file.read().decode().splitlines()
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if len(fields) != 6:
            raise UserError(
                f"{path}:{number}: expected 6 fields (query Q0 document rank score tag), found {len(fields)}"
            )
        try:
            yield fields[0], fields[2], float(fields[4])
        except ValueError:
            raise UserError(f"{path}:{number}: score {fields[4]!r} is not a number") from None
