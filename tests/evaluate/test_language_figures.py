"""Figures of the language-aware measures: where points, lines and bars stand, and that no text is covered."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.figure_checks import all_text, assert_legible, axes_of, by_gid, whiskers
from fakes.report_fakes import MODELS, SIX, TWELVE, TWO, mixed, scores
from xlembed.evaluate.figures import comparisons as comparisons_kind
from xlembed.evaluate.figures.comparisons.first_place import first_place
from xlembed.evaluate.figures.comparisons.preference import preference
from xlembed.show.figures.registry import draw


def several(n: int, languages: tuple[str, ...] = SIX, **other: Any) -> list[dict[str, Any]]:
    return [
        mixed(scores(model, languages, **other), 0.99 - 0.06 * (i % 5), 0.2 + 0.09 * (i % 7))
        for i, model in enumerate(MODELS[:n])
    ]


CASES = {
    "one": several(1),
    "two, few clusters": several(2, TWO, few=True),
    "four, English-only": several(4, TWELVE, labels=dict.fromkeys(TWELVE[1:3], "English-only model")),
    "nine": several(9),
    "nothing is right": [mixed(scores(MODELS[0]), 0.0, 0.0), mixed(scores(MODELS[1]), 1.0, 1.0)],
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("draw_it", [preference, first_place])
def test_no_text_is_cut_or_covers_another(case: str, draw_it: Any) -> None:
    assert_legible(draw_it(CASES[case]))


def test_drawn_only_where_there_are_such_scores() -> None:
    before = [scores(model) for model in MODELS[:2]]
    assert list(draw(comparisons_kind, before, [])) == ["tradeoff"]
    assert list(draw(comparisons_kind, several(2), [])) == ["first_place", "preference", "tradeoff"]


def test_points_intervals_and_the_line_of_no_preference() -> None:
    content = [mixed(scores(MODELS[0], TWO), 0.8, 0.6), scores(MODELS[1], TWO)]
    figure = preference(content)
    axes = axes_of(figure, "preference")
    (mark,) = by_gid(axes, f"model {MODELS[0]}")
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([0.6], [0.8])
    ends = [v for line in whiskers(axes) for v in line]
    assert [pytest.approx([0.55, 0.645]), pytest.approx([0.75, 0.845])] == [ends[0], ends[3]]
    (line,) = by_gid(axes, "no preference")
    assert list(line.get_ydata()) == [0.5, 0.5]
    low, high = axes.get_ylim()
    assert low < 0.5 and high > 0.845
    assert f"Not drawn, a score is missing: {MODELS[1]}." in all_text(figure).replace("\n", " ")


def test_a_stacked_bar_per_query_language_and_the_macro() -> None:
    """.48 + .12 + .24 + .06 + .10 = 1: right, then wrong, then nothing."""
    axes = axes_of(first_place([mixed(scores(MODELS[0], TWO))]), f"model {MODELS[0]}")
    for name in (*TWO, "macro"):
        found = [
            by_gid(axes, f"{name} {share}")[0]
            for share in ("right_own", "right_other", "wrong_own", "wrong_other", "nothing")
        ]
        assert [bar.get_width() for bar in found] == pytest.approx([0.48, 0.12, 0.24, 0.06, 0.1])
        assert [bar.get_x() for bar in found] == pytest.approx([0, 0.48, 0.6, 0.84, 0.9])
    assert [t.get_text() for t in axes.get_yticklabels()] == [*TWO, "macro"]
    assert "60 [55, 64]" in [t.get_text() for t in axes.texts]
