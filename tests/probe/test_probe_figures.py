"""Figures of probes: what is drawn where, and that no text is cut or covers another."""

from __future__ import annotations

import copy

import pytest

from fakes.figure_checks import assert_legible, axes_of, by_gid, whiskers
from probe.probe_fakes import DIMENSIONS, MODELS, Fake, fake, labels, tiny
from xlembed.probe import figures as probes_kind
from xlembed.probe.figures.quality_time import front, timed
from xlembed.probe.figures_data import ProbeBook, read_probes
from xlembed.probe.probe_curves import axis_limits, line_look
from xlembed.probe.probe_errors import error_table, mean_errors, score_bins
from xlembed.show.figures.registry import draw, figures_of

ALWAYS = ["by_length", "by_score", "overall"]


def read(found: Fake, timings: bool = True) -> ProbeBook:
    return read_probes(found.report, found.predictions, found.timings if timings else None)


def study() -> Fake:
    return fake(n_texts=90, study=True, dimensions=DIMENSIONS[:1], models=MODELS[:2])


def long_study() -> Fake:
    """The longest length is far from the others."""
    found = study()
    report = copy.deepcopy(found.report)
    for system in report["systems"]:
        if system["max_tokens"] == 512:
            system["max_tokens"] = 8192
    return Fake(report, found.predictions, {})


CASES = {"scores": fake, "labels": labels, "tiny": tiny, "study": study, "long study": long_study}


@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_or_covers_another(case: str) -> None:
    for figure in draw(probes_kind, read(CASES[case]())).values():
        assert_legible(figure)


def test_a_rival_is_told_from_the_probe_on_its_own_base() -> None:
    found = fake()
    report = copy.deepcopy(found.report)
    (rival,) = [s for s in report["systems"] if s["kind"] == "rival"]
    rival["model"] = MODELS[0]
    book = read_probes(report, found.predictions, found.timings)
    looks = [
        line_look(book, s) for s in book.systems if s.model == MODELS[0] and s.kind in ("probe", "rival")
    ]
    probes, (own,) = set(looks[:-1]), looks[-1:]
    assert len(probes) == 1
    assert own.colour != looks[0].colour and own.marker != looks[0].marker


def test_only_figures_that_apply_are_drawn() -> None:
    every = sorted([*ALWAYS, "by_language", "calibration", "quality_time", "residuals"])
    assert list(probe_figures(read(fake()))) == every
    assert list(probe_figures(read(labels()))) == [x for x in every if x != "residuals"]
    assert list(probe_figures(read(tiny()))) == sorted([*ALWAYS, "quality_time", "residuals"])
    assert list(probe_figures(read(study()))) == sorted([*every, "truncation"])
    assert "quality_time" not in probe_figures(read(fake(), timings=False))


def test_overall_marks_stand_at_the_values_of_the_report() -> None:
    book = read(fake())
    axes = axes_of(draw_probes_one(book, "overall"), "overall")
    for s in book.systems:
        (mark,) = by_gid(axes, f"score {s.name}")
        score = book.score(s.name)
        assert score is not None and mark.get_xdata()[0] == score.value
    (floor,) = by_gid(axes, "floor")
    known = book.score("mean")
    assert known is not None and list(floor.get_xdata()) == [known.value] * 2
    assert len(whiskers(axes)) == len(book.systems)
    order = [t.get_text() for t in axes.get_yticklabels()]
    assert order[0] == "minilm_lora" and order[-1] == "mean" and "all_minilm_l6_v2:ridge*" in order


def test_bins_show_the_means_that_were_counted() -> None:
    book = read(fake())
    table = error_table(book, [s.name for s in book.compared])
    means = mean_errors(book, table, ["e5_small:ridge"], score_bins(book, table))["e5_small:ridge"]
    marks = by_gid(axes_of(draw_probes_one(book, "by_score"), "bins"), "mean e5_small:ridge")
    assert [m.get_ydata()[0] for m in marks] == [m.value for m in means if m is not None]


def test_languages_show_the_values_of_the_table() -> None:
    book = read(labels())
    marks = by_gid(axes_of(draw_probes_one(book, "by_language"), "bins"), "mean minilm_lora")
    known = [book.score("minilm_lora", lang=x) for x in ("en", "de")]
    assert [m.get_ydata()[0] for m in marks] == [s.value for s in known if s is not None]


def test_calibration_has_a_panel_per_dimension_and_a_diagonal() -> None:
    book = read(fake())
    figure = draw_probes_one(book, "calibration")
    for name in DIMENSIONS:
        axes = axes_of(figure, f"calibration {name}")
        assert axes.get_xlim() == axes.get_ylim() and len(by_gid(axes, "diagonal")) == 1
        assert len(by_gid(axes, "bin e5_small:ridge")) == len(by_gid(axes, "bin minilm_lora")) == 10


def test_residuals_of_every_text_are_drawn_around_zero() -> None:
    book = read(fake())
    axes = axes_of(draw_probes_one(book, "residuals"), "residuals clarity")
    (cloud,) = [c for c in axes.collections if c.get_gid() == "residuals"]
    found = book.predictions
    rows = found[(found["system"] == "e5_small:ridge") & (found["dimension"] == "clarity")]
    points = sorted(tuple(map(float, p)) for p in cloud.get_offsets())
    assert points == sorted(
        zip(map(float, rows["predicted"]), map(float, rows["predicted"] - rows["true"]), strict=True)
    )
    low, high = axes.get_ylim()
    assert low == -high


def test_truncation_shows_error_and_share_over_tokens() -> None:
    book = read(study())
    figure = draw_probes_one(book, "truncation")
    axes = axes_of(figure, "truncation e5_small")
    marks = by_gid(axes, "score ridge")
    names = ["e5_small+max128:ridge", "e5_small+max256:ridge", "e5_small:ridge"]
    assert [m.get_ydata()[0] for m in marks] == [s.value for s in map(book.score, names) if s is not None]
    bars = [a for a in figure.axes if a.get_gid() == "texts cut"]
    assert [p.get_height() for p in bars[0].patches] == [0.62, 0.31, 0.04]
    assert [t.get_text() for t in bars[0].get_xticklabels()] == ["128", "256", "512"]


def test_quality_over_time_has_a_mark_per_timed_system() -> None:
    book = read(fake())
    axes = axes_of(draw_probes_one(book, "quality_time"), "quality time")
    assert axes.get_xscale() == "log"
    for s in timed(book):
        (mark,) = by_gid(axes, f"system {s.name}")
        assert mark.get_xdata()[0] == book.time(s.name)
    assert "mean" not in [s.name for s in timed(book)]
    assert [s.name for s in front(book, timed(book))] == [
        "minilm_lora", "e5_small:ridge", "static_multilingual:ridge",
    ]  # fmt: skip


def test_a_caption_names_what_is_seen() -> None:
    book = read(fake())
    captions = {name: figure.caption(book) for name, figure in probe_figures(book).items()}
    assert "minilm_lora: 0.687" in captions["overall"] and all(c.endswith(".") for c in captions.values())


def test_axes_never_begin_below_zero_for_errors() -> None:
    assert axis_limits([0.01, 1.0], share=True) == (0.0, 1.0)
    assert axis_limits([0.5], share=False)[0] > 0.49


def probe_figures(book: ProbeBook):  # type: ignore[no-untyped-def]
    return {name: f for name, f in figures_of(probes_kind).items() if f.applies(book)}


def draw_probes_one(book: ProbeBook, name: str):  # type: ignore[no-untyped-def]
    return probe_figures(book)[name].draw(book)
