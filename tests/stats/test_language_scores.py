"""Scores of the language-aware measures from a table of queries that is written by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from xlembed.search.kinds import FIRST_PLACE
from xlembed.stats.language_scores import language_rows, left_out, no_preference
from xlembed.stats.score_rows import Estimate

NAN = math.nan


def queries(**changed: list[float]) -> pd.DataFrame:
    """Two needs in German and English; n2-en retrieves no right document."""
    table = pd.DataFrame(
        {
            "query_id": ["n1-de", "n1-en", "n2-de", "n2-en"],
            "need_id": ["n1", "n1", "n2", "n2"],
            "cluster": ["n1", "n1", "n2", "n2"],
            "query_lang": ["de", "en", "de", "en"],
            "n_right": [4, 4, 2, 2],
            "n_right_own": [1, 3, 1, 1],
            "n_right_retrieved": [4, 3, 2, 0],
            "no_preference": [0.25, 0.75, 0.5, 0.5],
            "preference": [0, 1, 1, NAN],
            **dict.fromkeys(FIRST_PLACE, 0.0),
            "any_language@1": [1.0, 0, 1, 0],
            "any_language@10": [1.0, 1, 1, 0],
            "lang_nDCG@10": [0.5, 0.25, 1, 0],
            "agreement@10": [0.6, 0.6, 0.2, 0.2],
            "MRC@10": [-0.5, -0.5, 0.1, 0.1],
            "PEER@10": [NAN] * 4,
        }
    )
    first = ("right_other", "wrong_own", "right_own", "nothing")
    for i, name in enumerate(first):
        table.loc[i, name] = 1.0
    return table.assign(**changed)


def found(table: pd.DataFrame) -> dict[tuple[str, str | None], Estimate]:
    rows = language_rows(table, ["n1", "n2", "n3"], {"en": "language not supported"}, 200)
    return {(row.measure, row.query_lang): row for row in rows}


def test_means_per_query_language_and_their_macro() -> None:
    rows = found(queries())
    expected = {
        ("preference", "de"): 0.5,
        ("preference", "en"): 1,
        ("preference", None): 0.75,
        ("any_language@1", "de"): 1,
        ("any_language@1", None): 0.5,
        ("any_language@10", None): 0.75,
        ("lang_nDCG@10", None): (0.75 + 0.125) / 2,
        ("agreement@10", None): 0.4,
        ("MRC@10", "de"): -0.2,
    }
    assert {key: rows[key].value for key in expected} == pytest.approx(expected)
    assert sum(rows[name, None].value for name in FIRST_PLACE) == pytest.approx(1)
    assert [rows[name, "de"].value for name in FIRST_PLACE] == [0.5, 0.5, 0, 0, 0]


def test_how_a_row_is_stored() -> None:
    rows = found(queries())
    cell, macro = rows["preference", "de"], rows["preference", None]
    assert (cell.kind, cell.pool, cell.doc_lang) == ("preference", "all", "*")
    # Right documents are English too.
    assert {row.label for row in rows.values()} == {"language not supported"}
    assert {row.label for row in language_rows(queries(), ["n1", "n2"], {}, 200)} == {""}
    assert macro.doc_lang is None and macro.cells == ("de->*", "en->*")
    assert (cell.n_units, cell.n_needs) == (2, 2)
    assert (macro.n_units, macro.n_clusters) == (3, 2)
    assert macro.ci_low is None  # fewer than ten clusters


def test_what_preference_is_compared_with_and_whom_it_leaves_out() -> None:
    assert no_preference(queries()) == {"de": 0.375, "en": 0.75}  # n2-en is not counted
    assert left_out(queries()) == {"de": 0, "en": 1}


def test_a_measure_without_values_has_no_rows() -> None:
    assert not [key for key in found(queries()) if key[0] == "PEER@10"]
    rows = found(queries(**{"agreement@10": [NAN] * 4}))
    assert ("agreement@10", None) not in rows and ("MRC@10", None) in rows


def test_without_a_need_in_two_languages_preference_is_absent() -> None:
    """A comparable task: every right document is in one language."""
    rows = found(queries(n_right_own=[4, 0, 2, 0], preference=[NAN] * 4))
    names = {name for name, _ in rows}
    assert {"any_language@1", "agreement@10", *FIRST_PLACE} <= names
    assert not {"preference", "lang_nDCG@10", "PEER@10"} & names
    nothing = queries(n_right_own=[4, 0, 2, 0], preference=[NAN] * 4)
    assert no_preference(nothing) == left_out(nothing) == {}
