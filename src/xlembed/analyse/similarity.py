"""Cosines within and between languages: all pairs of documents, and translations alone.

Vectors are of unit length, float32, shape (n, dim); languages are codes from 0 in [0, n_langs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xlembed.analyse.points import Points, estimate_each
from xlembed.analyse.result import PairMean
from xlembed.stats.layout import Floats, Ints
from xlembed.words import Vectors

Pair = tuple[int, int]
"""Codes of two languages, the smaller one first; twice the same for pairs within a language."""


def cosine_section(points: Points) -> list[PairMean]:
    """Means over languages (``same``) and over pairs (``different``), then of each."""
    found = cosine_parts(points.vectors, points.sample.langs, len(points.sample.languages))
    kinds = ["same" if a == b else "different" for a, b in found]
    macros = {kind: [i for i, of in enumerate(kinds) if of == kind] for kind in ("same", "different")}
    parts = {
        pair: ([points.groups[row] for row in rows.tolist()], values)
        for pair, (rows, values) in found.items()
    }
    return _pair_means(points, parts, macros)


def translation_section(points: Points) -> list[PairMean]:
    """Of translations: the mean over all pairs, then of each; none without any."""
    found = translation_cosines(points.vectors, points.sample.langs, points.groups)
    return _pair_means(points, found, {"translations": range(len(found))}) if found else []


def _pair_means(
    points: Points, parts: Mapping[Pair, tuple[list[str], Floats]], macros: Mapping[str, Sequence[int]]
) -> list[PairMean]:
    groups = [group for of, _ in parts.values() for group in of]
    lists = [values for _, values in parts.values()]
    table = estimate_each(lists, groups, macros=macros, all_clusters=points.groups)
    names = points.sample.languages
    rows = [PairMean.of(score, a=name, b=None) for name, (score,) in table.macros.items() if score]
    return rows + [
        PairMean.of(score, a=names[a], b=names[b])
        for (a, b), (score,) in zip(parts, table.cells, strict=True)
        if score
    ]


def mean_cosines(vectors: Vectors, langs: Ints, n_langs: int) -> Floats:
    """Mean cosine over all pairs of different points of two languages.

    Returns:
        float64, shape (n_langs, n_langs), symmetric, in [-1, 1]; NaN where there is no pair.

    >>> v = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    >>> mean_cosines(v, np.array([0, 0, 1]), 2).tolist()
    [[0.0, 0.5], [0.5, nan]]
    """
    sums, counts, own = _totals(vectors, langs, n_langs)
    diagonal = np.diag_indices(n_langs)
    pairs, totals = np.outer(counts, counts), sums @ sums.T
    pairs[diagonal] -= counts
    totals[diagonal] -= own
    means: Floats = np.full((n_langs, n_langs), np.nan)
    np.divide(totals, pairs, out=means, where=pairs > 0)
    return means


def cosine_parts(vectors: Vectors, langs: Ints, n_langs: int) -> dict[Pair, tuple[Ints, Floats]]:
    """What each point adds to the mean cosine of two languages, for resampling points or groups.

    A mean over pairs is a U-statistic; a resample of its points is approximated by its first-order (Hájek)
    projection, van der Vaart 1998, chapter 12. A point's part is 2 h - m, h being its mean cosine to the points of
    the other language and m the mean of all. With as many points in both languages the mean of the parts is m, and
    their resampled means spread as m does.

    Returns:
        pair of languages -> rows, int64, and their parts, float64; both shape (points of either language,). A
        language with one point has no pair with itself.
    """
    sums, counts, _ = _totals(vectors, langs, n_langs)
    means = mean_cosines(vectors, langs, n_langs)
    points = vectors.astype(np.float64)
    toward = points @ sums.T
    squares = np.square(points).sum(axis=1)
    rows_of = [np.flatnonzero(langs == code) for code in range(n_langs)]
    parts: dict[Pair, tuple[Ints, Floats]] = {}
    for a in range(n_langs):
        if counts[a] > 1:
            to_others = (toward[rows_of[a], a] - squares[rows_of[a]]) / (counts[a] - 1)
            parts[a, a] = rows_of[a], 2 * to_others - means[a, a]
        for b in range(a + 1, n_langs):
            if counts[a] and counts[b]:
                rows = np.concatenate([rows_of[a], rows_of[b]])
                across = np.concatenate(
                    [toward[rows_of[a], b] / counts[b], toward[rows_of[b], a] / counts[a]]
                )
                parts[a, b] = rows, 2 * across - means[a, b]
    return parts


def translation_cosines(
    vectors: Vectors, langs: Ints, groups: Sequence[str]
) -> dict[Pair, tuple[list[str], Floats]]:
    """Cosine of each document with its translation, per pair of languages.

    Translations of one text share a group; a language that a group holds twice is left out there. Groups, and their
    cosines, float64, are in the order of the groups' first rows.
    """
    places: dict[str, dict[int, list[int]]] = {}
    for row, (lang, group) in enumerate(zip(langs.tolist(), groups, strict=True)):
        places.setdefault(group, {}).setdefault(lang, []).append(row)
    found: dict[Pair, list[tuple[str, int, int]]] = {}
    for group, by_lang in places.items():
        single = sorted((lang, rows[0]) for lang, rows in by_lang.items() if len(rows) == 1)
        for i, (a, row_a) in enumerate(single):
            for b, row_b in single[i + 1 :]:
                found.setdefault((a, b), []).append((group, row_a, row_b))
    points = vectors.astype(np.float64)
    return {
        pair: (
            [group for group, _, _ in rows],
            np.einsum("ij,ij->i", points[[a for _, a, _ in rows]], points[[b for _, _, b in rows]]),
        )
        for pair, rows in sorted(found.items())
    }


def _totals(vectors: Vectors, langs: Ints, n_langs: int) -> tuple[Floats, Floats, Floats]:
    """Per language: sum of the vectors, points, sum of squared lengths."""
    points = vectors.astype(np.float64)
    sums: Floats = np.zeros((n_langs, points.shape[1]))
    np.add.at(sums, langs, points)
    counts: Floats = np.bincount(langs, minlength=n_langs).astype(np.float64)
    lengths = np.square(points).sum(axis=1)
    own: Floats = np.bincount(langs, weights=lengths, minlength=n_langs).astype(np.float64)
    return sums, counts, own
