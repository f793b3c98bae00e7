from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlembed.data.building import build_task
from xlembed.data.checks import Problems
from xlembed.data.importers.squad import read
from xlembed.data.importing import import_files
from xlembed.data.loading import load_task
from xlembed.data.read_options import DocumentUnit, ReadOptions
from xlembed.data.task import Alignment, Task
from xlembed.words import UserError

Paragraph = tuple[str, list[dict[str, Any]]]


def _ask(qas_id: Any, text: str, *answers: str, **more: Any) -> dict[str, Any]:
    answered = [{"text": answer, "answer_start": 0} for answer in answers]
    return {"id": qas_id, "question": text, "answers": answered, **more}


def _file(path: Path, *articles: list[Paragraph]) -> Path:
    data = [
        {"title": "T", "paragraphs": [{"context": c, "qas": q} for c, q in article]} for article in articles
    ]
    path.write_text(json.dumps({"version": "1.1", "data": data}, ensure_ascii=False), encoding="utf-8")
    return path


def _read(*files: Path, langs: tuple[str, ...] = (), documents: DocumentUnit | None = None) -> Task:
    return build_task(read(files, ReadOptions("demo", langs, documents), Problems()), keep_duplicates=True)


def _english(folder: Path) -> Path:
    return _file(
        folder / "demo.en.json",
        [("Sky text.", [_ask("a", "Sky?", "blue"), _ask("b", "Cloud?", "white", "grey")]), ("Sea text.", [])],
        [("Tree text.", [_ask("c", "Leaf?", "green")])],
    )


def _german(folder: Path) -> Path:
    return _file(
        folder / "demo.de.json",
        [("Himmel.", [_ask("a", "Himmel?", "blau"), _ask("b", "Wolke?", "weiß")]), ("Meer.", [])],
        [("Baum.", [_ask("c", "Blatt?", "grün")])],
    )


def test_one_file(tmp_path: Path) -> None:
    task = _read(_english(tmp_path))
    assert (task.languages, task.alignment, task.source) == (("en",), Alignment.COMPARABLE, "demo.en.json")
    assert [(d.doc_id, d.text, d.title, d.group) for d in task.documents] == [
        ("en-p0001", "Sky text.", "", None),
        ("en-p0002", "Sea text.", "", None),
        ("en-p0003", "Tree text.", "", None),
    ]
    assert [(q.query_id, q.need_id, q.cluster) for q in task.queries] == [
        ("en-a", "a", None),
        ("en-b", "b", None),
        ("en-c", "c", None),
    ]
    assert task.qrels == {"en-a": {"en-p0001": 1}, "en-b": {"en-p0001": 1}, "en-c": {"en-p0003": 1}}
    assert task.notes == ()


def test_files_with_the_same_ids_are_a_parallel_task(tmp_path: Path) -> None:
    task = _read(_english(tmp_path), _german(tmp_path))
    assert (task.languages, task.alignment) == (("en", "de"), Alignment.PARALLEL)
    assert [(d.doc_id, d.group) for d in task.documents] == [
        ("en-p0001", "p0001"),
        ("en-p0002", "p0002"),
        ("en-p0003", "p0003"),
        ("de-p0001", "p0001"),
        ("de-p0002", "p0002"),
        ("de-p0003", "p0003"),
    ]
    assert task.qrels["de-c"] == task.qrels["en-c"] == {"en-p0003": 1, "de-p0003": 1}
    assert [q.need_id for q in task.queries] == ["a", "b", "c"] * 2
    assert task.notes == ()


def test_files_with_other_ids_are_comparable(tmp_path: Path) -> None:
    other = _file(tmp_path / "other.de.json", [("Baum.", [_ask("x", "Blatt?", "grün")])])
    task = _read(_english(tmp_path), other)
    assert task.alignment is Alignment.COMPARABLE
    assert task.qrels["de-x"] == {"de-p0004": 1} and task.documents[-1].group is None


def test_a_missing_translation_is_told_and_kept(tmp_path: Path) -> None:
    german = _file(tmp_path / "demo.de.json", [("Himmel.", [_ask("a", "Himmel?")])])
    problems = Problems()
    task = build_task(read([_english(tmp_path), german], ReadOptions("demo"), problems))
    assert problems.notes()[2:] == (
        f"{german}: question id: 1 of 1 stand in another file too. Taken for translations",
        f"{german}: 2 questions of the other files are not here: b, c. Kept in the other languages",
    )
    assert task.qrels["en-c"] == {"en-p0003": 1} and task.qrels["en-b"] == {"en-p0001": 1, "de-p0001": 1}
    assert task.notes == ("called parallel, but 1 need has no relevant document in some language: c",)


def test_paragraphs_are_aligned_by_question_ids_not_by_order(tmp_path: Path) -> None:
    german = _file(
        tmp_path / "demo.de.json",
        [("Baum.", [_ask("c", "Blatt?")]), ("Himmel.", [_ask("a", "Himmel?"), _ask("b", "Wolke?")])],
    )
    task = _read(_english(tmp_path), german)
    assert {d.doc_id: d.group for d in task.documents if d.lang == "de"} == {
        "de-p0003": "p0003",
        "de-p0001": "p0001",
    }
    assert task.qrels["en-c"] == {"en-p0003": 1, "de-p0003": 1}


def test_ids_that_do_not_agree_are_told(tmp_path: Path) -> None:
    german = _file(tmp_path / "demo.de.json", [("Himmel.", [_ask("a", "Himmel?"), _ask("c", "Blatt?")])])
    message = (
        r"demo\.de\.json: data\[0\]\.paragraphs\[0\]\.qas: questions 'a' and 'c' are about one paragraph here"
    )
    with pytest.raises(UserError, match=message):
        _read(_english(tmp_path), german)


def test_a_repeated_paragraph_is_one_document(tmp_path: Path) -> None:
    file = _file(
        tmp_path / "tr.json",
        [("Metin.", [_ask(1, "Bir?")]), ("Diğer.", [_ask(2, "İki?")]), ("Metin.", [_ask(3, "Üç?")])],
    )
    task = _read(file)
    assert [d.doc_id for d in task.documents] == ["tr-p0001", "tr-p0002"]
    assert task.qrels == {"tr-1": {"tr-p0001": 1}, "tr-2": {"tr-p0002": 1}, "tr-3": {"tr-p0001": 1}}
    assert task.notes[0].startswith("1 paragraph repeats the text of another")


def test_answers_as_documents(tmp_path: Path) -> None:
    file = _file(
        tmp_path / "demo.en.json",
        [("A.", [_ask("a", "Sky?", "blue"), _ask("b", "Cloud?", "white", "grey"), _ask("d", "None?")])],
        [("B.", [_ask("c", "Sea?", "blue", "blue")])],
    )
    task = _read(file, documents=DocumentUnit.ANSWERS)
    assert [(d.doc_id, d.text) for d in task.documents] == [
        ("en-a0001", "blue"),
        ("en-a0002", "white"),
        ("en-a0003", "grey"),
    ]
    assert task.qrels == {
        "en-a": {"en-a0001": 1},
        "en-b": {"en-a0002": 1, "en-a0003": 1},
        "en-c": {"en-a0001": 1},
    }
    left_out = "1 unanswerable question (no answers, though other questions have some) left out: en-d"
    assert task.notes[0] == left_out
    assert task.notes[1].startswith("2 answers repeat the text of another")


def test_parallel_answers(tmp_path: Path) -> None:
    task = _read(_english(tmp_path), _german(tmp_path), documents=DocumentUnit.ANSWERS)
    assert task.qrels["de-b"] == task.qrels["en-b"] == {"en-a0002": 1, "en-a0003": 1, "de-a0002": 1}


def test_unanswerable_questions_are_left_out_and_told(tmp_path: Path) -> None:
    file = _file(
        tmp_path / "demo.en.json", [("A.", [_ask("a", "Sky?", "x"), _ask("b", "Why?", is_impossible=True)])]
    )
    task = _read(file)
    assert [q.query_id for q in task.queries] == ["en-a"]
    assert task.notes == ("1 unanswerable question (is_impossible) left out: en-b",)


def test_questions_without_answers_are_left_out_where_others_have_some(tmp_path: Path) -> None:
    file = _file(
        tmp_path / "demo.en.json",
        [("A.", [_ask("a", "Sky?", "x"), _ask("b", "Why?"), _ask("c", "How?", " ")])],
    )
    task = _read(file)
    assert [q.query_id for q in task.queries] == ["en-a"]
    assert task.notes == (
        "2 unanswerable questions (no answers, though other questions have some) left out: en-b, en-c",
    )
    kept_back = _file(tmp_path / "test.en.json", [("A.", [_ask("a", "Sky?"), _ask("b", "Why?")])])
    assert [q.query_id for q in _read(kept_back).queries] == ["en-a", "en-b"]


def _no_ids(*texts: str) -> list[dict[str, Any]]:
    return [{"question": text, "answers": [{"text": "x", "answer_start": 0}]} for text in texts]


def test_ids_are_made_from_question_and_paragraph(tmp_path: Path) -> None:
    one, other = ("Kalp.", _no_ids("Ne atar?", "Nerede?")), ("Göz.", _no_ids("Ne atar?", "Ne atar?"))
    problems = Problems()
    file = _file(tmp_path / "med.tr.json", [one, other])
    task = build_task(read([file], ReadOptions("demo"), problems), keep_duplicates=True)
    ids = {q.query_id: task.qrels[q.query_id] for q in task.queries}
    assert len(ids) == 4 and [list(docs) for docs in ids.values()] == [["tr-p0001"]] * 2 + [["tr-p0002"]] * 2
    assert list(ids)[3] == f"{list(ids)[2]}-2"
    assert (
        problems.notes()[-1]
        == f"{file}: 4 questions have no id. They got one made from question and paragraph"
    )
    moved = _read(_file(tmp_path / "moved.tr.json", [other, one]))
    assert {q.query_id for q in moved.queries} == set(ids)


@pytest.mark.parametrize(("first", "second"), [(range(4), range(4)), (range(1, 5), range(1, 9))])
def test_running_numbers_make_no_translations(tmp_path: Path, first: range, second: range) -> None:
    one = _file(
        tmp_path / "a.en.json", *([(f"Text {i}.", [_ask(str(i), f"Question {i}?", "x")])] for i in first)
    )
    two = _file(tmp_path / "b.de.json", *([(f"Satz {i}.", [_ask(i, f"Frage {i}?", "x")])] for i in second))
    message = rf"b\.de\.json: question id: 4 of {len(second)} stand in another file too, and they are running numbers"
    with pytest.raises(UserError, match=rf"1 error .*\n.*{message}.*--believe"):
        _read(one, two)
    problems = Problems()
    task = build_task(read([one, two], ReadOptions("demo", believe=True), problems))
    assert task.alignment is Alignment.PARALLEL and "Taken for translations" in problems.notes()[2]


def test_a_file_of_two_languages_tells_them_by_its_name(tmp_path: Path) -> None:
    file = _file(tmp_path / "test-context-tr-question-de.json", [("Su.", [_ask("a", "Was?", "Su")])])
    with pytest.raises(
        UserError, match="paragraphs are in tr and questions in de, but --lang says de: leave out"
    ):
        _read(file, langs=("de",))
    task = _read(file)
    assert task.languages == ("tr", "de") and task.documents[0].lang == "tr" and task.queries[0].lang == "de"
    assert _read(file, langs=("tr/de",)) == task
    other = file.rename(tmp_path / "questions.json")
    assert _read(other, langs=("tr/de",)).qrels == {"de-a": {"tr-p0001": 1}}
    same = other.rename(tmp_path / "test-context-tr-question-tr.json")
    assert _read(same).languages == ("tr",)


def test_the_files_of_mlqa_are_joined_by_question_ids(tmp_path: Path) -> None:
    def file(context: str, question: str, *asked: tuple[str, str]) -> Path:
        texts = {"en": "Kettles boil water.", "de": "Kessel kochen Wasser.", "tr": "Su kaynar."}
        rows = [_ask(qas_id, text, texts[context].split()[0]) for qas_id, text in asked]
        name = f"test-context-{context}-question-{question}.json"
        return _file(tmp_path / name, [(texts[context], rows)])

    english, german = (("a", "What boils?"), ("b", "How?")), (("a", "Was kocht?"),)
    files = [
        file("en", "en", *english),
        file("en", "de", *german),
        file("de", "en", english[0]),
        file("de", "de", *german),
        file("tr", "en", english[1]),
    ]
    task = _read(*files)
    assert [(d.doc_id, d.lang) for d in task.documents] == [
        ("en-p0001", "en"),
        ("de-p0002", "de"),
        ("tr-p0003", "tr"),
    ]
    both = {"en-p0001": 1, "de-p0002": 1}
    assert task.qrels == {"en-a": both, "en-b": {"en-p0001": 1, "tr-p0003": 1}, "de-a": both}
    assert {q.query_id: q.need_id for q in task.queries} == {"en-a": "a", "en-b": "b", "de-a": "a"}
    answers = _read(*files, documents=DocumentUnit.ANSWERS)
    assert sorted(d.text for d in answers.documents) == ["Kessel", "Kettles", "Su"]


HUB_ROWS = [
    {"id": "a", "title": "T", "context": "Sky.", "question": "Sky?", "answers": {"text": ["no"], "answer_start": [0]}},
    {"id": "b", "title": "T", "context": "Sky.", "question": "Up?", "answers": {"text": [], "answer_start": []}},
    {"id": "c", "title": "T", "context": "Sea.", "question": "Sea?", "answers": {"text": ["wet"], "answer_start": [0]}},
]  # fmt: skip


@pytest.mark.parametrize("form", ["jsonl", "lines.json", "array.json", "parquet", "paragraphs.json"])
def test_rows_of_the_hub(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"squad.en.{form}"
    lines = "".join(json.dumps(row) + "\n" for row in HUB_ROWS)
    if form == "parquet":
        pd.DataFrame(HUB_ROWS).to_parquet(file)
    elif form == "paragraphs.json":
        sky, sea = [
            {"context": context, "qas": [row for row in HUB_ROWS if row["context"] == context]}
            for context in ("Sky.", "Sea.")
        ]
        file.write_text(json.dumps({"data": [sky, {"paragraphs": [sea]}]}), encoding="utf-8")
    else:
        file.write_text(json.dumps(HUB_ROWS) if form == "array.json" else lines, encoding="utf-8")
    task = _read(file, langs=("en",))
    assert task.qrels == {"en-a": {"en-p0001": 1}, "en-c": {"en-p0002": 1}}
    assert task.notes == (
        "1 unanswerable question (no answers, though other questions have some) left out: en-b",
    )


def test_a_question_id_twice(tmp_path: Path) -> None:
    file = _file(tmp_path / "demo.en.json", [("A.", [_ask("a", "Sky?"), _ask("a", "Sea?")])])
    with pytest.raises(UserError, match=r"qas\[1\]\.id: the id 'en-a' is used in .*qas\[0\] already"):
        _read(file)
    with pytest.raises(UserError, match=r"other\.json: .*\.id: the id 'en-a' is used in .*demo\.en\.json"):
        _read(_english(tmp_path), _file(tmp_path / "other.json", [("X", [_ask("a", "?")])]), langs=("en",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", r"expected an object \{\.\.\.\}"),
        ('{"rows": []}', r"demo\.en\.json:1: paragraphs: expected a list 'paragraphs'\. Fix: SQuAD is"),
        (
            '{"data": [{"paragraphs": [{"qas": []}]}]}',
            r"data\[0\]\.paragraphs\[0\]\.context: the field is missing; the row has 'qas'\. Fix: add 'context'",
        ),
        (
            '{"data": [{"paragraphs": [{"context": "x", "qas": [{"question": "?", "id": 1.5}]}]}]}',
            r"qas\[0\]\.id: expected an id",
        ),
        ('{"data": [{"paragraphs": [{"context": " ", "qas": []}]}]}', "there are no documents"),
        ('{"data": [\n{"paragraphs": }]}', r"demo\.en\.json:2: invalid JSON at column 16"),
        ('{"data": [3]}', r"data\[0\]: expected an object"),
    ],
)
def test_a_broken_file_is_told_by_its_path(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "demo.en.json"
    file.write_text(content)
    with pytest.raises(UserError, match=message):
        _read(file)


def test_languages_by_option(tmp_path: Path) -> None:
    task = _read(_english(tmp_path), _german(tmp_path), langs=("nl", "da"))
    assert task.languages == ("nl", "da")
    with pytest.raises(UserError, match=r"--lang: 2 languages for 1 files"):
        _read(_english(tmp_path), langs=("nl", "da"))
    with pytest.raises(UserError, match=r"--lang: 'tur' is not an ISO 639 language code; write 'tr'"):
        _read(_english(tmp_path), langs=("tur",))


def test_xquad(shared_data: Path) -> None:
    langs = ("en", "de", "es", "tr", "zh", "ru")
    task = _read(*(shared_data / "xquad" / f"xquad.{lang}.json" for lang in langs))
    assert (task.languages, task.alignment) == (langs, Alignment.PARALLEL)
    for lang in langs:
        assert sum(d.lang == lang for d in task.documents) == 240
        assert sum(q.lang == lang for q in task.queries) == 1190
    assert {len(docs) for docs in task.qrels.values()} == {6} and len(task.qrels) == 1190 * 6
    assert len({d.group for d in task.documents}) == 240
    group_of = {d.doc_id: d.group for d in task.documents}
    assert all(len({group_of[d] for d in docs}) == 1 for docs in task.qrels.values())
    assert task.notes == ()


def test_tquad(shared_data: Path) -> None:
    file = shared_data / "tquad" / "train-v0.1.json"
    task = _read(file, langs=("tr",))
    assert (len(task.documents), len(task.queries)) == (1976, 8308)
    assert {len(docs) for docs in task.qrels.values()} == {1}
    assert task.notes[0].startswith("256 paragraphs repeat")
    answers = _read(file, langs=("tr",), documents=DocumentUnit.ANSWERS)
    assert len({d.text for d in answers.documents}) == len(answers.documents) < 8308 == len(answers.queries)


def test_xquad_is_written_and_loaded_equal(shared_data: Path, tmp_path: Path) -> None:
    files = [shared_data / "xquad" / f"xquad.{lang}.json" for lang in ("en", "tr", "zh")]
    written = import_files("squad", files, "xquad", data_dir=tmp_path)
    loaded = load_task("xquad", tmp_path)
    assert dataclasses.replace(loaded, notes=()) == written.task
    # Four Turkish paragraphs hold dashes and quotation marks like "â€“", as published.
    told = [note for note in loaded.notes if "white space around the text" not in note]
    assert len(told) == 1 and "corpus.jsonl: text: text that was decoded twice: 4 times" in told[0]


def test_rows_in_another_language_than_their_file_are_errors(tmp_path: Path) -> None:
    rows = [{"id": lang, "context": "x", "question": "y", "lang": lang} for lang in ("en", "de-DE")]
    file = tmp_path / "rows.en.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(UserError, match=r"rows.en.jsonl:2: lang: the row is in de, the file is read as en"):
        _read(file)
