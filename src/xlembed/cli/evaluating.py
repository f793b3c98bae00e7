"""What `xlembed run` and `xlembed evaluate` share: one MLflow run around an evaluation, made now or there already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli import ALONE
from xlembed.cli.study import Asked, told

if TYPE_CHECKING:
    from xlembed.evaluate.reuse import Finished, Reuse
    from xlembed.models.spec import ModelRef
    from xlembed.stages import Stages
    from xlembed.tracking.evaluation import Named
    from xlembed.workspace import Watch

Work = Callable[["Watch", "Stages", str], dict[str, Any]]
"""Given progress bars, what measures, and the run's id: evaluates, and returns what the details hold."""

JSON_HELP = "Print what results/TASK/MODEL.details.json holds, and the speed."
force_option = click.option(
    "--force", is_flag=True, help="Evaluate again even where nothing has changed since the last time."
)


def recorded(
    asked: Asked, task: Named, ref: ModelRef, folder: Path, work: Work
) -> tuple[str, dict[str, Any]]:
    """An evaluation inside its MLflow run; returns the run's id, and what is printed as JSON.

    Args:
        asked: the shared options.
        task: that is evaluated.
        ref: the model.
        folder: where the task is read from.
        work: the evaluation itself.
    """
    if click.get_current_context().find_root().obj == ALONE:
        # What MLflow lacks then is asked for by no evaluation.
        from xlembed.tracking.light import import_mlflow

        import_mlflow()
    from xlembed.cli.progress import Bars
    from xlembed.stages import Stages
    from xlembed.tracking.evaluation import evaluation_inputs, log_evaluation, run_tags
    from xlembed.tracking.log import log_inputs, log_metrics
    from xlembed.tracking.runs import open_run

    workspace, tags, stages = asked.workspace, run_tags(ref, task), Stages()
    with (
        open_run(
            workspace.root, task=task.name, experiment=asked.experiment, name=ref.slug, tags=tags
        ) as run_id,
        Bars(ref.slug) as bars,
    ):
        with stages("logging"):
            log_inputs(evaluation_inputs(workspace.settings, ref, task, folder), workspace.root)
        result = work(bars, stages, run_id)
        with stages("logging"):
            # First: the UI shows metrics in this order.
            log_evaluation(workspace.run_folder(task.name, ref.slug))
        log_metrics(stages.metrics())
    return run_id, {**result, "speed": stages.to_json()}


def reused(asked: Asked, ref: ModelRef, reuse: Reuse, finished: Finished, folder: Path) -> dict[str, Any]:
    """The same of an evaluation that is there already."""

    def work(watch: Watch, stages: Stages, run_id: str) -> dict[str, Any]:
        from xlembed.tracking.log import log_tags

        log_tags({"reused": "true"})
        return reuse.restore(finished)

    run_id, result = recorded(asked, finished, ref, folder, work)
    headline = asked.workspace.result_file(finished.name, ref.slug)
    told(f"{ref.slug}: reused, nothing has changed since it was evaluated; MLflow run {run_id}, {headline}")
    return result
