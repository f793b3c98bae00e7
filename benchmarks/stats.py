"""How well the statistics keep their promises, and how long they take; run by hand.

    OMP_NUM_THREADS=1 python benchmarks/stats.py [coverage] [macros] [type1] [timing]

Coverage is of nominal 95 % intervals over simulated tasks with a known true value; type I error of tests at a
nominal 5 % without any true difference. The Monte Carlo error of 95 % (one standard error) is 0.5 points with
2,000 simulations, 0.7 with 1,000 and 1 with 500. Every simulated task is one cell (or macro) of a
large layout, which resamples all of them with the same weights in one pass. Seeded: reruns give the same.
(Named stats, not statistics: a script's folder comes first on the import path, and would hide the standard
library's module from everything that imports it.)
"""

from __future__ import annotations

import itertools
import sys
import time

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats

from xlembed.stats.bootstrap import resample, score_cells
from xlembed.stats.layout import UnitLayout, cluster_sums, unit_layout
from xlembed.stats.mcnemar import mcnemar_test
from xlembed.stats.paired import difference_cells
from xlembed.stats.signflip import cluster_contributions, sign_flip_tests
from xlembed.stats.wilson import wilson_interval

N_SIMULATIONS = 2000
SIZES = {"5 each": (5, 5), "1 to 9": (1, 9)}


def tasks(
    rng: np.random.Generator, n_tasks: int, n_clusters: int, sizes: tuple[int, int], n_cells: int = 1
) -> UnitLayout:
    """n_tasks x n_cells cells over the same clusters; each need has a unit in every cell of its task."""
    cells, needs, clusters = [], [], []
    for task in range(n_tasks):
        size = rng.integers(sizes[0], sizes[1] + 1, size=n_clusters)
        owner = np.repeat(np.arange(n_clusters), size)
        for cell in range(n_cells):
            cells.append(np.full(len(owner), task * n_cells + cell))
            clusters.append(owner)
            needs.append(np.arange(len(owner)))
    names = tuple(f"c{i:04d}" for i in range(n_clusters))
    parts = [np.concatenate(p) for p in (cells, needs, clusters)]
    return UnitLayout(*parts, n_cells=n_tasks * n_cells, cluster_ids=names)


def hits(rng: np.random.Generator, layout: UnitLayout, p: float, icc: float) -> NDArray[np.float64]:
    """0/1 of mean p; two units of a cluster (in one cell) have correlation icc (beta-binomial)."""
    if icc == 0:
        chance = np.full(layout.n_units, p)
    else:
        spread = (1 - icc) / icc
        by_cluster = rng.beta(p * spread, (1 - p) * spread, size=(layout.n_cells, len(layout.cluster_ids)))
        chance = by_cluster[layout.cells, layout.clusters]
    return (rng.random(layout.n_units) < chance).astype(float)


def latent_hits(
    rng: np.random.Generator,
    layout: UnitLayout,
    p: NDArray[np.float64],
    n_cells: int,
    by_cluster: float,
    by_need: float,
) -> NDArray[np.float64]:
    """0/1 of mean p[cell of the task]; a normal latent, partly shared by cluster and need in all cells."""
    task = layout.cells // n_cells
    n_tasks, n_needs = layout.n_cells // n_cells, int(layout.needs.max()) + 1
    of_cluster = rng.standard_normal((n_tasks, len(layout.cluster_ids)))[task, layout.clusters]
    of_need = rng.standard_normal((n_tasks, n_needs))[task, layout.needs]
    own = rng.standard_normal(layout.n_units)
    latent = np.sqrt(by_cluster) * of_cluster + np.sqrt(by_need) * of_need
    latent += np.sqrt(1 - by_cluster - by_need) * own
    return (latent < scipy_stats.norm.ppf(p)[layout.cells % n_cells]).astype(float)


def covered(truth: float, scores: list[tuple[float | None, float | None]]) -> float:
    return 100 * float(
        np.mean([low is not None and high is not None and low <= truth <= high for low, high in scores])
    )


def coverage() -> None:
    print(f"# Coverage of 95 % intervals of a cell, 0/1 measure, {N_SIMULATIONS} tasks each")
    print("clusters  units     p     icc   ours   percentile  units as clusters (Wilson)")
    rng = np.random.default_rng(1)
    for n_clusters in (10, 30, 100, 240):
        for label, sizes in SIZES.items():
            layout = tasks(rng, N_SIMULATIONS, n_clusters, sizes)
            units = np.bincount(layout.cells)
            for p in (0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99):
                for icc in (0.0, 0.1, 0.5):
                    values = hits(rng, layout, p, icc)[:, None]
                    table = score_cells(layout, values, [True], n_resamples=4000)
                    drawn = resample(layout, values, n_resamples=4000)
                    mean = drawn.value[:, 0]
                    rows = [
                        covered(p, [(s.ci_low, s.ci_high) for (s,) in table.cells if s]),
                        covered(p, list(zip(drawn.low[:, 0], drawn.high[:, 0], strict=True))),
                        covered(p, [wilson_interval(m, n) for m, n in zip(mean, units, strict=True)]),
                    ]
                    print(
                        f"{n_clusters:8d}  {label}  {p:5.2f}  {icc:4.1f}  "
                        + "  ".join(f"{r:6.1f}" for r in rows)
                    )


def macros(clusters: tuple[int, ...] = (30, 240)) -> None:
    n, k = 500, 6
    print(f"# Macro of {k} cells, translations of the same needs, {n} tasks each")
    print("clusters  units   centre p  shared   coverage 0/1   coverage of A - B (same true value)")
    rng = np.random.default_rng(2)
    for n_clusters in clusters:
        for label, sizes in SIZES.items():
            layout = tasks(rng, n, n_clusters, sizes, k)
            lists = {str(t): range(t * k, t * k + k) for t in range(n)}
            for centre in (0.02, 0.2, 0.6, 0.9, 0.99):
                p = scipy_stats.norm.cdf(scipy_stats.norm.ppf(centre) + np.linspace(-0.3, 0.3, k))
                for by_cluster, by_need in ((0.0, 0.0), (0.1, 0.2), (0.4, 0.3)):
                    a, b = (latent_hits(rng, layout, p, k, by_cluster, by_need)[:, None] for _ in range(2))
                    table = score_cells(layout, a, [True], lists, n_resamples=2000)
                    delta = difference_cells(layout, a, b, lists, n_resamples=2000)
                    one = covered(
                        float(p.mean()), [(s.ci_low, s.ci_high) for (s,) in table.macros.values() if s]
                    )
                    two = covered(0.0, [(s.ci_low, s.ci_high) for (s,) in delta.macros.values() if s])
                    shared = f"{by_cluster:.1f}+{by_need:.1f}"
                    print(f"{n_clusters:8d}  {label}  {centre:5.2f}    {shared}   {one:6.1f}   {two:6.1f}")


def type1(clusters: tuple[int, ...] = (10, 30, 240)) -> None:
    n, k = 1000, 6
    print(f"# Type I error at 5 %, {n} tasks each: A and B equally good, hits alike within cluster and need")
    print("clusters  units   centre p  shared   sign-flip cell, macro   McNemar over pooled translations")
    rng = np.random.default_rng(3)
    for n_clusters in clusters:
        for label, sizes in SIZES.items():
            layout = tasks(rng, n, n_clusters, sizes, k)
            for centre in (0.05, 0.6, 0.95):
                p = scipy_stats.norm.cdf(scipy_stats.norm.ppf(centre) + np.linspace(-0.3, 0.3, k))
                for by_cluster, by_need in ((0.0, 0.0), (0.1, 0.2), (0.4, 0.3)):
                    a, b = (latent_hits(rng, layout, p, k, by_cluster, by_need) for _ in range(2))
                    rates = []
                    for cells in (1, k):
                        parts = _parts(layout, a - b, n, k, cells)
                        tests = sign_flip_tests(parts, rng, 1999)
                        rates.append(100 * np.mean([t.p_value <= 0.05 for t in tests]))
                    pooled = []
                    edges = np.searchsorted(layout.cells, np.arange(0, (n + 1) * k, k))
                    for start, stop in itertools.pairwise(edges[:401]):
                        alone = np.arange(stop - start)
                        pooled.append(mcnemar_test(a[start:stop], b[start:stop], alone).p_value <= 0.05)
                    shared = f"{by_cluster:.1f}+{by_need:.1f}"
                    print(
                        f"{n_clusters:8d}  {label}  {centre:5.2f}    {shared}   "
                        f"{rates[0]:6.1f}   {rates[1]:6.1f}   {100 * np.mean(pooled):6.1f}"
                    )


def _parts(
    layout: UnitLayout, delta: NDArray[np.float64], n_tasks: int, k: int, cells: int
) -> NDArray[np.float64]:
    """One column of contributions per task, over its first cells; the first checked against the library."""
    use = layout.cells % k < cells
    units = np.bincount(layout.cells)
    parts = np.zeros((len(layout.cluster_ids), n_tasks))
    share = delta[use] / units[layout.cells[use]] / cells
    np.add.at(parts, (layout.clusters[use], layout.cells[use] // k), share)
    expected = cluster_contributions(layout, delta[:, None], range(cells))[:, 0]
    np.testing.assert_allclose(parts[:, 0], expected, atol=1e-12)
    return parts


def timing() -> None:
    n_queries, n_langs, n_measures = 8000, 6, 16
    print(f"# {n_queries} queries, 72 cells, 4 macros, {n_measures} measures, 10,000 resamples; seconds")
    rng = np.random.default_rng(4)
    lists = {"mono": range(6), "cross": range(6, 12), "all": range(12, 42), "target": range(42, 72)}
    pairs = n_langs - 1
    for n_clusters in (8000, 240):
        cells, owners = [], []
        for q in range(n_queries):
            b = q % n_langs
            of_query = [b, 6 + b, *range(12 + b * pairs, 12 + b * pairs + pairs)]
            of_query += range(42 + b * pairs, 42 + b * pairs + pairs)
            cells += of_query
            owners += [f"c{q if n_clusters == n_queries else q // n_langs % n_clusters}"] * len(of_query)
        layout = unit_layout(cells, owners, owners, 72)
        a, b = rng.random((2, layout.n_units, n_measures))
        a[:, :6], b[:, :6] = a[:, :6] < 0.6, b[:, :6] < 0.6
        start = time.perf_counter()
        score_cells(layout, a, [True] * 6 + [False] * 10, lists)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        difference_cells(layout, a, b, lists)
        paired = time.perf_counter() - start
        start = time.perf_counter()
        parts = [cluster_contributions(layout, a - b, c) for c in lists.values()]
        sign_flip_tests(np.concatenate(parts, axis=1), rng, 10_000)
        flips = time.perf_counter() - start
        sums, tried = cluster_sums(layout, a), 4
        start = time.perf_counter()
        for cell in range(tried):
            rows = sums.cells == cell
            scipy_stats.bootstrap(
                (sums.sums[rows, 0], sums.counts[rows]),
                lambda s, c, axis: s.sum(axis=axis) / c.sum(axis=axis),
                paired=True,
                vectorized=True,
                n_resamples=10_000,
                batch=500,
                method="percentile",
                rng=rng,
            )
        naive = (time.perf_counter() - start) / tried * 72 * n_measures
        print(
            f"{n_clusters} clusters, {layout.n_units} units: scores {ours:.1f}, differences {paired:.1f}, "
            f"sign-flip of {4 * n_measures} macros {flips:.2f}; "
            f"scipy.stats.bootstrap per cell and measure {naive:.0f} "
            f"(from {tried} of {72 * n_measures}, no macros): {naive / ours:.0f} times as long"
        )


if __name__ == "__main__":
    known = {"coverage": coverage, "macros": macros, "type1": type1, "timing": timing}
    for name in sys.argv[1:] or known:
        began = time.perf_counter()
        known[name]()
        print(f"({name}: {time.perf_counter() - began:.0f} s)\n", flush=True)
