"""MLproject, params.yaml, dvc.yaml and settings.py tell one story; `mlflow run` plays it."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from cli.command import make_checkout, no_surroundings, xlembed
from fakes.scored_toy import make_scored_checkout
from fakes.toy import digests
from xlembed.cli import COMMANDS
from xlembed.cli.options import options_of as setting_options_of
from xlembed.settings import RunSettings, Settings

ROOT = Path(__file__).resolve().parents[2]
SECRET = "ghp-s3cret-0f-the-test"


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


ENTRY_POINTS = read("MLproject")["entry_points"]
STAGES = read("dvc.yaml")["stages"]
OWN_CODE = "PYTHONPATH=src:$PYTHONPATH"
"""Of the checkout, not of the one that is installed."""
ARGUMENTS = {
    "ablate": "ablation",
    "compare": "runs",
    "finetune": "recipe",
    "promote": "model",
    "reproduce": "name",
}
"""Entry point -> the parameter that is no option."""


def command_of(name: str) -> click.Command:
    module, _, function = COMMANDS[name][0].partition(":")
    return getattr(importlib.import_module(module), function)


def options_of(command: click.Command) -> dict[str, str]:
    """`--max-tokens` -> `max_tokens`, as MLproject would call it."""
    return {
        word: word[2:].replace("-", "_")
        for param in command.params
        if isinstance(param, click.Option)
        for word in param.opts
        if word.startswith("--")
    }


# Names and defaults


def test_params_yaml_repeats_the_defaults() -> None:
    """All keys are there, so that a reader sees what can be set; `run` says what this checkout evaluates."""
    said, defaults = read("params.yaml"), Settings().model_dump(mode="json")
    assert set(said) == set(defaults)
    for section in set(said) - {"run", "models"}:
        given = {key: None if value == "" else value for key, value in said[section].items()}
        assert given == {k: None if v == "" else v for k, v in defaults[section].items()}, section
    assert set(said["run"]) == set(defaults["run"])
    assert RunSettings().tasks[0] in said["run"]["tasks"] and RunSettings().models[0] in said["run"]["models"]


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_points_pass_every_parameter_to_an_option_of_the_command(name: str) -> None:
    entry = ENTRY_POINTS[name]
    code, tool, command, *words = entry["command"].split()
    assert (code, tool, command) == (OWN_CODE, "xlembed", "run" if name == "main" else name)
    known = options_of(command_of(command))
    if name in ARGUMENTS:
        assert words.pop(0) == f"{{{ARGUMENTS[name]}}}"
    given = dict(zip(words[::2], words[1::2], strict=True))
    for option, value in given.items():
        assert value == f"{{{known[option]}}}"
    passed = {known[option] for option in given} | ({ARGUMENTS[name]} if name in ARGUMENTS else set())
    assert passed == set(entry["parameters"])


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_points_share_types_and_defaults(name: str) -> None:
    """`path` and `uri` would refuse catalogue names; an empty string leaves the choice to settings.py."""
    defaults = {"model": RunSettings().models[0], "task": RunSettings().tasks[0]}
    if name in ("promote", "probe", "reproduce"):  # their own sections of params.yaml, or recipes, say
        defaults = {}
    defaults |= {"recipe": "shop_static", "ablation": "shop_small"}
    for parameter, declared in ENTRY_POINTS[name]["parameters"].items():
        if (name, parameter) == ("publish", "alias"):
            assert declared == {"type": "string"}  # nobody moves an alias by default
        else:
            assert declared == {"type": "string", "default": defaults.get(parameter, "")}, parameter


def test_every_setting_is_described_and_has_an_option() -> None:
    for section in set(Settings.model_fields) - {"models"}:
        fields = type(getattr(Settings(), section)).model_fields
        assert all(field.description for field in fields.values()), section
        keys = {key for _, key, _ in setting_options_of(section)}
        named = {"tasks", "models"} if section == "probe" else set()  # -t and -m say them
        assert keys | named == set(fields), section


def test_stages_are_commands_and_depend_on_settings_that_exist() -> None:
    settings = Settings().model_dump()
    for name, stage in STAGES.items():
        code, tool, command, *words = stage["cmd"].split()
        assert (code, tool, command) == (OWN_CODE, "xlembed", name)
        assert command in COMMANDS and command in ENTRY_POINTS
        if name == "finetune":
            assert stage["matrix"] == {"recipe": "${finetune.recipes}"}
            assert words == ["${item.recipe}", "--register-as", "no"]  # registering is no result
        elif name == "probe":
            assert stage["matrix"] == {"task": "${probe.tasks}"} and words == ["-t", "${item.task}"]
        else:
            assert stage.get("matrix", {}) in ({}, {"task": "${run.tasks}", "model": "${run.models}"})
            assert words == (["-m", "${item.model}", "-t", "${item.task}"] if "matrix" in stage else [])
        for parameter in stage["params"]:
            section, _, key = parameter.partition(".")
            assert section in settings and (not key or key in settings[section]), parameter


def test_stages_depend_on_every_setting_that_changes_their_results() -> None:
    """A setting left out would leave old results standing; where vectors are computed changes none."""
    from xlembed.params import UNCHANGED_RESULTS

    declared = {name: set(stage["params"]) for name, stage in STAGES.items()}
    for section in ("corpus", "encode", "index", "evaluate", "compare", "analyse"):
        stage = "encode" if section == "corpus" else section
        for key in type(getattr(Settings(), section)).model_fields:
            name = f"{section}.{key}"
            if section == "index":  # whole, so that a change of replicas reaches the server
                continue
            assert (name in UNCHANGED_RESULTS) != bool({section, name} & declared[stage]), name
    for name, keys in declared.items():  # which sections: tests/test_dvc.py
        if name == "index":
            continue
        for section in {key.partition(".")[0] for key in keys} - keys:
            fields = type(getattr(Settings(), section)).model_fields
            changing = {f"{section}.{key}" for key in fields} - UNCHANGED_RESULTS
            if name in ("finetune", "probe") and section == "encode":
                changing |= {"encode.device"}  # a training depends on where it runs
            named = {key for key in keys if key.startswith(f"{section}.")}
            assert named == PARTS.get((name, section), changing), (name, section)


PARTS = {
    ("evaluate", "compare"): {"compare.primary_measure"},
    ("report", "encode"): {"encode.storage_dtype"},
    ("report", "paradox"): {"paradox.margin_bm25"},
}
"""Where not all of a section changes what the stage writes."""


# mlflow run


def mlflow_run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`mlflow run .` as a user's shell has it, with secrets in the environment."""
    with no_surroundings(root):
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HF_HUB_OFFLINE": "1",
            "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
            "MLFLOW_TRACKING_PASSWORD": SECRET,
            "HF_TOKEN": SECRET,
        }
    command = [sys.executable, "-m", "mlflow", "run", ".", "--env-manager", "local"]
    return subprocess.run(
        [*command, *words], cwd=root, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Git checkout with this repository's MLproject and a remote that holds a token, as in many a CI."""
    root = make_checkout(tmp_path_factory.mktemp("project"))
    for name in ("MLproject", "conda.yaml"):
        shutil.copy(ROOT / name, root)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (
        ["init", "-q"],
        ["remote", "add", "origin", f"https://ci:{SECRET}@git.example.org/xlembed.git"],
        ["add", "MLproject", "params.yaml"],
        ["commit", "-q", "-m", "start"],
    ):
        subprocess.run([*git, *words], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture(scope="module")
def finished(project: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """`batch_tokens` is an option of the command that MLproject does not list."""
    words = ["--experiment-name", "bench", "-P", "model=toy_model", "-P", "task=toy"]
    done = mlflow_run(project, *words, "-P", "batch_tokens=4096")
    assert done.returncode == 0, done.stderr
    return project, done


def runs_of(root: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    found = client.get_experiment_by_name("bench")
    assert found is not None
    return list(client.search_runs([found.experiment_id]))


def test_mlflow_run_records_one_finished_run_named_by_its_model(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, _ = finished
    (parent,) = runs_of(root)
    assert parent.info.status == "FINISHED" and parent.info.run_name == parent.data.tags["model"]
    assert (parent.data.params["model"], parent.data.params["task"]) == ("toy_model", "toy")
    settings = MlflowClient(f"sqlite:///{root / 'mlflow.db'}").download_artifacts(
        parent.info.run_id, "settings.yaml"
    )
    assert yaml.safe_load(Path(settings).read_text(encoding="utf-8"))["encode"]["batch_tokens"] == 4096
    assert parent.data.tags["task"] == "toy"
    assert parent.data.metrics["mono/accuracy_at_1"] == pytest.approx(
        5 / 6, abs=1e-6
    )  # evaluate/test_stages.py
    (result,) = (root / "results" / "toy").glob("*.details.json")
    assert re.fullmatch(r"toy_model-[0-9a-f]{8}\.details\.json", result.name)
    assert json.loads(result.read_text(encoding="utf-8"))["model"] == parent.data.tags["model"]


def test_mlflow_run_keeps_secrets(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """The token of the Git remote and passwords in the environment are recorded nowhere."""
    root, done = finished
    assert SECRET not in done.stdout + done.stderr
    runs = runs_of(root)
    for run in runs:
        assert SECRET not in str(run.to_dictionary())
    assert any("git.example.org" in str(run.data.tags) for run in runs)  # there was something to hide
    artifacts = [path for path in (root / "mlruns").rglob("*") if path.is_file()]
    assert "scores.json" in {path.name for path in artifacts}
    results = [path for name in ("results", "runs", "embeddings") for path in (root / name).rglob("*.*")]
    for path in (*artifacts, *results):
        assert SECRET.encode() not in path.read_bytes(), path


def test_an_unknown_parameter_fails_with_the_options_name(project: Path) -> None:
    done = mlflow_run(project, "-P", "model=toy_model", "-P", "task=toy", "-P", "nonsense=1", "-P", "out=new")
    assert done.returncode == 1
    assert "No such option '--nonsense'" in done.stderr
    assert not (project / "new").exists()


def test_a_second_clone_runs_its_own_code(tmp_path: Path) -> None:
    """What is installed is another checkout: this one, on PYTHONPATH as an editable install puts it on the path."""
    root = make_checkout(tmp_path)
    for name in ("MLproject", "conda.yaml"):
        shutil.copy(ROOT / name, root)
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.safetensors")
    shutil.copytree(ROOT / "src", root / "src", ignore=leave)
    stage = root / "src" / "xlembed" / "evaluate" / "encode.py"
    written = stage.read_text(encoding="utf-8")
    stage.write_text(
        written.replace('"vectors": False', '"vectors": False, "code": "of the second"'), encoding="utf-8"
    )
    manifest = root / "embeddings" / "toy" / "bm25" / "manifest.json"
    with mock.patch.dict(os.environ, PYTHONPATH=str(ROOT / "src")):
        done = mlflow_run(root, "-e", "encode", "-P", "model=bm25", "-P", "task=toy")
        assert done.returncode == 0, done.stderr
        assert json.loads(manifest.read_text(encoding="utf-8"))["code"] == "of the second"
        manifest.unlink()
        command = STAGES["encode"]["cmd"].replace("${item.model}", "bm25").replace("${item.task}", "toy")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "DVC_STAGE": "encode@toy-bm25"}
        subprocess.run(command, cwd=root, env=environment, shell=True, check=True, capture_output=True)
        assert json.loads(manifest.read_text(encoding="utf-8"))["code"] == "of the second"


# The probe, three ways


@pytest.mark.slow
def test_mlflow_run_dvc_repro_and_the_command_find_the_same(tmp_path: Path) -> None:
    root = make_scored_checkout(tmp_path)
    for name in ("MLproject", "conda.yaml"):
        shutil.copy(ROOT / name, root)
    stage = read("dvc.yaml")["stages"]["probe"]
    stage["deps"] = [dep for dep in stage["deps"] if not dep.startswith("src/")]
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"probe": stage}}), encoding="utf-8")
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params |= {
        "encode": {"instruction": "", "storage_dtype": "float32", "device": ""}
    }  # that the stage names
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    assert xlembed(root, "probe", "-t", "moods").code == 0
    typed = digests(root, "probes", "results")
    shutil.rmtree(root / "probes")
    done = mlflow_run(root, "-e", "probe", "--experiment-name", "bench", "-P", "task=moods")
    assert done.returncode == 0, done.stderr
    assert digests(root, "probes", "results") == typed
    (parent,) = [run for run in runs_of(root) if run.data.tags.get("kind") == "probe"]
    assert parent.info.status == "FINISHED" and parent.data.params["task"] == "moods"

    shutil.rmtree(root / "probes")
    with no_surroundings(root):
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HF_HUB_OFFLINE": "1",
            "DVC_NO_ANALYTICS": "1",
        }
    for words in (["init", "--no-scm", "-q"], ["repro"]):
        command = [sys.executable, "-m", "dvc", *words]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    assert digests(root, "probes", "results") == typed
