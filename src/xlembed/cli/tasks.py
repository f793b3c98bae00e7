"""`xlembed tasks`: what can be evaluated on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("name", required=False)
@click.option("--lang", help="Language of a plain BEIR folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tasks(name: str | None, lang: str | None, as_json: bool) -> None:
    """The tasks under data/ and the scored texts under data/scored/, or one of them: its card, sizes, digest and notes.

    NAME is a task's or a set's name, or its folder.
    """
    from xlembed.cli import echo_json

    if name is not None:
        summary, text = _described(name, lang)
        if as_json:
            echo_json(summary)
        else:
            click.echo(text)
        return
    entries, scored = _entries(Path("data")), _scored_entries(Path("data"))
    if as_json:
        echo_json([*entries, *scored])
    elif not entries and not scored:
        click.echo("No tasks under data/ yet: xlembed import makes one.")
    width = max([len(entry["name"]) for entry in [*entries, *scored]] + [len("scored texts")])
    if entries and not as_json:
        click.echo(f"{'task':<{width}}  documents   queries  languages")
        for entry in entries:
            click.echo(_line(entry, width))
    if scored and not as_json:
        click.echo(f"{chr(10) * bool(entries)}{'scored texts':<{width}}      texts  languages; dimensions")
        for entry in scored:
            click.echo(_scored_line(entry, width))


def _described(name: str, lang: str | None) -> tuple[dict[str, Any], str]:
    """A task or a set of scored texts; a task where there are both."""
    from xlembed.corpus.folders import absent_tasks, list_tasks
    from xlembed.corpus.scored import absent_scored, list_scored, load_scored
    from xlembed.corpus.scored_summary import scored_text, summarise_scored
    from xlembed.types import UserError, near_miss

    data = Path("data")
    tasks, scored = [*list_tasks(data), *absent_tasks(data)], [*list_scored(data), *absent_scored(data)]
    if name in tasks or not (name in scored or (Path(name) / "scored.yaml").is_file()):
        from xlembed.corpus.loading import load_task
        from xlembed.corpus.summary import summarise, summary_text

        try:
            summary = summarise(load_task(name, lang=lang))
        except UserError as error:
            if name in tasks or not (guess := near_miss(name, scored)):
                raise
            raise UserError(f"{error} Among the scored texts:{guess}") from error
        other = (
            f"\n\n  scored texts of that name: xlembed tasks {data / 'scored' / name}"
            if name in scored
            else ""
        )
        return summary, summary_text(summary) + other
    if lang:
        raise UserError("--lang is for plain BEIR folders; scored texts say their languages")
    summary = summarise_scored(load_scored(name, data))
    return summary, scored_text(summary)


def _entries(data_dir: Path) -> list[dict[str, Any]]:
    """Tasks here (rows counted, texts not checked) and those that `dvc pull` would bring."""
    from xlembed.corpus.card import read_card
    from xlembed.corpus.checks import Problems
    from xlembed.corpus.folders import absent_tasks, list_tasks
    from xlembed.corpus.readers.beir import CORPUS_FILE, QUERIES_FILE

    entries: list[dict[str, Any]] = []
    for name in list_tasks(data_dir):
        card = read_card(data_dir / name, Problems())
        entries.append(
            {
                "name": name,
                "kind": "retrieval",
                "languages": list(card.languages) if card and card.languages else None,
                "alignment": str(card.alignment) if card else None,
                "documents": _rows(data_dir / name / CORPUS_FILE),
                "queries": _rows(data_dir / name / QUERIES_FILE),
                "fetch": None,
            }
        )
    for name, dvc in absent_tasks(data_dir).items():
        blank = dict.fromkeys(("languages", "alignment", "documents", "queries"))
        entries.append({"name": name, "kind": "retrieval", **blank, "fetch": f"dvc pull {dvc}"})
    return sorted(entries, key=lambda entry: entry["name"])


def _scored_entries(data_dir: Path) -> list[dict[str, Any]]:
    """Scored texts here (rows counted, not checked) and those that `dvc pull` would bring."""
    from xlembed.corpus.checks import Problems
    from xlembed.corpus.scored import ROWS, absent_scored, list_scored, read_scored_card

    entries: list[dict[str, Any]] = []
    for name in list_scored(data_dir):
        problems = Problems()
        card = read_scored_card(data_dir / "scored" / name, problems)
        good = {} if problems.n_errors else card
        dimensions = [d if isinstance(d, str) else d["name"] for d in good.get("dimensions", ())]
        entries.append(
            {
                "name": name,
                "kind": good.get("kind"),
                "languages": good.get("languages"),
                "dimensions": dimensions or None,
                "texts": _rows(data_dir / "scored" / name / ROWS),
                "fetch": None,
            }
        )
    for name, dvc in absent_scored(data_dir).items():
        blank = dict.fromkeys(("kind", "languages", "dimensions", "texts"))
        entries.append({"name": name, **blank, "fetch": f"dvc pull {dvc}"})
    return sorted(entries, key=lambda entry: entry["name"])


def _rows(path: Path) -> int | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _line(entry: dict[str, Any], width: int) -> str:
    if entry["fetch"]:
        return f"{entry['name']:<{width}}  not here yet: {entry['fetch']}"
    sizes = [f"{entry[key]:,}" if entry[key] is not None else "missing" for key in ("documents", "queries")]
    languages = ", ".join(entry["languages"]) if entry["languages"] else "not said"
    alignment = f" ({entry['alignment']})" if entry["alignment"] else ""
    return f"{entry['name']:<{width}} {sizes[0]:>10} {sizes[1]:>9}  {languages}{alignment}"


def _scored_line(entry: dict[str, Any], width: int) -> str:
    if entry["fetch"]:
        return f"{entry['name']:<{width}}  not here yet: {entry['fetch']}"
    texts = f"{entry['texts']:,}" if entry["texts"] is not None else "missing"
    if entry["kind"] is None:
        return f"{entry['name']:<{width}} {texts:>10}  its card is wrong: xlembed tasks {entry['name']}"
    dimensions = ", ".join(entry["dimensions"])
    return (
        f"{entry['name']:<{width}} {texts:>10}  {', '.join(entry['languages'])}; {entry['kind']} {dimensions}"
    )
