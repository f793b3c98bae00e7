"""What a layout reads: rows of a repository (on the Hub, in its cache, a folder) under our names of the fields."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems, Row
from xlembed.data.public.entry import Part, PublicSet
from xlembed.data.read_options import ReadOptions
from xlembed.data.task import Alignment
from xlembed.hub import fetch, is_reachable, telling
from xlembed.words import Lang, UserError, near_miss
from xlembed.workspace import Watch, unwatched

CARD = "README.md"
_NOT_PARAMETERS = [
    "config_name",
    "data_files",
    "data_dir",
    "default",
    "version",
    "description",
    "drop_labels",
]
"""Keys of a configuration that say nothing about how its files are read."""

_SAME = {"dev": ("validation",), "validation": ("dev", "valid"), "valid": ("validation", "dev")}
"""Split -> what others call it."""


@dataclass(frozen=True)
class Repository:
    """Files of one revision, which are below `root`, or come there if it is `remote`; else the `advice` is told."""

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
        self,
        names: tuple[str, ...],
        split: str | None,
        problems: Problems,
        *,
        any_config: bool,
        any_split: bool = True,
    ) -> Iterator[Row]:
        """Rows of the first configuration that is there, read one after the other; nothing of them is kept.

        Of a configuration without such a split the only one is taken, with `any_split`. With `any_config` the only
        configuration, or the files of a repository without any, will do.

        Raises:
            UserError: there is no such configuration or split, or files cannot be had or read.
        """
        name, files = self._files(names, any_config)
        same = next((one for one in (split, *_SAME.get(split or "", ())) if one in files), None)
        if same is None and (len(files) > 1 or not any_split):
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
            listed = said.get("data_files")
            patterns = sanitize_patterns(listed) if listed else get_data_patterns(base)
            files = DataFilesDict.from_patterns(patterns, base_path=base)
        except FileNotFoundError:
            return {}
        return {str(split): list(map(str, several)) for split, several in files.items()}


def open_repository(
    hub_id: str, revision: str | None, folder: Path | None, *, instead: str = "", refetch: str = ""
) -> Repository:
    """The repository OWNER/NAME, its card read; None is the newest revision, `folder` a copy that is read in its place.

    `instead` says what to do where it needs a loading script, `refetch` the command that reads a copy at `FOLDER`.

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


@dataclass
class Source:
    """A public set as it is to be read: `split` of the `chosen` subsets (by language, in order), of a revision.

    `folder` is a copy of the repository, or original files; `refetch` the command that reads a copy; `split_told`
    whether the user named the split, so that no other one will do.
    """

    entry: PublicSet
    chosen: Mapping[Lang, str]
    split: str
    options: ReadOptions
    problems: Problems
    revision: str | None = None
    folder: Path | None = None
    refetch: str = ""
    split_told: bool = False
    watch: Watch = unwatched
    _opened: dict[str, Repository] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    @property
    def languages(self) -> tuple[Lang, ...]:
        """Of what is read."""
        pivot = (self.entry.pivot,) if self.entry.pivot else ()
        return (*self.chosen, *pivot)

    def repository(self, part: Part | None = None) -> Repository:
        """The repository of a part; opened once."""
        hub_id = (part and part.hub_id) or self.entry.hub_id
        own = hub_id == self.entry.hub_id
        if hub_id not in self._opened:
            self._opened[hub_id] = open_repository(
                hub_id,
                self.revision if own or part is None else part.revision,
                self.folder if own or self.folder is None else self.folder.parent / hub_id.partition("/")[2],
                instead=self.entry.instead,
                refetch=self.refetch,
            )
        return self._opened[hub_id]

    def rows(
        self, part: Part, needed: tuple[str, ...], optional: tuple[str, ...] = (), **names: str
    ) -> Iterator[Row]:
        """Rows of a part with the fields under our names: those that are needed, and optional ones that are there.

        `names` are what stands in braces in the names of the configurations.

        Raises:
            UserError: a needed column is not there; lists those that are.
        """
        repository = self.repository(part)
        # A configuration of another language must never stand in for that of a subset.
        whole = not names.get("subset")
        configs = tuple(c.format(**names) for c in part.config if whole is ("{subset}" not in c))
        columns: dict[str, str] = {}
        split, any_split = part.split or self.split, bool(part.split) or not self.split_told
        found = repository.rows(configs, split, self.problems, any_config=whole, any_split=any_split)
        for number, row in enumerate(found):
            if not part.split:
                self._taken.add(row.place.file.rpartition("/")[2])
            columns = columns or _columns(row, part, needed, optional)
            if number % 1000 == 999:
                self.watch(row.place.file, number + 1, 0)
            yield row.renamed({ours: row.values.get(theirs) for ours, theirs in columns.items()})

    def card(self, alignment: Alignment | None = None) -> Card:
        """Of the task that is made of it."""
        entry = self.entry
        opened = sorted(self._opened.values(), key=lambda repository: repository.hub_id != entry.hub_id)
        source = ", ".join(repository.source for repository in opened)
        taken = ", ".join(sorted(self._taken)) or self.split
        return Card(
            self.options.name,
            languages=self.languages,
            alignment=alignment or entry.alignment,
            source=f"{source or (self.folder and self.folder.name)} ({taken})",
            licence=entry.licence,
            citation=entry.citation,
            description=entry.description,
            notes=entry.notes,
        )


def _columns(row: Row, part: Part, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, str]:
    found, missing = {}, []
    for ours in (*needed, *optional):
        names = part.columns.get(ours, (ours,))
        if theirs := next((name for name in names if name in row.values), None):
            found[ours] = theirs
        elif ours in needed:
            missing.append(f"{ours} ({' or '.join(map(repr, names))})")
    if missing:
        raise UserError(
            f"{row.place.file}: no column for {', '.join(missing)}; its rows have {', '.join(map(repr, row.values))}. "
            "The set may have changed since its entry was written: try another --revision"
        )
    return found
