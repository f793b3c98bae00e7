from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.data.building import build_task
from xlembed.data.checks import Problems
from xlembed.data.importers.tatoeba import read
from xlembed.data.importing import import_files
from xlembed.data.read_options import DocumentUnit, ReadOptions
from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.words import UserError


def _read(*files: Path, langs: tuple[str, ...] = ()) -> Task:
    return build_task(read(files, ReadOptions("demo", langs), Problems()), keep_duplicates=True)


def _files(folder: Path, german: bytes, english: bytes) -> tuple[Path, Path]:
    one, two = folder / "t.deu-eng.deu", folder / "t.deu-eng.eng"
    one.write_bytes(german)
    two.write_bytes(english)
    return one, two


def test_lines_are_documents_and_queries(tmp_path: Path) -> None:
    task = _read(*_files(tmp_path, "Ja.\nGrün.\n".encode(), b"Yes.\nGreen.\n"))
    assert (task.languages, task.alignment) == (("de", "en"), Alignment.PARALLEL)
    assert task.documents[1] == Document("de-s0002", "Grün.", "de", group="s0002")
    assert task.queries[3] == Query("en-s0002", "Green.", "en", "s0002")
    assert task.qrels == {
        f"{lang}-s000{i}": {f"de-s000{i}": 1, f"en-s000{i}": 1} for lang in ("de", "en") for i in (1, 2)
    }


def test_three_files_by_option(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for file in files:
        file.write_text("x\n")
    assert _read(*files, langs=("de", "en", "tr")).qrels["tr-s0001"] == {
        f"{lang}-s0001": 1 for lang in ("de", "en", "tr")
    }


def test_files_of_unequal_length(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"t\.deu-eng\.deu has 2, .*t\.deu-eng\.eng has 1 lines\. Fix: line i of every"
    ):
        _read(*_files(tmp_path, b"Ja.\nNein.\n", b"Yes.\n"))


def test_an_empty_line_is_told_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"t\.deu-eng\.eng:2: text: the text is empty"):
        _read(*_files(tmp_path, b"Ja.\nNein.\n", b"Yes.\n\n"))


def test_bad_usage(tmp_path: Path) -> None:
    one, two = _files(tmp_path, b"Ja.\n", b"Yes.\n")
    with pytest.raises(UserError, match=r"expected two or more line-aligned files, found 1"):
        _read(one)
    with pytest.raises(UserError, match=r"expected files of different languages, found de, de; use --lang"):
        _read(one, two, langs=("de",))
    with pytest.raises(UserError, match=r"--documents answers is for squad files"):
        import_files("tatoeba", [one, two], "demo", options=ReadOptions(documents=DocumentUnit.ANSWERS))


@pytest.mark.parametrize(("three", "two"), [("deu", "de"), ("fra", "fr"), ("tur", "tr"), ("jpn", "ja")])
def test_tatoeba(shared_data: Path, three: str, two: str) -> None:
    task = _read(*(shared_data / "tatoeba" / f"tatoeba.{three}-eng.{suffix}" for suffix in (three, "eng")))
    assert task.languages == (two, "en")
    assert len(task.documents) == len(task.queries) == 2000
    assert {len(docs) for docs in task.qrels.values()} == {2}


def test_a_table_is_no_file_of_sentences(tmp_path: Path) -> None:
    files = _files(tmp_path, b"1\tdeu\tJa.\n2\tdeu\tNein.\nx\n", b"Yes.\nNo.\ny\n")
    message = r"t\.deu-eng\.deu: 2 of 3 lines hold a tab, so it seems to be a table.*cut -f2.*--believe"
    with pytest.raises(UserError, match=message):
        _read(*files)
    problems = Problems()
    read(files, ReadOptions("demo", believe=True), problems)
    assert f"{files[0]}: 2 of 3 lines hold a tab. Kept as text" in problems.notes()
    piped = _files(tmp_path, b"Ja. ||| Yes.\nNein. ||| No.\n", b"Yes.\nNo.\n")
    with pytest.raises(UserError, match=r"2 of 2 lines hold \|\|\|"):
        _read(*piped)
    (tmp_path / "a.csv").write_text("1,deu,Ja.\n2,deu,Nein.\n")
    with pytest.raises(UserError, match="2 of 2 lines hold a comma"):
        _read(tmp_path / "a.csv", piped[1], langs=("de", "en"))
    few = _files(tmp_path, b"Ja.\nNe\tin.\n", b"Yes.\nNo.\n")
    assert _read(*few).documents[1].text == "Ne\tin."
