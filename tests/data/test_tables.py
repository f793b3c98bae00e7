"""Tables: cells, lines, what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.data.checks import Problems
from xlembed.data.opening import read_rows
from xlembed.data.tables import number_or_text, parse_columns
from xlembed.words import UserError

Rows = list[tuple[int | None, dict[str, str]]]


def rows_of(path: Path, content: bytes, *, numbered: bool = False) -> tuple[tuple[str, ...], Rows, Problems]:
    path.write_bytes(content)
    problems = Problems()
    table = read_rows(path, problems, numbered=numbered)
    return table.header, [(row.place.line, dict(row.values)) for row in table.rows], problems


def test_rows_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    content = b'id, text\n1,"a ""b"",\nc"\n2,d\n\n3,"e\n\nf"\n'
    header, rows, problems = rows_of(tmp_path / "x.csv", content)
    assert header == ("id", "text")
    assert rows == [
        (2, {"id": "1", "text": 'a "b",\nc'}),
        (3, {"id": "2", "text": "d"}),
        (5, {"id": "3", "text": "e\n\nf"}),
    ]
    assert not problems.n_errors and "x.csv, row 4: the row is blank. Skipped" in problems.notes()[0]


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    header, rows, problems = rows_of(tmp_path / "x.CSV", '\ufeffid,text\r\n1,"ä\r\nb"\r\n'.encode())
    assert (header, rows) == (("id", "text"), [(2, {"id": "1", "text": "ä\nb"})])
    assert ["byte order mark" in n or "CRLF" in n for n in problems.notes()] == [True, True]


def test_a_cell_may_hold_a_long_document(tmp_path: Path) -> None:
    long = "Ein langer Text. " * 10_000
    _, rows, problems = rows_of(tmp_path / "x.csv", f'id,text\n1,"{long}"\n2,b\n'.encode())
    assert rows == [(2, {"id": "1", "text": long}), (3, {"id": "2", "text": "b"})] and not problems.n_errors


def test_quotation_marks_are_characters_where_tabs_separate(tmp_path: Path) -> None:
    _, rows, problems = rows_of(tmp_path / "x.tsv", b'id\ttext\n1\t"a\n2\tb "c"\n')
    assert rows == [(2, {"id": "1", "text": '"a'}), (3, {"id": "2", "text": 'b "c"'})]
    assert not problems.n_errors


def test_without_a_header_columns_are_numbers(tmp_path: Path) -> None:
    header, rows, _ = rows_of(tmp_path / "x.csv", b"a,b\nc\n", numbered=True)
    assert (header, rows) == ((), [(1, {"1": "a", "2": "b"}), (2, {"1": "c"})])


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a,b\n1,2\n3\n4,5\n", 3, "1 columns, the header has 2"),
        (b"a,b\n1,2\n3,x, y\n", 3, "3 columns, the header has 2"),
        (b'a,b\n1,2\n3,"x\n4,5\n', 3, "cannot be read, nor what follows it: unexpected end of data"),
        (b'a,b\n1,"x" y\n', 2, "cannot be read, nor what follows it: ',' expected after '\"'"),
        (b"a,b\n1,\xe9\n2,c\n", None, "the file is not UTF-8, and has too few foreign letters"),
        (b"a,b\n1,c\rd\n", 2, "cannot be read"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes, line: int | None, message: str) -> None:
    _, _, problems = rows_of(tmp_path / "x.csv", content)
    (told,) = problems.errors
    assert told.place.line == line and message in told.message


def test_line_ends_of_old_macs_are_called_so(tmp_path: Path) -> None:
    _, _, problems = rows_of(tmp_path / "x.csv", b"a,b\r1,c\r2,d\r")
    assert "not with CR alone" in problems.errors[0].advice


def test_rows_after_a_bad_one_are_read(tmp_path: Path) -> None:
    _, rows, problems = rows_of(tmp_path / "x.csv", b"a,b\n1\n2,c\n3\n4,d\n")
    assert [row["b"] for _, row in rows] == ["c", "d"] and problems.n_errors == 2


@pytest.mark.parametrize(
    ("content", "rows", "told"),
    [
        ("a;b\n1;2,5\n", ["2,5"], "semicolons separate the columns"),
        ('a\tb\n"1"\t2\n', ["2"], "tabs separate the columns"),
        ("sep=;\na;b\n1;2\n", ["2"], "semicolons separate the columns"),
        ('a,b\n"x;y;z",2\n"x;y;z",3\n', ["2", "3"], ""),
        ("a,b,,\n1,2,,\n,,,\n", ["2"], "the row is blank"),
    ],
)
def test_what_separates_columns_is_found_and_told(
    tmp_path: Path, content: str, rows: list[str], told: str
) -> None:
    header, found, problems = rows_of(tmp_path / "x.csv", content.encode())
    assert header == ("a", "b") and [row["b"] for _, row in found] == rows
    assert told in "".join(problems.notes()) and bool(told) == bool(problems.notes())


@pytest.mark.parametrize(
    ("text", "codec", "told"),
    [
        (
            "a,b\n1,Größe passt nicht; schöne Farbe für größere Räume; Grüße aus Köln\n",
            "cp1252",
            "read as windows-1252, as in '1,größe passt",
        ),
        ("a,b\n1,Çok güzel bir ürün sessiz değil mi? Şarjlı süpürge ağır değil\n", "cp1254", "windows-1254"),
        ("a,b\n1,c\n", "utf-16", "read as utf-16"),
    ],
)
def test_other_encodings_are_found_and_told(tmp_path: Path, text: str, codec: str, told: str) -> None:
    _, found, problems = rows_of(tmp_path / "x.csv", text.encode(codec))
    assert (
        found[0][1]["b"] == text.splitlines()[1].partition(",")[2]
        and told in "".join(problems.notes()).lower()
    )


def test_two_columns_of_a_name_are_refused(tmp_path: Path) -> None:
    problems = rows_of(tmp_path / "x.csv", b"a,b,a\n1,2,3\n")[2]
    assert "x.csv, row 1: two columns are called 'a': A and C" in str(problems.errors[0])


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(("3", 3.0), (" -3.5 ", -3.5), (".5", 0.5), ("5.", 5.0), ("1e-2", 0.01)),
        *((text, text) for text in ("3,5", "", "nan", "inf", "1e999", "1_000", "٣", "x")),
    ],
)
def test_numbers_of_cells(cell: str, value: float | str) -> None:
    assert number_or_text(cell) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "expected OURS=THEIRS, found 'a', for example a=x"),
        ("a=", "expected OURS=THEIRS, found 'a='"),
        ("aple=x", "'aple' is none of apple, a. Did you mean 'apple'?"),
        ("a=x,a=y", "'a' is said twice, as 'x' and 'y'"),
    ],
)
def test_columns_said_wrongly(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_columns(text, ("apple", "a"), "a=x")
    assert message in str(caught.value)


def test_columns_said_rightly() -> None:
    assert parse_columns(" a = x y , apple=z=1,", ("apple", "a"), "") == {"a": "x y", "apple": "z=1"}
    assert parse_columns("", (), "") == {}
