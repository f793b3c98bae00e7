"""Where runs are recorded: the user's tracking server, or a database in the checkout made once under a lock."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.store.db.db_types import DATABASE_ENGINES
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from xlembed.files import FULL, error_number
from xlembed.tracking.database import prepare_database
from xlembed.tracking.errors import hide_secrets, store_words
from xlembed.tracking.owners import end_abandoned_runs, or_another
from xlembed.words import UserError

SQLITE = "sqlite:///"
EXPERIMENT_KIND = "mlflow.experimentKind"
REFUSALS = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError, ValueError)
"""What MLflow raises when its store cannot be used; errors of a database it opens are not wrapped."""
FIRST_ANSWER_SECONDS = 8
"""A server that is silent for so long is told; MLflow itself would try for minutes. Later calls have its patience."""
ADVICE = "Start the server, correct MLFLOW_TRACKING_URI, or unset it to record in ./mlflow.db"


def connect(root: Path) -> str:
    """Point MLflow at its store and make sure that it exists; returns the tracking URI.

    A URI set by the user (MLFLOW_TRACKING_URI, or by `mlflow run`) is left as it is. A database that is not there is
    made, which six processes must not do at once. Runs whose process was killed are ended.

    Raises:
        UserError: inside `dvc exp run --temp`, whose folder is deleted with everything recorded in it; or the
            store cannot be opened or does not answer.
    """
    _quiet_mlflow()
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        mlflow.set_tracking_uri(f"{SQLITE}{root.resolve() / 'mlflow.db'}")
    uri = str(mlflow.get_tracking_uri())
    database = _database(uri)
    if database is not None:
        if {".dvc", "exps"} <= set(database.parts):
            raise UserError(
                "inside `dvc exp run --temp` or `--queue` runs would be recorded in a folder that DVC deletes: "
                "set MLFLOW_TRACKING_URI (for example sqlite:////path/to/mlflow.db) first"
            )
        with told(uri), _alone(database):
            prepare_database(database)
            MlflowClient().search_experiments(max_results=1)
    else:
        with told(uri):
            _expect_answer(uri)
    end_abandoned_runs()
    return uri


def use_experiment(task: str, chosen: str | None = None) -> None:
    """Make an experiment the active one: the one chosen, else MLFLOW_EXPERIMENT_NAME or _ID, else the task's.

    Raises:
        UserError: the store cannot be reached, or the experiment has been deleted.
    """
    if not chosen and (os.environ.get("MLFLOW_EXPERIMENT_NAME") or os.environ.get("MLFLOW_EXPERIMENT_ID")):
        return
    name = chosen or task
    uri = str(mlflow.get_tracking_uri())
    database = _database(uri)
    with told(uri):
        if database is not None:
            with _alone(database):
                if MlflowClient().get_experiment_by_name(name) is None:
                    MlflowClient().create_experiment(name, artifact_location=artifact_location(name))
        given = os.environ.get("MLFLOW_EXPERIMENT_ID")
        mlflow.set_experiment(name)
        # It sets this variable, which the next task of this process would take for the user's choice.
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
        if given:
            os.environ["MLFLOW_EXPERIMENT_ID"] = given


def show_as_training(experiment_id: str) -> None:
    """Let the UI open an experiment as a table of runs to compare, not as traces; what a user chose there stays."""
    client = MlflowClient()

    def is_said() -> bool:
        return EXPERIMENT_KIND in client.get_experiment(experiment_id).tags

    if not is_said():
        kind = "custom_model_development"
        or_another(lambda: client.set_experiment_tag(experiment_id, EXPERIMENT_KIND, kind), is_said)


def artifact_location(experiment: str) -> str | None:
    """Where a new experiment's artifacts belong; None: the server decides.

    MLflow would put those of a local database beside the current folder, which `mlflow run` and DVC may delete.
    """
    database = _database(str(mlflow.get_tracking_uri()))
    if database is None:
        return None
    folder = quote(experiment.replace("/", "."), safe="")  # MLflow's servers undo %2F once too often
    return (database.parent / "mlruns" / folder).as_uri()


@contextlib.contextmanager
def one_at_a_time(purpose: str) -> Iterator[None]:
    """Keep processes that share a local store apart for a few lines; a server has to do without."""
    uri = str(mlflow.get_tracking_uri())
    place = _database(uri) or (
        None if "://" in uri.removeprefix("file://") else Path(uri.removeprefix("file://"))
    )
    if place is None:
        yield
        return
    with FileLock(place.with_name(f"{place.name}.{purpose}.lock"), is_singleton=True):  # may be entered again
        yield


@contextlib.contextmanager
def told(uri: str) -> Iterator[None]:
    """MLflow's refusals as messages that name the store, without its password.

    Raises:
        UserError: instead of MLflow's and the database's own errors.
        OSError: there is no room for the database.
    """
    try:
        yield
    except UserError:  # a ValueError too, and in words already
        raise
    except REFUSALS as error:
        refuse_without_room(error)
        raise UserError(hide_secrets(f"tracking store {uri}: {reason(error)}")) from None


def refuse_without_room(error: Exception) -> None:
    """Nothing, unless the disk of the local database is full.

    Raises:
        OSError: it is; the error names the database.
    """
    number = error_number(error)
    if number in FULL:
        named = _database(str(mlflow.get_tracking_uri())) or Path("mlflow.db")
        raise OSError(number, os.strerror(number), str(named)) from None


def reason(error: Exception) -> str:
    """Why the store refused, for people.

    >>> reason(ModuleNotFoundError("No module named 'psycopg'", name="psycopg"))
    "its address needs the Python package 'psycopg', which is not installed"
    """
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        said = os.strerror(error.errno)
        return f"{error.filename}: {said}. Make its folder writable, or name another store in MLFLOW_TRACKING_URI"
    if isinstance(error, ImportError):
        return f"its address needs the Python package {error.name!r}, which is not installed"
    if isinstance(error, ValueError):  # its text may be a piece of the password
        return "its address cannot be read; write special characters of the password as %40 (@), %2F (/) ..."
    return store_words(str(getattr(error, "message", error)))


def _expect_answer(uri: str) -> None:
    """One contact with a server, in a thread: names, connections and answers have one limit together.

    Raises:
        UserError: nobody answers, or the server is broken.
        Exception: what else the contact raised.
    """
    failed: list[Exception] = []

    def contact() -> None:
        try:
            _contact(uri)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=contact, daemon=True)
    thread.start()
    thread.join(FIRST_ANSWER_SECONDS)
    if thread.is_alive():
        raise UserError(
            hide_secrets(f"tracking store {uri}: no answer within {FIRST_ANSWER_SECONDS} s. {ADVICE}")
        )
    if failed:
        raise failed[0]


def _contact(uri: str) -> None:
    """One question to a server, without MLflow's retries; a database is only connected to."""
    if uri.startswith(("http://", "https://")):
        try:
            answer = http_request(  # type: ignore[no-untyped-call]
                get_default_host_creds(uri),  # type: ignore[no-untyped-call]
                "/api/2.0/mlflow/experiments/search",
                "GET",
                max_retries=0,
                timeout=FIRST_ANSWER_SECONDS,
                raise_on_status=False,
                params={"max_results": 1},
            )
        except MlflowException as error:
            system = re.search(r"\[Errno -?\d+\] [^'\")]+", error.message)  # behind three wrappings of it
            why = system[0] if system else error.message
            raise UserError(
                hide_secrets(f"tracking store {uri}: it cannot be reached ({why}). {ADVICE}")
            ) from None
        if answer.status_code >= 500:
            raise UserError(
                hide_secrets(
                    f"tracking store {uri}: the server answered {answer.status_code} {answer.reason}. {ADVICE}"
                )
            )
    elif re.split(r"[+:]", uri)[0] in DATABASE_ENGINES:
        engine = create_engine(uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()


def _database(uri: str) -> Path | None:
    """The file of a SQLite store."""
    return Path(uri.removeprefix(SQLITE)).resolve() if uri.startswith(SQLITE) else None


@contextlib.contextmanager
def _alone(database: Path) -> Iterator[None]:
    with FileLock(database.with_name(database.name + ".lock")):
        yield


def _quiet_mlflow() -> None:
    """Warnings only, unless the user asked for more: migrations, monitors and bars would bury our own lines."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Links of runs on a server, between the results on stdout, with the address's password.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    if not os.environ.get("MLFLOW_LOGGING_LEVEL"):
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # It prints the traceback of every error of the database, which we tell ourselves.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
