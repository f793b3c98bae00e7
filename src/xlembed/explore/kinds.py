"""Why a query fails: one kind per unit whose first document is wrong, the first that applies (docs/explore.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xlembed.data.task import Task
from xlembed.words import Choice


class ErrorKind(Choice):
    """In the order in which they are tried."""

    NOTHING_RETRIEVED = "nothing_retrieved"
    WRONG_LANGUAGE = "wrong_language"
    NEAR_COPY = "near_copy"
    WORDS = "words"
    MEANING = "meaning"


class Flag(Choice):
    """What the model did not read; crossed with the kinds, which it would swallow."""

    TRUNCATED = "truncated"
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit whose first document is wrong.

    Attributes:
        query: row of `task.queries`.
        first: row of the first document; None: nothing was retrieved.
        right: rows of the right documents, at least one.
        right_if_alone: whether a right document would be first if only the unit's language were searched.
    """

    query: int
    first: int | None
    right: tuple[int, ...]
    right_if_alone: bool


def kind_of(
    failure: Failure,
    task: Task,
    is_near: Callable[[int, int], bool],
    overlap: Callable[[int, int], float],
) -> ErrorKind:
    """The kind of error.

    Args:
        failure: of one model.
        task: with the documents.
        is_near: whether two documents (rows) are near copies by the reference model.
        overlap: what a query and a document (rows), both in one language, share of words: BM25.
    """
    if failure.first is None:
        return ErrorKind.NOTHING_RETRIEVED
    if failure.right_if_alone:
        return ErrorKind.WRONG_LANGUAGE
    first, lang = task.documents[failure.first], task.queries[failure.query].lang
    groups = {task.documents[right].group for right in failure.right} - {None}
    if first.group in groups or any(is_near(failure.first, right) for right in failure.right):
        return ErrorKind.NEAR_COPY
    right = [row for row in failure.right if task.documents[row].lang == lang]
    if first.lang == lang and right:
        best = max(overlap(failure.query, row) for row in right)
        if overlap(failure.query, failure.first) > best:
            return ErrorKind.WORDS
    return ErrorKind.MEANING
