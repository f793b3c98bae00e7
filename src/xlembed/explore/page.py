"""The page: index.html and, beside it, data in parts that load as scripts; a page opened as a file fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from xlembed.data.task import Task
from xlembed.explore.kinds import ErrorKind, Flag
from xlembed.explore.rankings import Hit, UnitRanking, shared_documents
from xlembed.explore.result import Explored, Unjudged
from xlembed.explore.shares import Outcome
from xlembed.explore.tables import found_grid, page_grids, ranked_grid
from xlembed.show.content import Grid
from xlembed.show.html import render_page
from xlembed.stats.scorebook import MACROS, label_text

TEMPLATES = Path(__file__).parent / "templates"
UNITS_PER_PART, DOCUMENTS_PER_PART = 100, 300
TEXT = 1000
"""Characters of a document that are shown."""
RIGHT_SHOWN = 5
"""Right documents that are shown of one unit, those that the models rank best."""
Sides = Sequence[tuple[Sequence[UnitRanking], Sequence[Outcome]]]


def write_page(
    folder: Path,
    task: Task,
    result: Explored,
    units: pd.DataFrame,
    models: Mapping[str, tuple[Sequence[UnitRanking], Sequence[Outcome]]],
    checked: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """index.html and data/*.js; the same results give the same bytes.

    Args:
        folder: where they go.
        task: texts.
        result: tables.
        units: one row per unit.
        models: name -> rankings and outcomes, in the order of the units.
        checked: query id -> verdict of `check-queries` and its reasons; it can be changed on the page.
    """
    _write_data(folder, task, result, units, models, _order(list(models.values())), checked or {})
    _write_html(folder, result, page_grids(result), found_grid(result))


def write_unjudged_page(
    folder: Path,
    task: Task,
    result: Unjudged,
    units: pd.DataFrame,
    rankings: Mapping[str, Sequence[UnitRanking]],
) -> None:
    """The same page without anything that judgements would tell; where A and B differ most comes first."""
    models = {name: (of, [Outcome(None)] * len(of)) for name, of in rankings.items()}
    both = list(zip(*[*rankings.values()][:2], strict=True))
    order = sorted(range(len(both)), key=lambda i: (shared_documents(*both[i]) if len(both[i]) > 1 else 0, i))
    _write_data(folder, task, result, units, models, order, {})
    _write_html(folder, result, [], ranked_grid(result))


def _write_html(folder: Path, result: Explored | Unjudged, grids: Sequence[Grid], found: Grid | None) -> None:
    judged = isinstance(result, Explored)
    page = render_page(
        *("index.html.j2", TEMPLATES, "report", "explore"),
        result=result,
        judged=judged,
        grids=grids,
        found=found,
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def _write_data(
    folder: Path,
    task: Task,
    result: Explored | Unjudged,
    units: pd.DataFrame,
    models: Mapping[str, tuple[Sequence[UnitRanking], Sequence[Outcome]]],
    order: list[int],
    checked: Mapping[str, tuple[str, str]],
) -> None:
    """data/*.js, units in this order."""
    data = folder / "data"
    data.mkdir()
    sides = list(models.values())
    number: dict[int, int] = {}  # document -> its place: those that are shown together stand together
    for part, start in enumerate(range(0, len(order), UNITS_PER_PART)):
        rows = [[_side(of[i], number) for of, _ in sides] for i in order[start : start + UNITS_PER_PART]]
        _write(data, "units", part, rows)
    langs = list(task.languages) + sorted({*units["doc_lang"]} - {*task.languages})
    documents = [_document(task, row, langs) for row in number]
    for part, start in enumerate(range(0, len(documents), DOCUMENTS_PER_PART)):
        _write(data, "documents", part, documents[start : start + DOCUMENTS_PER_PART])
    asked = sorted({r.query for r in sides[0][0]})
    place = {row: i for i, row in enumerate(asked)}
    queries = [(q.query_id, langs.index(q.lang), q.text) for q in map(task.queries.__getitem__, asked)]
    _write(data, "queries", 0, queries)
    verdicts = [checked.get(query_id, ("", "")) for query_id, *_ in queries]
    macros = {(m.kind, m.pool): i for i, m in enumerate(MACROS)}
    shown = units.iloc[order]
    index = {
        "task": task.digest,
        "judged": isinstance(result, Explored),
        "verdicts": [verdict for verdict, _ in verdicts],
        "reasons": [reasons for _, reasons in verdicts],
        "models": list(models),
        "labels": [label_text(result.labels[name]) if result.labels[name] else "" for name in models],
        "macros": [m.title for m in MACROS],
        "langs": langs,
        "kinds": list(map(str, ErrorKind)),
        "flags": list(map(str, Flag)),
        "perPart": {"units": UNITS_PER_PART, "documents": DOCUMENTS_PER_PART},
        "query": [place[sides[0][0][i].query] for i in order],
        "lang": [langs.index(lang) for lang in shown["doc_lang"]],
        "macro": [macros[key] for key in zip(shown["mode"], shown["pool"], strict=True)],
        "rank": [[of[i].rank for i in order] for of, _ in sides],
        "error": [[_error(of[i]) for i in order] for _, of in sides],
        "flag": [[_flags(of[i]) for i in order] for _, of in sides],
    }
    _write(data, "index", 0, index)


def script_text(kind: str, part: int, value: Any) -> str:
    r"""Data as a script that hands it to the page; safe in a script element and in every version of JavaScript.

    >>> print(script_text("queries", 0, ["</script>"]), end="")
    explorerData("queries", 0, ["\u003c/script>"]);
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<\u2028\u2029\x7f\ufeff":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'explorerData("{kind}", {part}, {text});\n'


def _write(folder: Path, kind: str, part: int, value: Any) -> None:
    path = folder / f"{kind}-{part}.js"
    path.write_text(script_text(kind, part, value), encoding="utf-8", errors="replace", newline="\n")


def _order(sides: Sides) -> list[int]:
    """Units that A answers and B does not come first, so that the first page needs few parts."""
    first = [of for of, _ in sides[:2]]
    ahead = [
        sum(s * _reciprocal(r) for s, r in zip((1, -1), pair, strict=False))
        for pair in zip(*first, strict=True)
    ]
    return sorted(range(len(ahead)), key=lambda i: (-ahead[i], i))


def _reciprocal(ranking: UnitRanking) -> float:
    return 1 / ranking.rank if ranking.rank else 0.0


def _side(ranking: UnitRanking, number: dict[int, int]) -> list[Any]:
    """The first documents as (document, score, whether right), right ones as (document, rank, score), and how many."""
    right = {hit.row for hit in ranking.right}
    top = [(_number(hit, number), _score(hit), int(hit.row in right)) for hit in ranking.top]
    shown = [(_number(hit, number), hit.rank, _score(hit)) for hit in ranking.right[:RIGHT_SHOWN]]
    return [top, shown, len(ranking.right)]


def _number(hit: Hit, number: dict[int, int]) -> int:
    return number.setdefault(hit.row, len(number))


def _score(hit: Hit) -> float | None:
    return None if hit.score is None else float(f"{hit.score:.4g}")


def _document(task: Task, row: int, langs: list[str]) -> tuple[str, int, str, str]:
    document = task.documents[row]
    text = document.text if len(document.text) <= TEXT else f"{document.text[:TEXT]}…"
    return document.doc_id, langs.index(document.lang), document.title, text


def _error(outcome: Outcome) -> int:
    return -1 if outcome.kind is None else list(ErrorKind).index(outcome.kind)


def _flags(outcome: Outcome) -> int:
    return sum(2**i for i, flag in enumerate(Flag) if flag in outcome.flags)
