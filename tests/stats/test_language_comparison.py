"""Paired tests of language-aware measures on tables of queries that are written by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from xlembed.stats.comparison import Evaluated
from xlembed.stats.language_comparison import compare_queries, differences

N = 20


def table(preference: list[float], first: float, agreement: float = 0.5) -> pd.DataFrame:
    """German and English queries of `N` needs; `preference` of the German ones, 1 of the English ones."""
    langs = ["de"] * N + ["en"] * N
    needs = [f"n{i:02d}" for i in range(N)] * 2
    return pd.DataFrame(
        {
            "query_id": [f"{need}-{lang}" for need, lang in zip(needs, langs, strict=True)],
            "need_id": needs,
            "cluster": needs,
            "query_lang": langs,
            "n_right": 2,
            "n_right_own": 1,
            "preference": [*preference, *[1.0] * N],
            "any_language@1": first,
            "agreement@10": agreement,
        }
    )


def models() -> tuple[Evaluated, Evaluated]:
    """b finds no right document for one German query and prefers English for the others."""
    a = table([1.0] * N, 1.0)
    b = table([*[0.0] * (N - 1), math.nan], 0.0, 0.4)
    return Evaluated("a", a, {}), Evaluated("b", b, {})


def test_differences_are_paired_on_queries_where_both_have_a_value() -> None:
    rows = {row.measure: row for row in compare_queries(models(), n_resamples=200)}
    assert list(rows) == ["preference", "any_language@1", "agreement@10"]
    found = rows["preference"]
    assert found.difference == pytest.approx((1 + 0) / 2)  # 1 in German, 0 in English
    assert (found.n_units, found.n_clusters) == (2 * N - 1, N)
    assert found.cells == ("de->*", "en->*")
    assert rows["any_language@1"].difference == pytest.approx(1)
    assert rows["agreement@10"].difference == pytest.approx(0.1)


def test_more_is_better_only_where_it_is() -> None:
    rows = {row.measure: row for row in compare_queries(models(), n_resamples=200)}
    verdicts = {name: row.verdict for name, row in rows.items()}
    assert verdicts == {"preference": "a higher", "any_language@1": "a better", "agreement@10": "a higher"}
    stored = rows["preference"].to_json()
    assert (stored["family"], stored["kind"], stored["pool"]) == ("exploratory", "preference", "all")
    assert (stored["query_lang"], stored["doc_lang"], stored["test"]) == (None, None, "sign-flip")


def test_the_family_is_all_pairs_within_a_measure() -> None:
    a, b = models()
    rows = compare_queries((a, b, Evaluated("c", b.units, {})), n_resamples=200)
    assert {row.family_size for row in rows} == {3} and len(rows) == 9
    same = next(row for row in rows if row.b == "c" and row.difference == 0)
    assert same.verdict == "this test cannot reject"


def test_queries_in_a_language_that_one_model_lacks_are_left_out() -> None:
    a, b = models()
    lacking = Evaluated("b", b.units, {"en": "language not supported"})
    found = differences(a, lacking)
    assert set(found["query_lang"]) == {"de"} and "agreement@10" not in found
    rows = compare_queries((a, lacking), n_resamples=200)
    assert {row.cells for row in rows} == {("de->*",)}
    assert rows[0].difference == pytest.approx(1)


def test_the_order_of_a_table_does_not_matter() -> None:
    a, b = models()
    turned = Evaluated("b", b.units.iloc[::-1].reset_index(drop=True), {})
    assert np.allclose(differences(a, turned)["preference"], differences(a, b)["preference"], equal_nan=True)


def test_one_model_has_no_tests() -> None:
    assert compare_queries(models()[:1]) == ()
