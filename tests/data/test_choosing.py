from __future__ import annotations

from typing import Any

import pytest

from xlembed.data.choosing import check_where, is_chosen, parse_where, where_note
from xlembed.words import UserError

NLI = [
    {"a": "A man reads.", "b": "A person reads.", "gold_label": "entailment"},
    {"a": "A dog runs.", "b": "A cat runs.", "gold_label": "-"},
    {"a": "A man reads.", "b": "Nobody reads.", "gold_label": "contradiction"},
]


def test_where_is_parsed_and_columns_must_agree() -> None:
    where = parse_where(["label=1", "label = 2", "split=train"])
    assert where == {"label": {"1", "2"}, "split": {"train"}}
    assert is_chosen({"label": 2, "split": "train"}, where)
    assert not is_chosen({"label": 2, "split": "test"}, where) and not is_chosen(
        {"label": 0, "split": "train"}, where
    )
    assert parse_where(["text=a=b"]) == {"text": {"a=b"}}
    with pytest.raises(UserError, match="--where: expected COLUMN=VALUE, found 'label'"):
        parse_where(["label"])


@pytest.mark.parametrize(
    ("value", "said", "chosen"),
    [
        (1, "1", True),
        (1.0, "1", True),
        ("1", "1.0", True),
        (True, "true", True),
        (False, "0", False),
        (None, "None", False),
        (" entailment ", "entailment", True),
        ("neutral", "*", True),
    ],
)
def test_values_are_compared_as_they_are_written(value: Any, said: str, chosen: bool) -> None:
    assert is_chosen({"label": value}, {"label": {said}}) is chosen


def test_a_label_that_is_not_read_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        check_where(NLI, {}, ("a", "b"))
    assert "'gold_label'" in str(caught.value) and "--where gold_label=VALUE" in str(caught.value)
    assert "entailment (1), - (1), contradiction (1)" in str(caught.value)
    check_where(NLI, {"gold_label": {"entailment"}}, ("a", "b"))
    check_where(NLI, {"gold_label": {"*"}}, ("a", "b"))
    check_where(NLI, {}, ("a", "b", "gold_label"))
    with pytest.raises(UserError, match="'gold_label'"):  # another column says nothing about it
        check_where([{**row, "split": "train"} for row in NLI], {"split": {"train"}}, ("a", "b"))


@pytest.mark.parametrize(
    "column", ["label", "Label_Text", "is_duplicate", "similarity", "relevance", "is_impossible", "rel"]
)
def test_columns_that_tell_by_their_name(column: str) -> None:
    with pytest.raises(UserError, match=f"'{column}'"):
        check_where([{"a": "x", column: 1}], {}, ("a",))


def test_columns_that_tell_by_their_values() -> None:
    with pytest.raises(UserError, match="the column '3'"):
        check_where([{"1": "x", "2": "y", "3": "neutral"}], {}, ("1", "2"))
    with pytest.raises(UserError, match="the column 'y'"):
        check_where([{"a": "x", "y": y} for y in (0, 1, 1)], {}, ("a",))
    with pytest.raises(UserError, match="the column 'right'"):
        check_where([{"a": "x", "right": y} for y in (True, False, True)], {}, ("a",))
    for classes in ((-1, 0, 0), (1, 2, 2), (0, 1, 1, None), (0, 1, 1, ""), (0, 3, 2, 3)):
        with pytest.raises(UserError, match="the column 'y'"):
            check_where([{"a": "x", "y": y} for y in classes], {}, ("a",))
    check_where([{"a": "x", "y": y} for y in (3, 1, 1)], {}, ("a",))  # no class that we know
    check_where([{"a": "x", "y": 1}] * 3, {}, ("a",))  # the same for all
    check_where([{"a": "x", "y": y} for y in (1, None, None)], {}, ("a",))  # said of some, the same
    check_where([{"a": "x", "number": y} for y in (0, 1, 2)], {}, ("a",))  # a number for each row
    check_where([{"a": "x", "split": "train", "year": 2012, "genre": "news", "operating": "x"}], {}, ("a",))


@pytest.mark.parametrize(("n_values", "ending"), [(5, "4 (1)."), (6, "4 (1) and 1 others.")])
def test_the_most_frequent_values_are_shown(n_values: int, ending: str) -> None:
    with pytest.raises(UserError) as caught:
        check_where([{"label": value} for value in range(n_values)], {}, ())
    assert f"3 (1), {ending} Choose" in str(caught.value)


def test_where_that_chooses_nothing() -> None:
    with pytest.raises(UserError, match=r"--where: no row has 'gold_lable'\. Did you mean 'gold_label'"):
        check_where(NLI, {"gold_lable": {"entailment"}}, ("a", "b"))
    with pytest.raises(UserError, match=r"no row is chosen; gold_label has entailment \(1\), - \(1\)"):
        check_where(NLI, {"gold_label": {"neutral"}}, ("a", "b"))
    assert where_note(2, 3, {"gold_label": {"b", "a"}}) == [
        "2 of 3 rows left out by --where gold_label=a gold_label=b"
    ]
    assert where_note(0, 3, {"gold_label": {"b"}}) == []
