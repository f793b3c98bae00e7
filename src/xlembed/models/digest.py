"""What a model folder holds, as one hash: content decides, not names or revisions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from xlembed.models.folder import PICKLED, pickled_weights
from xlembed.words import UserError

CONTENT = (".safetensors", ".json", ".txt", ".model", ".jinja", ".py", ".metadata")
"""Endings of the files that can change a vector; cards, pictures and other formats cannot."""
OTHERS = frozenset({"onnx", "openvino", "__pycache__"})
NO_CONTENT = frozenset({"data_config.json", "trainer_state.json"})


def content_files(folder: Path) -> list[Path]:
    """Files that determine vectors, sorted by their path inside the folder; pickled weights if there are no others.

    Raises:
        UserError: if the folder holds no weights.
    """
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix in CONTENT and p.name not in NO_CONTENT]
    # Exports for other runtimes have folders of their own and are not read; hidden folders record downloads.
    parts = {p: p.relative_to(folder).parts for p in files}
    files = [p for p in files if not any(x in OTHERS or x.startswith(".") for x in parts[p])]
    files += (pickled := pickled_weights(folder))
    if not pickled and not any(p.suffix == ".safetensors" for p in files):
        other = sorted(p.name for p in folder.rglob("*") if p.suffix in (".bin", ".pt", ".ckpt", ".h5"))
        is_empty = folder.is_dir() and not any(folder.iterdir())
        nothing = "found an empty folder" if is_empty else "found no weights"
        found = f"found only {', '.join(other)}" if other else nothing
        raise UserError(f"{folder}: expected weights as model.safetensors or {PICKLED}, {found}")
    return sorted(files, key=lambda p: p.relative_to(folder).as_posix())


def folder_digest(folder: Path) -> str:
    """sha256 over names and contents of the files that determine vectors.

    Raises:
        UserError: if the folder holds no weights.
    """
    return files_digest(folder, content_files(folder))


def files_digest(folder: Path, files: Iterable[Path]) -> str:
    """sha256 over names and contents of some files of a folder, in any order."""
    hasher = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        hasher.update(f"{name} {file_digest(path)}\n".encode())
    return hasher.hexdigest()


def check_weights(folder: Path, expected: Mapping[str, str] | None = None) -> None:
    """Refuse weights that are cut off, or whose sha256 is not the expected one, or not what a download recorded.

    `expected` says it by file, as the card does.

    Raises:
        UserError: names the file, and how to get a whole one.
    """
    from safetensors import SafetensorError, safe_open

    for path in content_files(folder):
        if path.suffix not in (".safetensors", ".bin"):
            continue
        again = f"Delete {path.resolve()} and fetch it again."
        known = (expected or {}).get(path.relative_to(folder).as_posix()), _recorded_sha256(folder, path)
        for wanted, whose in zip(known, ("the card's", "the Hub's"), strict=True):
            if wanted and wanted != (found := file_digest(path)):
                raise UserError(
                    f"{path}: its sha256 is {found}, {whose} is {wanted}: the download is damaged, or the file was "
                    f"changed since. {again}"
                )
        if path.suffix == ".safetensors":
            try:
                with safe_open(path, framework="np"):
                    pass
            except SafetensorError as error:
                damaged = f"not readable as safetensors ({error}): damaged or incomplete. {again}"
                raise UserError(f"{path}: {lfs_pointer(path) or damaged}") from None


def lfs_pointer(path: Path) -> str | None:
    """What is wrong, if the file is what `git clone` leaves in the place of a large one."""
    with path.open("rb") as file:
        if not file.read(40).startswith(b"version https://git-lfs"):
            return None
    return "a pointer of Git LFS, not the weights; fetch them with `hf download` or `git lfs pull`"


def _recorded_sha256(folder: Path, path: Path) -> str | None:
    """From the names of the Hub's cache (`blobs/SHA256`), or from the records that `hf download --local-dir` leaves."""
    if path.is_symlink() and path.resolve().parent.name == "blobs":
        recorded = path.resolve().name
    else:
        record = folder / ".cache/huggingface/download" / f"{path.relative_to(folder).as_posix()}.metadata"
        try:
            lines = record.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return None
        recorded = lines[1].strip() if len(lines) > 1 else ""
    # Small files are recorded by Git's own hash, which has 40 digits.
    return recorded if re.fullmatch("[0-9a-f]{64}", recorded) else None


def file_digest(path: Path) -> str:
    """sha256 of a file, read once per process and state of the file."""
    state = path.stat()
    return _file_digest(path.absolute(), state.st_ino, state.st_size, state.st_mtime_ns)


@cache
def _file_digest(path: Path, inode: int, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
