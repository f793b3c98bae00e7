"""Full disks, read-only places, files in the way and damaged files: exit 2 and one message, no traceback."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from cli.command import make_checkout, xlembed
from xlembed.cli import failures
from xlembed.cli.failures import explain
from xlembed.measures import parse_measure

pytestmark = pytest.mark.usefixtures("sketches")

RUN = ("run", "-m", "toy", "-t", "toy")
LEFT_ALONE = "What was finished before is kept, nothing is left half written"


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own at `folder`."""
    folder.mkdir(exist_ok=True)
    made = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("mounting needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    with mounted(folder, "-t", "tmpfs", "-o", "size=8m", "none"):
        yield


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return filler


@pytest.fixture(scope="module", autouse=True)
def _migrated_once() -> None:
    """Not here: a store that cannot be made is one of the failures."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


def one_message(answer_err: str) -> str:
    assert "Traceback" not in answer_err
    (line,) = [line for line in answer_err.splitlines() if line.startswith("Error: ")]
    return line


def test_a_full_cache_is_told_and_the_same_command_goes_on(checkout: Path) -> None:
    with small_disk(checkout / "cache"):
        filler = fill(checkout / "cache")
        answer = xlembed(checkout, *RUN)
        said = one_message(answer.err)
        assert answer.code == 2 and f"no room on the disk of {checkout / 'cache'}" in said
        assert LEFT_ALONE in said and "name another folder in XLEMBED_CACHE" in said
        assert not (checkout / "results").exists()
        filler.unlink()
        assert not list((checkout / "cache").rglob(".*"))
        assert xlembed(checkout, *RUN).code == 0


def test_a_full_project_is_told_and_the_same_command_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "project"
    with small_disk(root):
        make_checkout(root)
        cache = {"XLEMBED_CACHE": str(tmp_path / "cache")}
        for prepared in (False, True):  # no room for the database, then for what the run writes
            filler = fill(root)
            answer = xlembed(root, *RUN, **cache)
            said = one_message(answer.err)
            assert answer.code == 2 and f"no room on the disk of {root}" in said, answer.err
            assert LEFT_ALONE in said
            filler.unlink()
            assert not list(root.rglob(".*xlembed-*"))
            if not prepared:
                assert not (root / "mlflow.db").exists()
                assert xlembed(root, "models", "models:/none/1", **cache).code == 2  # makes the database
                assert (root / "mlflow.db").is_file()
        assert xlembed(root, *RUN, **cache).code == 0


def test_a_read_only_project(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with read_only(checkout):
        answer = xlembed(checkout, *RUN)
        assert answer.code == 2 and "mlflow.db.lock: Read-only file system" in one_message(answer.err)
        assert "MLFLOW_TRACKING_URI" in answer.err
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        there = {
            "MLFLOW_TRACKING_URI": f"sqlite:///{elsewhere / 'mlflow.db'}",
            "XLEMBED_CACHE": str(elsewhere / "cache"),
        }
        answer = xlembed(checkout, *RUN, **there)
        said = one_message(answer.err)
        assert answer.code == 2 and "Read-only file system" in said and "--out FOLDER" in said
        assert xlembed(checkout, *RUN, "--out", str(elsewhere), **there).code == 0


def test_a_read_only_cache(checkout: Path) -> None:
    (checkout / "cache").mkdir()
    with read_only(checkout / "cache"):
        answer = xlembed(checkout, *RUN)
    said = one_message(answer.err)
    assert answer.code == 2 and "Read-only file system" in said and "XLEMBED_CACHE" in said


@pytest.mark.parametrize(
    ("place", "step"),
    [
        ("cache", "name another folder in XLEMBED_CACHE"),
        ("embeddings", "--out FOLDER"),
        ("indices", "--out FOLDER"),
        ("runs", "--out FOLDER"),
        ("runs/toy", "--out FOLDER"),
        ("results", "--out FOLDER"),
    ],
)
def test_a_file_where_a_folder_belongs(checkout: Path, place: str, step: str) -> None:
    (checkout / place).parent.mkdir(exist_ok=True)
    (checkout / place).write_text("in the way")
    answer = xlembed(checkout, *RUN)
    said = one_message(answer.err)
    assert answer.code == 2 and "expected a folder, found the file" in said
    assert place in said and "Move it away" in said and step in said
    assert (checkout / place).read_text() == "in the way"


@pytest.mark.parametrize("value", ["0", "-1", "99", "100001", "1000000000"])
def test_absurd_resamples_are_refused_with_the_bounds(checkout: Path, value: str) -> None:
    answer = xlembed(checkout, *RUN, "--resamples", value, "--out", "out")
    assert answer.code == 2 and "expected 100 to 100,000 resamples" in one_message(answer.err)
    assert not (checkout / "mlflow.db").exists()


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_checkout(tmp_path_factory.mktemp("evaluated"))
    answer = xlembed(root, "run", "-m", "toy,toy+dim3", "-t", "toy")
    assert answer.code == 0, answer.err
    return root


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("something else")


def without_column(path: Path) -> None:
    pd.read_parquet(path).drop(columns="pool").to_parquet(path)


def without_measure(path: Path) -> None:
    pd.read_parquet(path).drop(columns=parse_measure("accuracy@1").column).to_parquet(path)


def without_rows(path: Path) -> None:
    pd.read_parquet(path).iloc[:0].to_parquet(path)


def a_list(path: Path) -> None:
    path.write_text("[]")


def nothing(path: Path) -> None:
    path.write_text("{}")


def other_kinds(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    found["scores"] = [1, 2] if isinstance(found["scores"], list) else {"mono": 1}
    path.write_text(json.dumps(found))


def without_entries(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**found, "files": dict.fromkeys(found["files"], 1)}))


def without_names(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({key: found[key] for key in found if "fingerprint" not in key}))


def binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


UNITS, SCORES, RESULT = (
    "runs/toy/toy/units.parquet",
    "runs/toy/toy/scores.json",
    "results/toy/toy.details.json",
)
COMPARE = ("compare", "toy/toy", "toy/toy+dim3")
REPORT, GUIDE = ("report", "-t", "toy"), ("guide", "-t", "toy", "--scenario", "shop", "--no-timing")
MANIFEST, EVALUATE = "embeddings/toy/toy/manifest.json", ("evaluate", "-m", "toy", "-t", "toy")
DAMAGES: list[tuple[str, Callable[[Path], None], tuple[str, ...]]] = [
    *(
        (MANIFEST, damage, EVALUATE)
        for damage in (cut, empty, a_list, nothing, without_entries, without_names)
    ),
    *(
        (UNITS, damage, COMPARE)
        for damage in (cut, empty, text, without_column, without_measure, without_rows)
    ),
    *((SCORES, damage, COMPARE) for damage in (cut, empty, text, a_list, nothing, other_kinds, binary)),
    *((RESULT, damage, ("compare",)) for damage in (cut, empty, a_list, nothing, other_kinds, binary)),
    *(
        (file, damage, words)
        for file, damage in ((UNITS, cut), (SCORES, nothing))
        for words in (REPORT, GUIDE)
    ),
]


@pytest.mark.parametrize(
    ("file", "damage", "words"), DAMAGES, ids=[f"{w[0]}-{Path(f).name}-{d.__name__}" for f, d, w in DAMAGES]
)
def test_damaged_results_are_told(
    evaluated: Path, tmp_path: Path, file: str, damage: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(evaluated, root)
    damage(root / file)
    answer = xlembed(root, *words)
    said = one_message(answer.err)
    assert answer.code == 2 and Path(file).name.partition(".")[0] in said
    assert "xlembed run" in said or "xlembed encode" in said
    assert not (root / "reports").exists()


def test_the_paradox_evaluates_again_what_is_damaged(evaluated: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(evaluated, root)
    cut(root / UNITS)
    answer = xlembed(root, "paradox", "-m", "toy", "-t", "toy")
    assert "Traceback" not in answer.err
    assert (root / UNITS).read_bytes() == (evaluated / UNITS).read_bytes()


def test_the_number_and_the_place_decide_on_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "vectors"))
    full = OSError(errno.ENOSPC, "", "runs/x")
    assert f"no room on the disk of runs/x ({os.strerror(errno.ENOSPC)}; " in str(explain(full))
    assert (
        str(explain(OSError(errno.EDQUOT, "", str(tmp_path / "vectors" / "a")))).count("XLEMBED_CACHE") == 1
    )
    assert "ulimit -f" in str(explain(OSError(errno.EFBIG, "", "runs/x")))
    assert str(explain(OSError(errno.EMFILE, "", "a"))) == f"a: {os.strerror(errno.EMFILE)}"
    assert "in TMPDIR" in str(explain(PermissionError(errno.EACCES, "", f"{tempfile.gettempdir()}/x")))
    assert "--out FOLDER" in str(explain(PermissionError(errno.EACCES, "", "runs/x")))
    assert explain(KeyError("a bug")) is None
    monkeypatch.setattr(failures, "_free", lambda _: 0)
    assert "RuntimeError: unexpected pos 64 vs 0; 0 MB free" in str(
        explain(RuntimeError("unexpected pos 64 vs 0"))
    )
