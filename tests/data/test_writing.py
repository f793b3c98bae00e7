from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from data.folder import write_folder
from xlembed.data.loading import load_task
from xlembed.data.summary import summarise
from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.data.writing import write_task
from xlembed.words import UserError

TASK = Task(
    name="demo",
    languages=("no", "en", "zh"),
    alignment=Alignment.PARALLEL,
    documents=(
        Document("d1", 'Et "sitat"\nog en linje\u2028til\t\\', "no", title="Tittel", group="g"),
        Document("d2", "text", "en"),
        Document("d3", "黑豹队 😀", "zh"),
    ),
    queries=(
        Query("q1", "hva?", "no", "n1", cluster="c", doc_id="d1"),
        Query("q2", "what?", "en", "n1"),
        Query("q3", "什么？", "zh", "n1"),
    ),
    qrels={q: {"d1": 2, "d2": 1, "d3": 1} for q in ("q1", "q2", "q3")},
    source="here: there # and 'so'",
    licence="CC0-1.0",
    description="two\nlines",
    notes=("2 questions left out: a, b",),
)


def test_written_and_loaded_is_equal(tmp_path: Path) -> None:
    write_task(TASK, tmp_path / "demo")
    loaded = load_task("demo", tmp_path)
    assert loaded == TASK
    assert loaded.digest == TASK.digest


def test_without_card_texts(tmp_path: Path) -> None:
    bare = dataclasses.replace(TASK, source="", licence="", description="", notes=())
    write_task(bare, tmp_path / "demo")
    assert load_task("demo", tmp_path) == bare


def test_a_demonstration_stays_one(tmp_path: Path) -> None:
    marked = dataclasses.replace(TASK, demonstration=True)
    write_task(marked, tmp_path / "demo")
    loaded = load_task("demo", tmp_path)
    assert loaded.demonstration and loaded.digest == TASK.digest  # what is said changes, no score does
    summary = summarise(loaded)
    assert summary.demonstration and "  demonstration: for trying" in summary.text()


def test_equal_tasks_give_equal_bytes(tmp_path: Path) -> None:
    shuffled = dataclasses.replace(TASK, qrels={q: {"d3": 1, "d2": 1, "d1": 2} for q in ("q3", "q2", "q1")})
    write_task(TASK, tmp_path / "one")
    write_task(shuffled, tmp_path / "two")
    for file in ("task.yaml", "corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        content = (tmp_path / "one" / file).read_bytes()
        assert content == (tmp_path / "two" / file).read_bytes()
        assert b"\r" not in content and content.endswith(b"\n")
    assert (tmp_path / "one" / "qrels/test.tsv").read_text().splitlines()[:2] == [
        "query-id\tcorpus-id\tscore",
        "q1\td1\t2",
    ]


def test_an_existing_folder_is_replaced_only_by_force(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "demo")
    with pytest.raises(UserError, match=r"demo exists already: choose another name, or .* --force"):
        write_task(TASK, folder)
    assert len(load_task("demo", tmp_path).documents) == 3
    write_task(TASK, folder, force=True)
    assert load_task("demo", tmp_path) == TASK
    assert [p.name for p in tmp_path.iterdir()] == ["demo"]


def test_force_replaces_only_tasks(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"it is something else \(it has no corpus\.jsonl\)"):
        write_task(TASK, tmp_path, force=True)
    with pytest.raises(UserError, match=r"it is something else"):
        write_task(TASK, tmp_path / "thesis.txt", force=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", ["", "my task", "../up", "..", ".hidden", "a/b", "-x", "ä"])
def test_a_name_that_is_no_slug_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"is no name for a task: use letters"):
        write_task(dataclasses.replace(TASK, name=name), tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = dataclasses.replace(TASK, qrels={"q1": {"unknown": 1}})
    with pytest.raises(KeyError):
        write_task(broken, tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
