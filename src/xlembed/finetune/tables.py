"""Tables of a fine-tuning, and its report.md with figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from xlembed.evaluate.tables import heading, pictures_markdown, to_markdown, write_page
from xlembed.finetune.danger import BASE, Report, label_lines, macros_of, score_of, sets_of, tasks_of
from xlembed.finetune.danger import danger_lines as danger_lines  # also under this name
from xlembed.finetune.figures import trainings as finetuning
from xlembed.show.cells import score_cell, share_cell
from xlembed.show.content import Cell, Grid, Row, heads, row
from xlembed.show.figures.registry import write_figures
from xlembed.show.text import MINUS, ends, p_text, percent
from xlembed.stats.compared import Paired, label_notes
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
        name += "*" if headline.get("labels") else ""
        rows.append(row(name, *(score_cell(score_of(headline, macro)) for macro in macros)))
    return Grid(
        "before-after",
        f"{task}: {headlines[0]['primary_measure']} before and after",
        heads("after", *(m.head for m in macros)),
        tuple(rows),
        notes=(
            "In %. Brackets: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs.",
            *label_lines(report, [task]),
        ),
    )


def change_table(report: Report) -> Grid:
    """Every stage against the one before, and the last against the base, by paired tests."""
    every = [r for change in report["changes"] for r in change["rows"]]
    tests = ", ".join(dict.fromkeys(r["test"] for r in every))
    rows: list[Row] = []
    labelled: list[str] = []
    for change in report["changes"]:
        shown = _in_order(r for r in change["rows"] if r["query_lang"] is None)
        labels = change.get("labels", {})
        labelled += label_notes([*map(Paired.model_validate, change["rows"])], labels)
        rows.append(heading(_between(change), 4, apart=bool(rows)))
        rows += [
            row(
                f"  {macro.title}{Paired.model_validate(r).restriction(labels)}",
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
        notes=(note if every else "No change could be tested.", *dict.fromkeys(labelled)),
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
    for scored in sets_of(report):
        rows.append(heading(scored, 3, apart=bool(rows)))
        for evaluation in report["evaluations"]:
            found = evaluation["sts"][scored]
            name = "base" if evaluation["after"] == BASE else f"after {evaluation['after']}"
            rows.append(row(f"  {name}", rho_cell(found), "", f"{found['n']:,}"))
        for c in (c for c in report["sts_changes"] if c["set"] == scored):
            between = f"  {c['from']} {ARROW} {c['to']}"
            rows.append(row(between, rho_cell(c, "difference"), p_text(c["p_value"]), f"{c['n']:,}"))
    title = "Similarity (STS): Spearman's rho of cosine and score"
    note = "Brackets: 95 % CI, unadjusted. p: paired permutation test, unadjusted. Both texts in the document role."
    return Grid("sts", title, heads("", "rho or change", "p", "pairs"), tuple(rows), notes=(note,))


def rho_cell(found: Mapping[str, Any], key: str = "spearman") -> Cell:
    """A correlation, or the change (`difference`) of one, with its interval; three digits."""
    if found[key] is None:
        return Cell("n/a")
    sign, interval = "+" if key == "difference" else "", ends(found)
    text = "(no CI)" if interval is None else f"[{interval[0]:{sign}.3f}, {interval[1]:{sign}.3f}]"
    return Cell(f"{found[key]:{sign}.3f}".replace("-", MINUS), text.replace("-", MINUS))


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
    languages = ", ".join(report["languages"]) or "not told"
    head = [f"# {report['recipe']}", *filter(None, [report.get("description")])]
    head.append(f"Base model: {report['base']}. Languages: {languages}. Dimensions: {report['dim']}.")
    tables = [trainable_table(report["trainable"]), stages_table(report)]
    tables += [before_after_table(report, task) for task in tasks_of(report)]
    tables += [change_table(report)] if report["changes"] else []
    tables += [learned_table(report)] if any(change["learned"] for change in report["changes"]) else []
    tables += [sts_table(report)] if sets_of(report) else []
    warnings, related = report["warnings"] or ["No known danger line was crossed."], related_lines(report)
    more = [f"**Retrieval and similarity**\n\n{_bullets(related)}\n"] if related else []
    return report_page(head, warnings, tables, more, figures)


def report_page(
    head: Sequence[str],
    warnings: Sequence[str],
    tables: Sequence[Grid],
    more: Sequence[str],
    figures: Sequence[str],
) -> str:
    """Markdown: paragraphs, warnings, tables, more, and pictures by the names of their files in figures/."""
    told = [f"## Warnings\n\n{_bullets(warnings)}\n"] if warnings else []
    pictures = [f"{line}\n" for line in pictures_markdown(figures)]
    return "\n".join(["\n\n".join(head) + "\n", *told, *map(to_markdown, tables), *more, *pictures])


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


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
