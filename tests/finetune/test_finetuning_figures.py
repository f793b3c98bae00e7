"""Figures, tables and warnings of fine-tunings and ablations: what stands where, and that no text is cut or covered."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from rich.console import Console

from fakes.figure_checks import all_text, assert_legible, axes_of, by_gid, whiskers
from finetune.finetuning_fakes import ablation, finetuning, headline, macro_rows, rho, stage
from xlembed.cli.console import print_table
from xlembed.finetune.ablation_tables import ablation_markdown, ablation_tables, write_ablation_report
from xlembed.finetune.danger import danger_lines, dimension_lines
from xlembed.finetune.figures import ablations as ablations_kind
from xlembed.finetune.figures import trainings as finetuning_kind
from xlembed.finetune.tables import (
    before_after_table,
    change_table,
    finetuning_markdown,
    related_lines,
    sts_table,
    trainable_table,
    write_finetuning_report,
)
from xlembed.show.figures.registry import draw

LONG = {
    f"batch of {n} with a rather long title of its own": (n, 0.4 + n / 10_000) for n in (64, 256, 1024, 4096)
}


def two_cut() -> dict[str, Any]:
    report = ablation(seeds=3)
    second = [{**row, "variant": "batch512"} for row in report["dimensions"]]
    return report | {"dimensions": [*report["dimensions"], *second]}


def monolingual() -> dict[str, Any]:
    report = finetuning(stages=[stage("one", "mnrl", 64, n=2)], sts_changes=[])
    report["evaluations"] = [report["evaluations"][0], report["evaluations"][-1]]
    for evaluation in report["evaluations"]:
        found = headline(0.6, ("tr",))
        found["scores"] = {"mono": found["scores"]["mono"]}
        evaluation["tasks"] = {"scifact_tr": found}
    return report


CASES = {
    "finetuning": (finetuning_kind, finetuning),
    "monolingual": (finetuning_kind, monolingual),
    "ablation": (ablations_kind, ablation),
    "two cut": (ablations_kind, two_cut),
    "long": (ablations_kind, lambda: ablation(LONG)),
    "one": (ablations_kind, lambda: ablation({"batch128": (128, 0.5)})),
}


def line_of(axes: Axes, gid: str) -> tuple[list[float], list[float]]:
    (line,) = by_gid(axes, gid)
    return [float(x) for x in line.get_xdata()], [float(y) for y in line.get_ydata()]


@pytest.mark.parametrize("name", CASES)
def test_no_text_is_cut_or_covers_another(name: str) -> None:
    kind, report = CASES[name]
    figures = draw(kind, report())
    assert figures
    for figure in figures.values():
        assert_legible(figure)


def test_only_what_applies_is_drawn() -> None:
    assert set(draw(finetuning_kind, finetuning())) == {"before_after", "training_curves"}
    assert set(draw(ablations_kind, ablation())) == {
        "ablation",
        "batch_curve",
        "dimension_curve",
        "sts_slopes",
    }
    bare = ablation(dimensions=[], sts=None)
    for variant in bare["variants"]:
        variant |= {"sts": None, "batch": None}
    assert set(draw(ablations_kind, bare)) == {"ablation"}


class TestFigures:
    def test_training_curves_show_loss_dev_and_the_kept_weights(self) -> None:
        figure = draw(finetuning_kind, finetuning())["training_curves"]
        xs, ys = line_of(axes_of(figure, "loss nli"), "loss")
        curve = finetuning()["stages"][0]["curve"]
        assert (xs, ys) == ([p["step"] for p in curve], [p["loss"] for p in curve])
        assert line_of(axes_of(figure, "dev nli"), "best")[0] == [360]
        assert not [a for a in figure.axes if a.get_gid() == "dev retrieval"]

    def test_before_after_has_a_mark_and_an_interval_per_stage_and_language(self) -> None:
        figure = draw(finetuning_kind, finetuning())["before_after"]
        axes = axes_of(figure, "shop mono")
        assert [t.get_text() for t in axes.get_yticklabels()] == ["macro", "de", "en", "ja*"]
        assert len(by_gid(axes, "after 0")) == 4
        assert by_gid(axes, "after 3")[0].get_xdata()[0] == pytest.approx(0.75)
        assert len(whiskers(axes)) == 16
        assert len(by_gid(axes_of(figure, "shop true cross, all"), "after 0")) == 1
        assert "* base model on shop: language not supported (ja)" in all_text(figure)

    def test_the_first_variant_has_no_p_and_others_have_seeds(self) -> None:
        figure = draw(ablations_kind, ablation(seeds=3))["ablation"]
        axes = axes_of(figure, "mono")
        assert [t.get_text() for t in by_gid(axes, "p")] == ["0.012", "0.012"]
        assert len(by_gid(axes, "seed")) == 6
        assert [by_gid(axes, f"variant {i}")[0].get_xdata()[0] for i in range(4)] == [0.55, 0.67, 0.63, 0.71]

    def test_dimensions_are_on_a_logarithmic_axis_with_their_bytes(self) -> None:
        figure = draw(ablations_kind, ablation())["dimension_curve"]
        axes = axes_of(figure, "quality batch128")
        assert [t.get_text() for t in axes.get_xticklabels()] == [
            "32\n128 B", "64\n256 B", "128\n512 B", "256\n1,024 B",
        ]  # fmt: skip
        assert line_of(axes, "line mono")[1] == [0.67, 0.66, 0.63, 0.55]
        times = axes_of(figure, "times")
        assert line_of(times, "times batch128") == ([5, 6, 7, 8], pytest.approx([0.082, 0.114, 0.178, 0.306]))
        assert "this machine (x86_64, 2 cores)" in all_text(figure).replace("\n", " ")

    def test_batches_stand_in_order(self) -> None:
        figure = draw(ablations_kind, ablation())["batch_curve"]
        (axes,) = [a for a in figure.axes if by_gid(a, "line mono")]
        assert line_of(axes, "line mono")[1] == [0.63, 0.67, 0.71]

    def test_slopes_begin_at_the_base_model_and_show_the_danger_line(self) -> None:
        figure = draw(ablations_kind, ablation())["sts_slopes"]
        axes = figure.axes[0]
        assert line_of(axes, "slope batch512")[1] == pytest.approx([0.72, 0.66])
        assert line_of(axes, "danger")[1] == [0.7, 0.7]
        assert next(t.get_text() for t in by_gid(axes, "name")) == "batch 128  0.700"


def test_an_ablation_says_which_languages_its_tests_leave_out() -> None:
    from xlembed.finetune.figures.ablations.ablation import _notes

    plain = ablation()
    labelled = {
        **plain["comparison"],
        "labels": {"batch32": {"ru": "language not supported"}, "batch128": {}},
    }
    assert not any("leave out" in note for note in _notes(plain))
    assert any(note.startswith("Tests leave out ru,") for note in _notes(ablation(comparison=labelled)))


class TestTables:
    def test_pages_hold_every_number(self) -> None:
        text = finetuning_markdown(finetuning(), ["before_after.png"])
        for part in (
            "- A warning.",
            "| body | 1,000 | 99,000 | 1.01 % |",
            "| total | 2,000 | 100,000 | 2.00 % |",
            "| static_multilingual (base)* | 55.0 [51.0, 59.0]",
            "| **shop: sts → retrieval** |",
            "| monolingual; without ja | +16.5 [+13.5, +19.5] | 0.002 | 0.012 | better after |",
            "| ja → ja, monolingual | 20.0 | 55.0 | +35.0 [+25.0, +45.0] | 30 | language not supported |",
            "| base → retrieval | −0.050 [−0.070, −0.030] | <0.001 | 1,379 |",
            "Spearman 0.120 [−0.030, 0.270] over 210 queries",
            "from the cache; hard 12",
            "![before after](figures/before_after.png)",
        ):
            assert part in text

    def test_what_is_lacking_is_said(self) -> None:
        lacking = finetuning(changes=[], warnings=[], retrieval_vs_sts=[])
        assert "No known danger line was crossed." in finetuning_markdown(lacking)
        nothing = finetuning(
            retrieval_vs_sts=[
                {"task": "t", "set": "s", "spearman": None, "ci_low": None, "ci_high": None, "n_queries": 6}
            ]
        )
        assert "no correlation" in related_lines(nothing)[0]

    def test_only_what_was_learned_is_shown_as_learned(self) -> None:
        text = finetuning_markdown(finetuning())
        assert text.count("ja → ja") == 2  # base to nli, and base to the last stage
        nothing = finetuning()
        for change in nothing["changes"]:
            change["learned"] = []
        assert "Languages learned" in text and "Languages learned" not in finetuning_markdown(nothing)

    def test_languages_that_no_test_looked_at_are_named_where_the_change_stands(self) -> None:
        changes, scores = change_table(finetuning()), before_after_table(finetuning(), "shop")
        said = [line.cells[0].text for line in changes.rows]
        assert said[1] == "  monolingual; without ja" and said.count(said[1]) == 4
        assert "* shop.base: language not supported (ja); these languages are left out." in changes.notes
        assert [line.cells[0].text for line in scores.rows][:2] == ["static_multilingual (base)*", "nli*"]
        assert any(
            note.startswith("* base model on shop: language not supported (ja)") for note in scores.notes
        )
        everywhere = finetuning()
        for change in everywhere["changes"]:
            change["labels"] = {}
        assert not any("without" in line.cells[0].text for line in change_table(everywhere).rows)

    def test_parameters_that_bring_their_sum_are_not_added_twice(self) -> None:
        rows = [{"part": p, "trainable": t, "total": 10} for p, t in (("a", 1), ("b", 2))]
        with_sum = [*rows, {"part": "total", "trainable": 3, "total": 20}]
        for given in (rows, with_sum):
            table = trainable_table(given)
            assert [cell.text for cell in table.foot[0].cells] == ["total", "3", "20", "15.00 %"]
            assert len(table.rows) == 2

    def test_tables_fit_a_narrow_console(self) -> None:
        console = Console(width=80, record=True, file=io.StringIO())
        for table in (change_table(finetuning()), sts_table(finetuning()), *ablation_tables(two_cut())):
            print_table(console, table)
        assert "better after" in console.export_text()

    def test_ablation_page(self) -> None:
        text = ablation_markdown(ablation(seeds=2))
        for part in (
            "- batch 32: stages retrieval; stages.retrieval.batch = 32",
            "- batch 32: A warning.",
            "| static_multilingual (not trained) | 55.0 [51.0, 59.0]",
            "**batch32 − batch128**",
            "| batch 512 | 0.720 [0.690, 0.750] | 0.660 [0.630, 0.690] | −0.020 [−0.030, −0.010] | 0.010 |",
            "mean ± standard deviation",
            "| batch 128 | 67.5 ± 0.7 |",
            "| batch 128 | 32 | 128 | 0.082 [0.072, 0.102] | 55.0 [51.0, 59.0] |",
        ):
            assert part in text

    def test_reports_are_written_with_their_figures(self, tmp_path: Path) -> None:
        write_finetuning_report(finetuning(), tmp_path / "a")
        write_ablation_report(ablation(), tmp_path / "b")
        assert "(figures/training_curves.png)" in (tmp_path / "a" / "report.md").read_text(encoding="utf-8")
        assert (tmp_path / "b" / "figures" / "sts_slopes.png").stat().st_size > 1000


class TestDangerLines:
    def test_each_line_says_what_was_measured_where_the_line_is_and_what_to_do(self) -> None:
        batch, precision, sts = danger_lines(finetuning())
        assert batch.startswith("Contrastive batch: retrieval 128; below 512") and "mini_batch" in batch
        assert precision.startswith("P@1 on shop: true_cross_lingual, pool = all 40.0 %; ")
        assert "pool = target 55.0 %; below 60 %" in precision and "hard negatives" in precision
        assert "monolingual" not in precision
        assert sts.startswith(
            "STS Spearman on stsb: 0.660 after retrieval training (0.710 before the first stage)"
        )

    def test_nothing_is_said_of_a_good_model(self) -> None:
        good = finetuning(stages=[stage("retrieval", "cached_mnrl", 2048)])
        good["evaluations"] = [
            {"after": a, "model": a, "tasks": {"shop": headline(0.95)}, "sts": {"stsb": rho(0.70)}}
            for a in ("base", "retrieval")
        ]
        assert danger_lines(good) == []

    def test_forgetting_is_a_matter_of_retrieval_training(self) -> None:
        only_sts = finetuning(stages=[stage("sts", "cosent", 32)])
        assert not any(line.startswith("STS") for line in danger_lines(only_sts))

    def test_more_than_ten_percent_lost_below_512_dimensions(self) -> None:
        def rows(*levels: tuple[int, float]) -> list[dict[str, Any]]:
            return [{"variant": "v", "dim": dim, "scores": macro_rows(level)[:1]} for dim, level in levels]

        # 0.8 + 0.05 at the full size: 0.765 is 10 % less.
        assert dimension_lines(rows((1024, 0.8), (512, 0.1), (256, 0.716), (128, 0.72))) == []
        (line,) = dimension_lines(rows((1024, 0.8), (512, 0.7), (256, 0.71), (128, 0.6)))
        assert "10.6 % at 256 (accuracy@1, monolingual); 23.5 % at 128" in line
        assert "at 512" not in line
        assert danger_lines(finetuning(stages=[], evaluations=[], dimensions=rows((256, 0.8), (64, 0.5))))
        assert dimension_lines([]) == []
