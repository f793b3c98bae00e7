"""params.yaml: what is wrong in it is told by file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.params import load_settings
from xlembed.words import UserError

PARAMS = "run:\n  tasks: [toy]\nevaluate:\n  # how deep\n  depth: 0\n  resamples: 100\n"
UNSET = {"evaluate.depth": None, "evaluate.modes": "", "run.tasks": None}


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS, encoding="utf-8")
    return path


def test_a_bad_value_is_told_by_file_line_and_key(params: Path) -> None:
    with pytest.raises(UserError, match=r"params\.yaml:5: evaluate\.depth: .*greater than or equal to 1"):
        load_settings(params, UNSET)


def test_an_option_that_is_wrong_is_told_as_the_option(params: Path) -> None:
    with pytest.raises(UserError, match=r"^option evaluate\.depth: .*\(found -1\)$"):
        load_settings(params, {**UNSET, "evaluate.depth": -1})
    with pytest.raises(
        UserError, match=r"^option evaluate\.depth: measure accuracy@10 looks deeper than depth 7"
    ):
        load_settings(params, {**UNSET, "evaluate.depth": 7})


def test_measures_without_the_primary_one_are_refused_before_anything_is_done(params: Path) -> None:
    with pytest.raises(
        UserError, match=r"^option evaluate\.measures: evaluate\.measures lacks accuracy@1, which is"
    ):
        load_settings(params, {**UNSET, "evaluate.depth": 1000, "evaluate.measures": "nDCG@10,MRR"})


def test_several_wrong_keys_have_their_own_lines(params: Path) -> None:
    params.write_text(PARAMS.replace("resamples", "resample") + "corpsu: {}\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_settings(params)
    lines = str(caught.value).replace(f"{params.parent}/", "").splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["params.yaml:5", "params.yaml:6", "params.yaml:7"]
    assert "evaluate.resample: unknown" in lines[1] and "Did you mean 'resamples'" in lines[1]


def test_a_key_twice_and_another_encoding_are_refused(params: Path) -> None:
    params.write_text(PARAMS + "run: {tasks: [other]}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"params\.yaml:7: .*'run' stands in line 1 already"):
        load_settings(params)
    params.write_bytes("run:\n  tasks: [größe]\n".encode("cp1252"))
    with pytest.raises(UserError, match=r"params\.yaml:2: not UTF-8"):
        load_settings(params)
    with pytest.raises(UserError, match=r"cannot be read: Is a directory"):
        load_settings(params.parent)


@pytest.mark.parametrize("key", ["run.tasks", "run.models", "evaluate.modes", "evaluate.measures"])
def test_a_list_without_which_there_is_no_work_has_something(params: Path, key: str) -> None:
    section, _, name = key.partition(".")
    params.write_text(f"{section}:\n  {name}: []\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"params\.yaml:2: {key}: expected at least one"):
        load_settings(params)
    with pytest.raises(UserError, match=f"^option {key}: expected at least one"):
        load_settings(None, {key: ","})


def test_a_task_given_by_its_folder_is_told_so(params: Path) -> None:
    params.write_text("run:\n  tasks: [data/toy]\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"params\.yaml:2: run\.tasks: 'data/toy' is no name of a folder under"
    ):
        load_settings(params)
    params.write_text("run:\n  models: [./models/ours]\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"params\.yaml:2: run\.models: .* give it an entry under `models:`"):
        load_settings(params)


def test_what_is_named_twice_counts_once(params: Path) -> None:
    params.write_text("run: {models: [a, b, a]}\nprobe: {max_tokens: [16, 32, 16]}\n", encoding="utf-8")
    found = load_settings(
        params, {"probe.probes": "ridge,ridge", "evaluate.modes": "monolingual,monolingual"}
    )
    assert (found.run.models, found.probe.max_tokens) == (("a", "b"), (16, 32))
    assert (found.probe.probes, found.evaluate.modes) == (("ridge",), ("monolingual",))
