"""The page of many made-up queries, two of them hostile, ranked by two models of which it is known who is right."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.explore.kinds import ErrorKind, Flag
from xlembed.explore.page import write_page, write_unjudged_page
from xlembed.explore.rankings import Hit, UnitRanking
from xlembed.explore.result import Explored, Found, Ranked, Unjudged
from xlembed.explore.shares import Outcome

HOSTILE = '</script><script>document.title="run"</script><img src="x" onerror="document.title=1">\u2028&amp;'
ARABIC = "أين المظلة؟"
LANGS = ("ar", "ja", "en")
N_DOCUMENTS = 900


def made_up(n: int) -> Task:
    """Query i is about document i of 900; query 0 is hostile, as document 0 is, and query 3 is Arabic."""
    documents = tuple(
        Document(f"d{i}", HOSTILE if i == 0 else f"傘の話 {i}", LANGS[i % 3]) for i in range(N_DOCUMENTS)
    )
    queries = tuple(
        Query(f"q{i}", {0: HOSTILE, 3: ARABIC}.get(i, f"question number {i}"), LANGS[i % 3], f"n{i}")
        for i in range(n)
    )
    qrels = {q.query_id: {f"d{i % N_DOCUMENTS}": 1} for i, q in enumerate(queries)}
    return Task("made <b>up</b>", LANGS, Alignment.COMPARABLE, documents, queries, qrels)


def ranking(query: int, rank: int) -> UnitRanking:
    """Ten documents after the right one, which is put at its rank."""
    right = query % N_DOCUMENTS
    others = [(right + 1 + i) % N_DOCUMENTS for i in range(10)]
    if 0 < rank <= 10:
        others.insert(rank - 1, right)
    top = tuple(Hit(row, i, 1 - i / 100) for i, row in enumerate(others[:10], 1))
    return UnitRanking(query, top, (Hit(right, rank, 0.5 if rank else None),), False)


def outcome(rank: int, kind: ErrorKind, *flags: Flag) -> Outcome:
    return Outcome(None) if rank == 1 else Outcome(kind, frozenset(flags))


def write_made_up(folder: Path, n: int) -> None:
    """Query i is right by A unless i is a multiple of 5 (then its rank is 20), by B if it is even (else 2)."""
    task = made_up(n)
    ranks = [[1 if i % 5 else 20 for i in range(n)], [1 if i % 2 == 0 else 2 for i in range(n)]]
    units = pd.DataFrame(
        {
            "query_id": [q.query_id for q in task.queries],
            "doc_lang": [q.lang for q in task.queries],
            "query_lang": [q.lang for q in task.queries],
            "mode": "monolingual",
            "pool": "target",
        }
    )
    hostile = Found(
        query_id="q0",
        query=HOSTILE,
        query_lang="ar",
        doc_lang="ar",
        kind="monolingual",
        pool="target",
        rank_a=1,
        rank_b=2,
        error_b="words",
        doc_id="d0",
        document=HOSTILE,
    )
    result = Explored(
        task=task.name,
        task_digest="",
        models=("first", "second"),
        labels={"first": {}, "second": {"ar": "English-only model"}},
        languages=(),
        n_queries=n,
        n_units=n,
        reference="first",
        near_copy_percentile=95,
        unknown_tokens=0.2,
        alpha=0.05,
        shares=(),
        paired=(),
        crossed=(),
        found=(hostile,),
        n_found=1,
    )
    first = [outcome(rank, ErrorKind.MEANING, Flag.TRUNCATED) for rank in ranks[0]]
    second = [outcome(rank, ErrorKind.WORDS) for rank in ranks[1]]
    models = {
        name: ([ranking(i, rank) for i, rank in enumerate(of)], outcomes)
        for name, of, outcomes in zip(result.models, ranks, (first, second), strict=True)
    }
    write_page(folder, task, result, units, models)


def write_unjudged(folder: Path) -> None:
    """Three queries; of the ten documents shown, both models share 10, 5 and none."""
    task = made_up(3)
    starts = {"first": (0, 100, 200), "second": (0, 105, 300)}
    rankings = {
        name: [
            UnitRanking(i, tuple(Hit(start + k, k + 1, 1 - k / 100) for k in range(10)), (), False)
            for i, start in enumerate(of)
        ]
        for name, of in starts.items()
    }
    result = Unjudged(
        task=task.name,
        task_digest="",
        models=tuple(starts),
        labels={"first": {}, "second": {"ar": "English-only model"}},
        languages=(),
        n_queries=3,
        shown=10,
        ranked=(Ranked(query_id="q0", query=HOSTILE, query_lang="ar", shared=10, first=("d0: x", "d0: x")),),
    )
    units = pd.DataFrame(
        {
            "query_id": [q.query_id for q in task.queries],
            "doc_lang": [q.lang for q in task.queries],
            "mode": "cross_lingual",
            "pool": "all",
        }
    )
    write_unjudged_page(folder, task, result, units, rankings)
