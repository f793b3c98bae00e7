"""What a report consists of, whatever it is written as: parts of paragraphs, lists, tables and pictures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from xlembed.words import Lang

SURENESS = {
    "clear": "clear",
    "open": "not clear",
    "only": "no choice: one model left",
    "few": "too few questions to say",
    "chance": "not shown to find more than chance",
    "none": "no model could be weighed",
    "small": "too few documents to say",
    "unmeasured": "not measured",
}
"""How sure a verdict is, in a few words."""
LABELLED = "Numbers with a label are invalid for a decision."


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what is shown.
        interval: shown after it, in brackets.
        label: what must stand beside the number, such as ``English-only model``.
        sort: what the column is sorted by; None: the text, or, in a column of numbers, last.
        details: shown on hover, one line each.
        langs: languages that it is about; empty: of no one in particular.
        shade: in [0, 1], of a heatmap; None: not shaded.
    """

    text: str
    interval: str = ""
    label: str = ""
    sort: float | None = None
    details: tuple[str, ...] = ()
    langs: tuple[Lang, ...] = ()
    shade: float | None = None


@dataclass(frozen=True)
class Head:
    """The head of a column."""

    text: str
    numeric: bool = True
    langs: tuple[Lang, ...] = ()


@dataclass(frozen=True)
class Row:
    """One row; `langs` as in `Cell`; a strong one is set in bold, one that stands apart has a rule above it."""

    cells: tuple[Cell, ...]
    langs: tuple[Lang, ...] = ()
    strong: bool = False
    apart: bool = False


def heads(*texts: str, words: Collection[str] = ()) -> tuple[Head, ...]:
    """Heads of columns: the first column and those in `words` hold words, all others numbers."""
    return tuple(Head(text, i > 0 and text not in words) for i, text in enumerate(texts))


def row(*cells: Cell | str, langs: tuple[Lang, ...] = (), strong: bool = False, apart: bool = False) -> Row:
    """A row of cells, or of their texts."""
    return Row(tuple(Cell(c) if isinstance(c, str) else c for c in cells), langs, strong, apart)


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        key: its name in file names and links.
        foot: rows that stay below when it is sorted.
        notes: what must be known to read it.
        folded: closed at first, for what is not needed to decide.
        marked: set apart, for numbers that are not ours.
        choice: (model, pool) of a language matrix, of which one is shown at a time.
    """

    key: str
    title: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    foot: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    folded: bool = False
    marked: bool = False
    choice: tuple[str, str] | None = None

    @property
    def lines(self) -> tuple[Row, ...]:
        """Rows and foot."""
        return (*self.rows, *self.foot)

    @property
    def labels(self) -> list[str]:
        """What stands beside its numbers, each once."""
        return list(dict.fromkeys(cell.label for row in self.rows for cell in row.cells if cell.label))

    def column(self, i: int) -> list[Cell]:
        """Cells below a head, those of the foot included."""
        return [row.cells[i] for row in self.lines]


@dataclass(frozen=True)
class Bullets:
    """A list."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """Something that was not measured, and the command that would."""

    what: str
    command: str


@dataclass(frozen=True)
class Link:
    """Another page, by its place relative to the report's folder."""

    text: str
    place: str


@dataclass(frozen=True)
class Picture:
    """A figure as PNG, for print as PDF too (empty if there is none), with the name of its files without suffix.

    The caption says what it shows; it is also its description for those who do not see it.
    """

    name: str
    png: bytes
    pdf: bytes
    caption: str


@dataclass(frozen=True)
class Point:
    """A model in a scatter; values and ends of intervals in [0, 1]."""

    model: str
    label: str
    x: float
    y: float
    x_ends: tuple[float, float] | None
    y_ends: tuple[float, float] | None
    details: tuple[str, ...]


@dataclass(frozen=True)
class Panel:
    """One panel of a scatter."""

    title: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Scatter:
    """Points that tell more when they are hovered over, where that can be: in HTML alone; what both axes show."""

    panels: tuple[Panel, ...]
    x: str
    y: str


@dataclass(frozen=True)
class Choices:
    """What is shown of the tables by language below it, where one can choose: in HTML alone."""

    languages: tuple[Lang, ...]
    models: tuple[str, ...]


Block = str | Grid | Bullets | Missing | Link | Picture | Scatter | Choices


@dataclass(frozen=True)
class Part:
    """A chapter; `key` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Verdict:
    """Which model for one use, and how sure that is.

    Attributes:
        model: empty if none is left.
        sure: ``clear``, ``open`` (cannot be told from another), ``only`` (one model is left), ``few`` (too few
            clusters), ``chance`` (not shown to find more than chance) or ``none`` (no model is left); of probes also
            ``small`` and ``unmeasured``.
        text: in a sentence.
        share: of the resamples in which the model is first.
        evidence: its measured quality, in a line.
        among: which models were weighed, and which were left out.
        details: weights, what was excluded and why, what is not known.
    """

    scenario: str
    title: str
    model: str
    sure: str
    text: str
    share: float | None
    evidence: str
    among: str
    details: tuple[str, ...]

    @property
    def sureness(self) -> str:
        """How sure it is, in a few words."""
        return SURENESS[self.sure]

    @property
    def said(self) -> str:
        """Model and sureness in a few words."""
        return f"{self.model or 'none'} ({self.sureness})"


@dataclass(frozen=True)
class Document:
    """A whole report.

    Attributes:
        lead: what was asked of which models on what, in a sentence.
        verdicts: one per scenario.
        headline: the table of the first screen.
        parts: everything else, in reading order.
        limitations: that follow from the task, one each.
        title: of the report; empty: which embedding model for the task.
        figures: folder of its pictures beside the Markdown file.
        citations: model or task -> key of references.bib, or an address.
    """

    task: str
    measure: str
    languages: tuple[Lang, ...]
    models: tuple[str, ...]
    lead: str
    verdicts: tuple[Verdict, ...]
    headline: Grid
    parts: tuple[Part, ...]
    limitations: tuple[str, ...] = ()
    title: str = ""
    figures: str = "paper/figures"
    citations: Mapping[str, str] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """What stands on top of it."""
        return self.title or f"Which embedding model for {self.task}?"

    def grids(self) -> list[Grid]:
        """Every table, in reading order."""
        found = [block for part in self.parts for block in part.blocks if isinstance(block, Grid)]
        return [self.headline, *found]

    def part(self, key: str) -> Part:
        """One by its key."""
        return next(part for part in self.parts if part.key == key)
