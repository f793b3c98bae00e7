"""The chapters on the paradox and on the geometry of the space, from the files of `xlembed paradox` and `analyse`.

Those files belong to other commands: what is not there, or not as expected, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xlembed.paradox.grids import correlations_grid, models_grid, verdict_grids, verdict_lines
from xlembed.paradox.grids import rows as _rows
from xlembed.report.inputs import Inputs, Json
from xlembed.show.cells import p_cell, plain_estimate, share_cell
from xlembed.show.content import Block, Bullets, Grid, Missing, heads, row
from xlembed.show.text import MINUS, base_models
from xlembed.stats.scorebook import TRUE_CROSS_ALL, label_text


def paradox_blocks(inputs: Inputs) -> tuple[Block, ...]:
    """Verdict, rule and tables of the paradox test; what to run where it was not, where the task can have it."""
    report = inputs.paradox
    if report is None:
        if not any(book.macro(TRUE_CROSS_ALL) for book in inputs.books):
            return ("Nothing was measured across languages, so nothing is known of losses there.",)
        models = " ".join(f"-m {m}" for m in inputs.opened or inputs.models)
        what = "the paradox test, and post-processing before and after"
        return (Missing(what, f"xlembed paradox -t {inputs.name} {models}"),)
    return (
        *_paradox_text(report),
        *_grid_if(models_grid(report)),
        *_grid_if(correlations_grid(report)),
        *verdict_grids(report),
        *_grid_if(_before_after(report)),
        *inputs.pictures.get("paradox", ()),
    )


def paradox_verdict(inputs: Inputs) -> str:
    """The verdict in a sentence, with what it rests on; empty if there is none."""
    verdict = (inputs.paradox or {}).get("verdict")
    if not isinstance(verdict, Mapping) or not verdict.get("text"):
        return ""
    return f"Paradox test over {base_models(verdict.get('n_models'))}: {verdict['text']}"


def _paradox_text(report: Json) -> Iterator[Block]:
    said, *others = verdict_lines(report) or [""]
    if said:
        yield said
    if lines := (*others, *(f"Rule: {line}" for line in report.get("rule") or ())):
        yield Bullets(tuple(lines))


def _before_after(report: Json) -> Grid:
    """Each variant against its base: macros, and losses across languages."""
    scores, losses = _rows(report, "before_after"), _rows(report, "loss_changes")
    changes = [(of, of.get("a"), of.get("b"), f"{of.get('kind')}, {of.get('pool')}") for of in scores]
    changes += [(of, of.get("variant"), of.get("base"), str(of.get("kind"))) for of in losses]
    found = []
    for of, variant, base, what in changes:
        tests = (p_cell(of.get("p_value")), p_cell(of.get("p_adjusted")), str(of.get("verdict", "")))
        change = share_cell(of, signed=True, key="difference")
        found.append(row(f"{variant} {MINUS} {base}", what, change, *tests))
    names = (f"variant {MINUS} base", "what", "change", "p", "adj. p", "verdict")
    columns = heads(*names, words=("what", "verdict"))
    notes = (
        "In points, 95 % CI, unadjusted. For a loss, below 0 is better; it also shrinks when the score within "
        "languages falls.",
    )
    return Grid("paradox-variants", "Variants before and after", columns, tuple(found), notes=notes)


def analysis_blocks(inputs: Inputs) -> tuple[Block, ...]:
    """Separation, morphology and tokens of every model that was analysed; what to run for the others."""
    found: list[Block] = []
    if inputs.analyses:
        found += _grid_if(_separation(inputs.analyses))
        found += _grid_if(_morphology(inputs.analyses))
        found += _grid_if(_tokens(inputs.analyses))
        notes = {str(n) for of in inputs.analyses.values() for n in of.get("notes") or ()}
        found += [Bullets(tuple(sorted(notes)))] if notes else []
    lacking = [m for m in inputs.opened if m not in inputs.analyses]
    if lacking:
        command = f"xlembed analyse -t {inputs.name} {' '.join(f'-m {m}' for m in lacking)}"
        found.append(Missing(f"the geometry of the space of {', '.join(lacking)}", command))
    return (*found, *inputs.pictures.get("analysis", ()))


def _separation(analyses: Mapping[str, Json]) -> Grid:
    labels = {m: label_text(of.get("labels") or {}) for m, of in analyses.items()}
    overall = {
        m: {r["measure"]: r for r in _rows(of, "separation") if not r.get("lang")}
        for m, of in analyses.items()
    }
    measures = list(dict.fromkeys(name for of in overall.values() for name in of))
    found = [
        row(m, *(plain_estimate(of.get(name), label=labels[m]) for name in measures))
        for m, of in overall.items()
        if of
    ]
    note = (
        "Means over languages, on a balanced sample. Brackets: 95 % CI. Separation is no measure of quality."
    )
    columns = heads("model", *measures)
    return Grid("separation", "Separation of languages", columns, tuple(found), notes=(note,))


def _morphology(analyses: Mapping[str, Json]) -> Grid:
    found = []
    for model, of in analyses.items():
        for r in _rows(of, "morphology"):
            lang, label = str(r.get("lang", "")), str(r.get("label") or "")
            keys = ("superiority", "inflected", "unrelated")
            numbers = [plain_estimate(r.get(key), 2, label=label) for key in keys]
            found.append(row(lang, model, *numbers, str(r.get("legacy_band", "")), langs=(lang,)))
    columns = heads(
        *("language", "model", "P(inflected > unrelated)", "cosine, inflected", "cosine, unrelated"),
        "band (legacy)",
        words=("model", "band (legacy)"),
    )
    notes = ("The first number decides: a model that finds everything similar gets a high cosine for free.",)
    return Grid("morphology", "Inflected forms of a word", columns, tuple(found), notes=notes)


def _tokens(analyses: Mapping[str, Json]) -> Grid:
    found = []
    for model, of in analyses.items():
        tokens = of.get("tokenisation")
        cut = {(r.get("kind"), r.get("lang")): r for r in _rows(tokens, "truncation")}
        premiums = {(r.get("kind"), r.get("lang")): r for r in _rows(tokens, "premiums")}
        for kind, lang in dict.fromkeys([*premiums, *cut]):
            premium, lost = premiums.get((kind, lang), {}), cut.get((kind, lang), {})
            numbers = (
                plain_estimate(premium.get("tokens_per_text"), 1),
                plain_estimate(premium.get("ratio"), 2),
                plain_estimate(lost.get("share_lost"), 3),
            )
            found.append(row(str(lang), str(kind), model, *numbers, langs=(str(lang),)))
    columns = heads(
        *("language", "texts", "model", "tokens per text", "relative to English", "share of tokens cut off"),
        words=("texts", "model"),
    )
    return Grid("tokens", "Tokens", columns, tuple(found), folded=True)


def _grid_if(grid: Grid) -> list[Block]:
    return [grid] if grid.rows else []
