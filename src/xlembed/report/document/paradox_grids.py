"""The verdict of the paradox test in words and tables: who was judged, by which conditions, and what remedies do.

Used for the terminal, paradox.md and the report. The file may be older or odd: what is not there is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.report.document.cells import ends, words
from xlembed.report.document.content import Cell, Grid, Head, Row
from xlembed.report.document.inputs import Json
from xlembed.report.text import MINUS, base_models, interval_text, percent, points

CONDITIONS = (
    ("monolingual", "(a) monolingual {minus} {against}", "above"),
    ("cross_lingual", "(b) cross_lingual {minus} monolingual", "above"),
    ("loss_strong", "(c) loss_strong", "below"),
    ("loss_strong_share", "(c) loss_strong {minus} {share} % of monolingual", "below"),
    ("loss_weak", "loss_weak", "below"),
    ("loss_weak_share", "loss_weak {minus} {share} % of monolingual", "below"),
)
"""Key in paradox.json, name, side of the margin that it has to be on."""


def verdict_lines(report: Json) -> list[str]:
    """The verdict, who was not judged, what the correlations say, and what must be known beside it."""
    verdict = report.get("verdict") or {}
    lines = (
        [f"Verdict over {base_models(verdict.get('n_models'))}: {verdict['text']}"]
        if verdict.get("text")
        else []
    )
    lines += [
        f"Not judged: {r['model']}: {r['reason']}." for r in rows(report, "standings") if r.get("reason")
    ]
    if report.get("correlation_text"):
        lines.append(f"Correlation with separation: {report['correlation_text']}.")
    if verdict.get("smallest_detectable") is not None:
        lines.append(
            "Where a condition is undecided: a distance of "
            f"{percent(verdict['smallest_detectable'])} points from its margin would have been seen with 80 %."
        )
    lines += [
        f"Not in the test: {r['model']}: {r['reason']}." for r in rows(report, "left_out") if "model" in r
    ]
    lines += [f"Not tested before and after: {reason}." for reason in report.get("untested") or ()]
    return [*lines, *(f"Note: {note}." for note in report.get("notes") or ())]


def verdict_grids(report: Json) -> list[Grid]:
    """Who was judged, conditions of models and of their variants, remedies; as far as there are any."""
    grids = (
        _standings(report, "standings", "who may be judged"),
        _conditions(report, "conditions", "conditions of the verdict"),
        _remedies(report),
        _standings(report, "variant_standings", "which variants may be judged"),
        _conditions(report, "variant_conditions", "the same conditions of variants, not part of the verdict"),
    )
    return [grid for grid in grids if grid.rows]


def _standings(report: Json, key: str, title: str) -> Grid:
    found = []
    for of in rows(report, key):
        score, gap = of.get("monolingual") or {}, of.get("minus_bm25") or {}
        cells = (
            *(words(str(of.get("model"))), _share(score), words(_percent(of.get("twice_chance")))),
            *(
                _points(gap),
                words(_points_text(of.get("bm25_floor"))),
                words("yes" if of.get("judged") else "no"),
            ),
        )
        found.append(Row(cells))
    heads = (
        *(Head("model", False), Head("monolingual"), Head("above"), Head(f"{MINUS} bm25"), Head("above")),
        Head("judged", False),
    )
    notes = (
        "In % and points. Brackets: for the score of the level that Holm's step-down over the models gives it, for "
        "the difference to bm25 95 %. Each has to begin above the number to its right: twice chance (random order), "
        "and the margin to bm25.",
    )
    return Grid(
        f"paradox-{key}".replace("_", "-"), f"{_task(report)}{title}", heads, tuple(found), notes=notes
    )


def _conditions(report: Json, key: str, title: str) -> Grid:
    share = percent((report.get("margins") or {}).get("loss_share", 0.1)).removesuffix(".0")
    found: list[Row] = []
    for of in rows(report, key):
        model = words(str(of.get("model")))
        for i, (name, text, side) in enumerate(CONDITIONS):
            condition = of.get(name) or {}
            against = condition.get("against") or "every other"
            cells = (
                model if not i else words(""),
                words(text.format(minus=MINUS, against=against, share=share)),
                _points(condition),
                words(f"{side} {_points_text(condition.get('margin'))}"),
                words(str(condition.get("status", "n/a"))),
            )
            found.append(Row(cells, apart=not i and bool(found)))
        found.append(
            Row(
                (words(""), words("breaks the paradox?"), words(""), words(""), words(_breaks(of))),
                strong=True,
            )
        )
    heads = (
        *(Head("model", False), Head("condition", False), Head("points"), Head("wanted", False)),
        Head("", False),
    )
    notes = (
        "Brackets: 95 % intervals, unadjusted; violated is decided by wider ones (Bonferroni over the model's "
        "conditions). (a): the rival nearest to failing it.",
    )
    return Grid(
        f"paradox-{key}".replace("_", "-"), f"{_task(report)}{title}", heads, tuple(found), notes=notes
    )


def _remedies(report: Json) -> Grid:
    breaks = {of.get("model"): _breaks(of) for of in rows(report, "variant_conditions")}
    found = []
    for of in rows(report, "remedies"):
        share = of.get("share_mended")
        cells = (
            *(
                words(str(of.get("variant"))),
                words(str(of.get("monolingual"))),
                words(str(of.get("cross_lingual"))),
            ),
            words({"shown": "shown", "violated": "falls"}.get(str(of.get("true_cross_all")), "not shown")),
            words("n/a" if share is None else f"{percent(share, 0)} %".replace("-", MINUS)),
            words(str(of.get("mends"))),
            words(breaks.get(of.get("variant"), "not judged")),
        )
        found.append(Row(cells, strong=of.get("mends") == "yes"))
    margin = percent((report.get("margins") or {}).get("mono", 0.03)).removesuffix(".0")
    heads = (
        *(Head("variant", False), Head("mono kept", False), Head("cross_lingual kept", False)),
        *(
            Head("true cross, all rises", False),
            Head("loss_strong mended"),
            Head("mends", False),
            Head("breaks", False),
        ),
    )
    reasons = dict.fromkeys(
        f"{of['base']} is not judged: {of['reason']}." for of in rows(report, "remedies") if of.get("reason")
    )
    notes = (
        f"Kept: a fall of {margin} points against the model without it is excluded (95 % CI). Rises: paired test, "
        "Holm. It breaks the paradox only by (a) to (c), against the base models.",
        *reasons,
        *(f"{note}." for note in report.get("remedy_notes") or ()),
    )
    return Grid("paradox-remedies", f"{_task(report)}do variants mend it?", heads, tuple(found), notes=notes)


def _breaks(of: Mapping[str, Any]) -> str:
    return "no loss shown" if of.get("alone") and of.get("breaks") == "yes" else str(of.get("breaks", "n/a"))


def _share(of: Mapping[str, Any]) -> Cell:
    if of.get("value") is None:
        return words("n/a")
    return Cell(percent(of["value"]), interval_text(ends(of)), sort=of["value"])


def _points(of: Mapping[str, Any]) -> Cell:
    if of.get("value") is None:
        return words("n/a")
    return Cell(points(of["value"]), interval_text(ends(of), signed=True), sort=of["value"])


def _percent(value: float | None) -> str:
    return "n/a" if value is None else percent(value)


def _points_text(value: float | None) -> str:
    return "n/a" if value is None else points(value)


def _task(report: Json) -> str:
    return f"{report['task']}: " if report.get("task") else ""


def rows(report: Any, key: str) -> list[Mapping[str, Any]]:
    """The rows of a table of the file; empty if there are none."""
    found = report.get(key) if isinstance(report, Mapping) else None
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
