"""A task that nobody judged: what the models rank first for every query, and where two of them differ most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from xlembed.data.task import Task
from xlembed.evaluate.evaluated import check_languages
from xlembed.evaluate.search import search_all
from xlembed.explore.job import FOUND, SENTENCE
from xlembed.explore.page import write_unjudged_page
from xlembed.explore.rankings import Hit, UnitRanking, shared_documents
from xlembed.explore.result import Ranked, Unjudged
from xlembed.files import atomic_folder, write_json
from xlembed.models.spec import ModelRef
from xlembed.search.base import Hits
from xlembed.stats.scorebook import CROSS_LINGUAL
from xlembed.tracking.opening import open_model
from xlembed.words import Lang
from xlembed.workspace import Watch, Workspace, unwatched


def explore_unjudged(
    task: Task,
    models: Sequence[str],
    workspace: Workspace,
    languages: Collection[Lang] = (),
    watch: Watch = unwatched,
) -> Unjudged:
    """Search all documents for every query, and write reports/explore/TASK/; nothing need have been evaluated.

    Args:
        task: without judgements.
        models: anything MODEL may be; the first two are A and B.
        workspace: settings and places; what is not encoded and indexed yet will be.
        languages: of the queries wanted; empty: all.
        watch: told of the work.

    Raises:
        UserError: a model cannot be had, or cannot search; a language that the task lacks.
    """
    check_languages(languages, task, "--language")
    shown = workspace.settings.explore.shown
    refs = {ref.slug: ref for ref in (open_model(workspace, name) for name in models)}
    asked = [i for i, query in enumerate(task.queries) if not languages or query.lang in languages]
    rankings = {
        name: _rankings(search_all(task, ref, workspace, shown, watch), asked) for name, ref in refs.items()
    }
    result = _result(task, refs, rankings, languages, shown)
    queries = [task.queries[i] for i in asked]
    units = pd.DataFrame(
        {
            "query_id": [query.query_id for query in queries],
            "doc_lang": [query.lang for query in queries],
            "mode": CROSS_LINGUAL.kind,
            "pool": CROSS_LINGUAL.pool,
        }
    )
    with atomic_folder(workspace.reports("explore", task.name)) as folder:
        write_json(folder / "explore.json", result.to_json())
        write_unjudged_page(folder, task, result, units, rankings)
    return result


def _rankings(hits: Hits, queries: Sequence[int]) -> list[UnitRanking]:
    return [
        UnitRanking(
            query,
            tuple(
                Hit(int(row), rank, float(score))
                for rank, (row, score) in enumerate(zip(hits.rows[query], hits.scores[query], strict=True), 1)
                if row >= 0
            ),
            (),
            False,
        )
        for query in queries
    ]


def _result(
    task: Task,
    refs: Mapping[str, ModelRef],
    rankings: Mapping[str, Sequence[UnitRanking]],
    languages: Collection[Lang],
    shown: int,
) -> Unjudged:
    each = list(zip(*rankings.values(), strict=True))
    shared = [shared_documents(*of[:2]) if len(of) > 1 else None for of in each]
    order = sorted(range(len(each)), key=lambda i: (shared[i] or 0, i))
    return Unjudged(
        task=task.name,
        task_digest=task.digest,
        models=tuple(refs),
        labels={
            name: {lang: label for lang in task.languages if (label := ref.label(lang))}
            for name, ref in refs.items()
        },
        languages=tuple(languages),
        n_queries=len(each),
        shown=shown,
        ranked=tuple(_ranked(task, each[i], shared[i]) for i in order[:FOUND]),
    )


def _ranked(task: Task, of: Sequence[UnitRanking], shared: int | None) -> Ranked:
    query = task.queries[of[0].query]
    firsts = [task.documents[r.top[0].row] if r.top else None for r in of]
    return Ranked(
        query_id=query.query_id,
        query=query.text,
        query_lang=query.lang,
        shared=shared,
        first=tuple(
            f"{d.doc_id}: {f'{d.title} {d.text}'.strip()[:SENTENCE]}" if d is not None else "" for d in firsts
        ),
    )
