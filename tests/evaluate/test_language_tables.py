"""Tables of the language-aware measures, at 80 columns and as Markdown."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from fakes.report_fakes import SIX, TWO, mixed, scores
from xlembed.cli.console import print_table
from xlembed.evaluate.language_tables import (
    language_aware_languages,
    language_aware_table,
    language_comparison_table,
)
from xlembed.evaluate.tables import to_markdown
from xlembed.show.content import Grid
from xlembed.stats.scorebook import ScoreBook, read_scores


def book(model: str = "static_multilingual", languages: tuple[str, ...] = TWO, **other: Any) -> ScoreBook:
    return read_scores(mixed(scores(model, languages)) | other)


def shown(grid: Grid, width: int = 80) -> str:
    out = io.StringIO()
    print_table(Console(file=out, width=width, color_system=None), grid)
    return out.getvalue()


def texts(grid: Grid | None) -> list[list[str]]:
    assert grid is not None
    return [[f"{c.text} {c.interval}".strip() for c in r.cells] for r in grid.rows]


def test_macro_averages_in_full() -> None:
    grid = language_aware_table([book()])
    assert texts(grid) == [
        [
            *("static_multilingual", "80.0 [75.0, 84.5]", "50.0", "60.0 [55.0, 64.5]"),
            *("48.0 [43.0, 52.5]", "12.0 [7.0, 16.5]", "24.0 [19.0, 28.5]", "6.0 [1.0, 10.5]"),
            *("54.0 [49.0, 58.5]", "12.3 [7.3, 16.8]"),
        ]
    ]
    assert grid is not None and "not in preference: static_multilingual 4." in grid.notes[4]
    assert to_markdown(grid).startswith("**reviews_sample: documents of all languages at once, macro over")


def test_the_default_model_fits_80_columns_in_one_piece() -> None:
    labelled = book("all_minilm_l6_v2", labels={"de": "English-only model"})
    grid = language_aware_table([book(), labelled], brief=True)
    assert grid is not None
    text = shown(grid)
    assert "continued" not in text and max(map(len, text.splitlines())) <= 80
    line = next(x for x in text.splitlines() if x.startswith("static_multilingual"))
    assert line.split() == [
        "static_multilingual",
        *("80.0", "50.0", "60.0", "48.0", "12.0", "24.0", "6.0", "54.0", "12.3"),
    ]
    assert "[75.0, 84.5]" in text and "[55.0, 64.5]" not in text
    assert "* all_minilm_l6_v2: English-only model (de)" in text


def test_an_evaluation_of_before_is_named_or_the_table_is_left_out() -> None:
    before = read_scores(scores("labse", TWO))
    assert language_aware_table([before]) is None and language_aware_languages([before]) is None
    grid = language_aware_table([book(), before])
    assert len(texts(grid)) == 1 and grid is not None
    assert "Not there, evaluated before or within languages only: labse." in grid.notes


def test_a_comparable_task_has_no_preference() -> None:
    content = mixed(scores("labse", TWO)) | {"no_preference": {}, "preference_left_out": {}}
    content["scores"] = [r for r in content["scores"] if r["kind"] not in ("preference", "lang_ndcg")]
    (found,) = texts(language_aware_table([read_scores(content)]))
    assert found[1:4] == ["n/a", "n/a", "60.0 [55.0, 64.5]"] and found[-2] == "n/a"


def test_a_row_per_query_language_and_model() -> None:
    grid = language_aware_languages([book(languages=SIX), book("labse", SIX)])
    found = texts(grid)
    assert [line[:2] for line in found[:3]] == [
        *(["de", "static_multilingual"], ["de", "labse"], ["en", "static_multilingual"]),
    ]
    assert len(found) == 12 and found[0][-1] == "35 / 30" and found[0][3] == "16.7"


def difference(measure: str, value: float, verdict: str) -> dict[str, Any]:
    numbers = {"difference": value, "ci_low": value - 0.05, "ci_high": value + 0.05, "p_value": 0.001}
    counts = {"n_units": 181, "n_clusters": 67, "p_adjusted": 0.002, "test": "sign-flip"}
    return {
        **{"a": "x", "b": "y", "kind": "k", "pool": "all", "measure": measure, "verdict": verdict},
        **numbers,
        **counts,
    }


def test_tests_between_models() -> None:
    rows = [difference("preference", -0.354, "y higher"), difference("any_language@1", 0.1, "x better")]
    content = {"task": "t", "labels": {"x": {}}, "language_aware": rows, "language_aware_left_out": []}
    grid = language_comparison_table(content)
    assert texts(grid) == [
        ["x − y", "", "", "", "", ""],
        ["preference", "−35.4 [−40.4, −30.4]", "181 / 67", "0.001", "0.002", "B higher"],
        ["any_language@1", "+10.0 [+5.0, +15.0]", "181 / 67", "0.001", "0.002", "A better"],
    ]
    assert grid is not None and [r.strong for r in grid.rows] == [True, True, True]
    assert not any("does not support" in note for note in grid.notes)


def test_what_was_not_compared_is_told_and_comparisons_of_before_have_no_table() -> None:
    assert language_comparison_table({"task": "t", "labels": {}, "primary": []}) is None
    content = {"task": "t", "labels": {}, "language_aware": [], "language_aware_left_out": ["z (old)"]}
    grid = language_comparison_table(content)
    assert grid is not None and grid.rows == () and grid.notes[-1] == "Not compared: z (old)."
