"""Run files of other systems: read, and checked against the task before anything is believed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems
from xlembed.data.task import Task
from xlembed.search.imported import ALL
from xlembed.words import UserError, counted, near_miss

FIELDS = "query Q0 document rank score tag"
SHOWN = 3


@dataclass(frozen=True)
class Line:
    """One document of one ranking, and where it is written; a rank of 0: the file says none."""

    query_id: str
    doc_id: str
    rank: int
    score: float
    place: Place


def split_sources(given: Sequence[str], task: Task) -> list[tuple[str, Path]]:
    """``FILE`` or ``LANG=FILE`` -> pool and file."""
    found = []
    for word in given:
        pool, sign, file = word.partition("=")
        known = sign and pool in (ALL, *task.languages)
        found.append((pool, Path(file)) if known else (ALL, Path(word)))
    return found


def read_pools(
    sources: Sequence[tuple[str, Path]], task: Task
) -> tuple[dict[str, dict[str, list[str]]], dict[str, set[str]], list[str]]:
    """Rankings by pool and query, which may be cut by pool, and what is to be told; files of one pool are united.

    Raises:
        UserError: all that is wrong in the files at once.
    """
    problems = Problems()
    pools: dict[str, list[Line]] = {}
    for pool, file in sources:
        lines = _json_lines(file, problems) if file.suffix == ".json" else _trec_lines(file, problems)
        pools.setdefault(pool, []).extend(lines)
    rankings = {pool: _rankings(pool, lines, task, problems) for pool, lines in pools.items()}
    problems.raise_errors("the rankings cannot be used")
    return rankings, {pool: _cut(lines) for pool, lines in pools.items()}, list(problems.notes())


def _cut(lines: Sequence[Line]) -> set[str]:
    """Queries of which a file holds as many documents as of any: where others go on, it may end before the ranking."""
    found = Counter((line.place.file, line.query_id) for line in lines)
    longest: dict[str, int] = {}
    for (file, _), n in found.items():
        longest[file] = max(n, longest.get(file, 0))
    return {query_id for (file, query_id), n in found.items() if n == longest[file]}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{file} does not exist") from None
    except UnicodeDecodeError:
        raise UserError(f"{file}: not UTF-8: save the file as UTF-8") from None


def _trec_lines(file: Path, problems: Problems) -> Iterator[Line]:
    for number, line in enumerate(_text(file).splitlines(), 1):
        if not line.strip():
            continue
        place, fields = Place(str(file), number), line.split()
        if len(fields) != 6:
            message = f"expected 6 fields ({FIELDS}), found {len(fields)}"
            problems.error(place, "", "malformed line", message, "write one document per line")
            continue
        try:
            rank, score = int(fields[3]), float(fields[4])
        except ValueError:
            message = f"rank {fields[3]!r} is no whole number, or score {fields[4]!r} no number"
            problems.error(place, "", "malformed line", message, f"write {FIELDS}")
            continue
        yield Line(fields[0], fields[2], rank, score, place)


def _json_lines(file: Path, problems: Problems) -> Iterator[Line]:
    """Query -> document -> score, perhaps below a subset and a split, as MTEB saves predictions."""
    try:
        found: Any = json.loads(_text(file), object_pairs_hook=_each_once, parse_int=float)
    except ValueError as error:
        raise UserError(f"{file}: not valid JSON: {error}") from None
    while isinstance(found, dict) and not _is_run(found):
        deeper = [
            of
            for of in found.values()
            if isinstance(of, dict) and any(isinstance(x, dict) for x in of.values())
        ]
        if len(deeper) != 1:
            raise UserError(f"{file}: expected query -> document -> score, for one subset and one split")
        found = deeper[0]
    if not isinstance(found, dict):
        raise UserError(f"{file}: expected query -> document -> score, found {type(found).__name__}")
    for query_id, scores in found.items():
        for doc_id, score in scores.items():
            yield Line(query_id, doc_id, 0, float(score), Place(str(file), None, query_id))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return found


def _is_run(found: Mapping[str, Any]) -> bool:
    return all(
        isinstance(scores, dict) and all(isinstance(s, int | float) for s in scores.values())
        for scores in found.values()
    )


def _rankings(pool: str, lines: Sequence[Line], task: Task, problems: Problems) -> dict[str, list[str]]:
    queries = {q.query_id for q in task.queries}
    lang_of = {d.doc_id: d.lang for d in task.documents}
    kept = {merge.doc_id: merge.kept for merge in task.merged}
    by_query: dict[str, list[Line]] = {}
    seen: dict[tuple[str, str], Place] = {}
    strange: dict[str, Place] = {}
    for line in lines:
        doc_id = kept.get(line.doc_id, line.doc_id)
        if not math.isfinite(line.score):
            problems.error(
                line.place, "score", "no number", f"the score is {line.score}", "write a finite number"
            )
        elif line.query_id not in queries:
            done = "left out: the task has no such query, or nobody judged it"
            problems.warn(line.place, "", "unknown query", f"query {line.query_id!r}", done)
        elif doc_id not in lang_of:
            strange.setdefault(doc_id, line.place)
        elif pool not in (ALL, lang_of[doc_id]):
            message = f"document {doc_id!r} is in {lang_of[doc_id]}, and these are rankings of {pool} alone"
            problems.error(line.place, "", "wrong language", message, f"give the file without {pool}=")
        elif first := seen.get((line.query_id, line.doc_id)):
            message = f"{line.query_id} -> {line.doc_id} stands in {first} already"
            problems.error(line.place, "", "document twice", message, "keep its best place")
        else:
            seen[line.query_id, line.doc_id] = line.place
            by_query.setdefault(line.query_id, []).append(line)
    if strange:
        example = next(iter(strange))
        message = (
            f"{counted(len(strange), 'document')} that {task.name} has not: {', '.join([*strange][:SHOWN])}"
        )
        guess = near_miss(example, lang_of) if len(lang_of) <= 2000 else ""
        fix = f"rank the documents of this task; their ids are those of its corpus.jsonl.{guess}"
        problems.error(strange[example], "", "unknown document", message, fix)
    return {query_id: _ordered(of, kept, problems) for query_id, of in by_query.items()}


def _ordered(lines: Sequence[Line], kept: Mapping[str, str], problems: Problems) -> list[str]:
    """Documents of one query, best first: by rank where the ranks tell them apart, else by score, then id."""
    by_rank = len({line.rank for line in lines}) == len(lines)
    if by_rank:
        ordered = sorted(lines, key=lambda line: line.rank)
        for above, below in pairwise(ordered):
            if below.score > above.score:
                message = (
                    f"rank {below.rank} of query {below.query_id} has the score {below.score:g}, more than the "
                    f"{above.score:g} of rank {above.rank}"
                )
                fix = "scores must fall as ranks rise: write distances as negative numbers, or mend the ranks"
                problems.error(below.place, "score", "scores against ranks", message, fix)
                break
    else:
        if lines[0].rank or len({line.rank for line in lines}) > 1:
            done = "ordered by score, then id"
            problems.warn(
                lines[0].place, "rank", "ranks that repeat", "ranks do not tell documents apart", done
            )
        ordered = sorted(lines, key=lambda line: (-line.score, line.doc_id))
    # Identical documents are one document, at its best place.
    return list(dict.fromkeys(kept.get(line.doc_id, line.doc_id) for line in ordered))
