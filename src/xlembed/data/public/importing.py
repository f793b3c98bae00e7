"""A public set by its name -> a task under data/, or pair sets under data/pairs/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from xlembed.data.checks import Problems, Row
from xlembed.data.folders import DATA_DIR
from xlembed.data.importing import Imported, take_rows
from xlembed.data.pair_readers import PairCard, take_pairs
from xlembed.data.pairs import PAIRS, PairSet
from xlembed.data.public import layouts
from xlembed.data.public.entry import PublicSet
from xlembed.data.public.source import Source
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows
from xlembed.data.writing import check_target
from xlembed.registry import load_entry
from xlembed.words import UserError
from xlembed.workspace import Watch, unwatched

TaskLayout = Callable[[Source], Rows]


@dataclass(frozen=True)
class Wish:
    """What the user said beside the name; split and revision are others than the entry's."""

    langs: tuple[str, ...] = ()
    """Languages or subsets; empty: the entry's own choice."""
    split: str | None = None
    revision: str | None = None
    folder: Path | None = None
    """A copy of the repository, or original files."""
    name: str | None = None
    out: Path | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    """Limit, belief, documents, dry run."""
    accepted: bool = False
    """Whether a non-commercial licence is."""
    force: bool = False


def default_name(entry: PublicSet, langs: tuple[str, ...]) -> str:
    """Of what is made of these languages: `xquad`, `xquad_de_tr`."""
    chosen = entry.choose(langs)
    return "_".join((entry.name, *(chosen if chosen != entry.choose(()) else ())))


def import_public(
    entry: PublicSet, wish: Wish, data_dir: Path = DATA_DIR, watch: Watch | None = None
) -> list[Imported | PairSet]:
    """Fetch, read, check and write: the task, or the pair sets that were not there already.

    Files that were fetched once are not fetched again.

    Raises:
        UserError: a licence that is not accepted, an unknown language or split, a folder that exists, what the Hub
            cannot give, and all problems of the rows at once.
    """
    if entry.noncommercial and not wish.accepted:
        raise UserError(
            f"{entry.name}: its licence ({entry.licence}) allows no commercial use. Read it at {page_of(entry)}; "
            "--accept-licence says that you keep to it"
        )
    if wish.folder and wish.revision:
        raise UserError(
            "--revision: a copy (--from) is read as it is; fetch that revision, or leave --revision out"
        )
    chosen = entry.choose(wish.langs)
    name = wish.name or default_name(entry, wish.langs)

    def source(split: str, target: str) -> Source:
        return Source(
            *(entry, chosen, split, replace(wish.options, name=target), Problems()),
            revision=wish.revision or entry.revision,
            folder=wish.folder,
            refetch=f"xlembed import hub {entry.name} --from FOLDER",
            split_told=bool(wish.split),
            watch=watch or unwatched,
        )

    layout = load_entry(layouts, entry.layout)
    if entry.kind is None:
        read: TaskLayout = layout.read
        folder = wish.out or data_dir / name
        check_target(name, folder, wish.force)
        read_from = source(wish.split or entry.split, name)
        rows = read(read_from)
        rows.card = replace(rows.card, source=read_from.card().source)  # some repositories are opened late
        handle = str(folder) if wish.out else name
        return [take_rows(rows, folder, read_from.options, handle, force=wish.force)]
    if wish.options.dry_run:
        raise UserError("--dry-run: for tasks; --limit 100 tries a pair set out")
    targets = _targets(entry, name, wish)
    folders = {split: wish.out or data_dir / PAIRS.form / target for split, target in targets.items()}
    wanted = [split for split, folder in folders.items() if wish.force or not folder.exists()]
    for split in wanted or targets:
        PAIRS.check_target(targets[split], folders[split], wish.force)
    pair_sets: list[Imported | PairSet] = []
    for split in wanted:
        target, read_from = targets[split], source(split, targets[split])
        raw: list[Row] = list(islice(layout.read(read_from), wish.options.limit))
        card = PairCard(target, folders[split], read_from.card().source, entry.licence, entry.description)
        notes, found = list(entry.notes), (entry.kind, card, wish.options, read_from.problems)
        pair_sets.append(take_pairs(raw, *found, notes, subject=target, force=wish.force))
    return pair_sets


def page_of(entry: PublicSet) -> str:
    """Where the set describes itself."""
    return f"https://huggingface.co/datasets/{entry.hub_id}"


def _targets(entry: PublicSet, name: str, wish: Wish) -> Mapping[str, str]:
    if wish.split:
        said = entry.sets.get(wish.split, f"{entry.name}_{wish.split}")
        return {wish.split: wish.name or said.replace(entry.name, name, 1)}
    if not entry.sets:
        return {entry.split: name}
    if wish.out and len(entry.sets) > 1:
        raise UserError(f"--out: {entry.name} gives {len(entry.sets)} sets; choose one with --split")
    return {split: target.replace(entry.name, name, 1) for split, target in entry.sets.items()}
