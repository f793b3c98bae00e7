"""Numbers of probes in words: errors, ends, sizes, times."""

from __future__ import annotations

from xlembed.probe.figures_data import SHARES, Ends
from xlembed.show.text import MINUS, interval_text, percent, plain, plain_interval, points


def value_text(value: float, measure: str) -> str:
    """A value as it is printed everywhere: shares in percent, all else with three digits.

    >>> value_text(0.6834, "MAE"), value_text(0.983, "F1")
    ('0.683', '98.3')
    """
    return percent(value) if measure in SHARES else plain(value)


def ends_text(interval: Ends | None, measure: str) -> str:
    """Its interval.

    >>> ends_text((0.6, 0.7), "MAE"), ends_text((0.97, 0.99), "F1"), ends_text(None, "MAE")
    ('[0.600, 0.700]', '[97.0, 99.0]', '(no CI)')
    """
    return interval_text(interval) if measure in SHARES else plain_interval(interval)


def change_text(value: float, measure: str) -> str:
    """A difference, signed; of shares in points.

    >>> change_text(-0.0421, "MAE"), change_text(0.042, "F1"), change_text(0.0, "MAE")
    ('−0.042', '+4.2', '0.000')
    """
    if measure in SHARES:
        return points(value)
    text = plain(abs(value))
    return text if not float(text) else ("+" if value > 0 else MINUS) + text


def change_ends_text(interval: Ends | None, measure: str) -> str:
    """Its interval.

    >>> change_ends_text((-0.05, 0.01), "MAE")
    '[−0.050, +0.010]'
    """
    if interval is None:
        return interval_text(None)
    return f"[{change_text(interval[0], measure)}, {change_text(interval[1], measure)}]"


def unit_text(measure: str) -> str:
    """The measure with its unit, for heads and axes.

    >>> unit_text("MAE"), unit_text("F1")
    ('MAE', 'F1 (%)')
    """
    return f"{measure} (%)" if measure in SHARES else measure


def size_text(n_bytes: float | None) -> str:
    """Bytes in the largest unit that leaves a number of at least 1.

    >>> size_text(900), size_text(6168), size_text(471_000_000), size_text(None)
    ('900 B', '6.2 kB', '471 MB', 'n/a')
    """
    if n_bytes is None:
        return "n/a"
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= factor:
            return f"{_three(n_bytes / factor)} {unit}"
    return f"{n_bytes:.0f} B"


def amount_text(number: float | None) -> str:
    """A count, shortened from a million on.

    >>> amount_text(2310), amount_text(18_464_768), amount_text(None)
    ('2,310', '18.5 M', 'n/a')
    """
    if number is None:
        return "n/a"
    for factor, unit in ((1e9, "B"), (1e6, "M")):
        if number >= factor:
            return f"{_three(number / factor)} {unit}"
    return f"{number:,.0f}"


def time_text(value: float | None) -> str:
    """Seconds or milliseconds with about three digits that mean something.

    >>> time_text(0.0812), time_text(31.42), time_text(1834.2), time_text(0.00004), time_text(None)
    ('0.081', '31.4', '1,834', '<0.001', 'n/a')
    """
    if value is None:
        return "n/a"
    if value < 0.001:
        return "<0.001"
    return f"{value:.3f}" if value < 1 else _three(value)


def _three(value: float) -> str:
    """About three digits.

    >>> _three(5.2), _three(471.0)
    ('5.2', '471')
    """
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}"
