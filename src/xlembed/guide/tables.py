"""The guide for people: which model to take, how sure that is, what was left out and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlembed.evaluate.tables import pictures_markdown, to_markdown
from xlembed.guide.result import Guide, Weighed
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.notes import note_lines, said_once
from xlembed.show.text import model_names, percent
from xlembed.words import counted

NAMES: dict[str, str] = {
    "monolingual": "mono",
    "cross_lingual": "cross",
    "true_cross_all": "true/all",
    "true_cross_target": "true/target",
}


def verdict(guide: Guide) -> str:
    """A few sentences: the model, how sure it is, and whether it finds anything worth finding."""
    said = _place_text(guide)
    if guide.demonstration:
        said += f" {guide.task} is a demonstration: no basis for choosing a model."
    if not guide.beats_chance:
        return f"{said} But nothing is recommended: {guide.shortfall}."
    return f"{said} But {guide.shortfall}." if guide.shortfall else said


def _place_text(guide: Guide) -> str:
    leaders, rivals = guide.firsts, model_names(guide.not_told_apart)
    first, *others = guide.models
    names = firsts_text(guide)
    have = "has" if len(leaders) == 1 else "share the first place and have"
    if not others:
        return f"{names} is the only model that is left."
    if first.first is None:
        return f"{names} {have} the most points; too few clusters of queries to say how sure that is."
    if untested := [m.model for m in others if m.with_best is None]:
        return f"{names} {have} the most points; not tested against {model_names(untested)}."
    if len(leaders) > 1:
        rest = f", nor from {rivals}" if rivals else ""
        return f"{names} share the first place: they cannot be told apart{rest} on these queries."
    share = f"first in {percent(first.first)} % of the resampled sets of queries"
    if not rivals:
        return f"{'Take ' if guide.beats_chance else 'First: '}{names}: {share}."
    return f"{names} has the most points ({share}), but cannot be told from {rivals} on these queries."


def firsts_text(guide: Guide) -> str:
    """The models that share the first place."""
    return " and ".join(guide.firsts) if len(guide.firsts) < 3 else model_names(guide.firsts)


def guide_table(guide: Guide) -> Grid:
    """A row per model, the best first."""
    rows = tuple(
        row(
            of.model,
            f"{of.place}{' ≈' if of.with_best else ''}",
            percent(of.points),
            "n/a" if of.first is None else f"{percent(of.first)} %",
            "vetoed" if of.vetoed else _behind(of) if of.place > 1 else "",
            *(percent(of.parts[part]) for part in guide.weights),
            "n/a" if of.ms_per_query is None else f"{of.ms_per_query:.1f}",
            "n/a" if of.bytes_per_vector is None else f"{of.bytes_per_vector:,.0f}",
        )
        for of in guide.models
    )
    parts = (NAMES.get(part, part) for part in guide.weights)
    columns = heads("model", "place", "points", "first", "behind", *parts, "ms", "bytes", words=("place",))
    title = f"{guide.title} on {guide.task}, {', '.join(guide.languages)}: {guide.measure}"
    return Grid("guide", title, columns, rows, notes=tuple(notes(guide)))


def _behind(of: Weighed) -> Cell:
    if of.behind_low is None or of.behind_high is None:
        return Cell(percent(of.behind))
    return Cell(percent(of.behind), f"[{percent(of.behind_low)}, {percent(of.behind_high)}]")


def notes(guide: Guide) -> list[str]:
    """What must be known to read the table."""
    weights = ", ".join(f"{NAMES.get(part, part)} {percent(w)} %" for part, w in guide.weights.items())
    n = guide.documents
    planned = "" if n is None else f", for {counted(n, 'document')} (--documents)"
    return [
        f"{guide.why[:1].upper()}{guide.why[1:]}." if guide.why else "Weights as given.",
        f"Points, of 100: weighted sum of {weights}. Quality parts are macro averages in %; speed is "
        f"1 / (1 + ms / 50), bytes 1 / (1 + bytes x documents / 4 GiB){planned}.",
        "ms: encoding one query and, in exact search, comparing it with all vectors; bytes: of one vector. "
        "First: share of resampled sets of queries in which it leads.",
        "≈: not told apart from the first (paired tests of the points, Holm); equal models share a place. Behind: "
        "points less than the first [95 % CI, unadjusted]; queries vary in both, times do not.",
        *(
            f"{of.model} has more points ({percent(of.points)}) and stands behind: {of.vetoed} (paired tests, Holm); "
            "no saving makes up for that. Limits that exclude the better one do."
            for of in guide.models
            if of.vetoed
        ),
        *note_lines(guide.model_notes),
    ]


def excluded_lines(excluded: Mapping[str, Sequence[str]]) -> list[str]:
    """Every model left out with its reasons."""
    return said_once({name: ["; ".join(why)] for name, why in excluded.items()})


def guide_markdown(guide: Guide, figures: Sequence[str] = ()) -> str:
    """The whole guide as a page; `figures`: names of PNG files in figures/."""
    limits = [f"{key}: {value:g}" for key, value in guide.limits if value is not None]
    parts = [
        f"# Which model for {guide.title}?",
        verdict(guide),
        *guide.advice,
        f"Limits: {', '.join(limits)}." if limits else "No limits were given.",
        to_markdown(guide_table(guide)).rstrip(),
        *pictures_markdown(figures),
        "## Excluded",
        "\n".join(f"- {line}" for line in excluded_lines(guide.excluded)) or "No model.",
        "## Not known",
        "\n".join(f"- {line}" for line in guide.unknown),
    ]
    return "\n\n".join(parts) + "\n"
