from __future__ import annotations

from pathlib import Path

import pytest

from data.folder import write_folder
from xlembed.data.folders import absent_tasks, find_task, list_tasks
from xlembed.words import UserError


def test_tasks_are_folders_with_a_corpus(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert list_tasks(data) == []
    for name in ("b_task", "a_task", ".a_task.tmp"):
        write_folder(data / name)
    (data / "pairs").mkdir()
    assert list_tasks(data) == ["a_task", "b_task"]


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    write_folder(tmp_path / "reviews_sample")
    with pytest.raises(
        UserError, match=r"no task 'review_sample'.*known tasks: reviews_sample\. Did you mean 'reviews_"
    ):
        find_task("review_sample", tmp_path)
    with pytest.raises(UserError, match=r"there are no tasks yet \(xlembed import makes one\)"):
        find_task("x", tmp_path / "nowhere")


def test_a_folder_without_a_corpus_is_no_task(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no task folder: it has no corpus\.jsonl"):
        find_task(str(tmp_path), tmp_path / "data")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("data.dvc", "outs:\n- path: data/far\n  md5: 1\n- path: data/near\n  md5: 2\n"),
        ("data.dvc", "wdir: data\nouts:\n- path: far\n"),
        ("data/far.dvc", "outs:\n- path: far\n"),
    ],
)
def test_a_task_that_dvc_tracks_is_to_be_pulled(tmp_path: Path, file: str, content: str) -> None:
    data = tmp_path / "data"
    write_folder(data / "near")
    (tmp_path / file).write_text(content, encoding="utf-8")
    assert absent_tasks(data) == {"far": tmp_path / file}
    for name in ("far", str(data / "far")):
        with pytest.raises(
            UserError, match=rf"'far' is tracked by DVC but not here yet; .* dvc pull .*{Path(file).name}"
        ):
            find_task(name, data)
    with pytest.raises(UserError, match=r"known tasks: near, far\. Did you mean 'near'"):
        find_task("neer", data)
    assert find_task("near", data) == data / "near"


def test_a_broken_dvc_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "data.dvc").write_text("outs: [", encoding="utf-8")
    assert absent_tasks(tmp_path / "data") == {}
