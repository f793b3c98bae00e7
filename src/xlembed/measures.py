"""The measures by name, each one ir_measures object."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import ir_measures

from xlembed.words import UserError, near_miss

FAMILIES = {
    "accuracy": (ir_measures.Success, "hit"),
    "MRR": (ir_measures.RR, "rr"),
    "recall": (ir_measures.R, "recall"),
    "precision": (ir_measures.P, "precision"),
    "nDCG": (ir_measures.nDCG, "ndcg"),
}
"""Printed family name -> ir_measures object and the column stem of units.parquet."""
NEEDS_CUTOFF = frozenset(FAMILIES) - {"MRR"}


@dataclass(frozen=True, order=True)
class Measure:
    """One measure: `name` as printed (``nDCG@10``), `column` in units.parquet (``ndcg@10``)."""

    family: str
    cutoff: int | None

    @property
    def name(self) -> str:
        """As printed in tables and files."""
        return self.family if self.cutoff is None else f"{self.family}@{self.cutoff}"

    @property
    def column(self) -> str:
        """Column of units.parquet that holds the value of each unit."""
        stem = FAMILIES[self.family][1]
        return stem if self.cutoff is None else f"{stem}@{self.cutoff}"

    @property
    def ir(self) -> ir_measures.Measure:
        """The measure of ir_measures; linear gain, relevant = grade >= 1."""
        base = FAMILIES[self.family][0]
        return base if self.cutoff is None else base @ self.cutoff

    def is_binary(self, one_relevant_each: bool) -> bool:
        """Whether every unit's value is 0 or 1 by definition."""
        return (
            self.family == "accuracy"
            or (self.family == "precision" and self.cutoff == 1)
            or (self.family == "recall" and one_relevant_each)
        )


def parse_measure(name: str) -> Measure:
    """`accuracy@1`, `MRR@10`, `MRR`, `recall@5`, `precision@3`, `nDCG@10` -> Measure.

    Raises:
        UserError: for an unknown family or a missing, non-positive or extra cutoff.
    """
    match = re.fullmatch(r"([A-Za-z]+)(?:@([1-9][0-9]*))?", name.strip())
    family = match[1] if match else name
    if match is None or family not in FAMILIES:
        known = [f"{f}@10" for f in FAMILIES] + ["MRR"]
        raise UserError(
            f"unknown measure {name!r}: use one of {', '.join(known)} (any cutoff).{near_miss(name, known)}"
        )
    cutoff = int(match[2]) if match[2] else None
    if cutoff is None and family in NEEDS_CUTOFF:
        raise UserError(f"measure {name!r} needs a cutoff, for example {family}@10")
    return Measure(family, cutoff)


def parse_measures(names: Iterable[str]) -> tuple[Measure, ...]:
    """Measures without repeats, in the order given."""
    return tuple(dict.fromkeys(parse_measure(name) for name in names))
