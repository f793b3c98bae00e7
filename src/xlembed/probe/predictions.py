"""How wrong predicted scores and labels are, with intervals and paired tests by document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed, cluster_weights
from xlembed.stats.holm import holm
from xlembed.stats.intervals import drawn_ends
from xlembed.stats.layout import Floats
from xlembed.stats.scores import CiMethod
from xlembed.stats.signflip import CHUNK_BYTES, N_FLIPS, TIE, flips_needed
from xlembed.stats.spearman import percentile_ends, spearman_draws
from xlembed.words import Lang

SPEARMAN_RESAMPLES = 2_000
"""Ranks must be made anew in each resample."""
Moments = NDArray[np.float64]
"""What sums over texts: shape (..., n_dimensions, n_moments)."""


@dataclass(frozen=True)
class Measure:
    """A measure that is a function of sums over texts.

    Attributes:
        of: sums of moments, shape (..., n_moments) -> values, shape (...).
        lower_is_better: as an error is.
    """

    name: str
    of: Callable[[Moments], Floats]
    lower_is_better: bool


def _ratio(above: Floats, below: Floats) -> Floats:
    """0 where nothing is counted, as scikit-learn's zero_division=0."""
    found: Floats = np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below > 0)
    return found


SCORE_MEASURES = (
    Measure("MAE", lambda m: _ratio(m[..., 0], m[..., 2]), lower_is_better=True),
    Measure("RMSE", lambda m: np.sqrt(_ratio(m[..., 1], m[..., 2])), lower_is_better=True),
)
"""Of the moments |error|, error squared, 1."""
LABEL_MEASURES = (
    Measure(
        "F1", lambda m: _ratio(2 * m[..., 0], 2 * m[..., 0] + m[..., 1] + m[..., 2]), lower_is_better=False
    ),
    Measure("precision", lambda m: _ratio(m[..., 0], m[..., 0] + m[..., 1]), lower_is_better=False),
    Measure("recall", lambda m: _ratio(m[..., 0], m[..., 0] + m[..., 2]), lower_is_better=False),
    Measure("accuracy", lambda m: _ratio(m[..., 0] + m[..., 3], m.sum(axis=-1)), lower_is_better=False),
)
"""Of the counts of true positives, false positives, false negatives, true negatives."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What several systems predict of the same texts.

    Every overall value is the unweighted mean over the dimensions.

    Attributes:
        truth: shape (n, n_dimensions).
        systems: name -> predictions, same shape.
        thresholds: labels only: name -> the least prediction that says yes, shape (n_dimensions,).
        dimensions: names of the columns.
        languages: of each text.
        clusters: of each text: its document.
    """

    truth: Floats
    systems: Mapping[str, Floats]
    thresholds: Mapping[str, Floats] | None
    dimensions: tuple[str, ...]
    languages: tuple[Lang, ...]
    clusters: tuple[str, ...]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The first is the primary one."""
        return SCORE_MEASURES if self.thresholds is None else LABEL_MEASURES

    @property
    def primary(self) -> Measure:
        """What is tested."""
        return self.measures[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the systems."""
        return tuple(self.systems)

    @cached_property
    def moments(self) -> Moments:
        """Shape (n_systems, n, n_dimensions, n_moments)."""
        return np.stack([self._moments(name) for name in self.names])

    def _moments(self, name: str) -> Moments:
        if self.thresholds is None:
            error = self.systems[name] - self.truth
            return np.stack([np.abs(error), error**2, np.ones_like(error)], axis=-1)
        yes, true = self.systems[name] >= self.thresholds[name], self.truth > 0.5
        return np.stack([yes & true, yes & ~true, ~yes & true, ~yes & ~true], axis=-1).astype(np.float64)

    @cached_property
    def sums(self) -> Moments:
        """Of all texts per cluster, shape (n_clusters, n_systems, n_dimensions, n_moments)."""
        return self._cluster_sums(np.ones(len(self.truth), dtype=bool))[0]

    @cached_property
    def values(self) -> Floats:
        """The primary measure overall, shape (n_systems,)."""
        found: Floats = self.primary.of(self.sums.sum(axis=0)).mean(axis=-1)
        return found

    @cached_property
    def draws(self) -> Floats:
        """The primary measure overall in every resample of the documents, shape (N_RESAMPLES, n_systems)."""
        found: Floats = np.concatenate([self.primary.of(s).mean(axis=-1) for s in self._resampled(self.sums)])
        return found

    def _cluster_sums(self, chosen: NDArray[np.bool_]) -> tuple[Moments, int]:
        """Sums of the chosen texts per cluster of all texts, and the number of clusters with such texts."""
        ids, column = np.unique(np.asarray(self.clusters), return_inverse=True)
        n_systems, _, n_dimensions, n_moments = self.moments.shape
        sums = np.zeros((len(ids), n_systems, n_dimensions, n_moments))
        np.add.at(sums, column[chosen], self.moments[:, chosen].swapaxes(0, 1))
        return sums, len(set(column[chosen]))

    def _resampled(self, sums: Moments) -> Iterator[Moments]:
        """Sums in some resamples, shape (some, n_systems, n_dimensions, n_moments)."""
        flat = sums.reshape(len(sums), -1)
        for weights in cluster_weights(self.clusters, N_RESAMPLES):
            yield (weights @ flat).reshape(len(weights), *sums.shape[1:])


def error_rows(found: Predictions) -> list[dict[str, Any]]:
    """Every measure of every system: overall, per dimension, per language, and per dimension in each language.

    Returns:
        Rows with `system`, `measure`, `dimension` and `lang` (None: all), `value`, `ci_low`, `ci_high` (95 %, cluster
        bootstrap over documents, see `intervals`; None under 10 documents), `n` (texts), `n_clusters` and `method`.
    """
    rows: list[dict[str, Any]] = []
    languages = sorted(set(found.languages))
    for lang in [None, *(languages if len(languages) > 1 else [])]:
        chosen = np.array([lang is None or code == lang for code in found.languages])
        rows += _summed_rows(found, chosen, lang)
        if found.thresholds is None:
            rows += _spearman_rows(found, chosen, lang)
    return rows


def _summed_rows(
    found: Predictions, chosen: NDArray[np.bool_], lang: Lang | None
) -> Iterator[dict[str, Any]]:
    sums, n_clusters = found._cluster_sums(chosen)
    total, resampled = sums.sum(axis=0), list(found._resampled(sums))
    told = {"lang": lang, "n": int(chosen.sum()), "n_clusters": n_clusters}
    is_share = found.thresholds is not None
    for measure in found.measures:
        draws = np.concatenate([measure.of(part) for part in resampled])
        for dimension, values, drawn in _faces(found.dimensions, measure.of(total), draws):
            for s, system in enumerate(found.names):
                interval = drawn_ends(float(values[s]), drawn[:, s], n_clusters, is_share=is_share)
                row = {"system": system, "measure": measure.name, "dimension": dimension, **told}
                yield row | _numbers(values[s], interval)


def _spearman_rows(
    found: Predictions, chosen: NDArray[np.bool_], lang: Lang | None
) -> Iterator[dict[str, Any]]:
    clusters = [c for c, keep in zip(found.clusters, chosen, strict=True) if keep]
    n_clusters, columns = len(set(clusters)), range(len(found.dimensions))
    told = {"lang": lang, "n": int(chosen.sum()), "n_clusters": n_clusters}
    for system in found.names:
        pairs = [(found.systems[system][chosen, d], found.truth[chosen, d]) for d in columns]
        drawn = [spearman_draws(x, y, clusters, SPEARMAN_RESAMPLES) for x, y in pairs]
        all_values = np.array([[value for value, _ in drawn]])
        all_draws = np.stack([draws for _, draws in drawn], axis=-1)[:, None]
        for dimension, values, draws in _faces(found.dimensions, all_values, all_draws):
            low, high = percentile_ends(draws[:, 0], n_clusters)
            method = CiMethod.NONE if low is None else CiMethod.CLUSTER_PERCENTILE
            row = {"system": system, "measure": "Spearman", "dimension": dimension, **told}
            yield row | _numbers(values[0], (low, high, method))


def _faces(
    dimensions: Sequence[str], values: Floats, draws: Floats
) -> Iterator[tuple[str | None, Floats, Floats]]:
    """All dimensions together, then each; a single one is only told together."""
    yield None, values.mean(axis=-1), draws.mean(axis=-1)
    for d, name in enumerate(dimensions if len(dimensions) > 1 else ()):
        yield name, values[..., d], draws[..., d]


def _numbers(value: float, interval: tuple[float | None, float | None, CiMethod]) -> dict[str, Any]:
    low, high, method = interval
    return {
        "value": _rounded(value),
        "ci_low": _rounded(low),
        "ci_high": _rounded(high),
        "method": str(method),
    }


def comparison_rows(found: Predictions) -> list[dict[str, Any]]:
    """All pairs of systems by the primary measure over all texts, one Holm family.

    The test exchanges the two systems' predictions of whole documents at random and asks how often the difference is at
    least as far from 0 (approximate randomisation: Noreen 1989; Yeh 2000, "More accurate tests for the statistical
    significance of result differences"). For MAE it is the sign-flip test of the documents' sums.

    Returns:
        Rows with `a`, `b`, `measure`, `difference` (a minus b), `ci_low`, `ci_high` (unadjusted), `p`, `p_holm`,
        `n_clusters`.
    """
    pairs = list(combinations(range(len(found.names)), 2))
    if not pairs:
        return []
    n_clusters = len(found.sums)
    p_values = _exchange_tests(found, pairs)
    rows = []
    for (a, b), p, adjusted in zip(pairs, p_values, holm(p_values), strict=True):
        difference = found.values[a] - found.values[b]
        low, high, _ = drawn_ends(float(difference), found.draws[:, a] - found.draws[:, b], n_clusters)
        rows.append(
            {
                "a": found.names[a],
                "b": found.names[b],
                "measure": found.primary.name,
                "difference": _rounded(difference),
                "ci_low": _rounded(low),
                "ci_high": _rounded(high),
                "p": float(f"{p:.6g}"),
                "p_holm": float(f"{adjusted:.6g}"),
                "n_clusters": n_clusters,
            }
        )
    return rows


def _exchange_tests(found: Predictions, pairs: Sequence[tuple[int, int]]) -> list[float]:
    """Two-sided p-values, (b + 1) / (n_flips + 1)."""
    value, observed, sums = found.primary.of, found.values, found.sums
    total, flat = sums.sum(axis=0), sums.reshape(len(sums), -1)
    scale = np.abs(observed).max()
    n_flips = max(N_FLIPS, flips_needed(len(pairs)))
    rng = np.random.default_rng(
        cluster_seed(found.clusters) + 1
    )  # + 1: not the stream of the bootstrap weights
    rows = max(1, CHUNK_BYTES // (8 * max(flat.shape)))
    beyond = np.zeros(len(pairs), dtype=np.int64)
    for start in range(0, n_flips, rows):
        size = (min(rows, n_flips - start), len(sums))
        given = (rng.integers(0, 2, size=size).astype(np.float64) @ flat).reshape(-1, *total.shape)
        for i, (a, b) in enumerate(pairs):
            # The clusters drawn change sides: a gives its own and takes b's.
            first = value(total[a] - given[:, a] + given[:, b]).mean(axis=-1)
            second = value(total[b] - given[:, b] + given[:, a]).mean(axis=-1)
            beyond[i] += (np.abs(first - second) >= abs(observed[a] - observed[b]) - TIE * scale).sum()
    return [(int(b) + 1) / (n_flips + 1) for b in beyond]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 6)
