"""What the run of an analysis records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlembed.corpus.task import Task
from xlembed.models.spec import ModelRef
from xlembed.settings import Settings, flatten
from xlembed.tracking.log import log_dataset, log_folder, log_metrics, log_params, log_tags, version_tags


def log_analysis_inputs(settings: Settings, ref: ModelRef, task: Task, root: Path, task_folder: Path) -> None:
    """Settings and data of the active run."""
    params = flatten(settings, ("corpus", "encode", "analyse"))
    params["analyse.word_pairs"] = Path(params["analyse.word_pairs"]).name
    log_params({**params, "model.slug": ref.slug, "task.name": task.name})
    log_tags({**version_tags(root, task_folder), "kind": "analyse", "model": ref.slug})
    log_dataset(task.name, task_folder, task.digest)


def log_analysis(report: Mapping[str, Any], folder: Path) -> None:
    """Metrics and all files of analysis/TASK/MODEL, in the active run."""
    log_tags({"fingerprint": report.get("fingerprint", ""), "task_digest": report["task_digest"]})
    if report["topic_confounded"]:
        log_tags({"topic_confounded": "true"})
    log_metrics(analysis_metrics(report))
    log_folder(folder)


def analysis_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """`separation/purity@10`, `separation/de/silhouette`, `cosine/same`, `morphology/tr/superiority`, `tokens/...`."""
    if not report["vectors"]:
        return {}
    metrics: dict[str, float] = {}

    def add(name: str, row: Mapping[str, Any]) -> None:
        metrics[name] = row["value"]
        metrics.update({f"{name}/{end}": row[end] for end in ("ci_low", "ci_high") if row[end] is not None})

    for row in report["separation"]:
        add(f"separation/{row['lang'] + '/' if row['lang'] else ''}{row['measure']}", row)
    for row in (*report["cosines"], *report["translations"]):
        if row["b"] is None:  # single pairs are in the files
            add(f"cosine/{row['a']}", row)
    for row in report["morphology"]:
        add(f"morphology/{row['lang']}/superiority", row["superiority"])
    for row in report["tokenisation"]["premiums"]:
        add(f"tokens/{row['kind']}/{row['lang']}/times_english", row["ratio"])
    for row in report["tokenisation"]["truncation"]:
        add(f"truncation/{row['kind']}/{row['lang']}/share_lost", row["share_lost"])
    metrics["silhouette_kmeans"] = report["silhouette_kmeans"]["value"]
    metrics |= {f"isotropy/{name}": float(value) for name, value in report["isotropy"].items()}
    sanity = report["sanity"]
    add("sanity/self_retrieval", sanity["self_retrieval"])
    metrics["sanity/zero_vectors"] = float(sanity["documents"]["zero"])
    metrics["sanity/equal_vectors"] = float(sanity["duplicate_vectors"]["documents"])
    return metrics
