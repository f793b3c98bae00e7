from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow
import pytest

from data.folder import write_folder
from xlembed.data import importers as readers
from xlembed.data.importing import find_reader, import_files
from xlembed.data.loading import load_task
from xlembed.data.read_options import EqualIds, ReadOptions
from xlembed.data.task import Alignment
from xlembed.registry import entries
from xlembed.words import UserError

PLAIN_DOCUMENTS = [
    {"_id": "1", "title": "T", "text": "one", "metadata": {}},
    {"_id": "2", "title": "", "text": "two"},
]
PLAIN_QUERIES = [{"_id": "a", "text": "which?"}, {"_id": "b", "text": "unjudged?"}]


def zstd(raw: bytes) -> bytes:
    return bytes(pyarrow.compress(raw, "zstd", asbytes=True))


def _plain(folder: Path) -> Path:
    return write_folder(folder, None, PLAIN_DOCUMENTS, PLAIN_QUERIES, [("a", "1", "2"), ("a", "2", "0")])


def test_formats() -> None:
    known = {"beir", "jsonl", "miracl", "mrtydi", "reviews", "squad", "table", "tatoeba", "trec"}
    assert known <= set(entries(readers))
    with pytest.raises(UserError, match=r"no format 'squd': choose one of beir, .*\. Did you mean 'squad'"):
        find_reader("squd")


def test_a_plain_folder_is_imported_with_its_language(tmp_path: Path) -> None:
    imported = import_files(
        "beir",
        [_plain(tmp_path / "scifact")],
        "sci",
        options=ReadOptions(langs=("en",)),
        data_dir=tmp_path / "data",
    )
    assert imported.folder == tmp_path / "data" / "sci" and imported.handle == "sci"
    task = load_task("sci", tmp_path / "data")
    assert task == imported.task
    assert (task.languages, task.source) == (("en",), "scifact")
    assert task.qrels == {"a": {"1": 2, "2": 0}}
    assert task.notes == ("1 query without judgements left out: b",)


def test_the_folder_s_name_may_tell_the_language(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert import_files("beir", [_plain(tmp_path / "scifact-pl")], "sci", data_dir=data).task.languages == (
        "pl",
    )
    with pytest.raises(UserError, match=r"which language is it\? Its name holds no language code"):
        import_files("beir", [_plain(tmp_path / "scifact")], "other", data_dir=data)


def test_a_folder_with_languages_needs_no_option(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "demo")
    task = import_files("beir", [source], "copy", data_dir=tmp_path / "data").task
    assert (task.name, task.languages) == ("copy", ("de", "en"))
    assert load_task("copy", tmp_path / "data") == task


def test_bad_usage(tmp_path: Path) -> None:
    folder = _plain(tmp_path / "x.en")
    with pytest.raises(
        UserError, match=r"beir: expected a folder with corpus\.jsonl, found .*corpus\.jsonl; .*import jsonl"
    ):
        import_files("beir", [folder / "corpus.jsonl"], "x", data_dir=tmp_path)
    with pytest.raises(
        UserError, match=r"2 document ids and 2 query ids of it stand in .*, in the same language"
    ):
        import_files("beir", [folder, folder], "x", data_dir=tmp_path)


def test_a_failed_import_writes_nothing(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "x", qrels=[("q9", "d1", "1")])
    with pytest.raises(UserError, match=r"no query 'q9'"):
        import_files("beir", [folder], "y", data_dir=tmp_path / "data")
    assert not (tmp_path / "data" / "y").exists()


def _with_qrels(folder: Path, qrels: str) -> Path:
    made = _plain(folder)
    (made / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    return made


@pytest.mark.parametrize(
    "qrels",
    [
        "qid\tdocid\trelevance\na\t1\t2\na\t2\t0\n",
        "corpus_id\tquery_id\tLabel\n1\ta\t2\n2\ta\t0\n",
        "topic\titer\tdoc-id\trel\na\t0\t1\t2\na\t0\t2\t0\n",
        "grade\tpid\tqid\n2.0\t1\ta\n0.\t2\ta\n",
    ],
)
def test_the_names_in_the_header_decide(tmp_path: Path, qrels: str) -> None:
    folder = _with_qrels(tmp_path / "x.en", qrels)
    imported = import_files(
        "beir", [folder], "sci", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data"
    )
    assert imported.task.qrels == {"a": {"1": 2, "2": 0}}
    assert "read as query, document and grade" in imported.warnings[0].lower()


def test_a_column_that_the_header_calls_a_score_is_the_grade(tmp_path: Path) -> None:
    folder = _with_qrels(tmp_path / "x", "query_id\tdoc_id\trank\tscore\na\t1\t1\t0.93\na\t2\t2\t0.5\n")
    with pytest.raises(UserError, match=r"2 errors .*\n.*test\.tsv:2: score: '0\.93' is not a whole number"):
        import_files("beir", [folder], "x", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "d")


def test_names_of_some_columns_decide_between_readings(tmp_path: Path) -> None:
    rows = [{"_id": str(i), "text": f"Text number {i}."} for i in range(1, 4)]
    judged = "item\tquery\trel\n3\t1\t1\n2\t2\t1\n"  # every id is one of queries and of documents
    folder = write_folder(tmp_path / "x", None, rows, rows, [])
    (folder / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    options = ReadOptions(langs=("en",), believe=True)
    assert import_files("beir", [folder], "x", options=options, data_dir=tmp_path / "d").task.qrels == {
        "1": {"3": 1}, "2": {"2": 1},
    }  # fmt: skip


def test_whole_grades_may_have_decimals(tmp_path: Path) -> None:
    folder = _with_qrels(tmp_path / "x", "query-id\tcorpus-id\tscore\na\t1\t1.0\na\t2\t0.00\n")
    imported = import_files(
        "beir", [folder], "sci", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data"
    )
    assert imported.task.qrels == {"a": {"1": 1, "2": 0}}
    (note,) = imported.warnings
    assert note.endswith("score: whole grades with decimals: 2 times (lines 2, 3). Taken as whole numbers")
    _with_qrels(tmp_path / "y", "a\t1\t0.5\n")
    with pytest.raises(UserError, match=r"1 error .*\n.*no header"):
        import_files(
            "beir", [tmp_path / "y"], "sci2", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data"
        )
    _with_qrels(tmp_path / "z", "a\t1\t1\na\t2\t0.5\n")
    with pytest.raises(UserError, match=r"test\.tsv:2: score: '0\.5' is not a whole number"):
        import_files(
            "beir", [tmp_path / "z"], "sci2", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data"
        )


READ = {
    "commas": (b"a,1,2\na,2,0\n", "commas separate"),
    "semicolons": (b"query-id;corpus-id;score\na;1;2\na;2;0\n", "semicolons separate"),
    "spaces": (b"a 1 2\na 2 0\n", "white space separates"),
    "TREC with spaces": (b"a 0 1 2\na 0 2 0\n", "Read as TREC"),
    "TREC with tabs": (b"a\tQ0\t1\t2\na\tQ0\t2\t0\n", "Read as TREC"),
    "quoted": (b'"a"\t"1"\t2\n"a"\t"2"\t0\n', "quotation marks"),
    "unknown header": (b"question\tpassage\tgood\na\t1\t2\na\t2\t0\n", "Read as query, document and grade"),
    "columns swapped": (b"1\ta\t2\n2\ta\t0\n", "Read as query, document and grade: a, 1, 2"),
    "grade first": (b"2\ta\t1\n0\ta\t2\n", "Read as query, document and grade: a, 1, 2"),
    "header of swapped columns": (b"query-id\tcorpus-id\tscore\n1\ta\t2\n2\ta\t0\n", "Read as query"),
    "ranx": (b'{"a": {"1": 2, "2": 0}}', ""),
    "ranx over lines": (b'{\n "a": {\n  "1": 2,\n  "2": 0.0\n }\n}\n', "decimals"),
    "JSON lines": (
        b'{"qid": "a", "docid": 1, "rel": 2}\n{"qid": "a", "docid": 2, "rel": 0}\n',
        "numbers as ids",
    ),
    "names of rows": (b'"query-id" "corpus-id" "score"\n"1" "a" "1" 2\n"2" "a" "2" 0\n', "the header is"),
    "an index": (b"\tquery-id\tcorpus-id\tscore\n0\ta\t1\t2\n1\ta\t2\t0\n", "the header is"),
    "array": (
        b'[{"query_id": "a", "corpus_id": "1", "score": 2}, {"query_id": "a", "corpus_id": "2", "score": 0}]',
        "",
    ),
}


@pytest.mark.parametrize(("qrels", "said"), READ.values(), ids=READ)
def test_judgements_in_another_form_are_read_and_told(tmp_path: Path, qrels: bytes, said: str) -> None:
    folder = _plain(tmp_path / "x")
    (folder / "qrels" / "test.tsv").write_bytes(qrels)
    imported = import_files(
        "beir", [folder], "sci", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data"
    )
    assert imported.task.qrels == {"a": {"1": 2, "2": 0}}
    assert said in "\n".join(imported.warnings) and bool(said) == bool(imported.warnings)


def test_a_run_is_no_file_of_judgements(tmp_path: Path) -> None:
    folder = _with_qrels(tmp_path / "x", "a Q0 1 1 0.9 bm25\na Q0 2 2 0.8 bm25\n")
    with pytest.raises(UserError, match=r"1 error .*unreadable judgements"):
        import_files("beir", [folder], "x", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "d")


def test_objects_by_id_and_names_of_others_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    documents = {"1": {"title": "T", "text": "one"}, "2": {"text": "two"}}
    (folder / "corpus.json").write_text(json.dumps(documents, indent=1), encoding="utf-8")
    (folder / "queries.json").write_text('{"a": "which?"}', encoding="utf-8")
    (folder / "qrels.json").write_text('{"a": ["1"]}', encoding="utf-8")
    english = ReadOptions(langs=("en",))
    task = import_files("beir", [folder], "x", options=english, data_dir=tmp_path / "d").task
    assert task.qrels == {"a": {"1": 1}} and task.documents[0].title == "T"
    named = [{"docid": 1.0, "contents": "one"}, {"docid": 2.0, "contents": "two"}]
    other = write_folder(
        tmp_path / "y", None, named, [{"query_id": "a", "query": "which?"}], [("a", "1", "1")]
    )
    assert (
        import_files("beir", [other], "y", options=english, data_dir=tmp_path / "d").task.qrels == task.qrels
    )


def test_judgements_without_a_grade_are_all_relevant(tmp_path: Path) -> None:
    folder = _with_qrels(tmp_path / "x", "a\t1\na\t2\n")
    imported = import_files(
        "beir", [folder], "x", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "d"
    )
    assert imported.task.qrels == {"a": {"1": 1, "2": 1}}
    assert "read as query and document, all of grade 1: a, 1" in imported.warnings[0].lower()


@pytest.mark.parametrize(
    ("qrels", "said"),
    [
        ("question\tpassage\tgood\nx\ty\tz\n", "test.tsv:1: the first line is no header"),
        ("query-id\tcorpus-id\trank\tgood\na\t1\t7\t2\n", "test.tsv:1: the first line is no header"),
        ("q\n", "test.tsv:1: the first line is no header"),
        ('{"a": 1}', "test.tsv:1: no query and document in the row; it has a"),
        ('{"qid": "a", "docid": "1", "rel": 1}\n{"qid": "a", "docid": "2"}', "test.tsv:2: score: the grade is missing"),
        ('{"qid": "a", "docid": "1", "good": 0}', "test.tsv:1: no column is called score; good may hold the grades"),
        ("".join(f"x{i}\t{i}\t1\n" for i in range(20)), "none of its 20 judgements names a query and a document that"),
    ],
)  # fmt: skip
def test_judgements_that_cannot_be_read_are_one_error(tmp_path: Path, qrels: str, said: str) -> None:
    folder = _with_qrels(tmp_path / "x", qrels)
    with pytest.raises(UserError, match="1 error ") as caught:
        import_files("beir", [folder], "sci", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data")
    assert said in str(caught.value)


def test_another_split_is_read_when_it_is_said(tmp_path: Path) -> None:
    folder = _plain(tmp_path / "x")
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    english = ReadOptions(langs=("en",))
    with pytest.raises(
        UserError, match=r"1 error .*\n.*test\.tsv: .* there are dev\.tsv\. Fix: .*--split dev"
    ):
        import_files("beir", [folder], "x", options=english, data_dir=tmp_path / "d")
    task = import_files(
        "beir", [folder], "x", options=replace(english, split="dev"), data_dir=tmp_path / "d"
    ).task
    assert task.qrels == {"a": {"1": 2, "2": 0}}


def test_judgements_of_what_is_not_there_are_left_out_on_demand(tmp_path: Path) -> None:
    folder = _with_qrels(tmp_path / "x", "query-id\tcorpus-id\tscore\na\t1\t1\na\td9\t1\nq9\t2\t1\n")
    english = ReadOptions(langs=("en",))
    with pytest.raises(UserError, match=r"2 errors .*\n.*no document 'd9'.*--drop-unknown"):
        import_files("beir", [folder], "x", options=english, data_dir=tmp_path / "d")
    options = replace(english, drop_unknown=True)
    task = import_files("beir", [folder], "x", options=options, data_dir=tmp_path / "d").task
    assert task.qrels == {"a": {"1": 1}}
    assert task.notes[0] == (
        "2 judgements of queries or documents that are not there left out (--drop-unknown): d9, q9"
    )
    assert load_task("x", tmp_path / "d").notes[0] == task.notes[0]


def test_documents_without_text_are_left_out_unless_they_are_relevant(tmp_path: Path) -> None:
    documents = [*PLAIN_DOCUMENTS, {"_id": "3", "text": " "}, {"_id": "4", "title": "", "text": ""}]
    folder = write_folder(tmp_path / "x", None, documents, PLAIN_QUERIES, [("a", "1", "1"), ("a", "3", "0")])
    english = ReadOptions(langs=("en",))
    task = import_files("beir", [folder], "x", options=english, data_dir=tmp_path / "d").task
    assert [d.doc_id for d in task.documents] == ["1", "2"] and task.qrels == {"a": {"1": 1}}
    assert task.notes[0] == "2 documents without text left out: 3, 4"
    write_folder(tmp_path / "y", None, documents, PLAIN_QUERIES, [("a", "4", "1"), ("a", "1", "1")])
    with pytest.raises(
        UserError, match=r"corpus\.jsonl:4: text: the text is empty, and '4' is judged relevant"
    ):
        import_files("beir", [tmp_path / "y"], "y", options=english, data_dir=tmp_path / "d")
    options = replace(english, drop_unknown=True)
    task = import_files("beir", [tmp_path / "y"], "y", options=options, data_dir=tmp_path / "d").task
    assert task.qrels == {"a": {"1": 1}}


def test_parquet_arrays_and_packed_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    pd.DataFrame({"id": ["1", "2"], "text": ["one", "two"]}).to_parquet(folder / "corpus.parquet")
    packed = zstd(json.dumps(PLAIN_QUERIES).encode())
    (folder / "queries.json.zst").write_bytes(packed)
    rows = pd.DataFrame({"query-id": ["a", "a"], "corpus-id": ["1", "2"], "score": [2.0, 0.0]})
    rows.to_parquet(folder / "qrels.parquet")
    task = import_files(
        "beir", [folder], "x", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "d"
    ).task
    assert task.qrels == {"a": {"1": 2, "2": 0}} and task.queries[0].text == "which?"


def test_a_folder_of_another_form_is_refused_by_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "topics.tsv").touch()
    with pytest.raises(
        UserError,
        match=r"expected a folder with corpus\.jsonl, .* has topics\.tsv\. .* read by: xlembed import trec",
    ):
        import_files(
            "beir", [tmp_path], "sci", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data"
        )


def test_a_row_that_forgets_its_language_is_not_told_by_the_folder_s_name(tmp_path: Path) -> None:
    documents = [PLAIN_DOCUMENTS[0], {**PLAIN_DOCUMENTS[1], "lang": "de"}]
    qrels = [("a", "1", "1"), ("b", "2", "1")]
    folder = write_folder(tmp_path / "x-en", None, documents, PLAIN_QUERIES, qrels)
    with pytest.raises(UserError, match=r"1 error .*\n.*corpus\.jsonl:1: lang: 1 row has no language"):
        import_files("beir", [folder], "x", data_dir=tmp_path)
    task = import_files("beir", [folder], "x", options=ReadOptions(langs=("en",)), data_dir=tmp_path).task
    assert [d.lang for d in task.documents] == ["en", "de"]


def test_a_folder_per_language_is_joined(tmp_path: Path) -> None:
    folders = [_plain(tmp_path / "de"), _plain(tmp_path / "tr")]
    with pytest.raises(
        UserError, match=r"1 error .*\n.*2 document ids and 2 query ids .*--equal-ids translations"
    ) as caught:
        import_files("beir", folders, "x", data_dir=tmp_path / "d")
    assert "--equal-ids apart" in str(caught.value)
    options = ReadOptions(equal_ids=EqualIds.APART)
    task = import_files("beir", folders, "x", options=options, data_dir=tmp_path / "d").task
    assert task.qrels == {"de-a": {"de-1": 2, "de-2": 0}, "tr-a": {"tr-1": 2, "tr-2": 0}}
    assert task.languages == ("de", "tr") and len(task.needs) == 2


def test_equal_ids_may_be_translations(tmp_path: Path) -> None:
    folders = [_plain(tmp_path / "de"), _plain(tmp_path / "tr")]
    for folder in folders:
        text = (folder / "corpus.jsonl").read_text(encoding="utf-8")
        (folder / "corpus.jsonl").write_text(text.replace('"one"', f'"{folder.name}1"'), encoding="utf-8")
    (folders[1] / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n", encoding="utf-8")
    options = ReadOptions(equal_ids=EqualIds.TRANSLATIONS, believe=True)
    task = import_files("beir", folders, "x", options=options, data_dir=tmp_path / "d").task
    right = {"de-1": 2, "tr-1": 2, "de-2": 0, "tr-2": 0}
    assert task.qrels == {"de-a": right, "tr-a": right} and task.alignment is Alignment.PARALLEL
    assert [d.group for d in task.documents] == ["1", "2", "1", "2"]
    assert load_task("x", tmp_path / "d") == task


def test_folders_with_ids_of_their_own_need_no_word(tmp_path: Path) -> None:
    other = write_folder(
        tmp_path / "tr", None, [{"_id": "t", "text": "iki"}], [{"_id": "s", "text": "bir"}], [("s", "t", "1")]
    )
    task = import_files("beir", [_plain(tmp_path / "de"), other], "x", data_dir=tmp_path / "d").task
    assert task.qrels == {"a": {"1": 2, "2": 0}, "s": {"t": 1}}


def test_packed_files_are_read_and_loaded(tmp_path: Path) -> None:
    folder = _plain(tmp_path / "packed")
    for path in [*folder.glob("*.jsonl"), folder / "qrels" / "test.tsv"]:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    (folder / "qrels" / "dev.tsv").touch()
    imported = import_files(
        "beir", [folder], "sci", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data"
    )
    assert imported.task.qrels == {"a": {"1": 2, "2": 0}} and len(imported.warnings) == 3
    assert load_task(str(folder), lang="en").digest == imported.task.digest
