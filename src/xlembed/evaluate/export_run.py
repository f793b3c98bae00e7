"""Our rankings as run files, one per pool, as deep as they are scored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xlembed.data.task import Task
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.searching import open_search
from xlembed.files import atomic_folder, check_free
from xlembed.models.spec import ModelRef
from xlembed.search.imported import ALL
from xlembed.search.run import write_trec
from xlembed.search.searcher import Searcher
from xlembed.search.units import build_units
from xlembed.words import Lang
from xlembed.workspace import Watch, Workspace, unwatched


def export_trec(
    task: Task,
    ref: ModelRef,
    workspace: Workspace,
    folder: Path,
    watch: Watch = unwatched,
    *,
    force: bool = False,
) -> list[str]:
    """Write all.trec and, with several languages, one file per language of documents; the files' names.

    What is not encoded and indexed yet is so first. Rankings are `evaluate.depth` deep, and deeper by what is taken out
    before they are scored, so that `import-run` finds every score again.

    Raises:
        UserError: the folder exists, or the search cannot be opened.
    """
    check_free(folder, f"{ALL}.trec", force)
    if not ref.card.imported:
        encode(task, ref, workspace, watch)
        index(task, ref, workspace, watch)
    searcher = open_search(task, ref, workspace).searcher
    settings = workspace.settings.evaluate
    units = build_units(task, settings.other_versions)
    depth = settings.depth + max((len(unit.ignored) for unit in units), default=0)
    names = []
    with atomic_folder(folder) as made:
        for name, lang in _pools(task):
            write_trec(_run(task, searcher, depth, lang), made / f"{name}.trec", ref.slug)
            names.append(f"{name}.trec")
    return names


def _pools(task: Task) -> Iterator[tuple[str, Lang | None]]:
    yield ALL, None
    if len(task.languages) > 1:
        yield from ((lang, lang) for lang in task.languages if any(d.lang == lang for d in task.documents))


def _run(task: Task, searcher: Searcher, depth: int, lang: Lang | None) -> dict[str, list[str]]:
    hits = searcher.search(range(len(task.queries)), depth, lang)
    return {
        query.query_id: [task.documents[row].doc_id for row in rows if row >= 0]
        for query, rows in zip(task.queries, hits.rows, strict=True)
    }
