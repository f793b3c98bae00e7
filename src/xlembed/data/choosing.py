"""Columns that say what a row means: rows are chosen by them, or the import is refused while they are unread."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xlembed.data.read_options import ANY, Where
from xlembed.data.tables import number_or_text
from xlembed.words import UserError, near_miss

_TELLING_NAME = re.compile(
    "label|entail|contradict|similar|relevan|duplicate|paraphrase|impossible|answerable|score|judg|verdict|"
    "(?<![a-z])(?:gold|grade|rel|gain|rating|related|correct)(?![a-z])",
    re.IGNORECASE,
)
_NLI = {"entailment", "contradiction", "neutral", "not_entailment", "non-entailment"}
_CLASSES = {-1.0, 0.0, 1.0, 2.0} | {
    *("yes", "no", "true", "false", "positive", "negative", "relevant", "irrelevant")
}

_GRADES = {0.0, 1.0, 2.0, 3.0}


def parse_where(given: Sequence[str]) -> dict[str, set[str]]:
    """``label=entailment``, several times: values of one column are alternatives, all columns must agree.

    Raises:
        UserError: for anything else.
    """
    where: dict[str, set[str]] = {}
    for text in given:
        column, equals, value = (part.strip() for part in text.partition("="))
        if not column or not equals:
            raise UserError(
                f"--where: expected COLUMN=VALUE, found {text!r}, for example --where label=entailment"
            )
        where.setdefault(column, set()).add(value)
    return where


def is_chosen(row: Mapping[str, Any], where: Where) -> bool:
    """Whether every column of `where` has one of its values; numbers are compared as numbers.

    >>> is_chosen({"label": 1}, {"label": {"1.0"}}), is_chosen({"label": None}, {"label": {"1"}})
    (True, False)
    """
    return all(
        ANY in values or _comparable(row.get(column)) in set(map(_comparable, values))
        for column, values in where.items()
    )


def check_where(
    rows: Sequence[Mapping[str, Any]], where: Where, read: Collection[str], else_read: str = ""
) -> None:
    """Nothing when the rows are chosen by what they mean, or nothing in them says that they mean different things.

    The columns `read` are read anyway; `else_read` is how a column may be read that is not: ``--columns grade``.

    Raises:
        UserError: a column of `where` is in no row, no row is chosen, or a column that may change the meaning of a
            row is not read.
    """
    columns = dict.fromkeys(column for row in rows for column in row)
    for column in where:
        if rows and column not in columns:
            raise UserError(f"--where: no row has {column!r}.{near_miss(column, columns)}")
    if rows and where and not any(is_chosen(row, where) for row in rows):
        found = "; ".join(f"{column} has {_values(rows, column)}" for column in where)
        raise UserError(f"--where: no row is chosen; {found}")
    telling = [column for column in columns if column not in read and _is_telling(rows, column)]
    if telling and not set(telling) & set(where):
        column = telling[0]
        raise UserError(
            f"the column {column!r} may say that some rows are no right pairs, and is not read; it has "
            f"{_values(rows, column)}. Choose rows with --where {column}=VALUE (repeatable), or take all with "
            f"--where '{column}={ANY}'{f', or read it with {else_read}={column}' * bool(else_read)}"
        )


def where_note(n_left_out: int, n_rows: int, where: Where) -> list[str]:
    """What was left out, in words; nothing for nothing."""
    said = " ".join(f"{column}={value}" for column, values in where.items() for value in sorted(values))
    return [f"{n_left_out:,} of {n_rows:,} rows left out by --where {said}"] if n_left_out else []


def _is_telling(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    """By its name, by a word of NLI, or by a few classes or grades that recur; rows without one have none."""
    if _TELLING_NAME.search(column):
        return True
    told = [value for row in rows if (value := _comparable(row.get(column))) != ""]
    values = set(told)
    known = values <= _CLASSES or (0.0 in values and values <= _GRADES)
    return bool(values & _NLI) or (known and 1 < len(values) < len(told))


def _comparable(value: object) -> object:
    """Numbers and their spellings are equal, and so are true and "true"; case and white space around do not count."""
    return number_or_text("" if value is None else str(value).strip().lower())


def _values(rows: Sequence[Mapping[str, Any]], column: str) -> str:
    counts = Counter(str(row.get(column)) for row in rows)
    shown = [f"{value} ({n:,})" for value, n in counts.most_common(5)]
    return ", ".join(shown) + (f" and {len(counts) - 5:,} others" if len(counts) > 5 else "")
