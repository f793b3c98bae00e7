"""What stands first when all languages are searched: right or wrong, in the query's language or another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.search.kinds import FIRST_PLACE
from xlembed.show.figures.registry import Comparisons, Registered, Scores
from xlembed.show.page import Panel, Words, head, page, text_width
from xlembed.show.shapes.bars import Bar, bars, entry
from xlembed.show.shapes.interval_rows import Column, interval_rows
from xlembed.show.style import FAINT, Look, ink_on, tint
from xlembed.show.text import count_text, percent
from xlembed.stats.score_rows import Estimate
from xlembed.stats.scorebook import ScoreBook, read_all, read_scores
from xlembed.words import Lang

RIGHT, WRONG = "#009E73", "#D55E00"
LOOKS = (
    Look(RIGHT, "", "o"),
    Look(tint(RIGHT, 0.6), "////", "s"),
    Look(WRONG, "....", "^"),
    Look(tint(WRONG, 0.6), "\\\\\\\\", "D"),
    Look("#FFFFFF", "", "v"),
)
"""One look per entry of `FIRST_PLACE`."""
NAMES = (
    "right, query's language",
    "right, other language",
    "wrong, query's language",
    "wrong, other language",
    "nothing retrieved",
)
WIDTH, ROW, SIZE = 2.9, 0.3, 6.5
BESIDE_EACH_OTHER = 3
MACRO = "macro"


def first_place(scores: Sequence[Scores], comparisons: Comparisons = ()) -> Figure:
    """Stacked bars per query language and of their macro average, a panel per model."""
    books = [book for book in read_all(scores) if book.language_aware(FIRST_PLACE[0])]
    found = [e for book in books if (e := book.language_aware(FIRST_PLACE[0]))]
    counts = (
        f"{count_text(e.n_units for e in found)} queries, {count_text(e.n_clusters for e in found)} clusters"
    )
    footnotes = (f"{book.model}: {note}" for book in books if (note := book.footnote()))
    words = Words(
        "What stands first when all languages are searched",
        f"task {books[0].task} · {counts} · macro: mean of the query languages",
        ["Beside the bars: right document of any language, with 95 % CI, unadjusted.", *footnotes],
    )
    size = math.ceil(len(books) / math.ceil(len(books) / BESIDE_EACH_OTHER))
    height = (len(books[0].languages) + 1.35) * ROW
    panels = [Panel(WIDTH, height, _panel, (book,)) for book in books]
    rows = [panels[i : i + size] for i in range(0, len(panels), size)]
    legend = [entry(look, name) for look, name in zip(LOOKS, NAMES, strict=True)]
    return page(words, rows, legend, place="above")


def _shares(book: ScoreBook, lang: Lang | None) -> list[Estimate]:
    return [e for name in FIRST_PLACE if (e := book.language_aware(name, lang))]


def _panel(axes: Axes, book: ScoreBook) -> None:
    langs: list[Lang | None] = [x for x in book.languages if _shares(book, x)]
    places = [*map(float, range(len(langs))), len(langs) + 0.35]
    names = [*(book.marked(x) for x in langs if x), f"{MACRO}*" if book.labels else MACRO]
    langs.append(None)
    axes.set_xlim(0, 1)
    texts = [_right(book, lang) for lang in langs]
    interval_rows(
        *(axes, names, [], [Column(1.05, texts, "right, % [95 % CI]")]),
        places=places, bold=[len(langs) - 1], size=8.0, stripes=False,
    )  # fmt: skip
    for lang, place in zip(langs, places, strict=True):
        _bar(axes, place, lang or MACRO, _shares(book, lang))
    axes.axhline(len(langs) - 1 - 0.32, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.set_xlabel("share of the queries")
    axes.set_ylabel("query language")
    axes.set_title(" ", fontsize=SIZE)  # room for the heading of the column
    head(axes, book.model, " ")
    axes.set_gid(f"model {book.model}")


def _right(book: ScoreBook, lang: Lang | None) -> str:
    found = book.language_aware("any_language@1", lang)
    if found is None:
        return "n/a"
    ends = found.interval and [percent(end, 0) for end in found.interval]
    return percent(found.value, 0) + (f" [{', '.join(ends)}]" if ends else "")


def _bar(axes: Axes, place: float, name: str, shares: Sequence[Estimate]) -> None:
    start = 0.0
    for look, share in zip(LOOKS, shares, strict=True):
        if share.value:
            bar = Bar(place, share.value, look, f"{name} {share.measure}", start=start, outline=0.4)
            bars(axes, [bar], 0.72, upright=False)
        text = percent(share.value, 0)
        if text_width(text, SIZE) + 0.09 <= share.value * WIDTH:
            box = {"facecolor": look.colour, "edgecolor": "none", "pad": 0.8}
            axes.text(start + share.value / 2, place, text, ha="center", va="center", fontsize=SIZE,
                      color=ink_on(look.colour), zorder=5, bbox=box)  # fmt: skip
        start += share.value


def _applies(scores: Sequence[Scores], comparisons: Comparisons) -> bool:
    return any(read_scores(s).language_aware(FIRST_PLACE[0]) for s in scores)


FIGURE = Registered(first_place, applies=_applies)
