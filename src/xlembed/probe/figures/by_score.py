"""Who errs where on the scale? The error in bins of the true score."""

from __future__ import annotations

from matplotlib.figure import Figure

from xlembed.probe.figures_data import ProbeBook
from xlembed.probe.probe_curves import binned_figure, error_name
from xlembed.probe.probe_errors import error_table, score_bins
from xlembed.show.figures.registry import Registered


def probe_by_score(book: ProbeBook) -> Figure:
    """Error of a few systems in bins of the true score, all dimensions together."""
    table = error_table(book, [s.name for s in book.compared])
    title = "Errors by the true label" if book.are_labels else "Errors by the true score"
    note = (
        "Wrong among the true 0: false alarms. Wrong among the true 1: misses."
        if book.are_labels
        else "A text counts in a bin once per dimension. At the ends of the scale a system that plays safe and "
        "predicts the middle errs most."
    )
    return binned_figure(book, table, score_bins(book, table), title, note)


def _caption(book: ProbeBook) -> str:
    what = "label" if book.are_labels else "score"
    return (
        f"Error by true {what}: {error_name(book)} in each bin, all dimensions together, with 95 % intervals."
    )


FIGURE = Registered(
    probe_by_score, applies=lambda book: not book.predictions.empty, part="errors", caption=_caption
)
