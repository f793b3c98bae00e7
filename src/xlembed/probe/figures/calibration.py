"""Do predictions mean what they say? Mean true score of texts with about the same prediction."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlembed.probe.figures_data import ProbeBook, System
from xlembed.probe.probe_curves import curve, no_bar, subtitle
from xlembed.probe.probe_errors import LEAST_IN_BIN, Calibration, calibration
from xlembed.show.figures.registry import Registered
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.curves import Curve, curves
from xlembed.show.shapes.scales import limits_of, scale
from xlembed.show.shapes.scatter import diagonal

SIDE, ALONE, COLUMNS = 1.85, 3.0, 3


def probe_calibration(book: ProbeBook) -> Figure:
    """A panel per dimension: the best probe, and the best rival if there is one."""
    systems = systems_shown(book)
    found = {d: [calibration(book, s.name, d) for s in systems] for d in book.dimensions}
    shown = {
        d: [curve(book, s, i, [(p.predicted, p.true) for p in of[i]], "bin") for i, s in enumerate(systems)]
        for d, of in found.items()
    }
    side = ALONE if len(found) == 1 else SIDE
    panels = [
        Panel(side, side, _panel, (book, d, of, i % COLUMNS == 0)) for i, (d, of) in enumerate(shown.items())
    ]
    title = "Reliability of predicted probabilities" if book.are_labels else "Calibration"
    points = [p for of in found.values() for line in of for p in line]
    rows = [panels[i : i + COLUMNS] for i in range(0, len(panels), COLUMNS)]
    legend = [c.entry(s.marked) for c, s in zip(next(iter(shown.values()), []), systems, strict=True)]
    return page(Words(title, subtitle(book), _notes(points)), rows, legend)


def systems_shown(book: ProbeBook) -> list[System]:
    """The best probe and the rival."""
    present = set(book.predictions["system"])
    return [s for s in (book.best, book.rival) if s is not None and s.name in present]


def _panel(axes: Axes, book: ProbeBook, dimension: str, shown: list[Curve], first: bool) -> None:
    # both axes have the same limits, so that the diagonal is one
    ends = [x for c in shown for p, value, interval in c.points for x in (p, *(interval or (value,)))]
    limits = (-0.02, 1.02) if book.are_labels else limits_of(ends, 0.06, 1e-6)
    true, predicted = (
        ("share of true 1 (%)", "predicted (%)")
        if book.are_labels
        else ("mean true score", "mean predicted score")
    )
    for upright, label in ((True, true if first else ""), (False, predicted)):
        scale(axes, limits, label, upright=upright, factor=100.0 if book.are_labels else 1.0)
    diagonal(axes)
    curves(axes, shown, size=4.5, spread=0)
    axes.set_title(dimension, loc="left", fontsize=8.5, fontweight="bold", pad=4)
    axes.set_gid(f"calibration {dimension}")


def _notes(points: list[Calibration]) -> list[str]:
    sizes = [p.true.n for p in points]
    n = f"{min(sizes)} to {max(sizes)}" if sizes and min(sizes) < max(sizes) else f"{max(sizes, default=0)}"
    return [
        f"Texts in bins of about equal number ({n} texts a bin) by what is predicted. On the dashed line predictions "
        "are right on average; above it they are too low. Bars: 95 % CI by documents, unadjusted; bins are kept.",
        *no_bar(p.true for p in points),
    ]


def _caption(book: ProbeBook) -> str:
    names = " and ".join(s.marked for s in systems_shown(book))
    what = "share of true labels" if book.are_labels else "mean true score"
    return f"Calibration of {names}: {what} against the prediction, a panel per dimension."


def _applies(book: ProbeBook) -> bool:
    """One bin would say nothing."""
    return bool(systems_shown(book)) and book.predictions["text_id"].nunique() >= 2 * LEAST_IN_BIN


FIGURE = Registered(probe_calibration, applies=_applies, part="fit", caption=_caption)
