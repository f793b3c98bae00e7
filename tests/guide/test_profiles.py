"""Profiles of models: what is known goes into bars and radar, what is not is left out and said."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.report_fakes import scores
from xlembed.guide.figures import profiles as profiles_kind
from xlembed.guide.profiles import profiles
from xlembed.show.figures.registry import draw


def analysis(fingerprint: str, value: float = 0.9) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "morphology": [{"lang": lang, "superiority": {"value": value}} for lang in ("en", "de")],
        "separation": [
            {"measure": "silhouette", "lang": None, "value": 0.2, "ci_low": 0.1, "ci_high": 0.3},
            {"measure": "silhouette", "lang": "en", "value": 0.9, "ci_low": 0.8, "ci_high": 1.0},
        ],
    }


def of(*names: str) -> list[dict[str, Any]]:
    return [
        {**scores(name, measures=("accuracy@1", "MRR", "recall@1")), "fingerprint": f"print of {name}"}
        for name in names
    ]


def test_only_an_analysis_of_the_same_vectors_is_used() -> None:
    found = profiles(of("a", "b"), {"a": analysis("print of a"), "b": analysis("other")}, {"a": 50.0})
    assert (found[0].mean_morphology, found[0].speed) == (pytest.approx(0.9), 0.5)
    assert found[0].silhouette is not None and found[0].silhouette["value"] == 0.2
    assert (found[1].mean_morphology, found[1].silhouette, found[1].speed) == (None, None, None)


def test_figures_show_the_models_and_only_what_is_known() -> None:
    known = profiles(of("a", "b"), {n: analysis(f"print of {n}") for n in "ab"}, {"a": 5.0, "b": 9.0})
    bare = profiles(of("a", "b"), {})
    for found, has in ((known, True), (bare, False)):
        figures = draw(profiles_kind, found)
        assert set(figures) == {"profile_bars", "profile_radar"}
        for figure in figures.values():
            said = " ".join(t.get_text() for t in figure.findobj() if hasattr(t, "get_text"))
            assert "a" in said and "b" in said
        radar = [t.get_text() for t in figures["profile_radar"].findobj() if hasattr(t, "get_text")]
        assert ("morphology" in radar) is has and ("speed" in radar) is has
