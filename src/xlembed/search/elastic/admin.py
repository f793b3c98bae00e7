"""Which indices are ours, which alias points where, and moving an alias in one step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError

from xlembed.search.elastic.connection import Server, cause, refusal
from xlembed.search.elastic.layout import PREFIX, is_ours, loading_alias
from xlembed.search.elastic.sealing import count_documents
from xlembed.search.elastic.trouble import ask, ask_if_there
from xlembed.words import UserError

ALIAS = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
ATTEMPTS = 5
"""How often a move is tried when others move the same alias at the same time."""
REMEMBERED = 10
"""Earlier indices of an alias that its history keeps."""


@dataclass(frozen=True)
class Found:
    """An index on the server; `documents` and `size` (bytes, copies included) are None if not asked for."""

    name: str
    meta: Mapping[str, Any]
    aliases: tuple[str, ...]
    documents: int | None = None
    size: int | None = None

    @property
    def ours(self) -> bool:
        """Whether this tool built it."""
        return is_ours(self.name, self.meta)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What we wrote about it; empty if it is not ours."""
        manifest: Mapping[str, Any] = self.meta["xlembed"] if self.ours else {}
        return manifest

    def told(self, key: str) -> str:
        """A word of the manifest; empty if it does not say."""
        return str(self.manifest.get(key, ""))

    def to_json(self, rollback_of: Sequence[str]) -> dict[str, Any]:
        """For scripts, with the aliases that a rollback would put back to it."""
        return {
            "index": self.name,
            **{key: self.told(key) for key in ("state", "task", "model", "type", "mlflow_run_id")},
            "m": self.manifest.get("m"),
            "dims": self.manifest.get("dims"),
            "documents": self.documents,
            "wanted": self.manifest.get("documents"),
            "bytes": self.size,
            "aliases": list(self.aliases),
            "rollback_of": list(rollback_of),
        }

    def record(self, alias: str) -> Mapping[str, Any]:
        """What was noted when it was published under an alias; empty if it never was."""
        record: Mapping[str, Any] = (self.manifest.get("aliases") or {}).get(alias) or {}
        return record

    def replaced(self, alias: str) -> list[str]:
        """Indices that the alias pointed to before, the last one first."""
        return [str(name) for name in self.record(alias).get("replaced", ())]


def list_indices(server: Server) -> list[Found]:
    """Our indices by name; whatever else the cluster holds is left out."""
    pattern = f"{PREFIX}*"
    found = [f for f in find(server, pattern) if f.ours]
    stats = ask(
        server, lambda: server.client.indices.stats(index=pattern, metric="docs,store", level="indices")
    ).get("indices", {})
    return [
        Found(
            f.name,
            f.meta,
            f.aliases,
            documents=stats.get(f.name, {}).get("primaries", {}).get("docs", {}).get("count"),
            size=stats.get(f.name, {}).get("total", {}).get("store", {}).get("size_in_bytes"),
        )
        for f in found
    ]


def count(server: Server, name: str) -> int:
    """Documents that a search can find, after a refresh."""
    ask(server, lambda: server.client.indices.refresh(index=name))
    return count_documents(server, name)


def rollback_targets(indices: Sequence[Found]) -> dict[str, list[str]]:
    """Index -> aliases that `publish --rollback` would put back to it."""
    targets: dict[str, list[str]] = {}
    for index in indices:
        for alias in index.aliases:
            for previous in index.replaced(alias)[:1]:
                targets.setdefault(previous, []).append(alias)
    return targets


def prunable(indices: Sequence[Found], *, with_previous: bool = False) -> list[Found]:
    """Indices that no alias points to and, unless asked for, no rollback would need."""
    kept = {} if with_previous else rollback_targets(indices)
    return [f for f in indices if not f.aliases and f.name not in kept]


def delete(server: Server, names: Sequence[str], *, with_previous: bool = False) -> list[str]:
    """Delete indices of ours, and tell which; one that was published since it was listed stays."""
    still = {f.name for f in prunable(list_indices(server), with_previous=with_previous)}
    deleted = []
    for name in names:
        if name in still:
            ask(server, partial(server.client.indices.delete, index=name, ignore_unavailable=True))
            deleted.append(name)
    return deleted


def checked_alias(alias: str) -> str:
    """The name, if an alias may have it.

    Raises:
        UserError: the server would refuse it, or it looks like one of our indices.
    """
    if not ALIAS.fullmatch(alias) or alias.startswith(PREFIX):
        raise UserError(
            f"--alias {alias!r}: expected small letters, digits, '.', '_' and '-', not beginning with {PREFIX!r}, "
            "which our indices begin with"
        )
    return alias


def holder(server: Server, alias: str, *, force: bool = False) -> list[Found]:
    """Where an alias points to, if we may move it: nowhere, or to one index of ours; anywhere with `force`.

    Raises:
        UserError: it is an index, points to an index that is not ours, or to several.
    """
    found = find(server, checked_alias(alias))
    if any(f.name == alias for f in found):
        raise UserError(f"{server.url}: {alias!r} is an index, not an alias; choose another name")
    foreign = [f.name for f in found if not f.ours]
    if foreign and not force:
        raise UserError(
            f"{server.url}: the alias {alias!r} points to {', '.join(foreign)}, which this tool did not build; "
            "choose another name, or take it over with --force"
        )
    if len(found) > 1 and not force:
        names = ", ".join(f.name for f in found)
        raise UserError(
            f"{server.url}: the alias {alias!r} points to {len(found)} indices ({names}); leave one, or use --force"
        )
    return found


def move_alias(
    server: Server, alias: str, target: str, note: Mapping[str, Any], *, force: bool = False
) -> str | None:
    """Let an alias point to an index of ours, in one step and only if nobody else moved it meanwhile.

    The history is written into the manifest of the new index before the alias moves, so that a crash in between
    leaves all as it was. So is `note`: `encoding`, and `record` about this alias. `force` takes the alias from an index
    that is not ours.

    Returns:
        The index it pointed to; the target itself if there was nothing to move; None if the alias is new.

    Raises:
        UserError: it may not be moved, or others kept moving it.
    """
    for _ in range(ATTEMPTS):
        found = holder(server, alias, force=force)
        names = [f.name for f in found]
        there = next((f for f in found if f.name == target), None)
        history = there.replaced(alias) if there else [*names, *(found[0].replaced(alias) if found else ())]
        history = [name for name in dict.fromkeys(history) if name != target][:REMEMBERED]
        record = {
            **note["record"],
            "replaced": history,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        _note(server, target, alias, record, note["encoding"])
        if names == [target]:
            return target
        if _swap(server, alias, [name for name in names if name != target], target, is_new=there is None):
            return names[0] if names else None
    raise _kept_moving(server, alias)


def roll_back(server: Server, alias: str) -> tuple[str, str]:
    """Let an alias point to the index it pointed to before.

    Returns:
        (index it points to now, index it pointed to until now).

    Raises:
        UserError: there is no such alias, none before it, or that one is gone or not whole.
    """
    for _ in range(ATTEMPTS):
        found = holder(server, alias)
        if not found:
            raise UserError(f"{server.url}: there is no alias {alias!r}; xlembed indices lists them")
        current = found[0]
        history = current.replaced(alias)
        if not history:
            raise UserError(f"{server.url}: {alias!r} points to {current.name}; no index before it is known")
        previous = next((f for f in find(server, history[0]) if f.name == history[0]), None)
        if previous is None:
            raise UserError(
                f"{server.url}: {history[0]}, which {alias!r} pointed to before, is gone; publish another index"
            )
        if previous.ours:
            held, wanted = count(server, previous.name), previous.manifest.get("documents")
            if previous.manifest.get("state") != "complete" or held != wanted:
                raise UserError(
                    f"{server.url}: {previous.name} is not whole: it holds {held:,} of {wanted:,} documents"
                )
            record = {**previous.record(alias), "replaced": history[1:]}
            _note(server, previous.name, alias, record, previous.manifest.get("encoding") or {})
        if _swap(server, alias, [current.name], previous.name, is_new=True):
            return previous.name, current.name
    raise _kept_moving(server, alias)


def _kept_moving(server: Server, alias: str) -> UserError:
    return UserError(
        f"{server.url}: others keep moving the alias {alias!r}; see xlembed indices, then try again"
    )


def withdraw(server: Server, alias: str, index: str) -> bool:
    """Take an alias off an index; False if it did not point there."""
    return _swap(server, alias, [index], index, is_new=False)


def _note(
    server: Server, name: str, alias: str, record: Mapping[str, Any], encoding: Mapping[str, Any]
) -> None:
    """Put what a publication needs into an index's manifest, beside what is there."""
    (index,) = find(server, name)
    ours = {
        **index.manifest,
        "encoding": dict(encoding),
        "aliases": {**(index.manifest.get("aliases") or {}), alias: dict(record)},
    }
    meta = {**index.meta, "xlembed": ours}
    ask(server, lambda: server.client.indices.put_mapping(index=name, meta=meta))


def _swap(server: Server, alias: str, olds: Sequence[str], new: str, *, is_new: bool) -> bool:
    """One atomic call; False if the alias was moved by another meanwhile.

    `must_exist` makes the removal fail if the alias has left the old index, and as an alias can have but one index
    for writing, adding it fails if another index got it first.
    """
    actions: list[dict[str, Any]] = [
        {"remove": {"index": old, "alias": alias, "must_exist": True}} for old in olds
    ]
    if is_new:
        actions.append({"add": {"index": new, "alias": alias, "is_write_index": True}})
    try:
        server.client.indices.update_aliases(actions=actions)
    except ApiError as error:
        kind, reason = cause(error.body)
        if kind == "aliases_not_found_exception" or "more than one write index" in reason:
            return False
        raise refusal(error, server.url) from None
    except TransportError as error:
        raise refusal(error, server.url) from None
    return True


def find(server: Server, name: str) -> list[Found]:
    """What an index name or an alias stands for; empty if there is nothing of that name."""
    answer = ask_if_there(
        server,
        lambda: (
            server.client.indices.get(index=name, features="aliases,mappings", expand_wildcards="open").body
        ),
    )
    return [
        Found(
            index,
            (body.get("mappings") or {}).get("_meta") or {},
            tuple(sorted(set(body.get("aliases") or ()) - {loading_alias(index)})),
        )
        for index, body in sorted((answer or {}).items())
    ]
