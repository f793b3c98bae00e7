"""What the run of an ablation records: a child run per training, the comparison in the parent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xlembed.data.task import Task
from xlembed.tracking.log import log_folder, log_metrics, log_params, log_tags
from xlembed.tracking.runs import child_run
from xlembed.tracking.training import TrainingRecord, flat


class VariantRecord(TrainingRecord):
    """Tells the tracking store of one training, and keeps the scores of the model it ended with."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        super().__init__(folders)
        self.last: dict[str, float] = {}

    def evaluated(self, after: str, task: Task, run_folder: Path, result: Mapping[str, Any]) -> None:
        """As any fine-tuning does."""
        super().evaluated(after, task, run_folder, result)
        self.last = self._scores[after, task.digest]


@contextlib.contextmanager
def variant_run(
    name: str, variant: str, seed: int, recipe: Mapping[str, Any], folders: Mapping[str, Path]
) -> Iterator[VariantRecord]:
    """A child run around one training; its stages and evaluations are child runs of it.

    Args:
        name: of the training's recipe.
        variant: that it is an example of.
        seed: of the training.
        recipe: as JSON.
        folders: task -> where it was read from.
    """
    with child_run(name):
        log_tags({"variant": variant, "seed": str(seed)})
        log_params({f"recipe.{key}": str(value)[:500] for key, value in flat(recipe).items()})
        record = VariantRecord(folders)
        yield record
        log_metrics(record.last)  # so that the variants' runs can be compared in the UI


def log_ablation(report: Mapping[str, Any], folder: Path) -> None:
    """The variants' scores and all files, in the active run."""
    log_tags(
        {
            "kind": "ablation",
            "ablation": str(report["ablation"]),
            "recipe": str(report["recipe"]),
            "task_digest": str(report["task_digest"]),
        }
    )
    numbers: dict[str, float] = {}
    for variant in report["variants"]:
        numbers |= _numbers(variant["name"], variant["scores"])
        if variant["sts"]:
            numbers |= _known({f"{variant['name']}/sts_spearman": variant["sts"]["after"]["spearman"]})
    for row in report["dimensions"]:
        name = f"{row['variant']}/dim{row['dim']}"
        numbers |= _numbers(name, row["scores"])
        numbers |= {f"{name}/ms_per_query": row["ms"]["median"], f"{name}/bytes": float(row["bytes"])}
    log_metrics(numbers)
    log_folder(folder)


def _numbers(name: str, scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in scores:
        place = f"{name}/{row['kind']}/{row['pool']}/{row['measure']}"
        found |= _known({place: row["value"], **{f"{place}/{e}": row[e] for e in ("ci_low", "ci_high")}})
    return found


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {key: value for key, value in values.items() if value is not None}
