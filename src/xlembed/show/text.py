"""Numbers in words: one way of printing each kind of number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size

from xlembed.words import counted

MANY = 5
"""Variants of a model that are no longer named one by one."""
MINUS = "−"


def shortened(text: str, columns: int) -> str:
    """A text in one line, as much of it as fits into so many columns of a terminal, where Chinese takes two per letter.

    >>> shortened("wide  enough", 11), shortened("not wide enough", 9), shortened("麸质过敏的人", 8)
    ('wide enough', 'not wide…', '麸质过…')
    """
    flat = " ".join(text.split())
    return flat if cell_len(flat) <= columns else f"{set_cell_size(flat, columns - 1).rstrip()}…"


def ends(row: Mapping[str, Any], prefix: str = "") -> tuple[float, float] | None:
    """Both ends of an interval, if there is one; `prefix`: before their names.

    >>> ends({"ci_low": 0.1, "ci_high": 0.2}), ends({"ci_low": None, "ci_high": None})
    ((0.1, 0.2), None)
    """
    low, high = row.get(f"{prefix}ci_low"), row.get(f"{prefix}ci_high")
    return None if low is None or high is None else (low, high)


def percent(value: float, digits: int = 1) -> str:
    """A share in percent, without the sign.

    >>> percent(0.5834), percent(-0.0001)
    ('58.3', '0.0')
    """
    text = f"{100 * value:.{digits}f}"
    return text if float(text) else text.removeprefix("-")


def interval_text(interval: tuple[float, float] | None, signed: bool = False) -> str:
    """An interval in percent, or that there is none.

    >>> interval_text((0.551, 0.614))
    '[55.1, 61.4]'
    >>> interval_text(None)
    '(no CI)'
    """
    show = points if signed else percent
    return "(no CI)" if interval is None else f"[{show(interval[0])}, {show(interval[1])}]"


def estimate_text(value: float, interval: tuple[float, float] | None) -> str:
    """A share with its interval.

    >>> estimate_text(0.583, (0.551, 0.614))
    '58.3 [55.1, 61.4]'
    """
    return f"{percent(value)} {interval_text(interval)}"


def points(value: float) -> str:
    """A difference of shares in percentage points, signed.

    >>> points(0.042), points(-0.042), points(0.0)
    ('+4.2', '−4.2', '0.0')
    """
    text = f"{100 * abs(value):.1f}"
    if text == "0.0":
        return text
    return ("+" if value > 0 else MINUS) + text


def plain(value: float, digits: int = 3) -> str:
    """A cosine or another number that is no share.

    >>> plain(0.12345), plain(-0.5), plain(-0.0001)
    ('0.123', '−0.500', '0.000')
    """
    text = f"{abs(value):.{digits}f}"
    return text if value >= 0 or not float(text) else MINUS + text


def plain_interval(interval: tuple[float, float] | None, digits: int = 3) -> str:
    """An interval of such numbers, or that there is none.

    >>> plain_interval((-0.1, 0.25), 2)
    '[−0.10, 0.25]'
    """
    return "(no CI)" if interval is None else f"[{plain(interval[0], digits)}, {plain(interval[1], digits)}]"


def p_text(p: float | None) -> str:
    """A p-value with three digits; never 0.

    >>> p_text(0.00004), p_text(0.0312), p_text(None)
    ('<0.001', '0.031', 'n/a')
    """
    if p is None:
        return "n/a"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def count_text(numbers: Iterable[int]) -> str:
    """A count, or the range of several.

    >>> count_text([1050]), count_text([30, 35, 30])
    ('1,050', '30–35')
    """
    found = sorted(set(numbers))
    if not found:
        return "0"
    return f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,}–{found[-1]:,}"


def model_names(names: Sequence[str]) -> str:
    """Models in a list; many variants of one are counted.

    >>> model_names(["a", "a+b", "c"])
    'a, a+b, c'
    >>> model_names(["a", "a+b", "a+c", "a+d", "a+e", "c"])
    'a and 4 variants of it, c'
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.partition("+")[0], []).append(name)
    parts = []
    for base, of in groups.items():
        if len(of) < MANY:
            parts.append(", ".join(of))
        elif base in of:
            parts.append(f"{base} and {counted(len(of) - 1, 'variant')} of it")
        else:
            parts.append(f"{counted(len(of), 'variant')} of {base}")
    return ", ".join(parts)


def base_models(n: int | None) -> str:
    """A number of them in words.

    >>> base_models(1)
    '1 base model'
    """
    return "some base models" if n is None else counted(n, "base model")
