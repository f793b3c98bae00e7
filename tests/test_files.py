"""YAML as everything here reads it: what is wrong is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.files import parse_yaml, read_yaml, yaml_line
from xlembed.types import UserError


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
