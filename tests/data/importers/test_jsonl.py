from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xlembed.data.building import build_task
from xlembed.data.checks import Problems
from xlembed.data.importers.jsonl import read
from xlembed.data.read_options import EqualIds, ReadOptions
from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.words import UserError


def _read(folder: Path, *rows: dict[str, Any], name: str = "rows.jsonl", langs: tuple[str, ...] = ()) -> Task:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return build_task(read([file], ReadOptions("demo", langs), Problems()), keep_duplicates=True)


def test_questions_with_their_answers(tmp_path: Path) -> None:
    task = _read(
        tmp_path,
        {"query": "Rückgabe?", "text": "Binnen 30 Tagen.", "lang": "de"},
        {"query": "Umtausch?", "text": "Binnen 30 Tagen.", "lang": "de"},
        {"query": "Shipping?", "text": "Two days.", "lang": "en"},
    )
    assert task.languages == ("de", "en")
    assert task.documents == (
        Document("de-d0001", "Binnen 30 Tagen.", "de"),
        Document("en-d0003", "Two days.", "en"),
    )
    assert task.queries[1] == Query("de-q0002", "Umtausch?", "de", "de-q0002", doc_id="de-d0001")
    assert task.qrels == {
        "de-q0001": {"de-d0001": 1},
        "de-q0002": {"de-d0001": 1},
        "en-q0003": {"en-d0003": 1},
    }


def test_a_question_is_right_for_the_whole_group(tmp_path: Path) -> None:
    rows = (
        {"_id": "r1", "text": "Gut.", "lang": "de", "group": "p1"},
        {"_id": "r2", "text": "Good.", "lang": "en", "group": "p1"},
        {"_id": "r3", "text": "Bad.", "lang": "en", "group": "p2"},
        {"_id": "q1", "query": "Which?", "lang": "en", "group": "p1", "doc_id": "r2"},
        {"_id": "q1-de", "query": "Welches?", "lang": "de", "need_id": "q1"},
    )
    task = _read(tmp_path, *rows)
    assert task.qrels == {"q1": {"r1": 1, "r2": 1}, "q1-de": {"r1": 1, "r2": 1}}
    assert task.queries[0].doc_id == "r2"


def test_query_language_and_ids_of_a_pair(tmp_path: Path) -> None:
    row = {
        "_id": "d",
        "query_id": "q",
        "query": "Ne?",
        "query_lang": "tr",
        "text": "That.",
        "lang": "en",
        "cluster": "c",
    }
    task = _read(tmp_path, row)
    assert task.documents[0].lang == "en" and task.queries == (Query("q", "Ne?", "tr", "q", "c", "d"),)
    assert task.qrels == {"q": {"d": 1}}


def test_the_language_of_rows_that_do_not_say_theirs(tmp_path: Path) -> None:
    row = {"query": "a?", "text": "b"}
    assert _read(tmp_path, row, name="faq.tr.jsonl").languages == ("tr",)
    assert _read(tmp_path, row, name="faq.tr.jsonl", langs=("az",)).languages == ("az",)
    with pytest.raises(UserError, match=r"rows\.jsonl: which language is it\?.*--lang"):
        _read(tmp_path, row)
    beside = {"query": "Ist es leise?", "text": "Sehr leise.", "lang": "de"}
    with pytest.raises(
        UserError, match=r"1 error .*\n.*faq\.en\.jsonl:2: lang: the row has no language.*--lang"
    ):
        _read(tmp_path, beside, row, name="faq.en.jsonl")
    assert _read(tmp_path, beside, row, langs=("en",)).languages == ("de", "en")


def test_a_question_for_nothing_is_left_out_and_told(tmp_path: Path) -> None:
    task = _read(tmp_path, {"query": "a?", "text": "b", "lang": "en"}, {"query": "c?", "lang": "en"})
    assert task.notes == ("1 query without judgements left out: en-q0002",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"answer": "x", "lang": "en"},
            r"rows\.jsonl:2: text: the row has neither a text \(document\) nor a query",
        ),
        (
            {"_id": "d1", "text": "other", "lang": "en"},
            r"rows\.jsonl:2: _id: the id 'd1' is used in .*:1 already",
        ),
        ({"query": "x", "doc_id": "d7", "lang": "en"}, r"rows\.jsonl:2: doc_id: there is no document 'd7'"),
        ({"query": 3, "lang": "en"}, r"rows\.jsonl:2: query: expected a text, found a number"),
        ({"query": "x", "text": "y", "lang": "english"}, r"rows\.jsonl:2: lang: 'english' is .*write 'en'"),
    ],
)
def test_errors(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _read(tmp_path, {"_id": "d1", "text": "a", "query": "b?", "lang": "en"}, row)


def _files(folder: Path, **rows: list[dict[str, Any]]) -> list[Path]:
    files = [folder / f"faq.{lang}.jsonl" for lang in rows]
    for file, content in zip(files, rows.values(), strict=True):
        file.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return files


def test_ids_that_two_languages_share_are_one_error(tmp_path: Path) -> None:
    rows = [{"_id": f"d{i}", "query": f"q{i}?", "text": f"t{i}"} for i in range(5)]
    files = _files(tmp_path, de=rows, tr=rows)
    with pytest.raises(UserError, match=r"1 error .*\n.*faq\.tr\.jsonl: _id: 5 of its 5 ids .* translations"):
        read(files, ReadOptions("demo"), Problems())

    files = _files(
        tmp_path, de=[{"query_id": "q", "query": "a?", "text": "b"}], tr=[{"_id": "q", "query": "c?"}]
    )
    with pytest.raises(UserError, match=r"faq\.tr\.jsonl: _id: 1 of its 1 ids"):
        read(files, ReadOptions("demo"), Problems())


def test_groups_that_are_running_numbers_prove_no_translation(tmp_path: Path) -> None:
    def rows(lang: str) -> list[dict[str, Any]]:
        return [{"query": f"{lang} {i}?", "text": f"{lang} {i}.", "group": str(i)} for i in range(4)]

    files = _files(tmp_path, de=rows("de"), tr=rows("tr"))
    with pytest.raises(
        UserError, match=r"faq\.tr\.jsonl: group: 4 of 4 stand in another file too.*running numbers"
    ):
        build_task(read(files, ReadOptions("demo"), Problems()))
    problems = Problems()
    task = build_task(read(files, ReadOptions("demo", believe=True), problems))
    assert (
        len(task.qrels["de-q0001"]) == 2 and "group: 4 of 4 stand in another file too" in problems.notes()[2]
    )
    # documents here and questions there: the numbers link them
    split = [{"text": row["text"], "group": row["group"]} for row in rows("de")]
    asked = [{"query": row["query"], "group": row["group"]} for row in rows("tr")]
    assert build_task(read(_files(tmp_path, de=split, tr=asked), ReadOptions("demo"), Problems())).queries


def test_a_label_decides_which_answers_are_right(tmp_path: Path) -> None:
    rows = [
        {"query": "Quiet?", "text": "Very quiet.", "label": 1},
        {"query": "Cheap?", "text": "Two days.", "label": 0},
        {"_id": "d9", "text": "A document only.", "label": "sports"},
    ]
    (file,) = _files(tmp_path, en=rows)
    with pytest.raises(UserError, match=r"'label' may say .* 1 \(1\), 0 \(1\)\. .*--where label=VALUE"):
        read([file], ReadOptions("demo"), Problems())
    task = build_task(read([file], ReadOptions("demo", where={"label": ["1"]}), Problems()))
    assert [q.text for q in task.queries] == ["Quiet?"] and len(task.documents) == 3
    assert task.notes == ("1 of 2 rows left out by --where label=1",)
    only_documents = _files(tmp_path, en=rows[2:])
    assert len(read(only_documents, ReadOptions("demo"), Problems()).documents) == 1


FAQ = {
    "de": [
        {"_id": "d1", "text": "Leiser Wasserkocher."},
        {"_id": "d2", "text": "Fahrradschloss."},
        {"_id": "q1", "query": "Womit koche ich leise?", "doc_id": "d1"},
    ],
    "tr": [
        {"_id": "d1", "text": "Sessiz su ısıtıcı."},
        {"_id": "d2", "text": "Bisiklet kilidi."},
        {"_id": "q1", "query": "Suyu sessizce neyle kaynatırım?", "doc_id": "d1"},
    ],
}


def test_what_equal_ids_mean_is_said(tmp_path: Path) -> None:
    files = _files(tmp_path, **FAQ)
    options = ReadOptions("demo", equal_ids=EqualIds.TRANSLATIONS)
    task = build_task(read(files, options, Problems()))
    right = {"de-d1": 1, "tr-d1": 1}
    assert task.qrels == {"de-q1": right, "tr-q1": right} and task.alignment is Alignment.PARALLEL
    assert [(q.need_id, q.doc_id) for q in task.queries] == [("q1", "de-d1"), ("q1", "tr-d1")]
    options = ReadOptions("demo", equal_ids=EqualIds.APART)
    task = build_task(read(files, options, Problems()))
    assert task.qrels == {"de-q1": {"de-d1": 1}, "tr-q1": {"tr-d1": 1}}


def test_columns_are_called_by_the_file_s_names(tmp_path: Path) -> None:
    (file,) = _files(tmp_path, en=[{"question": "Quiet?", "answer": "Very.", "head": "Kettle", "sku": 7}])
    columns = {"query": "question", "text": "head+answer", "id": "sku"}
    task = build_task(read([file], ReadOptions("demo", columns=columns), Problems()))
    assert task.documents == (Document("7", "Kettle\nVery.", "en"),) and task.queries[0].text == "Quiet?"
    with pytest.raises(UserError, match=r"--columns text=answr: no row has 'answr'\. Did you mean 'answer'"):
        read([file], ReadOptions("demo", columns={"query": "question", "text": "answr"}), Problems())
    with pytest.raises(UserError, match="rows of `jsonl` have no grades"):
        read([file], ReadOptions("demo", columns={"grade": "sku"}), Problems())


def test_a_document_that_is_not_there_may_be_dropped(tmp_path: Path) -> None:
    (file,) = _files(tmp_path, en=[*FAQ["de"], {"_id": "q2", "query": "And?", "doc_id": "d9"}])
    task = build_task(read([file], ReadOptions("demo", drop_unknown=True), Problems()))
    assert task.qrels == {"q1": {"d1": 1}} and "(--drop-unknown): d9" in task.notes[0]


def test_a_column_that_was_told_is_no_misspelt_one(tmp_path: Path) -> None:
    file = tmp_path / "faq.de.jsonl"
    file.write_text('{"frage": "Leise?", "titel": "Kocher", "antwort": "Ja."}\n', encoding="utf-8")
    problems = Problems()
    read([file], ReadOptions("demo", columns={"query": "frage", "text": "titel+antwort"}), problems)
    assert "titel" not in "\n".join(problems.notes())
