"""The report as one HTML file that opens offline: all styles, scripts and pictures are inside."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.colors import to_hex

from xlembed.show.content import Document
from xlembed.show.scatter import draw_panels
from xlembed.show.style import ink_on

TEMPLATES = Path(__file__).parent / "templates" / "html"
COLOURS = "YlGn"
"""Of language matrices, as in `figures.accuracy_matrix`."""
SHAPES = {
    "o": "M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0z",
    "s": "M-5.5,-5.5h11v11h-11z",
    "^": "M0,-7L6.5,5h-13z",
    "D": "M0,-7.5L7,0L0,7.5L-7,0z",
    "v": "M0,7L6.5,-5h-13z",
    "P": "M-2,-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
    "X": "M-6,-3.5L-3.5,-6L0,-2.5L3.5,-6L6,-3.5L2.5,0L6,3.5L3.5,6L0,2.5L-3.5,6L-6,3.5L-2.5,0z",
    "p": "M0,-7L6.6,-2.2L4.1,5.6h-8.2L-6.6,-2.2z",
    "h": "M0,-7L6,-3.5V3.5L0,7L-6,3.5V-3.5z",
}
"""Marker of matplotlib -> path round the origin."""


def to_html(document: Document) -> str:
    """The page; everything in `document` is escaped, and only the script of this package may run."""
    return render_page("report.html.j2", TEMPLATES, "report", document=document)


def render_page(template: str, folder: Path, *files: str, **content: object) -> str:
    """A page with the blocks, styles and scripts of this package inside; what it is filled with is escaped.

    Args:
        template: of the page.
        folder: with it, and with what else is not in `TEMPLATES`.
        *files: names of style sheets and scripts, without suffix.
        **content: what the template is filled with.
    """
    folders = [folder, TEMPLATES]
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["of"] = lambda block, kind: type(block).__name__ == kind
    environment.filters |= {"shade": _shade, "breakable": _breakable, "base64": _base64, "drawn": draw_panels}
    style, script = (
        "".join(
            next(path for f in folders if (path := f / f"{name}.{suffix}").is_file()).read_text(
                encoding="utf-8"
            )
            for name in files
        )
        for suffix in ("css", "js")
    )
    # In the page as it is hashed here: neither may hold a closing tag.
    digest = _base64(hashlib.sha256(f"\n{script}".encode()).digest())
    return environment.get_template(template).render(
        shapes=SHAPES,
        style=Markup(style),  # our own files
        script=Markup(script),  # our own files
        script_digest=digest,
        **content,
    )


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _breakable(text: str) -> Markup:
    """Long names may be broken after their marks, and nowhere else."""
    parts = re.findall(r"[^_+\-./]*[_+\-./]*", text)
    return Markup("<wbr>").join(part for part in parts if part)


def _shade(value: float) -> Markup:
    face = mpl.colormaps[COLOURS](value)
    return Markup("background:{};color:{}").format(to_hex(face), ink_on(face))
