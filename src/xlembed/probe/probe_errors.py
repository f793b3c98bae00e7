"""Where probes err: predictions grouped by true score, by length and by predicted score; nothing is drawn here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from xlembed.probe.figures_data import Ends, ProbeBook
from xlembed.stats.bootstrap import score_cells
from xlembed.stats.layout import unit_layout

N_RESAMPLES = 2_000
"""For figures: ends of intervals move by less than a line is wide."""
LENGTH_BINS, CALIBRATION_BINS, LEAST_IN_BIN = 6, 10, 15
MOST_SCORE_BINS = 10
WINDOW_SHARE, LEAST_WINDOW = 0.2, 11
PLACES = 60
"""Of a running median."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Bins(NamedTuple):
    """Which bin each row is in.

    Attributes:
        names: of the bins, from the lowest.
        places: int64, shape (n_rows,): the bin of each.
        what: what is binned, with its unit.
    """

    names: tuple[str, ...]
    places: Ints
    what: str


class Mean(NamedTuple):
    """A mean over some rows; `interval` is None where it is over fewer than 10 documents."""

    value: float
    interval: Ends | None
    n: int
    n_texts: int
    n_clusters: int


class Calibration(NamedTuple):
    """One bin of predictions: their mean, and the mean of what is true."""

    predicted: float
    true: Mean


class Running(NamedTuple):
    """Median and tenths of y along x, each of shape (n_places,)."""

    x: Floats
    median: Floats
    low: Floats
    high: Floats


def error_table(book: ProbeBook, names: Sequence[str]) -> pd.DataFrame:
    """One row per text and dimension, with the error of each system in a column of its name.

    Errors are distances from the true score; of labels 1 where the predicted one is wrong, else 0. Rows that one of the
    systems lacks are left out, so that all are compared on the same. Systems without predictions get no column.
    """
    found = book.predictions[book.predictions["system"].isin(list(names))]
    keys = ["text_id", "dimension"]
    facts = found.drop_duplicates(keys).set_index(keys)[["document", "lang", "n_chars", "true"]]
    errors = found.assign(error=_errors(book, found)).pivot(index=keys, columns="system", values="error")
    present = [name for name in names if name in errors.columns]
    return facts.join(errors[present]).dropna(subset=present).reset_index()


def _errors(book: ProbeBook, rows: pd.DataFrame) -> Floats:
    true, predicted = rows["true"].to_numpy(float), rows["predicted"].to_numpy(float)
    if not book.are_labels:
        return np.asarray(np.abs(predicted - true))
    return np.asarray(said_labels(book, rows) != (true > 0.5), dtype=np.float64)


def said_labels(book: ProbeBook, rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each prediction says yes, by the threshold of its system and dimension (0.5 if there is none)."""
    known = {
        (s.name, dimension): float(value)
        for s in book.systems
        for dimension, value in (s.facts.get("thresholds") or {}).items()
    }
    pairs = zip(rows["system"], rows["dimension"], strict=True)
    limits = np.array([known.get(pair, 0.5) for pair in pairs], dtype=float)
    return np.asarray(rows["predicted"].to_numpy(float) >= limits)


def score_bins(book: ProbeBook, table: pd.DataFrame) -> Bins:
    """By the true score: steps of one width, from the first that occurs; by the label for labels.

    Dimensions on different scales are put on shares of their scale.
    """
    true = table["true"].to_numpy(float)
    if book.are_labels:
        return Bins(("0 (no)", "1 (yes)"), (true > 0.5).astype(np.int64), "true label")
    scales = scales_of(book, table)
    what = "true score"
    if len(set(scales.values())) > 1:
        low = table["dimension"].map({d: ends[0] for d, ends in scales.items()}).to_numpy(float)
        high = table["dimension"].map({d: ends[1] for d, ends in scales.items()}).to_numpy(float)
        true, what = 100 * (true - low) / (high - low), "true score, % of the scale"
        ends = (0.0, 100.0)
    else:
        ends = next(iter(scales.values()))
    edges = score_edges(*ends)
    places = np.clip(np.searchsorted(edges, true, side="right") - 1, 0, len(edges) - 2).astype(np.int64)
    first, last = (int(places.min()), int(places.max())) if len(places) else (0, len(edges) - 2)
    texts = [f"{edge:g}" for edge in edges]
    names = [f"{a} to <{b}" for a, b in itertools.pairwise(texts[:-1])]
    names.append(f"{texts[-2]} to {texts[-1]}")
    return Bins(tuple(names[first : last + 1]), places - first, what)


def scales_of(book: ProbeBook, table: pd.DataFrame) -> dict[str, Ends]:
    """Dimension -> lower and upper end of its scale; what occurs, where the set does not say."""
    found = {}
    for entry in book.report["dimensions"]:
        true = table.loc[table["dimension"] == entry["name"], "true"]
        if true.empty:
            continue
        low, high = entry.get("low"), entry.get("high")
        low = float(true.min() if low is None else low)
        high = float(true.max() if high is None else high)
        found[str(entry["name"])] = (low, high if high > low else low + 1.0)
    return found


def score_edges(low: float, high: float) -> Floats:
    """Edges of bins of one round width, at most 10 bins, from `low` to at least `high`.

    >>> score_edges(1, 5).tolist()
    [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]
    >>> len(score_edges(0, 10)) - 1, len(score_edges(0, 100)) - 1
    (10, 10)
    """
    span = high - low
    power = 10.0 ** math.floor(math.log10(span))
    steps = [power * factor for factor in (0.1, 0.2, 0.25, 0.5, 1.0, 2.0)]
    step = next(step for step in steps if span / step <= MOST_SCORE_BINS + 1e-9)
    n = math.ceil(span / step - 1e-9)
    return np.round(low + step * np.arange(n + 1), 10)


def length_bins(table: pd.DataFrame, n_bins: int = LENGTH_BINS) -> Bins:
    """By the length of the text: bins of about the same number of texts."""
    lengths = table.drop_duplicates("text_id")["n_chars"].to_numpy(float)
    edges = quantile_edges(lengths, n_bins)
    each = table["n_chars"].to_numpy(float)
    index = np.searchsorted(edges, each, side="left").astype(np.int64)
    ends = [int(edge) for edge in edges]
    starts = [int(lengths.min()), *(end + 1 for end in ends)]
    stops = [*ends, int(lengths.max())]
    names = tuple(f"{a:,} to {b:,}" if a != b else f"{a:,}" for a, b in zip(starts, stops, strict=True))
    return Bins(names, index, "characters")


def quantile_edges(values: ArrayLike, n_bins: int) -> Floats:
    """Inner edges of bins with about the same number of values; a value on an edge is in the lower bin.

    Equal values stay together, so that there may be fewer bins; no bin is empty.

    >>> quantile_edges([1, 2, 3, 4, 5, 6], 3).tolist()
    [2.0, 4.0]
    >>> quantile_edges([1, 1, 1, 1, 9], 2).tolist()
    [1.0]
    """
    sorted_values = np.sort(np.asarray(values, dtype=float))
    n = len(sorted_values)
    last = [max(0, math.ceil(n * i / n_bins) - 1) for i in range(1, n_bins)] if n else []
    edges = np.unique(sorted_values[last]) if last else np.empty(0)
    return edges[edges < sorted_values[-1]] if n else edges


def mean_errors(
    book: ProbeBook, table: pd.DataFrame, names: Sequence[str], bins: Bins
) -> dict[str, list[Mean | None]]:
    """System -> mean error in each bin; None where a bin has no texts. Intervals resample documents."""
    values = table[list(names)].to_numpy(float)
    rows = _means(book, table, values, bins.places, len(bins.names), book.are_labels)
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def calibration(
    book: ProbeBook, name: str, dimension: str, n_bins: int = CALIBRATION_BINS
) -> list[Calibration]:
    """Bins of about the same number of predictions of one system, from the lowest; empty if it has none."""
    rows = predictions_of(book, name, dimension)
    if rows.empty:
        return []
    predicted = rows["predicted"].to_numpy(float)
    n_bins = max(1, min(n_bins, len(rows) // LEAST_IN_BIN))
    index = np.searchsorted(quantile_edges(predicted, n_bins), predicted, side="left").astype(np.int64)
    n = int(index.max()) + 1
    true = rows["true"].to_numpy(float)[:, None]
    means = _means(book, rows, true, index, n, book.are_labels)
    return [
        Calibration(float(predicted[index == i].mean()), found)
        for i in range(n)
        if (found := means[i][0]) is not None
    ]


def predictions_of(book: ProbeBook, name: str, dimension: str) -> pd.DataFrame:
    """Rows of one system and dimension."""
    found = book.predictions
    return found[(found["system"] == name) & (found["dimension"] == dimension)]


def running_median(x: ArrayLike, y: ArrayLike, places: int = PLACES) -> Running:
    """Median, lower and upper tenth of y over neighbouring x: windows of 20 % of the points, at least 11."""
    order = np.argsort(np.asarray(x, dtype=float), kind="stable")
    xs, ys = np.asarray(x, dtype=float)[order], np.asarray(y, dtype=float)[order]
    window = min(len(xs), max(LEAST_WINDOW, round(WINDOW_SHARE * len(xs))))
    spread = np.linspace(0, len(xs) - window, places) if len(xs) else np.empty(0)
    starts = [int(start) for start in np.unique(spread.round())]
    cuts = [ys[start : start + window] for start in starts]
    return Running(
        np.array([np.median(xs[start : start + window]) for start in starts]),
        *(np.array([np.quantile(cut, share) for cut in cuts]) for share in (0.5, 0.1, 0.9)),
    )


def _means(
    book: ProbeBook, rows: pd.DataFrame, values: Floats, index: Ints, n_bins: int, binary: bool
) -> list[list[Mean | None]]:
    """Per bin and column of `values`."""
    documents = list(rows["document"])
    texts = list(rows["text_id"])
    layout = unit_layout(index, texts, documents, n_bins, book.predictions["document"].unique())
    cells = score_cells(layout, values, [binary] * values.shape[1], n_resamples=N_RESAMPLES).cells
    return [
        [
            None
            if s is None
            else Mean(s.value, _interval(s.ci_low, s.ci_high), s.n_units, s.n_needs, s.n_clusters)
            for s in row
        ]
        for row in cells
    ]


def _interval(low: float | None, high: float | None) -> Ends | None:
    return None if low is None or high is None else (low, high)


class Cut(NamedTuple):
    """One model of a truncation study: tokens read, share of texts that are cut, and its system."""

    max_tokens: int
    truncated_share: float | None
    system: str


def truncation_series(book: ProbeBook) -> Mapping[tuple[str, str], tuple[Cut, ...]]:
    """(model, probe) -> its lengths, ascending, for models that come in two or more lengths.

    Of two entries of one length the one that says so in its name is taken.
    """
    found: dict[tuple[str, str], dict[int, Cut]] = {}
    every = [s for s in book.systems if s.base and s.probe and s.max_tokens]
    for s in sorted(every, key=lambda s: s.model != s.base):
        series = found.setdefault((str(s.base), str(s.probe)), {})
        share = s.facts.get("truncated_share")
        series[int(s.max_tokens or 0)] = Cut(int(s.max_tokens or 0), share, s.name)
    return {key: tuple(of[n] for n in sorted(of)) for key, of in sorted(found.items()) if len(of) > 1}
