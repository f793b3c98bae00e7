"""Atomic writes: a reader sees the old file or the new one, never half of it; JSON and YAML read with care."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TextIO

import yaml
from filelock import FileLock
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from xlembed.words import UserError

try:
    import fcntl
except ImportError:  # Windows: what a killed process left stays there
    fcntl = None  # type: ignore[assignment]

MARK = ".xlembed-"
LEFT = re.compile(rf"\.(?P<name>.+?)(?P<old>\.old)?{re.escape(MARK)}[a-z0-9_]{{8}}(\.\w+)?")
"""Names of our temporary files and folders; nobody else's look so."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room: the disk, the user's quota, or a limit on the size of files."""


def default_cache() -> Path:
    """``$XLEMBED_CACHE``, else ``xlembed`` in the user's cache folder."""
    if chosen := os.environ.get("XLEMBED_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "xlembed"


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it on success, removed on failure.

    The suffix is kept, since some writers choose their format by it.

    Raises:
        OSError: with the name of `path` where there is no room.
    """
    with _temporary(path, folder=False) as temporary:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text file with LF line ends that replaces `path` on success."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def temporary_folder(path: Path) -> contextlib.AbstractContextManager[Path]:
    """A folder beside `path`, on the same disk, that is gone at the end; swept later if this process is killed.

    Raises:
        OSError: with the name of `path` where there is no room.
    """
    return _temporary(path, folder=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place on success.

    Raises:
        OSError: with the name of `path` where there is no room.
    """
    with temporary_folder(path) as temporary:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old{MARK}"))
            path.rename(old / path.name)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)


def made_once(
    folder: Path, make: Callable[[Path], None], is_whole: Callable[[Path], bool] = Path.is_dir
) -> bool:
    """Let `make` fill a folder that is not there yet, whatever other processes do; whether it was filled now.

    One that is there and not `is_whole` is replaced.
    """
    if not is_whole(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if not is_whole(folder):
                for left in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed
                    shutil.rmtree(left, ignore_errors=True)
                with atomic_folder(folder) as made:
                    make(made)
                return True
    return False


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written in a folder; a replaced folder without successor comes back.

    Only what bears our mark and is owned by no living process: the owner holds a lock that dies with it.
    """
    for left in folder.glob(f".*{MARK}*"):
        named = LEFT.fullmatch(left.name)
        if named is None or fcntl is None:
            continue
        with contextlib.suppress(OSError):  # owned by the living, gone meanwhile, or no locks here
            handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if named["old"] and not (folder / named["name"]).exists():
                    (left / named["name"]).rename(folder / named["name"])
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
            finally:
                os.close(handle)


def check_free(folder: Path, mark: str, force: bool = False) -> None:
    """Nothing, if a folder may be written: it is not there, or `force` replaces one of its kind, with a file `mark`.

    Raises:
        UserError: it is there.
    """
    is_alike = (folder / mark).is_file()
    if folder.exists() and not (force and is_alike):
        advice = (
            "or replace it with --force" if is_alike else f"since it is something else (it has no {mark})"
        )
        raise UserError(f"{folder} exists already: choose another name, {advice}")


def rounded(value: Any, digits: int = 4) -> Any:
    """JSON with its numbers cut to what is the same on every machine: last digits of float32 products differ.

    >>> rounded({"value": 0.123456, "ends": [0.1, None]})
    {'value': 0.1235, 'ends': [0.1, None]}
    """
    if isinstance(value, Mapping):
        return {key: rounded(of, digits) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(of, digits) for of in value]
    return round(value, digits) if isinstance(value, float) else value


def write_json(path: Path, value: Any) -> None:
    """Sorted keys, two spaces, real characters, a final newline: equal values give equal bytes."""
    with atomic_writer(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=2, sort_keys=True)
        file.write("\n")


def read_record(path: Path, remedy: str, needed: Mapping[str, type] | None = None) -> dict[str, Any]:
    """A JSON object that an earlier command wrote.

    Args:
        path: of the file.
        remedy: what to do if it is missing or damaged: ``evaluate the model again``.
        needed: key -> type; ``evaluate.depth`` is a key of the object at ``evaluate``.

    Raises:
        UserError: it is missing, damaged, or something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {remedy}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged or cannot be read ({error}): {remedy}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected a JSON object, found {type(found).__name__}: {remedy}")
    for key, kind in (needed or {}).items():
        value: Any = found
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            what = "nothing" if value is None else type(value).__name__
            raise UserError(f"{path} is damaged: {key} is {what}: {remedy}")
    return found


Rounded = Annotated[float, AfterValidator(lambda value: round(value, 6))]
"""A number of a `Record`, to 1e-6."""


class Record(BaseModel):
    """A typed value that is written as a JSON object and read back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """What `write_json` writes."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, content: Any, source: str, remedy: str) -> Self:
        """The value again.

        `source` is where it was read and `remedy` what to do if it is damaged: ``evaluate the model again``.

        Raises:
            UserError: names the first wrong key.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"])) or "its content"
            told = problem["msg"].removeprefix("Value error, ")
            raise UserError(f"{source} is damaged: {place}: {told}: {remedy}") from None

    @classmethod
    def read(cls, path: Path, remedy: str) -> Self:
        """The value of a file.

        Raises:
            UserError: it is missing, damaged, or something else.
        """
        return cls.from_json(read_record(path, remedy), str(path), remedy)


def error_number(error: BaseException) -> int | None:
    """What the system said, where an exception or one behind it tells: also through Rust, NumPy and SQLite.

    >>> error_number(ValueError("I/O error: No space left on device (os error 28)")) == errno.ENOSPC
    True
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, OSError) and current.errno is not None:
            return current.errno
        text = str(current)
        if told := re.search(r"\(os error (\d+)\)", text):
            return int(told[1])
        if re.search(r"\d+ requested and \d+ written|database or disk is full", text):
            return errno.ENOSPC
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return None


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors name what was to be written, not a temporary file; where there is no room, few name anything."""
    try:
        yield
    except Exception as error:
        number = error_number(error)
        if number in FULL:
            raise OSError(number, os.strerror(number), str(path)) from error
        if isinstance(error, OSError) and MARK in str(error.filename):
            error.filename = str(path)
        raise


@contextlib.contextmanager
def _temporary(path: Path, *, folder: bool) -> Iterator[Path]:
    """A file or folder beside `path` that is swept by nobody while this process lives, and removed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _naming(path):
        sweep(path.parent)
        lock = None
        while lock is None:
            if folder:
                name = tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}{MARK}")
            else:
                handle, name = tempfile.mkstemp(path.suffix, f".{path.stem}{MARK}", path.parent)
                os.close(handle)
            lock = _lock(Path(name))
        temporary = Path(name)
        try:
            yield temporary
        finally:
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink(missing_ok=True)
            os.close(lock)


def _lock(temporary: Path) -> int | None:
    """A handle that holds the lock; None if a sweeper came between making and locking."""
    if fcntl is None:
        return os.open(os.devnull, os.O_RDONLY)
    try:
        handle = os.open(temporary, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):  # a file system without locks: it is not swept either
        fcntl.flock(handle, fcntl.LOCK_SH)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(handle), temporary.stat()):
            return handle
    os.close(handle)
    return None


class YamlError(UserError):
    """What is wrong in a YAML file, and in which line if that is known."""

    def __init__(self, source: str, line: int | None, problem: str) -> None:
        super().__init__(f"{source}{f':{line}' if line else ''}: {problem}")
        self.line, self.problem = line, problem


def read_yaml(path: Path, *, texts: bool = False) -> Any:
    """The value of a YAML file; with `texts` every scalar is one, as YAML's own rules read the code `no` as false.

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
    return parse_yaml(text, str(path), texts=texts)


def parse_yaml(text: str, source: str, *, texts: bool = False) -> Any:
    """The value of a YAML text.

    Raises:
        YamlError: names `source` and the line.
    """
    try:
        return yaml.load(text, Loader=_TextLoader if texts else _OnceLoader)  # noqa: S506 (safe ones)
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


class _Once(yaml.constructor.BaseConstructor):
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


class _OnceLoader(_Once, yaml.SafeLoader): ...


class _TextLoader(_Once, yaml.BaseLoader): ...


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
