"""The report as a Word file, from `templates/report.docx`, whose named styles say how everything looks."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docx import Document as open_document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Emu
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph

from xlembed.show.content import (
    Block,
    Bullets,
    Cell,
    Document,
    Grid,
    Link,
    Missing,
    Picture,
    Verdict,
    heads,
    row,
)

TEMPLATE = Path(__file__).parent / "templates" / "report.docx"
TABLE, MARKED_TABLE = "xlembed table", "xlembed table marked"
TEXT, NOTE, LABEL, LEAD, INTERVAL, COMMAND = "Table text", "Note", "Label", "Lead", "Interval", "Command"
WIDTH = 17.0
"""Of the text on an A4 page, centimetres."""
CHARACTER, PADDING, NARROWEST, MOST_WIDE = 0.138, 0.3, 2.6, 6.5
"""Centimetres: of a letter in a table, of a cell's margins, of a column of words that are broken, of any column."""
SCALE, TALLEST = 0.84, 19.0
"""Of a picture: its size against that of the file, so that its letters are as large as those of tables; centimetres."""
KEPT_TOGETHER = 14
"""Rows up to which a table is not broken over pages."""
MOST_ROWS = 150
"""Of a folded table; a longer one is left to the other files."""
WORD_JOINTS = re.compile(r"([_+\-./:])")
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def to_docx(document: Document) -> bytes:
    """The file; the same document gives the same bytes."""
    return _Writer(document).write()


class _Writer:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.word = open_document(str(TEMPLATE))
        self._numbers = {"Table": 0, "Figure": 0}
        self.word.core_properties.title = clean(document.heading)[:255]
        self.word.core_properties.subject = clean(document.task)[:255]
        self.word.sections[0].header.paragraphs[0].add_run(clean(document.heading))

    def write(self) -> bytes:
        """From top to bottom."""
        self.word.add_paragraph(clean(self.document.heading), style="Title")
        self.word.add_paragraph(clean(self.document.lead), style=LEAD)
        if self.document.verdicts:
            self._table(_verdict_grid(self.document.verdicts), range(4))
            self._note("")
        self._grid(self.document.headline)
        for part in self.document.parts:
            self.word.add_heading(clean(part.title), level=1)
            for block in part.blocks:
                self._block(block)
        return _packed(self.word)

    def _block(self, block: Block) -> None:
        match block:
            case str():
                self.word.add_paragraph(clean(block))
            case Grid():
                self._grid(block)
            case Bullets():
                for line in block.lines:
                    self.word.add_paragraph(clean(line), style="List Bullet")
            case Missing():
                paragraph = self.word.add_paragraph(f"Not measured here: {clean(block.what)}. To add it: ")
                paragraph.add_run(clean(block.command), style=COMMAND)
            case Link():
                self.word.add_paragraph(clean(f"{block.text}: {block.place}"))
            case Picture():
                self._picture(block)

    def _note(self, text: str) -> None:
        self.word.add_paragraph(clean(text), style=NOTE)

    def _grid(self, grid: Grid) -> None:
        if grid.folded and len(grid.rows) > MOST_ROWS:
            self.word.add_paragraph(
                clean(f"{grid.title}: {len(grid.rows):,} rows, in report.html and report.md.")
            )
            return
        blocks = column_blocks(grid)
        for i, columns in enumerate(blocks, 1):
            more = f" ({i} of {len(blocks)})" if len(blocks) > 1 else ""
            self._caption("Table", f"{grid.title}{more}", above=True)
            self._table(grid, columns)
            if i < len(blocks):
                self._note("")
        for note in grid.notes or ("",):
            self._note(note)

    def _table(self, grid: Grid, columns: Sequence[int]) -> None:
        rows = grid.lines
        table = self.word.add_table(1 + len(rows), len(columns), MARKED_TABLE if grid.marked else TABLE)
        table.autofit = False
        for column, width in zip(table.columns, column_widths(grid, columns), strict=True):
            column.width = Cm(width)
        every: list[Any] = list(table.rows)  # each look at `rows` is a search
        _fill(
            every[0].cells, [Cell(breakable(grid.heads[c].text)) for c in columns], grid, columns, strong=True
        )
        every[0]._tr.get_or_add_trPr().append(parse_xml(f'<w:tblHeader {nsdecls("w")} w:val="true"/>'))
        for place, line in zip(every[1:], rows, strict=True):
            _fill(place.cells, [line.cells[c] for c in columns], grid, columns, strong=line.strong)
            if line.apart:
                _rule_above(place.cells)
        _keep(every, together=len(rows) <= KEPT_TOGETHER)

    def _picture(self, picture: Picture) -> None:
        shape = self.word.add_paragraph(style="Picture").add_run().add_picture(io.BytesIO(picture.png))
        scale = min(SCALE, Cm(WIDTH) / shape.width, Cm(TALLEST) / shape.height)
        shape.width, shape.height = Emu(int(shape.width * scale)), Emu(int(shape.height * scale))
        self._caption("Figure", picture.caption, above=False)
        properties = shape._inline.docPr
        properties.set("id", str(self._numbers["Figure"]))
        properties.set("name", clean(picture.name))
        properties.set("descr", clean(picture.caption))

    def _caption(self, kind: str, text: str, above: bool) -> None:
        """``Table 3: text``, with a number that Word counts itself."""
        self._numbers[kind] += 1
        paragraph = self.word.add_paragraph(style="Caption")
        paragraph.add_run(f"{kind} ").bold = True
        _field(paragraph, rf" SEQ {kind} \* ARABIC ", str(self._numbers[kind]))
        paragraph.add_run(": ").bold = True
        paragraph.add_run(clean(text)).bold = above
        paragraph.paragraph_format.keep_with_next = above


def clean(text: str) -> str:
    r"""One line without what XML forbids.

    >>> clean("a\x07b\n c")
    'ab c'
    """
    flat = re.sub(r"[\t\n\r\u2028\u2029 ]+", " ", text)
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "", flat).strip()


def breakable(text: str) -> str:
    """Long names may be broken after their joints: a space of no width stands there."""
    return " ".join(WORD_JOINTS.sub("\\1\u200b", w) if len(w) > 12 else w for w in text.split(" "))


def column_blocks(grid: Grid) -> list[tuple[int, ...]]:
    """Columns that stand side by side: all of them, or several tables that each begin with the first column."""
    least = [_widths(grid, c)[0] for c in range(len(grid.heads))]
    n_blocks = 1
    while True:  # as few blocks of about equal size as fit
        size = -(-(len(least) - 1) // n_blocks) or 1
        blocks = [tuple(range(i, min(i + size, len(least)))) for i in range(1, len(least), size)] or [()]
        if size == 1 or all(least[0] + sum(least[c] for c in block) <= WIDTH for block in blocks):
            return [(0, *block) for block in blocks]
        n_blocks += 1


def column_widths(grid: Grid, columns: Sequence[int]) -> list[float]:
    """Centimetres of each column: what cannot be broken fits; what room is left goes where lines would break."""
    found = [_widths(grid, c) for c in columns]
    least, wished = sum(low for low, _ in found), sum(high for _, high in found)
    share = min(1.0, max(0.0, (WIDTH - least) / (wished - least))) if wished > least else 0.0
    over = max(1.0, least / WIDTH)
    return [(low + share * (high - low)) / over for low, high in found]


def _widths(grid: Grid, column: int) -> tuple[float, float]:
    """Centimetres that the longest part that cannot be broken needs, and those of the longest whole cell."""
    numeric = grid.heads[column].numeric
    cells = grid.column(column)
    # Heads are bold: as wide as one more letter.
    parts = [f"{p} " for word in grid.heads[column].text.split() for p in breakable(word).split("\u200b")]
    for cell in cells:
        parts.append(cell.interval)
        parts += (
            [cell.text] if numeric else [p for w in cell.text.split() for p in breakable(w).split("\u200b")]
        )
    least = CHARACTER * max(map(len, parts), default=0) + PADDING
    whole = CHARACTER * max((len(f"{c.text} {c.interval}") for c in cells), default=0) + PADDING
    least = least if numeric else max(least, min(NARROWEST, whole))
    return least, max(least, min(MOST_WIDE, whole))


def _verdict_grid(verdicts: Sequence[Verdict]) -> Grid:
    columns = ("question", "answer", "how sure", "measured")
    rows = [row(v.title, v.model or "none", v.sureness, Cell(v.evidence, label=v.among)) for v in verdicts]
    return Grid("verdicts", "", heads(*columns, words=columns), tuple(rows))


def _fill(
    places: Sequence[WordCell], cells: Sequence[Cell], grid: Grid, columns: Sequence[int], strong: bool
) -> None:
    for place, cell, c in zip(places, cells, columns, strict=True):
        numeric = grid.heads[c].numeric
        paragraph = place.paragraphs[0]
        paragraph.style = TEXT
        text = clean(cell.text)
        paragraph.add_run(text if numeric else breakable(text)).bold = strong or None
        if cell.interval:
            paragraph.add_run(f" {clean(cell.interval).replace(' ', chr(0xA0))}", style=INTERVAL)
        if cell.label:
            place.add_paragraph(clean(cell.label), style=LABEL)
        if numeric:
            for line in place.paragraphs:
                line.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _rule_above(cells: Sequence[WordCell]) -> None:
    for cell in cells:
        edge = '<w:top w:val="single" w:sz="8" w:space="0" w:color="666666"/>'
        borders = parse_xml(f"<w:tcBorders {nsdecls('w')}>{edge}</w:tcBorders>")
        cell._tc.get_or_add_tcPr().append(borders)


def _keep(rows: Sequence[Any], together: bool) -> None:
    """No row is broken; a short table, and the first rows of a long one, stay with what is above them."""
    for i, line in enumerate(rows):
        line._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        if i < len(rows) - 1 if together else i < 2:
            for paragraph in (p for cell in line.cells for p in cell.paragraphs):
                paragraph.paragraph_format.keep_with_next = True


def _field(paragraph: Paragraph, code: str, shown: str) -> None:
    """A field with what it shows until Word counts anew."""
    for kind in ("begin", "separate", "end"):
        run = paragraph.add_run()
        run.bold = True
        run._r.append(parse_xml(f'<w:fldChar {nsdecls("w")} w:fldCharType="{kind}"/>'))
        if kind == "begin":
            instruction = OxmlElement("w:instrText")
            instruction.set(qn("xml:space"), "preserve")
            instruction.text = code
            run._r.append(instruction)
        elif kind == "separate":
            paragraph.add_run(shown).bold = True


def _packed(word: Any) -> bytes:
    """The file with one date for all that is in it, so that equal reports are equal files."""
    raw, packed = io.BytesIO(), io.BytesIO()
    word.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, ZIP_DATE), old.read(name), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
