"""All files of a report in a folder: page, Markdown, tables, paper."""

from __future__ import annotations

from pathlib import Path

from xlembed.show.content import Document, Picture
from xlembed.show.html import to_html
from xlembed.show.latex import references, table_name, to_paper, to_table
from xlembed.show.markdown import to_markdown


def write_document(document: Document, pictures: list[Picture], folder: Path) -> None:
    """report.html, report.md, tables/*.tex and paper/ in an empty folder; the same document gives the same bytes.

    `pictures` are further figures of the paper.
    """
    _write(folder / "report.html", to_html(document))
    _write(folder / "report.md", to_markdown(document))
    grids = document.grids()
    for grid in grids:
        name = table_name(grid, grids)
        _write(folder / "tables" / f"{name}.tex", to_table(grid, name))
    shown = [b for part in document.parts for b in part.blocks if isinstance(b, Picture)]
    every = {p.name: p for p in (*pictures, *shown)}
    for picture in every.values():
        for suffix, content in (("png", picture.png), ("pdf", picture.pdf)):
            if content:
                _write(folder / "paper" / "figures" / f"{picture.name}.{suffix}", content)
    paper = to_paper(document, set(every))
    _write(folder / "paper" / "main.tex", paper)
    _write(folder / "paper" / "references.bib", references(paper))


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
