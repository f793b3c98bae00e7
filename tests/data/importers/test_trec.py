"""Collections as MIRACL, Mr. TyDi, MS MARCO and classical TREC give them."""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from xlembed.data.building import build_task
from xlembed.data.checks import Problems
from xlembed.data.importing import find_reader
from xlembed.data.read_options import ReadOptions
from xlembed.data.task import Task
from xlembed.words import UserError

TURKISH = ("Katı hal sürücüsü sessiz çalışır.", "Su ısıtıcısı bir litre alır.")


def _write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def _rows(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _read(form: str, *paths: Path, **options: Any) -> tuple[Task, str]:
    problems = Problems()
    rows = find_reader(form)(paths, ReadOptions("demo", **options), problems)
    return build_task(rows, keep_duplicates=True), "\n".join(problems.notes())


def _miracl(folder: Path, lang: str, split: str = "dev", one: str = "one") -> Path:
    documents = _rows(
        {"docid": "7#0", "title": "T", "text": f"{lang} {one}"}, {"docid": "8#1", "title": "", "text": "two"}
    )
    return _write(
        folder,
        {
            f"miracl-v1.0-{lang}/topics/topics.miracl-v1.0-{lang}-{split}.tsv": f"3\t{lang} which one?\n4\tunjudged?\n",
            f"miracl-v1.0-{lang}/qrels/qrels.miracl-v1.0-{lang}-{split}.tsv": "3\tQ0\t7#0\t1\n3\tQ0\t8#1\t0\n",
            f"miracl-corpus-v1.0-{lang}/docs-0.jsonl.gz": gzip.compress(documents.encode()),
        },
    )  # fmt: skip


def test_miracl_of_one_language_tells_it_by_its_names(tmp_path: Path) -> None:
    task, _ = _read("miracl", _miracl(tmp_path, "yo"))
    assert task.languages == ("yo",) and [d.title for d in task.documents] == ["T", ""]
    assert task.qrels == {"3": {"7#0": 1, "8#1": 0}}
    assert task.notes == ("1 query without judgements left out: 4",)
    assert (
        _read("trec", *(tmp_path / name for name in ("miracl-v1.0-yo", "miracl-corpus-v1.0-yo")))[0].digest
        == task.digest
    )


def test_ids_of_several_languages_are_kept_apart(tmp_path: Path) -> None:
    _miracl(_miracl(tmp_path, "yo"), "sw")
    task, told = _read("miracl", tmp_path)
    assert task.qrels == {"sw-3": {"sw-7#0": 1, "sw-8#1": 0}, "yo-3": {"yo-7#0": 1, "yo-8#1": 0}}
    assert task.languages == ("sw", "yo") and "Kept apart, with the language before them" in told
    with pytest.raises(UserError, match="--equal-ids translations"):
        _read("trec", tmp_path)


def test_one_of_several_splits_is_chosen(tmp_path: Path) -> None:
    _miracl(_miracl(tmp_path, "yo", one="one"), "yo", "train")
    with pytest.raises(
        UserError, match=r"yo has topics and judgements of these splits: dev, train\. Choose one"
    ):
        _read("miracl", tmp_path)
    assert len(_read("miracl", tmp_path, split="train")[0].queries) == 1
    with pytest.raises(UserError, match="these splits: dev, train"):
        _read("miracl", tmp_path, split="test")


def test_mr_tydi_calls_its_languages_by_name(tmp_path: Path) -> None:
    contents = [{"id": "25#1", "contents": "Disk\n\nKatı hal."}, {"id": "26#0", "contents": "Su ısıtıcısı."}]
    _write(
        tmp_path,
        {
            "mrtydi-v1.1-finnish/topic.test.tsv": "1\tMikä levy?\n",
            "mrtydi-v1.1-finnish/qrels.test.txt": "1 Q0 25#1 1\n",
            "mrtydi-v1.1-finnish/topic.train.tsv": "9\tMikä?\n",
            "mrtydi-v1.1-finnish/qrels.train.txt": "9 Q0 26#0 1\n",
            "mrtydi-v1.1-finnish/collection/docs.jsonl.bz2": bz2.compress(_rows(*contents).encode()),
        },
    )
    task, _ = _read("mrtydi", tmp_path, split="test")
    assert task.languages == ("fi",) and task.qrels == {"1": {"25#1": 1}}
    assert [(d.title, d.text) for d in task.documents] == [("Disk", "Katı hal."), ("", "Su ısıtıcısı.")]


def test_tables_of_ms_marco(tmp_path: Path) -> None:
    files = {
        "collection.tsv": f"pid\tpassage\n0\t{TURKISH[0]}\n1\t{TURKISH[1]}\n",
        "queries.dev.small.tsv": "q1\tHangi disk?\n",
        "qrels.dev.small.tsv": "q1\t0\t1\t1\n",
    }
    task, told = _read("trec", _write(tmp_path, files), langs=("tr",))
    assert task.qrels == {"q1": {"1": 1}} and [d.text for d in task.documents] == [*TURKISH]
    assert "the first line is a header: pid, passage. Skipped" in told


def test_topics_of_classical_trec(tmp_path: Path) -> None:
    topics = "<top>\n<num> Number: 301\n<title> Hangi disk?\n\n<desc> Description:\nx\n</top>\n\n<top>\n"
    topics += "<num>302</num>\n<title>Hangi\nısıtıcı?</title></top>\n"
    files = {
        "topics.301-302.txt": topics,
        "qrels.txt": "301 0 a 1\n302 0 b 2\n",
        "docs.jsonl": _rows({"docno": "a", "text": TURKISH[0]}, {"docno": "b", "text": TURKISH[1]}),
    }
    task, told = _read("trec", _write(tmp_path, files), langs=("tr",))
    assert [(q.query_id, q.text) for q in task.queries] == [
        ("301", "Hangi disk?"),
        ("302", "Hangi\nısıtıcı?"),
    ]
    assert task.qrels == {"301": {"a": 1}, "302": {"b": 2}} and "TREC" in told


def test_rows_of_queries_with_their_passages(tmp_path: Path) -> None:
    def passage(number: int) -> dict[str, str]:
        return {"docid": f"{number}#0", "title": "T", "text": f"text {number}"}

    rows = [
        {
            "query_id": "1",
            "query": "which?",
            "positive_passages": [passage(1)],
            "negative_passages": [passage(2)],
        },
        {"query_id": "2", "query": "who?", "positive_passages": [passage(2)], "negative_passages": []},
    ]
    folder = _write(tmp_path, {"miracl.fi.jsonl": _rows(*rows)})
    task, told = _read("miracl", folder / "miracl.fi.jsonl")
    assert task.qrels == {"1": {"1#0": 1, "2#0": 0}, "2": {"2#0": 1}} and task.languages == ("fi",)
    assert len(task.documents) == 2 and "repeated" not in told


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"topics.tr.tsv": "1\tx\n", "qrels.tsv": "1 0 a 1\n"}, "no documents among"),
        ({"notes.txt": "x"}, "is nothing that its name tells"),
        (
            {"topics.tr.tsv": "1 x\n", "qrels.tsv": "1 0 a 1\n", "docs.jsonl": '{"docid": "a", "text": "x"}\n'},
            r"topics.tr.tsv:1: expected id <TAB> text, found no tab",
        ),
        (
            {"topics.tr.tsv": "1\tx\n", "qrels.tsv": "1 0 a 1\n", "docs.txt": "a\n"},
            r"docs.txt:1: expected id <TAB> text, or id <TAB> title <TAB> text, found 1 columns",
        ),
        (
            {"topics.tsv": "1\tx\n", "qrels.tsv": "1 0 a 1\n", "docs.jsonl": '{"docid": "a", "text": "x"}\n'},
            "which language is it",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(tmp_path: Path, files: dict[str, str | bytes], said: str) -> None:
    with pytest.raises(UserError, match=said):
        _read("trec", _write(tmp_path, files))
