"""Atomic writes (a reader sees the old file or the new one, never half of it), and YAML that says nothing twice."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import yaml

from xlembed.types import UserError


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it on success, removed on failure.

    The suffix is kept, since some writers choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text file with LF line ends that replaces `path` on success."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place on success."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
            path.rename(old / path.name)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Sorted keys, two spaces, real characters, a final newline: equal values give equal bytes."""
    with atomic_writer(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=2, sort_keys=True)
        file.write("\n")


class YamlError(UserError):
    """What is wrong in a YAML file, and in which line if that is known."""

    def __init__(self, source: str, line: int | None, problem: str) -> None:
        super().__init__(f"{source}{f':{line}' if line else ''}: {problem}")
        self.line, self.problem = line, problem


def read_yaml(path: Path) -> Any:
    """The value of a YAML file.

    Raises:
        YamlError: not UTF-8, not YAML, or a key that stands twice.
        OSError: there is no such file.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = f"0x{raw[error.start]:02x}"
        raise YamlError(str(path), line, f"not UTF-8 (byte {byte}): save the file as UTF-8") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> Any:
    """The value of a YAML text.

    Raises:
        YamlError: names `source` and the line.
    """
    try:
        return yaml.load(text, Loader=_OnceLoader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        told = f"not valid YAML: {getattr(error, 'problem', None) or error}"
        raise YamlError(source, mark and mark.line + 1, told) from None
    except RecursionError:
        raise YamlError(source, None, "not usable YAML: nested too deeply") from None
    except ValueError as error:  # such as the date 2024-13-01
        raise YamlError(source, None, f"not valid YAML: {error}; write texts in quotes") from None


def yaml_line(path: Path, keys: Sequence[str | int]) -> int | None:
    """The line of a readable YAML file in which the deepest of `keys` that is there stands; None without any."""
    node = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    line = None
    for key in keys:
        entries = node.value if isinstance(node, yaml.MappingNode | yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            found = next(((name, value) for name, value in entries if name.value == str(key)), None)
        else:
            found = (entries[key], entries[key]) if isinstance(key, int) and key < len(entries) else None
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


class _OnceLoader(yaml.SafeLoader):
    """YAML takes the last of two equal keys without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                message = f"the key {key.value!r} stands in line {seen[name]} already; keep one of them"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen[name] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
