"""Opening and closing runs: alone, under `mlflow run`, and inside DVC stages."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import mlflow
from mlflow import ActiveRun
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.name_utils import _GENERATOR_NOUNS, _GENERATOR_PREDICATES

from xlembed.tracking.errors import TrackingError, hide_secrets, store_words
from xlembed.tracking.log import DESCRIPTION, run_address
from xlembed.tracking.owners import owner_tags
from xlembed.tracking.signals import undisturbed
from xlembed.tracking.store import connect, refuse_without_room, show_as_training, told, use_experiment

END_REASON_CHARS = 500
MODELS_TAG = "models"
"""Of a comparison: its models, by commas."""
log = logging.getLogger(__name__)


@contextlib.contextmanager
def open_run(
    root: Path, *, task: str, name: str, tags: Mapping[str, str], experiment: str | None = None
) -> Iterator[str]:
    """The parent run of one piece of work; yields its id.

    Under `mlflow run` the run exists already (MLFLOW_RUN_ID) and is continued. In a DVC stage that id is only
    the parent, so that stages do not write into one run. Otherwise a run of its own is opened.
    Runs of a study (tag `kind`) have an experiment of their own, TASK/KIND, so that the task's holds evaluations only.
    A failure marks the run FAILED, an interrupt KILLED (if MLflow gets there first, it marks a project run
    FAILED); the tag `end_reason` says why and is written first. What it is about is its description from the start;
    what was found takes that place (`describe`).

    Args:
        root: the checkout, whose database is used if the user named no store.
        task: names the experiment if neither `experiment` nor MLFLOW_EXPERIMENT_NAME or _ID does.
        name: of the run.
        tags: known before the work.
        experiment: the user's choice; empty is none.

    Raises:
        UserError: the store or the run to be continued cannot be used.
        TrackingError: the store failed on the way.
    """
    uri = connect(root)
    stage = os.environ.get("DVC_STAGE")
    given = os.environ.pop("MLFLOW_RUN_ID", None) if stage else os.environ.get("MLFLOW_RUN_ID")
    continued, kind = bool(given) and not stage, tags.get("kind", "")
    if not continued:
        use_experiment(f"{task}/{kind}" if kind not in ("", task) else task, experiment)

    def start() -> ActiveRun:
        _sample_by_the_minute()
        with told(uri):
            run = mlflow.start_run(
                run_name=None if continued else name,
                parent_run_id=given if stage else None,
                tags={
                    DESCRIPTION: f"{kind or 'evaluation'} on {tags.get('task', task)}: `{name}`",
                    **tags,
                    **owner_tags(),
                    **({"dvc_stage": stage} if stage else {}),
                },
            )
            if continued:
                _name(run, name)
            show_as_training(run.info.experiment_id)
        return run

    with _recorded(start) as run:
        # MLflow notes the checkout's Git remote, which may hold a token.
        unsafe = {
            key: hide_secrets(text) for key, text in run.data.tags.items() if hide_secrets(text) != text
        }
        if unsafe:
            mlflow.set_tags(unsafe)
        yield str(run.info.run_id)


@contextlib.contextmanager
def child_run(name: str) -> Iterator[str]:
    """A stage's run under the open one, in its experiment; its description leads there."""
    parent = mlflow.active_run()
    whole = f", a part of [{parent.info.run_name}]({run_address(parent.info.run_id)})" if parent else ""

    def start() -> ActiveRun:
        return mlflow.start_run(
            run_name=name,
            nested=True,
            tags={DESCRIPTION: f"`{name}`{whole}", "stage": name, **owner_tags()},
            experiment_id=parent.info.experiment_id if parent else None,
        )

    with _recorded(start) as run:
        yield str(run.info.run_id)


def newest_comparison(task: str, models: Sequence[str]) -> str | None:
    """Id of the last finished comparison of a task, if all these models are in it."""
    client = MlflowClient()
    found = client.search_runs(
        [experiment.experiment_id for experiment in client.search_experiments()],
        f"tags.kind = 'compare' and tags.task = '{task}' and attributes.status = 'FINISHED'",
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    named = [run for run in found if {*models} <= {*run.data.tags.get(MODELS_TAG, "").split(",")}]
    return str(named[0].info.run_id) if named else None


def begin_stage(name: str) -> None:
    """The tag `stage` of the active run says where a run that fails stood."""
    mlflow.set_tag("stage", name)


@contextlib.contextmanager
def _recorded(start: Callable[[], ActiveRun]) -> Iterator[ActiveRun]:
    """Start a run, and end exactly this one as its body ended."""
    run: ActiveRun | None = None
    # Until the body has ended, whatever ends it is an interrupt: a second one cannot make it look finished.
    status, reason = "KILLED", "interrupted"
    try:
        with undisturbed():
            run = start()
        yield run
        status, reason = "FINISHED", ""
    except MlflowException as error:
        status, reason = "FAILED", f"MLflow: {error.message}"
        refuse_without_room(error)
        raise TrackingError(
            hide_secrets(f"the tracking store failed: {store_words(error.message)}")
        ) from None
    except Exception as error:
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
        raise
    finally:
        if run is not None:
            with undisturbed():
                _end(run.info.run_id, status, hide_secrets(reason))


def _end(run_id: str, status: str, reason: str) -> None:
    try:
        if reason:
            MlflowClient().set_tag(run_id, "end_reason", reason[:END_REASON_CHARS])
        active = mlflow.active_run()
        while active is not None and active.info.run_id != run_id:  # left open by whatever failed
            mlflow.end_run(status)
            active = mlflow.active_run()
        mlflow.end_run(status)
    except MlflowException as error:
        if status == "FINISHED":
            refuse_without_room(error)
            raise TrackingError(
                hide_secrets(f"the tracking store failed: {store_words(error.message)}")
            ) from None
        # The failure being reported must not be hidden by a store that is gone.
        log.warning(
            "the run %s could not be marked %s: %s", run_id, status, hide_secrets(store_words(error.message))
        )


def _name(run: ActiveRun, name: str) -> None:
    """Instead of the name that `mlflow run` made up; one that the user gave (--run-name) stays."""
    predicate, noun, *_ = [*str(run.info.run_name).split("-"), "", ""]
    if predicate in _GENERATOR_PREDICATES and noun in _GENERATOR_NOUNS:
        MlflowClient().update_run(run.info.run_id, name=name)


def _sample_by_the_minute() -> None:
    """Processor and memory (where MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING is true): nothing in a run under a minute."""
    mlflow.set_system_metrics_sampling_interval(10)  # type: ignore[no-untyped-call]
    mlflow.set_system_metrics_samples_before_logging(6)  # type: ignore[no-untyped-call]
