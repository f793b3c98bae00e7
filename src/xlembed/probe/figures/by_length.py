"""Are long texts harder? The error in bins of the length of the text."""

from __future__ import annotations

from matplotlib.figure import Figure

from xlembed.probe.figures_data import ProbeBook
from xlembed.probe.probe_curves import binned_figure, error_name
from xlembed.probe.probe_errors import error_table, length_bins
from xlembed.show.figures.registry import Registered


def probe_by_length(book: ProbeBook) -> Figure:
    """Error of a few systems in bins of length with about as many texts each, all dimensions together."""
    table = error_table(book, [s.name for s in book.compared])
    note = "Bins hold about the same number of texts."
    return binned_figure(book, table, length_bins(table), "Errors by the length of the text", note)


def _caption(book: ProbeBook) -> str:
    return f"Error by length: {error_name(book)} in bins of length in characters, with 95 % intervals."


FIGURE = Registered(
    probe_by_length,
    applies=lambda book: book.predictions["n_chars"].nunique() > 1,
    part="errors",
    caption=_caption,
)
