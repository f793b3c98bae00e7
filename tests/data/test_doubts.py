"""Translations by accident, and queries that are documents."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from data.folder import write_folder
from xlembed.data.checks import Problems
from xlembed.data.doubts import check_same_texts, check_shared_ids, same_in_task, self_note
from xlembed.data.importing import import_files
from xlembed.data.loading import load_task
from xlembed.data.read_options import ReadOptions
from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.words import UserError


def _groups(*pairs: tuple[str, str]) -> dict[str, list[tuple[str, str]]]:
    return {str(i): [("en", one), ("de", other)] for i, (one, other) in enumerate(pairs)}


def test_equal_translations_are_counted_and_refused_when_most_are() -> None:
    some = _groups(("Tom", " tom"), ("yes", "ja"), ("no", "nein"))
    assert check_same_texts(some, "pairs", False) == ["1 of 3 pairs are the same in en and de"]
    most = _groups(("Tom", "Tom"), ("OK", "OK"), ("no", "nein"))
    with pytest.raises(UserError, match=r"2 of 3 pairs are the same in en and de: .* --believe"):
        check_same_texts(most, "pairs", False)
    assert check_same_texts(most, "pairs", True) == ["2 of 3 pairs are the same in en and de"]
    half, one = _groups(("OK", "OK"), ("no", "nein")), _groups(("OK", "OK"))
    assert check_same_texts(half, "pairs", False) == ["1 of 2 pairs are the same in en and de"]
    assert check_same_texts(one, "pairs", False) == ["1 of 1 pairs are the same in en and de"]
    assert check_same_texts(_groups(("yes", "ja")), "pairs", False) == []
    assert check_same_texts({"a": [("en", "x"), ("en", "x")]}, "pairs", False) == []


def test_documents_by_group_and_queries_by_need() -> None:
    documents = [
        Document(f"{lang}{i}", f"Text {i}", lang, group=f"g{i}") for lang in ("en", "de") for i in (1, 2)
    ]
    queries = [Query(f"{lang}-q", f"{lang}?", lang, "q") for lang in ("en", "de")]
    task = Task("t", ("en", "de"), Alignment.PARALLEL, tuple(documents), tuple(queries), {})
    assert same_in_task(task, True) == ["2 of 2 documents are the same in en and de"]
    with pytest.raises(UserError, match="2 of 2 documents are the same"):
        same_in_task(task, False)


@pytest.mark.parametrize(
    ("ids", "refused"),
    [
        ((["1", "2"], ["1", "2"]), True),
        ((["0", "1", "2"], ["0", "1", "2", "4"]), True),
        ((["1", "14"], ["1", "14"]), True),
        ((["1", "15"], ["1", "15"]), False),
        ((["2", "3"], ["2", "3"]), False),
        ((["571", "838"], ["571", "838"]), False),
        ((["q1", "q2"], ["q1", "q2"]), False),
    ],
)
def test_running_numbers_prove_nothing(ids: tuple[list[str], list[str]], refused: bool) -> None:
    files = [Path("a.en.json"), Path("b.de.json")]
    problems = Problems()
    check_shared_ids(files, ids, "question id", False, problems)
    assert (problems.n_errors == 1) is refused and (len(problems.notes()) == 0) is refused
    told = Problems()
    check_shared_ids(files, ids, "question id", True, told)
    assert told.notes() == (
        f"b.de.json: question id: {len(ids[0])} of {len(ids[1])} stand in another file too. Taken for translations",
    )


def test_files_without_a_common_id_are_not_spoken_of() -> None:
    problems = Problems()
    check_shared_ids([Path("a"), Path("b")], [["1", "2"], ["3", "4"]], "question id", False, problems)
    assert problems.notes() == () and not problems.n_errors


def _task(leave_out_self: bool = False, **texts: str) -> Task:
    given = {"d1": "An answer.", "q1": "Where is it?", "d3": "Another one."} | texts
    documents = tuple(Document(doc_id, text, "en") for doc_id, text in given.items())
    queries = (Query("q1", "Where is it?", "en", "q1"), Query("q2", "And who?", "en", "q2"))
    qrels = {"q1": {"d1": 1, "q1": 0}, "q2": {"d3": 1}}
    return Task("t", ("en",), Alignment.COMPARABLE, documents, queries, qrels, leave_out_self=leave_out_self)


def test_a_query_s_own_copy_is_one_of_equal_text() -> None:
    assert _task().self_documents == {"q1": ("q1",)}
    assert _task(q1="Something else.").self_documents == {}  # the id alone is no reason
    assert _task(q2="and  WHO?").self_documents == {"q1": ("q1",), "q2": ("q2",)}
    assert _task(d3="And who?").self_documents == {"q1": ("q1",)}  # relevant: nothing is wrong
    titled = Document("t", "is it?", "en", title="Where")
    task = _task(q1="x")
    assert dataclasses.replace(task, documents=(*task.documents, titled)).self_documents == {"q1": ("t",)}


def test_what_is_told_about_copies() -> None:
    (told,) = self_note(_task())
    assert told.startswith("1 of 2 queries is also a document, word for word") and "--leave-out-self" in told
    (told,) = self_note(_task(leave_out_self=True))
    assert told.endswith("each query's own copy is left out of its ranking (leave_out_self)")
    assert self_note(_task(q1="x")) == ()
    assert _task().digest != _task(leave_out_self=True).digest


def test_the_choice_is_kept_in_the_card_and_told_when_the_task_is_read(tmp_path: Path) -> None:
    documents = [
        {"_id": "d1", "title": "", "text": "Katı hal sürücüsü sessiz çalışır."},
        {"_id": "x1", "title": "", "text": "Hangi disk ses çıkarmaz?"},
    ]
    queries = [{"_id": "x1", "text": "Hangi disk ses çıkarmaz?"}]
    source = write_folder(tmp_path / "in", None, documents, queries, [("x1", "d1", "1")])
    plain = import_files("beir", [source], "plain", options=ReadOptions(langs=("tr",)), data_dir=tmp_path)
    assert plain.warnings[0].startswith("1 of 1 queries is also a document")
    assert "leave_out_self" not in (plain.folder / "task.yaml").read_text()
    assert load_task("plain", tmp_path).notes == self_note(plain.task)
    import_files(
        "beir", [source], "cut", options=ReadOptions(langs=("tr",), leave_out_self=True), data_dir=tmp_path
    )
    cut = load_task("cut", tmp_path)
    assert cut.leave_out_self and cut.notes == self_note(cut) and "left out" in cut.notes[0]
    card = tmp_path / "cut" / "task.yaml"
    card.write_text(card.read_text().replace("leave_out_self: true", "leave_out_self: yes"))
    with pytest.raises(
        UserError,
        match=r"task\.yaml:6: leave_out_self: expected true or false, found 'yes'\. Fix: write leave_out_self: true",
    ):
        load_task("cut", tmp_path)


def test_a_file_of_another_language_is_refused_unless_believed(tmp_path: Path) -> None:
    rows = ("Su ısıtıcısı suyu kaynatır.", "Bu kilit çelikten yapılmıştır.", "Bisiklet evin önünde duruyor.")
    for name in ("a.en.txt", "b.tr.txt"):
        (tmp_path / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    files = [tmp_path / "a.en.txt", tmp_path / "b.tr.txt"]
    with pytest.raises(
        UserError, match=r"en: of 3 sampled documents, 3 tell their language, 3 of them another one: tr"
    ):
        import_files("tatoeba", files, "t", data_dir=tmp_path / "data")
    assert not (tmp_path / "data").exists()
    told = import_files(
        "tatoeba", files, "t", options=ReadOptions(believe=True), data_dir=tmp_path / "data"
    ).warnings
    assert told[0] == f"{files[0]}: language en, told by the file's name. Say another one with --lang"
    assert "3 of 3 documents are the same in en and tr" in told
