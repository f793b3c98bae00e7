"""Language-aware measures of rankings that are written by hand, in three languages."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import ir_measures
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kruskal

from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.search.kinds import FIRST_PLACE, MEASURES, K
from xlembed.search.language_measures import language_table, read_queries
from xlembed.search.mixed import NOTHING, MixedRankings, document_groups, first_distinct
from xlembed.search.ranking import rank_units
from xlembed.words import Mode, UserError

DOCUMENTS = (
    Document("a-de", "a", "de", group="A"),
    Document("a-en", "b", "en", group="A"),
    Document("a-fr", "c", "fr", group="A"),
    Document("b-de", "d", "de", group="B"),
    Document("b-en", "e", "en", group="B"),
    Document("c-en", "f", "en"),
)
QUERIES = (
    Query("n1-de", "n1-de?", "de", "n1"),
    Query("n1-en", "n1-en?", "en", "n1"),
    Query("n2-de", "n2-de?", "de", "n2"),
    Query("n2-fr", "n2-fr?", "fr", "n2"),
    Query("n3-de", "n3-de?", "de", "n3"),  # nothing is right for it
)
A, B = {"a-de": 1, "a-en": 1, "a-fr": 1}, {"b-de": 2, "b-en": 1, "c-en": 0}
TASK = Task(
    *("three", ("de", "en", "fr"), Alignment.PARALLEL, DOCUMENTS, QUERIES),
    {"n1-de": A, "n1-en": A, "n2-de": B, "n2-fr": B},
)
CLUSTERS = {name: name for name in ("n1", "n2", "n3", "q1", "q2")}
RANKINGS = (
    ("a-en", "a-de", "c-en", "b-de", "a-fr", "b-en"),
    ("c-en", "b-en", "a-en", "a-de", "a-fr", "b-de"),
    (),
    ("a-fr", "b-de"),
    ("b-en", "a-fr"),
)


def rankings(task: Task, of: tuple[tuple[str, ...], ...] = RANKINGS, depth: int = 100) -> MixedRankings:
    row_of = {d.doc_id: i for i, d in enumerate(task.documents)}
    width = max(map(len, of))
    rows = [[*(row_of[d] for d in one), *[NOTHING] * (width - len(one))] for one in of]
    found = MixedRankings(task, depth, K)
    for start in range(0, len(rows), 2):
        part = np.array(rows[start : start + 2], dtype=np.int64)
        found.add(range(start, start + len(part)), part)
    return found


def table(other_gain: float = 0.5, depth: int = 100) -> pd.DataFrame:
    return language_table(TASK, rankings(TASK, depth=depth), CLUSTERS, other_gain).set_index("query_id")


def test_every_query_with_a_right_document_has_a_row() -> None:
    found = table()
    assert list(found.index) == ["n1-de", "n1-en", "n2-de", "n2-fr"]
    assert {name for names in MEASURES.values() for name in names} <= set(found.columns)
    assert found["n_right"].tolist() == [3, 3, 2, 2] and found["n_right_own"].tolist() == [1, 1, 1, 0]
    assert found["n_right_retrieved"].tolist() == [3, 3, 0, 1]


def test_preference_only_where_there_is_a_choice_and_something_right_is_found() -> None:
    """English before German; the first right one of n1-en is English; n2-de finds none, n2-fr has none of its own."""
    found = table()
    assert found["preference"].tolist() == pytest.approx([0, 1, math.nan, math.nan], nan_ok=True)
    assert found["no_preference"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 2, 0])


def test_the_first_place_and_its_five_shares() -> None:
    found = table()[list(FIRST_PLACE)]
    assert found.idxmax(axis=1).tolist() == ["right_other", "wrong_own", "nothing", "wrong_own"]
    assert (found.sum(axis=1) == 1).all() and set(found.to_numpy().ravel()) == {0, 1}
    assert table()["any_language@1"].tolist() == [1, 0, 0, 0]
    assert table()["any_language@10"].tolist() == [1, 1, 0, 1]


def test_gains_depend_on_the_language() -> None:
    """Ranks 1 (other), 2 (own), 5 (other); n2-fr finds grade 2 of another language at 2 and misses grade 1."""
    log3, log6 = math.log2(3), math.log2(6)
    expected = [
        (0.5 + 1 / log3 + 0.5 / log6) / (1 + 0.5 / log3 + 0.5 / 2),
        (1 / 2 + 0.5 / math.log2(5) + 0.5 / log6) / (1 + 0.5 / log3 + 0.5 / 2),
        0,
        (1 / log3) / (1 + 0.5 / log3),
    ]
    assert table()["lang_nDCG@10"].tolist() == pytest.approx(expected)
    # Other languages worth nothing: one right document at rank 2 or 3, and none for French.
    assert table(0.0)["lang_nDCG@10"].tolist() == pytest.approx([1 / log3, 1 / 2, 0, math.nan], nan_ok=True)


def test_agreement_of_translations() -> None:
    """Groups A c B and c B A (numbers in test_list_agreement.py); n2-de retrieves nothing."""
    found = rankings(TASK)
    assert document_groups(TASK).tolist() == [0, 0, 0, 1, 1, 2]
    assert found.groups[:4, :4].tolist() == [[0, 2, 1, -1], [2, 1, 0, -1], [-1] * 4, [0, 1, -1, -1]]
    assert table()["agreement@10"].tolist() == pytest.approx([0.855, 0.855, 0, 0])
    assert table()["MRC@10"].tolist() == pytest.approx([-0.5, -0.5, 0, 0])


def test_agreement_is_a_mean_over_languages_not_over_queries() -> None:
    """The German query agrees with two English ones (1 and 0) and with a French one (0): (1/2 + 0) / 2."""
    queries = tuple(Query(f"q{i}", f"{i}?", lang, "n1") for i, lang in enumerate(("de", "en", "en", "fr")))
    task = replace(TASK, queries=queries, qrels={q.query_id: A for q in queries})
    found = rankings(task, (("b-de",), ("b-en",), ("c-en",), ("c-en",)))
    values = language_table(task, found, CLUSTERS, 0.5)["agreement@10"].tolist()
    assert values == pytest.approx([0.25, 0.5, 0.5, 0.25])  # q1: de 1, fr 0; q2: de 0, fr 1; q3: de 0, en 1/2


def test_a_query_without_translation_has_no_agreement() -> None:
    task = replace(TASK, queries=QUERIES[:1])
    found = language_table(task, rankings(task, RANKINGS[:1]), CLUSTERS, 0.5)
    assert found["agreement@10"].isna().all() and found["MRC@10"].isna().all()
    assert found["preference"].tolist() == [0]


def test_documents_without_a_group_share_the_needs_they_are_right_for() -> None:
    documents = tuple(replace(d, group=None) for d in DOCUMENTS)
    assert document_groups(replace(TASK, documents=documents)).tolist() == [0, 0, 0, 1, 1, 2]


def test_below_the_depth_nothing_is_retrieved() -> None:
    found = table(depth=2)
    assert found["n_right_retrieved"].tolist() == [2, 0, 0, 1]
    assert found["preference"].tolist() == pytest.approx([0, math.nan, math.nan, math.nan], nan_ok=True)
    # What looks further than the depth is not told.
    assert "any_language@1" in found and not {"any_language@10", "agreement@10"} & set(found.columns)


def test_a_query_s_own_copy_is_left_out_where_the_task_says_so() -> None:
    """c-en holds the text of n1-en: behind it stand b-en, then a-en."""
    documents = (*DOCUMENTS[:5], replace(DOCUMENTS[5], text="n1-en?"))
    task = replace(TASK, documents=documents, leave_out_self=True)
    found = language_table(task, rankings(task), CLUSTERS, 0.5)
    kept = language_table(TASK, rankings(TASK), CLUSTERS, 0.5)
    assert rankings(task).first[1] == 4 and rankings(task).ranks[1].tolist() == [3, 2, 4]
    assert found["wrong_own"].tolist() == kept["wrong_own"].tolist()
    assert found["lang_nDCG@10"][1] > kept["lang_nDCG@10"][1]


def test_the_mode_of_units_does_not_matter(tiny_task, tiny_search) -> None:  # type: ignore[no-untyped-def]
    """q1-de d1 first; q1-en d3, then d4, d2, d1; q2-de d1, d3, d4; q2-en d5, d4 (conftest.py)."""
    for modes in (tuple(Mode), (Mode.CROSS_LINGUAL,)):
        mixed = MixedRankings(tiny_task, 100, K)
        rank_units(tiny_task, tiny_search, modes=modes, mixed=mixed)
        found = language_table(tiny_task, mixed, CLUSTERS, 0.5)
        assert found["query_id"].tolist() == ["q1-de", "q1-en", "q2-de", "q2-en"]
        assert found["preference"].tolist() == pytest.approx([1, 1, math.nan, math.nan], nan_ok=True)
        first = found[list(FIRST_PLACE)].idxmax(axis=1).tolist()
        assert first == ["right_own", "wrong_other", "wrong_own", "wrong_other"]
        assert [r.tolist() for r in mixed.ranks] == [[1, 2], [4, 3], [3], [2], []]


def test_first_distinct_looks_at_each_row_alone() -> None:
    rows = np.array([[3, 3, 1, 3, 2], [-1, -1, -1, -1, -1], [2, 1, -1, -1, -1]])
    assert first_distinct(rows, 3).tolist() == [[3, 1, 2], [-1, -1, -1], [2, 1, -1]]


# Against others


def several(ranks: dict[str, list[int]], n: int = 12) -> tuple[Task, tuple[str, ...]]:
    """One German query whose right documents in each language have these ranks (0: not retrieved)."""
    right = {f"{lang}{i}": (lang, r) for lang, of in ranks.items() for i, r in enumerate(of)}
    wrong = tuple(Document(f"x{i}", f"x{i}", "de") for i in range(n))
    documents = (*(Document(name, name, lang) for name, (lang, _) in right.items()), *wrong)
    at = {r: name for name, (_, r) in right.items() if r}
    ranking = tuple(at.get(r, f"x{r - 1}") for r in range(1, n + 1))
    task = replace(TASK, documents=documents, queries=QUERIES[:1], qrels={"n1-de": dict.fromkeys(right, 1)})
    return task, ranking


def peer(ranks: dict[str, list[int]]) -> float:
    task, ranking = several(ranks)
    found = language_table(task, rankings(task, (ranking,)), CLUSTERS, 0.5)
    return float(found[f"PEER@{K}"][0])


def test_peer_is_the_kruskal_wallis_test_where_all_right_documents_stand_first() -> None:
    """H = 12 / 20 (3^2 / 2 + 7^2 / 2) - 15 = 2.4, one degree of freedom."""
    assert peer({"de": [1, 2], "en": [3, 4]}) == pytest.approx(kruskal([1, 2], [3, 4]).pvalue)
    assert peer({"de": [1, 2], "en": [3, 4]}) == pytest.approx(0.1213, abs=1e-4)
    three = ([1, 4, 6], [2, 3], [5, 7])
    assert peer(dict(zip(("de", "en", "fr"), three, strict=True))) == pytest.approx(kruskal(*three).pvalue)


def test_peer_of_what_is_missing() -> None:
    """N = 4, two are missing (one stands below 10) and share 4 + 1.5: between 16, whole 32.25, H = 3 x 16 / 32.25."""
    assert peer({"de": [1, 0], "en": [9, 11]}) == pytest.approx(0.2225, abs=1e-4)
    assert peer({"de": [0, 0], "en": [0, 11]}) == 1


def test_peer_needs_two_right_documents_in_every_language_that_has_any() -> None:
    for ranks in ({"de": [1], "en": [2]}, {"de": [1, 2, 3]}, {"de": [1, 2], "en": [3, 4], "fr": [5]}):
        assert math.isnan(peer(ranks))


@pytest.mark.parametrize("seed", range(5))
def test_peer_equals_the_package(seed: int) -> None:
    package = pytest.importorskip("peer_measure", reason="the package peer_measure is not installed")
    rng = np.random.default_rng(seed)
    places = iter(rng.permutation(12) + 1)
    ranks = {
        lang: [int(next(places)) if rng.random() < 0.8 else 0 for _ in range(3)]
        for lang in ("de", "en", "fr")
    }
    # Its test alone: as a provider it asks ir_measures for a function that newer ones no longer have.
    _, expected = package.kruskal(*[[r if 0 < r <= K else math.nan for r in of] for of in ranks.values()])
    assert peer(ranks) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ndcg_equals_ir_measures(seed: int) -> None:
    """Twice the grade for German and once for others are the gains of w = 0.5."""
    rng = np.random.default_rng(seed)
    places = iter(rng.permutation(12) + 1)
    ranks = {lang: [int(next(places)), int(next(places)), 0] for lang in ("de", "en")}
    task, ranking = several(ranks)
    grades = {name: int(rng.integers(1, 4)) for name in task.qrels["n1-de"]}
    task = replace(task, qrels={"n1-de": grades})
    found = language_table(task, rankings(task, (ranking,)), CLUSTERS, 0.5)["lang_nDCG@10"][0]
    gains = {name: grade * (2 if name.startswith("de") else 1) for name, grade in grades.items()}
    run = {"n1-de": {name: -float(i) for i, name in enumerate(ranking)}}
    (expected,) = ir_measures.iter_calc([ir_measures.nDCG @ 10], {"n1-de": gains}, run)
    assert found == pytest.approx(expected.value, abs=1e-9)


# Files


def test_an_evaluation_of_before_has_no_table(tmp_path: Path) -> None:
    assert read_queries(tmp_path / "queries.parquet") is None


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "queries.parquet"
    pd.DataFrame({"query_id": ["q"]}).to_parquet(path)
    with pytest.raises(UserError, match=r"need_id, cluster, query_lang, right_own.* are missing"):
        read_queries(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(UserError, match="damaged"):
        read_queries(path)
