"""Remedies on scores over exact search, against the same written out document by document."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from xlembed.models.rescoring import parse_rescored
from xlembed.search.base import Hits, exact_scores
from xlembed.search.exact import ExactIndex
from xlembed.search.remedied import RescoredSearcher, TranslatedSearcher
from xlembed.search.searcher import VectorSearcher
from xlembed.words import Vectors

LANGS = ["de", "en", "tr"]
Order = Callable[[dict[str, float], dict[str, str]], list[str]]


def unit(rng: np.random.Generator, n: int) -> Vectors:
    rows = rng.normal(size=(n, 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def by_language(scores: dict[str, float], langs: dict[str, str]) -> dict[str, list[str]]:
    ranked = sorted(scores, key=lambda d: (-scores[d], d))
    return {lang: [d for d in ranked if langs[d] == lang] for lang in LANGS}


def interleaved(scores: dict[str, float], langs: dict[str, str]) -> list[str]:
    rank = {d: r for of in by_language(scores, langs).values() for r, d in enumerate(of)}
    return sorted(scores, key=lambda d: (rank[d], -scores[d], d))


def local5(scores: dict[str, float], langs: dict[str, str]) -> list[str]:
    level = {lang: np.mean([scores[d] for d in of[:5]]) for lang, of in by_language(scores, langs).items()}
    return sorted(scores, key=lambda d: (-round(scores[d] - level[langs[d]], 6), d))


def z50(scores: dict[str, float], langs: dict[str, str]) -> list[str]:
    best = {lang: [scores[d] for d in of[:50]] for lang, of in by_language(scores, langs).items()}
    z = {d: (scores[d] - np.mean(best[langs[d]])) / np.std(best[langs[d]]) for d in scores}
    return sorted(scores, key=lambda d: (-round(z[d], 6), d))


def quota4(scores: dict[str, float], langs: dict[str, str]) -> list[str]:
    left, result = by_language(scores, langs), []
    while any(left.values()):
        used = [langs[d] for d in result[len(result) // 10 * 10 :]]
        free = [lang for lang in LANGS if left[lang] and used.count(lang) < 4]
        heads = [left[lang][0] for lang in free or LANGS if left[lang]]
        chosen = min(heads, key=lambda d: (-scores[d], d))
        left[langs[chosen]].remove(chosen)
        result.append(chosen)
    return result


@pytest.mark.parametrize(
    ("name", "expected"), [("interleave", interleaved), ("local5", local5), ("z50", z50), ("quota4", quota4)]
)
@pytest.mark.parametrize("k", [3, 25, 200])
def test_every_ranking_is_the_one_written_out(name: str, expected: Order, k: int) -> None:
    rng = np.random.default_rng(3)
    documents, queries = unit(rng, 120), unit(rng, 7)
    documents[5] = documents[50]  # equal scores, in whatever language
    ids = [f"d{(i * 37) % 120:03d}" for i in range(120)]
    langs = [LANGS[0] if i < 80 else LANGS[i % 3] for i in range(120)]
    searcher, rescored = VectorSearcher(ExactIndex(ids, langs, documents), queries), parse_rescored(name)
    assert rescored is not None
    hits = RescoredSearcher(searcher, rescored, ids, langs).search(range(7), k)
    scores = exact_scores(queries, documents)
    for i in range(7):
        order = expected(dict(zip(ids, scores[i].tolist(), strict=True)), dict(zip(ids, langs, strict=True)))
        assert [ids[row] for row in hits.rows[i]] == order[:k]
        assert (np.diff(hits.scores[i]) <= 0).all()


def test_one_language_is_searched_as_it_is_and_a_zero_vector_stays_last() -> None:
    rng = np.random.default_rng(5)
    documents, queries = unit(rng, 9), unit(rng, 2)
    documents[4] = 0
    ids, langs = [f"d{i}" for i in range(9)], ["de"] * 6 + ["en"] * 3
    plain = VectorSearcher(ExactIndex(ids, langs, documents), queries)
    rescored = parse_rescored("z50")
    assert rescored is not None
    merged = RescoredSearcher(plain, rescored, ids, langs)
    np.testing.assert_array_equal(merged.search([0, 1], 6, "de").rows, plain.search([0, 1], 6, "de").rows)
    assert merged.search([0, 1], 9).rows[:, -1].tolist() == [4, 4]
    assert merged.exact is False
    with pytest.raises(NotImplementedError):
        merged.full_ranks([0], [np.array([1])])


def test_translations_are_searched_together_and_the_best_score_counts() -> None:
    """Question 0 and its translation 1 find other documents; question 2 stands alone."""
    documents = np.eye(4, dtype=np.float32)
    queries = np.array([[0.8, 0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
    plain = VectorSearcher(ExactIndex(["a", "b", "c", "d"], ["de", "en", "de", "en"], documents), queries)
    both = TranslatedSearcher(plain, [[0, 1], [0, 1], [2]], ["a", "b", "c", "d"])
    hits = both.search([0, 1, 2], 3)
    assert hits.rows.tolist() == [[2, 0, 1], [2, 0, 1], [3, 0, 1]]
    np.testing.assert_allclose(hits.scores[0], [1.0, 0.8, 0.6], atol=1e-6)
    assert both.search([1], 4, "en").rows.tolist() == [[1, 3]]
    assert both.search([], 3).rows.shape == (0, 0)


class Short:
    """Knows two German documents and one English one for every question, whatever is wanted."""

    exact, n_queries = False, 1

    def search(self, queries: list[int], k: int, lang: str | None = None) -> Hits:
        raise AssertionError("languages are asked together")

    def search_each(self, queries: list[int], k: int, langs: list[str]) -> list[Hits]:
        rows = {"de": [0, 1, 2, 3], "en": [4]}
        tables = [np.array([[*rows[lang][:k], *[-1] * (k - len(rows[lang]))][:k]]) for lang in langs]
        return [Hits(t, np.where(t < 0, -np.inf, 1.0 - t / 10), np.zeros(1)) for t in tables]


def test_what_one_language_lacks_is_filled_up_from_others() -> None:
    rescored = parse_rescored("interleave")
    assert rescored is not None
    langs = ["de"] * 5 + ["en"] * 5
    merged = RescoredSearcher(Short(), rescored, [f"d{i}" for i in range(10)], langs)  # type: ignore[arg-type]
    assert merged.search([0], 5).rows.tolist() == [[0, 4, 1, 2, 3]]
