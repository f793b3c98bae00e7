"""Tokens, truncation, faults of vectors, self-retrieval, prompts, t-SNE, UMAP."""

from __future__ import annotations

import numpy as np
import pytest

from analyse.test_separation import at_angles, cosine_silhouette, two_clumps
from xlembed.analyse.points import estimate, vector_faults
from xlembed.analyse.projection import require_umap, tsne, umap
from xlembed.analyse.sanity import (
    doubled_prompts,
    duplicate_rows,
    missing_prompts,
    self_ranks,
)
from xlembed.analyse.tokenisation import ratio_parts, token_premiums
from xlembed.embeddings.truncation import truncation
from xlembed.words import UserError


def test_premiums_use_the_texts_that_both_languages_have() -> None:
    tokens = np.array([10, 20, 15, 35, 99, 7])
    langs = ["en", "en", "tr", "tr", "tr", "xx"]
    keys = ["a", "b", "a", "b", "c", "d"]  # c is Turkish only, xx shares nothing
    english, turkish = token_premiums(tokens, langs, keys)
    assert (english.lang, turkish.lang) == ("en", "tr")
    assert english.parts.tolist() == [1, 1]
    assert turkish.tokens.tolist() == [15, 35]
    assert turkish.parts.mean() == pytest.approx(50 / 30)
    assert token_premiums(tokens, langs, keys, base="de") == []


def test_ratio_parts_spread_as_the_resampled_ratio() -> None:
    rng = np.random.default_rng(0)
    under = rng.integers(5, 30, 200).astype(float)
    over = 1.5 * under + rng.normal(0, 4, 200)
    parts = ratio_parts(over, under)
    assert parts.mean() == pytest.approx(over.sum() / under.sum())
    drawn = [over[i].sum() / under[i].sum() for i in rng.integers(0, 200, (2000, 200))]
    assert parts.std() / np.sqrt(200) == pytest.approx(np.std(drawn), rel=0.08)


def test_truncation_counted_by_hand() -> None:
    """12 tokens, 2 of them the model's own, 8 taken: 4 of 10 are lost."""
    lost, whole = truncation(np.array([12, 8, 2]), overhead=2, max_tokens=8)
    assert (lost.tolist(), whole.tolist()) == ([4, 0, 0], [10, 6, 0])
    lost, _ = truncation(np.array([12]), overhead=2, max_tokens=None)
    assert lost.tolist() == [0]
    lost, whole = truncation(np.array([12]), overhead=10, max_tokens=5)
    assert (lost.tolist(), whole.tolist()) == ([2], [2])  # not more than there is


def test_faults_are_found() -> None:
    vectors = np.array([[0, 0], [0, 1], [np.nan, 0], [np.inf, 0], [0, 0]])
    zero, broken = vector_faults(vectors)
    assert (zero.tolist(), broken.tolist()) == ([0, 4], [2, 3])


def test_duplicates_differ_by_less_than_anyone_sees() -> None:
    vectors = at_angles(0, 90, 0.00001, 45, 90)
    vectors[3, 1] *= 1.001
    assert duplicate_rows(vectors, np.arange(5)) == [[0, 2], [1, 4]]
    assert duplicate_rows(vectors, np.array([0, 1, 3])) == []


def test_a_document_that_does_not_find_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third text, asked, lies nearer to the first two documents."""
    documents = at_angles(0, 10, 50, 50)
    queries = at_angles(0, 10, 6, 50)
    rows = np.array([0, 1, 2, 3])
    assert self_ranks(queries, rows, documents).tolist() == [1, 1, 3, 1]
    monkeypatch.setattr("xlembed.analyse.sanity.BLOCK_CELLS", 4)
    assert self_ranks(queries, rows, documents).tolist() == [1, 1, 3, 1]


def test_prompts_that_are_missing_or_doubled() -> None:
    asked = {"the card": {"query": "query: ", "document": ""}}
    assert missing_prompts({"query": "query: ", "document": ""}, asked) == []
    assert missing_prompts({"query": "other: ", "document": ""}, asked) == []
    (line,) = missing_prompts({"query": "", "document": ""}, asked)
    assert line.startswith("query: nothing") and "the card asks for 'query: '" in line
    (line,) = doubled_prompts({"query": "query: ", "document": ""}, {"query": [" query: a", "b"]})
    assert line.startswith("query: 1 of 2 texts")


def test_tsne_keeps_clumps_apart_and_repeats_itself() -> None:
    vectors, langs = two_clumps(40)
    points = tsne(vectors)
    assert points.shape == (80, 2)
    centred = points - points.mean(axis=0)
    assert cosine_silhouette(centred / np.linalg.norm(centred, axis=1, keepdims=True), langs).mean() > 0.5
    assert (tsne(vectors) == points).all()
    with pytest.raises(UserError, match="at least 10 documents, found 4"):
        tsne(vectors[:4])


def test_umap_keeps_clumps_apart_and_repeats_itself() -> None:
    pytest.importorskip("umap")
    vectors, langs = two_clumps(40)
    points = umap(vectors)
    assert points.shape == (80, 2)
    centred = points - points.mean(axis=0)
    assert cosine_silhouette(centred / np.linalg.norm(centred, axis=1, keepdims=True), langs).mean() > 0.5
    assert (umap(vectors) == points).all()
    with pytest.raises(UserError, match="at least 10 documents, found 4"):
        umap(vectors[:4])


def test_umap_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlembed.analyse.projection.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'xlembed\[umap\]'"):
        require_umap()
    with pytest.raises(UserError, match=r"pip install 'xlembed\[umap\]'"):
        umap(two_clumps(40)[0])


def test_estimates_resample_whole_clusters() -> None:
    """Twenty clusters of ten equal values: the interval is that of twenty values, not of two hundred."""
    rng = np.random.default_rng(3)
    values = np.repeat(rng.normal(size=20), 10)
    clusters = [str(i // 10) for i in range(200)]
    cells = np.zeros(200, dtype=np.int64)
    whole = estimate(cells, values, clusters, 1).macros["all"][0]
    single = estimate(cells, values, [str(i) for i in range(200)], 1).macros["all"][0]
    assert whole and single and whole.ci_low and whole.ci_high and single.ci_low and single.ci_high
    assert (whole.n_units, whole.n_clusters, single.n_clusters) == (200, 20, 200)
    ratio = (whole.ci_high - whole.ci_low) / (single.ci_high - single.ci_low)
    # sqrt(10), t(0.975) of 19 against 199 degrees of freedom, n / (n - 1) of each; and 20 values show more skewness
    assert ratio == pytest.approx(np.sqrt(10) * (2.0930 / 1.9720) * np.sqrt(20 / 19 / (200 / 199)), rel=0.15)
    few = estimate(cells[:9], values[:9], list("abcdefghi"), 1).cells[0][0]
    assert few and few.ci_low is None and few.ci_method.startswith("none")
