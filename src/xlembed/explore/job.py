"""Stage explore: finished evaluations of a task -> a page of every query, rankings side by side, and why some fail."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from xlembed.check.result import Checked
from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation, check_comparable, read_evaluation
from xlembed.evaluate.evaluated import check_languages, check_task
from xlembed.evaluate.imported import open_evaluated
from xlembed.evaluate.searching import open_search
from xlembed.explore.kinds import Failure, Flag, kind_of
from xlembed.explore.nearness import NearCopies, Overlap, near_copies
from xlembed.explore.page import write_page
from xlembed.explore.rankings import Key, UnitRanking, search_again
from xlembed.explore.reading import Reading, read_by
from xlembed.explore.result import Explored, Found
from xlembed.explore.shares import Outcome, compare_errors, crossed, error_shares, outcome_table
from xlembed.files import atomic_folder, write_json
from xlembed.models.spec import ModelRef
from xlembed.search.table import write_units
from xlembed.search.units import KEY
from xlembed.stats.comparison import Evaluated
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, UserError
from xlembed.workspace import Watch, Workspace, unwatched

FOUND = 10
"""Queries that are printed."""
SENTENCE = 80
"""Characters of a document that are printed."""


@dataclass(frozen=True)
class Explained:
    """One model's units, in the order of those of the first model.

    Attributes:
        evaluation: what was measured.
        rankings: of every unit.
        outcomes: of every unit.
        note: what is not known of it; empty: nothing.
    """

    evaluation: Evaluation
    rankings: Sequence[UnitRanking]
    outcomes: Sequence[Outcome]
    note: str

    @property
    def name(self) -> str:
        """The model's slug."""
        return self.evaluation.name


def explored_page(evaluations: Sequence[Evaluation], workspace: Workspace) -> Path | None:
    """The folder with the page, if it shows some of these evaluations and no other."""
    folder = workspace.reports("explore", evaluations[0].book.task)
    try:
        found = Explored.read(folder / "explore.json", "run xlembed explore again").fingerprints
    except (OSError, UserError):  # not explored, or of a task without judgements
        return None
    now = {e.name: e.book.fingerprint for e in evaluations}
    return folder if found and found.items() <= now.items() else None


def explore(
    task: Task,
    models: Sequence[str],
    workspace: Workspace,
    languages: Collection[Lang] = (),
    watch: Watch = unwatched,
) -> Explored:
    """Search again what was evaluated, say why each unit fails, and write reports/explore/TASK/.

    Args:
        task: that the models were evaluated on.
        models: anything MODEL may be; the first two are A and B.
        workspace: with runs/TASK/MODEL and the vectors behind it.
        languages: of the queries wanted; empty: all.
        watch: told of the work.

    Raises:
        UserError: an evaluation or its vectors are missing or belong to other texts, or evaluations cannot be compared.
    """
    settings = workspace.settings.explore
    check_languages(languages, task, "--language")
    reference = open_model(workspace, settings.reference)
    refs = {ref.slug: ref for ref in (open_evaluated(task, name, workspace) for name in models)}
    evaluations = [_read(task, ref, workspace) for ref in refs.values()]
    check_comparable(evaluations)
    units = _units(evaluations, languages)
    if units.empty and languages:
        raise UserError(f"--language: {task.name} has no judged query in {', '.join(languages)}")
    keys = list(map(Key, units["query_id"], units["doc_lang"], units["pool"]))
    ranked = {e.name: _ranked(task, refs[e.name], e, keys, workspace, watch) for e in evaluations}
    failing = {name: [_failure(r) for r in rankings if not r.is_right] for name, rankings in ranked.items()}
    near = _near(task, [f for of in failing.values() for f in of], reference, workspace, watch)
    overlap = Overlap(task)
    found = []
    for evaluation in evaluations:
        rankings = ranked[evaluation.name]
        reading = _reading(task, refs[evaluation.name], failing[evaluation.name], workspace)
        outcomes = [_outcome(r, task, near, overlap, reading, settings.unknown_tokens) for r in rankings]
        found.append(Explained(evaluation, rankings, outcomes, reading.note))
    result, tables = _result(task, found, units, languages, reference, workspace)
    with atomic_folder(workspace.reports("explore", task.name)) as folder:
        write_json(folder / "explore.json", result.to_json())
        write_units(pd.concat(tables, ignore_index=True), folder / "errors.parquet")
        sides = {e.name: (e.rankings, e.outcomes) for e in found}
        write_page(folder, task, result, units, sides, _checked(task, workspace))
    return result


def _checked(task: Task, workspace: Workspace) -> dict[str, tuple[str, str]]:
    """Query -> verdict and reasons of `check-queries`, of queries whose texts are the same as then."""
    path = workspace.reports("check", task.name) / "check.json"
    if not path.is_file():
        return {}
    text_of = {q.query_id: q.text for q in task.queries}
    rows = Checked.read(path, f"xlembed check-queries -t {task.name}").queries
    return {
        row.query_id: (str(row.verdict), "; ".join(row.reasons))
        for row in rows
        if text_of.get(row.query_id) == row.text
    }


def _read(task: Task, ref: ModelRef, workspace: Workspace) -> Evaluation:
    """The finished evaluation of this task.

    Raises:
        UserError: there is none, or of other texts, or by another engine.
    """
    found = read_evaluation(f"{task.name}/{ref.slug}", workspace)
    check_task(found, task)
    if not ref.card.imported and (then := found.book.index["engine"]) != (
        now := workspace.settings.index.engine
    ):
        raise UserError(f"{found.source} was searched by {then}, not by {now}: add --index {then}")
    return found


def _units(evaluations: Sequence[Evaluation], languages: Collection[Lang]) -> pd.DataFrame:
    """The units that all have, in the order of the first."""
    units = evaluations[0].units
    for other in evaluations[1:]:
        if set(zip(*(units[c] for c in KEY), strict=True)) != set(
            zip(*(other.units[c] for c in KEY), strict=True)
        ):
            raise UserError(
                f"{evaluations[0].source} and {other.source} were not evaluated on the same units (other modes?): "
                "evaluate both again with the same settings"
            )
    return units[units["query_lang"].isin(languages)].reset_index(drop=True) if languages else units


def _ranked(
    task: Task, ref: ModelRef, evaluation: Evaluation, keys: Sequence[Key], workspace: Workspace, watch: Watch
) -> list[UnitRanking]:
    search = open_search(task, ref, workspace)
    if search.fingerprint != evaluation.book.fingerprint:
        raise UserError(
            f"{evaluation.source} was made with other vectors than there are now: "
            f"xlembed run -t {task.name} -m {ref.slug}"
        )
    found = search_again(task, search.searcher, evaluation, workspace.settings.explore.shown, watch)
    return [found[key] for key in keys]


def _failure(ranking: UnitRanking) -> Failure:
    first = ranking.top[0].row if ranking.top else None
    return Failure(ranking.query, first, tuple(hit.row for hit in ranking.right), ranking.right_if_alone)


def _near(
    task: Task, failures: Sequence[Failure], reference: ModelRef, workspace: Workspace, watch: Watch
) -> NearCopies:
    wanted = {row for f in failures for row in (f.first, *f.right) if row is not None}
    return near_copies(task, wanted, reference, workspace, watch)


def _reading(task: Task, ref: ModelRef, failures: Sequence[Failure], workspace: Workspace) -> Reading:
    documents, queries = {row for f in failures for row in f.right}, {f.query for f in failures}
    return read_by(ref, task, documents, queries, workspace)


def _outcome(
    ranking: UnitRanking, task: Task, near: NearCopies, overlap: Overlap, reading: Reading, unknown: float
) -> Outcome:
    if ranking.is_right:
        return Outcome(None)
    failure = _failure(ranking)
    flags = {
        Flag.TRUNCATED: reading.is_truncated(failure.right),
        Flag.NOT_UNDERSTOOD: reading.is_not_understood(failure.query, unknown),
    }
    return Outcome(
        kind_of(failure, task, near, overlap), frozenset(flag for flag, is_set in flags.items() if is_set)
    )


def _result(
    task: Task,
    found: Sequence[Explained],
    units: pd.DataFrame,
    languages: Collection[Lang],
    reference: ModelRef,
    workspace: Workspace,
) -> tuple[Explored, list[pd.DataFrame]]:
    """The numbers, and every unit's outcome by each model."""
    settings, book = workspace.settings.explore, found[0].evaluation.book
    clusters, n_resamples = set(found[0].evaluation.units["cluster"]), book.evaluate.resamples
    tables = {e.name: outcome_table(units, e.outcomes) for e in found}
    labels = {e.name: e.evaluation.book.labels for e in found}
    alpha = workspace.settings.compare.alpha
    paired, untested = compare_errors(
        [Evaluated(name, table, labels[name]) for name, table in tables.items()], clusters, alpha, n_resamples
    )
    told = _told(task, units, found)
    result = Explored(
        task=task.name,
        task_digest=task.digest,
        models=tuple(tables),
        labels=labels,
        languages=tuple(languages),
        n_queries=units["query_id"].nunique(),
        n_units=len(units),
        reference=settings.reference,
        near_copy_percentile=settings.near_copy_percentile,
        unknown_tokens=settings.unknown_tokens,
        alpha=alpha,
        shares=tuple(
            share
            for name, table in tables.items()
            for share in error_shares(name, table, clusters, labels[name], n_resamples)
        ),
        paired=tuple(paired),
        crossed=tuple(row for name, table in tables.items() for row in crossed(name, table)),
        found=tuple(told[:FOUND]),
        n_found=len(told),
        fingerprints={e.name: e.evaluation.book.fingerprint for e in found},
        untested=tuple(untested),
        notes=tuple(note for note in (*_notes(task, reference), *(e.note for e in found)) if note),
    )
    return result, [table.assign(model=name) for name, table in tables.items()]


def _notes(task: Task, ref: ModelRef) -> list[str]:
    """What must be known of the reference."""
    unknown = [lang for lang in task.languages if ref.label(lang)]
    return (
        [f"{ref.slug}, which decides on near copies, does not know {', '.join(unknown)}"] if unknown else []
    )


def _told(task: Task, units: pd.DataFrame, found: Sequence[Explained]) -> list[Found]:
    """What A has first and B has not, one unit per need: the worst rank by B, languages that both know first."""
    if len(found) < 2:
        return []
    a, b = found[:2]
    labelled = {*a.evaluation.book.labels, *b.evaluation.book.labels}
    touched = units["query_lang"].isin(labelled) | units["doc_lang"].isin(labelled)
    rows = [
        (bool(touched.iloc[i]), 1 / two.rank if two.rank else 0.0, i)
        for i, (one, two) in enumerate(zip(a.rankings, b.rankings, strict=True))
        if one.is_right and not two.is_right
    ]
    told: dict[str, Found] = {}
    for *_, i in sorted(rows):
        unit, one, two = units.iloc[i], a.rankings[i], b.rankings[i]
        query, document = task.queries[one.query], task.documents[one.right[0].row]
        told.setdefault(
            query.need_id,
            Found(
                query_id=query.query_id,
                query=query.text,
                query_lang=query.lang,
                doc_lang=unit["doc_lang"],
                kind=unit["mode"],
                pool=unit["pool"],
                rank_a=one.rank,
                rank_b=two.rank,
                error_b=str(b.outcomes[i].kind),
                doc_id=document.doc_id,
                document=f"{document.title} {document.text}".strip()[:SENTENCE],
            ),
        )
    return list(told.values())
