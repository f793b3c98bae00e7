"""Monolingual beside cross-lingual per query language with intervals, and the four macro averages."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from xlembed.report.figures.registry import Registered, Scores
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.scorebook import MACROS, Estimate, Macro, ScoreBook, read_scores
from xlembed.report.style import FAINT, GRID, INK, MODE_LOOKS, style, whisker
from xlembed.report.text import count_text, percent
from xlembed.types import Lang, Mode

BAR = 0.27
"""Width of a bar in inches."""
GAP = 0.3
HEIGHT = 3.0
TOP = 1.0


def language_bars(scores: Scores, measure: str | None = None) -> Figure:
    """Bars per query language, then a group of the four macro averages; what is missing says n/a.

    Both true cross-lingual bars stand beside a language only if its mean over document languages is stored
    (rows with that query language and no document language).

    Args:
        scores: content of scores.json.
        measure: a measure in [0, 1]; default: the primary one.
    """
    book = read_scores(scores)
    with style():
        return _draw(book, measure or book.primary_measure)


def _of_language(book: ScoreBook, macro: Macro, lang: Lang, measure: str) -> Estimate | None:
    doc_lang = None if macro.kind == Mode.TRUE_CROSS_LINGUAL else lang
    return book.cell(macro.kind, macro.pool, lang, doc_lang, measure)


def _draw(book: ScoreBook, measure: str) -> Figure:
    shown = [
        m
        for m in MACROS
        if m.kind != Mode.TRUE_CROSS_LINGUAL or any(_of_language(book, m, x, measure) for x in book.languages)
    ]
    groups: list[tuple[str, list[tuple[Macro, Estimate | None]]]] = [
        (book.marked(lang), [(m, _of_language(book, m, lang, measure)) for m in shown])
        for lang in book.languages
    ]
    groups.append(
        ("macro average*" if book.labels else "macro average", [(m, book.macro(m, measure)) for m in MACROS])
    )
    bars = sum(len(entries) for _, entries in groups)
    body = max(bars * BAR * (1 if len(groups) > 3 else 1.3) + len(groups) * GAP + 0.25, 5.0)
    left = MARGIN + 0.6
    estimates = [e for _, entries in groups for _, e in entries]
    legend = _legend_rows(left + body)
    page = Page(
        left + body + MARGIN,
        0.2 * legend + 0.05 + HEIGHT + 0.42,
        f"{measure} by language and mode: {book.model}",
        [f"task {book.task} · {_counts(book, measure)}"],
        _notes(book, estimates),
    )
    axes = page.axes(left, 0.2 * legend + 0.05, body, HEIGHT)
    scale = (body - len(groups) * GAP - 0.25) / bars  # inches per bar
    x = GAP / 2
    ticks = []
    for name, entries in groups:
        if name == groups[-1][0]:
            axes.axvline(x + 0.125 - GAP / 2, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)))
            x += 0.25
        for i, (macro, estimate) in enumerate(entries):
            _bar(axes, x + (i + 0.5) * scale, scale, macro, estimate, name, is_macro=name == groups[-1][0])
        ticks.append(x + len(entries) * scale / 2)
        x += len(entries) * scale + GAP
    axes.set_xlim(0, body)
    axes.set_ylim(0, TOP + 0.07)
    axes.set_xticks(ticks, [name for name, _ in groups])
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "20", "40", "60", "80", "100"])
    axes.yaxis.grid(True, color=GRID, linewidth=0.6)
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("query language")
    axes.set_ylabel(f"{measure} (%)")
    axes.spines["left"].set_bounds(0, 1)
    handles = [
        Patch(facecolor=look.colour, hatch=look.hatch, edgecolor=INK, linewidth=0.5, label=macro.title)
        for macro, look in zip(MACROS, MODE_LOOKS, strict=True)
    ]
    top = page.axes(MARGIN, 0, left + body - MARGIN, 0.2 * legend)
    top.set_axis_off()
    top.legend(
        handles=handles,
        ncols=-(-len(MACROS) // legend),
        loc="upper left",
        borderaxespad=0,
        borderpad=0,
        handlelength=1.6,
        columnspacing=1.4,
        labelspacing=0.4,
    )
    return page.figure


def _legend_rows(room: float) -> int:
    """Rows that the legend needs in `room` inches."""
    width = sum(text_width(m.title, 8.0) + 0.5 for m in MACROS)
    return 1 if width <= room else 2


def _bar(
    axes: Axes, x: float, width: float, macro: Macro, estimate: Estimate | None, group: str, is_macro: bool
) -> None:
    look = MODE_LOOKS[MACROS.index(macro)]
    if estimate is None:
        axes.text(x, 0.015, "n/a", rotation=90, ha="center", va="bottom", fontsize=7.0, color=FAINT)
        return
    axes.bar(
        [x],
        [estimate.value],
        width=width * 0.94,
        color=look.colour,
        hatch=look.hatch,
        edgecolor=INK,
        linewidth=0.5,
        zorder=2,
        gid=f"{group} {macro.title}",
    )
    top = estimate.value
    if estimate.interval is not None:
        whisker(axes, x, estimate.interval, upright=True)
        top = max(top, estimate.interval[1])
    text = percent(estimate.value, 1 if is_macro else 0)
    axes.text(x, top + 0.015, text, ha="center", va="bottom", fontsize=6.5, zorder=5)


def _counts(book: ScoreBook, measure: str) -> str:
    parts = []
    for macro, name in ((MACROS[0], "same language"), (MACROS[2], "different languages")):
        found = book.macro(macro, measure)
        if found:
            parts.append(f"{name}: {found.n_units:,} units, {found.n_clusters:,} clusters")
    return " · ".join(parts) if parts else "no macro average"


def _notes(book: ScoreBook, estimates: list[Estimate | None]) -> list[str]:
    present = [e for e in estimates if e is not None]
    notes = ["Whiskers: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs."]
    few = [e for e in present if e.interval is None]
    if few:
        clusters = count_text(e.n_clusters for e in few)
        notes.append(f"Bars without a whisker rest on fewer than 10 clusters ({clusters}): descriptive only.")
    if len(present) < len(estimates):
        notes.append("n/a: no units.")
    return [*notes, book.footnote()]


FIGURE = Registered(language_bars, applies=lambda scores: bool(scores["languages"]))
