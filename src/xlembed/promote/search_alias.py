"""The search alias in Elasticsearch that moves along with a promotion: built, verified, moved, put back."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from xlembed.data.loading import open_task
from xlembed.data.task import Task
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.publish.job import check_publishable, verify
from xlembed.search.elastic.admin import find, holder, move_alias, roll_back, withdraw
from xlembed.search.elastic.tasks import open_server
from xlembed.tracking import ledger as ledgers
from xlembed.tracking.log import log_json
from xlembed.tracking.opening import open_model
from xlembed.tracking.versions import Claim, SearchMove, Version
from xlembed.words import UserError
from xlembed.workspace import Watch, Workspace

SEARCH_FILE = "search_alias.json"


class ElasticMover:
    """The alias in Elasticsearch that applications query; the server is asked only where one is to move."""

    def __init__(self, workspace: Workspace) -> None:
        settings = workspace.settings
        index = settings.index.model_copy(update={"engine": "elasticsearch"})
        self._workspace = replace(workspace, settings=settings.model_copy(update={"index": index}))

    def check(self, alias: str) -> None:
        """Refuse an alias that we may not move.

        Raises:
            UserError: it is not ours, or the server cannot be reached.
        """
        holder(open_server(self._workspace), alias)

    def prepare(self, alias: str, version: Version, task: Task, watch: Watch) -> SearchMove:
        """Build and check the index of a version; its note is kept in the active run, for a rerun after a crash.

        The documents are those of the task that the alias serves now; a new alias serves the gate's.

        Raises:
            UserError: it cannot be built, or its answers are not those of exact search.
        """
        server = open_server(self._workspace)
        found = holder(server, alias)
        served = str(found[0].manifest.get("task") or task.name) if found else task.name
        if served != task.name:
            task = open_task(self._workspace, served, unjudged=True)
        ref = open_model(self._workspace, version.uri)
        check_publishable(ref)
        with tempfile.TemporaryDirectory() as temporary:
            scratch = replace(self._workspace, out=Path(temporary))
            encode(task, ref, scratch, watch)
            index(task, ref, scratch, watch)
            verified = verify(task, ref, scratch, server, watch=watch)
        log_json({"alias": alias, "index": verified.index, "note": verified.note}, SEARCH_FILE)
        return SearchMove(alias, verified.index, found[0].name if found else None)

    def way_back(self, made: Claim, alias: str | None) -> SearchMove | None:
        """Where the search alias goes when the promotion `made` is rolled back.

        Raises:
            UserError: it did not move with that promotion, or was new then.
        """
        if made.search is None and alias is None:
            return None
        if made.search is None or (alias or made.search.alias) != made.search.alias:
            told = f"moved {made.search.alias}" if made.search else "moved no search alias"
            raise UserError(
                f"promotion {made.number} {told}: take {alias} back with xlembed publish --rollback --alias {alias}"
            )
        if made.search.previous is None:
            raise UserError(
                f"promotion {made.number} made the search alias {made.search.alias}: there is no index before it to go "
                "back to. Publish one first: xlembed publish"
            )
        self.check(made.search.alias)
        return SearchMove(made.search.alias, made.search.previous, made.search.index)

    def move(self, claim: Claim) -> None:
        """To the index of the claim; nothing to do if it points there.

        Raises:
            UserError: it cannot be moved.
        """
        search = _search_of(claim)
        server = open_server(self._workspace)
        found = holder(server, search.alias)
        if [f.name for f in found] == [search.index]:
            return
        if claim.kind == "rollback" and found and found[0].replaced(search.alias)[:1] == [search.index]:
            roll_back(server, search.alias)
            return
        if claim.kind == "promote":
            note = ledgers.read_json_artifact(claim.run_id, SEARCH_FILE)["note"]
        else:
            there = find(server, search.index)
            if not there:
                raise UserError(f"{server.url}: the index {search.index} is gone: publish another one")
            encoding = there[0].manifest.get("encoding") or {}
            note = {"encoding": encoding, "record": dict(there[0].record(search.alias))}
        move_alias(server, search.alias, search.index, note)

    def undo(self, claim: Claim) -> None:
        """Back to where it pointed before; nothing to do if it does.

        Raises:
            UserError: it cannot be moved.
        """
        search = _search_of(claim)
        server = open_server(self._workspace)
        found = [f.name for f in holder(server, search.alias)]
        if found != [search.index] or search.index == search.previous:
            return
        if search.previous is None:
            withdraw(server, search.alias, search.index)
        elif claim.kind == "promote":
            roll_back(server, search.alias)
        else:  # what the rollback left is still known
            self.move(replace(claim, search=SearchMove(search.alias, search.previous, search.index)))


def _search_of(claim: Claim) -> SearchMove:
    if claim.search is None:
        raise ValueError(f"promotion {claim.number} moves no search alias")
    return claim.search
