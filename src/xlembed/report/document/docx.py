"""The report as a Word file: A4, real headings, tables whose heads come again on each page, captions, page numbers."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from docx import Document as new_document
from docx.document import Document as WordDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Emu, Pt, RGBColor
from docx.table import Table as WordTable
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph

from xlembed.report.document.content import (
    Block,
    Bullets,
    Cell,
    Document,
    Grid,
    Missing,
    Picture,
    Row,
    Verdict,
)
from xlembed.report.document.verdicts import SURENESS
from xlembed.report.page import text_width

PAGE, MARGIN = (21.0, 29.7), 2.0
"""A4, centimetres."""
WIDTH = PAGE[0] - 2 * MARGIN
FONT, FAR_EAST = "Calibri", "Noto Sans CJK SC"
BODY, SMALL, TABLE = 10.5, 8.5, 8.0
"""Sizes of type in points."""
INK, FAINT, WARN = RGBColor(0x22, 0x22, 0x22), RGBColor(0x59, 0x59, 0x59), RGBColor(0xA6, 0x3F, 0x00)
LINE, SHADE, WARN_SHADE = "B0B0B0", "F0F2F5", "FFF3E8"
PADDING = 0.24
"""Of a cell, left and right together, centimetres."""
MOST_WIDE = 6.5
"""Of a column of text, before it is broken into lines, centimetres."""
SCALE, TALLEST = 0.84, 19.0
"""Of a picture: its size against that of the file, so that its letters are as large as those of tables; centimetres."""
KEPT_TOGETHER = 14
"""Rows up to which a table is not broken over pages."""
MOST_ROWS = 150
"""Of a folded table; a longer one is left to the other files."""
WORD_JOINTS = re.compile(r"([_+\-./:])")
TABLE_STYLE, CELL, NOTE, LABEL, LEAD = "xlembed table", "Table text", "Note", "Label", "Lead"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
CAPTION_KINDS = ("Table", "Figure")


def to_docx(document: Document) -> bytes:
    """The file; the same document gives the same bytes."""
    writer = _Writer(document)
    writer.write()
    return _packed(writer.word)


class _Writer:
    """Fills one Word document from top to bottom."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.word = new_document()
        self._numbers = dict.fromkeys(CAPTION_KINDS, 0)
        self._pictures = 0
        _page(self.word)
        _styles(self.word)
        _properties(self.word, document)
        _header_and_footer(self.word, document)

    def write(self) -> None:
        """Everything."""
        self.word.add_paragraph(clean(self.document.heading), style="Title")
        self.word.add_paragraph(clean(self.document.lead), style=LEAD)
        if self.document.verdicts:
            self._verdicts(self.document.verdicts)
        self._grid(self.document.headline)
        for part in self.document.parts:
            self.word.add_heading(clean(part.title), level=1)
            for block in part.blocks:
                self._block(block)

    def _block(self, block: Block) -> None:
        if isinstance(block, Grid):
            self._grid(block)
        elif isinstance(block, Bullets):
            for line in block.lines:
                self.word.add_paragraph(clean(line), style="List Bullet")
        elif isinstance(block, Missing):
            self._missing(block)
        elif isinstance(block, Picture):
            self._picture(block)
        else:
            self.word.add_paragraph(clean(block))

    def _missing(self, block: Missing) -> None:
        paragraph = self.word.add_paragraph(f"Not measured here: {clean(block.what)}. To add it: ")
        paragraph.add_run(clean(block.command)).font.name = "Consolas"

    def _verdicts(self, verdicts: Sequence[Verdict]) -> None:
        heads = ("question", "answer", "how sure", "measured")
        table = self._table(4, (4.2, 4.4, 2.6, 5.8), heads, (False,) * 4)
        for verdict in verdicts:
            texts = (verdict.title, verdict.model or "none", SURENESS[verdict.sure], verdict.evidence)
            cells = _new_row(table)
            for i, (cell, text) in enumerate(zip(cells, texts, strict=True)):
                run = _only(cell).add_run(breakable(clean(text)) if i == 1 else clean(text))
                run.bold = i == 1
            if verdict.among:
                cells[3].add_paragraph(clean(verdict.among), style=NOTE)
        _finish(table, 1, True)
        self.word.add_paragraph(style=NOTE)

    def _grid(self, grid: Grid) -> None:
        if grid.folded and len(grid.rows) > MOST_ROWS:
            said = f"{grid.title}: {len(grid.rows):,} rows, in report.html and report.md."
            self.word.add_paragraph(clean(said))
            return
        blocks = column_blocks(grid)
        for i, columns in enumerate(blocks):
            more = f" ({i + 1} of {len(blocks)})" if len(blocks) > 1 else ""
            self._caption("Table", f"{grid.title}{more}", above=True)
            self._part_of_grid(grid, columns)
            if i < len(blocks) - 1:
                self.word.add_paragraph(style=NOTE)
        for note in grid.notes:
            self.word.add_paragraph(clean(note), style=NOTE)
        if not grid.notes:
            self.word.add_paragraph(style=NOTE)

    def _part_of_grid(self, grid: Grid, columns: Sequence[int]) -> None:
        heads = [grid.heads[c] for c in columns]
        widths = column_widths(grid, columns)
        numeric = [h.numeric for h in heads]
        whole = [_wished(grid, c) <= width + 0.01 for c, width in zip(columns, widths, strict=True)]
        table = self._table(len(columns), widths, [h.text for h in heads], numeric)
        for row in (*grid.rows, *grid.foot):
            cells = _new_row(table)
            for place, (cell, c) in enumerate(zip(cells, columns, strict=True)):
                _fill(cell, row.cells[c], row, numeric[place], whole[place])
                if row.apart:
                    _border(cell, "top", 8)
                if grid.marked:
                    _shade(cell, WARN_SHADE)
        _finish(table, len(grid.rows) + len(grid.foot), len(grid.rows) <= KEPT_TOGETHER)

    def _table(
        self, n: int, widths: Sequence[float], heads: Sequence[str], numeric: Sequence[bool]
    ) -> WordTable:
        table: WordTable = self.word.add_table(rows=1, cols=n, style=TABLE_STYLE)
        table.alignment = WD_TABLE_ALIGNMENT.LEFT
        table.autofit = False
        _fixed(table, widths)
        for cell, head, right in zip(table.rows[0].cells, heads, numeric, strict=True):
            paragraph = _only(cell)
            paragraph.add_run(breakable(clean(head))).bold = True
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if right else WD_ALIGN_PARAGRAPH.LEFT
        _repeat(table.rows[0])
        return table

    def _picture(self, picture: Picture) -> None:
        paragraph = self.word.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT
        paragraph.paragraph_format.keep_with_next = True
        paragraph.paragraph_format.space_before = Pt(8)
        shape = paragraph.add_run().add_picture(io.BytesIO(picture.png))
        width, height = shape.width, shape.height
        scale = min(SCALE, Cm(WIDTH) / width, Cm(TALLEST) / height)
        shape.width, shape.height = Emu(int(width * scale)), Emu(int(height * scale))
        self._pictures += 1
        properties = shape._inline.docPr
        properties.set("id", str(self._pictures))
        properties.set("name", clean(picture.name))
        properties.set("descr", clean(picture.caption))
        self._caption("Figure", picture.caption, above=False)

    def _caption(self, kind: str, text: str, above: bool) -> None:
        """``Table 3: text``, with a number that Word counts itself."""
        self._numbers[kind] += 1
        paragraph = self.word.add_paragraph(style="Caption")
        paragraph.add_run(f"{kind} ").bold = True
        _field(paragraph, f" SEQ {kind} \\* ARABIC ", str(self._numbers[kind]))
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
    needed = [_least(grid, c) for c in range(len(grid.heads))]
    room = WIDTH - needed[0]
    blocks: list[list[int]] = [[]]
    for c in range(1, len(needed)):
        if blocks[-1] and sum(needed[i] for i in blocks[-1]) + needed[c] > room:
            blocks.append([])
        blocks[-1].append(c)
    return [(0, *block) for block in _even(blocks)]


def column_widths(grid: Grid, columns: Sequence[int]) -> list[float]:
    """Centimetres of each column: what it needs, then lines that hold whole intervals, then wider text."""
    found = [_least(grid, c) for c in columns]
    wished = [_wished(grid, c) for c in columns]
    spare = WIDTH - sum(found)
    numbers = [i for i, c in enumerate(columns) if grid.heads[c].numeric]
    for i in (*numbers, *(i for i in range(len(columns)) if i not in numbers)):
        more = max(0.0, wished[i] - found[i])
        if more > spare and i in numbers:
            continue  # half of it would still break the line
        granted = min(more, max(0.0, spare))
        found[i] += granted
        spare -= granted
    over = sum(found) / WIDTH
    return [width / over for width in found] if over > 1 else found


def _even(blocks: list[list[int]]) -> list[list[int]]:
    """The same columns in as many blocks of about equal size."""
    if len(blocks) < 2:
        return blocks
    every = [c for block in blocks for c in block]
    most = max(map(len, blocks))
    size = min(most, -(-len(every) // len(blocks)))
    even = [every[i : i + size] for i in range(0, len(every), size)]
    return even if len(even) == len(blocks) else blocks


def _least(grid: Grid, column: int) -> float:
    """Centimetres that a column needs when intervals stand below their values."""
    head = grid.heads[column]
    pieces = [piece for word in head.text.split() for piece in _pieces(word)]
    widest = max((_cm(piece, True) for piece in pieces), default=0.0)
    for row in (*grid.rows, *grid.foot):
        cell = row.cells[column]
        parts = (
            [cell.text, cell.interval] if head.numeric else [p for w in cell.text.split() for p in _pieces(w)]
        )
        widest = max([widest, *(_cm(part, row.strong) for part in parts)])
    least = widest + PADDING
    return max(least, min(3.2, _wished(grid, column))) if not head.numeric else least


def _pieces(word: str) -> list[str]:
    """What of a word cannot be broken."""
    return [piece for piece in breakable(word).split("\u200b") if piece]


def _wished(grid: Grid, column: int) -> float:
    """Centimetres at which nothing is broken, within reason."""
    cells = [row.cells[column] for row in (*grid.rows, *grid.foot)]
    widest = max((_cm(f"{cell.text} {cell.interval}".strip(), True) for cell in cells), default=0.0)
    return min(MOST_WIDE if grid.heads[column].numeric else 1.4 * MOST_WIDE, widest + PADDING)


def _cm(text: str, bold: bool = False) -> float:
    """Width of a line; the font of the figures is wider than that of the table."""
    return 0.86 * 2.54 * text_width(clean(text), TABLE, "bold" if bold else "normal")


def _fill(cell: WordCell, content: Cell, row: Row, numeric: bool, whole: bool) -> None:
    paragraph = _only(cell)
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if numeric else WD_ALIGN_PARAGRAPH.LEFT
    text = clean(content.text)
    paragraph.add_run(text if numeric else breakable(text)).bold = row.strong or None
    if content.interval:
        if not whole:
            paragraph.add_run().add_break()
        run = paragraph.add_run(f"{' ' if whole else ''}{clean(content.interval).replace(' ', chr(0xA0))}")
        run.font.color.rgb = FAINT
    if content.label:
        label = cell.add_paragraph(clean(content.label), style=LABEL)
        label.alignment = paragraph.alignment


def _only(cell: WordCell) -> Paragraph:
    """The paragraph that every cell has, in the type of tables."""
    found: Paragraph = cell.paragraphs[0]
    found.style = CELL
    return found


def _new_row(table: WordTable) -> Sequence[WordCell]:
    untyped: Any = table
    cells: Sequence[WordCell] = untyped.add_row().cells
    return cells


def _finish(table: WordTable, n_rows: int, together: bool) -> None:
    """No row is broken; a short table, and the first rows of a long one, stay with what is above them."""
    rows = table.rows
    for i, row in enumerate(rows):
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        kept = i < len(rows) - 1 if together else i < 2
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.keep_with_next = kept


def _fixed(table: WordTable, widths: Sequence[float]) -> None:
    """Widths in the grid, which LibreOffice reads, and in the cells, which Word reads."""
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    for cell, width in zip(table.rows[0].cells, widths, strict=True):
        cell.width = Cm(width)


def _repeat(row: Any) -> None:
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)


def _field(paragraph: Paragraph, code: str, shown: str) -> None:
    """A field with what it shows until Word counts anew."""
    bold = bool(paragraph.runs) and paragraph.runs[-1].bold
    for kind, text in (("begin", ""), ("code", code), ("separate", ""), ("shown", shown), ("end", "")):
        run = paragraph.add_run()
        run.bold = bold
        if kind == "code":
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = text
            run._r.append(element)
        elif kind == "shown":
            run.text = text
        else:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
            run._r.append(element)


def _border(cell: WordCell, side: str, eighths: int) -> None:
    properties = cell._tc.get_or_add_tcPr()
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = OxmlElement("w:tcBorders")
        _insert(properties, borders)
    borders.append(_edge(side, eighths, "666666"))


def _shade(cell: WordCell, colour: str) -> None:
    _insert(cell._tc.get_or_add_tcPr(), _fill_of(colour))


ORDER = ("tcW", "gridSpan", "vMerge", "tcBorders", "shd", "noWrap", "tcMar", "vAlign")
"""Of the children of a cell's properties, by the schema."""


def _insert(properties: Any, element: Any) -> None:
    """A child at the place that the schema wants."""
    after = [qn(f"w:{name}") for name in ORDER[ORDER.index(element.tag.rpartition("}")[2]) + 1 :]]
    for child in properties:
        if child.tag in after:
            child.addprevious(element)
            return
    properties.append(element)


def _edge(side: str, eighths: int, colour: str) -> Any:
    element = OxmlElement(f"w:{side}")
    for key, value in (("val", "single"), ("sz", str(eighths)), ("space", "0"), ("color", colour)):
        element.set(qn(f"w:{key}"), value)
    return element


def _fill_of(colour: str) -> Any:
    element = OxmlElement("w:shd")
    for key, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        element.set(qn(f"w:{key}"), value)
    return element


def _page(word: WordDocument) -> None:
    section = word.sections[0]
    section.page_width, section.page_height = Cm(PAGE[0]), Cm(PAGE[1])
    section.left_margin = section.right_margin = Cm(MARGIN)
    section.top_margin = section.bottom_margin = Cm(2.1)
    section.header_distance = section.footer_distance = Cm(1.0)


def _styles(word: WordDocument) -> None:
    styles = word.styles
    normal = styles["Normal"]
    _type(normal, BODY, INK)
    normal.paragraph_format.space_after = Pt(6)
    normal.paragraph_format.line_spacing = 1.1
    _language(normal)
    _type(styles["Title"], 20, INK, bold=True)
    _no_border(styles["Title"])
    styles["Title"].paragraph_format.space_after = Pt(6)
    _type(styles["Heading 1"], 14, INK, bold=True)
    styles["Heading 1"].paragraph_format.space_before = Pt(16)
    styles["Heading 1"].paragraph_format.space_after = Pt(5)
    _type(styles["Caption"], 9, INK)
    styles["Caption"].paragraph_format.space_before = Pt(8)
    styles["Caption"].paragraph_format.space_after = Pt(3)
    styles["List Bullet"].paragraph_format.space_after = Pt(3)
    _new_style(word, LEAD, 11.5, INK, after=8)
    _new_style(word, NOTE, SMALL, FAINT, after=2)
    _new_style(word, CELL, TABLE, INK, after=1.5)
    word.styles[CELL].paragraph_format.space_before = Pt(1.5)
    _new_style(word, LABEL, 7.0, WARN, after=0)
    _table_style(word)


def _type(style: Any, size: float, colour: RGBColor, bold: bool = False) -> None:
    style.font.name, style.font.size, style.font.bold = FONT, Pt(size), bold
    style.font.italic = False
    style.font.color.rgb = colour
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for key in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{key}"), None)
    fonts.set(qn("w:hAnsi"), FONT)
    fonts.set(qn("w:eastAsia"), FAR_EAST)


def _language(style: Any) -> None:
    properties = style.element.get_or_add_rPr()
    language = properties.find(qn("w:lang"))
    if language is None:
        language = OxmlElement("w:lang")
        properties.append(language)
    language.set(qn("w:val"), "en-GB")


def _no_border(style: Any) -> None:
    """The template draws a line below titles."""
    properties = style.element.get_or_add_pPr()
    border = properties.find(qn("w:pBdr"))
    if border is not None:
        properties.remove(border)


def _new_style(word: WordDocument, name: str, size: float, colour: RGBColor, after: float) -> None:
    style: Any = word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = word.styles["Normal"]
    _type(style, size, colour)
    style.paragraph_format.space_after = Pt(after)
    style.paragraph_format.line_spacing = 1.0


def _table_style(word: WordDocument) -> None:
    """Rules above and below, a shaded head, thin lines between rows."""
    style: Any = word.styles.add_style(TABLE_STYLE, WD_STYLE_TYPE.TABLE)
    style.base_style = word.styles["Normal Table"]
    element = style.element
    element.append(_table_properties())
    element.append(_head_properties())


def _table_properties() -> Any:
    properties = OxmlElement("w:tblPr")
    borders = OxmlElement("w:tblBorders")
    for side, eighths, colour in (("top", 10, "222222"), ("bottom", 10, "222222"), ("insideH", 4, LINE)):
        borders.append(_edge(side, eighths, colour))
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(round(PADDING / 2 / 2.54 * 1440)))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties.append(borders)
    properties.append(margins)
    return properties


def _head_properties() -> Any:
    head = OxmlElement("w:tblStylePr")
    head.set(qn("w:type"), "firstRow")
    cell = OxmlElement("w:tcPr")
    borders = OxmlElement("w:tcBorders")
    borders.append(_edge("bottom", 8, "222222"))
    cell.append(borders)
    cell.append(_fill_of(SHADE))
    head.append(cell)
    return head


def _properties(word: WordDocument, document: Document) -> None:
    core = word.core_properties
    core.title, core.subject = clean(document.heading)[:255], clean(document.task)[:255]
    core.author, core.comments, core.language = "xlembed", "", "en-GB"
    # The template's dates are of the template; a date of ours would make equal reports differ.
    for name in ("created", "modified"):
        for found in core._element.findall(qn(f"dcterms:{name}")):
            core._element.remove(found)


def _header_and_footer(word: WordDocument, document: Document) -> None:
    section = word.sections[0]
    header = section.header.paragraphs[0]
    header.style = word.styles[NOTE]
    header.add_run(clean(document.heading))
    footer = section.footer.paragraphs[0]
    footer.style = word.styles[NOTE]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer.add_run("Page ")
    _field(footer, " PAGE ", "1")
    footer.add_run(" of ")
    _field(footer, " NUMPAGES ", "1")


def _packed(word: WordDocument) -> bytes:
    """The file with one date for all that is in it, so that equal reports are equal files."""
    raw, packed = io.BytesIO(), io.BytesIO()
    word.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in _members(old):
            new.writestr(zipfile.ZipInfo(name, ZIP_DATE), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for name in archive.namelist():
        yield name, archive.read(name)
