from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from data.folder import write_folder
from xlembed.data import importers as readers
from xlembed.data.importing import find_reader, import_files
from xlembed.data.loading import load_task
from xlembed.data.reading import ReadOptions
from xlembed.registry import entries
from xlembed.words import UserError

PLAIN_DOCUMENTS = [
    {"_id": "1", "title": "T", "text": "one", "metadata": {}},
    {"_id": "2", "title": "", "text": "two"},
]
PLAIN_QUERIES = [{"_id": "a", "text": "which?"}, {"_id": "b", "text": "unjudged?"}]


def _plain(folder: Path) -> Path:
    return write_folder(folder, None, PLAIN_DOCUMENTS, PLAIN_QUERIES, [("a", "1", "2"), ("a", "2", "0")])


def test_formats() -> None:
    assert {"beir", "jsonl", "reviews", "squad", "table", "tatoeba"} <= set(entries(readers))
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
        UserError, match=r"beir: expected one folder with corpus\.jsonl, found .*corpus\.jsonl"
    ):
        import_files("beir", [folder / "corpus.jsonl"], "x", data_dir=tmp_path)
    with pytest.raises(UserError, match=r"beir: expected one folder"):
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


@pytest.mark.parametrize(
    ("qrels", "said"),
    [
        ("a,1,2\na,2,0\n", "separated by commas"),
        ("query-id;corpus-id;score\na;1;2\n", "separated by semicolons"),
        ("a 1 2\na 2 0\n", "separated by spaces"),
        ("a 0 1 2\na 0 2 0\n", "a TREC file"),
        ("a\tQ0\t1\t2\na\tQ0\t2\t0\n", "a TREC file"),
        ('"a"\t"1"\t2\n"a"\t"2"\t0\n', "quotation marks"),
        ("question\tpassage\tgood\na\t1\t2\n", "no header"),
        ("a\t1\na\t2\n", "no header"),
        ("a\t1\t1\tgood\n", "no header"),
    ],
)
def test_judgements_in_another_form_are_one_error(tmp_path: Path, qrels: str, said: str) -> None:
    folder = _with_qrels(tmp_path / "x", qrels)
    with pytest.raises(UserError, match=rf"1 error .*\n.*test\.tsv:1: .*{said}"):
        import_files("beir", [folder], "sci", options=ReadOptions(langs=("en",)), data_dir=tmp_path / "data")


def test_a_folder_of_another_form_is_refused_by_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "topics.tsv").touch()
    with pytest.raises(UserError, match=r"expected a folder with corpus\.jsonl, .* has topics\.tsv\. Other"):
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


def test_several_folders_are_answered_with_the_way_on(tmp_path: Path) -> None:
    folders = [_plain(tmp_path / "de"), _plain(tmp_path / "tr")]
    with pytest.raises(UserError, match=r"expected one folder .*import each as a task of its own"):
        import_files("beir", folders, "x", data_dir=tmp_path)


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
