from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.corpus.formats import find_reader, reader_names
from xlembed.corpus.importing import import_files
from xlembed.corpus.loading import load_task
from xlembed.types import UserError

from ..folder import write_folder

PLAIN_DOCUMENTS = [
    {"_id": "1", "title": "T", "text": "one", "metadata": {}},
    {"_id": "2", "title": "", "text": "two"},
]
PLAIN_QUERIES = [{"_id": "a", "text": "which?"}, {"_id": "b", "text": "unjudged?"}]


def _plain(folder: Path) -> Path:
    return write_folder(folder, None, PLAIN_DOCUMENTS, PLAIN_QUERIES, [("a", "1", "2"), ("a", "2", "0")])


def test_formats() -> None:
    assert set(reader_names()) == {"beir", "jsonl", "squad", "tatoeba"}
    with pytest.raises(UserError, match=r"no format 'squd': choose one of beir, .*\. Did you mean 'squad'"):
        find_reader("squd")


def test_a_plain_folder_is_imported_with_its_language(tmp_path: Path) -> None:
    imported = import_files(
        "beir", [_plain(tmp_path / "scifact")], "sci", langs=("en",), data_dir=tmp_path / "data"
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
