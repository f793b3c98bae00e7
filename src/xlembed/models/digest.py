"""What a model folder holds, as one hash: content decides, not names or revisions."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from xlembed.types import UserError

CONTENT = (".safetensors", ".json", ".txt", ".model", ".jinja", ".py")
"""Endings of the files that can change a vector; cards, pictures and other formats cannot."""
NO_CONTENT = frozenset({"data_config.json", "trainer_state.json"})


def content_files(folder: Path) -> list[Path]:
    """Files that determine vectors, sorted by their path inside the folder.

    Raises:
        UserError: if the folder holds no weights as safetensors.
    """
    files = sorted(
        (p for p in folder.rglob("*") if p.is_file() and p.suffix in CONTENT and p.name not in NO_CONTENT),
        key=lambda p: p.relative_to(folder).as_posix(),
    )
    # Exports for other runtimes have folders of their own and are not read; hidden folders record downloads.
    files = [p for p in files if not _left_out(p.relative_to(folder).parts)]
    if not any(p.suffix == ".safetensors" for p in files):
        other = sorted(p.name for p in folder.rglob("*") if p.suffix in (".bin", ".pt", ".ckpt", ".h5"))
        found = f"found only {', '.join(other)}" if other else "found no weights"
        raise UserError(
            f"{folder}: expected weights as *.safetensors, {found}. Pickled weights can run code; convert "
            "them once with "
            "model.save_pretrained(..., safe_serialization=True)."
        )
    return files


def _left_out(parts: tuple[str, ...]) -> bool:
    return bool({"onnx", "openvino", "__pycache__"} & set(parts)) or any(
        part.startswith(".") for part in parts
    )


def folder_digest(folder: Path) -> str:
    """sha256 over names and contents of the files that determine vectors."""
    hasher = hashlib.sha256()
    for path in content_files(folder):
        hasher.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    return hasher.hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file, read once per process and state of the file."""
    state = path.stat()
    return _file_digest(path.resolve(), state.st_size, state.st_mtime_ns)


@cache
def _file_digest(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
