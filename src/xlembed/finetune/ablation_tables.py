"""Tables of an ablation, and its report.md with figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from xlembed.evaluate.tables import comparison_table, write_page
from xlembed.finetune.figures import ablations
from xlembed.finetune.tables import report_page, rho_cell
from xlembed.show.cells import share_cell
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.curves import present, score_in
from xlembed.show.figures.registry import write_figures
from xlembed.show.text import p_text, percent
from xlembed.stats.scorebook import Macro

Report = Mapping[str, Any]
"""Content of report.json of an ablation."""


def variants_table(report: Report) -> Grid:
    """Variants x modes: the primary measure with its interval; the base model first."""
    macros = _macros(report)
    base = row(f"{report['base_slug']} (not trained)", *_cells(report["base"]["scores"], macros), "")
    rows = [
        row(v["title"], *_cells(v["scores"], macros), f"{v['took_seconds'] / 60:.1f}")
        for v in report["variants"]
    ]
    return Grid(
        "variants",
        f"{report['task']}: {report['primary_measure']} of each variant",
        heads("variant", *(m.head for m in macros), "minutes"),
        (base, *rows),
        notes=("In %. Brackets: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs.",),
    )


def tests_table(report: Report) -> Grid | None:
    """Every variant against the first, by paired tests; None if there is but one."""
    return comparison_table(report["comparison"]) if report["comparison"] else None


def forgetting_table(report: Report) -> Grid | None:
    """Spearman's rho of similarity before and after; None without a scored set."""
    if not report["sts"]:
        return None
    rows = [
        row(
            v["title"],
            rho_cell(v["sts"]["before"]),
            rho_cell(v["sts"]["after"]),
            rho_cell(v["sts"]["change"], "difference"),
            p_text(v["sts"]["change"]["p_value"]),
        )
        for v in report["variants"]
    ]
    note = "Brackets: 95 % CI, unadjusted. p: paired permutation test against the base model, unadjusted."
    title = f"{report['sts']}: Spearman's rho before and after"
    return Grid(
        "forgetting", title, heads("variant", "before", "after", "change", "p"), tuple(rows), notes=(note,)
    )


def seeds_table(report: Report) -> Grid | None:
    """Mean and standard deviation over seeds; None with one seed."""
    if max(len(v["seeds"]) for v in report["variants"]) < 2:
        return None
    macros = _macros(report)
    seeds = ", ".join(str(s["seed"]) for s in report["variants"][0]["seeds"])
    rows = []
    for v in report["variants"]:
        columns = [[s["value"] for of in v["seeds"] if (s := score_in(of["scores"], m))] for m in macros]
        rows.append(row(v["title"], *map(_spread, columns)))
    title = f"The same with seeds {seeds}: mean ± standard deviation"
    notes = ("In %. No test rests on these.",)
    return Grid("seeds", title, heads("variant", *(m.head for m in macros)), tuple(rows), notes=notes)


def dimensions_table(report: Report) -> Grid | None:
    """Quality, bytes and time at each dimension; None if nothing was cut."""
    found = report["dimensions"]
    if not found:
        return None
    macros = present([s for r in found for s in r["scores"]])
    timing = report["timing"]
    titles = {v["name"]: v["title"] for v in report["variants"]}
    rows = []
    for r in found:
        ms = r["ms"]
        time = Cell(f"{ms['median']:.3f}", f"[{ms['low']:.3f}, {ms['high']:.3f}]")
        size = f"{r['bytes']:,}"
        rows.append(row(titles[r["variant"]], str(r["dim"]), size, time, *_cells(r["scores"], macros)))
    return Grid(
        "dimensions",
        f"{report['task']}: {report['primary_measure']} of vectors cut to fewer dimensions",
        heads("model", "dimensions", "bytes", "ms per query", *(m.head for m in macros)),
        tuple(rows),
        notes=(
            f"In %. Brackets: 95 % CI, unadjusted. ms: exact search of one query among {timing['documents']:,} "
            f"documents, median [fastest, slowest] of {timing['repeats']} rounds, on {timing['machine']}.",
        ),
    )


def ablation_tables(report: Report) -> list[Grid]:
    """All tables that apply."""
    found = [variants_table(report), tests_table(report), forgetting_table(report), seeds_table(report)]
    return [t for t in (*found, dimensions_table(report)) if t is not None]


def write_ablation_report(report: Report, folder: Path) -> None:
    """Write report.md and figures/ into `folder`."""
    write_figures(ablations, folder / "figures", report)
    write_page(folder / "report.md", partial(ablation_markdown, report))


def ablation_markdown(report: Report, figures: Sequence[str] = ()) -> str:
    """All tables as a page."""
    head = [
        f"# {report['title']}",
        f"Recipe: {report['recipe']}. Task: {report['task']}. Base model: {report['base_slug']}.",
        "Variants:",
        "\n".join(f"- {v['title']}: {_what(v)}" for v in report["variants"]),
    ]
    return report_page(head, report["warnings"], ablation_tables(report), (), figures)


def _what(variant: Mapping[str, Any]) -> str:
    changes = [f"{place} = {value}" for place, value in variant["changes"].items()]
    return "; ".join([f"stages {', '.join(variant['stages'])}", *changes])


def _macros(report: Report) -> list[Macro]:
    return present([s for v in report["variants"] for s in v["scores"]])


def _cells(scores: Sequence[Mapping[str, Any]], macros: Sequence[Macro]) -> list[Cell]:
    return [share_cell(score_in(scores, m)) for m in macros]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "n/a"
    deviation = f" ± {percent(statistics.stdev(values))}" if len(values) > 1 else ""
    return percent(statistics.mean(values)) + deviation
