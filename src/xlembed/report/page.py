"""A figure laid out in inches: title above, body, notes below; text is measured and wrapped, never cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from xlembed.report.style import FAINT, INK

MARGIN = 0.15
TITLE_SIZE, SUBTITLE_SIZE, NOTE_SIZE = 11.0, 8.5, 7.5
LEADING = 1.35
POINTS_PER_INCH = 72.0


class Page:
    """A white page whose height follows from its texts.

    Attributes:
        figure: the figure.
        width: of the page, inches.
        height: of the page, inches.
    """

    def __init__(
        self,
        width: float,
        body_height: float,
        title: str,
        subtitles: Sequence[str],
        notes: Sequence[str] = (),
    ) -> None:
        room = width - 2 * MARGIN
        head = [(line, TITLE_SIZE, INK, "bold") for line in wrap(title, room, TITLE_SIZE, "bold")]
        head += [
            (line, SUBTITLE_SIZE, FAINT, "normal")
            for text in subtitles
            for line in wrap(text, room, SUBTITLE_SIZE)
        ]
        foot = [line for note in notes if note for line in wrap(note, room, NOTE_SIZE)]
        self._body_top = MARGIN + sum(line_height(size) for _, size, _, _ in head) + 0.08
        foot_top = self._body_top + body_height + 0.06
        self.width = width
        self.height = foot_top + len(foot) * line_height(NOTE_SIZE) + MARGIN
        self.figure = Figure(figsize=(self.width, self.height))
        y = MARGIN
        for text, size, colour, weight in head:
            self._line(text, y, size, colour, weight)
            y += line_height(size)
        for i, text in enumerate(foot):
            self._line(text, foot_top + i * line_height(NOTE_SIZE), NOTE_SIZE, FAINT, "normal")

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes at a place in inches: from the page's left edge and from the top of the body."""
        bottom = self.height - self._body_top - top - height
        place = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(place)

    def _line(self, text: str, top: float, size: float, colour: str, weight: str) -> None:
        self.figure.text(
            MARGIN / self.width,
            1 - top / self.height,
            text,
            fontsize=size,
            color=colour,
            fontweight=weight,
            va="top",
            ha="left",
        )


def line_height(size: float) -> float:
    """Height of a line of text in inches."""
    return size * LEADING / POINTS_PER_INCH


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line in inches, with 3 % for the rounding of letters to pixels."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return 1.03 * float(width) / POINTS_PER_INCH


def wrap(text: str, inches: float, size: float, weight: str = "normal") -> list[str]:
    """Lines of at most `inches`, broken at spaces; a name too long for a line also after ``_ + - . /``."""
    lines = [""]
    for word in text.split():
        candidate = f"{lines[-1]} {word}".strip()
        if text_width(candidate, size, weight) <= inches:
            lines[-1] = candidate
        elif text_width(word, size, weight) <= inches:
            lines.append(word)
        else:
            lines[-1] += " " if lines[-1] else ""
            for part in re.findall(r"[^_+\-./]*[_+\-./]*", word):
                if text_width(lines[-1] + part, size, weight) <= inches or not lines[-1].strip():
                    lines[-1] += part
                else:
                    lines.append(part)
    return [line.rstrip() for line in lines if line.strip()]
