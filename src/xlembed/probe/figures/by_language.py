"""In which languages does which system err? The primary measure by language, as in the tables."""

from __future__ import annotations

from matplotlib.figure import Figure

from xlembed.probe.figures_data import SHARES, ProbeBook
from xlembed.probe.probe_curves import grouped_figure
from xlembed.probe.probe_errors import Mean
from xlembed.probe.words import unit_text
from xlembed.show.figures.registry import Registered
from xlembed.words import Lang


def probe_by_language(book: ProbeBook) -> Figure:
    """The primary measure of a few systems in each language."""
    languages = _languages(book)
    means = {s.name: [_mean(book, s.name, lang) for lang in languages] for s in book.compared}
    labels = [f"{lang}\n{_count(book, lang)}" for lang in languages]
    note = "Texts of different languages differ in more than language: compare systems, not languages."
    unit = unit_text(book.primary) if book.primary in SHARES else f"{book.primary} (points of the scale)"
    texts = (f"{book.primary} by language", "language", note)
    return grouped_figure(book, means, labels, texts, unit, share=book.primary in SHARES, lines=False)


def _languages(book: ProbeBook) -> list[Lang]:
    return [x for x in book.languages if any(book.score(s.name, lang=x) for s in book.systems)]


def _mean(book: ProbeBook, name: str, lang: Lang) -> Mean | None:
    found = book.score(name, lang=lang)
    return None if found is None else Mean(found.value, found.interval, found.n, found.n, found.n_clusters)


def _count(book: ProbeBook, lang: Lang) -> str:
    counts = [s.n for system in book.systems if (s := book.score(system.name, lang=lang)) is not None]
    return f"{max(counts, default=0):,} texts"


def _caption(book: ProbeBook) -> str:
    return (
        f"{book.primary} in each language with 95 % intervals; the values are those of the table by language."
    )


FIGURE = Registered(
    probe_by_language, applies=lambda book: len(_languages(book)) > 1, part="errors", caption=_caption
)
