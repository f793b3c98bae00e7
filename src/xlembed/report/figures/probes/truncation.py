"""What do tokens beyond a limit bring? The same model cut at several lengths: its error, and how many texts are cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from xlembed.report.curves import LEGEND_ROW, draw_legend, legend_rows
from xlembed.report.figures.probes.overall import WORDS
from xlembed.report.figures.registry import Registered
from xlembed.report.page import MARGIN, Page, wrap
from xlembed.report.probe_curves import NO_BAR, dash, error_axis, is_share, kind_mark, mark_style, subtitle
from xlembed.report.probe_errors import Cut, truncation_series
from xlembed.report.probes import ProbeBook, unit_text
from xlembed.report.style import INK, OKABE_ITO, Look, style, whisker

WIDTH, HEIGHT, SHARES_HEIGHT = 2.5, 2.2, 0.95
LEFT, BETWEEN, HEAD, MIDDLE, FOOT = 0.62, 0.42, 0.26, 0.2, 0.5
SPREAD = 5.0

Series = Mapping[tuple[str, str], Sequence[Cut]]


def probe_truncation(book: ProbeBook) -> Figure:
    """A column per model: error over the number of tokens read, a line per kind of probe; below, the texts cut.

    Args:
        book: the results.
    """
    with style():
        return _draw(book)


def _draw(book: ProbeBook) -> Figure:
    series = truncation_series(book)
    models = list(dict.fromkeys(model for model, _ in series))
    probes = list(dict.fromkeys(probe for _, probe in series))
    width = max(4.6, MARGIN + LEFT + len(models) * (WIDTH + BETWEEN) - BETWEEN + 0.25)
    entries = [_handle(book, probe, i) for i, probe in enumerate(probes)]
    _, legend = legend_rows(entries, width)
    titles = {model: wrap(model, WIDTH, 8.5, "bold") for model in models}
    head = HEAD + 0.16 * (max(map(len, titles.values())) - 1)
    body = head + HEIGHT + MIDDLE + SHARES_HEIGHT + FOOT
    page = Page(
        width,
        body + legend * LEGEND_ROW,
        "The same model cut at several lengths",
        [subtitle(book)],
        _notes(book, series),
    )
    ends = _ends(book, series)
    for i, model in enumerate(models):
        left = MARGIN + LEFT + i * (WIDTH + BETWEEN)
        axes = page.axes(left, head, WIDTH, HEIGHT)
        below = page.axes(left, head + HEIGHT + MIDDLE, WIDTH, SHARES_HEIGHT)
        mine = {probe: cuts for (m, probe), cuts in series.items() if m == model}
        _tokens(axes, mine, named=False)
        _errors(axes, book, mine, probes)
        error_axis(axes, ends, _axis(book) if i == 0 else "", is_share(book.primary))
        axes.set_title("\n".join(titles[model]), loc="left", fontsize=8.5, fontweight="bold", pad=5)
        axes.set_gid(f"truncation {model}")
        _tokens(below, mine, named=True)
        _shares(below, next(iter(mine.values())), first=i == 0)
    draw_legend(page, entries, body)
    return page.figure


def _errors(axes: Axes, book: ProbeBook, mine: Mapping[str, Sequence[Cut]], probes: Sequence[str]) -> None:
    unit = (axes.get_xlim()[1] - axes.get_xlim()[0]) / (72 * WIDTH)
    for probe, cuts in mine.items():
        i = probes.index(probe)
        look, shift = _look(book, probe, i), (i - (len(probes) - 1) / 2) * SPREAD * unit
        found = [(math.log2(c.max_tokens) + shift, s) for c in cuts if (s := book.score(c.system))]
        axes.plot(
            [x for x, _ in found], [s.value for _, s in found],
            color=look.colour, linestyle=dash(i), linewidth=1.2, zorder=3, gid=f"line {probe}",
        )  # fmt: skip
        for x, s in found:
            if s.interval is not None:
                whisker(axes, x, s.interval, upright=True, colour=look.colour)
            axes.plot([x], [s.value], zorder=5, gid=f"score {probe}", **mark_style(look, 5.5))


def _shares(axes: Axes, cuts: Sequence[Cut], first: bool) -> None:
    known = [c for c in cuts if c.truncated_share is not None]
    for c in known:
        share = c.truncated_share or 0.0
        axes.bar(
            math.log2(c.max_tokens),
            share,
            width=0.45,
            color="#999999",
            edgecolor=INK,
            linewidth=0.6,
            gid="cut",
        )
        axes.text(
            math.log2(c.max_tokens),
            share + 0.03,
            f"{100 * share:.0f} %",
            ha="center",
            va="bottom",
            fontsize=7,
        )
    axes.set_ylim(0, 1.28)
    axes.set_yticks([0, 0.5, 1.0], ["0", "50", "100"])
    axes.set_ylabel("texts cut (%)" if first else "")
    axes.set_xlabel("tokens read at most")
    axes.set_gid("texts cut")


def _tokens(axes: Axes, mine: Mapping[str, Sequence[Cut]], named: bool) -> None:
    lengths = sorted({c.max_tokens for cuts in mine.values() for c in cuts})
    places = [math.log2(n) for n in lengths]
    axes.set_xlim(min(places) - 0.5, max(places) + 0.5)
    axes.set_xticks(places, [f"{n:,}" for n in lengths] if named else [""] * len(lengths))
    axes.xaxis.set_minor_locator(NullLocator())


def _look(book: ProbeBook, probe: str, position: int) -> Look:
    return Look(OKABE_ITO[(position * 2) % 6], "", kind_mark(book, probe))


def _handle(book: ProbeBook, probe: str, position: int) -> Artist:
    look = _look(book, probe, position)
    kind = mark_style(look) | {"linestyle": dash(position)}
    return Line2D([], [], color=look.colour, linewidth=1.2, label=WORDS.get(probe, probe), **kind)


def _axis(book: ProbeBook) -> str:
    return unit_text(book.primary) if is_share(book.primary) else f"{book.primary}, points of the scale"


def _ends(book: ProbeBook, series: Series) -> list[float]:
    found = [s for cuts in series.values() for c in cuts if (s := book.score(c.system)) is not None]
    return [x for s in found for x in (s.value, *(s.interval or ()))]


def _notes(book: ProbeBook, series: Series) -> list[str]:
    notes = [
        "Each length was embedded and fitted anew. Bars above: 95 % CI by documents, unadjusted; the paired tests of "
        "two lengths stand in the table beside it. Texts cut: share of all texts that are longer."
    ]
    if any(s.interval is None for cuts in series.values() for c in cuts if (s := book.score(c.system))):
        notes.append(NO_BAR)
    return notes


def _caption(book: ProbeBook) -> str:
    series = truncation_series(book)
    models = ", ".join(dict.fromkeys(model for model, _ in series))
    lengths = sorted({c.max_tokens for cuts in series.values() for c in cuts})
    return (
        f"Truncation study of {models} at {', '.join(f'{n:,}' for n in lengths)} tokens: {book.primary} with 95 % "
        "intervals, and the share of texts that are cut."
    )


FIGURE = Registered(
    probe_truncation, applies=lambda book: bool(truncation_series(book)), part="truncation", caption=_caption
)
