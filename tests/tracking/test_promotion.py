"""The ledger of promotions: one winner per number, attempts, crashes, rollback; on a database and on a server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from cli.command import no_surroundings
from elastic_node import free_port
from xlembed.tracking import ledger as promotion
from xlembed.tracking.ledger import Ledger
from xlembed.tracking.log import log_json
from xlembed.tracking.runs import open_run
from xlembed.tracking.versions import Claim, Lost, SearchMove, State, champion_of, find_version
from xlembed.words import UserError

NAME = "toy"
N_WRITERS = 6
DIGEST = "d" * 64


def register(n: int, name: str = NAME) -> None:
    """A model with n versions; what they hold does not matter here."""
    client = MlflowClient()
    client.create_registered_model(name)
    run = client.create_run("0").info
    for _ in range(n):
        client.create_model_version(name, f"{run.artifact_uri}/model", run_id=run.run_id)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with eight versions; making one takes a second."""
    folder = tmp_path_factory.mktemp("store")
    with no_surroundings(folder):
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        register(8)
    return folder / "mlflow.db"


@pytest.fixture
def root(tmp_path: Path, database: Path) -> Iterator[Path]:
    shutil.copy(database, tmp_path)
    with no_surroundings(tmp_path):
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
        yield tmp_path


@pytest.fixture
def ledger(root: Path) -> Ledger:
    return Ledger(NAME, root)


def claim_of(number: int, champion: str | None, target: str, **more: Any) -> Claim:
    values = {"kind": "promote", "at": "2020-01-01T00:00:00+00:00", "run_id": "r", "token": ""}
    return Claim(number=number, champion=champion, target=target, **{**values, **more})


def alias() -> str | None:
    found = MlflowClient().get_registered_model(NAME).aliases.get("champion")
    return None if found is None else str(found)


class Crash(BaseException):
    """The process is gone: nothing that catches errors runs."""


# Versions


def test_versions_by_number_and_alias(root: Path) -> None:
    MlflowClient().set_registered_model_alias(NAME, "candidate", "3")
    MlflowClient().set_model_version_tag(NAME, "3", "xlembed.base", "toy_base")
    assert find_version(f"models:/{NAME}/2", root).number == "2"
    found = find_version(f"models:/{NAME}@candidate", root)
    assert (found.uri, found.tags["xlembed.base"]) == (f"models:/{NAME}/3", "toy_base")
    assert champion_of(NAME, root) is None
    for uri, message in (
        (f"models:/{NAME}/99", "version=99"),
        (f"models:/{NAME}@nobody", "nobody"),
        ("models:/boy/1", "boy"),
        (NAME, "takes a registered version"),
        (f"models:/{NAME}/3+dim2", "takes a registered version"),
    ):
        with pytest.raises(UserError, match=message):
            find_version(uri, root)


# The ledger


def test_one_ledger_per_model(root: Path, ledger: Ledger) -> None:
    assert Ledger(NAME, root).run_id == ledger.run_id
    register(1, "other")
    assert Ledger("other", root).run_id != ledger.run_id
    run = MlflowClient().get_run(ledger.run_id)
    assert (run.info.run_name, run.data.tags["registered_model"]) == (NAME, NAME)


def test_a_deleted_ledger_is_missed(root: Path, ledger: Ledger) -> None:
    MlflowClient().delete_run(ledger.run_id)
    with pytest.raises(UserError, match=r"was deleted: restore it \(mlflow runs restore\)"):
        Ledger(NAME, root)
    MlflowClient().restore_run(ledger.run_id)
    experiment = MlflowClient().get_experiment_by_name(f"promotions of {NAME}")
    assert experiment is not None
    MlflowClient().delete_experiment(experiment.experiment_id)
    with pytest.raises(UserError, match="has been deleted; it holds the history"):
        Ledger(NAME, root)


def test_a_claim_moves_the_alias_and_leaves_a_history(root: Path, ledger: Ledger) -> None:
    ledger.carry_out(claim_of(1, None, "1", attempt=1, level=0.025))
    done = ledger.carry_out(
        claim_of(2, "1", "3", attempt=2, level=0.05 / 6, reason="because", task_digest=DIGEST)
    )
    assert alias() == "3" and [c.state for c in ledger.claims()] == [State.DONE, State.DONE]
    assert ledger.claims()[1] == replace(done, state=State.DONE)
    tags = find_version(f"models:/{NAME}/3", root).tags
    assert tags["xlembed.promotion"] == "2" and tags["xlembed.promoted_over"] == "1"
    assert tags["xlembed.forced"] == "because" and tags["xlembed.attempt"] == "2"
    assert tags["xlembed.level"] == "0.00833333"
    history = MlflowClient().get_registered_model(NAME).tags
    assert history["xlembed.promotion.2"] == "2020-01-01T00:00:00+00:00 promote: 1 -> 3, forced: because"
    assert history["xlembed.promotion.1"].endswith("promote: none -> 1")


def test_a_number_is_claimed_once(root: Path, ledger: Ledger) -> None:
    ledger.carry_out(claim_of(1, None, "1"))
    with pytest.raises(Lost, match="another promotion won: toy goes to version 1 now"):
        ledger.carry_out(claim_of(1, None, "2"))  # its champion is another one now
    with pytest.raises(Lost, match="another promotion won"):
        ledger.carry_out(claim_of(1, "1", "2"))  # the number is taken
    assert alias() == "1"


def test_even_the_same_claim_has_one_winner(ledger: Ledger) -> None:
    ledger.claim(claim_of(1, None, "1"))
    with pytest.raises(Lost):
        ledger.claim(claim_of(1, None, "1"))


def test_a_long_reason_is_cut(ledger: Ledger) -> None:
    ledger.carry_out(claim_of(1, None, "1", reason="w" * 100_000))
    assert len(ledger.claims()[0].reason) == 1000


def test_attempts_count_versions_and_gates_once(ledger: Ledger) -> None:
    count = ledger.attempt
    assert [count(v, "1", DIGEST, "a") for v in ("2", "3", "2", "4", "3")] == [1, 2, 1, 3, 2]
    assert count("2", "1", DIGEST, "another measure") == 4
    assert count("5", "2", DIGEST, "a") == 1, "another champion"
    assert count("5", "1", "e" * 64, "a") == 1, "another task"
    assert count("5", "base", DIGEST, "a") == 1


def test_champions_form_a_stack(ledger: Ledger) -> None:
    for number, (old, new, kind) in enumerate(
        [(None, "1", "promote"), ("1", "2", "promote"), ("2", "3", "promote"), ("3", "2", "rollback")], 1
    ):
        ledger.carry_out(claim_of(number, old, new, kind=kind))
    assert [c.target for c in ledger.champions()] == ["1", "2"]
    assert "xlembed.rolled_back_at" in MlflowClient().get_model_version(NAME, "3").tags


# What was interrupted


class Search:
    """A search alias in memory."""

    def __init__(self, at: str | None = "old") -> None:
        self.at = at

    def move(self, claim: Claim) -> None:
        assert claim.search
        self.at = claim.search.index

    def undo(self, claim: Claim) -> None:
        assert claim.search
        self.at = claim.search.previous


STEPS = ["claim", "search", "alias", "tags", "mark"]


def crash_before(
    step: str, patch: pytest.MonkeyPatch, search: Search, error: type[BaseException] = Crash
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise error("gone")

    places: dict[str, tuple[object, str]] = {
        "claim": (Ledger, "_write_once"),
        "search": (search, "move"),
        "alias": (MlflowClient, "set_registered_model_alias"),
        "tags": (MlflowClient, "set_model_version_tag"),
        "mark": (Ledger, "_mark"),
    }
    patch.setattr(*places[step], crash)


@pytest.mark.parametrize("step", STEPS)
def test_a_rerun_completes_what_a_crash_left(root: Path, ledger: Ledger, step: str) -> None:
    """Before the claim nothing has happened; after it both aliases follow, whatever had moved."""
    ledger.carry_out(claim_of(1, None, "1"))
    search = Search()
    claim = claim_of(2, "1", "2", search=SearchMove("shop", "new", "old"))
    with pytest.MonkeyPatch.context() as patch:
        crash_before(step, patch, search)
        with pytest.raises(Crash):
            ledger.carry_out(claim, search)
    where = {"claim": ("1", "old"), "search": ("1", "old"), "alias": ("1", "new")}.get(step, ("2", "new"))
    assert (alias(), search.at) == where
    again = Ledger(NAME, root)
    left = again.unfinished()
    assert (left is None) == (step == "claim")
    if left is not None:
        with pytest.raises(UserError, match="moves the search alias shop too"):
            again.complete(left)
        again.complete(left, search)
        assert (alias(), search.at, again.unfinished()) == ("2", "new", None)
        assert find_version(f"models:/{NAME}/2", root).tags["xlembed.promotion"] == "2"
        again.complete(left, search)  # once more changes nothing
        assert (alias(), search.at) == ("2", "new")


@pytest.mark.parametrize("step", ["search", "alias"])
def test_when_the_second_alias_fails_the_first_is_undone(ledger: Ledger, step: str) -> None:
    ledger.carry_out(claim_of(1, None, "1"))
    search = Search()
    with pytest.MonkeyPatch.context() as patch:
        crash_before(step, patch, search, MlflowException if step == "alias" else UserError)
        with pytest.raises(UserError, match="gone"):
            ledger.carry_out(claim_of(2, "1", "2", search=SearchMove("shop", "new", "old")), search)
    assert (alias(), search.at) == ("1", "old")
    assert ledger.unfinished() is None and ledger.claims()[1].state == State.UNDONE
    assert "gone" in MlflowClient().get_run(ledger.run_id).data.tags["promotion.2.why"]
    ledger.carry_out(claim_of(3, "1", "2"))
    assert alias() == "2" and [c.number for c in ledger.champions()] == [1, 3]


def test_an_answer_that_was_lost(ledger: Ledger) -> None:
    """The server moved the alias and then could not say so: nothing is undone, the next run finishes."""
    ledger.carry_out(claim_of(1, None, "1"))
    search, move = Search(), MlflowClient.set_registered_model_alias
    with pytest.MonkeyPatch.context() as patch:

        def move_and_fail(*words: Any) -> None:
            move(*words)
            raise MlflowException("gateway timeout")

        patch.setattr(MlflowClient, "set_registered_model_alias", move_and_fail)
        with pytest.raises(UserError, match="gateway timeout"):
            ledger.carry_out(claim_of(2, "1", "2", search=SearchMove("shop", "new", "old")), search)
    assert (alias(), search.at) == ("2", "new")
    left = ledger.unfinished()
    assert left is not None
    ledger.complete(left, search)
    assert ledger.unfinished() is None


def test_an_alias_moved_by_hand(root: Path, ledger: Ledger) -> None:
    ledger.carry_out(claim_of(1, None, "1"))
    left = ledger.claim(claim_of(2, "1", "2"))
    MlflowClient().set_registered_model_alias(NAME, "champion", "7")
    with pytest.raises(
        UserError, match=r"moved to version 7 by something other than xlembed; promotion 2 is given up"
    ):
        ledger.complete(left)
    assert alias() == "7" and ledger.unfinished() is None
    ledger.carry_out(claim_of(3, "7", "2"))
    assert alias() == "2"


def test_a_late_move_is_taken_back(ledger: Ledger) -> None:
    """On a server: a process that slept between claim and move wakes after two more promotions."""
    first = ledger.claim(claim_of(1, None, "1"))
    ledger.complete(first)
    ledger.carry_out(claim_of(2, "1", "2"))
    MlflowClient().set_registered_model_alias(NAME, "champion", "1")  # the sleeper's move
    ledger._move(first)
    assert alias() == "2"


# Many at once

WRITERS = """
import json, os, sys
from pathlib import Path
import mlflow, mlflow.store.model_registry.sqlalchemy_store, mlflow.store.tracking.sqlalchemy_store
from xlembed.tracking.ledger import Claim, Ledger, Lost, champion_of
root, n = Path(sys.argv[1]), int(sys.argv[2])
ready, go = os.pipe(), os.pipe()
target = next((str(i + 1) for i in range(n) if os.fork() == 0), None)
os.close(go[1] if target else ready[1])
if target is None:  # the starter: all are ready, all may go
    while os.read(ready[0], n):
        pass
    os.close(go[1])
    sys.exit(any([os.wait()[1] for _ in range(n)]))
champion_of("toy", root)
os.close(ready[1])
os.read(go[0], 1)
ledger = Ledger("toy", root)
attempt = ledger.attempt(target, "base", "d" * 64, "gate")
claim = Claim(1, None, target, "promote", "now", "r", "")
try:
    ledger.carry_out(claim)
    won = True
except Lost:
    won = False
sys.stdout.write(json.dumps([target, ledger.run_id, attempt, won]) + "\\n")
"""


def race(uri: str, root: Path, env: dict[str, str]) -> list[tuple[str, int, bool]]:
    """Six processes that have never seen a ledger, forked before any opens the store; what each says."""
    more = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WRITERS, str(root), str(N_WRITERS)],
        env={**env, **more},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said = sorted(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))
    assert [target for target, *_ in said] == [str(i + 1) for i in range(N_WRITERS)]
    return [(run_id, attempt, won) for _, run_id, attempt, won in said]


def check_race(said: list[tuple[str, int, bool]], root: Path) -> None:
    assert len({run_id for run_id, _, _ in said}) == 1, "one ledger"
    assert sorted(attempt for _, attempt, _ in said) == list(range(1, N_WRITERS + 1)), (
        "each attempt counted once"
    )
    winners = [str(i + 1) for i, (_, _, won) in enumerate(said) if won]
    assert len(winners) == 1 and alias() == winners[0]
    (claim,) = Ledger(NAME, root).claims()
    assert (claim.target, claim.state) == (winners[0], State.DONE)


def test_six_processes_one_winner_on_a_database(root: Path) -> None:
    uri = f"sqlite:///{root / 'mlflow.db'}"
    check_race(race(uri, root, dict(os.environ)), root)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A tracking server; its clients share no lock."""
    port = free_port()
    home = tmp_path / "server"
    home.mkdir()
    with no_surroundings(tmp_path):
        command = ["server", "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}", "--port", str(port)]
        command += ["--artifacts-destination", str(home / "artifacts"), "--workers", "1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command],
            cwd=home,
            env={
                **os.environ,
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },  # ten processes that nobody asks
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=1)
                    break
                except OSError:
                    assert process.poll() is None, "the server did not start"
                    time.sleep(0.25)
            yield url
        finally:
            os.killpg(process.pid, 9)
            process.wait()


@pytest.mark.slow
def test_six_processes_one_winner_on_a_server(server: str, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(server)
    register(8)
    check_race(race(server, tmp_path, dict(os.environ)), tmp_path)


def test_a_run_on_a_server_prints_no_link_between_results(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MLflow's own would stand before the JSON of a result, and hold the password of the address."""
    address = server.replace("://", "://ana:pa55w0rd@")
    with (
        no_surroundings(tmp_path, MLFLOW_TRACKING_URI=address),
        open_run(tmp_path, task="toy", name="toy", tags={}),
    ):
        pass
    said = capsys.readouterr()
    assert said.out == "" and "pa55w0rd" not in said.err


def test_a_file_store_is_locked_too(tmp_path: Path) -> None:
    with no_surroundings(tmp_path, MLFLOW_ALLOW_FILE_STORE="true"):
        mlflow.set_tracking_uri((tmp_path / "files").as_uri())
        register(2)
        ledger = Ledger(NAME, tmp_path)
        ledger.carry_out(claim_of(1, None, "1"))
        assert (tmp_path / "files.promotion.lock").exists()
        with pytest.raises(Lost):
            ledger.carry_out(claim_of(1, "1", "2"))
        assert alias() == "1"


def test_promotions_have_an_experiment_of_their_own(root: Path) -> None:
    Ledger(NAME, root)
    with promotion.promotion_run(NAME, root, {"kind": "promotion"}) as run_id:
        log_json({"a": 1}, "a.json")
    run = MlflowClient().get_run(run_id)
    experiment = MlflowClient().get_experiment_by_name(f"promotions of {NAME}")
    assert experiment is not None and run.info.experiment_id == experiment.experiment_id
    assert promotion.read_json_artifact(run_id, "a.json") == {"a": 1}
    assert (root / "mlruns").is_dir()
