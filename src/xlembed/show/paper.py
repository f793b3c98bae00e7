"""The report as a paper in LaTeX whose numbers fill themselves in."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from xlembed.show.content import Block, Bullets, Document, Missing
from xlembed.show.latex import Tex, environment, escape, table_name


def to_paper(document: Document, figures: Collection[str] = ()) -> str:
    """main.tex: an article whose tables are those of ``../tables``.

    Args:
        document: the report.
        figures: names of those that stand in ``figures``.
    """
    grids = document.grids()
    template = environment().get_template("main.tex.j2")
    return template.render(
        d=document,
        tables={g.key: Tex(table_name(g, grids)) for g in grids},
        matrices=[Tex(table_name(g, grids)) for g in grids if g.choice],
        figures=set(figures),
        lines=lambda key: _lines(b for part in document.parts if part.key == key for b in part.blocks),
        decided=[v for v in document.verdicts if v.model],
    )


def _lines(blocks: Iterable[Block]) -> list[str]:
    """Paragraphs and list entries; what is missing becomes a sentence."""
    found: list[str] = []
    for block in blocks:
        match block:
            case str():
                found.append(block)
            case Bullets():
                found += block.lines
            case Missing():
                found.append(
                    Tex(rf"\todo{{Not measured: {escape(block.what)}. Run: {escape(block.command)}}}")
                )
    return found
