"""Inputs -> the whole report, ready to be written in any form."""

from __future__ import annotations

from urllib.parse import quote

from xlembed.evaluate.language_tables import (
    language_aware_languages,
    language_aware_table,
    language_comparison_table,
)
from xlembed.evaluate.order import order_grid
from xlembed.evaluate.tables import labelled_table
from xlembed.explore.tables import terminal_grids
from xlembed.report.geometry import analysis_blocks, paradox_blocks, paradox_verdict
from xlembed.report.grids import (
    data_grid,
    further_grids,
    group_grid,
    headline_grid,
    languages_grid,
    matrices,
    paired_grids,
    pairs_grid,
    truncation_grid,
)
from xlembed.report.inputs import Inputs
from xlembed.report.limitations import limitations
from xlembed.report.verdicts import verdicts
from xlembed.show.content import (
    Block,
    Bullets,
    Choices,
    Document,
    Link,
    Missing,
    Panel,
    Part,
    Point,
    Scatter,
)
from xlembed.show.published import published_grid
from xlembed.show.text import estimate_text
from xlembed.stats.scorebook import MONOLINGUAL, TRUE_CROSS_ALL, TRUE_CROSS_TARGET, Macro
from xlembed.words import counted

PANELS = (
    (TRUE_CROSS_ALL, "pool = all: the answer must beat every document of the query's own language"),
    (TRUE_CROSS_TARGET, "pool = target: among documents of the answer's language"),
)
FIRST = "accuracy@1: share of queries whose first result is right."


def assemble(inputs: Inputs) -> Document:
    """Everything that is known, in the order in which one reads it.

    Raises:
        UserError: as `scorebook.read_all`.
    """
    headline = headline_grid(inputs)
    found = limitations(inputs)
    parts = (
        Part("tests", "Which differences are shown", _tests(inputs)),
        Part("tradeoff", "Within languages against across languages", _tradeoff(inputs)),
        Part("mixed", "Documents of all languages at once", _mixed(inputs)),
        Part("explore", "Which queries fail, and why", _explored(inputs)),
        Part("profiles", "Profiles of the models", tuple(inputs.pictures.get("profiles", ()))),
        Part("languages", "By language and pair of languages", _languages(inputs)),
        Part("groups", "By training objective and size", (group_grid(inputs, headline),)),
        Part("paradox", "The language separation paradox", paradox_blocks(inputs)),
        Part("analysis", "Geometry, morphology, tokens", analysis_blocks(inputs)),
        Part("measures", "Other measures", tuple(further_grids(inputs))),
        Part("data", "The data", _data(inputs)),
        Part("limitations", "What these results cannot say", (Bullets(found),)),
        Part("published", "Published elsewhere", (published_grid(),)),
        Part("methods", "How it was measured", _methods(inputs)),
    )
    return Document(
        task=inputs.name,
        measure=inputs.measure,
        languages=inputs.books[0].languages,
        models=tuple(inputs.models),
        lead=_lead(inputs),
        verdicts=verdicts(inputs),
        headline=headline,
        parts=tuple(part for part in parts if part.blocks),
        limitations=found,
        citations=_citations(inputs),
    )


def _citations(inputs: Inputs) -> dict[str, str]:
    """Of the task and the models, as far as their cards name one."""
    named = {inputs.name: inputs.task.citation}
    named |= {model: str(card.get("citation") or "") for model, card in inputs.cards.items()}
    return {name: citation for name, citation in named.items() if citation}


def _lead(inputs: Inputs) -> str:
    task, models = inputs.task, counted(len(inputs.books), "model")
    sizes = f"{task.queries:,} queries and {task.documents:,} documents"
    facts = f"{models} on {task.name} ({task.alignment}): {sizes} in {', '.join(task.languages)}."
    measure = FIRST if inputs.measure == "accuracy@1" else ""
    return " ".join(filter(None, (facts, measure, paradox_verdict(inputs))))


def _tests(inputs: Inputs) -> tuple[Block, ...]:
    if inputs.comparison is None:
        command = f"xlembed run -t {inputs.name} -m MODEL,MODEL"
        return (Missing("paired tests, which need two models", command),)
    order, labelled = order_grid(inputs.comparison), labelled_table(inputs.comparison)
    grids = [grid for grid in (order, *paired_grids(inputs.comparison), labelled) if grid]
    untested = tuple(f"Not tested: {line}." for line in inputs.comparison["untested"])
    unequal = tuple(
        f"Left out of the tests: {counted(n, 'unit')} that only {model} has."
        for model, n in inputs.comparison["dropped_units"].items()
        if n
    )
    lines = (*untested, *unequal)
    return (*grids, *([Bullets(lines)] if lines else []), *inputs.pictures.get("tests", ()))


def _tradeoff(inputs: Inputs) -> tuple[Block, ...]:
    text = (
        f"Each point is a model: {inputs.measure} when query and answer share a language (right is better) against "
        "when they do not (up is better). Bars: 95 % CI, unadjusted. On the dashed line nothing is lost."
    )
    panels = [Panel(title, tuple(_points(inputs, macro))) for macro, title in PANELS]
    shown = tuple(panel for panel in panels if panel.points)
    if not shown:
        return ()
    return text, Scatter(shown, f"monolingual {inputs.measure}, %", f"true cross-lingual {inputs.measure}, %")


def _mixed(inputs: Inputs) -> tuple[Block, ...]:
    grids = [language_aware_table(inputs.books), language_aware_languages(inputs.books)]
    tests = language_comparison_table(inputs.comparison) if inputs.comparison else None
    return (*(g for g in (*grids, tests) if g), *inputs.pictures.get("mixed", ()))


def _explored(inputs: Inputs) -> tuple[Block, ...]:
    """What `xlembed explore` found; what to run where it was not."""
    found = inputs.explored
    if found is None:
        models = " ".join(f"-m {model}" for model in inputs.models[:2])
        return (Missing("why queries fail, query by query", f"xlembed explore -t {inputs.name} {models}"),)
    text = f"Every query with the rankings of {', '.join(found.models)} side by side"
    return (Link(text, f"../../explore/{quote(inputs.name)}/index.html"), *terminal_grids(found))


def _languages(inputs: Inputs) -> tuple[Block, ...]:
    choices = Choices(inputs.books[0].languages, tuple(inputs.models))
    found = (languages_grid(inputs), truncation_grid(inputs), *matrices(inputs), pairs_grid(inputs))
    return (choices, *(grid for grid in found if grid))


def _data(inputs: Inputs) -> tuple[Block, ...]:
    task = inputs.task
    facts = [task.description] if task.description else []
    named = (("Source", task.source), ("Licence", task.licence))
    facts += [f"{key}: {value}." for key, value in named if value]
    facts.append(
        f"{task.alignment.capitalize()}; {task.needs:,} questions (needs), {task.judgements:,} judgements, "
        f"{task.merged:,} identical documents united. Digest {task.digest[:16]}."
    )
    return (*facts, data_grid(inputs))


def _methods(inputs: Inputs) -> tuple[Block, ...]:
    lines = [
        "monolingual: query and answer in one language, documents of that language searched; cross_lingual: the same, "
        "documents of all languages searched; true cross-lingual: query and answer in different languages, among all "
        "documents (pool all) or those of the answer's language (pool target).",
        "Intervals: 95 %, cluster bootstrap over clusters of questions that share answers, the same resamples for all "
        "models; unadjusted. Under 10 clusters there is none.",
        "Tests: paired; McNemar's exact test or sign flips of cluster sums; Holm over the primary family. All else is "
        "exploratory.",
        "Which model for which use: weighted sums of macro averages over all languages of the task, resampled by "
        "cluster; speed was not measured for it: xlembed guide times the models too.",
        *(f"Left out: {line}" for line in inputs.warnings),
    ]
    return (Bullets(tuple(lines)),)


def _points(inputs: Inputs, macro: Macro) -> list[Point]:
    found = []
    for book in inputs.books:
        x, y = book.macro(MONOLINGUAL), book.macro(macro)
        if x is None or y is None:
            continue
        details = (
            book.model,
            *([book.label()] if book.labels else []),
            f"monolingual {estimate_text(x.value, x.interval)}",
            f"{macro.short} {estimate_text(y.value, y.interval)}",
            f"{x.n_units:,} and {y.n_units:,} units, {x.n_clusters:,} and {y.n_clusters:,} clusters",
        )
        found.append(Point(book.model, book.label(), x.value, y.value, x.interval, y.interval, details))
    return found
