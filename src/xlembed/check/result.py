"""What `xlembed check-queries` found of each query."""

from __future__ import annotations

from collections.abc import Mapping

from xlembed.files import Record, Rounded
from xlembed.words import Choice, Lang


class Verdict(Choice):
    """What shall become of a query; `review` leaves it to a person."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


class Doubt(Choice):
    """Why a query is not accepted at once."""

    LANGUAGE = "language"
    DUPLICATE = "duplicate"
    COPIED = "copied"
    LENGTH = "length"
    NEAR_COPIES = "near_copies"
    NOT_FOUND = "not_found"
    TRANSLATION = "translation"
    ORIGINAL = "original"


MEANING = {
    Doubt.LANGUAGE: "is in another language than said",
    Doubt.DUPLICATE: "stands in the task already, in the same language",
    Doubt.COPIED: "copies a span of its document",
    Doubt.LENGTH: "far shorter or longer than the others of its language",
    Doubt.NEAR_COPIES: "its document has near copies that are not judged right",
    Doubt.NOT_FOUND: "its document is not among the first by the model",
    Doubt.TRANSLATION: "another question is nearer to it than its original, by the model",
    Doubt.ORIGINAL: "translates a question that is rejected",
}


class Asked(Record):
    """What the model says of one query; None: it lacks a language of it.

    Attributes:
        rank: of the first right document among those in the language of its document.
        near_copies: documents not judged right that nearly repeat its document.
        similarity: cosine with its original.
        original_rank: of its original among the originals of that language.
    """

    rank: int | None = None
    near_copies: tuple[str, ...] = ()
    similarity: Rounded | None = None
    original_rank: int | None = None


class CheckedQuery(Asked):
    """One query, its verdict, and the numbers behind it.

    Attributes:
        reasons: in words, the worst first.
        doubts: what they are about, in the same order.
        copied: share of its words that stand in its document in one piece; None: not measured.
    """

    query_id: str
    verdict: Verdict
    reasons: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    text: str
    lang: Lang
    need_id: str
    doc_id: str | None
    native: bool
    characters: int
    copied: Rounded | None = None


class Checked(Record):
    """All queries of a task, in its order.

    Attributes:
        model: whose vectors were asked; languages that it lacks are not measured by it.
        unmeasured: those languages.
        first: ranks up to this one count as found.
    """

    task: str
    task_digest: str
    model: str
    unmeasured: tuple[Lang, ...]
    first: int
    queries: tuple[CheckedQuery, ...]

    def count(self, verdict: Verdict) -> int:
        """Queries with a verdict."""
        return sum(q.verdict is verdict for q in self.queries)

    def params(self) -> Mapping[str, str]:
        """Of the run."""
        return {"model": self.model}

    def tags(self) -> Mapping[str, str]:
        """Of the run."""
        return {}

    def metrics(self) -> Mapping[str, float]:
        """Of the run."""
        return {str(verdict): float(self.count(verdict)) for verdict in Verdict}
