"""What a fine-tuning records as it goes on: a child run per stage with live curves, a child run per evaluation."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from xlembed.data.task import Task
from xlembed.tracking.evaluation import log_evaluation
from xlembed.tracking.finetuned import (
    Registered,
    link_evaluation,
    log_finetuned,
    log_training_data,
    register_finetuned,
)
from xlembed.tracking.log import (
    cut_at_line,
    describe,
    log_dataset,
    log_folder,
    log_metrics,
    log_params,
    log_tags,
    metric_name,
    run_address,
    version_tags,
)
from xlembed.tracking.runs import child_run, open_run

EXPERIMENT = "finetune"
VERSION_CHARS = 4900
"""MLflow keeps 5,000 of a version's description."""
Built = Callable[[str, Sequence[Mapping[str, Any]]], None]
"""Told (stage, rows of the table of trainable parameters)."""


class TrainingRecord:
    """Tells the tracking store of a fine-tuning; used inside its parent run.

    Attributes:
        evaluations: (stage, task digest) -> run that holds the units of that evaluation.
    """

    def __init__(self, folders: Mapping[str, Path], built: Built | None = None) -> None:
        """`folders`: where each task was read from."""
        self._folders = folders
        self._built = built
        self.evaluations: dict[tuple[str, str], str] = {}
        self._scores: dict[tuple[str, str], dict[str, float]] = {}

    @contextlib.contextmanager
    def training(
        self, stage: str, settings: Mapping[str, Any]
    ) -> Iterator[Callable[[Mapping[str, float], int], None]]:
        """A child run around one stage; what it yields adds a point to the curves."""
        with child_run(f"train {stage}") as run_id:
            log_params({f"stage.{key}": str(value)[:500] for key, value in flat(settings).items()})

            def log(values: Mapping[str, float], step: int) -> None:
                now = int(time.time() * 1000)
                metrics = [Metric(metric_name(key), float(value), now, step) for key, value in values.items()]
                MlflowClient().log_batch(run_id, metrics=metrics)

            yield log

    def built(self, stage: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Numbers of trainable parameters, in the stage's run."""
        log_metrics({f"parameters/{row['part']}/trainable": float(row["trainable"]) for row in rows})
        if self._built:
            self._built(stage, rows)

    def evaluated(self, after: str, task: Task, run_folder: Path, result: Mapping[str, Any]) -> None:
        """A child run with all that an evaluation records."""
        with child_run(f"evaluate {after} on {task.name}") as run_id:
            log_tags({"task": task.name, "model": str(result["model"]), "after": after})
            log_dataset(task.name, self._folders[task.name], task.digest)
            self._scores[after, task.digest] = log_evaluation(run_folder)
        self.evaluations[after, task.digest] = run_id


@dataclass(frozen=True)
class Inputs:
    """What a fine-tuning starts from.

    Attributes:
        recipe: as JSON.
        sets: name, folder and digest of each pair set.
        folders: where each task that is evaluated was read from, by its name.
        root: of the checkout.
    """

    recipe: Mapping[str, Any]
    sets: Sequence[tuple[str, Path, str]]
    folders: Mapping[str, Path]
    root: Path


class FinetuningRun(TrainingRecord):
    """The parent run of a fine-tuning.

    Attributes:
        run_id: its id.
    """

    def __init__(self, run_id: str, inputs: Inputs, built: Built) -> None:
        super().__init__(inputs.folders, built)
        self.run_id = run_id
        self._inputs = inputs

    def finish(self, report: Mapping[str, Any], folder: Path) -> Registered | None:
        """Log the result and register it, if the recipe says so.

        Args:
            report: content of report.json.
            folder: finetuned/NAME/.
        """
        recipe, last = self._inputs.recipe, report["evaluations"][-1]
        with tempfile.TemporaryDirectory() as temporary:
            # Everything but the weights, which the logged model holds.
            files = Path(temporary) / "files"
            shutil.copytree(folder, files, ignore=shutil.ignore_patterns("model"))
            log_folder(files)
        log_metrics(_headline_metrics(report))
        page = self._page(folder / "report.md")
        describe(f"Files: `{folder}`, and among the artifacts of this run.\n\n{page}")
        metadata = {
            "recipe": recipe["name"],
            "base": recipe["base"],
            "languages": report["languages"],
            "training_data": {name: digest for name, _, digest in self._inputs.sets},
        }
        model_id = log_finetuned(folder / "model", recipe["name"], report["dim"], metadata)
        tags = {
            "xlembed.recipe": recipe["name"],
            "xlembed.base": recipe["base"],
            "xlembed.training_run": self.run_id,
            "xlembed.key": str(report["key"]),
        }
        for name, result in last["tasks"].items():
            digest = result["task_digest"]
            run_id, scores = self.evaluations[last["after"], digest], self._scores[last["after"], digest]
            link_evaluation(model_id, run_id, scores, name, digest)
            tags[f"xlembed.evaluation.{digest[:16]}"] = run_id
        if not recipe["register_as"]:
            return None
        described = self._description(page, last)
        return register_finetuned(model_id, self.run_id, recipe["register_as"], tags, described)

    def _page(self, report: Path) -> str:
        """The report with the figures that are among this run's artifacts, from where the UI loads them."""
        place = rf"get-artifact?path=\2&run_uuid={self.run_id}"
        text = report.read_text(encoding="utf-8")
        return re.sub(r"!\[([^\]]*)\]\((figures/[^)\s]+)\)", rf"![\1]({place})", text)

    def _description(self, page: str, last: Mapping[str, Any]) -> str:
        """Markdown for the registry: links lead to evaluations and files."""
        found = [
            f"Evaluation on {name}: [run {run_id}]({run_address(run_id)})"
            for name, result in last["tasks"].items()
            for run_id in [self.evaluations[last["after"], result["task_digest"]]]
        ]
        found.append(f"All files of the training: [run {self.run_id}]({run_address(self.run_id)}/artifacts)")
        return cut_at_line("\n\n".join([*found, page]), VERSION_CHARS)


@contextlib.contextmanager
def finetuning_run(inputs: Inputs, *, experiment: str | None, built: Built) -> Iterator[FinetuningRun]:
    """The parent run around a fine-tuning, with the recipe as parameters and the pair sets as inputs."""
    recipe, root = inputs.recipe, inputs.root
    name = recipe["name"]
    tags = {"kind": "finetune", "recipe": name, "base": recipe["base"]}
    with open_run(root, task=EXPERIMENT, experiment=experiment, name=name, tags=tags) as run_id:
        log_params({f"recipe.{key}": str(value)[:500] for key, value in flat(recipe).items()})
        log_tags(version_tags(root, root / "data" / "pairs"))
        log_training_data(inputs.sets)
        yield FinetuningRun(run_id, inputs, built)


def _headline_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """What the parent run shows: STS before and after, and the time of each stage."""
    found: dict[str, float] = {}
    for evaluation in report["evaluations"]:
        for name, sts in evaluation["sts"].items():
            if sts["spearman"] is not None:  # a side that is constant has no correlation
                found[f"sts/{name}/{evaluation['after']}"] = sts["spearman"]
    for stage in report["stages"]:
        found[f"seconds/{stage['name']}"] = stage["took_seconds"]
    return found


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names; what is not set is left out.

    >>> flat({"loss": {"kind": "mnrl", "scale": 20.0}, "dev": None})
    {'loss.kind': 'mnrl', 'loss.scale': 20.0}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif value is not None:
            found[f"{prefix}{key}"] = value
    return found
