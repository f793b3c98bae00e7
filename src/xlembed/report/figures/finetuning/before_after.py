"""What did each stage change? Scores before the first stage and after each, per mode and language."""

from __future__ import annotations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.report.curves import LEGEND_ROW, draw_legend, legend_rows, marker, percent_axis
from xlembed.report.figures.registry import Finetuning, Registered
from xlembed.report.finetuning import BASE, macros_of, score_of, tasks_of
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.scorebook import Estimate, label_text
from xlembed.report.style import FAINT, Look, model_look, style, whisker

PLOT, BETWEEN = 2.15, 0.25
STEP = 0.135
"""Inches between the models of one row."""
HEAD, FOOT = 0.5, 0.5
AVERAGE = "macro"


def before_after(report: Finetuning) -> Figure:
    """A panel per mode, a row per language, a mark with its interval per stage; tasks below each other.

    Args:
        report: content of report.json.
    """
    with style():
        return _draw(report)


def _draw(report: Finetuning) -> Figure:
    tasks = tasks_of(report)
    n_panels = max(len(macros_of(report["evaluations"][0]["tasks"][t])) for t in tasks)
    names = {t: _languages(report, t) for t in tasks}
    left = MARGIN + max(text_width(x, 8.0) for rows in names.values() for x in (AVERAGE, *rows)) + 0.2
    width = max(left + n_panels * (PLOT + BETWEEN) + 0.1, 4.6)
    row = STEP * (len(report["evaluations"]) + 1.2)
    heights = {t: HEAD + (1 + len(names[t])) * row + FOOT for t in tasks}
    entries = _handles(report)
    _, legend = legend_rows(entries, width)
    measures = dict.fromkeys(report["evaluations"][0]["tasks"][t]["primary_measure"] for t in tasks)
    page = Page(
        width,
        sum(heights.values()) + legend * LEGEND_ROW + 0.05,
        f"{report['recipe']}: {', '.join(measures)} before and after",
        [f"base model {report['base_slug']} · task {', '.join(tasks)}"],
        [
            "Bars: 95 % CI, unadjusted, each of one model; whether two models differ is what the paired tests in "
            "report.md say. Macro: unweighted mean of languages or pairs.",
            *_labels(report),
        ],
    )
    top = 0.0
    for task in tasks:
        _task(page, report, task, names[task], (left, top, row))
        top += heights[task]
    draw_legend(page, entries, top + 0.05)
    return page.figure


def _task(
    page: Page, report: Finetuning, task: str, languages: list[str], place: tuple[float, float, float]
) -> None:
    left, top, row = place
    headlines = [e["tasks"][task] for e in report["evaluations"]]
    rows = [None, *languages]
    for i, macro in enumerate(macros_of(headlines[0])):
        shown = [x for x in rows if x is None or any(score_of(h, macro, x) for h in headlines)]
        axes = page.axes(left + i * (PLOT + BETWEEN), top + HEAD, PLOT, len(shown) * row)
        found = [[score_of(h, macro, lang) for h in headlines] for lang in shown]
        labelled = {x for h in headlines for x in h.get("labels") or ()}
        _panel(axes, [f"{x}*" if x in labelled else x for x in shown], found, first=i == 0)
        title = macro.title.replace(", ", ",\n")
        axes.set_title(title, loc="left", fontsize=8.0, fontweight="bold", pad=5)
        measure = headlines[0]["primary_measure"]
        axes.set_xlabel(f"{measure} (%)")
        axes.set_gid(f"{task} {macro.short}")


def _panel(
    axes: Axes,
    rows: list[str | None],
    found: list[list[Estimate | None]],
    first: bool,
) -> None:
    estimates = [e for line in found for e in line if e is not None]
    percent_axis(axes, [x for e in estimates for x in (e.value, *(e.interval or ()))], "", upright=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    # Panels without languages still say what their only row is.
    axes.set_yticks(range(len(rows)), [x or AVERAGE for x in rows] if first else [""] * len(rows))
    for label, lang in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if lang is None else "normal")
    for y in range(0, len(rows), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#f5f5f5", linewidth=0, zorder=0)
    axes.spines["left"].set_visible(False)
    for y, line in enumerate(found):
        step = 1 / (len(line) + 1.2)
        heights = [y + (j - (len(line) - 1) / 2) * step for j in range(len(line))]
        drawn = [(h, e) for h, e in zip(heights, line, strict=True) if e is not None]
        axes.plot([e.value for _, e in drawn], [h for h, _ in drawn], color=FAINT, linewidth=0.8, zorder=2)
        for j, (h, e) in enumerate(zip(heights, line, strict=True)):
            if e is None:
                continue
            if e.interval is not None:
                whisker(axes, h, e.interval, upright=False)
            axes.plot([e.value], [h], zorder=5, gid=f"after {j}", **marker(_look(j), 5.0, hollow=j == 0))


def _look(position: int) -> Look:
    return model_look(position)


def _languages(report: Finetuning, task: str) -> list[str]:
    """Languages in which any model has a score of its own; none where there is but one language."""
    headlines = [e["tasks"][task] for e in report["evaluations"]]
    found = [
        lang
        for lang in headlines[0]["languages"]
        if any(score_of(h, m, lang) for h in headlines for m in macros_of(h))
    ]
    return found if len(found) > 1 else []


def _handles(report: Finetuning) -> list[Artist]:
    found: list[Artist] = []
    for j, evaluation in enumerate(report["evaluations"]):
        after = evaluation["after"]
        name = "base model" if after == BASE else f"after {after}"
        found.append(Line2D([], [], color=FAINT, label=name, **marker(_look(j), 5.0, hollow=j == 0)))
    return found


def _labels(report: Finetuning) -> list[str]:
    """Languages that the base model's or the result's card lacks."""
    notes = []
    for evaluation in (report["evaluations"][0], report["evaluations"][-1]):
        who = "base model" if evaluation["after"] == BASE else f"after {evaluation['after']}"
        for task, headline in evaluation["tasks"].items():
            if labels := headline.get("labels"):
                told = label_text(labels, headline["languages"])
                notes.append(f"* {who} on {task}: {told}; invalid for a decision.")
    return notes


FIGURE = Registered(
    before_after, applies=lambda report: len(report["evaluations"]) > 1 and bool(tasks_of(report))
)
