"""`xlembed import hub`: a public set by its name -> a task, or pair sets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xlembed.data.public.entry import PublicSet


@click.command("hub")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--lang", "langs", multiple=True, help="Languages, or subsets by their own names: de,tr or tur_Latn."
)
@click.option("--name", "target", help="Name of the task or pair set. [default: NAME, with the languages]")
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write. [default: under data/]")
@click.option("--split", help="Another split than the entry's.")
@click.option("--revision", help="Another revision than the entry's: a commit, branch or tag.")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    help="A folder that is read in place of the Hub: a copy of the repository, or original files.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Pair sets: rows at most. Tasks: documents of each language at most, judged ones always.",
)
@click.option("--documents", metavar="contexts|answers", help="Sets of questions: what a document is.")
@click.option("--accept-licence", is_flag=True, help="You keep to a licence that allows no commercial use.")
@click.option("--believe", is_flag=True, help="Take texts to be in the languages they are said to be in.")
@click.option("--dry-run", is_flag=True, help="Tasks: read and check, write nothing.")
@click.option("--force", is_flag=True, help="Replace what is there.")
def import_hub(name: str | None, langs: tuple[str, ...], **given: Any) -> None:
    """Fetch a public set and make a task or pair sets of it; without NAME, list them (also: xlembed tasks --hub).

    \b
    xlembed import hub
    xlembed import hub xquad --lang de,tr
    xlembed import hub belebele --lang tur_Latn,eng_Latn
    xlembed import hub all_nli_tr

    What was fetched once is not fetched again: an import that broke off goes on, also without a network.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from xlembed.cli.console import say
    from xlembed.cli.options import listed
    from xlembed.cli.progress import Bars
    from xlembed.cli.read_options import parsed, tell_pairs
    from xlembed.data.importing import Imported
    from xlembed.data.public.entry import find_public_set
    from xlembed.data.public.importing import Wish, import_public
    from xlembed.data.summary import summarise

    if name is None:
        return list_public_sets()
    entry = find_public_set(name)
    options = parsed("hub", {key: given.pop(key) for key in ("documents", "believe", "limit", "dry_run")})
    accepted = given.pop("accept_licence") or _accepts(entry)
    wish = Wish(
        langs=tuple(listed(langs)),
        name=given.pop("target"),
        options=options,
        accepted=accepted,
        **given,
    )
    say(f"{entry.name}: {entry.description}. Licence: {entry.licence}", err=True)
    with Bars("import") as bars:
        found = import_public(entry, wish, watch=bars)
    for one in found:
        if isinstance(one, Imported):
            say(summarise(one.task).text())
            for warning in one.warnings:
                say(f"  - {warning}")
            said = "Nothing was written: leave out --dry-run to write" if options.dry_run else "Wrote"
            say(
                f"\n{said} {one.folder}" + ("" if options.dry_run else f". Next: xlembed run -t {one.handle}")
            )
        else:
            tell_pairs(one)
    if entry.kind and len(found) < len(entry.sets) and not wish.split:
        say("What was there already was left as it is: --force replaces it", err=True)
    return None


def list_public_sets(name: str | None = None, as_json: bool = False) -> None:
    """The catalogue as a table, or one of its entries.

    Raises:
        UserError: there is no entry of that name.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.console import say
    from xlembed.cli.study import show_tables
    from xlembed.data.public.entry import find_public_set, public_sets
    from xlembed.show.content import Grid, heads, row

    entries = [find_public_set(name)] if name else list(public_sets().values())
    if as_json:
        return echo_json([entry.model_dump(mode="json") for entry in entries])
    if name:
        return say(_described(entries[0]))
    rows = tuple(row(e.name, e.gives, _languages(e, 8), e.size, e.licence) for e in entries)
    words = ("gives", "languages", "size", "licence")
    notes = (
        "Licences as the entries' sources give them: look at the live card before you publish. One entry with all its "
        "languages: xlembed tasks --hub NAME",
    )
    return show_tables([Grid("public", "Public sets", heads("set", *words, words=words), rows, notes=notes)])


def _described(entry: PublicSet) -> str:
    from xlembed.data.public.importing import page_of

    facts = {
        "gives": entry.gives,
        "from": f"{page_of(entry)} ({entry.revision or 'no revision pinned'})",
        "languages": _languages(entry),
        "varieties": ", ".join(entry.varieties),
        "split": ", ".join(entry.sets) or entry.split,
        "size": entry.size,
        "licence": entry.licence + (" (to be accepted)" if entry.noncommercial else ""),
        "citation": entry.citation,
        "unconfirmed": ", ".join(entry.unconfirmed),
    }
    lines = [f"{entry.name}: {entry.description}"]
    lines += [f"  {key}: {value}" for key, value in facts.items() if value]
    return "\n".join([*lines, *(f"  - {note}" for note in entry.notes)])


def _languages(entry: PublicSet, shown: int | None = None) -> str:
    """Languages, those that are taken where none are named first; of many, how many more there are."""
    every = list(dict.fromkeys((*entry.default, *entry.languages)))
    more = len(every) + len(entry.varieties) - (shown or len(every) + len(entry.varieties))
    pivot = f", each with {entry.pivot}" if entry.pivot else ""
    return ", ".join(every[:shown]) + (f" and {more} more" if more > 0 else "") + pivot


def _accepts(entry: PublicSet) -> bool:
    """The answer of a person at a terminal, where one must be given."""
    from xlembed.data.public.importing import page_of

    if not entry.noncommercial or not sys.stdin.isatty():
        return False
    return click.confirm(
        f"{entry.name}: {entry.licence} allows no commercial use ({page_of(entry)}). Do you keep to it?"
    )
