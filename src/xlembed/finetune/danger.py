"""report.json of a fine-tuning in memory: its scores, and the known danger lines that they cross, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xlembed.finetune.loss import Loss, loss_classes
from xlembed.show.text import percent
from xlembed.stats.scorebook import (
    CROSS_LINGUAL,
    MACROS,
    MONOLINGUAL,
    TRUE_CROSS_ALL,
    TRUE_CROSS_TARGET,
    Estimate,
    Macro,
    label_text,
)
from xlembed.words import Lang

Report = Mapping[str, Any]
"""Content of finetuned/NAME/report.json."""
BASE = "base"
"""What the model is called before the first stage."""
PLACES = {
    MONOLINGUAL: ("mono",),
    CROSS_LINGUAL: ("cross",),
    TRUE_CROSS_ALL: ("true_cross", "all"),
    TRUE_CROSS_TARGET: ("true_cross", "target"),
}
"""Where a macro stands in a headline (results/TASK/MODEL.json)."""


def score_of(
    headline: Mapping[str, Any], macro: Macro, lang: Lang | None = None, measure: str | None = None
) -> Estimate | None:
    """A macro average, or one language of it; None where the headline does not have it.

    `headline` is what one task's evaluation returned.
    """
    found: Any = headline["scores"]
    for key in (*PLACES[macro], lang or "macro", measure or headline["primary_measure"]):
        found = found.get(key) if isinstance(found, Mapping) else None
    if found is None:
        return None
    return Estimate(
        value=float(found["value"]),
        ci_low=found["ci_low"],
        ci_high=found["ci_high"],
        n_units=int(found["n_units"]),
        n_needs=int(found["n_needs"]),
        n_clusters=int(found["n_clusters"]),
    )


def macros_of(headline: Mapping[str, Any]) -> list[Macro]:
    """Those with a primary score, in the usual order."""
    return [m for m in MACROS if score_of(headline, m) is not None]


def tasks_of(report: Report) -> list[str]:
    """Names of the tasks that the model was evaluated on."""
    return list(report["evaluations"][0]["tasks"]) if report["evaluations"] else []


def sets_of(report: Report) -> list[str]:
    """Names of the scored sets."""
    return list(report["evaluations"][0]["sts"]) if report["evaluations"] else []


P_AT_1 = 0.60
STS = 0.70
LOST = 0.10
SHORT = 512
"""Dimensions below which no more than `LOST` should be lost."""
BATCH = 512


def danger_lines(report: Report) -> list[str]:
    """A sentence or two for each danger line that the fine-tuned model crosses.

    P@1 is accuracy@1: both are the share of queries whose first document is right. `dimensions`, rows as of
    `dimension_lines`, may be in the report.
    """
    return [
        *_shared_lines(report),
        *_batch_lines(report),
        *_precision_lines(report),
        *_sts_lines(report),
        *dimension_lines(report.get("dimensions") or ()),
    ]


def dimension_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each model that loses too much when its vectors are cut below 512 dimensions.

    Rows have `variant`, `dim` and `scores` (kind, pool, measure, value) of one primary measure.
    """
    lines = []
    for variant in dict.fromkeys(row["variant"] for row in rows):
        mine = sorted((r for r in rows if r["variant"] == variant), key=lambda r: -r["dim"])
        found = [text for row in mine[1:] if row["dim"] < SHORT and (text := _loss(mine[0], row))]
        if found:
            lines.append(
                f"{variant}: of what it has at {mine[0]['dim']} dimensions, it loses {'; '.join(found)}. More than "
                f"{percent(LOST, 0)} % below {SHORT} dimensions is too much. Keep more dimensions, or train with "
                "Matryoshka and list the short ones among its dimensions."
            )
    return lines


def _loss(full: Mapping[str, Any], cut: Mapping[str, Any]) -> str:
    """The mode that loses most, if it is too much."""
    whole = {(s["kind"], s["pool"]): s["value"] for s in full["scores"]}
    losses = [
        (1 - s["value"] / whole[key], s)
        for s in cut["scores"]
        if whole.get(key := (s["kind"], s["pool"])) and s["value"] is not None
    ]
    share, worst = max(losses, key=lambda pair: pair[0], default=(0.0, None))
    if worst is None or share <= LOST:
        return ""
    return f"{percent(share)} % at {cut['dim']} ({worst['measure']}, {worst['kind']})"


def _shared_lines(report: Report) -> list[str]:
    """Texts of an evaluation among the training texts."""
    return [
        f"{what}: {n:,} of its texts were trained on or chosen by, so its scores are no test. Evaluate on other "
        "texts, or leave these rows out of the pair sets."
        for what, n in (report.get("shared_texts") or {}).items()
        if n
    ]


def _loss_of(stage: Mapping[str, Any]) -> type[Loss]:
    return loss_classes().get(stage["loss"], Loss)


def _batch_lines(report: Report) -> Iterator[str]:
    small = [s for s in report["stages"] if _loss_of(s).in_batch and s["batch"] < BATCH]
    if small:
        found = ", ".join(f"{s['name']} {s['batch']}" for s in small)
        yield (
            f"Contrastive batch: {found}; below {BATCH}, so each query sees few negatives. `cached_mnrl` with a "
            "`mini_batch` that fits into memory allows a larger `batch`; hard negatives help too."
        )


def _precision_lines(report: Report) -> Iterator[str]:
    for task, headline in (report["evaluations"][-1]["tasks"] if report["evaluations"] else {}).items():
        found = [(m, score_of(headline, m, measure="accuracy@1")) for m in macros_of(headline)]
        low = [f"{m.title} {percent(e.value)} %" for m, e in found if e is not None and e.value < P_AT_1]
        if low:
            yield (
                f"P@1 on {task}: {'; '.join(low)}; below {percent(P_AT_1, 0)} %, so the first answer is often wrong. "
                "More pairs of this domain, hard negatives, a stronger base model, or a re-ranker behind it may help."
            )


def _sts_lines(report: Report) -> Iterator[str]:
    if not report["evaluations"] or not any(_loss_of(s).retrieval for s in report["stages"]):
        return
    first, last = report["evaluations"][0], report["evaluations"][-1]
    for name, found in last["sts"].items():
        value, before = found["spearman"], first["sts"].get(name, {}).get("spearman")
        if value is None or value >= STS:
            continue
        known = before is not None and first["after"] == BASE
        was = f" ({before:.3f} before the first stage)" if known else ""
        yield (
            f"STS Spearman on {name}: {value:.3f} after retrieval training{was}; below {STS:.2f}, so similarity was "
            "forgotten or never there. Blend scored pairs into training by a stage with `cosent`, lower the learning "
            "rate, train fewer epochs, or use an adapter."
        )


def label_lines(report: Report, tasks: Sequence[str]) -> list[str]:
    """Languages that the base model's or the result's card lacks."""
    notes = []
    for evaluation in (report["evaluations"][0], report["evaluations"][-1]):
        who = "base model" if evaluation["after"] == BASE else f"after {evaluation['after']}"
        for task in tasks:
            headline = evaluation["tasks"][task]
            if labels := headline.get("labels"):
                told = label_text(labels, headline["languages"])
                notes.append(f"* {who} on {task}: {told}; invalid for a decision.")
    return notes
