"""The chapters on the paradox and on the geometry of the space, from the files of `xlembed paradox` and `analyse`.

Those files belong to other commands: what is not there, or not as expected, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xlembed.report.document.cells import NONE, ends, number_cell, p_cell, plain_estimate, words
from xlembed.report.document.content import Block, Bullets, Cell, Grid, Head, Missing, Row
from xlembed.report.document.inputs import Inputs, Json
from xlembed.report.document.paradox_grids import rows as _rows
from xlembed.report.document.paradox_grids import verdict_grids, verdict_lines
from xlembed.report.scorebook import label_text
from xlembed.report.text import MINUS, base_models, interval_text, percent, points

PARADOX_COLUMNS = (
    ("monolingual", "monolingual", False),
    ("true_cross_all", "true cross, pool all", False),
    ("loss_weak", "loss_weak", True),
    ("loss_strong", "loss_strong", True),
)


def paradox_blocks(inputs: Inputs) -> tuple[Block, ...]:
    """Verdict, rule and tables of the paradox test; what to run where it was not."""
    report = inputs.paradox
    if report is None:
        models = " ".join(f"-m {m}" for m in inputs.models)
        return (
            Missing(
                "the paradox test, and post-processing before and after",
                f"xlembed paradox -t {inputs.name} {models}",
            ),
        )
    return (
        *_paradox_text(report),
        *_grid_if(_paradox_models(report)),
        *_grid_if(_correlations(report)),
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


def _paradox_models(report: Json) -> Grid:
    rows = []
    for of in report.get("models") or ():
        label = str(of.get("label") or "")
        cells = [_share(of.get(key), signed, label) for key, _, signed in PARADOX_COLUMNS]
        separation = plain_estimate(of.get("separation"))
        enters = "yes" if of.get("enters") else "no"
        rows.append(
            Row(
                (words(str(of.get("model"))), words(enters), separation, *cells),
                strong=bool(of.get("enters")),
            )
        )
    heads = (
        Head("model", False),
        Head("in the test", False),
        Head("S"),
        *(Head(h) for _, h, _ in PARADOX_COLUMNS),
    )
    notes = (
        "S: neighbourhood purity minus its expected value. Scores in %, losses in points. Brackets: 95 % CI.",
    )
    return Grid("paradox", "Separation of languages and scores", heads, tuple(rows), notes=notes)


def _correlations(report: Json) -> Grid:
    rows = [
        Row(
            (
                words(str(of.get("against"))),
                number_cell(of.get("rho"), 2),
                p_cell(of.get("p_value")),
                p_cell(of.get("p_adjusted")),
            )
        )
        for of in report.get("correlations") or ()
    ]
    heads = (Head("S with", False), Head("rho"), Head("p"), Head("adj. p"))
    notes = (
        "Spearman's rho over base models, one-sided, Holm over the three; the paradox has all three above 0.",
    )
    return Grid("paradox-correlations", "Does separation go along with it?", heads, tuple(rows), notes=notes)


def _before_after(report: Json) -> Grid:
    """Each variant against its base: macros, and losses across languages."""
    rows = []
    changes = [
        (r, r.get("a"), r.get("b"), f"{r.get('kind')}, {r.get('pool')}")
        for r in _rows(report, "before_after")
    ]
    changes += [
        (r, r.get("variant"), r.get("base"), str(r.get("kind"))) for r in _rows(report, "loss_changes")
    ]
    for r, variant, base, what in changes:
        difference = _share({**r, "value": r.get("difference")}, True, "")
        tests = (p_cell(r.get("p_value")), p_cell(r.get("p_adjusted")), words(str(r.get("verdict", ""))))
        rows.append(Row((words(f"{variant} {MINUS} {base}"), words(what), difference, *tests)))
    heads = (
        *(
            Head(f"variant {MINUS} base", False),
            Head("what", False),
            Head("change"),
            Head("p"),
            Head("adj. p"),
        ),
        Head("verdict", False),
    )
    notes = (
        "In points, 95 % CI, unadjusted. For a loss, below 0 is better; it also shrinks when the score within "
        "languages falls.",
    )
    return Grid("paradox-variants", "Variants before and after", heads, tuple(rows), notes=notes)


def _share(row: Any, signed: bool, label: str) -> Cell:
    if not isinstance(row, Mapping) or not isinstance(row.get("value"), int | float):
        return NONE
    details = (f"{row['n_units']:,} units, {row['n_clusters']:,} clusters",) if "n_units" in row else ()
    text = points(row["value"]) if signed else percent(row["value"])
    return Cell(text, interval_text(ends(row), signed), label, row["value"], details)


def analysis_blocks(inputs: Inputs) -> tuple[Block, ...]:
    """Separation, morphology and tokens of every model that was analysed; what to run for the others."""
    found: list[Block] = []
    if inputs.analyses:
        found += _grid_if(_separation(inputs.analyses))
        found += _grid_if(_morphology(inputs.analyses))
        found += _grid_if(_tokens(inputs.analyses))
        notes = {str(n) for of in inputs.analyses.values() for n in of.get("notes") or ()}
        found += [Bullets(tuple(sorted(notes)))] if notes else []
    lacking = [m for m in inputs.models if m not in inputs.analyses]
    if lacking:
        command = f"xlembed analyse -t {inputs.name} {' '.join(f'-m {m}' for m in lacking)}"
        found.append(Missing(f"the geometry of the space of {', '.join(lacking)}", command))
    return (*found, *inputs.pictures.get("analysis", ()))


def _separation(analyses: Mapping[str, Json]) -> Grid:
    overall = {
        m: {r["measure"]: r for r in _rows(of, "separation") if not r.get("lang")}
        for m, of in analyses.items()
    }
    measures = list(dict.fromkeys(name for of in overall.values() for name in of))
    rows = [
        Row((words(m), *(plain_estimate(of.get(name), label=_label(analyses[m])) for name in measures)))
        for m, of in overall.items()
        if of
    ]
    heads = (Head("model", False), *map(Head, measures))
    notes = (
        "Means over languages, on a balanced sample. Brackets: 95 % CI. Separation is no measure of quality.",
    )
    return Grid("separation", "Separation of languages", heads, tuple(rows), notes=notes)


def _morphology(analyses: Mapping[str, Json]) -> Grid:
    rows = []
    for model, of in analyses.items():
        for r in _rows(of, "morphology"):
            label = str(r.get("label") or "")
            cells = (
                plain_estimate(r.get("superiority"), 2, label=label),
                plain_estimate(r.get("inflected"), 2, label=label),
                plain_estimate(r.get("unrelated"), 2, label=label),
                words(str(r.get("legacy_band", ""))),
            )
            rows.append(Row((words(str(r.get("lang", ""))), words(model), *cells), (str(r.get("lang", "")),)))
    heads = (
        *(
            Head("language", False),
            Head("model", False),
            Head("P(inflected > unrelated)"),
            Head("cosine, inflected"),
        ),
        *(Head("cosine, unrelated"), Head("band (legacy)", False)),
    )
    notes = ("The first number decides: a model that finds everything similar gets a high cosine for free.",)
    return Grid("morphology", "Inflected forms of a word", heads, tuple(rows), notes=notes)


def _tokens(analyses: Mapping[str, Json]) -> Grid:
    rows = []
    for model, of in analyses.items():
        tokens = of.get("tokenisation")
        cut = {(r.get("kind"), r.get("lang")): r for r in _rows(tokens, "truncation")}
        premiums = {(r.get("kind"), r.get("lang")): r for r in _rows(tokens, "premiums")}
        for kind, lang in dict.fromkeys([*premiums, *cut]):
            both = premiums.get((kind, lang), {}), cut.get((kind, lang), {})
            cells = (
                plain_estimate(both[0].get("tokens_per_text"), 1),
                plain_estimate(both[0].get("ratio"), 2),
                plain_estimate(both[1].get("share_lost"), 3),
            )
            rows.append(Row((words(str(lang)), words(str(kind)), words(model), *cells), (str(lang),)))
    heads = (
        *(Head("language", False), Head("texts", False), Head("model", False), Head("tokens per text")),
        *(Head("relative to English"), Head("share of tokens cut off")),
    )
    return Grid("tokens", "Tokens", heads, tuple(rows), folded=True)


def _label(analysis: Json) -> str:
    return label_text(analysis.get("labels") or {})


def _grid_if(grid: Grid) -> list[Block]:
    return [grid] if grid.rows else []
