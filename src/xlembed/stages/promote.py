"""Stage promote: stored per-unit results of candidate and champion -> a decision, and the aliases that follow it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from xlembed.corpus.task import Task
from xlembed.corpus.text_digest import text_digest
from xlembed.embeddings.texts import document_text
from xlembed.files import write_json
from xlembed.metrics.measures import parse_measure
from xlembed.models.spec import ModelRef
from xlembed.report.promotion_table import promotion_markdown
from xlembed.settings import PromoteSettings
from xlembed.stages.compare import Evaluation, read_folder
from xlembed.stages.encoding import open_encoding
from xlembed.stages.engine import find_engine
from xlembed.stages.evaluate import MEASURES_VERSION
from xlembed.stages.index import describe_index
from xlembed.stages.postprocessing import vectors_fingerprint
from xlembed.stages.workspace import Watch, Workspace, unwatched
from xlembed.stats.comparison import Evaluated
from xlembed.stats.gate import Decision, Gate, NothingToCompare, decide
from xlembed.tracking import promotion as ledgers
from xlembed.tracking.promotion import Claim, Ledger, Lost, SearchMove, Version
from xlembed.types import Mode, Pool, UserError

BASE = "base"
"""The opponent while there is no champion."""
SEARCH_FILE = "search_alias.json"
SHOWN = 5
"""Examples in a message."""


@dataclass
class Outcome:
    """What became of a promotion.

    Attributes:
        name: registered model.
        candidate: its URI.
        opponent: URI of the champion, or the base model.
        task: of the gate.
        verdict: in words.
        granted: the gate holds, or was forced.
        moved: the alias was moved by this call.
        dry_run: nothing was to be moved.
        number: of the promotion, if one was claimed.
        run_id: MLflow run with all of this.
        reason: of --force, where it was needed.
        refusals: why the gate does not hold.
        notes: what else is worth knowing.
        decision: the numbers; None where nothing could be compared.
        search: the search alias that moved with it.
        next_step: what to do now.
        kind: `promote` or `rollback`.
    """

    name: str
    candidate: str
    opponent: str = ""
    task: str = ""
    verdict: str = ""
    granted: bool = False
    moved: bool = False
    dry_run: bool = False
    number: int | None = None
    run_id: str = ""
    reason: str = ""
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    decision: Decision | None = None
    search: SearchMove | None = None
    next_step: str = ""
    kind: str = "promote"

    def to_json(self) -> dict[str, Any]:
        """For scripts, and promotion.json."""
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        values["decision"] = None if self.decision is None else self.decision.to_json()
        values["search"] = None if self.search is None else asdict(self.search)
        return values


@dataclass(frozen=True)
class Opponent:
    """Whom the candidate must beat.

    Attributes:
        key: in the ledger.
        shown: to people.
        ref: the model.
        version: None for the base model.
    """

    key: str
    shown: str
    ref: ModelRef
    version: Version | None


def promote(
    model: str,
    task: Task,
    workspace: Workspace,
    *,
    alias: str | None = None,
    force: str = "",
    dry_run: bool = False,
    watch: Watch = unwatched,
) -> Outcome:
    """Let the alias `champion` stand for a version, if the gate of the settings holds.

    Args:
        model: `models:/NAME/3` or `models:/NAME@candidate`.
        task: of the gate.
        workspace: settings (`promote` and those of the evaluation) and places.
        alias: search alias in Elasticsearch that moves along.
        force: reason to promote all the same.
        dry_run: say what would be done; counts as an attempt.
        watch: told of long work.

    Raises:
        UserError: the model is no registered version, an alias may not be moved, or a store is not there.
    """
    settings = workspace.settings.promote
    if force and dry_run:
        raise UserError("--dry-run moves nothing, so there is nothing to --force")
    candidate = ledgers.find_version(model, workspace.root)
    ledger = Ledger(candidate.name, workspace.root)
    mover = ElasticMover(workspace)
    outcome = Outcome(candidate.name, candidate.uri, task=task.name, dry_run=dry_run)
    _finish_old(ledger, mover, outcome)
    champion = ledgers.champion_of(candidate.name, workspace.root)
    if champion is not None and champion.number == candidate.number:
        outcome.granted, outcome.verdict = True, f"{candidate.uri} is the champion"
        outcome.opponent = champion.uri
        if alias:
            outcome.next_step = (
                f"the search alias was not touched: xlembed publish --alias {alias} moves it alone"
            )
        return outcome
    number = _next_number(ledger)
    if alias:
        mover.check(alias)  # refused before any work
    tags = {
        "kind": "promotion",
        "registered_model": candidate.name,
        "task": task.name,
        "candidate": candidate.number,
    }
    with ledgers.promotion_run(candidate.name, workspace.root, tags) as outcome.run_id:
        opponent = _opponent(champion, candidate, workspace)
        outcome.opponent = opponent.shown
        if champion is None:
            outcome.notes.append(f"no champion yet: compared with the base model {opponent.shown}")
        attempt = _gate(candidate, opponent, ledger, task, workspace, settings, outcome, watch)
        outcome.granted = not outcome.refusals or bool(force)
        outcome.reason = force if outcome.refusals else ""
        if outcome.granted and not dry_run:
            search = None
            if alias:
                search = mover.prepare(alias, candidate, task, watch)
            decision = outcome.decision
            claim = Claim(
                number=number,
                champion=champion.number if champion else None,
                target=candidate.number,
                kind="promote",
                at=ledgers.now(),
                run_id=outcome.run_id,
                token="",
                reason=outcome.reason,
                attempt=attempt,
                level=decision.level if decision else None,
                task_digest=task.digest,
                search=search,
            )
            _carry_out(ledger, claim, mover, outcome)
        _conclude(outcome)
    return outcome


def roll_back(
    name: str, workspace: Workspace, *, alias: str | None = None, reason: str = "", dry_run: bool = False
) -> Outcome:
    """Let the alias `champion` stand for the version before; a promotion with a number of its own.

    Args:
        name: registered model.
        workspace: where the stores are.
        alias: search alias that goes back along; the one that moved with the champion needs not be named.
        reason: kept in the history.
        dry_run: say what would be done.

    Raises:
        UserError: there is no champion before, or an alias may not be moved.
    """
    ledgers.champion_of(name, workspace.root)  # no such model: no ledger is made
    ledger = Ledger(name, workspace.root)
    mover = ElasticMover(workspace)
    outcome = Outcome(name, "", dry_run=dry_run, reason=reason, kind="rollback")
    _finish_old(ledger, mover, outcome)
    champion = ledgers.champion_of(name, workspace.root)
    made = ledger.champions()
    if champion is None or not made or made[-1].target != champion.number or made[-1].champion is None:
        found = f"version {champion.number}" if champion else "no version"
        raise UserError(
            f"{name}: no champion before {found} is known (promotions are counted from the first xlembed promote). "
            f"xlembed promote models:/{name}/N --force REASON puts any version there"
        )
    before = ledgers.find_version(f"models:/{name}/{made[-1].champion}", workspace.root)
    outcome.candidate, outcome.opponent = before.uri, champion.uri
    number = _next_number(ledger)
    search = mover.way_back(made[-1], alias)
    tags = {"kind": "rollback", "registered_model": name, "candidate": before.number}
    with ledgers.promotion_run(name, workspace.root, tags) as outcome.run_id:
        outcome.granted = True
        if not dry_run:
            claim = Claim(
                number=number,
                champion=champion.number,
                target=before.number,
                kind="rollback",
                at=ledgers.now(),
                run_id=outcome.run_id,
                token="",
                reason=reason,
                search=search,
            )
            _carry_out(ledger, claim, mover, outcome)
        _conclude(outcome)
    return outcome


# Steps


def _finish_old(ledger: Ledger, mover: ElasticMover, outcome: Outcome) -> None:
    """Complete what a crash left unfinished.

    Raises:
        UserError: a dry run must not do that.
    """
    claim = ledger.unfinished()
    if claim is None:
        return
    what = f"{claim.kind} {claim.number} to version {claim.target}"
    if outcome.dry_run:
        raise UserError(
            f"{ledger.name}: {what} was interrupted; run without --dry-run first, which completes it"
        )
    ledger.complete(claim, mover)
    outcome.notes.append(f"{what} had been interrupted; completed now")


def _next_number(ledger: Ledger) -> int:
    claims = ledger.claims()
    return claims[-1].number + 1 if claims else 1


def _opponent(champion: Version | None, candidate: Version, workspace: Workspace) -> Opponent:
    if champion is not None:
        return Opponent(champion.number, champion.uri, workspace.open_model(champion.uri), champion)
    base = candidate.tags.get(ledgers.BASE_TAG)
    if not base:
        raise UserError(
            f"{candidate.name} has no champion, and {candidate.uri} does not say which base model to compare with: set "
            f"its tag {ledgers.BASE_TAG} to a MODEL (xlembed finetune does), or the alias {ledgers.CHAMPION} by hand"
        )
    return Opponent(BASE, base, workspace.open_model(base), None)


def gate_of(settings: PromoteSettings) -> Gate:
    """The gate that the settings fix."""
    return Gate(
        parse_measure(settings.metric),
        Mode(settings.mode),
        Pool(settings.pool),
        settings.margin,
        settings.alpha,
        settings.strict,
        settings.margin_unknown,
    )


def attempt_text(gate: Gate, task: Task, workspace: Workspace, results: Sequence[Evaluation]) -> str:
    """Everything a try may change so that its p or its guard change: another text is another attempt."""
    chosen = {
        "gate": asdict(gate) | {"measure": gate.measure.name},
        "index": _wanted_index(task, workspace),
        "corpus": workspace.settings.corpus.model_dump(mode="json"),
        "fingerprints": [e.scores.get("fingerprint") for e in results],
        "evaluate": workspace.settings.evaluate.model_dump(
            mode="json", include={"depth", "other_versions", "resamples"}
        ),
        "measures_version": MEASURES_VERSION,
    }
    return f"{gate.name}, {json.dumps(chosen, sort_keys=True)}"


def _gate(
    candidate: Version,
    opponent: Opponent,
    ledger: Ledger,
    task: Task,
    workspace: Workspace,
    settings: PromoteSettings,
    outcome: Outcome,
    watch: Watch,
) -> int:
    """Fill in refusals and the decision; returns the attempt."""
    gate = gate_of(settings)
    ref = workspace.open_model(candidate.uri)
    outcome.refusals += _leaks(candidate, ref, task, workspace)
    results = [
        evaluation_of(version, found, task, workspace, gate, outcome.notes, watch)
        for version, found in ((candidate, ref), (opponent.version, opponent.ref))
    ]
    # Counted before anybody sees a number, so that a try cannot be taken back.
    attempt = ledger.attempt(
        candidate.number, opponent.key, task.queries_digest, attempt_text(gate, task, workspace, results)
    )
    a, b = (
        Evaluated(shown, e.units, e.scores.get("labels", {}))
        for shown, e in zip((candidate.uri, opponent.shown), results, strict=True)
    )
    try:
        outcome.decision = decide(a, b, gate, attempt, workspace.settings.evaluate.resamples)
    except NothingToCompare as error:
        outcome.refusals.append(str(error))
    else:
        outcome.refusals += outcome.decision.refusals
    return attempt


def shared_texts(task: Task, ref: ModelRef, digests: frozenset[str]) -> dict[str, list[str]]:
    """Documents (with or without title) and queries of a task, by id, whose text is among the digests."""
    documents = [
        d.doc_id
        for d in task.documents
        if {text_digest(d.text), text_digest(document_text(ref.card, d))} & digests
    ]
    return {
        "documents": documents,
        "queries": [q.query_id for q in task.queries if text_digest(q.text) in digests],
    }


def _leaks(candidate: Version, ref: ModelRef, task: Task, workspace: Workspace) -> list[str]:
    digests = ledgers.training_texts(candidate, workspace.root)
    if digests is None:
        return [
            f"what {candidate.uri} was trained on is not recorded (no {ledgers.TEXTS_FILE} in the run of its tag "
            f"{ledgers.TRAINING_RUN_TAG}), so it may have seen the texts of {task.name}"
        ]
    found = {kind: ids for kind, ids in shared_texts(task, ref, digests).items() if ids}
    if not found:
        return []
    counts = " and ".join(
        f"{len(ids):,} {kind} ({', '.join(ids[:SHOWN])}{', ...' if len(ids) > SHOWN else ''})"
        for kind, ids in found.items()
    )
    return [
        f"{candidate.uri} was trained or chosen on texts of {task.name}: {counts}. Its scores there are no test: "
        "choose another task, or train without these texts"
    ]


def _carry_out(ledger: Ledger, claim: Claim, mover: ElasticMover, outcome: Outcome) -> None:
    try:
        ledger.carry_out(claim, mover)
    except Lost as lost:
        outcome.granted = False
        outcome.refusals.append(str(lost))
    else:
        outcome.moved, outcome.number, outcome.search = True, claim.number, claim.search


def _conclude(outcome: Outcome) -> None:
    """Words, and all of it into the active run."""
    target = f"{ledgers.CHAMPION} of {outcome.name}"
    if outcome.moved:
        outcome.verdict = f"{target}: {outcome.candidate} (promotion {outcome.number})"
        rollback = f"xlembed promote --rollback models:/{outcome.name}"
        forced = f"xlembed promote {outcome.opponent} --force REASON"
        outcome.next_step = f"{rollback if outcome.kind == 'promote' else forced} undoes it"
    elif outcome.granted:
        outcome.verdict = f"{outcome.candidate} would become {target}"
        outcome.next_step = "run again without --dry-run"
    else:
        outcome.verdict = f"{outcome.candidate} is refused; {target} stays {outcome.opponent}"
        outcome.next_step = _advice(outcome)
    from xlembed.tracking.log import log_folder, log_metrics, log_tags

    report = outcome.to_json()
    status = "moved" if outcome.moved else "dry run" if outcome.granted else "refused"
    log_tags(
        {
            "outcome": status,
            "opponent": outcome.opponent,
            "promotion": str(outcome.number or ""),
            "forced": outcome.reason,
            "refusals": "; ".join(outcome.refusals)[:5000],
        }
    )
    if outcome.decision is not None:
        log_metrics(gate_metrics(outcome.decision.to_json()))
    with tempfile.TemporaryDirectory() as temporary:
        write_json(Path(temporary) / "promotion.json", report)
        (Path(temporary) / "promotion.md").write_text(promotion_markdown(report), encoding="utf-8")
        log_folder(Path(temporary))


def _advice(outcome: Outcome) -> str:
    decision = outcome.decision
    if decision is None or decision.holds:
        return "see the reasons above; --force REASON promotes all the same, and the reason is kept on the version"
    if decision.fallen:
        return (
            f"look at {', '.join(decision.fallen)} (xlembed compare), and train with texts in these languages"
        )
    if decision.better:
        return "use a task with more queries" + (", or leave --strict out" if decision.gate.strict else "")
    return (
        "train a better one, or use a task with more queries; trying the same again changes nothing, and every new "
        "attempt is tested more strictly"
    )


def gate_metrics(decision: Mapping[str, Any]) -> dict[str, float]:
    """`gate/difference`, `gate/p_value`, `gate/de/difference`, ... of what has a number."""
    keys = ("candidate", "champion", "difference", "ci_low", "ci_high")
    found = {f"gate/{k}": decision[k] for k in (*keys, "p_value", "level", "attempt", "detectable")}
    for row in decision["languages"]:
        found |= {f"gate/{row['lang']}/{k}": row[k] for k in (*keys, "p_fall_adjusted")}
    return {key: float(value) for key, value in found.items() if value is not None}


# Results


def evaluation_of(
    version: Version | None,
    ref: ModelRef,
    task: Task,
    workspace: Workspace,
    gate: Gate,
    notes: list[str],
    watch: Watch = unwatched,
) -> Evaluation:
    """The stored results of a version if they are of this task and these settings, else new ones, stored with it.

    Args:
        version: None: a base model, of which nothing is stored.
        ref: the model.
        task: of the gate.
        workspace: settings of the evaluation.
        gate: its measure and mode must be there.
        notes: told why something was evaluated again.
        watch: told of long work.
    """
    if version is not None:
        run_id = version.tags.get(f"{ledgers.EVALUATION_TAG}{task.digest[: ledgers.DIGEST_CHARS]}")
        why, again = "not evaluated on this task yet", ""
        if run_id:
            again = " again"
            try:
                stored = _stored(run_id, workspace)
            except UserError as error:  # gone or damaged
                why = f"its stored results cannot be used ({error})"
            else:
                why = outdated(stored, ref, task, workspace, gate)
                if not why:
                    return stored
        notes.append(f"{version.uri} evaluated{again}: {why}")
    return _evaluate(version, ref, task, workspace, gate, watch)


def _stored(run_id: str, workspace: Workspace) -> Evaluation:
    from xlembed.tracking.registry import fetch_run

    with tempfile.TemporaryDirectory() as temporary:
        fetch_run(run_id, workspace.root, ["units.parquet", "scores.json"], Path(temporary))
        return read_folder(run_id, Path(temporary))


def outdated(stored: Evaluation, ref: ModelRef, task: Task, workspace: Workspace, gate: Gate) -> str:
    """What of stored results differs from what an evaluation would be now; empty: nothing that matters."""
    scores, settings = stored.scores, workspace.settings
    base = open_encoding(ref, workspace).base.digest
    index = scores.get("index", {})
    same = {
        "task digest": scores.get("task_digest") == task.digest,
        "measures version": scores.get("measures_version") == MEASURES_VERSION,
        "corpus settings": scores.get("corpus") == settings.corpus.model_dump(mode="json"),
        "index": all(index.get(k) == v for k, v in _wanted_index(task, workspace).items()),
        "fingerprint": scores.get("fingerprint") == vectors_fingerprint(base, ref, task),
        "measure": gate.measure.column in stored.units,
        "mode": bool((stored.units["mode"] == gate.mode).any()),
    }
    for key in ("depth", "other_versions"):
        same[key] = scores.get("evaluate", {}).get(key) == settings.evaluate.model_dump(mode="json")[key]
    differing = [key for key, equal in same.items() if not equal]
    return f"{', '.join(differing)} differ" if differing else ""


def _wanted_index(task: Task, workspace: Workspace) -> dict[str, Any]:
    settings = workspace.settings.index
    return describe_index(task, workspace) | find_engine(settings).describe(settings)


def _evaluate(
    version: Version | None, ref: ModelRef, task: Task, workspace: Workspace, gate: Gate, watch: Watch
) -> Evaluation:
    """Encode, index, evaluate in a child run, which the version's tag then names."""
    from xlembed.stages.encode import encode
    from xlembed.stages.evaluate import evaluate
    from xlembed.stages.index import index
    from xlembed.tracking.evaluation import log_evaluation, run_tags
    from xlembed.tracking.log import log_tags
    from xlembed.tracking.runs import child_run

    with _scratch(workspace, gate) as scratch, child_run(f"evaluate {ref.slug}") as run_id:
        log_tags(run_tags(ref, task))
        encode(task, ref, scratch, watch)
        index(task, ref, scratch, watch, run_id)
        result = evaluate(task, ref, scratch, watch)
        folder = scratch.run_folder(task.name, ref.slug)
        log_evaluation(folder, result)
        found = read_folder(run_id, folder)
    if version is not None:
        ledgers.keep_evaluation(version, task.digest, run_id)
    return found


@contextmanager
def _scratch(workspace: Workspace, gate: Gate) -> Iterator[Workspace]:
    """A workspace whose results go to a folder that vanishes, and whose settings hold the gate's measure and mode."""
    evaluate = workspace.settings.evaluate
    wider = evaluate.model_copy(
        update={
            "measures": tuple(dict.fromkeys((*evaluate.measures, gate.measure.name))),
            "modes": tuple(m for m in Mode if m in (*evaluate.modes, gate.mode)),
        }
    )
    settings = workspace.settings.model_copy(update={"evaluate": wider})
    with tempfile.TemporaryDirectory() as temporary:
        yield replace(workspace, settings=settings, out=Path(temporary))


# The search alias


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
        from xlembed.index.elastic.admin import holder
        from xlembed.stages.elastic import open_server

        holder(open_server(self._workspace), alias)

    def prepare(self, alias: str, version: Version, task: Task, watch: Watch) -> SearchMove:
        """Build and check the index of a version; its note is kept in the active run, for a rerun after a crash.

        The documents are those of the task that the alias serves now; a new alias serves the gate's.

        Raises:
            UserError: it cannot be built, or its answers are not those of exact search.
        """
        from xlembed.index.elastic.admin import holder
        from xlembed.stages.elastic import open_server
        from xlembed.stages.encode import encode
        from xlembed.stages.index import index
        from xlembed.stages.publish import check_publishable, verify

        server = open_server(self._workspace)
        found = holder(server, alias)
        served = str(found[0].manifest.get("task") or task.name) if found else task.name
        if served != task.name:
            task = self._workspace.open_task(served)
        ref = self._workspace.open_model(version.uri)
        check_publishable(ref)
        with tempfile.TemporaryDirectory() as temporary:
            scratch = replace(self._workspace, out=Path(temporary))
            encode(task, ref, scratch, watch)
            index(task, ref, scratch, watch)
            verified = verify(task, ref, scratch, server, watch=watch)
        ledgers.log_json({"alias": alias, "index": verified.index, "note": verified.note}, SEARCH_FILE)
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
        from xlembed.index.elastic.admin import find, holder, move_alias, roll_back
        from xlembed.stages.elastic import open_server

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
            note = {
                "encoding": there[0].manifest.get("encoding") or {},
                "record": dict(there[0].record(search.alias)),
            }
        move_alias(server, search.alias, search.index, note)

    def undo(self, claim: Claim) -> None:
        """Back to where it pointed before; nothing to do if it does.

        Raises:
            UserError: it cannot be moved.
        """
        from xlembed.index.elastic.admin import holder, roll_back, withdraw
        from xlembed.stages.elastic import open_server

        search = _search_of(claim)
        server = open_server(self._workspace)
        if [f.name for f in holder(server, search.alias)] != [
            search.index
        ] or search.index == search.previous:
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
