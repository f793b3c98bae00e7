"""A promotion's numbers: the table of the command line, and promotion.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from xlembed.report.tables import Interval, to_markdown
from xlembed.report.text import interval_text, p_text, percent, points


def promotion_table(report: Mapping[str, Any]) -> Table:
    """The macro, then one row per language; for a report that has a `decision`."""
    decision = report["decision"]
    title = f"{report['candidate']} against {report['opponent']} on {report['task']}: {decision['measure']}"
    table = Table(
        title=f"{title}, {decision['mode']} (pool {decision['pool']})", box=box.SIMPLE, title_justify="left"
    )
    for name in ("", "candidate", "champion", "change", "p", "verdict"):
        table.add_column(name, justify="left" if name in ("", "verdict") else "right")
    verdict = "better" if decision["better"] else "not shown to be better"
    table.add_row("macro", *_numbers(decision), p_text(decision["p_value"]), verdict)
    margin = f"{100 * decision['margin']:g}"
    for row in decision["languages"]:
        if row["fell"]:
            verdict = f"falls by more than {margin}"
        elif row["lower"] is None or row["lower"] < -decision["margin_unknown"]:
            verdict = f"even a fall of more than {100 * decision['margin_unknown']:g} is not excluded"
        else:
            verdict = "" if row["excluded"] else f"a fall of more than {margin} is not excluded"
        table.add_row(row["lang"], *_numbers(row), p_text(row["p_fall_adjusted"]), verdict)
    table.caption = "\n".join(decision_notes(decision))
    table.caption_justify = "left"
    return table


def decision_notes(decision: Mapping[str, Any]) -> list[str]:
    """What must be known to read the table."""
    detectable = decision["detectable"]
    notes = [
        "In %. Brackets: 95 % CI, unadjusted. p of the macro: two-sided, "
        f"{decision['test']}; of a language: one-sided, of a fall beyond the margin, Holm-adjusted.",
        f"Attempt {decision['attempt']} against this champion on this task: tested at {decision['level']:.4g} "
        f"({decision['alpha']:g} / ({decision['attempt']} x {decision['attempt'] + 1})); {decision['n_units']:,} units "
        f"in {decision['n_clusters']:,} clusters, {decision['n_discordant_clusters']:,} of them discordant.",
        "No interval: fewer than 10 clusters."
        if detectable is None
        else f"Smallest difference this test finds with 80 %: {percent(detectable)} points.",
    ]
    if left_out := decision["left_out"]:
        languages = ", ".join(f"{lang} ({label})" for lang, label in left_out.items())
        notes.append(
            f"Left out: {languages}. A language that one of the two was not made for decides nothing; if learning it "
            "was the purpose, --force REASON promotes and keeps the reason."
        )
    return notes


def promotion_markdown(report: Mapping[str, Any]) -> str:
    """The whole report for people."""
    lines = [
        f"# {report['name']}: {report['candidate']} against {report['opponent']}",
        "",
        report["verdict"] + ".",
        "",
    ]
    for head, entries in (("Refused because", report["refusals"]), ("Notes", report["notes"])):
        if entries:
            lines += [f"{head}:", "", *(f"- {entry}" for entry in entries), ""]
    if report["reason"]:
        lines += [f"Forced: {report['reason']}", ""]
    if report["decision"]:
        lines.append(to_markdown(promotion_table(report)))
    return "\n".join(lines)


def _numbers(row: Mapping[str, Any]) -> tuple[str, str, Interval]:
    ends = None if row["ci_low"] is None else (row["ci_low"], row["ci_high"])
    change = Interval(points(row["difference"]), interval_text(ends, signed=True))
    return percent(row["candidate"]), percent(row["champion"]), change
