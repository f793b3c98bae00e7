"""Bars and radar of several models: values drawn are values given, what is missing is left out and said."""

from __future__ import annotations

import math
from typing import Any

import pytest

from fakes.figure_checks import all_text, assert_legible, axes_of, by_gid, whiskers
from fakes.report_fakes import MODELS, SIX, row, scores
from xlembed.guide.figures import profiles as profiles_kind
from xlembed.guide.figures.profiles.profile_bars import NO_QUALITY, profile_bars
from xlembed.guide.figures.profiles.profile_radar import MOST, profile_radar
from xlembed.guide.profiles import Profile, profiles
from xlembed.show.figures.registry import draw

KINDS = (
    ("monolingual", "target"),
    ("cross_lingual", "all"),
    ("true_cross_lingual", "all"),
    ("true_cross_lingual", "target"),
)


def chosen(model: str, *values: float, **measures: float) -> dict[str, Any]:
    """Scores whose four macros of accuracy@1, and other cross-lingual measures, are as given."""
    rows = [row(kind, pool, None, None, v) for (kind, pool), v in zip(KINDS, values, strict=True)]
    rows += [
        row("cross_lingual", "all", None, None, v, measure=name.replace("_at_", "@"))
        for name, v in measures.items()
    ]
    return scores(model, ("de", "en")) | {"scores": rows}


def analysis(morphology: dict[str, float], silhouette: float, **more: Any) -> dict[str, Any]:
    ends = {"ci_low": silhouette - 0.02, "ci_high": silhouette + 0.01}
    return {
        "morphology": [{"lang": lang, "superiority": {"value": v}} for lang, v in morphology.items()],
        "separation": [
            {"measure": "silhouette", "lang": "de", "value": 0.99, "ci_low": None, "ci_high": None},
            {"measure": "silhouette", "lang": None, "value": silhouette, **ends},
        ],
        **more,
    }


TWO = profiles(
    [
        chosen("a", 0.8, 0.7, 0.1, 0.3, MRR=0.75, recall_at_1=0.5),
        chosen("b", 0.6, 0.5, 0.4, 0.5, MRR=0.55, recall_at_1=0.25),
    ],
    {"a": analysis({"tr": 0.9, "de": 0.7}, -0.05)},
    {"b": 50.0},
)


def nine(**fields: Any) -> list[Profile]:
    measures = ("accuracy@1", "MRR", "recall@1")
    found = [
        scores(m, SIX, level=0.9 - 0.05 * (i % 5), loss=0.1 * (i % 6), measures=measures)
        for i, m in enumerate(MODELS)
    ]
    found[2]["labels"] = dict.fromkeys(("de", "ja"), "language not supported")
    morphology = {"tr": 0.9, "en": 0.8, "de": 1.0, "es": 0.7, "fr": 0.9, "fi": 0.6}
    analyses = {m: analysis(morphology, 0.03 * i - 0.05) for i, m in enumerate(MODELS[:5])}
    return profiles(found, analyses, {MODELS[0]: 30.0, MODELS[3]: 0.2})


CASES = {
    "two": TWO,
    "nine": nine(),
    "scores alone": profiles([scores(m, measures=("accuracy@1", "MRR")) for m in MODELS[:2]], {}),
    "a long name": profiles(
        [scores(m * 9, measures=("accuracy@1", "MRR")) for m in ("a_long_name", "b")], {}
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("draw", [profile_bars, profile_radar], ids=lambda d: d.__name__)
def test_no_text_is_cut_or_covers_another(case: str, draw: Any) -> None:
    figure = draw(CASES[case])
    assert_legible(figure)


@pytest.mark.parametrize(
    ("panel", "values"),
    [
        ("MRR", [0.75, 0.55]),
        ("recall@1", [0.5, 0.25]),
        ("morphology", [0.8, None]),
        ("silhouette", [-0.05, None]),
    ],
)
def test_bars_are_as_long_as_their_values(panel: str, values: list[float | None]) -> None:
    axes = axes_of(profile_bars(TWO), panel)
    for y, value in enumerate(values):
        bars = by_gid(axes, f"bar {y}")
        assert [bar.get_width() for bar in bars] == ([] if value is None else [pytest.approx(value)])
        assert bool(by_gid(axes, f"missing {y}")) is (value is None)


def test_bars_have_intervals_and_morphology_its_languages() -> None:
    figure = profile_bars(TWO)
    assert ([pytest.approx(0.71), pytest.approx(0.786)], [0, 0]) in whiskers(axes_of(figure, "MRR"))
    assert whiskers(axes_of(figure, "silhouette")) == [([pytest.approx(-0.07), pytest.approx(-0.04)], [0, 0])]
    (strokes,) = by_gid(axes_of(figure, "morphology"), "parts 0")
    assert list(strokes.get_xdata()) == [0.9, 0.7]


def test_bars_say_what_is_missing_and_that_separation_is_no_quality() -> None:
    # lines of notes are broken to the width of the page
    said = " ".join(all_text(profile_bars(TWO)).split())
    assert NO_QUALITY in said and "Morphology: mean of tr, de" in said
    for what in ("morphology", "silhouette"):
        assert f"n/a, {what} was not measured (xlembed analyse): b." in said


def test_panels_of_what_no_model_has_are_left_out_and_said() -> None:
    figure = profile_bars(CASES["scores alone"])
    assert [axes.get_gid() for axes in figure.axes] == ["MRR"]
    said = " ".join(all_text(figure).split())
    assert "Morphology was not measured of any (xlembed analyse)." in said and NO_QUALITY not in said


def test_corners_of_the_radar_are_the_values() -> None:
    axes = axes_of(profile_radar(TWO), "radar")
    for name, values in {
        "a": [0.8, 0.7, 0.1, 0.3, 0.8, None],
        "b": [0.6, 0.5, 0.4, 0.5, None, 0.5],  # 50 ms is half the points
    }.items():
        (line,) = by_gid(axes, f"model {name}")
        points = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        assert points[0] == points[-1] or math.isnan(points[-1][0])
        for value, (x, y) in zip(values, points[:-1], strict=True):
            assert math.isnan(x) if value is None else math.hypot(x, y) == pytest.approx(value)
        assert points[0] == (0, pytest.approx(values[0]))  # the first axis points up


def test_an_axis_that_no_model_has_is_left_out_and_said() -> None:
    found = [scores(m, measures=("accuracy@1",)) for m in MODELS[:2]]
    figure = profile_radar(profiles(found, {}))
    names = [t.get_text() for t in by_gid(axes_of(figure, "radar"), "axis")]
    assert len(names) == 4 and "speed" not in names
    assert "Speed is not known of any." in all_text(figure)
    assert "Morphology is not known of any." in all_text(figure)


def test_six_models_at_most_and_lines_that_differ_without_colour() -> None:
    figure = profile_radar(CASES["nine"])
    lines = [a for a in axes_of(figure, "radar").lines if str(a.get_gid()).startswith("model ")]
    assert [a.get_gid() for a in lines] == [f"model {m}" for m in MODELS[:MOST]]
    looks = {(a.get_marker(), str(a._dash_pattern)) for a in lines}  # type: ignore[attr-defined]
    assert len({dash for _, dash in looks}) == MOST
    assert f"Not drawn: {', '.join(MODELS[MOST:])}." in " ".join(all_text(figure).split())


def test_an_analysis_of_other_vectors_is_not_used() -> None:
    content = chosen("a", 0.8, 0.7, 0.1, 0.3) | {"fingerprint": "f1"}
    for print_, known in (("f1", True), ("f2", False)):
        (found,) = profiles([content], {"a": analysis({"tr": 0.9}, 0.1, fingerprint=print_)})
        assert (found.mean_morphology is not None) is known and (found.silhouette is not None) is known


def test_figures_that_do_not_apply_are_left_out() -> None:
    assert list(draw(profiles_kind, TWO)) == ["profile_bars", "profile_radar"]
    assert not draw(profiles_kind, TWO[:1])
    alone = profiles([scores(m, ("tr",)) for m in MODELS[:2]], {})  # two modes make no polygon
    assert not draw(profiles_kind, alone)
