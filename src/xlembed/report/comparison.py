"""One paired comparison of two models, as figures and tables take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.report.scorebook import MACROS, Macro, label_text
from xlembed.types import Lang, UserError


@dataclass(frozen=True)
class Paired:
    """A - B in one macro; the interval is unadjusted, the verdict follows the adjusted p.

    Attributes:
        verdict: A better, B better, no difference shown, this test cannot reject.
        cells: ``b->a`` that the macro is the mean of; empty if not told.
    """

    a: str
    b: str
    macro: Macro
    measure: str
    difference: float
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    test: str
    n_units: int
    n_clusters: int
    verdict: str
    cells: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the 95 % interval, if there is one."""
        return None if self.ci_low is None or self.ci_high is None else (self.ci_low, self.ci_high)

    @property
    def is_decided(self) -> bool:
        """Whether the verdict names a winner."""
        return self.verdict in ("A better", "B better")


def read_comparisons(rows: Sequence[Mapping[str, Any]], measure: str | None = None) -> list[Paired]:
    """The comparisons of one measure, grouped by pair in the order given, macros in their usual order.

    Args:
        rows: comparisons; rows of other measures, of single cells and of other kinds are left out.
        measure: default: the measure of the first row.

    Raises:
        UserError: if nothing is left.
    """
    macros = {(m.kind, m.pool): m for m in MACROS}
    wanted = measure or (rows[0]["measure"] if rows else None)
    pairs: dict[tuple[str, str], dict[Macro, Paired]] = {}
    for row in rows:
        macro = macros.get((row["kind"], row["pool"]))
        if macro is None or row["measure"] != wanted or row.get("query_lang") or row.get("doc_lang"):
            continue
        of_pair = pairs.setdefault((row["a"], row["b"]), {})
        if macro in of_pair:
            raise UserError(f"two comparisons of {row['a']} and {row['b']} in {macro.title}")
        of_pair[macro] = Paired(
            a=row["a"],
            b=row["b"],
            macro=macro,
            measure=row["measure"],
            difference=float(row["difference"]),
            ci_low=row["ci_low"],
            ci_high=row["ci_high"],
            p_value=row["p_value"],
            p_adjusted=row["p_adjusted"],
            test=row["test"],
            n_units=int(row["n_units"]),
            n_clusters=int(row["n_clusters"]),
            verdict=_verdict(row),
            cells=tuple(row.get("cells") or ()),
        )
    if not pairs:
        raise UserError(f"expected comparisons of {wanted or 'a measure'} between two models, found none")
    return [of_pair[m] for of_pair in pairs.values() for m in MACROS if m in of_pair]


def label_notes(rows: Sequence[Paired], labels: Mapping[str, Mapping[Lang, str]]) -> list[str]:
    """One line per labelled model among the rows, and whether its labelled languages were tested.

    Args:
        rows: the comparisons shown.
        labels: model -> language -> label, as in scores.json.
    """
    notes = []
    for model, of_model in labels.items():
        mine = [r for r in rows if model in (r.a, r.b)]
        if not of_model or not mine:
            continue
        touched = [set(cell.split("->")) & set(of_model) for r in mine for cell in r.cells]
        left_out = all(r.cells for r in mine) and not any(touched)
        end = "these languages are left out" if left_out else "invalid for a decision"
        notes.append(f"* {model}: {label_text(of_model)}; {end}.")
    return notes


def _verdict(row: Mapping[str, Any]) -> str:
    """In terms of A and B, which fit every column, where the winner is named in full."""
    named = {f"{row['a']} better": "A better", f"{row['b']} better": "B better"}
    return named.get(row["verdict"], str(row["verdict"]))
