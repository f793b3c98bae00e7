"""The report as a paper in LaTeX whose numbers fill themselves in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from xlembed.report.document.content import Bullets, Document, Missing
from xlembed.report.document.latex import Tex, environment, escape, table_name


def to_paper(document: Document, figures: Collection[str] = ()) -> str:
    """main.tex: an article whose tables are those of ``../tables``.

    Args:
        document: the report.
        figures: names of those that stand in ``figures`` as PDF.
    """
    grids = document.grids()
    return (
        environment()
        .get_template("main.tex.j2")
        .render(
            d=document,
            tables={g.key: Tex(table_name(g, grids)) for g in grids},
            matrices=[Tex(table_name(g, grids)) for g in grids if g.choice],
            figures=set(figures),
            lines=lambda key: _lines(document, key),
            decided=[v for v in document.verdicts if v.model],
        )
    )


def _lines(document: Document, key: str) -> list[Any]:
    """Paragraphs and list entries of a part; what is missing becomes a sentence."""
    found: list[Any] = []
    for part in (p for p in document.parts if p.key == key):
        for block in part.blocks:
            if isinstance(block, str):
                found.append(block)
            elif isinstance(block, Bullets):
                found += block.lines
            elif isinstance(block, Missing):
                found.append(
                    Tex(rf"\todo{{Not measured: {escape(block.what)}. Run: {escape(block.command)}}}")
                )
    return found
