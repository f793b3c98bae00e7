"""How a published figure is measured again: the model, the data, the measures and what was found there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from pydantic import field_validator

from xlembed.data.read_options import DocumentUnit
from xlembed.files import Record
from xlembed.measures import parse_measures
from xlembed.show.content import Cell, Grid, Row, heads, row
from xlembed.show.published import published
from xlembed.words import Lang, Mode, UserError, near_miss


class Claim(Record):
    """`recipe` of an entry of show/published.yaml, with the entry's own words.

    Attributes:
        name: of the recipe.
        source: who published the figures.
        label: what must stand beside them.
        model: MODEL.
        set: public set, a name of `xlembed import hub`.
        langs: of it; empty: its own choice.
        split: of it; None: its own.
        documents: what is searched, where questions have paragraphs and answers.
        mode: of the evaluation; of several languages the macro average is taken.
        expected: measure -> the published value, as a share.
        digits: that were published of each, behind the point.
        citation: key of references.bib, or empty.
        unsure: what the publication does not say.
    """

    name: str
    source: str
    label: str = ""
    model: str
    set: str
    langs: tuple[Lang, ...] = ()
    split: str | None = None
    documents: DocumentUnit | None = None
    mode: Mode = Mode.MONOLINGUAL
    expected: Mapping[str, float]
    digits: int
    citation: str = ""
    unsure: str = ""

    @field_validator("expected")
    @classmethod
    def _are_measures(cls, expected: Mapping[str, float]) -> Mapping[str, float]:
        parse_measures(expected)
        return expected

    @property
    def task(self) -> str:
        """The name of the task that is made of the set."""
        parts = (self.set, *self.langs, *([self.split] if self.split else []))
        unit = [self.documents] if self.documents is DocumentUnit.ANSWERS else []
        return "_".join((*parts, *unit))


@cache
def claims() -> Mapping[str, Claim]:
    """Name -> recipe, in the order of show/published.yaml.

    Raises:
        UserError: names the entry and the field that is wrong.
    """
    found = {}
    for entry in published():
        if "recipe" not in entry:
            continue
        words = {key: entry[key] for key in ("source", "label") if key in entry}
        where = f"published.yaml ({entry['source']})"
        claim = Claim.from_json({**words, **entry["recipe"]}, where, "correct the entry")
        found[claim.name] = claim
    return found


def find_claim(name: str) -> Claim:
    """The recipe of that name.

    Raises:
        UserError: there is none; with the near miss.
    """
    known = claims()
    if name not in known:
        raise UserError(
            f"no recipe {name!r}: `xlembed reproduce` lists them: {', '.join(known)}.{near_miss(name, known)}"
        )
    return known[name]


def claims_grid(claims: Iterable[Claim]) -> Grid:
    """A row per recipe, then what cannot be measured again, and why."""
    rows: list[Row] = [
        row(c.name, Cell(c.model, label=c.label), c.task, ", ".join(c.expected), c.source) for c in claims
    ]
    rows += [
        row("-", entry["model"], f"not possible: {why}", "", entry["source"])
        for entry in published()
        if (why := entry.get("not_reproduced"))
    ]
    words = ("model", "task", "measures", "published by")
    return Grid("claims", "Published figures", heads("recipe", *words, words=words), tuple(rows))
