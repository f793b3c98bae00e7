"""What tune-index finds: index settings measured beside exact search, and the one to take."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import chdtri

from xlembed.files import Record
from xlembed.search.elastic.latency import Latency
from xlembed.stats.score_rows import Estimate
from xlembed.stats.scores import CiMethod
from xlembed.words import Lang

FORMAT = 1
"""Version of tune.json's layout."""
EXACT_SCAN = "exact scan"
"""Said of types without a graph: every vector is compared, so there is nothing to lose."""
SIZES = ("segments", "disk_bytes", "memory_bytes", "build_seconds", "documents")


class Tried(Record):
    """One index setting, see `tuning_grid.Setting` and `tuning_indices.Made`.

    Scores are rounded to 1e-6, so that the choice is made by the numbers that are shown. Those of `choosing` are of the
    clusters that choose, all others of the other clusters.

    Attributes:
        exercised: pool or language -> whether its searches went through the index.
        note: why there is no recall; empty if there is.
        choosing: measure -> recall in the mode and pool that does worst; likewise `lowest`.
        loss: exact minus approximate.
        latency_ms_filtered: of searches in the query's own language; None with one language.
        throughput: clients -> searches per second.
    """

    name: str
    type: str
    m: int | None
    merged: bool
    num_candidates: int | None
    oversample: float | None
    exercised: Mapping[Lang, bool]
    note: str
    choosing: Mapping[str, Estimate]
    lowest: Mapping[str, Estimate]
    recall: Sequence[Estimate]
    loss: Sequence[Estimate]
    latency_ms: Latency
    latency_ms_filtered: Latency | None
    throughput: Mapping[str, float]
    index: str
    documents: int
    segments: int
    disk_bytes: int
    memory_bytes: int
    build_seconds: float | None

    @property
    def scanned(self) -> bool:
        """Whether every vector is compared, so that nothing is missed."""
        return self.note == EXACT_SCAN

    def largest_loss(self, measure: str) -> Estimate | None:
        """Exact minus approximate in the mode and pool where it is largest: in `measure`, or the first one taken.

        Where several lose the same, as often nothing, the one whose interval reaches highest.
        """
        macros = [row for row in self.loss if row.query_lang is None]
        names = [row.measure for row in macros]
        wanted = measure if measure in names else (names[0] if names else "")

        def largeness(row: Estimate) -> tuple[float, float]:
            return (row.value, -1.0 if row.ci_high is None else row.ci_high)

        return max((row for row in macros if row.measure == wanted), key=largeness, default=None)

    def numbers(self) -> dict[str, float]:
        """Macros, percentiles and rates by name; what is missing is left out."""
        found: dict[str, float] = {}
        for prefix, rows in (("", self.recall), ("loss/", self.loss)):
            for row in rows:
                if row.query_lang is None:
                    found |= row.named(f"{prefix}{row.measure}/{row.kind}/{row.pool}")
        for prefix, times in (("", self.latency_ms), ("filtered_", self.latency_ms_filtered)):
            found |= {f"{prefix}{p}_ms": getattr(times, p) for p in ("p50", "p95", "p99")} if times else {}
        return found | {f"searches_per_second/{n}": rate for n, rate in self.throughput.items()}

    def columns(self) -> dict[str, Any]:
        """One flat line: `recall@10/true_cross_lingual/target/ci_low`, `loss/.../accuracy@1`, `p95_ms` ..."""
        plain = ("name", "type", "m", "merged", "num_candidates", "oversample", "note")
        size = ("documents", "segments", "disk_bytes", "memory_bytes", "build_seconds", "index")
        found: dict[str, Any] = {key: getattr(self, key) for key in plain}
        return {**found, **self.numbers(), **{key: getattr(self, key) for key in size}}

    def metrics(self) -> dict[str, float]:
        """For the run of the setting: the numbers and the sizes."""
        sizes = {key: getattr(self, key) for key in SIZES}
        return self.numbers() | {key: float(value) for key, value in sizes.items() if value is not None}


class Choice(Record):
    """The setting to take.

    Attributes:
        name: None if none reaches what is wanted.
        why: in words.
        lower_when_chosen: lower end of its recall on the clusters that chose.
        reported: its recall on the other clusters; None for an exact scan.
        confirmed: whether those agree; None if they cannot tell.
    """

    name: str | None
    why: str
    lower_when_chosen: float | None = None
    reported: Estimate | None = None
    confirmed: bool | None = None

    def verdict(self) -> str:
        """What to do, in a sentence."""
        if self.name is None:
            return f"no choice: {self.why}"
        if self.reported is None or self.reported.interval is None:
            return f"take {self.name}: {self.why}"
        words, (low, high) = "holds" if self.confirmed else "does NOT hold", self.reported.interval
        return (
            f"take {self.name}: {self.why}; this {words} on the other half: "
            f"{self.reported.value:.4f} [{low:.4f}, {high:.4f}]"
        )


@dataclass(frozen=True)
class Corpus:
    """What was indexed: documents of the task, texts of the user, interpolations."""

    documents: int
    distractor_texts: int
    synthetic_distractors: int


@dataclass(frozen=True)
class Halves:
    """How many clusters chose, and how many others judged."""

    choosing: int
    reporting: int


@dataclass(frozen=True)
class TwoGraphs:
    """How far the recall of two graphs from the same vectors differs: means, and the share of searches that differ."""

    first: float
    second: float
    difference: float
    searches_that_differ: float


@dataclass(frozen=True)
class Spread:
    """A setting whose index was built twice; `recall` by measure."""

    name: str
    searches: int
    recall: Mapping[str, TwoGraphs]

    def to_json(self) -> dict[str, Any]:
        """An entry of `spread` in tune.json."""
        both = {measure: asdict(graphs) for measure, graphs in self.recall.items()}
        return {"name": self.name, "searches": self.searches, **both}


class Tuning(Record):
    """Content of tune.json, called as there; for the options see `tune_index.TuneOptions`.

    Attributes:
        server: its version.
        depth: documents per ranking that the measures look at.
        primary_measure: whose loss is shown.
        skipped: build -> why these vectors cannot be indexed so.
        settings: in the order of work.
        spread: of settings without quantisation.
    """

    task: str
    task_digest: str
    model: str
    fingerprint: str
    server: str
    dims: int
    corpus: Corpus
    queries: int
    clusters: Halves
    seed: int
    k: int
    wanted_recall: float
    cheapest_by: str
    depth: int
    primary_measure: str
    ef_construction: int
    shards: int
    modes: Sequence[str]
    skipped: Mapping[str, str]
    settings: Sequence[Tried]
    spread: Sequence[Spread]
    choice: Choice

    def to_json(self) -> dict[str, Any]:
        """What tune.json holds."""
        content = self.model_dump(mode="json", exclude_unset=True)
        return {"format": FORMAT, **content, "spread": [of.to_json() for of in self.spread]}

    def recall(self, tried: Tried) -> Estimate | None:
        """Recall@k in the mode that does worst, on the clusters that did not choose."""
        return tried.lowest.get(f"recall@{self.k}")

    def params(self) -> dict[str, str]:
        """None beside the options."""
        return {}

    def tags(self) -> dict[str, str]:
        """What was chosen, and on what."""
        return {
            "chosen": self.choice.name or "",
            "chosen_why": self.choice.why,
            "fingerprint": self.fingerprint,
            "task_digest": self.task_digest,
            "elasticsearch": self.server,
        }

    def metrics(self) -> dict[str, float]:
        """Recall of the chosen setting."""
        told = self.choice.reported
        return told.named(f"chosen/{told.measure}") if told else {}


def split_clusters(clusters: Collection[str], seed: int) -> tuple[frozenset[str], frozenset[str]]:
    """Two halves, the second one larger if the number is odd; the order of the input does not matter.

    >>> a, b = split_clusters(["x", "y", "z"], 1)
    >>> len(a), len(b), sorted(a | b)
    (1, 2, ['x', 'y', 'z'])
    """
    names = sorted(set(clusters))
    order = np.random.default_rng(seed).permutation(len(names))
    half = len(names) // 2
    return frozenset(names[i] for i in order[:half]), frozenset(names[i] for i in order[half:])


def lowest_macro(rows: Sequence[Estimate], measure: str) -> Estimate | None:
    """The macro that does worst: the smallest lower end, or the smallest value where there are no intervals."""
    macros = [row for row in rows if row.query_lang is None and row.measure == measure]

    def badness(row: Estimate) -> tuple[bool, float]:
        return (row.ci_low is not None, row.value if row.ci_low is None else row.ci_low)

    return min(macros, key=badness, default=None)


def widen_perfect(rows: Sequence[Estimate], cuts: Sequence[int]) -> list[Estimate]:
    """Lower ends of a recall without a miss, or with so few that `intervals` calls it sparse, from what one miss costs.

    Wilson's interval treats a search as found or not found, which would rank a perfect recall@k below one with a
    miss. A search that misses a neighbour loses 1/k. Without a miss fewer than 3/n of n clusters have one unseen, with
    95 % confidence (rule of three, Hanley & Lippman-Hand 1983): the lower end is 1 - 3/(n k). With m misses the number
    expected is at most chi-square(0.975, 2 m + 2) / 2 (Garwood 1936).
    """
    fixed = []
    for row in rows:
        k = next(cut for cut in cuts if row.measure == f"recall@{cut}")
        few = row.ci_method == CiMethod.WILSON_SPARSE and row.value > 0.5
        if row.ci_low is not None and (few or row.value >= 1.0):
            searches = row.n_clusters * k
            missed = (1 - row.value) * searches
            most = 3.0 if row.value >= 1.0 else float(chdtri(2 * missed + 2, 0.025)) / 2
            ends = {
                "ci_low": max(0.0, 1 - most / searches),
                "ci_high": 1.0 if row.value >= 1.0 else row.ci_high,
            }
            row = row.model_copy(update={**ends, "ci_method": str(CiMethod.RULE_OF_THREE)})
        fixed.append(row)
    return fixed


def choose(tried: Sequence[Tried], *, k: int, recall: float, cheapest_by: str) -> Choice:
    """The cheapest setting by one half of the clusters, and what the other half says of it.

    Recall@k of at least `recall` is wanted at the lower end of its interval; `cheapest_by` is `latency` (95th
    percentile) or `memory`, and the other breaks ties.
    """
    measure = f"recall@{k}"
    lower: dict[str, float] = {}
    cost: dict[str, tuple[float, float]] = {}
    for one in tried:
        row = one.choosing.get(measure)
        end = 1.0 if one.scanned else None if row is None else row.ci_low
        if end is not None:
            lower[one.name] = end
        in_order = (one.latency_ms.p95, float(one.memory_bytes))
        cost[one.name] = in_order if cheapest_by == "latency" else in_order[::-1]
    able = [name for name, end in lower.items() if end >= recall]
    if not able:
        return Choice(name=None, why=_why_none(lower, cost, k, recall))
    best = min(able, key=lambda name: (cost[name], name))
    chosen = next(one for one in tried if one.name == best)
    told = chosen.lowest.get(measure)
    confirmed = None if told is None or told.ci_low is None else told.ci_low >= recall
    return Choice(
        name=best,
        why=f"cheapest by {cheapest_by} with {measure} of at least {recall:g} (lower end)",
        lower_when_chosen=lower[best],
        reported=told,
        confirmed=True if chosen.scanned else confirmed,
    )


def _why_none(
    lower: Mapping[str, float], cost: Mapping[str, tuple[float, float]], k: int, recall: float
) -> str:
    if not lower:
        return (
            "no setting has an interval: the index was not exercised (--pad-to makes the corpus larger), or half the "
            "sample has under 10 clusters"
        )
    best = max(lower, key=lambda name: (lower[name], [-x for x in cost[name]]))
    return (
        f"no setting reaches recall@{k} of {recall:g} at the lower end; the best is {best} with "
        f"{lower[best]:.4f}: try more candidates, a larger m, or more queries"
    )
