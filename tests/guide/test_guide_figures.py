"""The scatter of quality against speed: what is drawn where, and that no text is cut or covers another."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.figure_checks import all_text, assert_legible, axes_of, by_gid, whiskers
from fakes.report_fakes import MODELS
from xlembed.guide.figures import guides as guides_kind
from xlembed.guide.figures.guides.quality_speed import marker_size, quality_speed
from xlembed.guide.result import Guide
from xlembed.show.figures.registry import draw
from xlembed.show.shapes.scales import round_ticks


def row(model: str, value: float, ms: float | None, size: float | None = 1024.0) -> dict[str, Any]:
    quality = {"value": value, "ci_low": value - 0.05, "ci_high": value + 0.04}
    return {
        "model": model,
        "place": 1,
        "with_best": None,
        "points": value,
        "first": None,
        "behind": 0.0,
        "behind_low": None,
        "behind_high": None,
        "parts": {},
        "quality": {"cross_lingual": quality, "true_cross_all": quality | {"value": 0.0}},
        "ms_per_query": ms,
        "bytes_per_vector": size,
        "n_clusters": 30,
    }


def guide(*rows: dict[str, Any], **more: Any) -> Guide:
    """As stages.guide writes it; the rounds of a model lie from 0.9 to 1.5 times its median."""
    times = {r["model"]: r["ms_per_query"] for r in rows if r["ms_per_query"] is not None}
    found = {
        "task": "reviews_sample",
        "task_digest": "",
        "scenario": "chatbot",
        "title": "real-time chatbot",
        "why": "",
        "limits": {"ms_per_query": None, "bytes_per_vector": None},
        "unknown": [],
        "advice": [],
        "standing": {},
        "measure": "accuracy@1",
        "languages": ["de", "en"],
        "weights": {"cross_lingual": 0.5, "true_cross_all": 0.3, "speed": 0.2},
        "models": list(rows),
        "excluded": {},
        "timing": {
            "device": "cpu",
            "machine": "x86_64",
            "queries": 20,
            "rounds": 5,
            "spread": {m: {"low": 0.9 * ms, "high": 1.5 * ms} for m, ms in times.items()},
        },
        **more,
    }
    return Guide.from_json(found, "guide.json", "")


def many(n: int, ms: float = 0.2, growth: float = 3.0) -> list[dict[str, Any]]:
    return [row(m, 0.9 - 0.08 * i, ms * growth**i, 128.0 * 2**i) for i, m in enumerate(MODELS[:n])]


CASES = {
    "two": guide(*many(2)),
    "nine": guide(*many(9)),
    "nine at one point": guide(*(row(m, 1.0, 5.0) for m in MODELS)),
    "some not timed": guide(*many(3), row("bm25", 0.5, None, None), excluded={"e5": ["English-only model"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_or_covers_another(case: str) -> None:
    figure = quality_speed(CASES[case])
    assert_legible(figure)


def test_marks_and_bars_stand_where_the_guide_says() -> None:
    figure = quality_speed(guide(row("slow", 0.8, 40.0, 4096.0), row("fast", 0.6, 0.5, 256.0)))
    axes = axes_of(figure, "quality speed")
    assert axes.get_xscale() == "log"
    for name, x, y, size in (("slow", 40.0, 0.8, 12.0), ("fast", 0.5, 0.6, 6.0)):
        (mark,) = by_gid(axes, f"model {name}")
        assert (mark.get_xdata()[0], mark.get_ydata()[0], mark.get_markersize()) == (x, y, size)
    assert sorted(whiskers(axes)) == [
        ([0.5, 0.5], [pytest.approx(0.55), pytest.approx(0.64)]),
        ([40.0, 40.0], [pytest.approx(0.75), pytest.approx(0.84)]),
    ]
    spreads = sorted([list(map(float, line.get_xdata())) for line in by_gid(axes, "spread")])
    assert spreads == [[pytest.approx(0.45), pytest.approx(0.75)], [pytest.approx(36.0), pytest.approx(60.0)]]
    assert "slow: 40 ms, 4,096 bytes" in all_text(figure)


def test_models_without_a_time_are_named_not_drawn() -> None:
    figure = quality_speed(CASES["some not timed"])
    assert not by_gid(axes_of(figure, "quality speed"), "model bm25")
    assert "Not timed: bm25." in all_text(figure) and "limits: e5." in all_text(figure)


def test_a_model_keeps_its_look_whatever_its_place() -> None:
    first = guide(row("b", 0.8, 4.0), row("a", 0.6, 0.5))
    turned = guide(row("a", 0.8, 4.0), row("b", 0.6, 0.5))
    for name in "ab":
        looks = [
            by_gid(axes_of(quality_speed(g), "quality speed"), f"model {name}")[0].get_markerfacecolor()
            for g in (first, turned)
        ]
        assert looks[0] == looks[1]


def test_it_needs_two_times() -> None:
    assert list(draw(guides_kind, CASES["two"])) == ["quality_speed"]
    assert not draw(guides_kind, guide(row("a", 0.5, 1.0), row("b", 0.5, None)))


def test_under_ten_clusters_there_is_no_bar() -> None:
    few = many(2)
    for r in few:
        r["quality"]["cross_lingual"] |= {"ci_low": None, "ci_high": None}
    figure = quality_speed(guide(*few))
    assert not whiskers(axes_of(figure, "quality speed"))
    assert "fewer than 10 clusters" in all_text(figure)


def test_the_part_that_counts_most_is_drawn() -> None:
    assert (
        guide(weights={"speed": 0.9, "true_cross_all": 0.06, "monolingual": 0.04}).main_part
        == "true_cross_all"
    )
    assert guide(weights={"true_cross_all": 0.5, "monolingual": 0.5}).main_part == "monolingual"


def test_ticks_and_sizes() -> None:
    assert round_ticks(0.03, 4000) == [0.1, 1.0, 10.0, 100.0, 1000.0]
    assert marker_size(1e9) == 16.0 and marker_size(1) == 4.0
