"""What is under data/: folders by a file in them, those that DVC has not fetched, and those to be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xlembed.data.card import is_task_name, slugify
from xlembed.data.importers.beir import CORPUS_FILE
from xlembed.data.lines import existing
from xlembed.files import check_free, read_yaml
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


def find_folder(
    name: str, file: str, parent: Path, data_dir: Path, noun: str
) -> tuple[Path | None, list[str]]:
    """The folder of what is given by its name in `parent`, or by its path; None, and the known names.

    Raises:
        UserError: DVC tracks it and it is not here; with the `dvc pull` that brings it.
    """
    places = (parent / name, Path(name))
    if found := next((place for place in places if existing(place / file)), None):
        return found, []
    absent = absent_folders(file, parent, data_dir)
    for own, dvc in absent.items():
        if (parent / own).resolve() in [place.resolve() for place in places]:
            raise UserError(
                f"the {noun} {own!r} is tracked by DVC but not here yet; fetch it with: dvc pull {dvc}"
            )
    return None, [*folders_with(file, parent), *absent]


def check_new(name: str, folder: Path, file: str, noun: str, force: bool) -> None:
    """Nothing when one of that name may be written to `folder`.

    Raises:
        UserError: for a name that is no slug; for a folder that exists, unless `force` replaces one of its kind.
    """
    if not is_task_name(name):
        advice = f"use letters, digits, '.', '_', '+' and '-', e.g. {slugify(name)!r}"
        raise UserError(f"--name: {name!r} is no name for a {noun}: {advice}")
    if not (force and folder.is_dir() and not any(folder.iterdir())):
        check_free(folder, file, force)


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
    found, known = find_folder(name_or_folder, CORPUS_FILE, data_dir, data_dir, "task")
    if found:
        return found
    for there in (Path(name_or_folder), data_dir / name_or_folder):
        if there.is_dir():
            raise UserError(
                f"{there} is no task folder: it has no {CORPUS_FILE} (the layout is in docs/data.md)"
            )
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
    for dvc in filter(Path.is_file, [beside, *sorted(data_dir.glob("*.dvc"))]):
        try:
            content = read_yaml(dvc)
        except UserError:
            continue
        if isinstance(content, dict):
            base = dvc.parent / str(content.get("wdir") or ".")
            for out in content.get("outs") or []:
                if isinstance(out, dict) and out.get("path"):
                    yield (base / str(out["path"])).resolve(), dvc
