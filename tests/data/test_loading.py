from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.folder import CARD, DOCUMENTS, QRELS, QUERIES, jsonl, tsv, write_folder
from xlembed.data.loading import load_task
from xlembed.data.task import Alignment, Merge
from xlembed.words import UserError


def _with(rows: list[dict[str, Any]], row: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**r, **changes} if i == row else r for i, r in enumerate(rows)]


def test_a_task_is_read_and_judgements_of_a_need_united(tmp_path: Path) -> None:
    task = load_task(str(write_folder(tmp_path / "demo")))
    assert (task.name, task.languages, task.alignment) == ("demo", ("de", "en"), Alignment.COMPARABLE)
    assert [d.doc_id for d in task.documents] == ["d1", "d2", "d3"]
    assert [d.group for d in task.documents] == ["boat", "boat", None]
    assert task.qrels == {"q1-de": {"d1": 1, "d2": 2}, "q1-en": {"d1": 1, "d2": 2}}
    assert task.needs == {"q1": {"d1": 1, "d2": 2}}
    assert task.notes == () and task.merged == ()


def test_by_name_and_by_folder_are_the_same(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data" / "demo")
    assert load_task("demo", tmp_path / "data") == load_task(str(folder))


def test_the_need_of_a_query_is_its_own_id_unless_told(tmp_path: Path) -> None:
    queries = [{k: v for k, v in q.items() if k != "need_id"} for q in QUERIES]
    task = load_task(str(write_folder(tmp_path / "demo", queries=queries)))
    assert task.qrels == {"q1-de": {"d1": 1}, "q1-en": {"d2": 2}}


def test_conflicting_grades_of_a_need_name_both_queries(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "demo", qrels=[("q1-de", "d1", "1"), ("q1-en", "d1", "2")])
    message = (
        r"test\.tsv:3: score: q1-en -> d1 has grade 2, but q1-de of the same need .* grade 1 in .*test\.tsv:2"
    )
    with pytest.raises(UserError, match=message):
        load_task(str(folder))


def test_conflicting_grades_of_one_query(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "demo", qrels=[("q1-de", "d1", "1"), ("q1-de", "d1", "0")])
    with pytest.raises(UserError, match=r"test\.tsv:3: score: q1-de -> d1 has grade 0 here and 1 in .*:2"):
        load_task(str(folder))


DUPLICATES = [
    *DOCUMENTS,
    {"_id": "d4", "title": "", "text": "The boat is blue.", "lang": "en", "group": "ship"},
]


def test_identical_documents_are_one_with_all_judgements(tmp_path: Path) -> None:
    other = {"_id": "q2-en", "text": "Which ship?", "lang": "en"}
    folder = write_folder(
        tmp_path / "demo",
        documents=DUPLICATES,
        queries=[*QUERIES, other],
        qrels=[*QRELS, ("q2-en", "d4", "1")],
    )
    task = load_task(str(folder))
    assert [d.doc_id for d in task.documents] == ["d1", "d2", "d3"]
    assert task.merged == (Merge("d4", "d2"),)
    assert task.qrels["q2-en"] == {"d2": 1}
    assert "1 document is identical to an earlier one" in task.notes[0] and "d4 = d2" in task.notes[0]
    kept = load_task(str(folder), keep_duplicates=True)
    assert len(kept.documents) == 4 and kept.merged == () and kept.qrels["q2-en"] == {"d4": 1}


@pytest.mark.parametrize("change", [{"lang": "de"}, {"title": "Boats"}, {"text": "The boat is blue"}])
def test_documents_that_differ_anywhere_are_two(tmp_path: Path, change: dict[str, str]) -> None:
    task = load_task(str(write_folder(tmp_path / "demo", documents=_with(DUPLICATES, 3, **change))))
    assert len(task.documents) == 4 and task.merged == ()


def test_own_keeps_the_rows_of_the_query_itself(tmp_path: Path) -> None:
    task = load_task(str(write_folder(tmp_path / "demo")), relevance="own")
    assert task.qrels == {"q1-de": {"d1": 1}, "q1-en": {"d2": 2}}
    assert task.needs == {"q1": {"d1": 1, "d2": 2}}
    assert {q.need_id for q in task.queries} == {"q1"}


def test_own_follows_doc_id_which_translations_inherit(tmp_path: Path) -> None:
    qrels = [("q1-de", "d1", "1"), ("q1-de", "d2", "1"), ("q1-en", "d1", "1"), ("q1-en", "d2", "1")]
    folder = write_folder(tmp_path / "demo", queries=_with(QUERIES, 0, doc_id="d1"), qrels=qrels)
    assert load_task(str(folder)).qrels["q1-en"] == {"d1": 1, "d2": 1}
    assert load_task(str(folder), relevance="own").qrels == {"q1-de": {"d1": 1}, "q1-en": {"d1": 1}}


def test_own_gives_a_translation_without_rows_those_of_its_need(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "demo", qrels=[("q1-de", "d1", "1")])
    assert load_task(str(folder), relevance="own").qrels == {"q1-de": {"d1": 1}, "q1-en": {"d1": 1}}


def test_own_follows_a_merged_document(tmp_path: Path) -> None:
    queries = _with(QUERIES, 1, doc_id="d4")
    folder = write_folder(
        tmp_path / "demo",
        documents=DUPLICATES,
        queries=queries,
        qrels=[("q1-en", "d4", "1"), ("q1-en", "d1", "1")],
    )
    task = load_task(str(folder), relevance="own")
    assert task.qrels["q1-en"] == {"d2": 1} and task.queries[1].doc_id == "d2"


def test_own_needs_a_judged_doc_id(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "demo", queries=_with(QUERIES, 1, doc_id="d3"))
    load_task(str(folder))
    with pytest.raises(
        UserError, match=r"queries\.jsonl:2: doc_id: 'd3', the document of q1-en, is not judged"
    ):
        load_task(str(folder), relevance="own")


def test_a_sample_keeps_judged_documents(tmp_path: Path) -> None:
    more = [{"_id": f"x{i}", "title": "", "text": f"filler {i}", "lang": "en"} for i in range(20)]
    folder = write_folder(tmp_path / "demo", documents=[*DOCUMENTS, *more])
    task = load_task(str(folder), max_documents_per_language=5)
    assert [d.doc_id for d in task.documents][:2] == ["d1", "d2"]
    assert len(task.documents) == 1 + 5
    assert "en: 5 of 22 documents sampled (seed 0), all 1 judged ones among them" in task.notes
    assert task == load_task(str(folder), max_documents_per_language=5)
    assert task.documents != load_task(str(folder), max_documents_per_language=5, seed=1).documents


def test_queries_without_judgements_are_left_out_and_told(tmp_path: Path) -> None:
    more = [
        {"_id": "q2", "text": "Unjudged?", "lang": "en"},
        {"_id": "q3", "text": "All wrong?", "lang": "en"},
    ]
    folder = write_folder(tmp_path / "demo", queries=[*QUERIES, *more], qrels=[*QRELS, ("q3", "d3", "0")])
    task = load_task(str(folder))
    assert [q.query_id for q in task.queries] == ["q1-de", "q1-en"] and set(task.qrels) == {"q1-de", "q1-en"}
    assert "1 query without judgements left out: q2" in task.notes
    assert "1 query without a relevant document (all grades below 1) left out: q3" in task.notes


def test_no_relevant_document_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"demo: no query has a relevant document .*\n  2 queries without judg"
    ):
        load_task(str(write_folder(tmp_path / "demo", qrels=[])))


def test_empty_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"demo: there are no documents"):
        load_task(str(write_folder(tmp_path / "demo", documents=[], qrels=[])))


def test_a_plain_beir_folder_loads_when_its_language_is_given(tmp_path: Path) -> None:
    documents = [{"_id": "1", "title": "T", "text": "Eins.", "metadata": {}}]
    folder = write_folder(
        tmp_path / "plain", None, documents, [{"_id": "a", "text": "Was?"}], [("a", "1", "1")]
    )
    task = load_task(str(folder), lang="de")
    assert (task.name, task.languages) == ("plain", ("de",))
    assert task.documents[0].title == "T" and task.queries[0].need_id == "a" and task.notes == ()
    message = r"corpus\.jsonl:1: lang: 1 row has no language \(the first is line 1\)\. Fix: .*--lang"
    with pytest.raises(UserError, match=message):
        load_task(str(folder))
    with pytest.raises(
        UserError, match=r"--lang: 'deu' is not an ISO 639 language code; write 'de' \(German\)"
    ):
        load_task(str(folder), lang="deu")


def test_languages_come_from_the_rows_without_a_card(tmp_path: Path) -> None:
    assert load_task(str(write_folder(tmp_path / "demo", card=None))).languages == ("de", "en")


def test_a_language_without_rows_is_told(tmp_path: Path) -> None:
    task = load_task(str(write_folder(tmp_path / "demo", card=CARD.replace("en]", "en, tr]"))))
    assert task.notes == ("tr: no documents and no judged queries",)


def test_a_parallel_task_with_gaps_is_told(tmp_path: Path) -> None:
    card = CARD.replace("comparable", "parallel")
    assert load_task(str(write_folder(tmp_path / "demo", card=card))).notes == ()
    partial = load_task(str(write_folder(tmp_path / "other", card=card, qrels=[("q1-de", "d1", "1")])))
    assert partial.notes == ("called parallel, but 1 need has no relevant document in some language: q1",)


def test_equal_questions_with_the_same_answers_are_not_told(tmp_path: Path) -> None:
    twin = {"_id": "q2", "text": "What colour is the boat?", "lang": "en"}
    graded = [("q2", "d1", "1"), ("q2", "d2", "1"), ("q2", "d3", "0")]
    folder = write_folder(tmp_path / "demo", queries=[*QUERIES, twin], qrels=[*QRELS, *graded])
    assert load_task(str(folder)).notes == ()


def test_equal_questions_with_different_answers_are_told(tmp_path: Path) -> None:
    twin = {"_id": "q2", "text": "What colour is the boat?", "lang": "en"}
    folder = write_folder(tmp_path / "demo", queries=[*QUERIES, twin], qrels=[*QRELS, ("q2", "d3", "1")])
    assert load_task(str(folder)).notes == (
        "1 query text is asked more than once with different relevant documents: no model can tell which",
    )


def test_the_name_in_the_card_is_the_folder_s(tmp_path: Path) -> None:
    write_folder(tmp_path / "copy")
    with pytest.raises(
        UserError, match=r"task\.yaml: name: the task in .*copy calls itself 'demo'.*write name: copy"
    ):
        load_task("copy", tmp_path)


def test_a_folder_that_no_task_may_be_called_like_is_to_be_renamed(tmp_path: Path) -> None:
    (write_folder(tmp_path / "Täsk 日本") / "task.yaml").unlink()
    with pytest.raises(UserError, match="rename the folder to T_sk"):
        load_task("Täsk 日本", tmp_path)


def test_files_that_are_not_there_are_told_together(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "demo")
    (folder / "queries.jsonl").unlink()
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    with pytest.raises(UserError) as caught:
        load_task(str(folder))
    assert "2 errors (2 x missing file)" in str(caught.value)
    assert "there are dev.tsv. Fix: import the folder with another split, for example --split dev" in str(
        caught.value
    )


BROKEN = {
    "duplicate id": (
        {"documents": _with(DOCUMENTS, 1, _id="d1")},
        r"corpus\.jsonl:2: _id: .*'d1' is used in .*:1",
    ),
    "white space in id": (
        {"documents": _with(DOCUMENTS, 2, _id="d 3")},
        r"corpus\.jsonl:3: _id: .*'d 3' holds white",
    ),
    "empty id": ({"documents": _with(DOCUMENTS, 2, _id="")}, r"corpus\.jsonl:3: _id: the id is empty"),
    "empty text": (
        {"documents": _with(DOCUMENTS, 0, text=" \n")},
        r"corpus\.jsonl:1: text: the text is empty, and 'd1' is judged relevant",
    ),
    "empty query": ({"queries": _with(QUERIES, 1, text="")}, r"queries\.jsonl:2: text: the text is empty"),
    "unknown language": (
        {"documents": _with(DOCUMENTS, 1, lang="eng")},
        r"corpus\.jsonl:2: lang: 'eng' is not an ISO 639 language code\. Fix: write 'en' \(English\)",
    ),
    "locale": ({"queries": _with(QUERIES, 1, lang="zh_CN")}, r"queries\.jsonl:2: lang: 'zh_CN' .*write 'zh'"),
    "undeclared language": (
        {"queries": _with(QUERIES, 0, lang="tr")},
        r"queries\.jsonl:1: lang: 'tr' is not among the task's languages \(de, en\)",
    ),
    "missing text": (
        {"documents": [{"_id": "d1", "txt": "x", "lang": "de"}, *DOCUMENTS[1:]]},
        r"corpus\.jsonl:1: text: the field is missing; .*'lang'\. Fix: add 'text'\. Did you mean 'txt'",
    ),
    "mistyped id": (
        {"documents": _with(DOCUMENTS, 2, _id=3.5)},
        r"1 error [^\n]*\n[^\n]*corpus\.jsonl:3: _id: expected a text, found a number\. Fix: write it as \"3.5\"",
    ),
    "mistyped title": (
        {"documents": _with(DOCUMENTS, 2, title=["x"])},
        r":3: title: expected a text, found a list",
    ),
    "null text": ({"documents": _with(DOCUMENTS, 2, text=None)}, r":3: text: expected a text, found null"),
    "escaped NUL": ({"documents": _with(DOCUMENTS, 2, text="a\0b")}, r"corpus\.jsonl:3: text: .*NUL"),
    "half a character": (
        {"documents": jsonl(DOCUMENTS[:2]) + b'{"_id": "d3", "text": "a\\ud83d", "lang": "en"}\n'},
        r"corpus\.jsonl:3: text: character 2 is half of a surrogate pair",
    ),
    "invalid JSON": (
        {"documents": jsonl(DOCUMENTS[:2]) + b'{"_id": "d3",\n'},
        r"corpus\.jsonl:3: invalid JSON at col",
    ),
    "not an object": (
        {"queries": jsonl(QUERIES) + b"[1]\n"},
        r"queries\.jsonl:3: expected an object .*found list",
    ),
    "invalid UTF-8": (
        {"documents": jsonl(DOCUMENTS[:1]) + b'{"_id": "\xff"}\n' + jsonl(DOCUMENTS[1:])},
        r"corpus\.jsonl:2: byte 10 of the line \(0xff\) is not valid UTF-8",
    ),
    "NUL byte": (
        {"queries": jsonl(QUERIES) + b'{"_id"\0}\n'},
        r"queries\.jsonl:3: byte 7 of the line is NUL",
    ),
    "UTF-16": (
        {"queries": "{}".encode("utf-16")},
        r"1 error [^\n]*\n[^\n]*queries\.jsonl: the file is UTF-16\. Fix: save it as UTF-8",
    ),
    "unknown document": (
        {"qrels": [*QRELS, ("q1-de", "d9", "1")]},
        r"test\.tsv:4: corpus-id: there is no document 'd9'",
    ),
    "unknown query": (
        {"qrels": [("q1-fr", "d1", "1")]},
        r"test\.tsv:2: query-id: there is no query 'q1-fr'.*Did you",
    ),
    "unknown own document": (
        {"queries": _with(QUERIES, 0, doc_id="d0")},
        r"queries\.jsonl:1: doc_id: .*'d0'",
    ),
    "grade": ({"qrels": [("q1-de", "d1", "1.5")]}, r"test\.tsv:2: score: '1\.5' is not a whole number"),
    "word as grade": (
        {"qrels": [("q1-de", "d1", "yes")]},
        r"test\.tsv:2: score: 'yes' is not a whole number",
    ),
    "two columns": (
        {"qrels": [*QRELS, ("q1-de", "d1")]},
        r"test\.tsv:4: expected 3 columns as in the first line, found 2",
    ),
    "card: language": (
        {"card": CARD.replace("en", "english")},
        r"task\.yaml:2: languages: 'english' .*write 'en'",
    ),
    "card: key twice": (
        {"card": CARD + "name: other\n"},
        r"1 error .*\n.*task\.yaml:4: .*the key 'name' stands in line 1 already",
    ),
    "card: repeated": (
        {"card": CARD.replace("en]", "en, de]")},
        r"task\.yaml:2: languages: 'de' is listed twice",
    ),
    "card: one word": (
        {"card": CARD.replace("[de, en]", "de")},
        r"task\.yaml:2: languages: expected a list, found 'de'",
    ),
    "card: alignment": (
        {"card": CARD.replace("comparable", "paralel")},
        r"task\.yaml:3: alignment: .*mean 'parallel'",
    ),
    "card: name": ({"card": CARD.replace("demo", "my demo")}, r"task\.yaml:1: name: 'my demo' is no name"),
    "card: flag": (
        {"card": CARD + "demonstration: perhaps\n"},
        r"task\.yaml:4: demonstration: expected true or false, found 'perhaps'",
    ),
    "card: YAML": ({"card": CARD + "source: [a\n"}, r"task\.yaml:\d: not valid YAML"),
}


@pytest.mark.parametrize(("files", "message"), BROKEN.values(), ids=BROKEN)
def test_an_error_names_file_line_and_field(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    folder = write_folder(tmp_path / "demo", **files)
    with pytest.raises(UserError, match=message) as caught:
        load_task(str(folder))
    assert "Fix: " in str(caught.value)


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    """A document with a bad language is judged, and so is one in an unreadable line: neither is unknown."""
    folder = write_folder(
        tmp_path / "demo", documents=jsonl(_with(DOCUMENTS, 0, lang="xx")).replace(b'"d2",', b'"d2"')
    )
    with pytest.raises(UserError, match=r"2 errors \(1 x unknown language, 1 x invalid JSON\)"):
        load_task(str(folder))


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "demo",
        documents=jsonl(_with(_with(DOCUMENTS, 0, lang="deu"), 1, lang="eng")).replace(b"\n", b"\r\n"),
        queries=_with(QUERIES, 1, _id="q1-de"),
        qrels=[("q1-de", "d1", "x"), ("q7", "d1", "1")],
    )
    with pytest.raises(UserError) as caught:
        load_task(str(folder))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("demo: 5 errors (")
    places = [Path(line.strip().split(": ")[0]).name for line in lines[1:6]]
    assert places == ["corpus.jsonl:1", "corpus.jsonl:2", "queries.jsonl:2", "test.tsv:2", "test.tsv:3"]
    assert lines[6] == "Also noticed:" and "CRLF line end: 3 times (lines 1, 2, 3). Accepted" in lines[7]


WARNED = {
    "byte order mark": (
        {"documents": b"\xef\xbb\xbf" + jsonl(DOCUMENTS)},
        "corpus.jsonl:1: the file begins with a byte order mark. Ignored",
    ),
    "CRLF": (
        {"qrels": tsv(QRELS).replace(b"\n", b"\r\n")},
        "test.tsv: CRLF line end: 3 times (lines 1, 2, 3). Accepted",
    ),
    "CRLF with BOM": (
        {"queries": b"\xef\xbb\xbf" + jsonl(QUERIES).replace(b"\n", b"\r\n")},
        "CRLF line end: 2 times",
    ),
    "blank line": ({"queries": jsonl(QUERIES) + b"\n"}, "queries.jsonl:3: the line is blank. Skipped"),
    "no header": ({"qrels": tsv(QRELS).split(b"\n", 1)[1]}, "test.tsv:1: the first line is a judgement"),
    "repeated": ({"qrels": [*QRELS, QRELS[0]]}, "test.tsv:4: q1-de -> d1 stands in"),
    "white space": (
        {"documents": _with(DOCUMENTS, 2, text=" Cats sleep.\n")},
        "corpus.jsonl:3: text: there is white space around the text. Kept as it is",
    ),
    "long": (
        {"documents": _with(DOCUMENTS, 2, text="x" * 100_001)},
        "corpus.jsonl:3: text: the document is 100,001 characters long (more than 100,000). Kept",
    ),
    "only a title": (
        {"documents": _with(DOCUMENTS, 2, text="", title="Cats")},
        "corpus.jsonl:3: text: the document is only",
    ),
    "misspelt": (
        {"queries": _with(QUERIES, 1, clustr="c")},
        "queries.jsonl:2: clustr: there is no field 'clustr'. Ignored. Did you mean 'cluster'?",
    ),
    "card key": (
        {"card": CARD + "license: CC0\n"},
        "task.yaml:4: license: 'license' is no key of a task card. Ignored. Did you",
    ),
}


@pytest.mark.parametrize(("files", "note"), WARNED.values(), ids=WARNED)
def test_a_warning_is_a_note_and_nothing_is_lost(tmp_path: Path, files: dict[str, Any], note: str) -> None:
    task = load_task(str(write_folder(tmp_path / "demo", **files)))
    assert any(note in n for n in task.notes), task.notes
    assert len(task.documents) == 3 and len(task.queries) == 2
    assert task.qrels == {"q1-de": {"d1": 1, "d2": 2}, "q1-en": {"d1": 1, "d2": 2}}


def test_norwegian_is_not_false(tmp_path: Path) -> None:
    card = CARD.replace("de, en", "no, en")
    folder = write_folder(
        tmp_path / "demo", card, _with(DOCUMENTS, 0, lang="no"), _with(QUERIES, 0, lang="no")
    )
    assert load_task(str(folder)).languages == ("no", "en")


def test_line_separators_inside_a_text_are_text(tmp_path: Path) -> None:
    text = "one\u2028two\x85three"
    task = load_task(str(write_folder(tmp_path / "demo", documents=_with(DOCUMENTS, 2, text=text))))
    assert task.documents[2].text == text


def test_a_translated_query_says_so_and_a_wrong_flag_is_told(tmp_path: Path) -> None:
    write_folder(tmp_path / "demo", queries=jsonl([{**QUERIES[0], "native": False}, QUERIES[1]]))
    assert [q.native for q in load_task(tmp_path / "demo").queries] == [False, True]
    write_folder(tmp_path / "bad", queries=jsonl([{**QUERIES[0], "native": "no"}, QUERIES[1]]))
    with pytest.raises(UserError, match=r"queries\.jsonl:1.*native.*expected true or false, found a text"):
        load_task(tmp_path / "bad")


def test_whole_numbers_are_ids(tmp_path: Path) -> None:
    documents = [{"_id": 1, "text": "Eins.", "lang": "de", "group": 7}]
    queries = [{"_id": 12, "text": "Was?", "lang": "de", "need_id": 3, "doc_id": 1, "cluster": 0}]
    folder = write_folder(tmp_path / "demo", None, documents, queries, [("12", "1", "1")])
    task = load_task(str(folder))
    assert (task.documents[0].doc_id, task.documents[0].group) == ("1", "7")
    query = task.queries[0]
    assert (query.query_id, query.need_id, query.doc_id, query.cluster) == ("12", "3", "1", "0")
    assert len(task.notes) == 6 and all(note.endswith("Taken as text") for note in task.notes)


def test_the_same_row_again_is_one_and_told(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "demo", documents=[*DOCUMENTS, DOCUMENTS[0]], queries=[*QUERIES, QUERIES[1]]
    )
    task = load_task(str(folder))
    assert (len(task.documents), len(task.queries)) == (3, 2)
    assert [note.partition("demo/")[2] for note in task.notes] == [
        f"corpus.jsonl:4: the document 'd1' stands in {folder}/corpus.jsonl:1 already, word for word. Counted once",
        f"queries.jsonl:3: the query 'q1-en' stands in {folder}/queries.jsonl:2 already, word for word. Counted once",
    ]


def test_nothing_follows_from_what_cannot_be_read(tmp_path: Path) -> None:
    """Judgements of documents in a file that is no UTF-8; of an id with a space, and of one that is none."""
    latin = jsonl([{**row, "text": "Größe paßt für draußen, schön"} for row in DOCUMENTS]).decode()
    queries = [{**QUERIES[0], "_id": "q1-de "}, {**QUERIES[1], "_id": ["q1-en"]}]
    folder = write_folder(tmp_path / "demo", documents=latin.encode("cp1252"), queries=queries)
    with pytest.raises(UserError) as caught:
        load_task(str(folder))
    lines = str(caught.value).splitlines()
    assert lines[0] == "demo: 3 errors (1 x invalid UTF-8, 1 x white space in id, 1 x mistyped field)"
    assert len(lines) == 4


def test_no_queries_is_said_as_such(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^demo: there are no queries: import their file too"):
        load_task(str(write_folder(tmp_path / "demo", queries=[])))


def test_ids_of_over_512_bytes_are_refused(tmp_path: Path) -> None:
    long = "ü" * 257
    folder = write_folder(tmp_path / "demo", documents=_with(DOCUMENTS, 2, _id=long))
    with pytest.raises(UserError, match=r"1 error .*\n.*:3: _id: .* is 514 bytes long, more than the 512"):
        load_task(str(folder))
    assert load_task(str(write_folder(tmp_path / "two", documents=_with(DOCUMENTS, 2, _id=long[:256]))))


def test_documents_that_differ_only_in_unicode_form_are_told(tmp_path: Path) -> None:
    texts = ["Küche", "Ku\u0308che", "Küche ", "Bad", "B\u00e5t", "Ba\u030at"]
    documents = [{"_id": f"d{i}", "text": text, "lang": "de"} for i, text in enumerate(texts, 1)]
    folder = write_folder(tmp_path / "demo", documents=documents)
    notes = load_task(str(folder)).notes
    assert "2 documents differ from another one only in Unicode form (NFC, NFD): kept apart" in notes
    assert "1 document differs from another one only in white space around it: kept apart" in notes
