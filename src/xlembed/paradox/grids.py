"""The verdict of the paradox test in words and tables: who was judged, by which conditions, and what remedies do.

Used for the terminal, paradox.md and, but for the last two functions, for the report. There the file may be older or
odd: what is not there is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlembed.evaluate.tables import comparison_table, heading, to_markdown
from xlembed.show.cells import p_cell, plain_estimate, share_cell
from xlembed.show.content import Grid, Row, heads, row
from xlembed.show.notes import note_lines, said_once
from xlembed.show.text import MINUS, base_models, p_text, percent, points
from xlembed.stats.compared import Paired, label_notes
from xlembed.words import Lang

Json = Mapping[str, Any]
CONDITIONS = (
    ("monolingual", "(a) monolingual {minus} {against}", "above"),
    ("cross_lingual", "(b) cross_lingual {minus} monolingual", "above"),
    ("loss_strong", "(c) loss_strong", "below"),
    ("loss_strong_share", "(c) loss_strong {minus} {share} % of monolingual", "below"),
    ("loss_weak", "loss_weak", "below"),
    ("loss_weak_share", "loss_weak {minus} {share} % of monolingual", "below"),
)
"""Key in paradox.json, name, side of the margin that it has to be on."""
COLUMNS = (
    ("monolingual", "monolingual", False),
    ("true_cross_all", "true cross, pool all", False),
    ("loss_weak", "loss_weak", True),
    ("loss_strong", "loss_strong", True),
)
"""Scores of a model: key, head, whether it is a difference."""


def verdict_lines(report: Json) -> list[str]:
    """The verdict, who was not judged, what the correlations say, and what must be known beside it."""
    verdict = report.get("verdict") or {}
    lines = []
    if verdict.get("text"):
        lines.append(f"Verdict over {base_models(verdict.get('n_models'))}: {verdict['text']}")
    lines += [f"Remedy: {r['text']}." for r in rows(report, "choices") if r.get("text")]
    lines += [
        f"Not judged: {r['model']}: {r['reason']}." for r in rows(report, "standings") if r.get("reason")
    ]
    if report.get("correlation_text"):
        lines.append(f"Correlation with separation: {report['correlation_text']}.")
    if verdict.get("smallest_detectable") is not None:
        lines.append(
            "Where a condition is undecided: a distance of "
            f"{percent(verdict['smallest_detectable'])} points from its margin would have been seen with 80 %."
        )
    left_out = {of["model"]: [of["reason"]] for of in rows(report, "left_out") if "model" in of}
    lines += [f"Not in the test: {line}." for line in said_once(left_out)]
    lines += [f"Not tested before and after: {reason}." for reason in report.get("untested") or ()]
    return [*lines, *(f"Note: {note}." for note in report.get("notes") or ())]


def models_grid(report: Json) -> Grid:
    """Every model evaluated: S and macro scores with their intervals."""
    found = rows(report, "models")
    lines = [
        row(
            str(of.get("model")),
            plain_estimate(of.get("separation")),
            *(share_cell(of.get(key), signed) for key, _, signed in COLUMNS),
            str(of.get("label") or ""),
            strong=bool(of.get("enters")),
        )
        for of in found
    ]
    units = [_counts(found, key) for key in ("separation", *(key for key, _, _ in COLUMNS))]
    sizes = {of["separation"].get("per_language") for of in found if of.get("separation")} - {None}
    documents = f"{' or '.join(f'{n:,}' for n in sorted(sizes))} documents of each language"
    k = (report.get("separation") or {}).get("k", "k")
    return Grid(
        "paradox",
        f"{_task(report)}separation of languages and {report.get('measure', 'scores')}",
        heads("model", "S", *(head for _, head, _ in COLUMNS), "label", words=("label",)),
        tuple(lines),
        (row("units / clusters", *units, ""),),
        notes=(
            f"Scores in %, losses in points. Brackets: 95 % CI, unadjusted. S: neighbourhood purity@{k} minus its "
            f"expected value; {documents if sizes else 'no vectors'}. Bold: base models in the test.",
            *note_lines(model_notes(report)),
        ),
    )


def model_notes(report: Json) -> dict[str, list[str]]:
    """Model -> what must stand beside its numbers."""
    return {of["model"]: of["notes"] for of in rows(report, "models") if of.get("notes")}


def correlations_grid(report: Json) -> Grid:
    """The three rank correlations with S."""
    found = rows(report, "correlations")
    first = found[0] if found else {}
    lines = []
    for of in found:
        rho = "n/a" if of.get("rho") is None else f"{of['rho']:+.2f}".replace("-", MINUS)
        said = "" if of.get("p_adjusted") is None else "shown" if of.get("shown") else "not shown"
        lines.append(
            row(str(of.get("against")), rho, p_cell(of.get("p_value")), p_cell(of.get("p_adjusted")), said)
        )
    how = "every order counted" if first.get("exact") else "99,999 orders drawn"
    said = f" In short: {report['correlation_text']}." if report.get("correlation_text") else ""
    note = (
        f"Spearman's rho over {base_models(first.get('n'))}, midranks; one-sided p of rho > 0 ({how}), Holm over the "
        f"three. The paradox has all three above 0.{said}"
    )
    columns = heads("S with", "rho", "p", "adj. p", "", words=("",))
    title = f"{_task(report)}does separation go along with it?"
    return Grid("paradox-correlations", title, columns, tuple(lines), notes=(note,))


def _counts(found: Sequence[Mapping[str, Any]], key: str) -> str:
    """Units and clusters of the first model that has them."""
    known = [of[key] for of in found if "n_units" in (of.get(key) or {})]
    return f"{known[0]['n_units']:,} / {known[0]['n_clusters']:,}" if known else "n/a"


def verdict_grids(report: Json) -> list[Grid]:
    """Who was judged, conditions of models and of their variants, remedies; as far as there are any."""
    grids = (
        _standings(report, "standings", "who may be judged"),
        _conditions(report, "conditions", "conditions of the verdict"),
        _remedies(report),
        _standings(report, "variant_standings", "which variants may be judged"),
        _conditions(report, "variant_conditions", "the same conditions of variants, not part of the verdict"),
    )
    return [grid for grid in grids if grid.rows]


def _standings(report: Json, key: str, title: str) -> Grid:
    found = []
    for of in rows(report, key):
        twice = of.get("twice_chance")
        score = (share_cell(of.get("monolingual")), "n/a" if twice is None else percent(twice))
        gap = (share_cell(of.get("minus_bm25"), signed=True), _points_text(of.get("bm25_floor")))
        found.append(row(str(of.get("model")), *score, *gap, "yes" if of.get("judged") else "no"))
    notes = (
        "In % and points. Brackets: for the score of the level that Holm's step-down over the models gives it, for "
        "the difference to bm25 95 %. Each has to begin above the number to its right: twice chance (random order), "
        "and the margin to bm25.",
    )
    columns = heads("model", "monolingual", "above", f"{MINUS} bm25", "above", "judged", words=("judged",))
    key = f"paradox-{key}".replace("_", "-")
    return Grid(key, f"{_task(report)}{title}", columns, tuple(found), notes=notes)


def _conditions(report: Json, key: str, title: str) -> Grid:
    share = percent((report.get("margins") or {}).get("loss_share", 0.1)).removesuffix(".0")
    found: list[Row] = []
    for of in rows(report, key):
        for i, (name, text, side) in enumerate(CONDITIONS):
            condition = of.get(name) or {}
            against = condition.get("against") or "every other"
            cells = (
                "" if i else str(of.get("model")),
                text.format(minus=MINUS, against=against, share=share),
                share_cell(condition, signed=True),
                f"{side} {_points_text(condition.get('margin'))}",
                str(condition.get("status", "n/a")),
            )
            found.append(row(*cells, apart=not i and bool(found)))
        found.append(row("", "breaks the paradox?", "", "", _breaks(of), strong=True))
    notes = (
        "Brackets: 95 % intervals, unadjusted; violated is decided by wider ones (Bonferroni over the model's "
        "conditions). (a): the rival nearest to failing it.",
    )
    columns = heads("model", "condition", "points", "wanted", "", words=("condition", "wanted", ""))
    key = f"paradox-{key}".replace("_", "-")
    return Grid(key, f"{_task(report)}{title}", columns, tuple(found), notes=notes)


def _remedies(report: Json) -> Grid:
    breaks = {of.get("model"): _breaks(of) for of in rows(report, "variant_conditions")}
    found: list[Row] = []
    last = None
    for of in rows(report, "remedies"):
        if of.get("variant") != last:
            last, share = of.get("variant"), of.get("share_mended")
            said = [f"mends: {of.get('mends')}", f"breaks: {breaks.get(last, 'not judged')}"]
            if share is not None:
                said.append(f"loss_strong mended: {percent(share, 0)} %".replace("-", MINUS))
            said += [f"{n} searches per query" for n in (of.get("searches"),) if n and n != 1]
            found.append(heading(f"{last}: {', '.join(said)}", 5, apart=bool(found)))
        kept = (str(of.get("monolingual")), str(of.get("cross_lingual")))
        changes = (share_cell(of.get(key), signed=True) for key in ("cost", "gain"))
        found.append(row(str(of.get("measure", "")), *kept, *changes, _rises(of)))
    margin = percent((report.get("margins") or {}).get("mono", 0.03)).removesuffix(".0")
    words = ("measure", "mono kept", "cross kept", "rises")
    columns = heads(*words[:3], "cross_lingual", "true cross, all", "rises", words=words)
    why = ((of["variant"], of["reason"]) for of in rows(report, "remedies") if of.get("reason"))
    reasons = dict.fromkeys(f"{variant} is not judged: {reason}." for variant, reason in why)
    notes = (
        f"Kept: a fall of {margin} points against the model without it is excluded (95 % CI). Rises: paired test, "
        "Holm over the variants; a measure without it is looked at for its cost only. Not applicable: the score cannot "
        "change. It breaks the paradox only by (a) to (c), against the base models.",
        *reasons,
        *(f"{note}." for note in report.get("remedy_notes") or ()),
        *_label_notes(report),
    )
    title = f"{_task(report)}do variants mend it?"
    return Grid("paradox-remedies", title, columns, tuple(found), notes=notes)


def _rises(of: Mapping[str, Any]) -> str:
    if not of.get("must_rise", True):
        return ""
    return {"shown": "shown", "violated": "falls"}.get(str(of.get("true_cross_all")), "not shown")


def _breaks(of: Mapping[str, Any]) -> str:
    return "no loss shown" if of.get("alone") and of.get("breaks") == "yes" else str(of.get("breaks", "n/a"))


def _labels(report: Json) -> dict[str, dict[Lang, str]]:
    return {row["model"]: row["labels"] for row in rows(report, "models") if row.get("labels")}


def _label_notes(report: Json) -> list[str]:
    """Which languages no change of a variant is about, said of the model without it."""
    changes = [Paired.model_validate(row) for row in rows(report, "before_after")]
    bases = {row.b for row in changes}
    return label_notes(changes, {name: of for name, of in _labels(report).items() if name in bases})


def _points_text(value: float | None) -> str:
    return "n/a" if value is None else points(value)


def _task(report: Json) -> str:
    return f"{report['task']}: " if report.get("task") else ""


def rows(report: Any, key: str) -> list[Mapping[str, Any]]:
    """The rows of a table of the file; empty if there are none."""
    found = report.get(key) if isinstance(report, Mapping) else None
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def paradox_tables(report: Json) -> list[Grid]:
    """Scores, correlations, who is judged and how, and each variant before and after, as far as there are any."""
    found = [models_grid(report)]
    if report["correlations"] and report["correlations"][0]["n"]:
        found.append(correlations_grid(report))
    found += verdict_grids(report)
    if report["before_after"]:
        whole = {"task": report["task"], "primary": report["before_after"], "labels": _labels(report)}
        whole["model_notes"] = model_notes(report)
        found.append(comparison_table({**whole, "primary_measure": report["measure"]}))
    if report["loss_changes"]:
        found.append(_losses_table(report))
    return found


def _losses_table(report: Json) -> Grid:
    found = []
    for of in report["loss_changes"]:
        change = share_cell(of, signed=True, key="difference")
        tests = (p_text(of["p_value"]), p_text(of["p_adjusted"]), of["verdict"])
        found.append(row(f"{of['variant']} {MINUS} {of['base']}", of["kind"], change, *tests))
    note = (
        "In points, variant minus base: below 0 the variant loses less. Brackets: 95 % CI, unadjusted; sign-flip "
        "tests, Holm over variants and losses; exploratory. A loss also shrinks when "
        "the score within languages falls: read it beside that change."
    )
    names = (f"variant {MINUS} base", "loss", "change", "p", "adj. p", "verdict")
    columns = heads(*names, words=("loss", "verdict"))
    title = f"{report['task']}: losses across languages before and after"
    return Grid("paradox-losses", title, columns, tuple(found), notes=(note, *_label_notes(report)))


def paradox_markdown(report: Json) -> str:
    """The report: verdict and its rule first, then the tables and the figures."""
    first, *others = verdict_lines(report)
    parts = [
        f"# The language separation paradox on {report['task']}",
        f"**{first}**",
        "\n".join(f"- {line}" for line in others),
        "## The rule",
        "\n".join(f"- {line}" for line in report["rule"]),
        "## Numbers",
        *(to_markdown(table) for table in paradox_tables(report)),
        "## Figures",
        "`figures/` holds each as PNG: `separation` (S against scores and losses), `variants` (before "
        "and after).",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"
