"""What is under data/: folders by a file in them, and those that DVC tracks but has not fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xlembed.data.card import is_task_name
from xlembed.data.importers.beir import CORPUS_FILE
from xlembed.data.lines import existing
from xlembed.files import read_yaml
from xlembed.words import UserError, near_miss

DATA_DIR = Path("data")


def folders_with(file: str, parent: Path) -> list[str]:
    """Names of the folders in `parent` that hold a file, in alphabetical order; empty without such a folder."""
    return sorted(path.parent.name for path in parent.glob(f"[!.]*/{file}"))


def absent_folders(file: str, parent: Path, data_dir: Path) -> dict[str, Path]:
    """Name -> .dvc file of those that DVC tracks in `parent` and that are not there."""
    tracked = {path.name: dvc for path, dvc in sorted(_tracked(data_dir)) if path.parent == parent.resolve()}
    present = folders_with(file, parent)
    return {name: dvc for name, dvc in tracked.items() if name not in present}


def list_tasks(data_dir: Path = DATA_DIR) -> list[str]:
    """Names of the task folders under `data_dir`."""
    return folders_with(CORPUS_FILE, data_dir)


def absent_tasks(data_dir: Path = DATA_DIR) -> dict[str, Path]:
    """Name -> .dvc file of the tasks that are not there."""
    return absent_folders(CORPUS_FILE, data_dir, data_dir)


def find_task(name_or_folder: str, data_dir: Path = DATA_DIR) -> Path:
    """The folder of a task given by its name under `data_dir`, or by its path.

    Raises:
        UserError: with the known tasks and the near miss; or with the `dvc pull` that brings the folder.
    """
    by_name = data_dir / name_or_folder
    is_name = is_task_name(name_or_folder)
    if is_name and existing(by_name / CORPUS_FILE):
        return by_name
    folder = Path(name_or_folder)
    if existing(folder / CORPUS_FILE):
        return folder
    absent = absent_tasks(data_dir)
    wanted = (by_name if is_name else folder).resolve()
    for name, dvc in absent.items():
        if wanted == (data_dir / name).resolve():
            raise UserError(
                f"the task {name!r} is tracked by DVC but not here yet; fetch it with: dvc pull {dvc}"
            )
    if folder.is_dir() or by_name.is_dir():
        there = folder if folder.is_dir() else by_name
        raise UserError(f"{there} is no task folder: it has no {CORPUS_FILE} (the layout is in docs/data.md)")
    known = [*list_tasks(data_dir), *absent]
    listed = (
        f"known tasks: {', '.join(known)}" if known else "there are no tasks yet (xlembed import makes one)"
    )
    raise UserError(
        f"there is no task {name_or_folder!r}: neither a folder nor a name under {data_dir}/; {listed}."
        f"{near_miss(name_or_folder, known)}"
    )


def _tracked(data_dir: Path) -> Iterator[tuple[Path, Path]]:
    """Paths that the .dvc files beside and inside `data_dir` track, each with its file."""
    beside = data_dir.parent / f"{data_dir.name}.dvc"
    for dvc in [beside, *sorted(data_dir.glob("*.dvc"))]:
        if not dvc.is_file():
            continue
        try:
            content = read_yaml(dvc)
        except UserError:
            continue
        if not isinstance(content, dict):
            continue
        base = dvc.parent / str(content.get("wdir") or ".")
        for out in content.get("outs") or []:
            if isinstance(out, dict) and out.get("path"):
                yield (base / str(out["path"])).resolve(), dvc
