"""Figures of an analysis: what each cell says, and that no text is cut or covers another."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from fakes.figure_checks import all_text, assert_legible, axes_of, by_gid
from fakes.report_fakes import SIX, TWELVE, TWO
from xlembed.analyse import figures as analyses_kind
from xlembed.analyse.figures.cosine_matrix import cosine_matrix
from xlembed.analyse.figures.projection import projection
from xlembed.analyse.figures.umap_projection import umap_projection
from xlembed.analyse.result import Analysis, Map, Place
from xlembed.analyse.tables import analysis_markdown, cosine_table, sanity_table
from xlembed.evaluate.tables import to_markdown
from xlembed.show.figures.registry import draw
from xlembed.show.style import language_look


def score(value: float) -> dict[str, Any]:
    ends = {"ci_low": value - 0.02, "ci_high": value + 0.02, "ci_method": "cluster_percentile"}
    return {"value": value, **ends, "n": 60, "n_clusters": 30}


def analysis(model: str = "model", languages: tuple[str, ...] = TWO, **more: Any) -> Analysis:
    """As stages.analyse writes it, with every number chosen."""
    pairs = [(a, b) for i, a in enumerate(languages) for b in languages[i:]]
    rng = np.random.default_rng(0)
    places = rng.normal(size=(20 * len(languages), 2)).round(3).tolist()
    names = ("silhouette", "purity@10", "expected_purity@10", "purity_excess@10", "language_accuracy")
    fault = {"n": 60, "zero": 0, "not_finite": 0, "zero_ids": [], "not_finite_ids": []}
    projection = Map(
        perplexity=30.0,
        seed=42,
        per_language=20,
        languages=list(languages),
        points=[
            Place(document=f"d{i}", lang=languages[i % len(languages)], x=x, y=y)
            for i, (x, y) in enumerate(places)
        ],
    )
    found = {
        "task": "demo",
        "task_digest": "",
        "alignment": "parallel",
        "fingerprint": "",
        "settings": {},
        "maps": {"projection": projection},
        "model": model,
        "vectors": True,
        "topic_confounded": False,
        "labels": {},
        "notes": [],
        "sample": {
            "languages": list(languages),
            "per_language": 30,
            "n_documents": 60,
            "n_groups": 30,
            "left_out": {},
        },
        "separation": [
            {"measure": name, "lang": lang, **score(0.5)} for name in names for lang in (None, *languages)
        ],
        "cosines": [{"a": a, "b": b, **score(0.25 if a == b else 0.125)} for a, b in pairs]
        + [{"a": "same", "b": None, **score(0.25)}, {"a": "different", "b": None, **score(0.125)}],
        "translations": [{"a": a, "b": b, **score(0.75)} for a, b in pairs if a != b]
        + [{"a": "translations", "b": None, **score(0.75)}],
        "silhouette_kmeans": {"value": 0.2, "note": "no measure of language"},
        "isotropy": {"mean_cosine": 0.1, "partition": 0.6, "effective_dims": 12.3, "dim": 64},
        "morphology": [
            {
                "lang": "tr",
                "label": "",
                "superiority": {"value": 0.9, "ci_low": 0.8, "ci_high": 0.95},
                "inflected": score(0.6),
                "unrelated": score(0.1),
                "legacy_band": "weak",
                "words_without_vector": 0,
            }
        ],
        "tokenisation": {
            "base": "en",
            "max_tokens": 256,
            "premiums": [
                {"kind": "queries", "lang": "tr", "tokens_per_text": score(12.0), "ratio": score(1.5)},
            ],
            "truncation": [
                {"kind": "documents", "lang": "tr", "share_lost": score(0.1), "share_cut": score(0.4)},
            ],
        },
        "sanity": {
            "documents": {**fault, "zero": 1, "zero_ids": ["d7"]},
            "queries": fault,
            "duplicate_vectors": {"groups": 0, "documents": 0, "first": []},
            "self_retrieval": {**score(0.9), "missed": [{"document": "d9", "rank": 1234}]},
            "prompts": {},
            "prompts_missing": [],
            "prompts_doubled": [],
        },
        **more,
    }
    return Analysis.from_json(found, "analysis.json", "")


CASES = {
    "one": [analysis()],
    "two of six": [analysis(languages=SIX), analysis("a_model_with_a_rather_long_name+dim64", SIX)],
    "four of twelve, labelled": [
        analysis(f"model{i}", TWELVE, labels={"de": "language not supported"}) for i in range(4)
    ],
    "comparable": [analysis(languages=SIX, translations=[], topic_confounded=True)],
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("draw", [cosine_matrix, projection], ids=lambda d: d.__name__)
def test_no_text_is_cut_or_covers_another(case: str, draw: Any) -> None:
    figure = draw(CASES[case])
    assert_legible(figure)


def test_cells_say_their_values_on_both_sides_of_the_diagonal() -> None:
    figure = cosine_matrix([analysis(languages=("de", "en"))])
    for key, cell, text in [
        ("cosines", "de>de", "0.25"),
        ("cosines", "de>en", "0.12"),
        ("cosines", "en>de", "0.12"),
        ("translations", "en>de", "0.75"),
    ]:
        (found,) = by_gid(axes_of(figure, f"model {key}"), cell)
        assert found.get_text() == text
    assert len(by_gid(axes_of(figure, "model translations"), "missing")) == 2


def test_every_document_is_drawn_once_in_the_colour_of_its_language() -> None:
    figure = projection([analysis(languages=("de", "en"))])
    axes = axes_of(figure, "projection model")
    for lang in ("de", "en"):
        found = by_gid(axes, f"points {lang}")
        assert sum(len(p.get_offsets()) for p in found) == 20
        red, green, blue, _ = found[0].get_facecolor()[0]
        shown = "#" + "".join(f"{round(255 * c):02X}" for c in (red, green, blue))
        assert shown == language_look(lang).colour


UMAP = {"method": "UMAP", "metric": "cosine", "neighbours": 15, "min_distance": 0.1}


def test_umap_says_how_it_was_made_and_draws_its_own_points() -> None:
    report = analysis(languages=("de", "en"))
    points = [p.model_copy(update={"x": p.x + 100}) for p in report.maps["projection"].points]
    umap = report.maps["projection"].model_copy(update={**UMAP, "points": points})
    figure = umap_projection([analysis(languages=("de", "en"), maps={"umap": umap})])
    said = " ".join(all_text(figure).split())
    assert "UMAP, cosine, 15 neighbours, least distance 0.1, seed 42" in said and "t-SNE" not in said
    drawn = by_gid(axes_of(figure, "projection model"), "points de")
    assert sorted(float(x) for p in drawn for x in p.get_offsets()[:, 0]) == sorted(
        p.x for p in points if p.lang == "de"
    )


def test_umap_of_some_models_only_is_not_drawn_side_by_side() -> None:
    maps = analysis().maps
    both = [analysis("a"), analysis("b", maps={**maps, "umap": maps["projection"].model_copy(update=UMAP)})]
    assert list(draw(analyses_kind, both)) == ["cosine_matrix", "projection"]
    assert list(draw(analyses_kind, both[1:])) == ["cosine_matrix", "projection", "umap_projection"]


def test_cells_are_coloured_from_0_to_1_as_asked() -> None:
    figure = cosine_matrix([analysis(languages=("de", "en"))])
    cells = by_gid(axes_of(figure, "model cosines"), "cell")
    expected = [mpl.colormaps["YlOrRd"](value) for value in (0.25, 0.125, 0.125, 0.25)]
    assert [cell.get_facecolor() for cell in cells] == expected
    assert "all pairs of documents" in all_text(figure)


def test_figures_that_do_not_apply_are_left_out() -> None:
    assert list(draw(analyses_kind, [analysis()])) == ["cosine_matrix", "projection"]
    assert list(draw(analyses_kind, [analysis(maps={})])) == ["cosine_matrix"]


def test_tables_say_what_was_found() -> None:
    page = analysis_markdown([analysis(topic_confounded=True)], ["projection.png"])
    for words in (
        "Topic confounded",
        "| tr | 90.0 [80.0, 95.0] | 0.600 [0.580, 0.620] |",
        "| queries | tr | 12.0 [12.0, 12.0] | 1.50 [1.48, 1.52] | 60 |",
        "| documents | tr | 10.0 [8.0, 12.0] | 40.0 [38.0, 42.0] | 60 |",
        "no measure of language",
        "![projection](figures/projection.png)",
    ):
        assert words in page, words
    checks = to_markdown(sanity_table(analysis()))
    assert "| zero vectors, documents | 1 of 60 (d7) | look |" in checks
    assert "90.0 % [88.0, 92.0] of 60 (d9 (rank 1,234)) | look |" in checks
    assert "| zero vectors, queries | 0 of 60 | ok |" in checks
    assert cosine_table(analysis(translations=[]), translations=True) is None


def test_nothing_cut_is_one_row() -> None:
    nothing = {"kind": "documents", "lang": "tr", "share_lost": score(0.0), "share_cut": score(0.0)}
    tokens = {"base": "en", "max_tokens": 256, "premiums": [], "truncation": [nothing]}
    assert "| all | all | 0.0 | 0.0 | 60 |" in analysis_markdown([analysis(tokenisation=tokens)])
