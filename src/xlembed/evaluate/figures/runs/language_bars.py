"""Monolingual beside cross-lingual per query language with intervals, and the four macro averages."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.show.figures.registry import Registered, Scores
from xlembed.show.notes import POOL_ALL, pool_note
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.bars import Bar, bars, entry
from xlembed.show.style import FAINT, GRID, MODE_LOOKS
from xlembed.show.text import count_text, percent
from xlembed.stats.scorebook import MACROS, Estimate, Macro, ScoreBook, read_scores
from xlembed.words import Mode

BAR = 0.27
"""Width of a bar in inches."""
GAP = 1.1
"""Between groups, in bars."""
Group = tuple[str, list[tuple[Macro, Estimate | None]]]


def language_bars(scores: Scores) -> Figure:
    """Bars per query language, then a group of the four macro averages; what is missing says n/a.

    Both true cross-lingual bars stand beside a language only if its mean over document languages is stored
    (rows with that query language and no document language).
    """
    book = read_scores(scores)
    shown = [
        m
        for m in MACROS
        if m.kind != Mode.TRUE_CROSS_LINGUAL or any(book.of_language(m, x) for x in book.languages)
    ]
    groups: list[Group] = [
        (book.marked(lang), [(m, book.of_language(m, lang)) for m in shown]) for lang in book.languages
    ]
    last = "macro average*" if book.labels else "macro average"
    groups.append((last, [(m, book.macro(m)) for m in MACROS]))
    length = sum(len(entries) + GAP for _, entries in groups) + GAP
    words = Words(
        f"{book.primary_measure} by language and mode: {book.model}",
        f"task {book.task} · {book.counts()}",
        _notes(book, [e for _, entries in groups for _, e in entries]),
    )
    legend = [entry(look, macro.title) for macro, look in zip(MACROS, MODE_LOOKS, strict=True)]
    panel = Panel(max(BAR * length, 5.0), 3.0, _panel, (book, groups, length))
    return page(words, [[panel]], legend, place="above")


def _panel(axes: Axes, book: ScoreBook, groups: list[Group], length: float) -> None:
    axes.set_xlim(0, length)
    axes.set_ylim(0, 1.07)
    shown, ticks, x = [], [], GAP / 2
    for name, entries in groups:
        is_macro = name == groups[-1][0]
        if is_macro:
            axes.axvline(x, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)))
            x += GAP / 2
        for i, (macro, e) in enumerate(entries):
            value, ends = (e.value, e.interval) if e else (None, None)
            text = percent(value, 1 if is_macro else 0) if value is not None else ""
            look = MODE_LOOKS[MACROS.index(macro)]
            shown.append(Bar(x + i + 0.5, value, look, f"{name} {macro.title}", ends, text=text))
        ticks.append(x + len(entries) / 2)
        x += len(entries) + GAP
    bars(axes, shown, 0.94, size=6.5)
    axes.set_xticks(ticks, [name for name, _ in groups])
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "20", "40", "60", "80", "100"])
    axes.yaxis.grid(True, color=GRID, linewidth=0.6)
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("query language")
    axes.set_ylabel(f"{book.primary_measure} (%)")
    axes.spines["left"].set_bounds(0, 1)


def _notes(book: ScoreBook, estimates: list[Estimate | None]) -> list[str]:
    present = [e for e in estimates if e is not None]
    notes = ["Whiskers: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs."]
    if few := [e for e in present if e.interval is None]:
        clusters = count_text(e.n_clusters for e in few)
        notes.append(f"Bars without a whisker rest on fewer than 10 clusters ({clusters}): descriptive only.")
    if len(present) < len(estimates):
        notes.append("n/a: no units.")
    return [*notes, *([POOL_ALL] if pool_note(book) else []), book.footnote()]


FIGURE = Registered(language_bars, applies=lambda scores: bool(read_scores(scores).languages))
