"""What the run of one evaluated model records, so that the MLflow UI compares models with no extra work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from xlembed.data.task import Task
from xlembed.files import read_record
from xlembed.models.spec import ModelRef
from xlembed.settings import Settings
from xlembed.stats.score_metrics import score_metrics
from xlembed.stats.score_rows import Estimate
from xlembed.stats.scorebook import read_scores
from xlembed.tracking.log import Inputs, log_result, log_table
from xlembed.words import Mode


def run_tags(ref: ModelRef, task: Task) -> dict[str, str]:
    """Tags known before any work is done."""
    return {"task": task.name, "model": ref.slug, "english_only": str(ref.english_only).lower()}


def evaluation_inputs(settings: Settings, ref: ModelRef, task: Task, task_folder: Path) -> Inputs:
    """Settings, model card and data of an evaluation."""
    card = {
        f"card.{k}": str(v)[:500]
        for k, v in ref.card.model_dump(mode="json").items()
        if v not in (None, "", [], {})
    }
    card.pop("card.notes", None)
    names = {"model.slug": ref.slug, "task.name": task.name, "task.alignment": str(task.alignment)}
    sections = ("corpus", "encode", "index", "evaluate")
    return Inputs(settings, sections, task.name, task_folder, task.digest, params={**card, **names})


def log_evaluation(run_folder: Path, result: Mapping[str, Any]) -> None:
    """Tags, metrics, the table of language pairs, and all files of runs/TASK/MODEL."""
    content = read_record(run_folder / "scores.json", "evaluate the model again")
    log_result(read_scores(content), run_folder)
    rows = content["scores"]
    if pairs := [row for row in rows if row["kind"] == Mode.TRUE_CROSS_LINGUAL and row["query_lang"]]:
        log_table(pd.DataFrame(pairs), "pairs.json")


def evaluation_metrics(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Rows of scores.json -> `mono/accuracy@1`, `true_cross/all/nDCG@10/ci_low`, `cross/de/...`."""
    return score_metrics(map(Estimate.model_validate, rows))
