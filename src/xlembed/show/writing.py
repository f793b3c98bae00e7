"""All files of a report in a folder: page, Markdown, tables, paper."""

from __future__ import annotations

from pathlib import Path

from xlembed.show.content import Document, Picture
from xlembed.show.html import to_html
from xlembed.show.latex import table_name, to_table
from xlembed.show.markdown import to_markdown
from xlembed.show.paper import references, to_paper


def write_document(document: Document, pictures: list[Picture], folder: Path) -> None:
    """report.html, report.md, tables/*.tex and paper/; the same document gives the same bytes.

    Args:
        document: what is written.
        pictures: further figures of the paper.
        folder: an empty one.
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
        _write_bytes(folder / "paper" / "figures" / f"{picture.name}.png", picture.png)
        if picture.pdf:
            _write_bytes(folder / "paper" / "figures" / f"{picture.name}.pdf", picture.pdf)
    paper = to_paper(document, set(every))
    _write(folder / "paper" / "main.tex", paper)
    _write(folder / "paper" / "references.bib", references(paper))


def _write(path: Path, text: str) -> None:
    _write_bytes(path, text.encode("utf-8"))


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
