"""Tables of a fine-tuning, and its report.md with figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from xlembed.evaluate.tables import heading, pictures_markdown, to_markdown, write_page
from xlembed.finetune.danger import BASE, Report, macros_of, score_of, sets_of, tasks_of
from xlembed.finetune.danger import danger_lines as danger_lines  # also under this name
from xlembed.finetune.figures import trainings as finetuning
from xlembed.show.cells import score_cell, share_cell
from xlembed.show.content import Cell, Grid, Row, heads, row
from xlembed.show.figures.registry import write_figures
from xlembed.show.text import MINUS, ends, p_text, percent
from xlembed.stats.scorebook import MACROS, Macro

ARROW = "→"
TOTAL = "total"
"""The part that is the sum of the others, if the rows bring it."""


def trainable_table(rows: Sequence[Mapping[str, Any]]) -> Grid:
    """Which parameters are trained, part by part."""
    parts = [r for r in rows if r["part"] != TOTAL]
    total = next(
        (r for r in rows if r["part"] == TOTAL),
        {key: sum(r[key] for r in parts) for key in ("trainable", "total")},
    )
    return Grid(
        "trainable",
        "Trainable parameters",
        heads("part", "trainable", "all", "share"),
        tuple(row(*_parameters(of["part"], of)) for of in parts),
        (row(*_parameters(TOTAL, total), strong=True),),
    )


def stages_table(report: Report) -> Grid:
    """What each stage was trained on, and how it went."""
    rows = tuple(
        row(
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
        for stage in report["stages"]
    )
    words = ("loss", "dev, first → best", "note")
    numbers = ("batch", "rows", "steps", "epochs", "last loss", "minutes")
    return Grid("stages", "Stages", heads("stage", "loss", *numbers, *words[1:], words=words), rows)


def before_after_table(report: Report, task: str) -> Grid:
    """The model before the first stage and after each: the macro averages of the primary measure."""
    headlines = [e["tasks"][task] for e in report["evaluations"]]
    macros = macros_of(headlines[0])
    rows = []
    for evaluation, headline in zip(report["evaluations"], headlines, strict=True):
        name = f"{report['base_slug']} (base)" if evaluation["after"] == BASE else evaluation["after"]
        rows.append(row(name, *(score_cell(score_of(headline, macro)) for macro in macros)))
    return Grid(
        "before-after",
        f"{task}: {headlines[0]['primary_measure']} before and after",
        heads("after", *(m.head for m in macros)),
        tuple(rows),
        notes=("In %. Brackets: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs.",),
    )


def change_table(report: Report) -> Grid:
    """Every stage against the one before, and the last against the base, by paired tests."""
    every = [r for change in report["changes"] for r in change["rows"]]
    tests = ", ".join(dict.fromkeys(r["test"] for r in every))
    rows: list[Row] = []
    for change in report["changes"]:
        shown = _in_order(r for r in change["rows"] if r["query_lang"] is None)
        rows.append(heading(_between(change), 4, apart=bool(rows)))
        rows += [
            row(
                f"  {macro.title}",
                share_cell(r, signed=True, key="difference"),
                *(p_text(r["p_value"]), p_text(r["p_adjusted"]), verdict_after(r)),
            )
            for macro, r in shown
        ] or [row("  no language that both models support", *[""] * 4)]
    note = (
        f"After {MINUS} before, in percentage points [95 % CI, unadjusted]; tests: {tests}; Holm over all pairs of "
        "the models of a task. Verdicts follow the adjusted p only."
    )
    return Grid(
        "changes",
        f"Paired changes in {every[0]['measure']}" if every else "Paired changes",
        heads("", "change", "p", "adj. p", "verdict", words=("verdict",)),
        tuple(rows),
        notes=(note if every else "No change could be tested.",),
    )


def learned_table(report: Report) -> Grid:
    """Languages that a model did not know before a stage: described, never tested."""
    rows: list[Row] = []
    for change in (c for c in report["changes"] if c["learned"]):
        rows.append(heading(_between(change), 5, apart=bool(rows)))
        rows += [
            row(
                f"  {r['query_lang']} {ARROW} {r['doc_lang']}, {macro.title}",
                *(percent(r["before"]), percent(r["after"]), share_cell(r, signed=True, key="difference")),
                *(f"{r['n_clusters']:,}", r["label"]),
            )
            for macro, r in _in_order(change["learned"])
        ]
    note = (
        f"After {MINUS} before, in percentage points [95 % CI, unadjusted]. No test: the model before was never "
        "made for these languages, and beating it there shows nothing about a method."
    )
    columns = heads("", "before", "after", "change", "clusters", "model before", words=("model before",))
    return Grid("learned", "Languages learned", columns, tuple(rows), notes=(note,))


def _in_order(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Macro, Mapping[str, Any]]]:
    """Those of a macro average, with it, macros in their usual order."""
    found = list(rows)
    return [(m, r) for m in MACROS for r in found if (m.kind, m.pool) == (r["kind"], r["pool"])]


def _between(change: Mapping[str, Any]) -> str:
    return f"{change['task']}: {change['from']} {ARROW} {change['to']}"


def verdict_after(row: Mapping[str, Any]) -> str:
    """The verdict of a row whose A is the model after and whose B the one before."""
    words = {f"{row['a']} better": "better after", f"{row['b']} better": "worse after"}
    return words.get(row["verdict"], str(row["verdict"]))


def sts_table(report: Report) -> Grid:
    """Spearman's rho of cosine and score before and after each stage, and its changes."""
    rows: list[Row] = []
    for name in sets_of(report):
        rows.append(heading(name, 3, apart=bool(rows)))
        for evaluation in report["evaluations"]:
            found = evaluation["sts"][name]
            rows.append(row(f"  {_after(evaluation['after'])}", rho_cell(found), "", f"{found['n']:,}"))
        for c in (c for c in report["sts_changes"] if c["set"] == name):
            cell = rho_cell({**c, "spearman": c["difference"]}, signed=True)
            rows.append(row(f"  {c['from']} {ARROW} {c['to']}", cell, p_text(c["p_value"]), f"{c['n']:,}"))
    title = "Similarity (STS): Spearman's rho of cosine and score"
    note = "Brackets: 95 % CI, unadjusted. p: paired permutation test, unadjusted. Both texts in the document role."
    return Grid("sts", title, heads("", "rho or change", "p", "pairs"), tuple(rows), notes=(note,))


def rho_cell(found: Mapping[str, Any], signed: bool = False) -> Cell:
    """A correlation, or the change of one, with its interval; three digits."""
    if found["spearman"] is None:
        return Cell("n/a")
    sign = "+" if signed else ""
    interval = ends(found)
    text = "(no CI)" if interval is None else f"[{interval[0]:{sign}.3f}, {interval[1]:{sign}.3f}]"
    return Cell(f"{found['spearman']:{sign}.3f}".replace("-", MINUS), text.replace("-", MINUS))


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
            f"nearest to it, Spearman {cell.text} {cell.interval} over {r['n_queries']:,} queries (positive: they rise "
            "and fall together)."
        )
    return lines


def write_finetuning_report(report: Report, folder: Path) -> None:
    """Write report.md and figures/ into `folder`."""
    write_figures(finetuning, folder / "figures", report)
    write_page(folder / "report.md", partial(finetuning_markdown, report))


def finetuning_markdown(report: Report, figures: Sequence[str] = ()) -> str:
    """All tables of a fine-tuning as a page."""
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
    parts += [f"{line}\n" for line in pictures_markdown(figures)]
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
