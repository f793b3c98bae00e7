"""What a layout reads: the chosen subsets of a public set, their rows under our names of the fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xlembed.data.card import Card
from xlembed.data.checks import Problems, Row
from xlembed.data.public.entry import Part, PublicSet
from xlembed.data.public.repository import Repository, open_repository
from xlembed.data.reading import ReadOptions
from xlembed.data.task import Alignment
from xlembed.words import Lang, UserError

Watch = Callable[[str, int, int], None]
"""Told what is read, and how many rows of it: progress."""


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""


@dataclass
class Source:
    """A public set as it is to be read.

    Attributes:
        entry: of the catalogue.
        chosen: language -> subset, in order.
        split: the rows that are wanted.
        options: what the user said.
        problems: takes what is wrong with rows.
        revision: of the entry's own repository.
        folder: a copy of the repository, or original files.
        refetch: the command that reads a copy.
        watch: told of rows read.
    """

    entry: PublicSet
    chosen: Mapping[Lang, str]
    split: str
    options: ReadOptions
    problems: Problems
    revision: str | None = None
    folder: Path | None = None
    refetch: str = ""
    watch: Watch = silent
    _opened: dict[str, Repository] = field(default_factory=dict)

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
        """Rows of a part with the fields under our names.

        Args:
            part: where, and what its columns are called.
            needed: our fields that must be there.
            optional: our fields that may be.
            **names: what stands in braces in the names of the configurations.

        Raises:
            UserError: a needed column is not there; lists those that are.
        """
        repository = self.repository(part)
        # A configuration of another language must never stand in for that of a subset.
        whole = not names.get("subset")
        configs = tuple(c.format(**names) for c in part.config if whole is ("{subset}" not in c))
        columns: dict[str, str] = {}
        for number, row in enumerate(
            repository.rows(configs, part.split or self.split, self.problems, any_config=whole)
        ):
            if not number:
                columns = _columns(row, part, needed, optional)
            if number % 1000 == 999:
                self.watch(row.place.file, number + 1, 0)
            yield row.renamed({ours: row.values.get(theirs) for ours, theirs in columns.items()})

    def card(self, alignment: Alignment | None = None) -> Card:
        """Of the task that is made of it."""
        entry = self.entry
        opened = sorted(self._opened.values(), key=lambda repository: repository.hub_id != entry.hub_id)
        source = ", ".join(repository.source for repository in opened)
        return Card(
            self.options.name,
            languages=self.languages,
            alignment=alignment or entry.alignment,
            source=f"{source or (self.folder and self.folder.name)} ({self.split})",
            licence=entry.licence,
            citation=entry.citation,
            description=entry.description,
            notes=entry.notes,
        )


def _columns(row: Row, part: Part, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, str]:
    """Our field -> the column of this row."""
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
