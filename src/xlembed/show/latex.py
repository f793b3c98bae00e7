r"""The report as a paper in LaTeX: what is special is escaped, a grid becomes a table, numbers fill themselves in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xlembed.show.content import Block, Bullets, Document, Grid, Head, Missing, Row

TEMPLATES = Path(__file__).parent / "templates" / "latex"
LONG = 32
"""Rows from which a table may go over pages."""
WIDE = 6
"""Columns from which letters get smaller."""
WRAPPED = 24
"""Letters from which a column of words is broken into lines."""
CHARACTER, GAP = 0.0095, 0.026
"""Widths at footnote size, bold, as shares of the line: of a letter or digit, and between two columns."""
DAGGER = r"\textsuperscript{\dag}"
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_\allowbreak{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "→": r"\ensuremath{\rightarrow}",
    "≥": r"\ensuremath{\geq}",
    "±": r"\ensuremath{\pm}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "²": r"\textsuperscript{2}",
    "·": r"\textperiodcentered{}",
    "*": "{*}",  # at the start of a row it would belong to the line break before
    "+": r"+\allowbreak{}",
}
LATIN = frozenset(chr(c) for c in (*range(0xC0, 0x180),) if c not in (0xD7, 0xF7))
"""Letters beyond ASCII that every LaTeX engine prints."""


class Tex(str):
    """LaTeX that is not to be escaped again."""

    __slots__ = ()


def escape(text: object) -> Tex:
    r"""Text as LaTeX prints it; a letter that pdfTeX may lack becomes ``\unichar{code}``, which the paper defines.

    >>> escape("a_b & 50 %")
    'a\\_\\allowbreak{}b \\& 50 \\%'
    """
    if isinstance(text, Tex):
        return text
    flat = re.sub(r"[\x00-\x20\x7f\u2028\u2029]+", " ", str(text))
    return Tex("".join(_letter(letter) for letter in flat))


def _letter(letter: str) -> str:
    known = letter.isascii() or letter in LATIN
    return SPECIAL.get(letter, letter if known else rf"\unichar{{{ord(letter):X}}}")


def table_name(grid: Grid, grids: list[Grid]) -> str:
    """File name of a grid's table: its key, or for a language matrix its number."""
    if grid.choice is None:
        return re.sub(r"[^A-Za-z0-9-]+", "-", grid.key)
    matrices = [g for g in grids if g.choice]
    return f"matrix-{matrices.index(grid) + 1:02d}-{grid.choice[1]}"


def to_table(grid: Grid, name: str) -> str:
    """A grid as a `table` with booktabs rules, or as a `longtable`."""
    long = len(grid.rows) > LONG
    size = r"\footnotesize" if long or len(grid.heads) > WIDE else r"\small"
    labels = grid.labels
    notes = [escape(note) for note in grid.notes]
    if len(labels) == 1:  # several are spelt out in their cells
        notes += [Tex(rf"{DAGGER} {escape(label)}.") for label in labels]
    marks = {label: DAGGER if len(labels) == 1 else f" ({escape(label)})" for label in labels}
    caption = Tex(" ".join([escape(f"{grid.title}."), *notes]))
    template = environment().get_template("table.tex.j2")
    return template.render(
        long=long,
        size=Tex(size),
        columns=Tex("".join(_column(i, grid) for i in range(len(grid.heads)))),
        caption=caption,
        label=Tex(f"tab:{name}"),
        heads=[_head(head) for head in grid.heads],
        rows=[_row(row, marks) for row in grid.rows],
        foot=[_row(row, marks) for row in grid.foot],
    )


def _column(i: int, grid: Grid) -> str:
    if grid.heads[i].numeric:
        return "r"
    longest = _longest(i, grid)
    if longest <= WRAPPED:
        return "l"
    # A long table goes over pages and cannot be scaled: its wrapped columns share what the others leave.
    width = _share(grid) if len(grid.rows) > LONG else 0.55 if longest > 80 else 0.24
    return rf">{{\raggedright\arraybackslash}}p{{{width:.2f}\linewidth}}"


def _longest(i: int, grid: Grid) -> int:
    return max((len(row.cells[i].text) for row in grid.rows), default=0)


def _share(grid: Grid) -> float:
    """Width of each wrapped column of a long table, as a share of the line."""
    columns = range(len(grid.heads))
    wrapped = [i for i in columns if not grid.heads[i].numeric and _longest(i, grid) > WRAPPED]
    letters = sum(
        max(len(row.cells[i].text) + len(row.cells[i].interval or "") + 1 for row in grid.rows)
        for i in columns
        if i not in wrapped
    )
    used = letters * CHARACTER + GAP * len(grid.heads)
    return max(0.1, (1 - used) / len(wrapped))


def _head(head: Head) -> Tex:
    """Two lines where it is long."""
    first, comma, rest = head.text.partition(", ")
    if not comma:
        return escape(head.text)
    return Tex(rf"\shortstack{{{escape(first)},\\{escape(rest)}}}")


def _row(row: Row, marks: Mapping[str, str]) -> Tex:
    cells = []
    for cell in row.cells:
        text = " ".join(escape(part) for part in (cell.text, cell.interval) if part)
        cells.append(text + marks.get(cell.label, ""))
    return Tex(" & ".join(rf"\textbf{{{c}}}" if row.strong and c else c for c in cells))


def environment() -> Environment:
    """Templates with delimiters that LaTeX does not use; whatever is not `Tex` is escaped."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        finalize=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # for HTML; `finalize` is what escapes here
    )


def to_paper(document: Document, figures: Collection[str] = ()) -> str:
    """main.tex: an article whose tables are those of ``../tables``; `figures` are the names of what stands there."""
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
