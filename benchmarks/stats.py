"""How well the statistics keep their promises, and how long they take; run by hand.

    OMP_NUM_THREADS=1 python benchmarks/stats.py [coverage] [differences] [macros] [type1] [power] [timing]

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
from scipy.optimize import brentq

from xlembed.stats.bootstrap import resample, score_cells
from xlembed.stats.layout import UnitLayout, cluster_sums, unit_layout
from xlembed.stats.mcnemar import mcnemar_test
from xlembed.stats.paired import difference_cells
from xlembed.stats.power import smallest_detectable
from xlembed.stats.scores import CiMethod
from xlembed.stats.signflip import cluster_contributions, sign_flip_tests

N_SIMULATIONS = 2000
NORMAL = scipy_stats.norm.ppf((np.arange(50_000) + 0.5) / 50_000)
KINDS = ("hits", "reciprocal rank", "nDCG@10", "precision@10", "recall of 4", "smooth", "beta")
"""Values of the simulated units. All but `beta` are functions of a normal latent that is shared within a cluster."""
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
        chance = np.full(len(layout.cells), p)
    else:
        spread = (1 - icc) / icc
        by_cluster = rng.beta(p * spread, (1 - p) * spread, size=(layout.n_cells, len(layout.cluster_ids)))
        chance = by_cluster[layout.cells, layout.clusters]
    return (rng.random(len(layout.cells)) < chance).astype(float)


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
    own = rng.standard_normal(len(layout.cells))
    latent = np.sqrt(by_cluster) * of_cluster + np.sqrt(by_need) * of_need
    latent += np.sqrt(1 - by_cluster - by_need) * own
    return (latent < scipy_stats.norm.ppf(p)[layout.cells % n_cells]).astype(float)


def covered(truth: float, scores: list[tuple[float | None, float | None]]) -> float:
    return 100 * float(
        np.mean([low is not None and high is not None and low <= truth <= high for low, high in scores])
    )


def values_of(
    rng: np.random.Generator, layout: UnitLayout, kind: str, p: float, icc: float
) -> tuple[NDArray[np.float64], float]:
    """Values of one kind and their true mean."""
    if kind == "hits":
        return hits(rng, layout, p, icc), p
    shape = (layout.n_cells, len(layout.cluster_ids))
    if kind == "beta":  # a beta mean per cluster, beta values about it: a few clusters hold nearly everything
        spread = (1 - icc) / icc
        mean = rng.beta(p * spread, (1 - p) * spread, size=shape)[layout.cells, layout.clusters]
        return rng.beta(np.maximum(20 * mean, 1e-9), np.maximum(20 * (1 - mean), 1e-9)), p
    shared, own = (
        rng.standard_normal(shape)[layout.cells, layout.clusters],
        rng.standard_normal(len(layout.cells)),
    )
    return graded(rng, kind, p, np.sqrt(icc) * shared + np.sqrt(1 - icc) * own)


def graded(
    rng: np.random.Generator, kind: str, p: float, latent: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """A function of a standard normal latent, shifted so that its mean is p; and that mean."""
    size = {"precision@10": 10, "recall of 4": 4}.get(kind, 0)

    def of(x: NDArray[np.float64]) -> NDArray[np.float64]:
        rank = np.ceil(np.exp(np.clip(-2.5 * x, -50, 50)))
        if kind == "hits":
            return (x > 0).astype(float)
        if kind == "reciprocal rank":
            return np.where(rank <= 1000, 1 / rank, 0.0)
        if kind == "nDCG@10":
            return np.where(rank <= 10, 1 / np.log2(rank + 1), 0.0)
        return 1 / (1 + np.exp(-2 * x))

    shift = brentq(lambda m: float(of(m + NORMAL).mean()) - p, -15, 15)
    values, truth = of(shift + latent), float(of(shift + NORMAL).mean())
    return (rng.binomial(size, values) / size if size else values), truth


def percentile_ends(layout: UnitLayout, values: NDArray[np.float64]) -> list[tuple[float, float]]:
    """What was used before for all but hits: percentiles of the bootstrap, a macro of one cell each."""
    drawn = resample(layout, values, {str(c): [c] for c in range(layout.n_cells)}, n_resamples=1000)
    low, high = np.quantile(drawn.macro_resamples[:, 0], [0.025, 0.975], axis=-1)
    return list(zip(low, high, strict=True))


def coverage(n: int = 500) -> None:
    print(f"# Coverage of 95 % intervals of a cell, {n} tasks each; marked: few clusters carry the score")
    print("clusters  units     icc  kind                p    now  marked   percentile")
    rng = np.random.default_rng(1)
    for n_clusters in (20, 50, 100):
        layout = tasks(rng, n, n_clusters, SIZES["1 to 9"])
        for icc in (0.05, 0.5):
            for kind in KINDS:
                for p in (0.02, 0.1, 0.5, 0.9, 0.98):
                    values, truth = values_of(rng, layout, kind, p, icc)
                    table = score_cells(layout, values[:, None], [kind == "hits"], n_resamples=1000)
                    found = [s for (s,) in table.cells if s]
                    now = covered(truth, [(s.ci_low, s.ci_high) for s in found])
                    marked = 100 * np.mean([s.ci_method is CiMethod.WILSON_SPARSE for s in found])
                    before = covered(truth, percentile_ends(layout, values[:, None]))
                    print(
                        f"{n_clusters:8d}  1 to 9  {icc:5.2f}  {kind:16s} {p:4.2f}  {now:5.1f}   {marked:5.1f}   "
                        f"{before:9.1f}",
                        flush=True,
                    )


def differences(n: int = 500) -> None:
    print(f"# Coverage of 95 % intervals of A - B in a cell, {n} tasks each; models alike by 0 or 0.9")
    print("clusters  icc   alike  kind                A     B     now   percentile")
    rng = np.random.default_rng(5)
    for n_clusters in (20, 50):
        layout = tasks(rng, n, n_clusters, SIZES["1 to 9"])
        for icc, alike, kind in itertools.product(
            (0.05, 0.5), (0.0, 0.9), ("hits", "reciprocal rank", "smooth")
        ):
            for p, q in ((0.02, 0.02), (0.05, 0.02), (0.5, 0.5), (0.6, 0.4), (0.9, 0.9), (0.95, 0.85)):
                a, b, truth = pair(rng, layout, kind, (p, q), icc, alike)
                table = difference_cells(layout, a[:, None], b[:, None], n_resamples=1000)
                now = covered(truth, [(s.ci_low, s.ci_high) for (s,) in table.cells if s])
                before = covered(truth, percentile_ends(layout, (a - b)[:, None]))
                print(
                    f"{n_clusters:8d}  {icc:4.2f}  {alike:4.1f}  {kind:16s} {p:4.2f}  {q:4.2f}  {now:5.1f}  "
                    f"{before:9.1f}",
                    flush=True,
                )


def pair(
    rng: np.random.Generator,
    layout: UnitLayout,
    kind: str,
    means: tuple[float, float],
    icc: float,
    alike: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Values of two models on the same units, and the true difference."""

    def latent() -> NDArray[np.float64]:
        shared = rng.standard_normal((layout.n_cells, len(layout.cluster_ids)))[layout.cells, layout.clusters]
        return np.sqrt(icc) * shared + np.sqrt(1 - icc) * rng.standard_normal(len(layout.cells))

    common = latent()
    (a, mean_a), (b, mean_b) = (
        graded(rng, kind, mean, np.sqrt(alike) * common + np.sqrt(1 - alike) * latent()) for mean in means
    )
    return a, b, mean_a - mean_b


def power(n: int = 400) -> None:
    print(f"# Power of the sign-flip test at 5 % for the smallest detectable difference, {n} tasks each")
    print(
        "clusters  units  p     alike  smallest  power   (t quantiles and more discordance left out: smallest, power)"
    )
    rng = np.random.default_rng(6)
    for n_clusters, units, p, alike in itertools.product((50, 200), (1, 5), (0.6, 0.9, 0.97), (0.0, 0.9)):
        layout = tasks(rng, n, n_clusters, (units, units))

        def by_cluster(
            lost: float, layout: UnitLayout = layout, p: float = p, alike: float = alike
        ) -> NDArray[np.float64]:
            a, b, _ = pair(rng, layout, "hits", (p, p - lost), 0.3, alike)
            sums = cluster_sums(layout, (a - b)[:, None])
            return sums.sums.reshape(n, -1) / sums.counts.reshape(n, -1)

        equal = by_cluster(0.0)
        ses, ks = equal.std(axis=1) / np.sqrt(n_clusters), np.count_nonzero(equal, axis=1)
        sizes = (
            np.median(
                [
                    smallest_detectable(se, n_clusters, n_discordant_clusters=k)
                    for se, k in zip(ses, ks, strict=True)
                ]
            ),
            2.8016 * np.median(np.maximum(ses, np.sqrt(3) / n_clusters)),
        )
        shown = []
        for size in sizes:
            tests = sign_flip_tests(by_cluster(min(float(size), p)).T, rng, 999)
            shown.append(f"{size:.4f}  {100 * np.mean([t.p_value <= 0.05 for t in tests]):5.1f}")
        print(f"{n_clusters:8d}  {units:5d}  {p:.2f}  {alike:5.1f}  {'   '.join(shown)}", flush=True)


def macros(clusters: tuple[int, ...] = (20, 240)) -> None:
    n, k = 500, 6
    print(f"# Macro of {k} cells, translations of the same needs, {n} tasks each")
    print("clusters  units   centre p  shared   coverage 0/1   coverage of A - B (same true value)")
    rng = np.random.default_rng(2)
    for n_clusters in clusters:
        for label, sizes in SIZES.items():
            layout = tasks(rng, n, n_clusters, sizes, k)
            lists = {str(t): range(t * k, t * k + k) for t in range(n)}
            for centre in (0.02, 0.2, 0.6, 0.9, 0.98):
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
        a, b = rng.random((2, len(layout.cells), n_measures))
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
            f"{n_clusters} clusters, {len(layout.cells)} units: scores {ours:.1f}, differences {paired:.1f}, "
            f"sign-flip of {4 * n_measures} macros {flips:.2f}; "
            f"scipy.stats.bootstrap per cell and measure {naive:.0f} "
            f"(from {tried} of {72 * n_measures}, no macros): {naive / ours:.0f} times as long"
        )


if __name__ == "__main__":
    known = {
        "coverage": coverage,
        "differences": differences,
        "macros": macros,
        "type1": type1,
        "power": power,
        "timing": timing,
    }
    for name in sys.argv[1:] or known:
        began = time.perf_counter()
        known[name]()
        print(f"({name}: {time.perf_counter() - began:.0f} s)\n", flush=True)
