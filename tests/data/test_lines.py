"""One cause, one error: what a file is instead of UTF-8 lines, and what must not follow from it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
from pathlib import Path

import pytest

from xlembed.data.checks import Problems
from xlembed.data.lines import read_json, read_json_lines, read_lines

TURKISH = "Ürün çok güzel, şık ve sağlam. İade için müşteri hizmetlerini aradım."
ROW = json.dumps({"_id": "d1", "text": TURKISH}, ensure_ascii=False)


def told(path: Path, content: bytes) -> list[str]:
    """Errors of a file read as JSON lines."""
    path.write_bytes(content)
    problems = Problems()
    list(read_json_lines(path, problems))
    return [str(problem).replace(f"{path.parent}/", "") for problem in problems.errors]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1\x15\x04\x15\xffPAR1", "x.jsonl: the file is a parquet file, which is not read here .*. Fix: python"),
        (b"PK\x03\x04\x00\x00\xff", "a zip file or a workbook"),
        (b"\x28\xb5\x2f\xfd\x00\xff\n", "x.jsonl is damaged"),
        (bz2.compress(f"{ROW}\n".encode())[:-6], "x.jsonl is damaged"),
        (lzma.compress(f"{ROW}\n".encode())[:-6], "x.jsonl is damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer.* git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>\n", "the file is a web page"),
        ((ROW + "\n").encode("utf-16"), "the file is UTF-16. Fix: save it as UTF-8: iconv -f UTF-16"),
        ((ROW + "\n").encode("utf-16-le"), "binary, or UTF-16 without a byte order mark"),
        ((3 * f"{ROW}\n").encode("cp1254"), "x.jsonl:1: byte 24 .*0xdc.* looks like windows-1254.* iconv -f cp1254"),
        ('{"text": "Очень хороший товар, доставка быстрая"}\n'.encode("koi8-r"), "looks like koi8-r"),
        ('{"text": "とても静かな冷蔵庫です。"}\n'.encode("cp932"), "looks like cp932"),
        (f"[{ROW}, {ROW}]\n".encode(), "the file is a JSON array. Fix: write one object per line"),
        (f"[\n {ROW},\n {ROW}\n]\n".encode(), "the file is a JSON array"),
        (b'{\n "_id": "d1",\n "text": "x"\n}\n', "one JSON document over several lines"),
        (b'{"data": [\n{"title": "x"},\n{"title": "y"}\n]}\n', "one JSON document over several lines"),
        (b"id,text\n1,x\n2,y\n", r"a CSV, not JSON lines. Fix: `xlembed import table` .*read_csv\('x.jsonl', sep=','"),
        (b"id\ttext\n1\tx, y\n", r"a TSV, not JSON lines.* sep='\\t'"),
        (b"id;text\n1;x, y\n", "a table with semicolons"),
        (gzip.compress(f"{ROW}\n".encode())[:-6], "x.jsonl is damaged"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_one_error(tmp_path: Path, content: bytes, said: str) -> None:
    errors = told(tmp_path / "x.jsonl", content)
    assert len(errors) == 1 and re.search(said, errors[0]), errors


def test_damaged_lines_of_a_utf_8_file_are_told_one_by_one(tmp_path: Path) -> None:
    lines = [ROW.encode()] * 4
    lines[1] = lines[1].replace("ü".encode(), b"\xfc", 1)
    lines[3] = lines[3].replace(b"d1", b"d\xff", 1)
    assert told(tmp_path / "x.jsonl", b"\n".join(lines) + b"\n") == [
        "x.jsonl:2: byte 27 of the line (0xfc) is not valid UTF-8. Fix: write the character again, as UTF-8",
        "x.jsonl:4: byte 11 of the line (0xff) is not valid UTF-8. Fix: write the character again, as UTF-8",
    ]


def test_mistakes_in_json_lines_stay_mistakes_of_their_lines(tmp_path: Path) -> None:
    assert told(tmp_path / "x.jsonl", b'[1]\n{"a": 1}\n{"a": \nnot json\n') == [
        "x.jsonl:1: expected an object {...}, found list. Fix: write one object per line",
        'x.jsonl:3: invalid JSON at column 7: Expecting value. Fix: one JSON object per line, quotes escaped as \\"',
        'x.jsonl:4: invalid JSON at column 1: Expecting value. Fix: one JSON object per line, quotes escaped as \\"',
    ]


def test_gzip_is_unpacked_by_name_and_beside_it(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(f"{ROW}\n".encode()))
    for name, notes in (("x.jsonl.gz", 0), ("x.jsonl", 1)):
        problems = Problems()
        (row,) = read_json_lines(tmp_path / name, problems)
        assert (row.values["text"], row.place.line, len(problems.notes())) == (TURKISH, 1, notes)
    assert "x.jsonl: the file is not there. Read x.jsonl.gz" in problems.notes()[0]


def test_a_folder_is_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    problems = Problems()
    assert list(read_lines(Path(), problems)) == []
    assert str(problems.errors[0]) == ".: the file is a folder. Fix: name the file"


def test_a_missing_file_names_what_is_there(tmp_path: Path) -> None:
    for name in ("other.txt", "corpus.parquet"):
        (tmp_path / name).touch()
    problems = Problems()
    list(read_lines(tmp_path / "corpus.jsonl", problems))
    list(read_lines(tmp_path / "queries.jsonl", problems))
    list(read_lines(tmp_path / "qrels" / "test.tsv", problems))
    assert [p.message.partition("; ")[2] for p in problems.errors] == [
        f"{tmp_path.name} has corpus.parquet",
        f"{tmp_path.name} has corpus.parquet, other.txt",
        f"{tmp_path.name} has corpus.parquet, other.txt",
    ]


def test_a_json_document_that_cannot_be_read_is_no_invalid_json_as_well(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(f'{{"data": [\n"{TURKISH}"]}}'.encode("cp1254"))
    problems = Problems()
    assert read_json(tmp_path / "x.json", problems) is None
    assert [p.kind for p in problems.errors] == ["invalid UTF-8"]
