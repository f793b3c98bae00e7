"""Rankings of another system -> an evaluation like any other: runs/TASK/NAME/, results/TASK/NAME.json."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from xlembed.data.card import is_task_name
from xlembed.data.task import Task
from xlembed.evaluate.index import describe_index
from xlembed.files import check_free
from xlembed.measures import parse_measure
from xlembed.models.card import ModelCard
from xlembed.models.catalogue import catalogue
from xlembed.models.spec import ModelRef
from xlembed.search.imported import ALL, ENGINE, ImportedSearcher
from xlembed.search.run import Run
from xlembed.search.units import ANY_LANGUAGE, Unit, build_units, mode_of
from xlembed.settings import EvaluateSettings
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, Mode, Pool, UserError, counted
from xlembed.workspace import Workspace

FILE = "rankings.parquet"
"""In runs/TASK/NAME/: query_id, pool, doc_id, best first; and whether that is all that the system could find."""
MIXED_DEPTH = 10
"""How deep the measures of mixed pools look."""


def imported_ref(name: str, languages: Sequence[Lang] = ()) -> ModelRef:
    """Another system as a model; without languages nothing is labelled."""
    return ModelRef(name, ModelCard(name=name, imported=True, languages=tuple(languages)), None)


def open_evaluated(task: Task, model: str, workspace: Workspace) -> ModelRef:
    """Anything MODEL may be, or the name of imported rankings.

    Raises:
        UserError: as `open_model`.
    """
    imported = is_task_name(model) and (workspace.run_folder(task.name, model) / FILE).is_file()
    return imported_ref(model) if imported else open_model(workspace, model)


def check_name(task: Task, name: str, workspace: Workspace, force: bool) -> None:
    """Nothing, if rankings may be called so.

    Raises:
        UserError: it is no name for a folder, a model of the catalogue, or an evaluation that is there.
    """
    if not is_task_name(name):
        raise UserError(f"--name: {name!r}: a name has letters, digits, '.', '_', '+' and '-'")
    if name.partition("+")[0] in {*catalogue(), *workspace.settings.models}:
        raise UserError(
            f"--name: {name!r} is a model of ours: results under this name are what we measured ourselves"
        )
    check_free(workspace.run_folder(task.name, name), FILE, force)


def rankings_table(task: Task, pools: Mapping[str, Run], cut: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """As they are written; queries in the task's order. `cut`: by pool, queries whose ranking may go on."""
    rows = [
        (query.query_id, pool, doc_id, query.query_id not in cut.get(pool, ()))
        for pool in sorted(pools)
        for query in task.queries
        for doc_id in pools[pool].get(query.query_id, ())
    ]
    return pd.DataFrame(rows, columns=["query_id", "pool", "doc_id", "complete"])


def read_table(path: Path) -> pd.DataFrame:
    """Rankings as `rankings_table` made them.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return pd.read_parquet(path)[["query_id", "pool", "doc_id", "complete"]]
    except (OSError, ValueError, KeyError) as error:
        again = "import the rankings again (xlembed import-run)"
        raise UserError(f"{path} is missing or damaged ({error}): {again}") from None


def table_searcher(task: Task, table: pd.DataFrame) -> ImportedSearcher:
    """A search that answers what the table says."""
    pools: dict[str, dict[str, list[str]]] = {}
    for pool, query_id, doc_id in zip(table["pool"], table["query_id"], table["doc_id"], strict=True):
        pools.setdefault(pool, {}).setdefault(query_id, []).append(doc_id)
    cut = table[~table["complete"]]
    return ImportedSearcher(task, pools, set(zip(cut["pool"], cut["query_id"], strict=True)))


def describe_rankings(task: Task, table: pd.DataFrame, workspace: Workspace) -> dict[str, object]:
    """What determines the answers: the rankings themselves."""
    content = table.to_csv(index=False, lineterminator="\n")
    mark = hashlib.sha256(content.encode()).hexdigest()
    pools = sorted(set(table["pool"]))
    found = {"engine": ENGINE, "exact": False, "pools": pools, "fingerprint": mark}
    return {**describe_index(task, workspace), **found}


def missing_queries(
    task: Task, pools: Mapping[str, Run], settings: EvaluateSettings, complete: bool
) -> list[str]:
    """Told: queries without a ranking in a pool that they are scored in, which count as finding nothing there.

    Raises:
        UserError: in one pool a whole language has none (of one language's documents only where rankings are not said
            to be complete: words need not be shared between languages), or the modes need a pool that was not given.
    """
    if ALL not in pools:
        if set(settings.modes) != {Mode.MONOLINGUAL}:
            raise UserError(
                "the rankings are of single languages only: give a file over all languages too, or evaluate within "
                "languages alone with --modes monolingual"
            )
        if lacking := sorted(set(task.languages) - set(pools)):
            raise UserError(f"no rankings of documents in {', '.join(lacking)}: add {lacking[0]}=FILE")
    asked = {pool: {q.query_id: q.lang for q in task.queries} if pool == ALL else {} for pool in pools}
    for unit, lang in _asked_units(task, settings):
        query = task.queries[unit.query]
        asked[lang if lang is not None and lang in pools else ALL][query.query_id] = query.lang
    return [note for pool in pools for note in _missing(pool, pools[pool], asked[pool], complete)]


def _missing(pool: str, run: Run, asked: Mapping[str, Lang], complete: bool) -> list[str]:
    missing = {query_id: lang for query_id, lang in asked.items() if query_id not in run}
    by_lang, every = Counter(missing.values()), Counter(asked.values())
    ranking = "ranking" if pool == ALL else f"ranking of documents in {pool}"
    nothing = sorted(lang for lang, n in by_lang.items() if n == every[lang])
    if nothing and not (complete and pool != ALL):
        other = (
            f"; without {pool}=FILE they are filtered out of rankings of all documents, and --complete says that "
            "nothing was found"
        )
        raise UserError(
            f"no query in {', '.join(nothing)} has a {ranking}: each of {len(asked):,} queries is to be searched "
            f"for{other * (pool != ALL)}"
        )
    if not missing:
        return []
    where = ", ".join(f"{lang} {n}" for lang, n in sorted(by_lang.items()))
    count = counted(len(missing), "query has", "queries have")
    return [f"{count} no {ranking}, counted as finding nothing ({where}): {', '.join([*missing][:3])}"]


def _asked_units(task: Task, settings: EvaluateSettings) -> Iterator[tuple[Unit, Lang | None]]:
    """Every unit that is scored, with the language of the documents that are searched for it; None: all."""
    for unit in build_units(task, settings.other_versions):
        for pool in Pool:
            lang = unit.doc_lang if pool is Pool.TARGET else None
            mode = mode_of(task.queries[unit.query].lang, unit.doc_lang, pool)
            if lang != ANY_LANGUAGE and mode in settings.modes:
                yield unit, lang


def fitted_to_depth(
    task: Task, searcher: ImportedSearcher, workspace: Workspace
) -> tuple[Workspace, list[str]]:
    """Settings with those measures alone that the rankings are deep enough for, and what that leaves out.

    Raises:
        UserError: not even the first document of a unit is known, or not the primary measure.
    """
    settings = workspace.settings
    known, example = _known_depth(task, searcher, workspace)
    if known is None:
        return workspace, []
    wanted = [parse_measure(name) for name in settings.evaluate.measures]
    kept = [m.name for m in wanted if (m.cutoff or settings.evaluate.depth) <= known]
    left_out = [m.name for m in wanted if m.name not in kept]
    advice = (
        "Deeper rankings, rankings of each language alone (LANG=FILE) or fewer --modes help; --complete says that "
        "nothing is below them"
    )
    primary = settings.compare.primary_measure
    if primary not in kept:
        raise UserError(f"the rankings are too short for {primary}: {example}. {advice}")
    notes = (
        [f"left out, for the rankings are too short: {', '.join(left_out)} ({example}). {advice}"]
        if left_out
        else []
    )
    if known < MIXED_DEPTH:
        notes.append(
            f"measures of mixed pools look {MIXED_DEPTH} documents deep, where some rankings have {known}"
        )
    evaluate = settings.evaluate.model_copy(update={"measures": tuple(kept)})
    return replace(workspace, settings=settings.model_copy(update={"evaluate": evaluate})), notes


def _known_depth(task: Task, searcher: ImportedSearcher, workspace: Workspace) -> tuple[int | None, str]:
    """Documents that are known of every unit's ranking, its ignored ones taken out; None: all of them."""
    known, example = None, ""
    for unit, lang in _asked_units(task, workspace.settings.evaluate):
        if searcher.is_whole(unit.query, lang):
            continue
        ranking = searcher.ranking(unit.query, lang)
        left = len(set(ranking.tolist()) - set(unit.ignored))
        if known is None or left < known:
            where = f"in {lang}" if lang else "without other right answers"
            known = left
            found = len(searcher.ranking(unit.query, None if lang not in searcher.pools else lang))
            query_id = task.queries[unit.query].query_id
            example = f"query {query_id}: only {counted(left, 'document')} {where} among its {found:,}"
    return known, example
