"""BM25 by hand, by the formula, and against what each pool must do."""

from __future__ import annotations

import math
import random
import tracemalloc
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from xlembed.search import bm25
from xlembed.search.base import significant
from xlembed.search.bm25 import Bm25Words, bm25_fingerprint

K1, B = 1.2, 0.75


def words(documents: Sequence[tuple[str, str, str]], queries: Sequence[str]) -> Bm25Words:
    """Documents as (id, language, text)."""
    ids, langs, texts = zip(*documents, strict=True)
    return Bm25Words(ids, langs, texts, queries)


def test_a_score_by_hand() -> None:
    """Two documents of 1 and 3 words, mean 2; "boat" is in both: idf = ln(1 + 0.5 / 2.5) = 0.182322.

    Length factors 1.2 (0.25 + 0.75 / 2) = 0.75 and 1.2 (0.25 + 2.25 / 2) = 1.65, so that the weights of one "boat"
    are 1 / 1.75 and 1 / 2.65; "red" is in one of two: ln 2 / 2.65 = 0.261565.
    """
    found = words(
        [("a", "sw", "boat"), ("b", "sw", "boat red big")], ["boat", "boat red", "boat boat", "blue"]
    )
    hits = found.search(range(4), 5)
    assert hits.rows.tolist() == [[0, 1], [1, 0], [0, 1], [-1, -1]]
    expected = [[0.104184, 0.0688005], [0.261565 + 0.0688005, 0.104184], [0.208367, 0.137601]]
    np.testing.assert_allclose(hits.scores[:3], expected, rtol=1e-5)
    assert hits.scores[3].tolist() == [-np.inf, -np.inf]


def formula(documents: Sequence[list[str]], query: list[str]) -> list[float]:
    """Robertson's formula with Lucene's idf, word for word."""
    n, mean = len(documents), sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        counts, score = Counter(document), 0.0
        for word in query:
            df = sum(word in other for other in documents)
            idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
            tf = counts[word]
            score += idf * tf / (tf + K1 * (1 - B + B * len(document) / mean))
        scores.append(score)
    return scores


def test_scores_by_the_formula() -> None:
    rng = random.Random(5)
    texts = [[f"w{rng.randrange(12)}" for _ in range(rng.randint(1, 9))] for _ in range(30)]
    queries = [[f"w{rng.randrange(14)}" for _ in range(rng.randint(1, 5))] for _ in range(20)]
    ids = [f"d{i}" for i in range(30)]
    found = words(
        [(i, "sw", " ".join(text)) for i, text in zip(ids, texts, strict=True)],
        [" ".join(q) for q in queries],
    )
    hits = found.search(range(20), 30)
    for row, score, query in zip(hits.rows, hits.scores, queries, strict=True):
        expected = significant(np.array(formula(texts, query)))
        order = sorted((i for i in range(30) if expected[i] > 0), key=lambda i: (-expected[i], ids[i]))
        assert [int(r) for r in row if r >= 0] == order
        np.testing.assert_allclose(score[: len(order)], expected[order], rtol=1e-6)


def test_ties_go_by_id_and_those_left_out_are_counted() -> None:
    found = words([("d10", "sw", "boat"), ("d9", "sw", "boat"), ("d1", "sw", "boat")], ["boat"])
    assert found.search([0], 3).rows.tolist() == [[2, 0, 1]]
    cut = found.search([0], 2)
    assert cut.rows.tolist() == [[2, 0]] and cut.boundary_ties.tolist() == [1]
    assert found.full_ranks([0], [np.array([1, 2])])[0].tolist() == [3, 1]


def test_near_ties_are_ranked_as_if_all_were_rounded_and_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores around the sixth digit and around powers of ten, many equal, some 0: every depth, every rank."""
    rng = np.random.default_rng(3)
    ids = [f"d{i % 7}{i}" for i in range(300)]
    found = words([(name, "sw", "boat") for name in ids], ["boat"] * 3)
    raw = rng.choice([0.0, 0.99999951, 1.0, 9.99999, 12.3456], (3, 300)) * (
        1 + rng.integers(-40, 40, (3, 300)) * 1e-7
    )
    monkeypatch.setattr(found, "_scores", lambda query, lang: raw[query])
    for query, scores in enumerate(map(significant, raw)):
        order = sorted(np.flatnonzero(scores), key=lambda i, of=scores: (-of[i], ids[i]))
        for k in (1, 2, 50, 150, len(order) - 1, len(order), 300):
            hits = found.search([query], k)
            assert hits.rows[0].tolist() == (order + [-1] * 300)[:k]
            assert hits.scores[0, : len(order)].tolist() == scores[order[:k]].tolist()
            left = order[k:]
            assert hits.boundary_ties[0] == sum(scores[i] == scores[order[k - 1]] for i in left)
        ranks = found.full_ranks([query], [np.arange(300)])[0]
        assert ranks.tolist() == [order.index(i) + 1 if i in order else 0 for i in range(300)]


def test_memory_does_not_grow_with_the_queries() -> None:
    """5,000 documents that each of 80 queries finds: its scores are 40 kB, and those of one query are held."""
    documents = [(f"d{i}", "sw", f"boat w{i}") for i in range(5000)]
    found = words(documents, [f"boat w{i}" for i in range(80)])
    wanted = [np.array([17, 4000])] * 80

    def bytes_of(n: int) -> tuple[int, int]:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        found.search(range(n), 10)
        found.full_ranks(range(n), wanted[:n])
        after, peak = tracemalloc.get_traced_memory()
        return after - before, peak - before

    tracemalloc.start()
    try:
        (_, of_few), (kept, of_many) = bytes_of(2), bytes_of(80)
    finally:
        tracemalloc.stop()
    one = 5000 * 8
    assert of_few > one and kept < one and of_many < of_few + one


MIXED = [
    ("d-en-1", "en", "houses"),
    ("d-en-2", "en", "dog"),
    ("d-de-1", "de", "Häuser"),
    ("d-de-2", "de", ""),
]


def test_each_language_reads_the_query_its_own_way() -> None:
    found = words(MIXED, ["house haus", "häuser", "nothing"])
    assert found.search([0], 4).rows.tolist() == [
        [0, 2, -1, -1]
    ]  # one of two, one of one: the rarer word first
    assert found.search([0, 1], 4, "de").rows.tolist() == [[2, -1], [2, -1]]
    assert found.search([1], 4, "en").rows.tolist() == [[-1, -1]]
    assert found.search([0], 4, "fr").rows.shape == (1, 0)
    assert found.full_ranks([0, 2], [np.array([2, 1]), np.array([0])])[0].tolist() == [2, 0]
    assert found.exact and found.n_queries == 3


def test_statistics_are_those_of_a_language() -> None:
    """Documents of other languages, and documents without words, change no score."""
    alone = words(MIXED[:2], ["house"]).search([0], 1, "en").scores
    beside = words([*MIXED, ("x", "en", "…")], ["house"]).search([0], 1, "en").scores
    np.testing.assert_array_equal(alone, beside)


def test_nothing_to_find() -> None:
    assert words([("a", "en", "!")], ["a"]).search([0], 3).rows.tolist() == [[-1]]
    assert words(MIXED, ["dog"]).search([], 3).rows.shape == (0, 3)
    with pytest.raises(ValueError, match="one each"):
        Bm25Words(["a"], ["en"], [], [])


def test_the_fingerprint_covers_analysis_parameters_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {bm25_fingerprint(["de"]), bm25_fingerprint(["de", "tr"])}
    monkeypatch.setattr(bm25, "version", lambda name: "9.9")
    found.add(bm25_fingerprint(["de"]))
    monkeypatch.undo()
    monkeypatch.setattr(bm25, "PARAMETERS", {**bm25.PARAMETERS, "k1": 1.5})
    found.add(bm25_fingerprint(["de"]))
    monkeypatch.undo()
    monkeypatch.setattr(bm25, "analyser_name", lambda lang: "other")
    found.add(bm25_fingerprint(["de"]))
    assert len(found) == 5


def test_a_word_of_one_letter_is_looked_for_among_letters() -> None:
    """By hand: each language by itself; "茶" is one of 5 letters of one of two texts, mean (5 + 3) / 2 = 4.

    idf = ln(1 + 1.5 / 1.5) = ln 2; 1 / (1 + 1.2 (0.25 + 0.75 x 5 / 4)) = 1 / 2.425: 0.285834.
    """
    documents = [
        ("a", "zh", "绿茶很香 好"),
        ("b", "zh", "伞很轻"),
        ("c", "ja", "猫"),
        ("d", "ko", "녹차가 맛있다"),
    ]
    found = words(documents, ["茶", "차", "猫", "猫 犬", "茶 绿茶", "犬"])
    hits = found.search(range(6), 4)
    assert [[int(r) for r in row if r >= 0] for row in hits.rows] == [[0], [3], [2], [2], [0], []]
    assert hits.scores[0, 0] == pytest.approx(0.285834, rel=1e-5)
    both = found.search([4], 1).scores[0, 0]
    assert both == pytest.approx(0.285834 + found_alone("绿茶"), rel=1e-5)


def found_alone(query: str) -> float:
    documents = [("a", "zh", "绿茶很香 好"), ("b", "zh", "伞很轻")]
    return float(words(documents, [query]).search([0], 1).scores[0, 0])


def test_invisible_characters_do_not_hide_a_word() -> None:
    found = words([("a", "de", "Der Garten\u200bstuhl"), ("b", "de", "Der Tisch")], ["Gartenstuhl", "Garten"])
    assert [[int(r) for r in row if r >= 0] for row in found.search([0, 1], 2).rows] == [[0], []]
