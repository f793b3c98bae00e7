"""`xlembed run --backend ray` of several models or tasks: each pair on a worker of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xlembed.cli.study import Asked, told

if TYPE_CHECKING:
    from xlembed.data.task import Task
    from xlembed.evaluate.pair import PairDone
    from xlembed.evaluate.reuse import Reuse
    from xlembed.models.spec import ModelRef


def run_pairs(
    asked: Asked, pairs: Sequence[tuple[str, Task, ModelRef, Reuse]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Evaluate all of them; what comes back is written and tracked here, as it comes.

    Args:
        asked: the shared options.
        pairs: the task as it was asked for, itself, the model, and where their evaluation is noted.

    Returns:
        The results, in the order of the pairs; and of each pair that failed, why.
    """
    from xlembed.cli.progress import Bars
    from xlembed.embeddings.assignment import from_anywhere
    from xlembed.embeddings.cluster import each_done
    from xlembed.evaluate.pair import PairDone, evaluate_pair, write_pair

    workspace = asked.workspace
    results: dict[int, dict[str, Any]] = {}
    failed: dict[int, str] = {}
    calls = [(task, from_anywhere(ref), workspace) for _, task, ref, _ in pairs]
    with Bars("run") as bars:
        for number, found in each_done(workspace.settings.encode, evaluate_pair, calls):
            name, task, ref, reuse = pairs[number]
            if isinstance(found, PairDone):
                write_pair(found, task.name, ref.slug, workspace)
                _track(asked, name, task, ref, found)
                reuse.note(task, found.result, found.machine)
                results[number] = found.result
            else:
                failed[number] = f"{ref.slug} on {task.name}: {found}"
                told(failed[number])
            bars("pairs", len(results) + len(failed), len(pairs))
    return [results[number] for number in sorted(results)], [failed[number] for number in sorted(failed)]


def _track(asked: Asked, name: str, task: Task, ref: ModelRef, done: PairDone) -> None:
    """The MLflow run of a pair that was evaluated elsewhere."""
    from xlembed.data.loading import task_folder
    from xlembed.tracking.evaluation import evaluation_inputs, log_evaluation, run_tags
    from xlembed.tracking.log import log_inputs, log_json, log_metrics
    from xlembed.tracking.runs import open_run

    workspace, tags, experiment = asked.workspace, run_tags(ref, task), asked.experiment
    with open_run(workspace.root, task=task.name, experiment=experiment, name=ref.slug, tags=tags) as run_id:
        folder = task_folder(workspace, name)
        log_inputs(evaluation_inputs(workspace.settings, ref, task, folder), workspace.root)
        log_evaluation(workspace.run_folder(task.name, ref.slug))
        log_metrics(done.speed)
        log_json(done.encoding, "speed.json")
    headline = workspace.result_file(task.name, ref.slug)
    if done.checked:
        told(done.checked)
    told(f"{ref.slug}: {done.n_encoded:,} texts encoded, MLflow run {run_id}, {headline}")
