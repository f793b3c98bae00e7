"""Tables of an ablation, and its report.md with figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from xlembed.files import atomic_writer
from xlembed.report.curves import present, score_in
from xlembed.report.figures import ablations
from xlembed.report.figures.registry import write_figures
from xlembed.report.finetuning import ends
from xlembed.report.finetuning_table import rho_cell, score_cell
from xlembed.report.scorebook import Macro
from xlembed.report.tables import Interval, comparison_table, framed, macro_head, to_markdown
from xlembed.report.text import p_text, percent

Report = Mapping[str, Any]
"""Content of report.json of an ablation."""


def variants_table(report: Report) -> Table:
    """Variants x modes: the primary measure with its interval; the base model first."""
    macros = _macros(report)
    table = framed(
        f"{report['task']}: {report['primary_measure']} of each variant",
        "In %. Brackets: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs.",
    )
    table.add_column("variant", overflow="fold")
    for macro in macros:
        table.add_column(macro_head(macro), justify="right")
    table.add_column("minutes", justify="right")
    table.add_row(f"{report['base_slug']} (not trained)", *_cells(report["base"]["scores"], macros), "")
    for v in report["variants"]:
        table.add_row(v["title"], *_cells(v["scores"], macros), f"{v['took_seconds'] / 60:.1f}")
    return table


def tests_table(report: Report) -> Table | None:
    """Every variant against the first, by paired tests; None if there is but one."""
    return comparison_table(report["comparison"]) if report["comparison"] else None


def forgetting_table(report: Report) -> Table | None:
    """Spearman's rho of similarity before and after; None without a scored set."""
    if not report["sts"]:
        return None
    table = framed(
        f"{report['sts']}: Spearman's rho before and after",
        "Brackets: 95 % CI, unadjusted. p: paired permutation test against the base model, unadjusted.",
    )
    table.add_column("variant", overflow="fold")
    for head in ("before", "after", "change", "p"):
        table.add_column(head, justify="right")
    for v in report["variants"]:
        change = v["sts"]["change"]
        cell = rho_cell({**change, "spearman": change["difference"]}, signed=True)
        table.add_row(
            v["title"],
            rho_cell(v["sts"]["before"]),
            rho_cell(v["sts"]["after"]),
            cell,
            p_text(change["p_value"]),
        )
    return table


def seeds_table(report: Report) -> Table | None:
    """Mean and standard deviation over seeds; None with one seed."""
    if max(len(v["seeds"]) for v in report["variants"]) < 2:
        return None
    macros = _macros(report)
    seeds = ", ".join(str(s["seed"]) for s in report["variants"][0]["seeds"])
    table = framed(f"The same with seeds {seeds}: mean ± standard deviation", "In %. No test rests on these.")
    table.add_column("variant", overflow="fold")
    for macro in macros:
        table.add_column(macro_head(macro), justify="right")
    for v in report["variants"]:
        columns = [[s["value"] for of in v["seeds"] if (s := score_in(of["scores"], m))] for m in macros]
        table.add_row(v["title"], *map(_spread, columns))
    return table


def dimensions_table(report: Report) -> Table | None:
    """Quality, bytes and time at each dimension; None if nothing was cut."""
    rows = report["dimensions"]
    if not rows:
        return None
    macros = present([s for r in rows for s in r["scores"]])
    timing = report["timing"]
    table = framed(
        f"{report['task']}: {report['primary_measure']} of vectors cut to fewer dimensions",
        f"In %. Brackets: 95 % CI, unadjusted. ms: exact search of one query among {timing['documents']:,} documents, "
        f"median [fastest, slowest] of {timing['repeats']} rounds, on {timing['machine']}.",
    )
    table.add_column("model", overflow="fold")
    for head in ("dimensions", "bytes", "ms per query"):
        table.add_column(head, justify="right")
    for macro in macros:
        table.add_column(macro_head(macro), justify="right")
    titles = {v["name"]: v["title"] for v in report["variants"]}
    for r in rows:
        ms = r["ms"]
        time = Interval(f"{ms['median']:.3f}", f"[{ms['low']:.3f}, {ms['high']:.3f}]")
        table.add_row(
            titles[r["variant"]], str(r["dim"]), f"{r['bytes']:,}", time, *_cells(r["scores"], macros)
        )
    return table


def ablation_tables(report: Report) -> list[Table]:
    """All tables that apply."""
    found = [variants_table(report), tests_table(report), forgetting_table(report), seeds_table(report)]
    return [t for t in (*found, dimensions_table(report)) if t is not None]


def write_ablation_report(report: Report, folder: Path) -> None:
    """Write report.md and figures/ into `folder`."""
    write_figures(ablations, folder / "figures", report)
    with atomic_writer(folder / "report.md") as file:
        file.write(ablation_markdown(report, sorted(p.name for p in (folder / "figures").glob("*.png"))))


def ablation_markdown(report: Report, figures: Sequence[str] = ()) -> str:
    """All tables as a page.

    Args:
        report: content of report.json.
        figures: names of PNG files in figures/.
    """
    parts = [
        f"# {report['title']}\n",
        f"Recipe: {report['recipe']}. Task: {report['task']}. Base model: {report['base_slug']}.\n",
        "Variants:\n\n" + "\n".join(f"- {v['title']}: {_what(v)}" for v in report["variants"]) + "\n",
    ]
    if report["warnings"]:
        parts.append("## Warnings\n\n" + "\n".join(f"- {line}" for line in report["warnings"]) + "\n")
    parts += [to_markdown(table) for table in ablation_tables(report)]
    parts += [f"![{name.removesuffix('.png').replace('_', ' ')}](figures/{name})\n" for name in figures]
    return "\n".join(parts)


def _what(variant: Mapping[str, Any]) -> str:
    changes = [f"{place} = {value}" for place, value in variant["changes"].items()]
    return "; ".join([f"stages {', '.join(variant['stages'])}", *changes])


def _macros(report: Report) -> list[Macro]:
    return present([s for v in report["variants"] for s in v["scores"]])


def _cells(scores: Sequence[Mapping[str, Any]], macros: Sequence[Macro]) -> list[Interval | str]:
    found = [score_in(scores, m) for m in macros]
    return ["n/a" if s is None else score_cell(s["value"], ends(s)) for s in found]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "n/a"
    deviation = f" ± {percent(statistics.stdev(values))}" if len(values) > 1 else ""
    return percent(statistics.mean(values)) + deviation
