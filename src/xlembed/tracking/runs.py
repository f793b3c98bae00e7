"""Opening and closing runs: alone, under `mlflow run`, and inside DVC stages."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mlflow

from xlembed.tracking.store import connect, use_experiment

END_REASON_CHARS = 500


@contextlib.contextmanager
def open_run(root: Path, *, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """The parent run of one piece of work; yields its id.

    Under `mlflow run` the run exists already (MLFLOW_RUN_ID) and is continued. In a DVC stage that id is only
    the parent, so that stages do not write into one run. Otherwise a run of its own is opened in `experiment`.
    A failure marks the run FAILED with the reason, an interrupt KILLED (MLflow itself marks a project run
    FAILED; the tag `end_reason` is written first).
    """
    connect(root)
    dvc_stage = os.environ.get("DVC_STAGE")
    project_run = os.environ.get("MLFLOW_RUN_ID")
    all_tags = {**tags, **({"dvc_stage": dvc_stage} if dvc_stage else {})}
    if dvc_stage:
        os.environ.pop("MLFLOW_RUN_ID", None)
        use_experiment(experiment)
        run = mlflow.start_run(run_name=name, tags=all_tags, parent_run_id=project_run, log_system_metrics=_system_metrics())
    elif project_run and mlflow.active_run() is None:
        run = mlflow.start_run(log_system_metrics=_system_metrics())
        mlflow.set_tags(all_tags)
    else:
        if not project_run:
            use_experiment(experiment)
        run = mlflow.start_run(run_name=name, tags=all_tags, nested=bool(project_run), log_system_metrics=_system_metrics())
    with _closing(run):
        yield str(run.info.run_id)


@contextlib.contextmanager
def child_run(name: str) -> Iterator[str]:
    """A stage's run under the open one."""
    run = mlflow.start_run(run_name=name, nested=True, tags={"stage": name})
    with _closing(run):
        yield str(run.info.run_id)


@contextlib.contextmanager
def _closing(run: Any) -> Iterator[None]:
    status = "FINISHED"
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        _tag_end("interrupted")
        raise
    except BaseException as error:
        status = "FAILED"
        _tag_end(f"{type(error).__name__}: {error}")
        raise
    finally:
        # A stage may have failed so early or late that another run is active: end exactly this one.
        active = mlflow.active_run()
        while active is not None and active.info.run_id != run.info.run_id:
            mlflow.end_run(status)
            active = mlflow.active_run()
        mlflow.end_run(status)


def _tag_end(reason: str) -> None:
    # The failure being reported must not be hidden by a store that is gone.
    with contextlib.suppress(Exception):
        mlflow.set_tag("end_reason", reason[:END_REASON_CHARS])


def _system_metrics() -> bool:
    """Sample processor and memory every second, so that a short run has some points too."""
    mlflow.set_system_metrics_sampling_interval(1)
    mlflow.set_system_metrics_samples_before_logging(1)
    return True
