"""The report as a paper in LaTeX whose numbers fill themselves in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from xlembed.show.content import Block, Bullets, Document, Missing
from xlembed.show.latex import TEMPLATES, Tex, environment, escape, table_name


def to_paper(document: Document, figures: Collection[str] = ()) -> str:
    """main.tex: an article whose tables are those of ``../tables``.

    Args:
        document: the report.
        figures: names of those that stand in ``figures``.
    """
    grids = document.grids()
    template = environment().get_template("main.tex.j2")
    models = {name: _cite(c) for name, c in document.citations.items() if name in document.models}
    own = document.citations.get(document.task)
    return template.render(
        d=document,
        tables={g.key: Tex(table_name(g, grids)) for g in grids},
        matrices=[Tex(table_name(g, grids)) for g in grids if g.choice],
        figures=set(figures),
        lines=lambda key: _lines(b for part in document.parts if part.key == key for b in part.blocks),
        cited=models,
        task_cited=_cite(own) if own else "",
        decided=[v for v in document.verdicts if v.model],
    )


def references(paper: str) -> str:
    """The entries of references.bib that a paper cites, in the order of the file."""
    cited = {key for keys in re.findall(r"\\cite[tp]\{([^}]+)\}", paper) for key in keys.split(",")}
    text = (TEMPLATES / "references.bib").read_text(encoding="utf-8")
    entries = [f"@{entry}" for entry in re.split(r"(?m)^@", text)[1:]]
    return "".join(entry for entry in entries if re.split(r"[{,]", entry)[1] in cited)


def _cite(citation: str) -> Tex:
    """A key of references.bib, or an address."""
    return Tex(rf"\url{{{citation}}}" if "://" in citation else rf"\citep{{{citation}}}")


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
