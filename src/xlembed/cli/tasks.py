"""`xlembed tasks`: what can be evaluated on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xlembed.data.scored_summary import ScoredSummary
    from xlembed.data.summary import TaskSummary
    from xlembed.show.content import Grid

DATA = Path("data")


@click.command()
@click.argument("name", required=False)
@click.option("--lang", help="Language of a plain BEIR folder.")
@click.option("--hub", is_flag=True, help="Public sets that `xlembed import hub` fetches by name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tasks(name: str | None, lang: str | None, hub: bool, as_json: bool) -> None:
    """The tasks under data/ and the scored texts under data/scored/, or one of them: its card, sizes, digest and notes.

    NAME is a task's or a set's name, or its folder.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.console import say
    from xlembed.cli.study import show_tables

    if hub:
        from xlembed.cli.import_hub import list_public_sets

        return list_public_sets(name, as_json)
    if name is not None:
        summary, more = _described(name, lang)
        if as_json:
            echo_json(summary.to_json())
        else:
            say(summary.text() + more)
        return None
    entries, scored = _entries(), _scored_entries()
    if as_json:
        echo_json([*entries, *scored])
        return None
    if not entries and not scored:
        say("No tasks under data/ yet: xlembed import makes one.")
    show_tables(_tables(entries, scored))
    return None


def _tables(entries: Sequence[Mapping[str, Any]], scored: Sequence[Mapping[str, Any]]) -> Iterator[Grid]:
    """Tasks, then scored texts; what is not there says how to get it."""
    from xlembed.show.content import Grid, heads, row

    if entries:
        rows = tuple(row(e["name"], *_counts(e, "documents", "queries"), _task_words(e)) for e in entries)
        columns = heads("task", "documents", "queries", "languages", words=("languages",))
        yield Grid("tasks", "Tasks", columns, rows)
    if scored:
        rows = tuple(row(e["name"], *_counts(e, "texts"), *_scored_words(e)) for e in scored)
        columns = heads("scored texts", "texts", "languages", "dimensions", words=("languages", "dimensions"))
        yield Grid("scored", "Scored texts", columns, rows)


def _described(name: str, lang: str | None) -> tuple[TaskSummary | ScoredSummary, str]:
    """A task or a set of scored texts, and what else has that name; a task where there are both."""
    from xlembed.data.folders import absent_tasks, list_tasks
    from xlembed.data.loading import load_task
    from xlembed.data.scored import SCORED, load_scored
    from xlembed.data.scored_summary import summarise_scored
    from xlembed.data.summary import summarise
    from xlembed.words import UserError, near_miss

    tasks, scored = [*list_tasks(DATA), *absent_tasks(DATA)], [*SCORED.names(DATA), *SCORED.absent(DATA)]
    if name not in tasks and (name in scored or (Path(name) / SCORED.card).is_file()):
        if lang:
            raise UserError("--lang is for plain BEIR folders; scored texts say their languages")
        return summarise_scored(load_scored(name, DATA)), ""
    try:
        summary = summarise(load_task(name, lang=lang))
    except UserError as error:
        if name in tasks or not (guess := near_miss(name, scored)):
            raise
        raise UserError(f"{error} Among the scored texts:{guess}") from error
    other = f"\n\n  scored texts of that name: xlembed tasks {DATA / 'scored' / name}"
    return summary, other if name in scored else ""


def _entries() -> list[dict[str, Any]]:
    """Tasks here (rows counted, texts not checked) and those that `dvc pull` would bring."""
    from xlembed.data.card import read_card
    from xlembed.data.checks import Problems
    from xlembed.data.folders import absent_tasks, list_tasks
    from xlembed.data.importers.beir import CORPUS_FILE, QUERIES_FILE

    entries = []
    for name in list_tasks(DATA):
        card = read_card(DATA / name, Problems())
        entries.append(
            {
                "name": name,
                "languages": list(card.languages) if card and card.languages else None,
                "alignment": str(card.alignment) if card else None,
                "documents": _count_rows(DATA / name / CORPUS_FILE),
                "queries": _count_rows(DATA / name / QUERIES_FILE),
            }
        )
    fields = ("languages", "alignment", "documents", "queries")
    return [{**entry, "kind": "retrieval"} for entry in _with_absent(entries, absent_tasks(DATA), fields)]


def _scored_entries() -> list[dict[str, Any]]:
    """Scored texts here (rows counted, not checked) and those that `dvc pull` would bring."""
    from xlembed.data.scored import SCORED, read_scored_card
    from xlembed.words import UserError

    entries: list[dict[str, Any]] = []
    for name in SCORED.names(DATA):
        folder = DATA / "scored" / name
        entry = dict.fromkeys(("kind", "languages", "dimensions"))
        try:
            card = read_scored_card(folder)
        except UserError:
            pass  # shown as wrong
        else:
            entry = {
                "kind": str(card.kind),
                "languages": list(card.languages),
                "dimensions": list(card.dimension_names),
            }
        entries.append({"name": name, **entry, "texts": _count_rows(folder / SCORED.rows)})
    return _with_absent(entries, SCORED.absent(DATA), ("kind", "languages", "dimensions", "texts"))


def _with_absent(
    entries: list[dict[str, Any]], absent: dict[str, Path], fields: tuple[str, ...]
) -> list[dict[str, Any]]:
    """With those that are not there, in alphabetical order."""
    here = [{**entry, "fetch": None} for entry in entries]
    tracked = [
        {"name": name, **dict.fromkeys(fields), "fetch": f"dvc pull {dvc}"} for name, dvc in absent.items()
    ]
    return sorted([*here, *tracked], key=lambda entry: entry["name"])


def _count_rows(path: Path) -> int | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _counts(entry: Mapping[str, Any], *names: str) -> list[str]:
    if entry["fetch"]:
        return [""] * len(names)
    return ["missing" if entry[name] is None else f"{entry[name]:,}" for name in names]


def _task_words(entry: Mapping[str, Any]) -> str:
    if entry["fetch"]:
        return f"not here yet: {entry['fetch']}"
    languages = ", ".join(entry["languages"]) if entry["languages"] else "not said"
    return f"{languages} ({entry['alignment']})" if entry["alignment"] else languages


def _scored_words(entry: Mapping[str, Any]) -> tuple[str, str]:
    if entry["fetch"]:
        return f"not here yet: {entry['fetch']}", ""
    if entry["kind"] is None:
        return f"its card is wrong: xlembed tasks {entry['name']}", ""
    return ", ".join(entry["languages"]), f"{entry['kind']} {', '.join(entry['dimensions'])}"
