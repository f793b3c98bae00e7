"""What do tokens beyond a limit bring? The same model cut at several lengths: its error, and how many texts are cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.probe.figures.overall import WORDS
from xlembed.probe.figures_data import ProbeBook
from xlembed.probe.probe_curves import ends_of, kind_mark, no_bar, primary_axis, subtitle
from xlembed.probe.probe_errors import Cut, truncation_series
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, head, page
from xlembed.show.shapes.bars import Bar, bars
from xlembed.show.shapes.curves import Curve, curves
from xlembed.show.shapes.marks import DASHES
from xlembed.show.shapes.scales import log2_scale
from xlembed.show.style import OKABE_ITO, Look

WIDTH, HEIGHT, SHARES_HEIGHT = 2.5, 2.2, 0.95


def probe_truncation(book: ProbeBook) -> Figure:
    """A column per model: error over the number of tokens read, a line per kind of probe; below, the texts cut."""
    series = truncation_series(book)
    models = list(dict.fromkeys(model for model, _ in series))
    probes = list(dict.fromkeys(probe for _, probe in series))
    scores = [book.score(c.system) for cuts in series.values() for c in cuts]
    above, below = [], []
    for model in models:
        mine = {probe: cuts for (m, probe), cuts in series.items() if m == model}
        lines = [_line(book, probe, probes.index(probe), cuts) for probe, cuts in mine.items()]
        first = model == models[0]
        above.append(Panel(WIDTH, HEIGHT, _errors, (book, model, mine, lines, ends_of(scores), first)))
        below.append(Panel(WIDTH, SHARES_HEIGHT, _shares, (mine, first)))
    notes = [
        "Each length was embedded and fitted anew. Bars above: 95 % CI by documents, unadjusted; the paired tests of "
        "two lengths stand in the table beside it. Texts cut: share of all texts that are longer.",
        *no_bar(scores),
    ]
    legend = [_line(book, probe, i, []).entry(WORDS.get(probe, probe)) for i, probe in enumerate(probes)]
    words = Words("The same model cut at several lengths", subtitle(book), notes)
    return page(words, [above, below], legend)


_Mine = Mapping[str, Sequence[Cut]]
"""Kind of probe -> the lengths of one model."""


def _line(book: ProbeBook, probe: str, position: int, cuts: Sequence[Cut]) -> Curve:
    look = Look(OKABE_ITO[(position * 2) % 6], "", kind_mark(book, probe))
    points = [
        (math.log2(c.max_tokens), s.value, s.interval)
        for c in cuts
        if (s := book.score(c.system)) is not None
    ]
    return Curve(look, points, (f"line {probe}", f"score {probe}"), DASHES[position % len(DASHES)])


def _errors(
    axes: Axes, book: ProbeBook, model: str, mine: _Mine, lines: list[Curve], ends: list[float], first: bool
) -> None:
    _tokens(axes, mine, named=False)
    curves(axes, lines)
    primary_axis(axes, book, ends)
    if not first:
        axes.set_ylabel("")
    head(axes, model, wider=0.0)
    axes.set_gid(f"truncation {model}")


def _shares(axes: Axes, mine: _Mine, first: bool) -> None:
    _tokens(axes, mine, named=True)
    axes.set_ylim(0, 1.28)
    known = [
        (c.max_tokens, c.truncated_share) for c in next(iter(mine.values())) if c.truncated_share is not None
    ]
    look = Look("#999999", "", "")
    bars(
        axes, [Bar(math.log2(n), share, look, "cut", text=f"{100 * share:.0f} %") for n, share in known], 0.45
    )
    axes.set_yticks([0, 0.5, 1.0], ["0", "50", "100"])
    axes.set_ylabel("texts cut (%)" if first else "")
    axes.set_gid("texts cut")


def _tokens(axes: Axes, mine: _Mine, named: bool) -> None:
    lengths = sorted({c.max_tokens for cuts in mine.values() for c in cuts})
    texts = [f"{n:,}" if named else "" for n in lengths]
    log2_scale(axes, lengths, texts, "tokens read at most" if named else "", air=0.5)


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
