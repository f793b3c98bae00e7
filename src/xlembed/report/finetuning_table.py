"""Tables of a fine-tuning, and its report.md with figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from xlembed.files import atomic_writer
from xlembed.report.danger import danger_lines as danger_lines  # also under this name
from xlembed.report.figures import finetuning
from xlembed.report.figures.registry import write_figures
from xlembed.report.finetuning import BASE, Report, ends, macros_of, score_of, sets_of, tasks_of
from xlembed.report.scorebook import MACROS
from xlembed.report.tables import Interval, framed, macro_head, to_markdown
from xlembed.report.text import MINUS, interval_text, p_text, percent, points

ARROW = "→"
TOTAL = "total"
"""The part that is the sum of the others, if the rows bring it."""


def trainable_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Which parameters are trained, part by part.

    Args:
        rows: `part`, `trainable`, `total`.
    """
    table = framed("Trainable parameters")
    for head, justify in (("part", "left"), ("trainable", "right"), ("all", "right"), ("share", "right")):
        table.add_column(head, justify="right" if justify == "right" else "left")
    parts = [r for r in rows if r["part"] != TOTAL]
    total = next(
        (r for r in rows if r["part"] == TOTAL),
        {key: sum(r[key] for r in parts) for key in ("trainable", "total")},
    )
    for row in parts:
        table.add_row(*_parameters(row["part"], row))
    table.add_section()
    table.add_row(*_parameters(TOTAL, total), style="bold")
    return table


def stages_table(report: Report) -> Table:
    """What each stage was trained on, and how it went."""
    table = framed("Stages")
    table.add_column("stage")
    table.add_column("loss")
    for head in ("batch", "rows", "steps", "epochs", "last loss", "minutes"):
        table.add_column(head, justify="right")
    table.add_column("dev, first → best")
    table.add_column("note", overflow="fold")
    for stage in report["stages"]:
        table.add_row(
            stage["name"],
            stage["loss"],
            f"{stage['batch']:,}",
            f"{stage['rows']:,}",
            f"{stage['steps']:,}",
            f"{stage['epochs']:.2f}",
            "n/a" if stage["last_loss"] is None else f"{stage['last_loss']:.4f}",
            "" if stage["took_seconds"] is None else f"{stage['took_seconds'] / 60:.1f}",
            _dev(stage),
            _stage_note(stage),
        )
    return table


def before_after_table(report: Report, task: str) -> Table:
    """The model before the first stage and after each: the macro averages of the primary measure."""
    headlines = [e["tasks"][task] for e in report["evaluations"]]
    macros = macros_of(headlines[0])
    table = framed(
        f"{task}: {headlines[0]['primary_measure']} before and after",
        "In %. Brackets: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs.",
    )
    table.add_column("after", overflow="fold")
    for macro in macros:
        table.add_column(macro_head(macro), justify="right")
    for evaluation, headline in zip(report["evaluations"], headlines, strict=True):
        cells = [score_of(headline, macro) for macro in macros]
        name = f"{report['base_slug']} (base)" if evaluation["after"] == BASE else evaluation["after"]
        table.add_row(name, *("n/a" if c is None else score_cell(c.value, c.interval) for c in cells))
    return table


def change_table(report: Report) -> Table:
    """Every stage against the one before, and the last against the base, by paired tests."""
    rows = [r for change in report["changes"] for r in change["rows"]]
    tests = ", ".join(dict.fromkeys(r["test"] for r in rows))
    measure = rows[0]["measure"] if rows else ""
    table = framed(
        f"Paired changes in {measure}" if rows else "Paired changes",
        f"After {MINUS} before, in percentage points [95 % CI, unadjusted]; tests: {tests}; Holm over all pairs of "
        "the models of a task. Verdicts follow the adjusted p only."
        if rows
        else "No change could be tested.",
    )
    table.add_column("", overflow="fold")
    for head in ("change", "p", "adj. p"):
        table.add_column(head, justify="right")
    table.add_column("verdict")
    titles = {(m.kind, m.pool): m for m in MACROS}
    for change in report["changes"]:
        shown = [r for r in change["rows"] if r["query_lang"] is None and (r["kind"], r["pool"]) in titles]
        table.add_row(
            f"{change['task']}: {change['from']} {ARROW} {change['to']}", "", "", "", "", style="bold"
        )
        for r in sorted(shown, key=lambda r: MACROS.index(titles[r["kind"], r["pool"]])):
            table.add_row(
                f"  {titles[r['kind'], r['pool']].title}",
                Interval(points(r["difference"]), interval_text(ends(r), signed=True)),
                p_text(r["p_value"]),
                p_text(r["p_adjusted"]),
                verdict_after(r),
            )
        if not shown:
            table.add_row("  no language that both models support", "", "", "", "")
        table.add_section()
    return table


def learned_table(report: Report) -> Table:
    """Languages that a model did not know before a stage: described, never tested."""
    table = framed(
        "Languages learned",
        f"After {MINUS} before, in percentage points [95 % CI, unadjusted]. No test: the model before was never "
        "made for these languages, and beating it there shows nothing about a method.",
    )
    table.add_column("", overflow="fold")
    for head in ("before", "after", "change", "clusters"):
        table.add_column(head, justify="right")
    table.add_column("model before", overflow="fold")
    titles = {(m.kind, m.pool): m for m in MACROS}
    for change in (c for c in report["changes"] if c["learned"]):
        head = f"{change['task']}: {change['from']} {ARROW} {change['to']}"
        table.add_row(head, "", "", "", "", "", style="bold")
        shown = [r for r in change["learned"] if (r["kind"], r["pool"]) in titles]
        for r in sorted(shown, key=lambda r: MACROS.index(titles[r["kind"], r["pool"]])):
            table.add_row(
                f"  {r['query_lang']} {ARROW} {r['doc_lang']}, {titles[r['kind'], r['pool']].title}",
                percent(r["before"]),
                percent(r["after"]),
                Interval(points(r["difference"]), interval_text(ends(r), signed=True)),
                f"{r['n_clusters']:,}",
                r["label"],
            )
        table.add_section()
    return table


def verdict_after(row: Mapping[str, Any]) -> str:
    """The verdict of a row whose A is the model after and whose B the one before."""
    words = {f"{row['a']} better": "better after", f"{row['b']} better": "worse after"}
    return words.get(row["verdict"], str(row["verdict"]))


def sts_table(report: Report) -> Table:
    """Spearman's rho of cosine and score before and after each stage, and its changes."""
    table = framed(
        "Similarity (STS): Spearman's rho of cosine and score",
        "Brackets: 95 % CI, unadjusted. p: paired permutation test, unadjusted. Both texts in the document role.",
    )
    table.add_column("", overflow="fold")
    for head in ("rho or change", "p", "pairs"):
        table.add_column(head, justify="right")
    for name in sets_of(report):
        table.add_row(name, "", "", "", style="bold")
        for evaluation in report["evaluations"]:
            found = evaluation["sts"][name]
            table.add_row(f"  {_after(evaluation['after'])}", rho_cell(found), "", f"{found['n']:,}")
        for c in (c for c in report["sts_changes"] if c["set"] == name):
            cell = rho_cell(
                {"spearman": c["difference"], **{e: c[e] for e in ("ci_low", "ci_high")}}, signed=True
            )
            table.add_row(f"  {c['from']} {ARROW} {c['to']}", cell, p_text(c["p_value"]), f"{c['n']:,}")
        table.add_section()
    return table


def score_cell(value: float, interval: tuple[float, float] | None) -> Interval:
    """A share in % with its interval."""
    return Interval(percent(value), interval_text(interval))


def rho_cell(found: Mapping[str, Any], signed: bool = False) -> Interval | str:
    """A correlation, or the change of one, with its interval; three digits."""
    if found["spearman"] is None:
        return "n/a"
    sign = "+" if signed else ""
    interval = ends(found)
    text = "(no CI)" if interval is None else f"[{interval[0]:{sign}.3f}, {interval[1]:{sign}.3f}]"
    return Interval(f"{found['spearman']:{sign}.3f}".replace("-", MINUS), text.replace("-", MINUS))


def related_lines(report: Report) -> list[str]:
    """Whether queries gained where similarity gained, in words."""
    lines = []
    for r in report["retrieval_vs_sts"]:
        if r["spearman"] is None:
            lines.append(f"{r['task']}, {r['set']}: no correlation, since one of the two did not change.")
            continue
        cell = rho_cell(r)
        lines.append(
            f"{r['task']}, {r['set']}: change of each query's reciprocal rank against the gain of the ten scored pairs "
            f"nearest to it, Spearman {cell} over {r['n_queries']:,} queries (positive: they rise and fall together)."
        )
    return lines


def write_finetuning_report(report: Report, folder: Path) -> None:
    """Write report.md and figures/ into `folder`."""
    write_figures(finetuning, folder / "figures", report)
    with atomic_writer(folder / "report.md") as file:
        file.write(finetuning_markdown(report, sorted(p.name for p in (folder / "figures").glob("*.png"))))


def finetuning_markdown(report: Report, figures: Sequence[str] = ()) -> str:
    """All tables of a fine-tuning as a page.

    Args:
        report: content of report.json.
        figures: names of PNG files in figures/.
    """
    head = [f"# {report['recipe']}", *([report["description"]] if report.get("description") else [])]
    languages = ", ".join(report["languages"]) or "not told"
    head.append(f"Base model: {report['base']}. Languages: {languages}. Dimensions: {report['dim']}.")
    parts = ["\n\n".join(head) + "\n"]
    warnings = report["warnings"] or ["No known danger line was crossed."]
    parts.append("## Warnings\n\n" + "\n".join(f"- {line}" for line in warnings) + "\n")
    tables = [trainable_table(report["trainable"]), stages_table(report)]
    tables += [before_after_table(report, task) for task in tasks_of(report)]
    if report["changes"]:
        tables.append(change_table(report))
    if any(change["learned"] for change in report["changes"]):
        tables.append(learned_table(report))
    if sets_of(report):
        tables.append(sts_table(report))
    parts += [to_markdown(table) for table in tables]
    if report["retrieval_vs_sts"]:
        parts.append(
            "**Retrieval and similarity**\n\n" + "\n".join(f"- {x}" for x in related_lines(report)) + "\n"
        )
    parts += [f"![{name.removesuffix('.png').replace('_', ' ')}](figures/{name})\n" for name in figures]
    return "\n".join(parts)


def _parameters(part: str, row: Mapping[str, Any]) -> list[str]:
    share = row["trainable"] / row["total"] if row["total"] else 0.0
    return [str(part), f"{row['trainable']:,}", f"{row['total']:,}", f"{100 * share:.2f} %"]


def _dev(stage: Mapping[str, Any]) -> str:
    looks = stage["dev"]
    if not looks:
        return ""
    best = max(look["value"] for look in looks)
    return f"{looks[0]['metric']} {looks[0]['value']:.3f} {ARROW} {best:.3f}"


def _stage_note(stage: Mapping[str, Any]) -> str:
    parts = ["from the cache"] if stage["reused"] else []
    if stage["stopped_early"]:
        parts.append("stopped early")
    if stage["best_step"] is not None:
        parts.append(f"best at step {stage['best_step']:,}")
    if stage["negatives"]:
        parts.append(", ".join(f"{key} {value}" for key, value in stage["negatives"].items()))
    return "; ".join(parts)


def _after(name: str) -> str:
    return "base" if name == BASE else f"after {name}"
