"""A password in the address of a store is seen nowhere; what a finished run records: cli/test_mlproject.py."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cli.command import make_checkout, no_surroundings, xlembed
from xlembed.tracking.errors import TrackingError, hide_secrets
from xlembed.tracking.runs import child_run, open_run

SECRET = "pa55w0rd"
RUN_ID = "0" * 32
ADDRESSES = {
    "server": f"http://ana:{SECRET}@127.0.0.1:9",
    "server, slash in the password": f"http://ana:x/{SECRET}@127.0.0.1:9",
    "database": f"postgresql+nodriver://ana:{SECRET}@127.0.0.1:9/runs",
    "driver": f"mssql+pyodbc://ana:{SECRET}@127.0.0.1:9/runs",
    "port": f"mssql+pyodbc://ana:x/{SECRET}@host/runs",
    "unknown": f"stone://ana:{SECRET}@host/runs",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.mark.parametrize(
    "words",
    [("run", "-m", "toy", "-t", "toy"), ("models", "models:/toy/1"), ("compare", RUN_ID)],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("kind", ADDRESSES)
def test_an_unreachable_store_is_named_without_its_password(
    checkout: Path, caplog: pytest.LogCaptureFixture, kind: str, words: tuple[str, ...]
) -> None:
    answer = xlembed(
        checkout, *words, MLFLOW_TRACKING_URI=ADDRESSES[kind], MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
    )
    assert (answer.code, answer.out) == (2, "")
    scheme, _, rest = ADDRESSES[kind].partition("://")
    assert f"{scheme}://***@{rest.rpartition('@')[2]}" in answer.err
    assert SECRET not in answer.err + caplog.text
    assert not (checkout / "results").exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"mysql://a:{SECRET}@h/db and http://{SECRET}@h", "mysql://***@h/db and http://***@h"),
        (f"'https://a:{SECRET}@h/x': refused", "'https://***@h/x': refused"),
        (f"postgresql://h/db?user=a&password={SECRET}", "postgresql://h/db?user=a&password=***"),
        (f"MLFLOW_TRACKING_TOKEN={SECRET} is set", "MLFLOW_TRACKING_TOKEN=*** is set"),
        ("models:/toy@champion, see a@b.org, http://h/db", "models:/toy@champion, see a@b.org, http://h/db"),
    ],
)
def test_hide_secrets(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


def recorded(root: Path, run_id: str) -> Run:
    return MlflowClient(f"sqlite:///{root / 'mlflow.db'}").get_run(run_id)


def test_the_reason_of_a_failure_is_recorded_without_passwords(checkout: Path) -> None:
    ids = []
    with no_surroundings(checkout):
        with (
            pytest.raises(OSError, match=SECRET),  # it is the caller's own
            open_run(checkout, task="toy", name="toy", tags={}) as parent,
            child_run("encode") as child,
        ):
            ids += [parent, child]
            raise OSError(f"no answer from https://ana:{SECRET}@host/bucket")
        with (
            pytest.raises(TrackingError, match=r"http://\*\*\*@host/api failed") as caught,
            open_run(checkout, task="toy", name="toy", tags={}) as parent,
        ):
            ids.append(parent)
            raise MlflowException(f"API request to http://ana:{SECRET}@host/api failed")
        assert SECRET not in str(caught.value) and caught.value.__suppress_context__
        for run_id in ids:
            run = recorded(checkout, run_id)
            assert run.info.status == "FAILED" and "://***@host/" in run.data.tags["end_reason"]
            assert SECRET not in str(run.to_dictionary())


def test_a_store_that_fails_on_the_way_is_a_message(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MlflowException(f"API request to http://ana:{SECRET}@host/api failed")

    monkeypatch.setattr(mlflow, "log_params", fail)
    answer = xlembed(checkout, "run", "-m", "toy", "-t", "toy")
    assert (answer.code, answer.out) == (1, "")
    assert "Error: the tracking store failed: API request to http://***@host/api failed" in answer.err
    assert not (checkout / "results").exists()
