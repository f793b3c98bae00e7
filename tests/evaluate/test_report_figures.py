"""Structure of the figures: what stands in which cell, where whiskers end, that no text is cut or covered."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Patch

from fakes.figure_checks import all_text, assert_legible, axes_of, by_gid, whiskers
from fakes.report_fakes import MODELS, SIX, TWELVE, TWO, comparisons, row, scores, several
from xlembed.evaluate.figures import comparisons as comparisons_kind
from xlembed.evaluate.figures import runs as runs_kind
from xlembed.evaluate.figures.comparisons.forest import forest
from xlembed.evaluate.figures.comparisons.tradeoff import tradeoff
from xlembed.evaluate.figures.runs.accuracy_matrix import accuracy_matrix
from xlembed.evaluate.figures.runs.language_bars import language_bars
from xlembed.evaluate.figures.runs.language_matrix import language_matrix
from xlembed.show.figures.registry import draw, figures_of
from xlembed.show.style import contrast, language_look, numbered
from xlembed.words import UserError

RUNS = {
    "two, few clusters": scores(languages=TWO, few=True),
    "six, missing": scores(MODELS[0], SIX, missing=(("ja", "zh"), ("zh", "zh"))),
    "twelve, English-only": scores(
        MODELS[0], TWELVE, labels=dict.fromkeys([x for x in TWELVE if x != "en"], "English-only model")
    ),
    "one": scores(MODELS[0], ("tr",)),
    "at the ceiling": scores(languages=SIX, level=1.1, loss=0.0),
    "at the floor": scores(languages=SIX, level=0.0, loss=0.0),
}
COMPARED = {f"{n} models": (several(n), comparisons(MODELS[:n])) for n in (1, 2, 4, 9)} | {
    "nine at one point": ([scores(m, level=1.2, loss=0.0) for m in MODELS], comparisons(MODELS))
}


def every_figure() -> list[Any]:
    runs = [
        pytest.param(name, f, s, None, id=f"{f} {name}")
        for name, s in RUNS.items()
        for f in figures_of(runs_kind)
    ]
    several_models = [
        pytest.param(name, f, s, c, id=f"{f} {name}")
        for name, (s, c) in COMPARED.items()
        for f, figure in figures_of(comparisons_kind).items()
        if figure.applies(s, c)
    ]
    return runs + several_models


@pytest.mark.parametrize(("case", "name", "content", "compared"), every_figure())
def test_no_text_is_cut_or_covers_another(case: str, name: str, content: Any, compared: Any) -> None:
    figure = (
        figures_of(runs_kind)[name].draw(content)
        if compared is None
        else figures_of(comparisons_kind)[name].draw(content, compared)
    )
    assert_legible(figure)


def test_registry_finds_every_file_and_leaves_out_what_does_not_apply() -> None:
    assert list(figures_of(runs_kind)) == ["accuracy_matrix", "language_bars", "language_matrix"]
    assert list(figures_of(comparisons_kind)) == ["first_place", "forest", "preference", "tradeoff"]
    without_shares = scores()
    without_shares["scores"] = [r for r in without_shares["scores"] if r["kind"] != "retrieved_language"]
    assert list(draw(runs_kind, without_shares)) == ["accuracy_matrix", "language_bars"]
    assert list(draw(comparisons_kind, several(2, ("tr",)), [])) == []
    assert list(draw(comparisons_kind, several(2), [])) == ["tradeoff"]


class TestAccuracyMatrix:
    content = scores(
        languages=("de", "en", "ja"), missing=(("ja", "ja"), ("de", "ja")), labels={"ja": "not supported"}
    )
    content["scores"] = [
        r for r in content["scores"] if (r["query_lang"], r["doc_lang"]) not in {("de", "de"), ("en", "de")}
    ] + [
        row("monolingual", "target", "de", "de", 0.9),
        row("cross_lingual", "all", "de", "de", 0.8),
        row("true_cross_lingual", "all", "en", "de", 0.123),
        row("true_cross_lingual", "target", "en", "de", 0.456),
    ]

    @pytest.mark.parametrize(
        ("pool", "cell", "text"),
        [
            ("target", "de>de", "90.0"),
            ("all", "de>de", "80.0"),
            ("all", "en>de", "12.3"),
            ("target", "en>de", "45.6"),
            ("all", "ja>ja", "n/a"),
            ("target", "de>ja", "n/a"),
        ],
    )
    def test_each_cell_says_its_value(self, pool: str, cell: str, text: str) -> None:
        axes = axes_of(accuracy_matrix(self.content), f"pool {pool}")
        (found,) = by_gid(axes, cell)
        assert found.get_text() == text

    def test_rows_are_query_languages_from_the_top(self) -> None:
        axes = axes_of(accuracy_matrix(self.content), "pool all")
        (found,) = by_gid(axes, "en>de")
        assert found.get_position() == (0, 1)
        assert [t.get_text() for t in axes.get_yticklabels()] == ["de", "en", "ja*"]
        assert axes.get_ylim()[0] > axes.get_ylim()[1]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("document language", "query language")

    def test_missing_cells_are_hatched_and_only_they(self) -> None:
        axes = axes_of(accuracy_matrix(self.content), "pool all")
        missing = by_gid(axes, "missing")
        assert {(p.get_x() + 0.5, p.get_y() + 0.5) for p in missing} == {(2, 2), (2, 0)}
        assert all(p.get_hatch() for p in missing)
        assert len(by_gid(axes, "cell")) == 7

    def test_numbers_are_readable_on_every_colour(self) -> None:
        content = scores(languages=TWELVE, level=0.5, loss=0.0)
        for i, one in enumerate(
            r for r in content["scores"] if r["query_lang"] and r["measure"] == "accuracy@1"
        ):
            one["value"] = i % 101 / 100
        axes = axes_of(accuracy_matrix(content), "pool all")
        cells = {(p.get_x() + 0.5, p.get_y() + 0.5): p.get_facecolor()[:3] for p in by_gid(axes, "cell")}
        texts = [t for t in axes.texts if t.get_gid()]
        assert len(texts) == 144
        assert min(contrast(t.get_color(), cells[t.get_position()]) for t in texts) > 4.5

    def test_title_says_model_task_measure_and_counts_and_the_label_is_a_footnote(self) -> None:
        text = all_text(accuracy_matrix(self.content))
        for part in ("static_multilingual", "reviews_sample", "accuracy@1", "105 units", "30 clusters"):
            assert part in text
        assert (
            "* not supported (ja): these numbers and averages over them are invalid for a decision." in text
        )

    def test_cells_without_an_interval_are_called_descriptive(self) -> None:
        assert "All cells rest on fewer than 10 clusters" in all_text(
            accuracy_matrix(scores(languages=TWO, few=True))
        )
        assert "fewer than 10" not in all_text(accuracy_matrix(scores(languages=TWO)))


class TestLanguageBars:
    def test_whiskers_end_at_the_interval(self) -> None:
        content = scores(languages=("tr",))
        content["scores"] = [
            row("monolingual", "target", "tr", "tr", 0.5, ci_low=0.41, ci_high=0.62),
            row("monolingual", "target", None, None, 0.5, ci_low=0.41, ci_high=0.62),
            row("cross_lingual", "all", "tr", "tr", 0.3, half=None),
        ]
        figure = language_bars(content)
        assert [y for _, y in whiskers(figure.axes[0])] == [[0.41, 0.62], [0.41, 0.62]]
        assert "n/a" in all_text(figure)
        assert "without a whisker rest on fewer than 10 clusters (7)" in all_text(figure)

    def test_bars_have_the_height_of_the_values(self) -> None:
        content = scores(languages=TWO)
        figure = language_bars(content)
        heights = {p.get_gid(): p.get_height() for p in figure.axes[0].patches}
        expected = {
            (r["query_lang"] or "macro average", r["kind"], r["pool"]): r["value"]
            for r in content["scores"]
            if r["measure"] == "accuracy@1" and (r["kind"] != "true_cross_lingual" or r["query_lang"] is None)
        }
        assert heights["de monolingual"] == expected["de", "monolingual", "target"]
        assert heights["en cross_lingual"] == expected["en", "cross_lingual", "all"]
        assert (
            heights["macro average true_cross_lingual, pool = target"]
            == (expected["macro average", "true_cross_lingual", "target"])
        )
        assert len(heights) == 2 * 2 + 4

    def test_a_stored_mean_over_document_languages_becomes_a_bar(self) -> None:
        content = scores(languages=TWO)
        content["scores"].append(row("true_cross_lingual", "all", "de", None, 0.25))
        heights = {p.get_gid(): p.get_height() for p in language_bars(content).axes[0].patches}
        assert heights["de true_cross_lingual, pool = all"] == 0.25


class TestLanguageMatrix:
    def test_segments_are_the_shares_and_the_corpus_is_last(self) -> None:
        content = scores(languages=("de", "en"))
        content["scores"] = [
            row("retrieved_language", "all", "de", "de", 0.75, measure="share@5"),
            row("retrieved_language", "all", "de", "en", 0.25, measure="share@5"),
        ]
        content["corpus_shares"] = {"de": 0.4, "en": 0.6}
        content["empty_queries"] = {"de": 3, "en": 2}
        figure = language_matrix(content)
        axes = figure.axes[0]
        widths = {
            lang: [p.get_width() for p in axes.patches if p.get_gid() == f"share {lang}"] for lang in TWO
        }
        assert widths == {"de": [0.75, 0.4], "en": [0.25, 0.6]}
        assert [t.get_text() for t in axes.get_yticklabels()] == ["de", "en", "corpus"]
        text = all_text(figure)
        assert "n/a" in text, "en has no shares"
        assert "35, 3 empty" in text
        assert "Queries that retrieved nothing (in no bar): 5." in text

    def test_another_k_and_the_k_of_the_evaluation(self) -> None:
        assert "top 10" in all_text(language_matrix(scores(), k=10))
        assert "top 1:" in all_text(language_matrix(scores() | {"evaluate": {"language_k": 1}}))
        with pytest.raises(
            UserError, match="no share@7 of retrieved languages; stored: share@1, share@10, share@5"
        ):
            language_matrix(scores(), k=7)

    def test_a_language_has_one_look_in_every_figure(self) -> None:
        def looks(languages: tuple[str, ...]) -> dict[str, set[tuple[str, str]]]:
            found: dict[str, set[tuple[str, str]]] = {}
            for patch in language_matrix(scores(languages=languages)).axes[0].findobj(Patch):
                if isinstance(patch, Patch) and (patch.get_gid() or "").startswith("share "):
                    look = (to_hex(patch.get_facecolor()).upper(), patch.get_hatch() or "")
                    found.setdefault(patch.get_gid().removeprefix("share "), set()).add(look)
            return found

        twelve, two = looks(TWELVE), looks(("zh", "de"))
        assert twelve["de"] == two["de"] == {language_look("de")[:2]}
        assert twelve["zh"] == two["zh"]
        assert len(set(itertools.chain.from_iterable(twelve.values()))) == 12


class TestTradeoff:
    def test_points_and_whiskers_are_the_macros(self) -> None:
        content = scores("labse", TWO)
        content["scores"] = [
            row("monolingual", "target", None, None, 0.8, ci_low=0.71, ci_high=0.83),
            row("true_cross_lingual", "all", None, None, 0.3, ci_low=0.22, ci_high=0.41),
            row("true_cross_lingual", "target", None, None, 0.6, half=None),
        ]
        figure = tradeoff([content])
        everything, target = axes_of(figure, "pool all"), axes_of(figure, "pool target")
        (point,) = by_gid(everything, "model labse")
        assert (point.get_xdata()[0], point.get_ydata()[0]) == (0.8, 0.3)
        assert whiskers(everything) == [([0.71, 0.83], [0.3, 0.3]), ([0.8, 0.8], [0.22, 0.41])]
        assert whiskers(target) == [([0.71, 0.83], [0.6, 0.6])]
        assert "Points without bars rest on fewer than 10 clusters" in all_text(figure)

    def test_both_axes_have_the_same_limits_the_ideal_corner_and_the_diagonal(self) -> None:
        for axes in (axes_of(tradeoff(several(9)), f"pool {p}") for p in ("all", "target")):
            assert axes.get_xlim() == axes.get_ylim()
            (ideal,) = by_gid(axes, "ideal")
            assert (ideal.get_xdata()[0], ideal.get_ydata()[0]) == (1, 1)
            (diagonal,) = by_gid(axes, "diagonal")
            assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())

    def test_unsupported_models_are_hollow_and_labelled(self) -> None:
        figure = tradeoff(several(9))
        axes = axes_of(figure, "pool all")
        faces = {m: to_hex(by_gid(axes, f"model {m}")[0].get_markerfacecolor()) for m in MODELS}
        assert [m for m, face in faces.items() if face == "#ffffff"] == ["all_mpnet_base_v2"]
        text = all_text(figure)
        assert "7  all_mpnet_base_v2: English-only model (de, es, fr, ja, zh)" in text
        assert "Hollow:" in text
        assert sorted(t.get_text() for t in axes.texts if t.get_gid() == "number") == list("123456789")

    def test_a_model_without_a_score_is_named_not_drawn_at_zero(self) -> None:
        both = several(2)
        both[1]["scores"] = [
            r for r in both[1]["scores"] if r["pool"] != "target" or r["kind"] == "monolingual"
        ]
        figure = tradeoff(both)
        assert by_gid(axes_of(figure, "pool target"), f"model {MODELS[1]}") == []
        assert f"Not drawn under pool = target, a score is missing: {MODELS[1]}." in all_text(figure)

    def test_other_tasks_are_refused(self) -> None:
        with pytest.raises(UserError, match="one task, found reviews_sample, xquad"):
            tradeoff([scores("a"), scores("b") | {"task": "xquad"}])
        with pytest.raises(UserError, match="each model once, found again: a"):
            tradeoff([scores("a"), scores("a")])


class TestForest:
    def one(self, **other: Any) -> dict[str, Any]:
        first = comparisons(MODELS[:2])[0]
        return first | {"difference": 0.1, "ci_low": 0.031, "ci_high": 0.172, "p_adjusted": 0.0421} | other

    def test_whisker_ends_verdict_p_and_zero_line(self) -> None:
        figure = forest([], [self.one(verdict="A better")])
        axes = figure.axes[0]
        assert [x for x, _ in whiskers(axes)] == [[0.031, 0.172]]
        (zero,) = by_gid(axes, "zero")
        assert list(zero.get_xdata()) == [0, 0]
        low, high = axes.get_xlim()
        assert low < 0 < 0.172 < high
        text = all_text(figure)
        for part in ("+10.0 [+3.1, +17.2]", "0.042", "A better", "unadjusted", MODELS[0], MODELS[1]):
            assert part in text

    def test_filled_only_where_a_winner_is_named(self) -> None:
        rows = comparisons(MODELS[:4])
        drawn = by_gid(forest([], rows).axes[0], "difference")
        hollow = [to_hex(p.get_markerfacecolor()) == "#ffffff" for p in drawn]
        assert hollow == [not r["verdict"].endswith("better") for r in rows]
        assert 0 < sum(hollow) < 24

    def test_a_verdict_that_names_the_model_is_told_as_a_or_b(self) -> None:
        text = all_text(forest([], [self.one(verdict=f"{MODELS[1]} better")]))
        assert "B better" in text
        assert f"{MODELS[1]} better" not in text

    def test_a_model_keeps_its_number_where_others_are_missing(self) -> None:
        """As in a report, whose tests are of fewer models than its page."""
        whole = several(4)
        with numbered([s["model"] for s in whole]):
            text = all_text(tradeoff(whole[2:]))
        assert f"3  {whole[2]['model']}" in text and f"4  {whole[3]['model']}" in text
        assert f"1  {whole[2]['model']}" in all_text(tradeoff(whole[2:]))

    def test_at_least_four_ticks(self) -> None:
        """The English-only model of the demonstration: 0 stands at the edge."""
        figure = forest([], [self.one(difference=-0.51, ci_low=-0.67, ci_high=-0.34)])
        assert len(figure.axes[0].get_xticks()) >= 4

    def test_many_pairs_get_a_panel_per_macro_with_the_same_limits(self) -> None:
        rows = comparisons(MODELS)
        figure = forest(several(9), rows)
        assert len(figure.axes) == 4
        assert len({a.get_xlim() for a in figure.axes}) == 1
        drawn = [[float(p.get_xdata()[0]) for p in by_gid(a, "difference")] for a in figure.axes]
        assert drawn[2] == [
            r["difference"] for r in rows if (r["kind"], r["pool"]) == ("true_cross_lingual", "all")
        ]
        text = all_text(figure)
        assert "labse − all_mpnet_base_v2*" in text
        assert "; only" not in text
        tested = [r | {"cells": ["en->en"]} for r in rows]
        assert "labse − all_mpnet_base_v2*; only en" in all_text(forest(several(9), tested))
        assert "* all_mpnet_base_v2: English-only model (de, es, fr, ja, zh); invalid for a decision." in text

    def test_no_interval_no_whisker_and_it_is_said(self) -> None:
        figure = forest([], [self.one(ci_low=None, ci_high=None)])
        assert whiskers(figure.axes[0]) == []
        assert "(no CI)" in all_text(figure)
        assert "fewer than 10 clusters" in all_text(figure)

    def test_cells_other_measures_and_nothing(self) -> None:
        cell = self.one(query_lang="de", doc_lang="de")
        other = self.one(measure="MRR@10", difference=0.9)
        assert len(by_gid(forest([], [self.one(), cell, other]).axes[0], "difference")) == 1
        with pytest.raises(UserError, match="found none"):
            forest([], [])
