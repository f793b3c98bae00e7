"""Languages that only the later model supports: hand-counted differences, and what is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stats.hit_tables import HIT, hits, units
from xlembed.finetune.job import learned_differences
from xlembed.stats.comparison import Evaluated
from xlembed.words import UserError

ENGLISH = "English-only model"
N = 20


def table(tr: int, en: int, de: int, mixed: int) -> pd.DataFrame:
    mono = units({"en": hits(N, en), "tr": hits(N, tr), "de": hits(N, de)}, "monolingual", "target")
    cross = units({"en->tr": hits(N, mixed), "en->de": hits(N, 3)}, "true_cross_lingual", "all")
    return pd.concat([mono, cross], ignore_index=True)


def model(name: str, frame: pd.DataFrame, *unsupported: str) -> Evaluated:
    return Evaluated(name, frame, dict.fromkeys(unsupported, ENGLISH))


def test_cells_of_a_new_language_are_described() -> None:
    before = model("base", table(tr=5, en=18, de=7, mixed=0), "tr", "de")
    after = model("new", table(tr=15, en=12, de=9, mixed=0), "de")
    mono, cross = learned_differences(before, after, HIT, 500)
    assert (mono["kind"], mono["query_lang"], mono["doc_lang"]) == ("monolingual", "tr", "tr")
    assert (mono["before"], mono["after"], mono["difference"]) == (0.25, 0.75, 0.5)
    assert mono["ci_low"] < 0.5 < mono["ci_high"] and mono["n_clusters"] == N
    assert mono["label"] == ENGLISH and "p_value" not in mono
    assert (cross["query_lang"], cross["doc_lang"], cross["difference"]) == ("en", "tr", 0.0)
    assert (cross["ci_low"], cross["ci_high"]) == (-3 / N, 3 / N)  # no unit differs: the rule of three


def test_nothing_is_described_where_both_know_all_or_neither_does() -> None:
    same = table(tr=5, en=18, de=7, mixed=0)
    assert learned_differences(model("a", same), model("b", same), HIT, 200) == []
    assert learned_differences(model("a", same, "tr"), model("b", same, "tr"), HIT, 200) == []


def test_the_order_of_rows_does_not_matter_and_other_units_are_refused() -> None:
    before, after = table(5, 18, 7, 0), table(15, 12, 9, 4)
    shuffled = after.sample(frac=1, random_state=np.random.RandomState(1))
    first = learned_differences(model("a", before, "tr"), model("b", after), HIT, 200)
    assert first == learned_differences(model("a", before, "tr"), model("b", shuffled), HIT, 200)
    with pytest.raises(UserError, match="not evaluated on the same units"):
        learned_differences(model("a", before, "tr"), model("b", after.iloc[1:]), HIT, 200)
