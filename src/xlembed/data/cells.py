"""What spreadsheets do to cells: errors of formulas, ids that became numbers or dates, several ids in one cell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from xlembed.data.checks import Row
from xlembed.data.languages import is_language, language_name, suggest_language, suggest_variety
from xlembed.data.oddities import FORMULA_ERROR
from xlembed.data.tables import DateText, whole_number
from xlembed.words import Lang, UserError

_SHORTENED = re.compile(r"\d+([.,]\d+)?[eE]\+?\d+")
_DECIMAL = re.compile(r"(\d+)\.0+")
_SEVERAL = re.compile(r"[\s,;|]+")
_IDS = {"id", "query_id", "doc", "group", "need_id", "cluster"}
_AS_TEXT = "format the column as text before typing or pasting ids, and export again"

Fields = Mapping[str, Sequence[str]]
"""Our field -> the columns that it is made of."""


class Cells:
    """The cells of one table by our fields, with what is wrong in them told by row and column."""

    def __init__(
        self,
        rows: Sequence[Row],
        fields: Fields,
        varieties: bool = False,
        grades: Mapping[str, int] | None = None,
    ) -> None:
        self.fields, self._varieties, self._grades = fields, varieties, grades or {}
        self._warned: set[tuple[object, str, str]] = set()
        self.separators: Counter[str] = Counter()
        """What stands between several ids in a cell -> cells."""
        self._whole = {
            field
            for field, (column, *_) in fields.items()
            if field in _IDS
            and _are_whole(
                part for row in rows for part in _SEVERAL.split(row.values[column].strip()) if part
            )
        }

    def text(self, row: Row, field: str) -> str:
        """The field's filled cells, each on a line of its own; nothing where it has no column."""
        found = []
        for column in self.fields.get(field, ()):
            cell = row.values[column]
            if FORMULA_ERROR.fullmatch(cell.strip()):
                message = f"the cell holds {cell.strip()}, the error of a formula"
                row.error(field, "formula error", message, "correct the formula, or empty the cell")
            if cell.strip():
                found.append(cell)
            if isinstance(cell, DateText):
                self._warn(row, field, "dates", f"the cell is a date: {cell}", "taken as text in that form")
        return "\n".join(found)

    def id(self, row: Row, field: str) -> str:
        """The id in a cell; what a spreadsheet made of it is undone (12.0) or told."""
        (column, *_) = self.fields.get(field, ("",))
        cell = row.values.get(column, "").strip()
        if isinstance(row.values.get(column), DateText):
            row.error(field, "id as date", f"the id is a date ({cell}); a spreadsheet made it one", _AS_TEXT)
        return self._undone(row, field, self.text(row, field).strip())

    def ids(self, row: Row, field: str, known: Container[str]) -> list[str]:
        """The ids in a cell: itself if `known`, else what stands between white space, commas, semicolons, bars."""
        cell = self.id(row, field)
        if not cell or cell in known:
            return [cell] if cell else []
        found = [self._undone(row, field, part) for part in split_ids(cell)]
        if len(found) > 1:
            signs = "".join(dict.fromkeys("".join(_SEVERAL.findall(cell)).replace("\n", "\u21b5")))
            self.separators[signs.strip() or "white space"] += 1
        return found

    def grade(self, row: Row) -> int | None:
        """The grade in the row: 1 where there is no column, None with an error told."""
        if "grade" not in self.fields:
            return 1
        cell = self.text(row, "grade").strip()
        if (grade := self._grades.get(cell.casefold(), whole_number(cell))) is None:
            found = f"{cell!r} is not a whole number" if cell else "the grade is missing"
            fix = "write 0 for not relevant, 1 or more for relevant, or say what words mean: --grades yes=1,no=0"
            row.error("grade", "bad grade", found, fix)
        return grade

    def lang(self, row: Row, *fields: str) -> Lang:
        """The language that the first filled field says, by code, locale or English name; nothing if none does."""
        for field in fields:
            if word := self.text(row, field).strip():
                first = (row.place, field, "language") not in self._warned
                self._warned.add((row.place, field, "language"))
                return language_code(row, field, word, not first, self._varieties)
        return ""

    def _warn(self, row: Row, field: str, kind: str, message: str, done: str) -> None:
        """Once for a cell, however often it is looked at."""
        if (told := (row.place, field, kind)) not in self._warned:
            self._warned.add(told)
            row.warn(field, kind, message, done)

    def _undone(self, row: Row, field: str, value: str) -> str:
        if _SHORTENED.fullmatch(value):
            message = f"the id {value} was shortened by a spreadsheet: digits are lost"
            row.error(field, "shortened id", message, _AS_TEXT)
        elif field in self._whole and (decimal := _DECIMAL.fullmatch(value)):
            row.warn(
                field, "ids with decimals", f"the id is {value}", f"taken as {decimal[1]}, as in all its rows"
            )
            return decimal[1]
        return value


def parse_grades(text: str) -> dict[str, int]:
    """``E=3,I=0`` -> what stands in a cell, in lower case -> its grade.

    Raises:
        UserError: for anything else.
    """
    found: dict[str, int] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        word, _, written = (w.strip() for w in part.rpartition("="))
        if not word or (grade := whole_number(written)) is None:
            raise UserError(
                f"--grades: expected WORD=GRADE, found {part!r}, for example --grades E=3,S=2,C=1,I=0"
            )
        if found.setdefault(word.casefold(), grade) != grade:
            raise UserError(f"--grades: {word!r} is said twice, as {found[word.casefold()]} and {grade}")
    return found


def split_ids(cell: str) -> list[str]:
    """The ids in a cell, each once.

    >>> split_ids("['A-1', 'A-2'; A-1]")
    ['A-1', 'A-2']
    """
    parts = (part.strip("'\"") for part in _SEVERAL.split(cell.strip("[](){}")))
    return [part for part in dict.fromkeys(parts) if part]


def language_code(row: Row, field: str, word: str, told: bool = False, varieties: bool = False) -> Lang:
    """The code that a cell means (``de-DE``, ``German``), which is noted unless `told`; else the word as it is.

    Scripts and regions count with `varieties` only: most locales in tables are no languages of their own.
    """
    code = (suggest_variety(word) if varieties else None) or suggest_language(word)
    if code is None or code == word:
        return word
    if not told:
        more = "; --varieties keeps it apart" if suggest_variety(word) and not varieties else ""
        done = f"taken for {code} ({language_name(code)}){more}"
        what = "a variety" if is_language(word) else "no code"
        row.warn(field, f"language {word!r}", f"{word!r} is {what}", done)
    return code


def _are_whole(values: Iterable[str]) -> bool:
    """Whether all are whole numbers and some have decimals: numbers that a program wrote as 12.0."""
    found = list(values)
    return any(map(_DECIMAL.fullmatch, found)) and all(v.isdecimal() or _DECIMAL.fullmatch(v) for v in found)
