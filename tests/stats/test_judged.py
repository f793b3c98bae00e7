"""Languages with different questions: the judged share and the condensed scores, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.measures import parse_measure
from xlembed.search.exact import ExactIndex
from xlembed.search.kinds import CONDENSED, JUDGED, SHARE
from xlembed.search.ranking import rank_units
from xlembed.search.searcher import VectorSearcher
from xlembed.show.notes import notes_of, pool_note
from xlembed.stats.judged import judged_rows
from xlembed.stats.scorebook import read_scores
from xlembed.words import Lang, Mode

DOCUMENTS = tuple(Document(f"{lang}{i}", f"{lang} {i}", lang) for lang in ("de", "tr") for i in range(3))
QUERIES = (Query("q1", "eins", "de", "q1"), Query("q2", "iki", "tr", "q2"), Query("q3", "üç", "tr", "q3"))
QRELS = {"q1": {"de0": 1, "de1": 0}, "q2": {"tr0": 1}, "q3": {"tr1": 1, "tr2": 0}}
TASK = Task("tiny", ("de", "tr"), Alignment.COMPARABLE, DOCUMENTS, QUERIES, QRELS)
SCORES = np.array(
    [
        [4, 1, 3, 5, 2, 0],  # q1: tr0 [de0] de2 tr1 [de1] tr2 -> [de0] [de1]
        [5, 4, 0, 1, 2, 3],  # q2: de0 de1 tr2 tr1 [tr0] de2 -> [tr0]
        [0, 1, 2, 3, 4, 5],  # q3: [tr2] [tr1] tr0 de2 de1 de0 -> [tr2] [tr1]
    ],
    dtype=np.float32,
)
MEASURES = [parse_measure("accuracy@1"), parse_measure("MRR@10"), parse_measure("MRR")]


def scored(task: Task, depth: int = 1000) -> dict[tuple[str, Lang | None, str], float]:
    index = ExactIndex(
        [d.doc_id for d in DOCUMENTS], [d.lang for d in DOCUMENTS], np.eye(6, dtype=np.float32)
    )
    queries = SCORES / np.linalg.norm(SCORES, axis=1, keepdims=True)
    found = rank_units(task, VectorSearcher(index, queries), depth=depth, keep_top=depth)
    clusters = {q.need_id: q.need_id for q in task.queries}
    rows = judged_rows(task, found.units, found.top, MEASURES, clusters, {}, 100)
    assert all(row.pool == "all" for row in rows)
    return {(row.kind, row.query_lang, row.measure): row.value for row in rows}


def test_the_judged_share_and_scores_without_the_unjudged() -> None:
    assert TASK.separate_questions
    assert scored(TASK) == pytest.approx(
        {
            (CONDENSED, "de", "accuracy@1"): 1,
            (CONDENSED, "tr", "accuracy@1"): 1 / 2,
            (CONDENSED, None, "accuracy@1"): 3 / 4,
            (CONDENSED, "de", "MRR@10"): 1,
            (CONDENSED, "tr", "MRR@10"): 3 / 4,
            (CONDENSED, None, "MRR@10"): 7 / 8,
            (SHARE, "de", JUDGED): 2 / 6,
            (SHARE, "tr", JUDGED): (1 / 6 + 2 / 6) / 2,
            (SHARE, None, JUDGED): (2 / 6 + 3 / 12) / 2,
        }
    )


def test_what_lies_beyond_the_depth_is_not_retrieved() -> None:
    found = scored(TASK, depth=4)  # q2's relevant document is fifth
    assert found[CONDENSED, "tr", "MRR@10"] == pytest.approx(1 / 4)
    assert found[SHARE, "tr", JUDGED] == pytest.approx((0 + 2 / 4) / 2)


@pytest.mark.parametrize(
    "task",
    [
        replace(TASK, queries=(*QUERIES, Query("q1-tr", "bir", "tr", "q1")), qrels={**QRELS, "q1-tr": QRELS["q1"]}),
        replace(TASK, qrels={**QRELS, "q3": {"tr1": 1, "de2": 0}}),
        replace(TASK, queries=QUERIES[1:], qrels={q: QRELS[q] for q in ("q2", "q3")}),
    ],
    ids=["a translated question", "a judgement across languages", "questions in one language"],
)  # fmt: skip
def test_other_tasks_have_no_such_scores(task: Task) -> None:
    assert not task.separate_questions
    queries = [int(q.query_id[1]) - 1 for q in task.queries if q.query_id in QRELS]
    assert judged_rows(task, [], SCORES[queries].astype(int), MEASURES, {}, {}) == []


def test_the_note_says_what_the_numbers_are_worth() -> None:
    def row(kind: str, measure: str, value: float) -> dict[str, object]:
        at = {"kind": kind, "pool": "all", "query_lang": None, "doc_lang": None, "measure": measure}
        return {
            **at,
            "value": value,
            "ci_low": None,
            "ci_high": None,
            "n_units": 3,
            "n_needs": 3,
            "n_clusters": 3,
        }

    content = {"task": "t", "model": "m", "languages": ["de", "tr"], "primary_measure": "accuracy@1"}
    cross = row(str(Mode.CROSS_LINGUAL), "accuracy@1", 0.31)
    assert notes_of([read_scores({**content, "scores": [cross]})]) == {}
    rows = [cross, row(SHARE, JUDGED, 0.234), row(CONDENSED, "accuracy@1", 0.78)]
    note = pool_note(read_scores({**content, "scores": rows}))
    assert "counts as wrong, so cross_lingual is pessimistic" in note
    assert note.endswith(
        "23.4 % of the first 10 documents are judged; accuracy@1 is 31.0 % with the unjudged wrong, 78.0 % with them "
        "left out"
    )
    assert notes_of([read_scores({**content, "scores": rows})]) == {"m": [note]}
