"""The results of probes on one set of scored texts, indexed: systems, their scores, tests, verdicts and times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from xlembed.probe.predictions import SCORE_MEASURES
from xlembed.show.text import ends
from xlembed.stats.scorebook import label_text
from xlembed.words import Lang, UserError

ALPHA = 0.05
"""Level of the adjusted p below which a difference is called shown."""
FLOOR, PROBE, RIVAL = "floor", "probe", "rival"
LOWER_IS_BETTER = tuple(m.name for m in SCORE_MEASURES if m.lower_is_better)
SHARES = ("F1", "precision", "recall", "accuracy")
"""Measures shown in percent."""
NEEDED = ("task", "kind", "dimensions", "languages", "split", "measures", "primary", "systems", "scores")
COLUMNS = ("system", "text_id", "document", "lang", "n_chars", "dimension", "true", "predicted")
"""Of predictions.parquet."""
CUT = re.compile(r"\+max(\d+)(?=\+|$)")

Ends = tuple[float, float]


@dataclass(frozen=True)
class System:
    """One thing that predicts.

    Attributes:
        name: ``MODEL:PROBE``, ``mean``, or that of a recipe.
        kind: `FLOOR`, `PROBE` or `RIVAL`.
        model: slug of the model whose vectors it uses, if it does.
        probe: which kind of probe, if it is one.
        label: with which its numbers are shown, such as ``English-only model (de, tr)``; or empty.
        labels: language -> its label.
        facts: the whole entry of report.json.
    """

    name: str
    kind: str
    model: str | None
    probe: str | None
    label: str
    labels: Mapping[Lang, str]
    facts: Mapping[str, Any]

    @property
    def base(self) -> str | None:
        """The model without the cut of a truncation study.

        >>> System("m+max128+bf16:ridge", "probe", "m+max128+bf16", "ridge", "", {}, {}).base
        'm+bf16'
        """
        return None if self.model is None else CUT.sub("", self.model)

    @property
    def max_tokens(self) -> int | None:
        """Tokens that are read of a text; what the name says, if nothing else does."""
        told = self.facts.get("max_tokens")
        named = CUT.search(self.model or "")
        return int(told) if told is not None else int(named.group(1)) if named else None

    @property
    def marked(self) -> str:
        """The name, with an asterisk if its numbers carry a label."""
        return f"{self.name}*" if self.label else self.name


class Score(NamedTuple):
    """One measure of one system; `interval` is None where there are too few documents."""

    value: float
    interval: Ends | None
    n: int
    n_clusters: int
    method: str


class PairTest(NamedTuple):
    """One paired test of two systems; the difference is a minus b, in the primary measure."""

    a: str
    b: str
    difference: float
    interval: Ends | None
    p: float | None
    p_holm: float | None
    n_clusters: int

    @property
    def is_shown(self) -> bool:
        """Whether the adjusted p names a better one."""
        return self.p_holm is not None and self.p_holm < ALPHA


@dataclass(frozen=True, eq=False)
class ProbeBook:
    """Everything that is known of the systems of one task.

    Predictions have a row per text of the test part, system and dimension, columns `COLUMNS`; timings may lack systems.
    """

    report: Mapping[str, Any]
    """Content of report.json; what stands below is of it."""
    predictions: pd.DataFrame
    timings: Mapping[str, Mapping[str, Any]]
    task: str
    primary: str
    """The measure that tests and verdicts are about."""
    measures: tuple[str, ...]
    """All, the primary one first."""
    languages: tuple[Lang, ...]
    dimensions: tuple[str, ...]
    are_labels: bool
    """Whether texts have labels and no scores."""
    lower_is_better: bool
    """Of the primary measure."""
    verdicts: tuple[Mapping[str, Any], ...]

    @cached_property
    def systems(self) -> tuple[System, ...]:
        """Probes from the best to the worst, then rivals, then the floor."""
        found = [_system(entry, self.languages) for entry in self.report["systems"]]
        kinds = (PROBE, RIVAL, FLOOR)
        return tuple(sorted(found, key=lambda s: (kinds.index(s.kind), self.order(s.name), s.name)))

    def of_kind(self, kind: str) -> tuple[System, ...]:
        """Systems of one kind, the best first."""
        return tuple(s for s in self.systems if s.kind == kind)

    def system(self, name: str) -> System:
        """One by its name."""
        return next(s for s in self.systems if s.name == name)

    @property
    def floor(self) -> System | None:
        """What any system must beat."""
        return next(iter(self.of_kind(FLOOR)), None)

    @property
    def valid_probes(self) -> tuple[System, ...]:
        """Probes whose numbers carry no label, the best first."""
        return tuple(s for s in self.of_kind(PROBE) if not s.label)

    @property
    def best(self) -> System | None:
        """The best probe; one without a label if there is any."""
        return next(iter((*self.valid_probes, *self.of_kind(PROBE))), None)

    @property
    def rival(self) -> System | None:
        """The best fine-tuned model without a label."""
        return next((s for s in self.of_kind(RIVAL) if not s.label), None)

    def order(self, name: str) -> float:
        """Smaller is better, by the primary measure over everything; infinite where it is not known."""
        found = self.score(name)
        if found is None:
            return float("inf")
        return found.value if self.lower_is_better else -found.value

    @cached_property
    def _scores(self) -> dict[tuple[str, str, str | None, Lang | None], Score]:
        found = {}
        for row in self.report["scores"]:
            if row["value"] is None:
                continue
            key = (row["system"], row["measure"], row["dimension"], row["lang"])
            numbers = (float(row["value"]), ends(row), int(row["n"]), int(row["n_clusters"]))
            found[key] = Score(*numbers, str(row["method"]))
        return found

    def score(
        self, name: str, measure: str | None = None, dimension: str | None = None, lang: Lang | None = None
    ) -> Score | None:
        """One score; default: the primary measure over all dimensions and languages."""
        return self._scores.get((name, measure or self.primary, dimension, lang))

    @cached_property
    def tests(self) -> tuple[PairTest, ...]:
        """All pairs, in the order of report.json."""
        return tuple(
            PairTest(
                r["a"], r["b"], float(r["difference"]), ends(r), r["p"], r["p_holm"], int(r["n_clusters"])
            )
            for r in self.report.get("comparisons", ())
        )

    def test(self, a: str, b: str) -> PairTest | None:
        """The test of two systems, with the difference a minus b."""
        for t in self.tests:
            if (t.a, t.b) == (a, b):
                return t
            if (t.a, t.b) == (b, a):
                turned = None if t.interval is None else (-t.interval[1], -t.interval[0])
                return t._replace(a=a, b=b, difference=-t.difference, interval=turned)
        return None

    def better(self, test: PairTest) -> str | None:
        """Who is shown to be better; None: no one."""
        if not test.is_shown or not test.difference:
            return None
        return test.a if (test.difference < 0) == self.lower_is_better else test.b

    def verdict(self, name: str, rival: str | None = None) -> Mapping[str, Any] | None:
        """The verdict on a system, against this rival if there is one, else any."""
        found = [v for v in self.verdicts if v["system"] == name]
        return next((v for v in found if v["rival"] == rival), next(iter(found), None))

    def time(self, name: str, key: str = "ms_per_text") -> float | None:
        """One entry of timings.json."""
        value = self.timings.get(name, {}).get(key)
        return None if value is None else float(value)

    @property
    def n_test(self) -> tuple[int, int]:
        """Texts and documents of the test part."""
        part = next((p for p in self.report["split"]["parts"] if p["part"] == "test"), None)
        return (0, 0) if part is None else (int(part["n_texts"]), int(part["n_documents"]))

    @property
    def counts(self) -> str:
        """Size of the test part in words."""
        texts, documents = self.n_test
        return f"{texts:,} test texts in {documents:,} documents"

    @cached_property
    def compared(self) -> tuple[System, ...]:
        """A few systems for figures of detail: the best probe of three models, two rivals, the floor."""
        bases: dict[str | None, System] = {}
        for s in (*self.valid_probes, *self.of_kind(PROBE)):
            bases.setdefault(s.base, s)
        floors = self.of_kind(FLOOR)[:1]
        return (*list(bases.values())[:3], *self.of_kind(RIVAL)[:2], *floors)

    def label_notes(self) -> list[str]:
        """What the asterisk means, a line per label."""
        lines = dict.fromkeys(f"{s.model}: {s.label}" for s in self.systems if s.label)
        return [f"* {line}: invalid for a decision." for line in lines]


def read_probes(
    report: Mapping[str, Any], predictions: pd.DataFrame, timings: Mapping[str, Mapping[str, Any]] | None
) -> ProbeBook:
    """Check and index what the stage wrote.

    Raises:
        UserError: if a field or a column is missing.
    """
    if lacking := [name for name in NEEDED if name not in report]:
        raise UserError(f"not the content of a report.json of probes: {', '.join(lacking)} missing")
    if lacking := [name for name in COLUMNS if name not in predictions.columns]:
        raise UserError(f"not predictions of probes: columns {', '.join(lacking)} missing")
    primary = str(report["primary"])
    return ProbeBook(
        report=report,
        predictions=predictions,
        timings=timings or {},
        task=str(report["task"]),
        primary=primary,
        measures=tuple(dict.fromkeys([primary, *report["measures"]])),
        languages=tuple(report["languages"]),
        dimensions=tuple(d["name"] for d in report["dimensions"]),
        are_labels=report["kind"] == "labels",
        lower_is_better=primary in LOWER_IS_BETTER,
        verdicts=tuple(report.get("verdicts", ())),
    )


def _system(entry: Mapping[str, Any], languages: Sequence[Lang]) -> System:
    labels = dict(entry.get("labels") or {})
    return System(
        name=str(entry["name"]),
        kind=str(entry["kind"]),
        model=entry.get("model"),
        probe=entry.get("probe"),
        label=label_text(labels, languages),
        labels=labels,
        facts=entry,
    )
