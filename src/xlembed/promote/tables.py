"""A promotion's numbers: the table of the command line, and promotion.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.evaluate.tables import to_markdown
from xlembed.show.cells import share_cell
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.text import p_text, percent


def promotion_table(report: Mapping[str, Any]) -> Grid:
    """The macro, then one row per language; for a report that has a `decision`."""
    decision = report["decision"]
    verdict = "better" if decision["better"] else "not shown to be better"
    rows = [row("macro", *_numbers(decision), p_text(decision["p_value"]), verdict)]
    margin = f"{100 * decision['margin']:g}"
    for of in decision["languages"]:
        if of["fell"]:
            verdict = f"falls by more than {margin}"
        elif of["lower"] is None or of["lower"] < -decision["margin_unknown"]:
            verdict = f"even a fall of more than {100 * decision['margin_unknown']:g} is not excluded"
        else:
            verdict = "" if of["excluded"] else f"a fall of more than {margin} is not excluded"
        rows.append(row(of["lang"], *_numbers(of), p_text(of["p_fall_adjusted"]), verdict))
    return Grid(
        "promotion",
        f"{report['candidate']} against {report['opponent']} on {report['task']}: {decision['measure']}, "
        f"{decision['mode']} (pool {decision['pool']})",
        heads("", "candidate", "champion", "change", "p", "verdict", words=("verdict",)),
        tuple(rows),
        notes=tuple(decision_notes(decision)),
    )


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


def _numbers(of: Mapping[str, Any]) -> tuple[str, str, Cell]:
    return percent(of["candidate"]), percent(of["champion"]), share_cell(of, signed=True, key="difference")
