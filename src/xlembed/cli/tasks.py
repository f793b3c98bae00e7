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
    """The tasks under data/, or one of them: its card, sizes per language, digest and notes.

    NAME is a task's name or its folder.
    """
    from xlembed.cli import echo_json

    if name is not None:
        from xlembed.corpus.loading import load_task
        from xlembed.corpus.summary import summarise, summary_text

        summary = summarise(load_task(name, lang=lang))
        if as_json:
            echo_json(summary)
        else:
            click.echo(summary_text(summary))
        return
    entries = _entries(Path("data"))
    if as_json:
        echo_json(entries)
    elif not entries:
        click.echo("No tasks under data/ yet: xlembed import makes one.")
    else:
        width = max(len(entry["name"]) for entry in entries)
        click.echo(f"{'task':<{width}}  documents   queries  languages")
        for entry in entries:
            click.echo(_line(entry, width))


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
                "languages": list(card.languages) if card and card.languages else None,
                "alignment": str(card.alignment) if card else None,
                "documents": _rows(data_dir / name / CORPUS_FILE),
                "queries": _rows(data_dir / name / QUERIES_FILE),
                "fetch": None,
            }
        )
    for name, dvc in absent_tasks(data_dir).items():
        blank = dict.fromkeys(("languages", "alignment", "documents", "queries"))
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
