"""What did each stage change? Scores before the first stage and after each, per mode and language."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.finetune.danger import BASE, label_lines, macros_of, score_of, tasks_of
from xlembed.show.figures.registry import Finetuning, Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.interval_rows import interval_rows
from xlembed.show.shapes.marks import Mark
from xlembed.show.shapes.scales import percent_scale
from xlembed.show.style import FAINT, model_look
from xlembed.stats.scorebook import Macro

PLOT = 2.15
STEP = 0.135
"""Inches between the models of one row."""
AVERAGE = "macro"


def before_after(report: Finetuning) -> Figure:
    """A panel per mode, a row per language, a mark with its interval per stage; tasks below each other."""
    tasks, stages = tasks_of(report), report["evaluations"]
    measures = dict.fromkeys(stages[0]["tasks"][t]["primary_measure"] for t in tasks)
    words = Words(
        f"{report['recipe']}: {', '.join(measures)} before and after",
        f"base model {report['base_slug']} · task {', '.join(tasks)}",
        [
            "Bars: 95 % CI, unadjusted, each of one model; whether two models differ is what the paired tests in "
            "report.md say. Macro: unweighted mean of languages or pairs.",
            *label_lines(report, tasks),
        ],
    )
    names = ["base model" if e["after"] == BASE else f"after {e['after']}" for e in stages]
    legend = [Mark(0, 0, model_look(j), size=5.0, hollow=j == 0).entry(name) for j, name in enumerate(names)]
    return page(words, [_row(report, task) for task in tasks], legend)


def _row(report: Finetuning, task: str) -> list[Panel]:
    """The panels of a task."""
    headlines = [e["tasks"][task] for e in report["evaluations"]]
    panels: list[Panel] = []
    for macro in macros_of(headlines[0]):
        languages = [x for x in _languages(report, task) if any(score_of(h, macro, x) for h in headlines)]
        height = (1 + len(languages)) * STEP * (len(headlines) + 1.2)
        panels.append(Panel(PLOT, height, _panel, (report, task, macro, languages, not panels)))
    return panels


def _panel(
    axes: Axes, report: Finetuning, task: str, macro: Macro, languages: list[str], first: bool
) -> None:
    headlines = [e["tasks"][task] for e in report["evaluations"]]
    step, n = 1 / (len(headlines) + 1.2), len(headlines)
    lines = []
    for y, lang in enumerate([None, *languages]):
        found = [(j, e) for j, h in enumerate(headlines) if (e := score_of(h, macro, lang)) is not None]
        marks = [
            Mark(e.value, y + (j - (n - 1) / 2) * step, model_look(j), f"after {j}", e.interval)
            for j, e in found
        ]
        lines.append([m.at(size=5.0, hollow=j == 0) for m, (j, _) in zip(marks, found, strict=True)])
    marks = [m for line in lines for m in line]
    values = [x for m in marks for x in (m.x, *(m.across or ()))]
    percent_scale(axes, values, f"{headlines[0]['primary_measure']} (%)", upright=False)
    labelled = {x for h in headlines for x in h.get("labels") or ()}
    names = [AVERAGE, *(f"{x}*" if x in labelled else x for x in languages)]
    interval_rows(axes, names if first else [""] * len(names), marks, bold=[0], size=8.0)
    for line in lines:
        axes.plot([m.x for m in line], [m.y for m in line], color=FAINT, linewidth=0.8, zorder=2)
    axes.set_title(macro.title.replace(", ", ",\n"), loc="left", fontsize=8.0, fontweight="bold", pad=5)
    axes.set_gid(f"{task} {macro.short}")


def _languages(report: Finetuning, task: str) -> list[str]:
    """Languages in which any model has a score of its own; none where there is but one language."""
    headlines = [e["tasks"][task] for e in report["evaluations"]]
    found = [
        lang
        for lang in headlines[0]["languages"]
        if any(score_of(h, m, lang) for h in headlines for m in macros_of(h))
    ]
    return found if len(found) > 1 else []


FIGURE = Registered(
    before_after, applies=lambda report: len(report["evaluations"]) > 1 and bool(tasks_of(report))
)
