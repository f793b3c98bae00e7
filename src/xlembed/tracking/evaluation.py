"""What the run of one evaluated model records, so that the MLflow UI compares models with no extra work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from xlembed.corpus.task import Task
from xlembed.models.spec import ModelRef
from xlembed.settings import Settings, flatten
from xlembed.tracking.log import (
    log_dataset,
    log_folder,
    log_metrics,
    log_params,
    log_table,
    log_tags,
    version_tags,
)
from xlembed.types import Mode

PER_LANGUAGE = frozenset({"accuracy@1", "accuracy@10", "MRR@10", "nDCG@10", "recall@10"})
"""Measures recorded per language; macros have them all, single pairs are a table."""
SHORT = {Mode.MONOLINGUAL: "mono", Mode.CROSS_LINGUAL: "cross"}


def run_tags(ref: ModelRef, task: Task) -> dict[str, str]:
    """Tags known before any work is done."""
    return {"task": task.name, "model": ref.slug, "english_only": str(ref.english_only).lower()}


def log_inputs(settings: Settings, ref: ModelRef, task: Task, root: Path, task_folder: Path) -> None:
    """Settings, model card and data of the active run."""
    card = {
        f"card.{k}": str(v)[:500]
        for k, v in ref.card.model_dump(mode="json").items()
        if v not in (None, "", [], {})
    }
    card.pop("card.notes", None)
    names = {"model.slug": ref.slug, "task.name": task.name, "task.alignment": str(task.alignment)}
    log_params({**flatten(settings, ("corpus", "encode", "index", "evaluate")), **card, **names})
    log_tags(version_tags(root, task_folder))
    log_dataset(task.name, task_folder, task.digest)


def log_evaluation(run_folder: Path, result: Mapping[str, Any]) -> None:
    """Metrics, the table of language pairs, and all files of runs/TASK/MODEL."""
    scores = json.loads((run_folder / "scores.json").read_text(encoding="utf-8"))
    log_tags({"fingerprint": result["fingerprint"], "task_digest": result["task_digest"]})
    if labels := scores["labels"]:
        log_tags({"labels": ", ".join(f"{lang}: {label}" for lang, label in labels.items())})
    if processed := scores.get("postprocessing"):
        log_tags({"postprocessing": processed["note"]})
    if weights := scores.get("weights"):
        log_tags({"weights": weights})
    log_metrics(evaluation_metrics(scores["scores"]))
    log_metrics(truncation_metrics(scores.get("truncation") or {}))
    log_metrics(index_metrics(scores.get("index_fidelity") or {}))
    pairs = [row for row in scores["scores"] if row["kind"] == Mode.TRUE_CROSS_LINGUAL and row["query_lang"]]
    if pairs:
        log_table(pd.DataFrame(pairs), "pairs.json")
    log_folder(run_folder)


def evaluation_metrics(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Score rows -> `mono/accuracy@1`, `true_cross/all/nDCG@10/ci_low`, `cross/de/...`."""
    metrics: dict[str, float] = {}
    for row in rows:
        macro = row["query_lang"] is None
        if row["kind"] in SHORT:
            if not macro and row["measure"] not in PER_LANGUAGE:
                continue
            prefix = SHORT[Mode(row["kind"])] + ("" if macro else f"/{row['doc_lang']}")
        elif not macro:
            continue
        elif row["kind"] == Mode.TRUE_CROSS_LINGUAL:
            prefix = f"true_cross/{row['pool']}"
        else:
            prefix = row["kind"]
        name = prefix if row["measure"] == row["kind"] else f"{prefix}/{row['measure']}"
        metrics[name] = row["value"]
        metrics |= {f"{name}/{end}": row[end] for end in ("ci_low", "ci_high") if row[end] is not None}
    return metrics


def truncation_metrics(cut: Mapping[str, Any]) -> dict[str, float]:
    """`truncation/documents/en/share_cut` (of texts) and `.../share_lost` (of tokens); nothing without a limit."""
    return {
        f"truncation/{kind}/{lang}/{name}": row[name]
        for kind in ("documents", "queries")
        for lang, row in cut.get(kind, {}).items()
        for name in ("share_cut", "share_lost")
    }


def index_metrics(fidelity: Mapping[str, Any]) -> dict[str, float]:
    """What an index costs: macros as `index_loss/mono/accuracy@1`, recall as `index/recall@10`, with ends.

    Recall in the pool of all documents is `index/...`, of single languages' pools `index/target/...`; what did not go
    through the index has no metric.
    """
    metrics: dict[str, float] = {}

    def add(name: str, row: Mapping[str, Any]) -> None:
        metrics[name] = row["value"]
        metrics.update({f"{name}/{end}": row[end] for end in ("ci_low", "ci_high") if row[end] is not None})

    for row in fidelity.get("loss", ()):
        if row["query_lang"] is None and row["doc_lang"] is None:
            prefix = SHORT[Mode(row["kind"])] if row["kind"] in SHORT else f"true_cross/{row['pool']}"
            add(f"index_loss/{prefix}/{row['measure']}", row)
    for row in fidelity.get("recall", ()):
        if row["query_lang"] is None:
            add(f"index/{row['measure']}" if row["pool"] == "all" else f"index/target/{row['measure']}", row)
    return metrics
