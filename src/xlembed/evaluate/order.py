"""The order of models in words and as a table: who is first, and who is not told apart from the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlembed.show.content import Cell, Grid, Head, Row
from xlembed.show.text import points
from xlembed.stats.scorebook import MACROS, label_text

NOTE = (
    "By paired tests, Holm over the primary family; equal models share the first place. Within a group the order of "
    "the means is no finding."
)


def order_grid(comparison: Mapping[str, Any]) -> Grid | None:
    """A row per macro average: the first, those not told apart from it, those told apart; None for fewer than two."""
    shown = []
    for title, of in _macros(comparison):
        groups = [
            _names(of, lambda m: m["place"] == 1),
            _names(of, lambda m: m["place"] > 1 and m["with_best"] is True, with_gap=True),
            _names(of, lambda m: m["with_best"] is False, with_gap=True),
            _names(of, lambda m: m["with_best"] is None),
        ]
        shown.append(Row(tuple(Cell(text) for text in (title, *groups))))
    if not shown:
        return None
    heads = ["macro average", "first", "not told apart from it", "shown to be below", "not tested against it"]
    keep = [i for i in range(len(heads)) if i < 4 or any(row.cells[i].text for row in shown)]
    rows = tuple(Row(tuple(row.cells[i] for i in keep)) for row in shown)
    labels = [f"Not placed: {model}: {label_text(of)}." for model, of in comparison["labels"].items() if of]
    title = f"{comparison['primary_measure']}: which models are not told apart from the best"
    return Grid("order", title, tuple(Head(heads[i], False) for i in keep), rows, notes=(NOTE, *labels))


def order_note(comparison: Mapping[str, Any] | None) -> str:
    """The groups in one line, to stand below a table of scores; empty if nothing was tested."""
    groups = [
        f"{title}: {_names(of, lambda m: m['with_best'] is True)}" for title, of in _macros(comparison or {})
    ]
    return f"Not told apart from the best (paired tests, Holm): {'; '.join(groups)}." if groups else ""


def _macros(comparison: Mapping[str, Any]) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    found = {(o["kind"], o["pool"]): o["models"] for o in comparison.get("order") or ()}
    return [(m.short, found[m.kind, m.pool]) for m in MACROS if (m.kind, m.pool) in found]


def _names(of: Sequence[Mapping[str, Any]], wanted: Any, with_gap: bool = False) -> str:
    gap = {m["model"]: f" ({points(-m['behind'])})" if with_gap else "" for m in of}
    return ", ".join(f"{m['model']}{gap[m['model']]}" for m in of if wanted(m))
