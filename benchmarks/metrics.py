"""Measures of every unit against pytrec_eval (C) and, where it is installed, ranx (numba) on the same rankings.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [UNITS]

Units have one to three relevant documents; each ranking holds 1,000. The peers are handed their run as it wants to be
(dictionaries, sorted arrays), made outside the clock; ours begins at the ranks, as the search gives them. All values
are compared. Medians of three interleaved rounds; run by hand.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import pytrec_eval
from measuring import Line, interleaved, say

from xlembed.measures import parse_measures
from xlembed.search.table import JudgedRanks, measure_units

DEPTH = 1000
CUTS = (1, 3, 5, 10, 100)
OURS = [*(f"{name}@{k}" for name in ("accuracy", "recall", "precision") for k in CUTS), "nDCG@10", "MRR"]
TREC = {"accuracy": "success", "recall": "recall", "precision": "P"}
RANX = {"accuracy": "hit_rate", "recall": "recall", "precision": "precision", "nDCG": "ndcg"}
"""MRR of ranx has the same name in small letters."""


def lines(n_units: int = 3600) -> list[Line]:
    """One per peer."""
    rng = np.random.default_rng(0)
    units = [_unit(rng) for _ in range(n_units)]
    measures = parse_measures(OURS)
    qrels = {str(i): {f"d{rank}": 1 for rank in unit.ranks} for i, unit in enumerate(units)}
    run = {f"d{rank}": float(-rank) for rank in range(1, DEPTH + 1)}
    runs = dict.fromkeys(qrels, run)
    what = f"{len(OURS)} measures of {n_units:,} units, depth {DEPTH:,}"
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels,
        {*(f"{name}.{','.join(map(str, CUTS))}" for name in TREC.values()), "ndcg_cut.10", "recip_rank"},
    )
    values, theirs = measure_units(units, measures), evaluator.evaluate(runs)
    for name in OURS:
        found = [theirs[query][_trec_name(name)] for query in qrels]
        assert np.allclose(values[name], found, atol=1e-6), name
    found = [
        interleaved(
            what,
            lambda: measure_units(units, measures),
            "pytrec_eval",
            lambda: evaluator.evaluate(runs),
            "values equal",
        )
    ]
    return found + (_ranx(what, units, qrels, runs) if find_spec("ranx") else [])


def _ranx(
    what: str, units: list[JudgedRanks], qrels: dict[str, dict[str, int]], runs: dict[str, dict[str, float]]
) -> list[Line]:
    """Compiled by a first call outside the clock."""
    import ranx

    measures, judged, ranked = parse_measures(OURS), ranx.Qrels(qrels), ranx.Run(runs)
    names = [_ranx_name(name) for name in OURS]

    def peer() -> None:
        ranx.evaluate(judged, ranked, names, return_mean=False, make_comparable=False)

    peer()
    return [interleaved(what, lambda: measure_units(units, measures), "ranx", peer, "compiled before")]


def _unit(rng: np.random.Generator) -> JudgedRanks:
    """Mostly found among the first."""
    n = int(rng.integers(1, 4))
    ranks = np.unique(np.ceil(rng.exponential(40, n)).astype(int).clip(1, DEPTH))
    return JudgedRanks(DEPTH, tuple(map(int, ranks)), (1,) * len(ranks))


def _trec_name(name: str) -> str:
    base, _, cut = name.partition("@")
    return {"nDCG": "ndcg_cut_10", "MRR": "recip_rank"}.get(base) or f"{TREC[base]}_{cut}"


def _ranx_name(name: str) -> str:
    base, at, cut = name.partition("@")
    return f"{RANX.get(base, base.lower())}{at}{cut}"


if __name__ == "__main__":
    say(lines(int(sys.argv[1]) if len(sys.argv) > 1 else 3600))
