"""Atomic writes: what a kill leaves is swept, what the living write is not, and no room is told by name."""

from __future__ import annotations

import contextlib
import errno
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from xlembed.files import (
    atomic_folder,
    atomic_path,
    error_number,
    parse_yaml,
    read_record,
    read_yaml,
    sweep,
    temporary_folder,
    yaml_line,
)
from xlembed.words import UserError

WRITE = """
import sys, time
from pathlib import Path
from xlembed.files import {kind}
with {kind}(Path(sys.argv[1])) as made:
    print(made, flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def writing(kind: str, path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process in the middle of writing `path`, and its temporary file or folder."""
    code = WRITE.format(kind=kind)
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["atomic_folder", "atomic_path"])
def test_what_a_kill_left_is_swept_and_what_the_living_write_is_not(tmp_path: Path, kind: str) -> None:
    with writing(kind, tmp_path / "new.txt") as (process, temporary):
        with atomic_folder(tmp_path / "other") as made:
            sweep(tmp_path)
        assert temporary.exists() and not made.exists() and (tmp_path / "other").is_dir()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert temporary.exists()
        with atomic_path(tmp_path / "file"):
            pass
    assert names(tmp_path) == ["file", "other"]


@pytest.mark.parametrize(
    "name", [".cache.settings", ".new.abcd1234", "new.xlembed-abcd1234", ".new.xlembed-ABCD1234", ".git"]
)
def test_nothing_of_others_is_swept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    sweep(tmp_path)
    assert (tmp_path / name).is_dir()


def test_a_link_with_our_mark_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / ".x.xlembed-abcd1234").symlink_to(tmp_path / "kept")
    sweep(tmp_path)
    assert (tmp_path / "kept").is_dir() and (tmp_path / ".x.xlembed-abcd1234").is_symlink()


def test_a_folder_killed_between_two_renames_comes_back(tmp_path: Path) -> None:
    (tmp_path / ".task.old.xlembed-abcd1234" / "task").mkdir(parents=True)
    sweep(tmp_path)
    assert names(tmp_path) == ["task"]
    (tmp_path / ".task.old.xlembed-abcd1234" / "task" / "old").mkdir(parents=True)
    sweep(tmp_path)
    assert names(tmp_path) == ["task"] and not (tmp_path / "task" / "old").exists()


def test_an_interrupted_folder_leaves_the_old_one(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "task") as made:
        (made / "one").touch()
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "task"):
        raise KeyboardInterrupt
    assert names(tmp_path) == ["task"] and names(tmp_path / "task") == ["one"]


@pytest.fixture
def narrow() -> Iterator[None]:
    """No file may grow beyond 4 KB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("how", ["write", "tofile", "safetensors", "inside"])
def test_no_room_is_told_with_the_wanted_name(tmp_path: Path, how: str) -> None:
    wanted, large = tmp_path / "wanted", np.zeros(100_000)
    with pytest.raises(OSError) as caught:
        if how == "inside":
            with atomic_folder(wanted) as folder:
                (folder / "large").write_bytes(large.tobytes())
        else:
            with atomic_path(wanted) as path:
                if how == "write":
                    path.write_bytes(large.tobytes())
                elif how == "tofile":
                    large.tofile(path)
                else:
                    save_file({"large": large}, path)
    assert (caught.value.errno in (errno.EFBIG, errno.ENOSPC)) and caught.value.filename == str(wanted)
    assert names(tmp_path) == []


def test_a_temporary_folder_is_gone_at_the_end(tmp_path: Path) -> None:
    with temporary_folder(tmp_path / "x") as folder:
        (folder / "part").touch()
        assert folder.parent == tmp_path
    assert names(tmp_path) == []


def test_the_number_is_found_behind_other_errors() -> None:
    with pytest.raises(RuntimeError) as caught:
        try:
            raise OSError(errno.ENOSPC, "full")
        except OSError as error:
            raise RuntimeError("cannot write") from error
    assert error_number(caught.value) == errno.ENOSPC
    assert error_number(ValueError("(sqlite3.OperationalError) database or disk is full")) == errno.ENOSPC
    assert error_number(ValueError("28 apples")) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "record.json is missing: make it again"),
        (b"", "is damaged or cannot be read"),
        (b'{"a": 1', "is damaged or cannot be read"),
        (b"\xff\xfe", "is damaged or cannot be read"),
        (b"[" * 100_000, "is damaged or cannot be read"),
        (b"[]", "expected a JSON object, found list"),
        (b"{}", "is damaged: a is nothing"),
        (b'{"a": {"b": "1"}}', "is damaged: a.b is str"),
        (b'{"a": [1]}', "is damaged: a is list"),
    ],
)
def test_damaged_records(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_record(path, "make it again", {"a": dict, "a.b": int})
    assert str(caught.value).endswith(": make it again")
    path.write_text('{"a": {"b": 1}}')
    assert read_record(path, "make it again", {"a": dict, "a.b": int}) == {"a": {"b": 1}}


# YAML


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"a: 1\nb: {c: 1,\n    c: 2}\n",
            r"x\.yaml:3: .*the key 'c' stands in line 2 already; keep one of them",
        ),
        (b"a: 1\nb: 2\na: 1\n", r"x\.yaml:3: .*the key 'a' stands in line 1 already"),
        (b"- {a: 1}\n- a: 1\n  'a': 2\n", r"x\.yaml:3: "),
        ("a: 1\nb: Größe\n".encode("cp1252"), r"x\.yaml:2: not UTF-8 \(byte 0xf6\): save the file as UTF-8"),
        (b"a: 1\nb: [1\n", r"x\.yaml:3: not valid YAML: expected ',' or '\]'"),
        (b"a: !!python/object/apply:os.system ['x']\n", r"x\.yaml:1: not valid YAML"),
        (b"a: 2024-13-45\n", r"x\.yaml: not valid YAML: .*write texts in quotes"),
        (b"[" * 5000, r"x\.yaml: not usable YAML: nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_yaml(tmp_path / "x.yaml")


def test_yaml_without_faults(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfa: {x: 1}\nb: {x: 2, <<: {y: 3}}\n1: one\n'1': text\n")
    assert read_yaml(tmp_path / "x.yaml") == {"a": {"x": 1}, "b": {"x": 2, "y": 3}, 1: "one", "1": "text"}
    assert parse_yaml("", "--set a") is None
    with pytest.raises(UserError, match=r"--set a:1: not valid YAML"):
        parse_yaml("[1", "--set a")
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "y.yaml")


def test_the_line_of_a_value(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n")
    lines = {("a",): 1, ("a", "b"): 2, ("a", "c", 1): 5, ("a", "c", 1, "d"): 5, ("a", "z"): 1, ("z",): None}
    assert {keys: yaml_line(tmp_path / "x.yaml", keys) for keys in lines} == lines
