"""Run files of another system -> its evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlembed.data.task import Task
from xlembed.evaluate.imported import (
    FILE,
    fitted_to_depth,
    missing_queries,
    rankings_table,
    table_searcher,
)
from xlembed.evaluate.job import evaluate_search
from xlembed.evaluate.run_files import read_pools, split_sources
from xlembed.evaluate.searching import open_imported
from xlembed.models.spec import ModelRef
from xlembed.workspace import Watch, Workspace, unwatched


def import_rankings(
    task: Task,
    ref: ModelRef,
    files: Sequence[str],
    workspace: Workspace,
    watch: Watch = unwatched,
    *,
    complete: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """Read, check, score and write, as `evaluate` does.

    Args:
        task: that was searched.
        ref: the other system, see `imported_ref`.
        files: ``FILE`` or ``LANG=FILE``.
        workspace: settings and places.
        watch: told of the work.
        complete: whether all that the system could find is in the files.

    Returns:
        As `evaluate`, and what is to be told; the latter stands beside the scores too.

    Raises:
        UserError: all that is wrong in the files, or what they are too short for.
    """
    pools, cut, notes = read_pools(split_sources(files, task), task)
    notes += missing_queries(task, pools, workspace.settings.evaluate, complete)
    table = rankings_table(task, pools, {} if complete else cut)
    workspace, told = fitted_to_depth(task, table_searcher(task, table), workspace)
    notes += told
    search = open_imported(task, ref, workspace, table, notes)
    return evaluate_search(task, ref, search, workspace, watch, {FILE: table}), notes
