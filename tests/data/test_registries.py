"""Readers that come from outside the package: one file each, found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.data import importers as readers
from xlembed.data import row_files
from xlembed.data.importing import import_files
from xlembed.data.loading import load_task
from xlembed.data.pair_readers import import_pairs
from xlembed.data.pairs import Kind, load_pairs
from xlembed.data.read_options import ReadOptions
from xlembed.data.scored import load_scored
from xlembed.data.scored_files import import_scored

FORMAT = """
from xlembed.data.card import Card
from xlembed.data.checks import Place
from xlembed.data.reading import Rows
from xlembed.data.task import Document, Query

def read(files, options, problems):
    rows = Rows(Card(options.name), problems)
    for i, line in enumerate(files[0].read_text().splitlines()):
        question, answer = line.split("=")
        place = Place(str(files[0]), i + 1)
        rows.add_document(Document(f"d{i}", answer, "en"), place)
        rows.add_query(Query(f"q{i}", question, "en", f"q{i}"), place)
        rows.add_judgement(f"q{i}", f"d{i}", 1, place)
    return rows
"""
ROWS = """
from xlembed.data.checks import Place
from xlembed.data.checks import Row
from xlembed.data.tables import Table

def read(file, problems, numbered, encoding):
    lines = [line.split("=") for line in file.read_text().splitlines()]
    header = tuple(lines[0])
    rows = [Row(dict(zip(header, cells)), Place(str(file), i), problems) for i, cells in enumerate(lines[1:], 2)]
    return [Table(header, iter(rows))]
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for package, name, source in ((readers, "equals", FORMAT), (row_files, "eq", ROWS)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    return tmp_path


def test_a_format_of_tasks(outside: Path) -> None:
    file = outside / "faq.en.txt"
    file.write_text("How long is the warranty of a kettle?=A kettle has a warranty of two years.\n")
    import_files("equals", [file], "faq", data_dir=outside)
    task = load_task("faq", outside)
    assert task.documents[0].text == "A kettle has a warranty of two years." and task.qrels == {
        "q0": {"d0": 1}
    }


def test_a_format_of_rows_serves_pairs_and_scored_texts(outside: Path) -> None:
    file = outside / "x.en.eq"
    file.write_text("anchor=positive\nHow long?=Two years.\n")
    import_pairs([file], "p", outside / "pairs" / "p", ReadOptions(kind=Kind.PAIRS))
    assert load_pairs("p", outside).rows[0]["positive"] == "Two years."
    file.write_text("text=joy\nTwo years.=2.5\n")
    import_scored([file], "s", outside / "scored" / "s", ReadOptions())
    assert load_scored("s", outside).texts[0].scores == (2.5,)
