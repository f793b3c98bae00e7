"""The local database survives kills at any point, and a server that does not answer is told at once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.initial_models import Base
from mlflow.tracking import MlflowClient
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from cli.command import no_surroundings
from xlembed.tracking import store
from xlembed.tracking.database import prepare_database
from xlembed.tracking.owners import HOST_TAG, PROCESS_TAG, owner_tags
from xlembed.tracking.runs import child_run, open_run
from xlembed.tracking.store import connect
from xlembed.words import UserError

OLDER = "b7e2c1a4d9f3"
"""Two steps before the layout of today's MLflow."""
KILLED_AT = """
import json, os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from xlembed.tracking.store import connect

def connect_until(number, at):
    seen = []

    def kill(*_):
        seen.append(1)
        if len(seen) == at:
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    event.listen(Engine, "after_cursor_execute", kill)
    connect(Path())

for number, at in json.loads(sys.argv[1]):
    if not (child := os.fork()):
        connect_until(number, at)
        break
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(at, "killed" if ended else "not reached", *os.listdir(), flush=True)
"""
"""For each signal and number of statements a fork, which is quicker than a Python that imports MLflow anew."""
LEFT_RUNNING = """
import time
from pathlib import Path
from xlembed.tracking.runs import child_run, open_run

with open_run(Path(), task="toy", name="parent", tags={}), child_run("child"):
    print("running", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module", autouse=True)
def _migrated_once() -> None:
    """Not here: the migrations themselves are what is tested."""


@contextlib.contextmanager
def interrupted_at(wanted: Callable[[str], bool]) -> Iterator[None]:
    """Ctrl-C right after the first SQL statement of this kind."""

    def interrupt(_: Any, __: Any, statement: str, *___: Any) -> None:
        if wanted(statement):
            raise KeyboardInterrupt

    event.listen(Engine, "after_cursor_execute", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        event.remove(Engine, "after_cursor_execute", interrupt)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def layout(database: Path) -> str:
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return str(opened.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def start(code: str, root: Path, *words: str) -> subprocess.Popen[str]:
    with no_surroundings(root):
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            cwd=root,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def test_a_kill_at_any_statement_leaves_no_half_database(tmp_path: Path) -> None:
    kills = [(signal.SIGKILL, 5), (signal.SIGINT, 40), (signal.SIGTERM, 150), (signal.SIGKILL, 60)]
    kills += [(signal.SIGKILL, 200), (signal.SIGINT, 330)]
    process = start(KILLED_AT, tmp_path, json.dumps([(int(number), at) for number, at in kills]))
    said = [line.split() for line in process.communicate(timeout=300)[0].splitlines()]
    assert [line[:2] for line in said] == [[str(at), "killed"] for _, at in kills]
    assert not any("mlflow.db" in line for line in said)
    with no_surroundings(tmp_path), open_run(tmp_path, task="toy", name="after", tags={}):
        pass
    assert names(tmp_path) <= {"mlflow.db", "mlflow.db.lock", "mlruns"}  # what the kills left is swept


def old_database(path: Path) -> Path:
    """As an older MLflow left it, with an experiment in it."""
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    config = utils._get_alembic_config(str(engine.url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLDER)
    engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as opened, opened:
        opened.execute(
            "INSERT INTO experiments (name, artifact_location, lifecycle_stage, workspace) "
            "VALUES ('kept', 'mlruns/kept', 'active', 'default')"
        )
    return path


def test_an_older_database_is_migrated_beside_its_place(tmp_path: Path) -> None:
    database = old_database(tmp_path / "mlflow.db")
    before = database.read_bytes()
    with interrupted_at(lambda statement: "UPDATE alembic_version" in statement):
        prepare_database(database)
    assert database.read_bytes() == before and names(tmp_path) == {"mlflow.db"}
    with no_surroundings(tmp_path):
        connect(tmp_path)
        assert MlflowClient().get_experiment_by_name("kept") is not None
    assert layout(database) == utils._get_latest_schema_revision() != OLDER
    assert (tmp_path / f"mlflow.db.{OLDER}").read_bytes() == before


def test_a_database_that_is_written_to_is_not_migrated(tmp_path: Path) -> None:
    database = old_database(tmp_path / "mlflow.db")
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with (
            no_surroundings(tmp_path),
            pytest.raises(UserError, match=r"database is locked: another process is writing to it"),
        ):
            connect(tmp_path)
    assert layout(database) == OLDER


def test_a_database_half_made_in_place_is_told_with_the_way_out(tmp_path: Path) -> None:
    """What Ctrl-C did to MLflow's own making: `table _alembic_tmp_... already exists` for ever."""
    database = tmp_path / "mlflow.db"
    with interrupted_at(lambda statement: "CREATE TABLE _alembic_tmp_" in statement):
        utils._initialize_tables(create_engine(f"sqlite:///{database}"))
    before = database.read_bytes()
    for _ in range(2):
        with no_surroundings(tmp_path), pytest.raises(UserError) as caught:
            connect(tmp_path)
        assert "is damaged or half made" in str(caught.value) and "it holds 0 runs" in str(caught.value)
        assert f"mv {database} {database}.broken" in str(caught.value)
        assert database.read_bytes() == before
    database.rename(tmp_path / "mlflow.db.broken")
    with no_surroundings(tmp_path):
        connect(tmp_path)
    assert names(tmp_path) == {"mlflow.db", "mlflow.db.broken", "mlflow.db.lock"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("made") / "mlflow.db"
    prepare_database(database)
    return database


def truncate(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:20_000])


def garble(database: Path) -> None:
    database.write_bytes(b"no database" * 1000)


def change_layout(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = 'feedfacecafe'")


def forget_layout(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("DROP TABLE alembic_version")


def become_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, r"is damaged or half made .*Move it away \(mv "),
        (garble, r"is damaged or half made \(file is not a database\).*Move it away"),
        (forget_layout, r"is damaged or half made .*Move it away"),
        (change_layout, r"was made by another, probably newer MLflow .*feedfacecafe"),
        (become_folder, r"expected the database of runs, found a folder"),
    ],
)
def test_a_database_that_cannot_be_used_is_left_alone(
    tmp_path: Path, made: Path, damage: Callable[[Path], None], message: str
) -> None:
    database = tmp_path / "mlflow.db"
    shutil.copy(made, database)
    damage(database)
    before = database.read_bytes() if database.is_file() else b""
    with no_surroundings(tmp_path), pytest.raises(UserError, match=message):
        connect(tmp_path)
    assert (database.read_bytes() if database.is_file() else b"") == before


def test_an_empty_file_is_no_database_yet(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    with no_surroundings(tmp_path):
        connect(tmp_path)
    assert layout(tmp_path / "mlflow.db") == utils._get_latest_schema_revision()


def test_runs_of_killed_processes_are_ended_and_no_others(tmp_path: Path) -> None:
    killed, living = start(LEFT_RUNNING, tmp_path), start(LEFT_RUNNING, tmp_path)
    try:
        assert killed.stdout and living.stdout
        assert killed.stdout.readline() == living.stdout.readline() == "running\n"
        killed.kill()
        killed.communicate()
        with no_surroundings(tmp_path):
            connect(tmp_path)
            client = MlflowClient()
            experiment = client.get_experiment_by_name("toy")
            assert experiment
            mine = owner_tags()
            others = {
                "elsewhere": {HOST_TAG: "elsewhere 0", PROCESS_TAG: f"{killed.pid} 1"},
                "recycled": {**mine, PROCESS_TAG: f"{os.getpid()} long-ago:1"},
                "untold": {},
                "garbled": {**mine, PROCESS_TAG: "?"},
            }
            for name, tags in others.items():
                client.create_run(experiment.experiment_id, run_name=name, tags=tags)
            ended = client.create_run(experiment.experiment_id, run_name="ended", tags=others["recycled"])
            client.set_terminated(ended.info.run_id)
            with open_run(tmp_path, task="toy", name="mine", tags={}), child_run("mine too"):
                pass
            runs = client.search_runs([experiment.experiment_id])
    finally:
        for process in (killed, living):
            process.kill()
            process.communicate()
    of_killed = [run for run in runs if run.data.tags.get(PROCESS_TAG, "").startswith(f"{killed.pid} ")]
    of_living = [run for run in runs if run.data.tags.get(PROCESS_TAG, "").startswith(f"{living.pid} ")]
    assert {(r.info.run_name, r.info.status) for r in of_killed if r.info.run_name != "elsewhere"} == {
        ("parent", "KILLED"),
        ("child", "KILLED"),
    }
    assert {(r.info.run_name, r.info.status) for r in of_living} == {
        ("parent", "RUNNING"),
        ("child", "RUNNING"),
    }
    status = {r.info.run_name: r.info.status for r in runs if r not in (*of_killed, *of_living)}
    status |= {r.info.run_name: r.info.status for r in of_killed if r.info.run_name == "elsewhere"}
    assert status == {
        "elsewhere": "RUNNING",
        "recycled": "KILLED",
        "untold": "RUNNING",
        "garbled": "RUNNING",
        "ended": "FINISHED",
        "mine": "FINISHED",
        "mine too": "FINISHED",
    }
    (reason,) = {r.data.tags["end_reason"] for r in of_killed if r.info.status == "KILLED"}
    assert reason.startswith("its process was killed")


@contextlib.contextmanager
def web_server(status: int, asked: list[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://ana:pa55w0rd@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FIRST_ANSWER_SECONDS", 1)


def test_the_first_answer_is_awaited_for_less_than_a_quarter_of_a_minute() -> None:
    assert store.FIRST_ANSWER_SECONDS < 15


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_answers(tmp_path: Path, scheme: str) -> None:
    """MLflow's own patience is left as it is: with it this test would last for minutes."""
    with (
        black_hole() as place,
        no_surroundings(tmp_path, MLFLOW_TRACKING_URI=f"{scheme}://{place}"),
        pytest.raises(UserError, match=rf"tracking store {scheme}://{place}: .*(no answer|timed out)"),
    ):
        connect(tmp_path)


def test_a_port_where_nobody_listens(tmp_path: Path) -> None:
    with black_hole() as place:
        pass
    with (
        no_surroundings(tmp_path, MLFLOW_TRACKING_URI=f"http://{place}"),
        pytest.raises(UserError, match=r"cannot be reached .*refused.*Start the server") as caught,
    ):
        connect(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_broken_server_is_asked_once(tmp_path: Path, status: int) -> None:
    asked: list[str] = []
    with (
        web_server(status, asked) as uri,
        no_surroundings(tmp_path, MLFLOW_TRACKING_URI=uri),
        pytest.raises(UserError, match=rf"http://\*\*\*@127.*the server answered {status} .*Start"),
    ):
        connect(tmp_path)
    assert len(asked) == 1


def test_a_server_that_answers_is_used(tmp_path: Path) -> None:
    asked: list[str] = []
    with web_server(200, asked) as uri, no_surroundings(tmp_path, MLFLOW_TRACKING_URI=uri):
        assert connect(tmp_path) == uri
    assert len(asked) >= 2 and not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_tag_that_another_process_set_meanwhile_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    """Two that begin a task's first runs at once: one of them was refused, and died of it."""
    real = MlflowClient.set_experiment_tag

    def refused(client: MlflowClient, experiment_id: str, key: str, value: str) -> None:
        if is_there:
            real(client, experiment_id, key, value)
        raise MlflowException("UNIQUE constraint failed: experiment_tags.key, experiment_tags.experiment_id")

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", refused)
    with no_surroundings(tmp_path):
        connect(tmp_path)
        store.use_experiment("toy")
        found = MlflowClient().get_experiment_by_name("toy")
        with contextlib.nullcontext() if is_there else pytest.raises(MlflowException, match="UNIQUE"):
            store.show_as_training(found.experiment_id)
        found = MlflowClient().get_experiment_by_name("toy")
    assert (store.EXPERIMENT_KIND in found.tags) is is_there


def test_each_task_of_a_process_has_its_own_experiment(tmp_path: Path) -> None:
    with no_surroundings(tmp_path):
        for task in ("one", "two"):
            with open_run(tmp_path, task=task, name="bm25", tags={}):
                pass
        client = MlflowClient()
        found = {e.name: len(client.search_runs([e.experiment_id])) for e in client.search_experiments()}
    assert (found["one"], found["two"]) == (1, 1)
