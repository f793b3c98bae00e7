"""The report as Markdown: the same tables, with what is hovered over left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xlembed.show.content import Block, Bullets, Cell, Document, Grid, Link, Missing, Picture, Verdict

USES = ("use", "model", "how sure", "measured", "why")
QUESTIONS = ("question", "answer", "how sure", "measured", "why")
"""Heads of the table of verdicts."""


def to_markdown(document: Document) -> str:
    """The page; everything in `document` is escaped."""
    parts = [f"# {_inline(document.heading)}", escape(document.lead)]
    heads = QUESTIONS if document.title else USES
    parts += ["\n".join(_verdict_table(document.verdicts, heads)), *grid_lines(document.headline)]
    for part in document.parts:
        parts.append(f"## {escape(part.title)}")
        for block in part.blocks:
            parts += _block(block, document.figures)
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    r"""Text of others as Markdown shows it: no markup, no HTML, one line.

    >>> escape("<b>a_b*c|d")
    '&lt;b&gt;a_b\\*c\\|d'
    """
    flat = _inline(text)
    return re.sub(r"^([#+=-]|\d+(?=[.)]\s))", r"\\\1" if not flat[:1].isdigit() else r"\1\\", flat)


def _inline(text: str) -> str:
    """Where no line begins."""
    flat = re.sub(r"[\x00-\x20\x7f\u2028\u2029]+", " ", text).strip()
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*\[\]|~])", r"\\\1", flat)
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", flat)  # inside a word it is no markup


def cell_text(cell: Cell) -> str:
    """Number, interval and label."""
    parts = [cell.text, cell.interval, f"({cell.label})" if cell.label else ""]
    return _inline(" ".join(part for part in parts if part))


def to_report(grids: Sequence[Grid]) -> str:
    """Tables alone, one below the other."""
    return "\n\n".join(part for grid in grids for part in grid_lines(grid)) + "\n"


def grid_lines(grid: Grid) -> Iterator[str]:
    """Title, table and notes, each a paragraph."""
    yield f"**{escape(grid.title)}**"
    rules = ["---:" if head.numeric else "---" for head in grid.heads]
    lines = [_line([escape(head.text) for head in grid.heads]), _line(rules)]
    for row in grid.lines:
        shown = [cell_text(cell) for cell in row.cells]
        lines.append(_line([f"**{text}**" if row.strong and text else text for text in shown]))
    yield "\n".join(lines)
    yield from (escape(note) for note in grid.notes)


def _block(block: Block, figures: str) -> list[str]:
    match block:
        case str():
            return [escape(block)]
        case Grid():
            return list(grid_lines(block))
        case Bullets():
            return ["\n".join(f"- {escape(line)}" for line in block.lines)]
        case Missing():
            command = " ".join(block.command.replace("`", "").split())  # between them nothing else is markup
            return [f"Not measured here: {escape(block.what)}. To add it: `{command}`"]
        case Link():
            return [f"[{escape(block.text)}](<{block.place}>)"]
        case Picture():
            return [f"![{escape(block.caption)}]({figures}/{block.name}.png)"]
    return []


def _verdict_table(verdicts: Sequence[Verdict], heads: Sequence[str]) -> Iterator[str]:
    yield _line(heads)
    yield _line(["---"] * 5)
    for v in verdicts:
        why = "; ".join(part for part in (v.text.removesuffix("."), v.among) if part)
        yield _line([_inline(x) for x in (v.title, v.model or "none", v.sureness, v.evidence, why)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
