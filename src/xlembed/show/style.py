"""How every figure looks: type, colours that a colour-blind reader and a copier keep apart, and saving."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xlembed.files import atomic_path
from xlembed.words import Lang

DPI = 200
INK = "#222222"
FAINT = "#666666"
GRID = "#dddddd"
MISSING: dict[str, Any] = {"facecolor": "#f4f4f4", "edgecolor": "#b0b0b0", "hatch": "////", "linewidth": 0.0}
"""Patch of a cell or bar without units."""

RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.0,
    "axes.unicode_minus": True,
    "figure.dpi": 100.0,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same figure on every machine
    "font.size": 8.5,
    "hatch.linewidth": 0.4,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "pdf.compression": 6,
    "pdf.fonttype": 42,
    "savefig.bbox": None,
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "svg.hashsalt": "xlembed",
    "text.color": INK,
    "text.hinting": "no_hinting",  # else a text is measured narrower at 100 dots per inch than it is drawn at 200
    "text.parse_math": False,
    "xtick.color": INK,
    "xtick.labelsize": 8.0,
    "ytick.color": INK,
    "ytick.labelsize": 8.0,
}

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#999999")
"""Okabe & Ito (2008), grey instead of black."""
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "----", "||||", "oooo")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "h")
LANGUAGES: tuple[Lang, ...] = (
    *("en", "de", "es", "fr", "ja", "zh", "tr", "ru"),
    *("ar", "el", "hi", "ro", "th", "vi", "it", "pt"),
    *("ko", "nl", "pl", "sv", "id", "fi", "cs", "fa"),
    *("uk", "he", "hu", "da", "no", "bg", "bn", "ta"),
    *("sw", "te", "ur", "ca", "hr", "sr", "sk", "lt"),
)
"""Languages with a look of their own; the order decides the look, so append only."""


Colour = str | tuple[float, float, float] | tuple[float, float, float, float]


class Look(NamedTuple):
    """Colour, and hatch and marker for those who see no colour."""

    colour: str
    hatch: str
    marker: str


MODE_LOOKS = (
    Look("#0072B2", "", "o"),
    Look("#56B4E9", "////", "s"),
    Look("#D55E00", "....", "^"),
    Look("#E69F00", "\\\\\\\\", "D"),
)
"""One look per entry of `scorebook.MACROS`."""


def language_look(lang: Lang) -> Look:
    """The look of a language, the same in every figure; other codes share looks by a fixed hash."""
    others = len(OKABE_ITO) * len(HATCHES) - len(LANGUAGES)
    known = lang in LANGUAGES
    index = LANGUAGES.index(lang) if known else len(LANGUAGES) + zlib.crc32(lang.encode()) % others
    tier, colour = divmod(index, len(OKABE_ITO))
    tints = (0.0, 0.45, -0.35)
    return Look(
        tint(OKABE_ITO[colour], tints[tier % len(tints)]),
        HATCHES[(colour + 3 * tier) % len(HATCHES)],
        MARKERS[(colour + tier) % len(MARKERS)],
    )


_NUMBERED: ContextVar[tuple[str, ...]] = ContextVar("numbered", default=())


@contextlib.contextmanager
def numbered(models: Sequence[str]) -> Iterator[None]:
    """Inside, a model has the number and look of its place among `models` in every figure."""
    token = _NUMBERED.set(tuple(models))
    try:
        yield
    finally:
        _NUMBERED.reset(token)


def model_position(model: str, position: int) -> int:
    """The place (from 0) of a model among those that are numbered here; without such an order the one given."""
    order = _NUMBERED.get()
    return order.index(model) if model in order else len(order) + position


def model_look(position: int) -> Look:
    """The look of the model at a position (from 0) of a comparison."""
    colours = (*OKABE_ITO[:6], "#7A5195", "#666666", "#332288")
    return Look(colours[position % len(colours)], "", MARKERS[position % len(MARKERS)])


def ink_on(colour: Colour) -> str:
    """Black or white, whichever has the higher contrast ratio (WCAG 2) on `colour`; always above 4.5."""
    return "black" if contrast("black", colour) >= contrast("white", colour) else "white"


def contrast(a: Colour, b: Colour) -> float:
    """Contrast ratio of two colours, WCAG 2, in [1, 21].

    >>> contrast("black", "white")
    21.0
    """
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return round((bright + 0.05) / (dark + 0.05), 6)


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Settings of matplotlib for drawing and saving; what was set before comes back afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)  # type: ignore[arg-type]
        yield


def save(figure: Figure, folder: Path, name: str, *, pdf: bool = False) -> list[Path]:
    """Write NAME.png, and NAME.pdf if asked for, atomically; the same figure gives the same bytes.

    A PDF takes longer than the PNG: the fonts of all scripts are cut down for it.
    """
    nothing = dict.fromkeys(("CreationDate", "ModDate", "Creator", "Producer"))
    found = []
    with style():
        for form, metadata in (("png", {"Software": None}), *([("pdf", nothing)] if pdf else [])):
            found.append(folder / f"{name}.{form}")
            with atomic_path(found[-1]) as path:
                figure.savefig(path, format=form, dpi=DPI, metadata=metadata)
    return found


def whisker(axes: Axes, at: float, interval: Sequence[float], upright: bool, colour: str = INK) -> Line2D:
    """An interval with caps, from its low to its high end; its artist has the gid ``ci``."""
    ends, place = list(interval), [at, at]
    x, y = (place, ends) if upright else (ends, place)
    cap = "_" if upright else "|"
    (line,) = axes.plot(
        x, y, color=colour, linewidth=0.9, marker=cap, markersize=4.5, markeredgewidth=0.9, zorder=4, gid="ci"
    )
    return line


def tint(colour: str, amount: float) -> str:
    """Towards white for a positive amount, towards black for a negative one."""
    goal = 1.0 if amount > 0 else 0.0
    channels = (c + (goal - c) * abs(amount) for c in to_rgb(colour))
    return "#" + "".join(f"{round(255 * c):02X}" for c in channels)


def _luminance(colour: Colour) -> float:
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
