"""Options of studies: settings reach the workspace, and nothing else does, whatever it is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from xlembed.cli import xlembed
from xlembed.cli.study import Asked, study


def ask(*words: str, sections: tuple[str, ...], named: tuple[str, ...] = ()) -> tuple[Result, list[Any]]:
    seen: list[Any] = []

    @click.command()
    @study(*sections, task=None, tracked=False, json_help="", named=named)
    @click.option("--folds", default="")
    @click.option("--shards-of", "shards", default="")
    def command(asked: Asked, folds: str, shards: str) -> None:
        seen.extend((asked.workspace.settings, folds, shards))

    return CliRunner().invoke(command, words), seen


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_option_called_like_a_setting_of_another_section_is_the_command_s_own() -> None:
    done, (settings, folds, shards) = ask(
        *("--folds", "a,b", "--shards-of", "x", "--device", "cpu"), sections=("encode",), named=("encode",)
    )
    assert done.exit_code == 0 and (folds, shards) == ("a,b", "x")
    assert (settings.encode.device, settings.analyse.folds, settings.index.shards) == ("cpu", 5, 1)


def test_a_single_key_of_a_section_is_an_option_and_its_neighbours_are_not() -> None:
    done, (settings, *_) = ask("--shards", "3", sections=("index.shards",), named=("index",))
    assert done.exit_code == 0 and settings.index.shards == 3
    assert "No such option" in ask("--replicas", "2", sections=("index.shards",))[0].output


@pytest.mark.parametrize(("words", "expected"), [((), True), (("--ignore-forecast", "false"), False)])
def test_a_switch_that_is_not_given_leaves_params_yaml_alone(words: tuple[str, ...], expected: bool) -> None:
    Path("params.yaml").write_text("index: {ignore_forecast: true}", encoding="utf-8")
    _, (settings, *_) = ask(*words, sections=("index.ignore_forecast",))
    assert settings.index.ignore_forecast is expected


@pytest.mark.parametrize(
    ("command", "said"), [("explore", "TASK, of a study TASK/STUDY"), ("probe", "TASK/probe")]
)
def test_help_says_where_runs_of_studies_go(command: str, said: str) -> None:
    """Not into the task's own experiment, which holds evaluations only."""
    assert said in " ".join(CliRunner().invoke(xlembed, [command, "--help"]).output.split())


@pytest.mark.parametrize("command", ["guide", "finetune", "ablate", "reproduce"])
def test_a_list_of_what_is_ready_is_json_for_scripts_too(command: str) -> None:
    done = CliRunner().invoke(xlembed, [command, "--json"])
    entries = json.loads(done.stdout)
    assert entries and all({"labels"} < set(entry) for entry in entries)
