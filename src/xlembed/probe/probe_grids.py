"""Tables of probes: systems, dimensions, languages, verdicts, tests, cost, data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xlembed.probe.figures_data import FLOOR, PROBE, RIVAL, SHARES, Ends, PairTest, ProbeBook, Score, System
from xlembed.probe.probe_errors import truncation_series
from xlembed.probe.words import (
    amount_text,
    change_ends_text,
    change_text,
    ends_text,
    size_text,
    time_text,
    unit_text,
    value_text,
)
from xlembed.show.cells import METHODS, NO_INTERVAL, number_cell, p_cell
from xlembed.show.content import LABELLED, Cell, Grid, Head, Row, heads, row
from xlembed.show.notes import note_lines
from xlembed.show.text import MINUS, ends, percent, plain_interval
from xlembed.words import Lang

KINDS = {PROBE: "probe", RIVAL: "fine-tuned", FLOOR: "floor"}
BRACKETS = "Brackets: 95 % CI by documents, unadjusted."
METHOD_WORDS = METHODS | {"cluster_percentile": "percentiles of the bootstrap over documents"}
NO_DATA = Cell("n/a")


def system_grid(book: ProbeBook) -> Grid:
    """The main table: every system with its measures over everything, and what it costs."""
    rows = []
    for s in book.systems:
        scores = [score_cell(book, s, measure) for measure in book.measures]
        size = _size(s.facts.get("probe_bytes"), s.facts.get("model_bytes"))
        times = (_time(book.time(s.name)), _time(book.time(s.name, "fit_seconds")))
        amount = _amount(s.facts.get("trainable_parameters"))
        rows.append(_row(book, s, _name(s), KINDS[s.kind], *scores, amount, size, *times))
    numbers = (*map(unit_text, book.measures), "trained parameters", "bytes", "ms per text", "fit, s")
    columns = heads("system", "kind", *numbers, words=("kind",))
    notes = (
        f"{BRACKETS} {_direction(book)} Over all dimensions and languages of the test part: {book.counts}. Bytes: of "
        "what was trained, without the embedding model. ms per text: from text to score.",
        *label_lines(book),
    )
    return Grid("systems", "Systems, the best probe first", columns, tuple(rows), notes=notes)


def dimension_grid(book: ProbeBook) -> Grid:
    """The primary measure of each system in each dimension."""
    rows = [
        _row(book, s, _name(s), *(score_cell(book, s, dimension=d) for d in book.dimensions))
        for s in book.systems
    ]
    notes = (f"{BRACKETS} {_direction(book)}", *label_lines(book))
    title = f"{unit_text(book.primary)} by dimension"
    return Grid("dimensions", title, heads("system", *book.dimensions), tuple(rows), notes=notes)


def language_grid(book: ProbeBook) -> Grid:
    """The primary measure of each system in each language."""
    columns = (Head("system", False), *(Head(lang, langs=(lang,)) for lang in book.languages))
    rows = [
        _row(book, s, _name(s, label=False), *(score_cell(book, s, lang=x) for x in book.languages))
        for s in book.systems
    ]
    counts = [_counts(book.score(s.name, lang=x) for s in book.systems) for x in book.languages]
    foot = (row("texts / documents", *counts),)
    notes = (f"{BRACKETS} {_direction(book)} Languages differ in their texts too.", *label_lines(book))
    title = f"{unit_text(book.primary)} by language"
    return Grid("by-language", title, columns, tuple(rows), foot, notes)


def detail_grids(book: ProbeBook) -> list[Grid]:
    """All measures by dimension, and by language, folded."""
    found = [_details(book, "dimension", [(d, d, None) for d in book.dimensions])]
    if len(book.languages) > 1:
        found.append(_details(book, "language", [(x, None, x) for x in book.languages]))
    return found


def _details(book: ProbeBook, what: str, places: Sequence[tuple[str, str | None, Lang | None]]) -> Grid:
    rows = []
    for i, (name, dimension, lang) in enumerate(places):
        for j, s in enumerate(book.systems):
            cells = [score_cell(book, s, m, dimension, lang) for m in book.measures]
            counts = _counts([book.score(s.name, None, dimension, lang)])
            rows.append(row(name, _name(s, label=False), *cells, counts, apart=bool(i) and not j))
    columns = heads(*(what, "system", *map(unit_text, book.measures), "texts / documents"), words=("system",))
    notes = (BRACKETS, "Exploratory: described, not tested.", *label_lines(book))
    return Grid(f"all-{what}s", f"All measures by {what}", columns, tuple(rows), notes=notes, folded=True)


def verdict_grid(book: ProbeBook) -> Grid | None:
    """What each system is against the floor and against its rival; None without verdicts."""
    rows = []
    places = {s.name: i for i, s in enumerate(book.systems)}
    rivals = list(dict.fromkeys(str(v["rival"]) for v in book.verdicts if v["rival"]))
    for v in sorted(book.verdicts, key=lambda v: places[v["system"]]):
        cells = (
            *(Cell(v["system"], label=book.system(v["system"]).label), v["outcome"]),
            *([v["rival"] or "none"] if len(rivals) > 1 else []),
            _fraction(v["fraction"], ends(v)),
            _against_floor(book, v["floor_difference"], ends(v, "floor_")),
        )
        rows.append(row(*cells, strong=book.best is not None and v["system"] == book.best.name))
    if not rows:
        return None
    words = ("verdict", *(["rival"] if len(rivals) > 1 else []))
    columns = heads("system", *words, "distance left, %", f"{book.primary} against the floor", words=words)
    notes = (
        "Distance left: of the distance from the floor to the rival, how much the system still lacks; 0 is as good as "
        f"the rival, below 0 better, 100 no better than the floor. {BRACKETS}",
        f"Against the floor: system {MINUS} floor; {'below' if book.lower_is_better else 'above'} 0 is better.",
    )
    title = "Verdicts by the rule that was fixed before"
    return Grid("verdicts", title, columns, tuple(rows), notes=notes)


def key_tests(book: ProbeBook) -> list[PairTest]:
    """Pairs with the best probe or the rival, without the floor; as in report.json."""
    keys = {s.name for s in (book.best, book.rival) if s is not None}
    floors = {s.name for s in book.of_kind(FLOOR)}
    return [t for t in book.tests if {t.a, t.b} & keys and not {t.a, t.b} & floors]


def key_test_grid(book: ProbeBook) -> Grid | None:
    """Those that a decision needs; None without tests."""
    return _tests(book, "tests", "the best probe and the rival", key_tests(book))


def all_test_grid(book: ProbeBook) -> Grid | None:
    """All pairs, folded."""
    return _tests(book, "tests-all", "all pairs", book.tests, folded=True)


def _tests(
    book: ProbeBook, key: str, which: str, tests: Sequence[PairTest], folded: bool = False
) -> Grid | None:
    if not tests:
        return None
    rows = []
    for t in tests:
        better = book.better(t)
        rows.append(
            row(
                f"{book.system(t.a).marked} {MINUS} {book.system(t.b).marked}",
                _change(t.difference, t.interval, book.primary, (f"{t.n_clusters:,} documents",)),
                *(p_cell(t.p), p_cell(t.p_holm, (f"family of {len(book.tests):,}",))),
                "not shown" if better is None else f"{'A' if better == t.a else 'B'} better",
            )
        )
    unit = ", points" if book.primary in SHARES else ""
    columns = heads(f"A {MINUS} B", f"difference{unit}", "p", "adj. p", "verdict", words=("verdict",))
    notes = (
        f"{BRACKETS} Sign flips of the sums of documents; Holm over all {len(book.tests):,} pairs; verdicts follow "
        f"the adjusted p only. {'Below' if book.lower_is_better else 'Above'} 0: A is better.",
        *label_lines(book, asterisk=True),
    )
    title = f"Paired differences in {book.primary}: {which}"
    return Grid(key, title, columns, tuple(rows), notes=notes, folded=folded)


def cost_grid(book: ProbeBook) -> Grid:
    """Sizes and times."""
    rows = []
    for s in book.systems:
        f = s.facts
        device = book.timings.get(s.name, {}).get("device")
        times = ("fit_seconds", "encode_ms_per_text", "predict_ms_per_text")
        cells = [
            _name(s, label=False),
            *(_amount(f.get(key)) for key in ("trainable_parameters", "total_parameters")),
            *(_size(f.get(key)) for key in ("probe_bytes", "model_bytes")),
            number_cell(f.get("dim")),
            *(_time(book.time(s.name, key)) for key in times),
            _time(book.time(s.name)),
        ]
        rows.append(_row(book, s, *cells, str(device) if device else "not timed"))
    sizes = ("trained parameters", "all parameters", "bytes trained", "bytes of the model", "vector")
    columns = heads(
        *("system", *sizes, "fit, s", "embed, ms", "predict, ms", "together, ms per text", "device"),
        words=("device",),
    )
    notes = (
        "Fit: a probe is fitted on stored vectors, without the time of embedding; a fine-tuned model is trained whole. "
        "Times are of one machine, one run.",
    )
    return Grid("cost", "Sizes and times", columns, tuple(rows), notes=notes)


def truncation_grid(book: ProbeBook) -> Grid | None:
    """Models that come in several lengths, each against its longest; None without such a study."""
    rows: list[Row] = []
    for cuts in truncation_series(book).values():
        for i, cut in enumerate(cuts):
            system = book.system(cut.system)
            test = book.test(cut.system, cuts[-1].system) if cut is not cuts[-1] else None
            share = cut.truncated_share
            cells = (
                Cell(cut.system, label=system.label),
                number_cell(cut.max_tokens),
                NO_DATA if share is None else Cell(percent(share), sort=share),
                score_cell(book, system),
                "" if test is None else _change(test.difference, test.interval, book.primary),
                "" if test is None else p_cell(test.p_holm),
            )
            rows.append(row(*cells, apart=bool(rows) and i == 0))
    if not rows:
        return None
    measure = unit_text(book.primary)
    columns = heads("system", "tokens", "texts cut, %", measure, "against the longest", "adj. p")
    notes = (
        f"{BRACKETS} Against the longest: this length {MINUS} the longest; adjusted in the family of all pairs.",
    )
    return Grid("truncation", "The same model cut at several lengths", columns, tuple(rows), notes=notes)


def criteria_grid(book: ProbeBook) -> Grid:
    """What the dimensions mean."""
    rows = []
    for d in book.report["dimensions"]:
        low, high = d.get("low"), d.get("high")
        told = low is not None and high is not None
        scale = "0 or 1" if book.are_labels else f"{low:g} to {high:g}" if told else "not told"
        rows.append(row(d["name"], d.get("description") or "not told", scale))
    columns = heads("dimension", "criteria", "scale", words=("criteria", "scale"))
    return Grid("criteria", "Dimensions", columns, tuple(rows))


def part_grid(book: ProbeBook) -> Grid:
    """Sizes of the parts of the split."""
    rows = [
        row(
            *(part["part"], number_cell(part["n_texts"]), number_cell(part["n_documents"])),
            *(number_cell(part["languages"].get(x, 0)) for x in book.languages),
        )
        for part in book.report["split"]["parts"]
    ]
    columns = heads("part", "texts", "documents", *book.languages)
    return Grid("parts", "Parts of the split, and texts by language", columns, tuple(rows))


def leak_grid(book: ProbeBook) -> Grid | None:
    """Examples of near copies that were dropped."""
    found = book.report.get("leakage", {}).get("examples") or ()
    rows = [row(str(e["train_id"]), str(e["test_id"]), number_cell(float(e["similarity"]))) for e in found]
    columns = heads("training text", "test text", "similarity", words=("test text",))
    title = "Examples of near copies that were dropped"
    return Grid("leakage", title, columns, tuple(rows), folded=True) if rows else None


def score_cell(
    book: ProbeBook,
    system: System,
    measure: str | None = None,
    dimension: str | None = None,
    lang: Lang | None = None,
) -> Cell:
    """One score with its interval; labelled if its language is."""
    measure = measure or book.primary
    found = book.score(system.name, measure, dimension, lang)
    langs = () if lang is None else (lang,)
    label = system.labels.get(lang, "") if lang is not None else ""
    if found is None:
        return Cell("n/a", langs=langs)
    lines = (f"{found.n:,} texts, {found.n_clusters:,} documents", _method(found))
    value, interval = value_text(found.value, measure), ends_text(found.interval, measure)
    return Cell(value, interval, label, found.value, lines, langs)


def label_lines(book: ProbeBook, asterisk: bool = False) -> tuple[str, ...]:
    """What labels mean, if there are any, and what must be said of weights."""
    lines = book.label_notes()
    weights = {str(s.model): [s.facts["weights"]] for s in book.systems if s.facts.get("weights")}
    return (*(lines if asterisk or not lines else (LABELLED,)), *note_lines(weights))


def _method(score: Score) -> str:
    if score.interval is None:
        return NO_INTERVAL.replace("clusters", "documents")
    return f"95 % CI, unadjusted: {METHOD_WORDS.get(score.method, score.method)}"


def _row(book: ProbeBook, system: System, *cells: Cell | str) -> Row:
    """Rivals and the floor stand apart; the best probe is bold."""
    first = book.of_kind(system.kind)[0] is system
    return row(
        *cells,
        strong=book.best is not None and system.name == book.best.name,
        apart=system.kind != PROBE and first and system is not book.systems[0],
    )


def _name(system: System, label: bool = True) -> Cell:
    facts = [f"{key}: {value}" for key, value in (system.facts.get("details") or {}).items()]
    return Cell(system.name, label=system.label if label else "", details=tuple(facts))


def _direction(book: ProbeBook) -> str:
    return f"{book.primary}: {'lower' if book.lower_is_better else 'higher'} is better."


def _amount(number: float | None) -> Cell:
    exact = () if number is None else (f"{number:,}",)
    return Cell(amount_text(number), sort=number, details=exact)


def _size(n_bytes: float | None, model: float | None = None) -> Cell:
    lines = [] if n_bytes is None else [f"{n_bytes:,.0f} bytes"]
    lines += [] if model is None else [f"and {size_text(model)} of the embedding model"]
    return Cell(size_text(n_bytes), sort=n_bytes, details=tuple(lines))


def _time(value: float | None) -> Cell:
    return Cell(time_text(value), sort=value)


def _change(value: float, interval: Ends | None, measure: str, details: tuple[str, ...] = ()) -> Cell:
    return Cell(change_text(value, measure), change_ends_text(interval, measure), sort=value, details=details)


def _against_floor(book: ProbeBook, error: float, interval: Ends | None) -> Cell:
    """Of a share that should be high, what is lacking was subtracted: the other way round."""
    if book.lower_is_better:
        return _change(error, interval, book.primary)
    return _change(-error, interval and (-interval[1], -interval[0]), book.primary)


def _fraction(value: float | None, interval: Ends | None) -> Cell:
    if value is None:
        return NO_DATA
    text = f"{100 * value:.0f}".replace("-", MINUS)
    shares = None if interval is None else (100 * interval[0], 100 * interval[1])
    return Cell(text, plain_interval(shares, 0), sort=value)


def _counts(found: Iterable[Score | None]) -> Cell:
    known = [s for s in found if s is not None]
    if not known:
        return NO_DATA
    most = max(known, key=lambda s: s.n)
    return Cell(f"{most.n:,} / {most.n_clusters:,}", sort=float(most.n))
