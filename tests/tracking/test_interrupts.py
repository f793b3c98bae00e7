"""Ctrl-C, SIGTERM and SIGKILL: what the store then says of a run, and that the same command goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from cli.command import make_checkout, no_surroundings, xlembed
from fakes.toy import DOCUMENTS, QUERIES, digests, write_toy
from xlembed.embeddings.store import FINISHED
from xlembed.settings import RESAMPLES
from xlembed.tracking.runs import child_run, open_run
from xlembed.tracking.signals import undisturbed

pytestmark = pytest.mark.usefixtures("sketches")

ROOT = Path(__file__).resolve().parents[2]
XLEMBED = [sys.executable, "-c", "from xlembed.cli import main; main()"]
LONG = RESAMPLES[1]
"""As many resamples as are allowed, which take long enough to be caught at."""
PATIENCE = 120
N_DOCUMENTS = len(DOCUMENTS) + 4 * 1024
"""Four shards and a piece of a fifth."""
SLOW = {"batch_tokens": 1}
"""One text at a time: a shard of `long_checkout` takes a third of a second, not a few milliseconds."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


@pytest.fixture
def long_checkout(checkout: Path) -> Path:
    """With so many documents that encoding can be caught between two shards."""
    many = [
        {"_id": f"m{i}", "title": "", "text": f"{i}{' boat' * 100}", "lang": "en"}
        for i in range(N_DOCUMENTS - len(DOCUMENTS))
    ]
    write_toy(checkout / "data" / "toy", [*DOCUMENTS, *many])
    with (checkout / "params.yaml").open("a", encoding="utf-8") as file:
        file.write(yaml.safe_dump({"encode": SLOW}))
    return checkout


def environment(root: Path, **more: str) -> dict[str, str]:
    with no_surroundings(root, **more):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1", "DVC_NO_ANALYTICS": "1"}


@contextlib.contextmanager
def started(command: list[str], root: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, as a terminal starts it; gone at the end whatever happens."""
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment(root, **more),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stderr and not process.stderr.closed:
            process.stderr.read()  # ends when the last process of the group is gone, not just its leader
        process.wait()


def runs_of(root: Path) -> dict[str, Run]:
    """Name -> run, of the experiment of the task."""
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    found = client.get_experiment_by_name("toy")
    return {str(run.info.run_name): run for run in client.search_runs([found.experiment_id])} if found else {}


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError(f"it ended ({process.poll()}) or hung before it could be disturbed")


def wait_for_stage(name: str, root: Path, process: subprocess.Popen[str]) -> None:
    """Until a run is in this stage."""
    _wait_for("SELECT 1 FROM tags WHERE key = 'stage' AND value = ?", name, root, process)


def wait_for_run(name: str, root: Path, process: subprocess.Popen[str]) -> None:
    """Until a run of this name was begun."""
    _wait_for("SELECT 1 FROM runs WHERE name = ?", name, root, process)


def _wait_for(question: str, value: str, root: Path, process: subprocess.Popen[str]) -> None:
    """Read past MLflow, whose client would make the database itself."""

    def begun() -> bool:
        with contextlib.suppress(sqlite3.Error):  # not there yet, or being made
            store = sqlite3.connect(f"{(root / 'mlflow.db').as_uri()}?mode=ro", uri=True)
            with contextlib.closing(store):
                return store.execute(question, (value,)).fetchone() is not None
        return False

    wait_until(begun, process)


def wait_for_shard(root: Path, process: subprocess.Popen[str]) -> None:
    wait_until(lambda: any((root / "cache").rglob(FINISHED)), process)


def texts_kept(root: Path) -> int:
    """Texts in finished shards."""
    indexes = (root / "cache").rglob(FINISHED)
    return sum(json.loads(path.read_bytes().partition(b"\n")[0])["n"] for path in indexes)


@pytest.mark.slow
def test_an_interrupted_encode_is_killed_and_resumes_to_the_same_bits(long_checkout: Path) -> None:
    words = ["run", "-m", "toy", "-t", "toy"]
    with started([*XLEMBED, *words], long_checkout) as process:
        wait_for_shard(long_checkout, process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    runs = runs_of(long_checkout)
    assert {name: run.info.status for name, run in runs.items()} == {"toy": "KILLED"}
    assert runs["toy"].data.tags["stage"] == "encode"
    assert {run.data.tags["end_reason"] for run in runs.values()} == {"interrupted"}
    parts = ("embeddings", "indices", "runs", "results")
    assert digests(long_checkout, *parts) == {}
    kept = texts_kept(long_checkout)
    assert 0 < kept < N_DOCUMENTS
    resumed = xlembed(long_checkout, *words)
    assert f"toy: {N_DOCUMENTS + len(QUERIES) - kept:,} texts encoded" in resumed.err
    plain = xlembed(long_checkout, *words, "--out", "plain", XLEMBED_CACHE=str(long_checkout / "cache2"))
    assert f"toy: {N_DOCUMENTS + len(QUERIES):,} texts encoded" in plain.err
    expected = digests(long_checkout / "plain")
    assert "results/toy/toy.json" in expected and digests(long_checkout, *parts) == expected


def test_a_command_killed_while_the_first_database_is_made_can_be_repeated(checkout: Path) -> None:
    words = ["run", "-m", "toy", "-t", "toy"]
    with started([*XLEMBED, *words], checkout) as process:
        wait_until(lambda: any(checkout.glob(".mlflow.db.*/mlflow.db")), process)
        process.kill()
        process.wait()
    assert not (checkout / "mlflow.db").exists()
    assert xlembed(checkout, *words).code == 0
    assert not list(checkout.glob(".mlflow.db.*"))


def test_a_terminated_evaluation_is_killed_and_goes_on(checkout: Path) -> None:
    words = ["run", "-m", "toy", "-t", "toy", "--out", "."]
    with started([*XLEMBED, *words, "--resamples", str(LONG)], checkout) as process:
        wait_for_stage("evaluate", checkout, process)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "the same command goes on from there" in said and "Traceback" not in said
    runs = runs_of(checkout)
    assert {name: run.info.status for name, run in runs.items()} == {"toy": "KILLED"}
    assert runs["toy"].data.tags["end_reason"] == "interrupted"
    assert runs["toy"].data.tags["stage"] == "evaluate", "where it stood"
    assert not (checkout / "results").exists() and not (checkout / "runs" / "toy" / "toy").exists()
    resumed = xlembed(checkout, *words)
    assert resumed.code == 0 and "toy: 0 texts encoded" in resumed.err
    assert (checkout / "results" / "toy" / "toy.json").is_file()


@pytest.mark.slow
def test_an_interrupted_project_says_so(checkout: Path) -> None:
    """Ctrl-C reaches MLflow and the command alike; MLflow marks the project's run itself."""
    for name in ("MLproject", "conda.yaml"):
        shutil.copy(ROOT / name, checkout)
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "run",
        ".",
        "--env-manager",
        "local",
        "--experiment-name",
        "toy",
    ]
    command += ["-P", "model=toy", "-P", "task=toy", "-P", f"resamples={LONG}", "-P", "out=trial"]
    with started(command, checkout, MLFLOW_TRACKING_URI=f"sqlite:///{checkout / 'mlflow.db'}") as process:
        wait_for_stage("evaluate", checkout, process)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    runs = runs_of(checkout)
    (project,) = runs.values()
    assert project.info.status in ("FAILED", "KILLED")
    assert (project.data.tags["end_reason"], project.data.tags["stage"]) == ("interrupted", "evaluate")
    assert not (checkout / "trial" / "results").exists()


@pytest.mark.slow
def test_a_killed_dvc_repro_goes_on(long_checkout: Path) -> None:
    """Killed between two shards, then in a later stage: shards and finished stages are kept."""
    root = long_checkout

    def stage(name: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][
            name
        ]
        found["deps"] = [dep for dep in found["deps"] if not dep.startswith("src/")]
        return found

    def write_params(resamples: int) -> None:
        params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        params |= {"run": {"tasks": ["toy"], "models": ["toy"]}, "models": {"toy": {"source": "toy_model"}}}
        params["encode"] |= SLOW
        params["evaluate"]["resamples"] = resamples
        (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    stages = {name: stage(name) for name in ("encode", "index", "evaluate")}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=root, env=environment(root), check=True)
    write_params(LONG)
    with started([*dvc, "repro"], root) as process:
        wait_for_shard(root, process)
        os.killpg(process.pid, signal.SIGKILL)
    kept = texts_kept(root)
    assert 0 < kept < N_DOCUMENTS and digests(root, "embeddings") == {}
    with started([*dvc, "repro"], root) as process:
        wait_for_run("toy", root, process)  # opened by evaluate
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
    assert f"encoded {N_DOCUMENTS - kept:,} of {N_DOCUMENTS:,} document texts" in said
    encoded = digests(root, "embeddings", "cache/vectors")
    assert encoded and not (root / "results").exists()
    write_params(500)
    done = subprocess.run(
        [*dvc, "repro"], cwd=root, env=environment(root), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "Stage 'encode@toy-toy' didn't change, skipping" in done.stdout + done.stderr
    assert digests(root, "embeddings", "cache/vectors") == encoded
    assert (root / "results" / "toy" / "toy.json").is_file()


@pytest.mark.slow
def test_six_processes_start_on_no_database(tmp_path: Path) -> None:
    """The first contact migrates the database; MLflow breaks it when six do so at once."""
    code = (
        "import sys; from pathlib import Path; from xlembed.tracking.runs import open_run\n"
        "with open_run(Path(), task='toy', name=sys.argv[1], tags={}): pass"
    )
    six = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(i)],
            cwd=tmp_path,
            env=environment(tmp_path),
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(6)
    ]
    said = [process.communicate(timeout=300)[1] for process in six]
    assert [process.returncode for process in six] == [0] * 6, said
    assert {name: run.info.status for name, run in runs_of(tmp_path).items()} == {
        str(i): "FINISHED" for i in range(6)
    }


def test_a_stage_of_dvc_is_a_child_and_a_project_is_continued(tmp_path: Path) -> None:
    with no_surroundings(tmp_path), open_run(tmp_path, task="toy", name="project", tags={}) as project:
        pass
    with (
        no_surroundings(tmp_path, MLFLOW_RUN_ID=project, DVC_STAGE="evaluate@toy-toy"),
        open_run(tmp_path, task="toy", name="stage", tags={}) as stage,
    ):
        assert "MLFLOW_RUN_ID" not in os.environ
    with (
        no_surroundings(tmp_path, MLFLOW_RUN_ID=project),
        open_run(tmp_path, task="toy", name="other", tags={"task": "toy"}) as continued,
    ):
        pass
    assert continued == project != stage
    runs = runs_of(tmp_path)
    assert set(runs) == {"project", "stage"}
    assert runs["stage"].data.tags["mlflow.parentRunId"] == project
    assert runs["stage"].data.tags["dvc_stage"] == "evaluate@toy-toy"
    assert runs["project"].data.tags["task"] == "toy"


@pytest.fixture
def received() -> Iterator[list[int]]:
    """Signals that got through, with the handlers of before put back."""
    got: list[int] = []
    before = {s: signal.signal(s, lambda n, _: got.append(n)) for s in (signal.SIGINT, signal.SIGTERM)}
    yield got
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_second_signal_spares_the_record_of_the_first(
    tmp_path: Path, received: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `mlflow run` sends them: SIGTERM while the end after Ctrl-C is being written."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    write, disturbed = MlflowClient.set_tag, []

    def set_tag(client: MlflowClient, run_id: str, key: str, value: str) -> None:
        if key == "end_reason":
            disturbed.append(run_id)
            signal.raise_signal(signal.SIGTERM)
        write(client, run_id, key, value)

    monkeypatch.setattr(MlflowClient, "set_tag", set_tag)
    with (
        pytest.raises(KeyboardInterrupt),
        no_surroundings(tmp_path),
        open_run(tmp_path, task="toy", name="parent", tags={}),
        child_run("encode"),
    ):
        signal.raise_signal(signal.SIGINT)
    assert len(disturbed) == 2
    runs = runs_of(tmp_path)
    assert {name: run.info.status for name, run in runs.items()} == {"parent": "KILLED", "encode": "KILLED"}
    assert {run.data.tags["end_reason"] for run in runs.values()} == {"interrupted"}


def test_signals_wait_until_the_lines_are_done(received: list[int]) -> None:
    with undisturbed():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert received == []
    assert received == [signal.SIGTERM]  # the first one; the user meant one thing


def test_the_third_signal_is_meant(received: list[int]) -> None:
    with pytest.raises(KeyboardInterrupt), undisturbed():
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    assert received == [signal.SIGINT]  # the handler of before is back


def test_ignored_signals_stay_ignored(received: list[int]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with undisturbed():
        signal.raise_signal(signal.SIGTERM)
    assert received == [] and signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_other_threads_are_left_alone() -> None:
    done: list[bool] = []

    def work(enter: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        with enter():
            done.append(True)

    thread = threading.Thread(target=work, args=(undisturbed,))
    thread.start()
    thread.join()
    assert done == [True]
