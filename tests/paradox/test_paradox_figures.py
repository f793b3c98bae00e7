"""Figures of the paradox: points and arrows stand where the report says, no text is cut or covered."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.figure_checks import all_text, assert_legible, axes_of, by_gid, whiskers
from fakes.report_fakes import MODELS
from xlembed.paradox import figures as paradox_kind
from xlembed.show.figures.registry import draw


def score(value: float, half: float | None = 0.02) -> dict[str, Any]:
    ends = (
        {"ci_low": None, "ci_high": None}
        if half is None
        else {"ci_low": value - half, "ci_high": value + half}
    )
    return {"value": value, **ends, "n_units": 210, "n_clusters": 30}


def model(name: str, i: int, variant_of: str | None = None, half: float | None = 0.02) -> dict[str, Any]:
    return {
        "model": name,
        "variant_of": variant_of,
        "label": "English-only model" if i == 2 else "",
        "enters": variant_of is None and i != 2,
        "separation": score(0.1 + 0.07 * i, half),
        "monolingual": score(0.8 - 0.03 * i, half),
        "true_cross_all": score(0.6 - 0.05 * i, half),
        "loss_weak": score(0.05 * i - 0.1, half),
        "loss_strong": score(0.06 * i, half),
    }


def report(n: int, variants: int = 2, half: float | None = 0.02) -> dict[str, Any]:
    models = [model(m, i, half=half) for i, m in enumerate(MODELS[:n])]
    models += [model(f"{m}+center", i + 3, m, half) for i, m in enumerate(MODELS[:variants])]
    rho = {"rho": -0.51, "p_adjusted": 0.03, "n": n}
    return {
        "task": "reviews_sample",
        "measure": "accuracy@1",
        "languages": ["de", "en"],
        "models": models,
        "separation": {"k": 10},
        "correlations": [{"against": key, **rho} for key in ("monolingual", "loss_weak", "loss_strong")],
    }


CASES = {"two": report(2), "nine": report(9), "no intervals": report(3, 1, None)}


@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_or_covers_another(case: str) -> None:
    figures = draw(paradox_kind, CASES[case])
    assert list(figures) == ["separation", "variants"]
    for figure in figures.values():
        assert_legible(figure)


def test_points_stand_at_separation_and_score() -> None:
    figure = draw(paradox_kind, report(2))["separation"]
    axes = axes_of(figure, "against loss_weak")
    (mark,) = by_gid(axes, f"model {MODELS[1]}")
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (pytest.approx(0.17), pytest.approx(-0.05))
    assert len(whiskers(axes)) == 2 * 4
    assert [t.get_text() for t in by_gid(axes, "number")] == ["1", "2"]  # variants have their model's mark
    assert "rho = −0.51, adjusted p = 0.030, n = 2" in all_text(figure)


def test_arrows_lead_from_a_model_to_its_variant() -> None:
    axes = draw(paradox_kind, report(2, 1))["variants"].axes[0]
    (arrow,) = by_gid(axes, "arrow")
    assert (arrow.xyann, arrow.xy) == (
        (pytest.approx(0.8), pytest.approx(0.6)),
        (pytest.approx(0.71), pytest.approx(0.45)),
    )
    assert sorted(t.get_text() for t in by_gid(axes, "name")) == ["+center", "1"]


def test_without_variants_there_are_no_arrows() -> None:
    assert list(draw(paradox_kind, report(2, 0))) == ["separation"]
