"""One paired comparison of two models, as figures and tables take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field

from xlembed.files import rounded
from xlembed.stats.score_rows import WithInterval
from xlembed.stats.scorebook import MACROS, Macro, label_text
from xlembed.words import Lang, UserError

PRIMARY, EXPLORATORY = "primary", "exploratory"
"""Whether a family of tests was named before the data were seen."""


class Paired(WithInterval):
    """A - B in one cell or macro, a row of comparison.json; the interval is unadjusted.

    Attributes:
        verdict: "MODEL better" (of what is neither good nor bad "MODEL higher"), "no difference shown", "this test
            cannot reject"; follows the adjusted p.
        detectable: smallest difference found with 80 %.
        table: units that both, one or none of the models hit.
    """

    a: str
    b: str
    kind: str
    pool: str | None
    query_lang: Lang | None = None
    doc_lang: Lang | None = None
    measure: str
    difference: float
    n_discordant: int | None = None
    p_value: float | None
    p_adjusted: float | None
    family: str = ""
    family_name: str = ""
    family_size: int | None = None
    test: str
    verdict: str
    detectable: float | None = None
    detectable_unadjusted: float | None = None
    table: Mapping[str, int] = Field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Numbers rounded to 1e-6, p-values to 8 digits; what a test does not have is left out."""
        p_values = {"p_value": self.p_value, "p_adjusted": self.p_adjusted}
        return super().to_json() | dict(rounded(p_values, 8))

    @property
    def macro(self) -> Macro:
        """Mode and pool with their names; those of no macro average are called as they are stored."""
        name = f"{self.kind}, {self.pool}"
        known = (m for m in MACROS if (m.kind, m.pool) == (self.kind, self.pool))
        return next(known, Macro(self.kind, self.pool or "", name, name))

    @property
    def is_decided(self) -> bool:
        """Whether the verdict names a winner."""
        return self.verdict.endswith((" better", " higher"))

    def restriction(self, labels: Mapping[str, Mapping[Lang, str]]) -> str:
        """Which languages were tested, where `labels` (model -> its labelled languages) left some out.

        ``; only en``, ``; without ja``, or an empty string.
        """
        tested = {lang for cell in self.cells for lang in cell.split("->")}
        left_out = {*labels.get(self.a, ()), *labels.get(self.b, ())} - tested
        if not tested or not left_out:
            return ""
        few, word = (tested, "only") if len(tested) <= len(left_out) else (left_out, "without")
        return f"; {word} {', '.join(sorted(few))}"

    def in_short(self) -> Self:
        """With a verdict in terms of A and B, which fit every column, where the winner is named in full."""
        named = {
            f"{model} {more}": f"{name} {more}"
            for name, model in (("A", self.a), ("B", self.b))
            for more in ("better", "higher")
        }
        return self.model_copy(update={"verdict": named.get(self.verdict, self.verdict)})


def read_comparisons(rows: Sequence[Mapping[str, Any]], measure: str | None = None) -> list[Paired]:
    """The comparisons of one measure in short, grouped by pair in the order given, macros in their usual order.

    Rows of other measures (default: than the first row's), of single cells and of other kinds are left out.

    Raises:
        UserError: if nothing is left.
    """
    wanted = measure or (rows[0]["measure"] if rows else None)
    pairs: dict[tuple[str, str], dict[Macro, Paired]] = {}
    for row in map(Paired.model_validate, rows):
        if row.macro not in MACROS or row.measure != wanted or row.query_lang or row.doc_lang:
            continue
        of_pair = pairs.setdefault((row.a, row.b), {})
        if row.macro in of_pair:
            raise UserError(f"two comparisons of {row.a} and {row.b} in {row.macro.title}")
        of_pair[row.macro] = row.in_short()
    if not pairs:
        raise UserError(f"expected comparisons of {wanted or 'a measure'} between two models, found none")
    return [of_pair[m] for of_pair in pairs.values() for m in MACROS if m in of_pair]


def label_notes(rows: Sequence[Paired], labels: Mapping[str, Mapping[Lang, str]]) -> list[str]:
    """One line per labelled model among the rows, and whether its labelled languages were tested."""
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
