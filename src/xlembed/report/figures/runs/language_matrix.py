"""What each query language retrieves: share of every language among the top k, beside the corpus."""

from __future__ import annotations

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from xlembed.report.figures.registry import Registered, Scores
from xlembed.report.page import MARGIN, Page, text_width
from xlembed.report.scorebook import Estimate, ScoreBook, read_scores
from xlembed.report.style import FAINT, INK, MISSING, ink_on, language_look, style
from xlembed.report.text import percent
from xlembed.types import Lang, Pool, UserError

KIND = "retrieved_language"
BAR_WIDTH = 5.4
ROW = 0.34
SIZE = 7.5


def language_matrix(scores: Scores, k: int | None = None) -> Figure:
    """Stacked bars, one per query language, the corpus last; the query's own language has a heavy outline.

    Args:
        scores: content of scores.json.
        k: documents per query that are counted; default: as evaluated (`evaluate.language_k`), else 5.

    Raises:
        UserError: if there are no shares for this k.
    """
    book = read_scores(scores)
    k = k or _default_k(scores)
    shares = _shares(book, k)
    if not any(shares.values()):
        stored = sorted({key.measure for key in book.cells if key.kind == KIND})
        raise UserError(f"no share@{k} of retrieved languages; stored: {', '.join(stored) or 'none'}")
    with style():
        return _draw(book, shares, k)


def _shares(book: ScoreBook, k: int) -> dict[Lang, dict[Lang, Estimate]]:
    """Query language -> language of the documents -> share."""
    result: dict[Lang, dict[Lang, Estimate]] = {}
    for query_lang in book.languages:
        found = {lang: book.cell(KIND, Pool.ALL, query_lang, lang, f"share@{k}") for lang in book.languages}
        result[query_lang] = {lang: estimate for lang, estimate in found.items() if estimate is not None}
    return result


def _draw(book: ScoreBook, shares: Mapping[Lang, Mapping[Lang, Estimate]], k: int) -> Figure:
    n = len(book.languages)
    right = BESIDE[-1] + MARGIN
    left = (
        MARGIN
        + 0.3
        + max(text_width("corpus", 8.0), *(text_width(book.marked(x), 8.0) for x in book.languages))
    )
    per_row = int((BAR_WIDTH + right) / 0.6)
    legend = 0.2 * math.ceil(n / per_row)
    has_corpus = bool(book.corpus_shares)
    rows = n + (1.35 if has_corpus else 0)
    columns = ("own, % [95 % CI]", "corpus, %", "queries")
    page = Page(
        left + BAR_WIDTH + right,
        legend + 0.3 + rows * ROW + 0.45,
        f"Languages among the top {k}: {book.model}",
        [f"task {book.task} · all documents searched, nothing removed · heavy outline: own language"],
        _notes(book, k),
    )
    axes = page.axes(left, legend + 0.3, BAR_WIDTH, rows * ROW)
    for row, lang in enumerate(book.languages):
        values = {x: e.value for x, e in shares[lang].items()}
        _bar(axes, row, values, own=lang)
        _beside(axes, row, book, lang, shares[lang])
    if has_corpus:
        _bar(axes, n + 0.35, book.corpus_shares, own=None)
        axes.axhline(n - 0.32, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)))
    for x, name in zip(BESIDE, columns, strict=True):
        axes.text(
            1 + x / BAR_WIDTH,
            -0.62,
            name,
            transform=axes.get_yaxis_transform(),
            fontsize=SIZE,
            color=FAINT,
            ha="right",
            va="bottom",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(rows - 0.5, -0.5)
    positions = [*range(n), *([n + 0.35] if has_corpus else [])]
    axes.set_yticks(positions, [book.marked(x) for x in book.languages] + (["corpus"] if has_corpus else []))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.set_xlabel(f"share of the top {k}")
    axes.set_ylabel("query language")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    looks = [(language_look(x), x) for x in book.languages]
    handles = [
        Patch(facecolor=a.colour, hatch=a.hatch, edgecolor=INK, linewidth=0.4, label=x) for a, x in looks
    ]
    page.axes(left, 0, BAR_WIDTH + right - MARGIN, legend).set_axis_off()
    page.figure.axes[-1].legend(
        handles=handles,
        ncols=min(n, per_row),
        loc="upper left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0,
        borderpad=0,
        handlelength=1.6,
        handletextpad=0.4,
        columnspacing=1.0,
        labelspacing=0.4,
    )
    return page.figure


BESIDE = (1.3, 1.95, 2.85)
"""Right edges of the columns beside the bars, inches from the end of the bars."""


def _bar(axes: Axes, row: float, values: Mapping[Lang, float], own: Lang | None) -> None:
    if not values:
        axes.barh([row], [1], height=0.72, gid="missing", **MISSING)
        axes.text(0.5, row, "n/a", ha="center", va="center", fontsize=SIZE)
        return
    start = 0.0
    for lang, share in values.items():
        look = language_look(lang)
        outline = 1.6 if lang == own else 0.4
        axes.barh(
            [row],
            [share],
            left=start,
            height=0.72,
            color=look.colour,
            hatch=look.hatch,
            edgecolor=INK,
            linewidth=outline,
            zorder=3 if lang == own else 2,
            clip_on=False,
            gid=f"share {lang}",
        )
        text = f"{lang} {percent(share, 0)}"
        if text_width(text, 7.0) + 0.1 <= share * BAR_WIDTH:
            axes.text(
                start + share / 2,
                row,
                text,
                ha="center",
                va="center",
                fontsize=7.0,
                color=ink_on(look.colour),
                zorder=5,
                bbox={"facecolor": look.colour, "edgecolor": "none", "pad": 1.0},
            )
        start += share


def _beside(axes: Axes, row: int, book: ScoreBook, lang: Lang, shares: Mapping[Lang, Estimate]) -> None:
    own = shares.get(lang)
    empty = book.empty_queries.get(lang, 0)
    n = max((e.n_units for e in shares.values()), default=0)
    interval = own.interval if own else None
    ends = f" [{percent(interval[0], 0)}, {percent(interval[1], 0)}]" if interval else ""
    texts = (
        f"{percent(own.value, 0)}{ends}" if own else "n/a",
        percent(book.corpus_shares[lang], 0) if lang in book.corpus_shares else "n/a",
        f"{n:,}" + (f", {empty:,} empty" if empty else ""),
    )
    for x, text in zip(BESIDE, texts, strict=True):
        axes.text(
            1 + x / BAR_WIDTH,
            row,
            text,
            transform=axes.get_yaxis_transform(),
            fontsize=SIZE,
            ha="right",
            va="center",
            fontweight="bold" if "empty" in text else "normal",
        )


def _notes(book: ScoreBook, k: int) -> list[str]:
    empty = sum(book.empty_queries.values())
    notes = [
        f"Corpus: share of each language among all documents; a top {k} without language bias tends to it."
    ]
    if book.empty_queries:
        notes.append(f"Queries that retrieved nothing (in no bar): {empty:,}.")
    return [*notes, book.footnote()]


def _default_k(scores: Scores) -> int:
    return int((scores.get("evaluate") or {}).get("language_k", 5))


def _applies(scores: Scores) -> bool:
    wanted = (KIND, Pool.ALL, f"share@{_default_k(scores)}")
    return any((row["kind"], row["pool"], row["measure"]) == wanted for row in scores["scores"])


FIGURE = Registered(language_matrix, applies=_applies)
