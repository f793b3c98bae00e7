"""What the figures of fine-tunings share: scores of macros, and a curve per mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlembed.show.shapes.curves import Curve
from xlembed.show.shapes.marks import DASHES
from xlembed.show.style import MODE_LOOKS
from xlembed.show.text import ends
from xlembed.stats.scorebook import MACROS, Macro

Rows = Sequence[Mapping[str, Any]]
"""Scores with kind, pool, value, ci_low, ci_high."""


def present(rows: Rows) -> list[Macro]:
    """The macros that any of these scores is of, in the usual order."""
    keys = {(r["kind"], r["pool"]) for r in rows}
    return [m for m in MACROS if (m.kind, m.pool) in keys]


def score_in(rows: Rows, macro: Macro) -> Mapping[str, Any] | None:
    """The score of a macro, if it is there."""
    found = [r for r in rows if (r["kind"], r["pool"]) == (macro.kind, macro.pool)]
    return found[0] if found and found[0]["value"] is not None else None


def mode_curves(places: Sequence[float], scores: Sequence[Rows]) -> dict[str, Curve]:
    """Title of a mode -> its curve, from the scores of each point and its place on the x axis."""
    found = {}
    for macro in present([row for rows in scores for row in rows]):
        i = MACROS.index(macro)
        known = [(x, s) for x, rows in zip(places, scores, strict=True) if (s := score_in(rows, macro))]
        points = [(x, s["value"], ends(s)) for x, s in known]
        gids = (f"line {macro.short}", f"point {macro.short}")
        found[macro.title] = Curve(MODE_LOOKS[i], points, gids, DASHES[i])
    return found


def all_ends(rows: Rows) -> list[float]:
    """Values and ends of intervals, for limits."""
    return [x for r in rows for x in (r["value"], r.get("ci_low"), r.get("ci_high")) if x is not None]
