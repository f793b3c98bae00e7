"""A repository of rows: on the Hub, in its cache, or as a folder; its configurations, and their rows one by one."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xlembed.data.checks import Place, Problems, Row
from xlembed.hub import fetch, is_reachable, telling
from xlembed.words import UserError, near_miss

CARD = "README.md"
_NOT_PARAMETERS = (
    "config_name",
    "data_files",
    "data_dir",
    "default",
    "version",
    "description",
    "drop_labels",
)
"""Keys of a configuration that say nothing about how its files are read."""

_SAME = {"dev": ("validation",), "validation": ("dev", "valid"), "valid": ("validation", "dev")}
"""Split -> what others call it."""


@dataclass(frozen=True)
class Repository:
    """Files of one revision.

    Attributes:
        hub_id: OWNER/NAME.
        root: the folder where its files are, or come to.
        remote: whether files that are not there are fetched.
        advice: what to do where they cannot be had.
    """

    hub_id: str
    root: Path
    remote: bool
    advice: str

    @property
    def source(self) -> str:
        """For the card of what is made of it: with the commit, where there is one."""
        return f"{self.hub_id}@{self.root.name}" if self.root.parent.name == "snapshots" else str(self.root)

    @cached_property
    def configs(self) -> Mapping[str, Mapping[str, Any]]:
        """Configurations that its card lists; empty where it lists none."""
        from datasets.utils.metadata import MetadataConfigs
        from huggingface_hub import DatasetCard

        if not (self.root / CARD).is_file():
            return {}
        card = DatasetCard((self.root / CARD).read_text(encoding="utf-8"), ignore_metadata_errors=True)
        found: Mapping[str, Mapping[str, Any]] = MetadataConfigs.from_dataset_card_data(card.data)
        return found

    def rows(
        self, names: tuple[str, ...], split: str | None, problems: Problems, *, any_config: bool
    ) -> Iterator[Row]:
        """Rows of a configuration, read one after the other; nothing of them is kept.

        Args:
            names: of the configuration, the first that is there.
            split: the one wanted; the only one of the configuration where it has no such split.
            problems: takes what is wrong with the rows.
            any_config: whether the only configuration, or the files of a repository without any, will do.

        Raises:
            UserError: there is no such configuration or split, or files cannot be had or read.
        """
        name, files = self._files(names, any_config)
        same = next((one for one in (split, *_SAME.get(split or "", ())) if one in files), None)
        if same is None and len(files) > 1:
            raise UserError(
                f"{self.hub_id}{f' ({name})' if name else ''} has no split {split!r}: choose one of "
                f"{', '.join(files)} with --split"
            )
        taken = same or next(iter(files))
        file = f"{self.hub_id}{f' {name}' if name else ''}/{taken}"
        for number, values in enumerate(self._read(name, files[taken], file), start=1):
            yield Row(values, Place(file, number), problems)

    def _read(self, name: str, files: list[str], where: str) -> Iterator[dict[str, Any]]:
        from datasets import load_dataset
        from datasets.data_files import DataFilesDict
        from datasets.exceptions import DatasetsError
        from datasets.load import infer_module_for_data_files
        from pyarrow import ArrowException

        try:
            module, parameters = infer_module_for_data_files(DataFilesDict.from_patterns({"rows": files}))
            said = {k: v for k, v in self.configs.get(name, {}).items() if k not in _NOT_PARAMETERS}
            given = {**parameters, **said, "data_files": {"rows": files}}
            yield from load_dataset(module, split="rows", streaming=True, **given)
        except (DatasetsError, ArrowException, UnicodeDecodeError) as error:
            told = str(error).partition("\n")[0]
            raise UserError(
                f"{where}: its files cannot be read ({told}). They may be damaged: delete {self.root} and fetch again"
            ) from None

    def _files(self, names: tuple[str, ...], any_config: bool) -> tuple[str, dict[str, list[str]]]:
        """The name of the configuration, and the files of each of its splits, which are here then."""
        if self.configs:
            known = self.configs
            only = next(iter(known)) if any_config and len(known) == 1 else None
            name = next((name for name in names if name in known), only)
            if name is None:
                raise UserError(
                    f"{self.hub_id} has no configuration {' or '.join(map(repr, names))}."
                    f"{near_miss(names[0], known) if names else ''} It has {', '.join(known)}"
                )
            places = {name: ""}
        else:  # the Hub's own conversions to parquet have a folder for each
            places = {name: name for name in names} | ({"": ""} if any_config else {})
        for name, folder in places.items():
            if files := self._splits(name, folder):
                return name, files
        wanted = f" ({' or '.join(filter(None, places))})" if any(places) else ""
        raise UserError(f"{self.hub_id}{wanted}: no files of rows in {self.source}. {self.advice}")

    def _splits(self, name: str, folder: str) -> dict[str, list[str]]:
        if self.remote:
            base = f"hf://datasets/{self.hub_id}@{self.root.name}"
            with telling(self.hub_id, self.root.name, True, self.advice):
                found = self._resolve(name, "/".join(filter(None, (base, folder))))
            wanted = [glob.escape(f.removeprefix(f"{base}/")) for files in found.values() for f in files]
            fetch(self.hub_id, self.root.name, of="dataset", allow=wanted, advice=self.advice)
        return self._resolve(name, str(self.root / folder))

    def _resolve(self, name: str, base: str) -> dict[str, list[str]]:
        """Split -> its files below a place, as `datasets` finds them; empty where some or all are not there."""
        from datasets.data_files import DataFilesDict, get_data_patterns, sanitize_patterns

        said = self.configs.get(name, {})
        base = "/".join(filter(None, (base, said.get("data_dir"))))
        try:
            patterns = (
                sanitize_patterns(said["data_files"]) if "data_files" in said else get_data_patterns(base)
            )
            files = DataFilesDict.from_patterns(patterns, base_path=base)
        except FileNotFoundError:
            return {}
        return {str(split): list(map(str, several)) for split, several in files.items()}


def open_repository(
    hub_id: str, revision: str | None, folder: Path | None, *, instead: str = "", refetch: str = ""
) -> Repository:
    """The repository, its card read.

    Args:
        hub_id: OWNER/NAME.
        revision: a commit or another name of a revision; None is the newest.
        folder: a copy that is read in its place.
        instead: what to do where it needs a loading script.
        refetch: the command that reads a copy, `FOLDER` for where it is.

    Raises:
        UserError: it is not to be had, or needs a loading script.
    """
    script = f"{hub_id.partition('/')[2]}.py"
    if folder is not None:
        if not folder.is_dir():
            raise UserError(f"--from {folder}: no such folder")
        root, remote, advice = folder, False, "Copy all files of the repository, README.md too"
    else:
        said = f" --revision {revision}" if revision else ""
        advice = (
            f"Where the Hub can be reached, run\n    hf download --repo-type dataset {hub_id}{said} --local-dir "
            f"FOLDER\ncopy the folder here, and run\n    {refetch}"
        )
        remote = is_reachable()
        wanted = [CARD, script] if remote else None
        root = fetch(hub_id, revision, of="dataset", allow=wanted, advice=advice)
    if (root / script).is_file():
        other = (
            instead or "Take a copy of it in parquet or JSON lines (perhaps --revision refs/convert/parquet)"
        )
        raise UserError(
            f"{hub_id} needs its loading script {script}, which is never run (nor does `datasets` 4 and later run "
            f"one). {other}"
        )
    return Repository(hub_id, root, remote, advice)
