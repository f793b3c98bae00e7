"""A table on the console: nothing is cut and no word, number or interval is torn, whatever the width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from xlembed.show.content import LABELLED, Cell, Grid, Row
from xlembed.show.folding import fold, longest_part, text_width
from xlembed.show.text import model_names

WORDS_WIDTH = 18
"""Of a column of words that are folded."""
LABEL = "label"
"""Head of a last column that becomes notes where there is no room."""
INDENT = 2
"""Of what stands below a name on a line of its own."""
GAP = 2
"""Between the columns of a block."""
BOLD, PLAIN, RULE = "bold", "", "─"


@dataclass(frozen=True)
class GridTable:
    """A grid for rich: a narrow console costs space, then the column of labels, then the column of names.

    Names then stand on lines of their own. Where the numbers do not fit below each other either, a row is a block.
    """

    grid: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style in grid_lines(self.grid, options.max_width):
            yield Text(text.rstrip(), style=style, no_wrap=True, overflow="ignore")


def grid_lines(grid: Grid, width: int) -> Iterator[tuple[str, str]]:
    """Lines of a table of at most `width` columns, each with its style: title, rows, notes."""
    yield from ((line, BOLD) for line in fold(grid.title, width, 0))
    layout = _layout(grid, width)
    yield from _blocks(grid, width) if layout is None else layout.lines()
    for note in _notes(grid if layout is None else layout.grid):
        yield from ((line, PLAIN) for line in fold(note, width, 0))


@dataclass(frozen=True)
class _Layout:
    """Widths of columns; `name`: of the first, in which longer names stand above their row; `between`: columns."""

    grid: Grid
    width: int
    name: int
    between: int

    @property
    def others(self) -> range:
        return range(1, len(self.grid.heads))

    def needed(self) -> int:
        """Columns of a table in which intervals stand below their values."""
        return self.name + sum(self.least(c) + self.between for c in self.others)

    def least(self, column: int) -> int:
        head = self.grid.heads[column]
        texts = [_shown(cell) for cell in self.grid.column(column)]
        if not head.numeric:
            words = map(longest_part, [*texts, head.text])
            return max([*words, min(self.longest(column), WORDS_WIDTH)])
        values = [text_width(text) if any(map(str.isdigit, text)) else longest_part(text) for text in texts]
        intervals = [text_width(cell.interval) for cell in self.grid.column(column)]
        return max([longest_part(head.text), *values, *intervals])

    def longest(self, column: int) -> int:
        """Columns in which nothing is broken but its head."""
        head = self.grid.heads[column]
        parts = head.text.split(", ") if head.numeric else [head.text]
        return max(map(text_width, [*map(_whole, self.grid.column(column)), *parts]))

    def widths(self) -> list[int]:
        """What each column needs; what is left over goes to intervals, then to words, to the narrowest first."""
        found = {c: self.least(c) for c in self.others}
        whole = {c: max(found[c], self.longest(c)) for c in self.others}
        numbers = [c for c in self.others if self.grid.heads[c].numeric]
        spare = self.width - self.needed()
        beside = sum(whole[c] - found[c] for c in numbers)
        if beside <= spare:  # all intervals beside their values, or all below
            found |= {c: whole[c] for c in numbers}
            spare -= beside
        for _ in range(spare):
            if short := [c for c in self.others if c not in numbers and found[c] < whole[c]]:
                found[min(short, key=found.__getitem__)] += 1
        return [self.name, *found.values()]

    def lines(self) -> Iterator[tuple[str, str]]:
        """Heads, a rule, rows."""
        widths, rows = self.widths(), self.grid.lines
        yield from ((line, PLAIN) for line in self._set(self._heads(widths), widths))
        yield RULE * (sum(widths) + self.between * (len(widths) - 1)), PLAIN
        for i, row in enumerate(rows):
            if i and (row.apart or i == len(self.grid.rows)):
                yield "", PLAIN
            style = BOLD if row.strong else PLAIN
            if _is_heading(row):
                yield from ((line, style) for line in fold(_shown(row.cells[0]), self.width))
                continue
            name, *others = row.cells
            is_new = i == 0 or name != rows[i - 1].cells[0] or self.name != INDENT
            cells = [_cell(cell, wide) for cell, wide in zip(others, widths[1:], strict=True)]
            yield from ((line, style) for line in self._set([[_whole(name)] * is_new, *cells], widths))

    def _heads(self, widths: Sequence[int]) -> list[list[str]]:
        """Lines of each, at the foot of the tallest."""
        name, *others = self.grid.heads
        found = [[name.text]]
        for head, wide in zip(others, widths[1:], strict=True):
            text = head.text if text_width(head.text) <= wide else head.text.replace(", ", ",\n")
            found.append(fold(text, wide, 0))
        tallest = max(map(len, found))
        return [[*[""] * (tallest - len(head)), *head] for head in found]

    def _set(self, cells: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
        """Lines of one row; a name that is wider than its column stands above."""
        name, *others = cells
        if any(text_width(line) > widths[0] for line in name):
            yield from fold(name[-1], self.width)
            name = []
        for texts in zip_longest(name, *others, fillvalue=""):
            parts = []
            for text, wide, head in zip(texts, widths, self.grid.heads, strict=True):
                space = " " * (wide - text_width(text))
                parts.append(space + text if head.numeric else text + space)
            yield (" " * self.between).join(parts)


def _layout(grid: Grid, width: int) -> _Layout | None:
    """The roomiest that fits; None if none does."""
    below = _labels_below(grid)
    for shown, between, above in ((grid, 2, False), (grid, 1, False), (below, 1, False), (below, 2, True)):
        names = [shown.heads[0].text, *(_whole(row.cells[0]) for row in shown.lines if not _is_heading(row))]
        layout = _Layout(shown, width, INDENT if above else max(map(text_width, names)), between)
        if layout.needed() <= width:
            return layout
    return None


def _labels_below(grid: Grid) -> Grid:
    """A last column of labels becomes notes, one per label; names that have one get a mark."""
    if grid.heads[-1].text != LABEL:
        return grid
    labelled: dict[str, dict[str, None]] = {}

    def kept(row: Row) -> Row:
        name, *others, label = row.cells
        if not label.text:
            return replace(row, cells=row.cells[:-1])
        labelled.setdefault(label.text, {})[name.text] = None
        return replace(row, cells=(replace(name, text=f"{name.text}*"), *others))

    rows, foot = (tuple(map(kept, of)) for of in (grid.rows, grid.foot))
    notes = [f"* {model_names([*names])}: {label}" for label, names in labelled.items()]
    return replace(grid, heads=grid.heads[:-1], rows=rows, foot=foot, notes=(*grid.notes, *notes))


def _blocks(grid: Grid, width: int) -> Iterator[tuple[str, str]]:
    """A row as its name and, below, what it says under each head."""
    named = _naming(grid)
    yield from ((line, PLAIN) for line in fold(", ".join(head.text for head in grid.heads[:named]), width, 0))
    yield RULE * width, PLAIN
    for row in grid.lines:
        style = BOLD if row.strong else PLAIN
        yield from ((line, style) for line in fold(", ".join(map(_whole, row.cells[:named])), width))
        if not _is_heading(row):
            for line in _block(grid, row, named, width - INDENT):
                yield " " * INDENT + line, style


def _naming(grid: Grid) -> int:
    """How many first columns, of words, tell the rows apart."""
    words = next((c for c, head in enumerate(grid.heads) if c and head.numeric), len(grid.heads))
    rows = [row for row in grid.lines if not _is_heading(row)]
    told = ({tuple(map(_whole, row.cells[:n])) for row in rows} for n in range(1, words + 1))
    return next((n for n, names in enumerate(told, 1) if len(names) == len(rows)), words)


def _block(grid: Grid, row: Row, named: int, width: int) -> Iterator[str]:
    """What a row says, in columns that are the same in every block; long texts have lines of their own."""
    wide: dict[int, tuple[int, int]] = {}
    for c in range(named, len(grid.heads)):
        head, longest = text_width(grid.heads[c].text), max(map(text_width, map(_whole, grid.column(c))))
        wide[c] = head, longest
    short = [c for c in wide if sum(wide[c]) + 1 <= width // 2]
    columns, at = _columns([wide[c] for c in short], width), 0
    for at in range(0, len(short), len(columns) or 1):
        parts = []
        for c, (head, value) in zip(short[at:], columns, strict=False):
            text = _whole(row.cells[c])
            name = grid.heads[c].text if text else ""
            gap = head - text_width(name) + 1 + value - text_width(text)
            parts.append(f"{name}{' ' * gap}{text}")
        if line := (" " * GAP).join(parts).rstrip():
            yield line
    for c in wide:
        if c not in short and (text := _whole(row.cells[c])):
            yield from fold(f"{grid.heads[c].text}: {text}", width, INDENT)


def _columns(items: Sequence[tuple[int, int]], width: int) -> list[tuple[int, int]]:
    """Widths of heads and values in as many columns as fit."""
    for n in range(len(items), 0, -1):
        found = [(max(h for h, _ in items[i::n]), max(v for _, v in items[i::n])) for i in range(n)]
        if n == 1 or sum(h + v + 1 + GAP for h, v in found) - GAP <= width:
            return found
    return []


def _is_heading(row: Row) -> bool:
    """Of the rows below it."""
    return len(row.cells) > 1 and not any(cell.text for cell in row.cells[1:])


def _cell(cell: Cell, width: int) -> list[str]:
    """On a line, or with the interval below, or folded."""
    whole = _whole(cell)
    if text_width(whole) <= width:
        return [whole]
    return [*fold(_shown(cell), width, 0), *([cell.interval] if cell.interval else [])]


def _whole(cell: Cell) -> str:
    return f"{_shown(cell)} {cell.interval}".rstrip()


def _shown(cell: Cell) -> str:
    """With an asterisk for a label, which a note explains."""
    return f"{cell.text}*" if cell.label else cell.text


def _notes(grid: Grid) -> list[str]:
    notes = [note for note in grid.notes if note and note != LABELLED]
    return [*notes, *(f"* {label}: invalid for a decision." for label in grid.labels)]
