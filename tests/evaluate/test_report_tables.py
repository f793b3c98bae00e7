"""Numbers and labels of the tables, at 80 and 120 columns, without colour."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from fakes.report_fakes import MODELS, SIX, TWO, comparisons, row, scores, several
from xlembed.cli.console import print_table
from xlembed.evaluate.tables import (
    comparison_table,
    language_table,
    scores_table,
    to_markdown,
)
from xlembed.show.content import Grid
from xlembed.stats.scorebook import Key, read_scores
from xlembed.words import UserError


def shown(table: Grid, width: int) -> str:
    out = io.StringIO()
    print_table(Console(file=out, width=width, color_system=None), table)
    return out.getvalue()


def scores_markdown(given: list[dict[str, Any]]) -> str:
    return to_markdown(scores_table(given))


def comparison_markdown(given: Any) -> str:
    return to_markdown(comparison_table(given))


def small(model: str = "labse", **other: Any) -> dict[str, Any]:
    rows = [
        row("monolingual", "target", None, None, 0.5834, ci_low=0.551, ci_high=0.6139, n_units=210),
        row("cross_lingual", "all", None, None, 0.5, half=None, n_units=210),
        row("true_cross_lingual", "all", None, None, 0.25, ci_low=0.2, ci_high=0.3, n_units=1050),
    ]
    return scores(model, TWO) | {"scores": rows} | other


def test_scores_table_in_full() -> None:
    assert to_markdown(scores_table([small()])) == (
        "**reviews_sample: accuracy@1, macro averages**\n"
        "\n"
        "| model | monolingual | cross_lingual | true cross, pool all | true cross, pool target |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| labse | 58.3 [55.1, 61.4] | 50.0 (no CI) | 25.0 [20.0, 30.0] | n/a |\n"
        "| units / clusters | 210 / 30 | 210 / 7 | 1,050 / 30 | n/a |\n"
        "\n"
        "In %. Brackets: 95 % CI, unadjusted. Macro average: unweighted mean of languages or pairs. (no CI): "
        "fewer than 10 clusters of questions.\n"
    )


def test_what_was_done_to_vectors_stands_below_the_table() -> None:
    def processed(model: str, note: str) -> dict[str, Any]:
        return small(model, postprocessing={"note": note})

    text = scores_markdown(
        [small(), processed("a+center", "n"), processed("b+lir1", "m"), processed("b", "n")]
    )
    assert text.endswith("clusters of questions.\n\na+center, b: n.\n\nb+lir1: m.\n")
    labelled = scores_markdown([processed("a+center", "n") | {"labels": {"de": "English-only model"}}])
    assert labelled.endswith("A labelled row is invalid for a decision.\n\na+center: n.\n")
    assert to_markdown(language_table(processed("a+center", "n"))).endswith("\n\na+center: n.\n")


def test_rounded_weights_and_cut_texts_stand_below_every_table() -> None:
    rows = {
        "de": {"texts": 4, "texts_cut": 0, "share_lost": 0.0},
        "en": {"texts": 3, "texts_cut": 2, "share_lost": 0.25},
        "tr": {"texts": 3000, "texts_cut": 1, "share_lost": 0.0001},
    }
    q4 = small(
        "q4", weights="4-bit weights", truncation={"max_tokens": 512, "documents": rows, "queries": {}}
    )
    lines = [
        "q4: 4-bit weights.",
        "q4: texts are cut at 512 tokens: documents en 2 of 3 (25.0 % of all tokens), tr 1 of 3,000 (under 0.1 % of "
        "all tokens).",
    ]
    texts = [scores_markdown([small(), q4]), to_markdown(language_table(q4))]
    for text in texts:
        assert text.endswith("\n\n" + "\n\n".join(lines) + "\n")
        assert "invalid for a decision" not in text
    notes = {"q4": [n.removeprefix("q4: ")[:-1] for n in lines]}
    whole = {"task": "t", "primary": comparisons(MODELS[:2]), "model_notes": notes}
    assert to_markdown(comparison_table(whole)).endswith("\n\n" + "\n\n".join(lines) + "\n")


def test_nothing_is_said_of_what_is_read_whole() -> None:
    whole = {
        "max_tokens": 512,
        "documents": {"de": {"texts": 4, "texts_cut": 0, "share_lost": 0.0}},
        "queries": {},
    }
    assert "cut" not in scores_markdown([small(truncation=whole)])


def test_labels_have_a_column_only_where_there_are_labels() -> None:
    labelled = small("all_mpnet_base_v2", labels={"de": "English-only model"})
    text = scores_markdown([small(), labelled])
    assert "| all_mpnet_base_v2 | 58.3 [55.1, 61.4] |" in text
    assert text.count("English-only model (de)") == 1
    assert "invalid for a decision" in text
    assert "label" not in scores_markdown([small()])


def test_other_measures_follow_in_blocks() -> None:
    content = small()
    content["scores"] += [
        row("monolingual", "target", None, None, 0.7, measure=m) for m in ("nDCG@10", "recall@5")
    ]
    text = scores_markdown([content])
    assert text.index("**accuracy@1**") < text.index("**nDCG@10**")
    assert "70.0 [66.0, 73.6]" in text
    assert "recall@5" not in text
    assert "MRR@10" not in text


def test_models_with_different_counts_show_the_range() -> None:
    other = small("bge_m3")
    other["scores"] = [r | {"n_units": 200} for r in other["scores"]]
    assert "200–210 / 30" in scores_markdown([small(), other])


@pytest.mark.parametrize("width", [80, 100, 120])
def test_tables_fit_and_intervals_are_never_torn(width: int) -> None:
    measures = ("accuracy@1", "MRR@10", "nDCG@10")
    labelled = several(9)[4:]
    tables = [
        scores_table(labelled),
        scores_table([scores(MODELS[0], SIX, measures=measures)]),
        language_table(labelled[2]),
        comparison_table(comparisons(MODELS[:4]), several(4)),
    ]
    for table in tables:
        lines = shown(table, width).splitlines()
        assert max(len(line.rstrip()) for line in lines) <= width
        assert not any("\x1b" in line or "…" in line for line in lines)
        rows = [line for line in lines if not line.startswith(("In %", "Differences"))]
        body = rows[: next((i for i, x in enumerate(rows) if "95 %" in x), len(rows))]
        assert all(line.count("[") == line.count("]") for line in body), "\n".join(body)


def test_one_line_where_there_is_room_two_where_not() -> None:
    assert "58.3 [55.1, 61.4]" in shown(scores_table([small()]), 120)
    narrow = shown(scores_table([small()]), 62)
    assert "58.3 [55.1, 61.4]" not in narrow
    assert "[55.1, 61.4]" in narrow


def test_language_table() -> None:
    content = small(labels={"de": "language not supported"})
    content["scores"] += [
        row("monolingual", "target", "de", "de", 0.9, ci_low=0.8, ci_high=1.0),
        row("cross_lingual", "all", "en", "en", 0.4, half=None, n_units=36),
    ]
    text = to_markdown(language_table(content))
    assert "| de | 90.0 [80.0, 100.0] | n/a | 35 / 30 | language not supported |" in text
    assert "| en | n/a | 40.0 (no CI) | 36 / 7 |  |" in text
    assert "| macro | 58.3 [55.1, 61.4] | 50.0 (no CI) | 210 / 7–30 | language not supported (de) |" in text


def test_comparison_table_in_words() -> None:
    rows = comparisons(("bge_m3", "labse"))
    rows[0] |= {
        "difference": 0.042,
        "ci_low": 0.01,
        "ci_high": 0.074,
        "p_value": 0.00005,
        "p_adjusted": 0.0004,
    }
    rows[0]["verdict"] = "bge_m3 better"
    rows[1] |= {"difference": -0.05, "ci_low": None, "ci_high": None, "p_value": 0.6, "p_adjusted": 1.0}
    rows[1]["verdict"] = "this test cannot reject"
    text = comparison_markdown(rows)
    assert "| **bge_m3 − labse** |" in text
    assert "| mono | +4.2 [+1.0, +7.4] | <0.001 | <0.001 | A better |" in text
    assert "| cross | −5.0 (no CI) | 0.600 | 1.000 | this test cannot reject |" in text
    assert "unadjusted" in text
    assert "true cross, target 1,050 / 30" in text


def test_comparison_json_brings_its_labels() -> None:
    rows = [r | {"cells": ["en->en"]} for r in comparisons(("labse", "all_mpnet_base_v2"))]
    whole = {
        "task": "reviews_sample",
        "primary_measure": "accuracy@1",
        "primary": rows,
        "labels": {"labse": {}, "all_mpnet_base_v2": {"de": "English-only model"}},
    }
    text = comparison_markdown(whole)
    assert "**reviews_sample: paired differences in accuracy@1**" in text
    assert "labse − all_mpnet_base_v2*" in text
    assert "\n\\* all_mpnet_base_v2: English-only model (de); these languages are left out.\n" in text
    assert "| mono; only en | " in text
    rows[0]["cells"] = ["en->en", "de->de"]
    assert "English-only model (de); invalid for a decision." in comparison_markdown(whole)
    assert "No pair of models could be tested." in comparison_markdown(whole | {"primary": []})


def test_names_are_never_read_as_markup_or_as_columns() -> None:
    content = small("a[bold]b|c")
    assert "a[bold]b|c" in shown(scores_table([content]), 120)
    assert "a[bold]b\\|c" in scores_markdown([content])


def test_scores_are_found_by_what_they_are() -> None:
    content = small()
    content["scores"].append(row("pool_gap", None, "de", "en", 0.2))
    book = read_scores(content)
    found = book.cell("pool_gap", None, "de", "en")
    assert found is not None
    assert (found.value, found.interval) == (0.2, (pytest.approx(0.16), pytest.approx(0.236)))
    assert Key("pool_gap", None, "de", "en", "accuracy@1") in book.cells
    assert book.cell("pool_gap", None, "en", "de") is None


def test_what_is_not_a_scores_json_is_refused() -> None:
    with pytest.raises(UserError, match=r"not the content of a scores\.json: languages, scores missing"):
        read_scores({"task": "t", "model": "m", "primary_measure": "accuracy@1"})
    content = small()
    content["scores"].append(content["scores"][0])
    with pytest.raises(UserError, match="labse on reviews_sample: two scores for"):
        read_scores(content)
    with pytest.raises(UserError, match="at least one model"):
        scores_table([])
