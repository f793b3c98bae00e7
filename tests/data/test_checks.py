from __future__ import annotations

import pytest

from xlembed.data.checks import (
    LONG_DOCUMENT,
    Place,
    Problems,
    check_length,
    counted,
    first_of,
)
from xlembed.words import UserError


def _told(problems: Problems, line: int, kind: str = "bad thing", warning: bool = False) -> Problems:
    tell = problems.warn if warning else problems.error
    tell(Place("file.jsonl", line), "text", kind, "it is bad", "mend it")
    return problems


def test_a_problem_in_words() -> None:
    assert str(_told(Problems(), 7).errors[0]) == "file.jsonl:7: text: it is bad. Fix: mend it"
    assert _told(Problems(), 7, warning=True).notes() == ("file.jsonl:7: text: it is bad. Mend it",)


def test_no_errors_raise_nothing() -> None:
    problems = _told(Problems(), 1, warning=True)
    problems.raise_errors("demo")
    assert problems.errors == () and problems.n_errors == 0


def test_what_is_refused_later_is_told_beside_the_warnings() -> None:
    problems = _told(Problems(), 1, warning=True)
    with (
        pytest.raises(UserError, match=r"^not German\nAlso noticed:\n  file.jsonl:1: text: it is bad"),
        problems.beside(),
    ):
        raise UserError("not German")


def test_fifty_errors_are_shown_and_the_rest_counted_by_kind() -> None:
    problems = Problems()
    for line in range(1, 49):
        _told(problems, line)
    for line in range(49, 56):
        _told(problems, line, "worse thing")
    with pytest.raises(UserError) as caught:
        problems.raise_errors("demo")
    lines = str(caught.value).splitlines()
    assert lines[0] == "demo: 55 errors (48 x bad thing, 7 x worse thing)"
    assert len(lines) == 1 + 50 + 1
    assert lines[-1] == "  ... and 5 more (5 x worse thing)"


def test_the_same_error_twice_is_one() -> None:
    problems = _told(_told(Problems(), 1), 1)
    assert problems.n_errors == 1


def test_warnings_of_a_kind_are_one_note_with_their_first_lines() -> None:
    problems = Problems()
    for line in (3, 5, 8, 9):
        _told(problems, line, "odd", warning=True)
    problems.warn(Place("other.tsv"), "", "odd", "it is odd", "kept")
    assert problems.notes() == (
        "file.jsonl: text: odd: 4 times (lines 3, 5, 8 and 1 more). Mend it",
        "other.tsv: it is odd. Kept",
    )


def test_a_place_in_a_json_document_has_a_path() -> None:
    problems = Problems()
    problems.error(
        Place("f.json", None, "data[0]"), "context", "empty text", "the text is empty", "write one"
    )
    with pytest.raises(UserError, match=r"f\.json: data\[0\]\.context: the text is empty\. Fix: write one"):
        problems.raise_errors("demo")


def test_a_document_is_long_above_the_limit() -> None:
    problems = Problems()
    check_length(problems, Place("f", 1), "x" * LONG_DOCUMENT)
    assert problems.notes() == ()
    check_length(problems, Place("f", 2), "x" * (LONG_DOCUMENT + 1))
    assert problems.notes()[0].startswith("f:2: text: the document is 100,001 characters long")


def test_numbers_and_ids_in_words() -> None:
    assert counted(1, "query", "queries") == "1 query" and counted(2, "query", "queries") == "2 queries"
    assert counted(0, "file") == "0 files"
    assert first_of(list("abcde")) == "a, b, c, d, e" and first_of(list("abcdef")) == "a, b, c, d, e ..."
