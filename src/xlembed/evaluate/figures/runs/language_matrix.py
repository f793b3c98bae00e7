"""What each query language retrieves: share of every language among the top k, beside the corpus."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.show.figures.registry import Registered, Scores
from xlembed.show.page import Panel, Words, page, text_width
from xlembed.show.shapes.bars import Bar, bars, entry
from xlembed.show.shapes.interval_rows import Column, interval_rows
from xlembed.show.style import FAINT, MISSING, ink_on, language_look
from xlembed.show.text import percent
from xlembed.stats.scorebook import Estimate, ScoreBook, read_scores
from xlembed.words import Lang, Pool, UserError

KIND = "retrieved_language"
BAR_WIDTH, ROW = 5.4, 0.34
Shares = Mapping[Lang, Mapping[Lang, Estimate]]
"""Query language -> language of the documents -> share."""


def language_matrix(scores: Scores, k: int | None = None) -> Figure:
    """Stacked bars, one per query language, the corpus last; the query's own language has a heavy outline.

    Of the first `k` documents of each query; default: as evaluated (`evaluate.language_k`), else 5.

    Raises:
        UserError: if there are no shares for this k.
    """
    book = read_scores(scores)
    k = k or book.evaluate.language_k
    shares = _shares(book, k)
    if not any(shares.values()):
        stored = sorted({key.measure for key in book.cells if key.kind == KIND})
        raise UserError(f"no share@{k} of retrieved languages; stored: {', '.join(stored) or 'none'}")
    rows = len(book.languages) + (1.35 if book.corpus_shares else 0)
    words = Words(
        f"Languages among the top {k}: {book.model}",
        f"task {book.task} · all documents searched, nothing removed · heavy outline: own language",
        _notes(book, k),
    )
    legend = [entry(language_look(lang), lang) for lang in book.languages]
    panel = Panel(BAR_WIDTH, rows * ROW, _panel, (book, shares, k))
    return page(words, [[panel]], legend, place="above")


def _shares(book: ScoreBook, k: int) -> Shares:
    found = {
        q: {x: book.cell(KIND, Pool.ALL, q, x, f"share@{k}") for x in book.languages} for q in book.languages
    }
    return {q: {x: e for x, e in of.items() if e is not None} for q, of in found.items()}


def _panel(axes: Axes, book: ScoreBook, shares: Shares, k: int) -> None:
    n, corpus = len(book.languages), book.corpus_shares
    axes.set_xlim(0, 1)
    names = [*(book.marked(x) for x in book.languages), *(["corpus"] if corpus else [])]
    places = [*range(n), *([n + 0.35] if corpus else [])]
    texts = [_beside(book, lang, shares[lang]) for lang in book.languages] + [("", "", "")] * bool(corpus)
    heads, rights = ("own, % [95 % CI]", "corpus, %", "queries"), (1.3, 1.95, 2.85)
    columns = [
        Column(right, of, head, bold=["empty" in text for text in of])
        for right, of, head in zip(rights, zip(*texts, strict=True), heads, strict=True)
    ]
    interval_rows(axes, names, [], columns, places=places, size=8.0, stripes=False)
    for row, lang in enumerate(book.languages):
        _bar(axes, row, {x: e.value for x, e in shares[lang].items()}, lang)
    if corpus:
        _bar(axes, n + 0.35, corpus, None)
        axes.axhline(n - 0.32, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100 %"])
    axes.set_xlabel(f"share of the top {k}")
    axes.set_ylabel("query language")


def _bar(axes: Axes, row: float, values: Mapping[Lang, float], own: Lang | None) -> None:
    if not values:
        axes.barh([row], [1], height=0.72, gid="missing", **MISSING)
        axes.text(0.5, row, "n/a", ha="center", va="center", fontsize=7.5)
    start = 0.0
    for lang, share in values.items():
        look = language_look(lang)
        outline = 1.6 if lang == own else 0.4
        bars(
            axes, [Bar(row, share, look, f"share {lang}", start=start, outline=outline)], 0.72, upright=False
        )
        text = f"{lang} {percent(share, 0)}"
        if text_width(text, 7.0) + 0.1 <= share * BAR_WIDTH:
            box = {"facecolor": look.colour, "edgecolor": "none", "pad": 1.0}
            axes.text(start + share / 2, row, text, ha="center", va="center", fontsize=7.0,
                      color=ink_on(look.colour), zorder=5, bbox=box)  # fmt: skip
        start += share


def _beside(book: ScoreBook, lang: Lang, shares: Mapping[Lang, Estimate]) -> tuple[str, str, str]:
    own, empty = shares.get(lang), book.empty_queries.get(lang, 0)
    n = max((e.n_units for e in shares.values()), default=0)
    interval = own.interval if own else None
    ends = f" [{percent(interval[0], 0)}, {percent(interval[1], 0)}]" if interval else ""
    return (
        f"{percent(own.value, 0)}{ends}" if own else "n/a",
        percent(book.corpus_shares[lang], 0) if lang in book.corpus_shares else "n/a",
        f"{n:,}" + (f", {empty:,} empty" if empty else ""),
    )


def _notes(book: ScoreBook, k: int) -> list[str]:
    notes = [
        f"Corpus: share of each language among all documents; a top {k} without language bias tends to it."
    ]
    if book.empty_queries:
        notes.append(f"Queries that retrieved nothing (in no bar): {sum(book.empty_queries.values()):,}.")
    return [*notes, book.footnote()]


def _applies(scores: Scores) -> bool:
    book = read_scores(scores)
    wanted = (KIND, Pool.ALL, f"share@{book.evaluate.language_k}")
    return any((key.kind, key.pool, key.measure) == wanted for key in book.cells)


FIGURE = Registered(language_matrix, applies=_applies)
