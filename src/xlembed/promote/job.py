"""Stage promote: stored per-unit results of candidate and champion -> a decision, and the aliases that follow it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xlembed.data.task import Task
from xlembed.data.text_digest import text_digest
from xlembed.embeddings.texts import document_text
from xlembed.evaluate.compare import Evaluation
from xlembed.evaluate.job import MEASURES_VERSION
from xlembed.files import write_json
from xlembed.measures import parse_measure
from xlembed.models.spec import ModelRef
from xlembed.promote.decision import Gate, NothingToCompare
from xlembed.promote.gate import decide
from xlembed.promote.outcome import Outcome, _advice, gate_metrics
from xlembed.promote.results import _wanted_index, evaluation_of
from xlembed.promote.search_alias import ElasticMover
from xlembed.promote.tables import promotion_markdown
from xlembed.settings import PromoteSettings
from xlembed.stats.comparison import Evaluated
from xlembed.tracking import ledger as ledgers
from xlembed.tracking import versions
from xlembed.tracking.ledger import Ledger
from xlembed.tracking.opening import open_model
from xlembed.tracking.versions import Claim, Lost, Version
from xlembed.words import Mode, Pool, UserError
from xlembed.workspace import Watch, Workspace, unwatched

BASE = "base"
"""The opponent while there is no champion."""
SHOWN = 5
"""Examples in a message."""


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
    candidate = versions.find_version(model, workspace.root)
    ledger = Ledger(candidate.name, workspace.root)
    mover = ElasticMover(workspace)
    outcome = Outcome(candidate.name, candidate.uri, task=task.name, dry_run=dry_run)
    _finish_old(ledger, mover, outcome)
    champion = versions.champion_of(candidate.name, workspace.root)
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
                at=versions.now(),
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
    versions.champion_of(name, workspace.root)  # no such model: no ledger is made
    ledger = Ledger(name, workspace.root)
    mover = ElasticMover(workspace)
    outcome = Outcome(name, "", dry_run=dry_run, reason=reason, kind="rollback")
    _finish_old(ledger, mover, outcome)
    champion = versions.champion_of(name, workspace.root)
    made = ledger.champions()
    if champion is None or not made or made[-1].target != champion.number or made[-1].champion is None:
        found = f"version {champion.number}" if champion else "no version"
        raise UserError(
            f"{name}: no champion before {found} is known (promotions are counted from the first xlembed promote). "
            f"xlembed promote models:/{name}/N --force REASON puts any version there"
        )
    before = versions.find_version(f"models:/{name}/{made[-1].champion}", workspace.root)
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
                at=versions.now(),
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
        return Opponent(champion.number, champion.uri, open_model(workspace, champion.uri), champion)
    base = candidate.tags.get(versions.BASE_TAG)
    if not base:
        raise UserError(
            f"{candidate.name} has no champion, and {candidate.uri} does not say which base model to compare with: set "
            f"its tag {versions.BASE_TAG} to a MODEL (xlembed finetune does), or the alias {versions.CHAMPION} by hand"
        )
    return Opponent(BASE, base, open_model(workspace, base), None)


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
    ref = open_model(workspace, candidate.uri)
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
    digests = versions.training_texts(candidate, workspace.root)
    if digests is None:
        return [
            f"what {candidate.uri} was trained on is not recorded (no {versions.TEXTS_FILE} in the run of its tag "
            f"{versions.TRAINING_RUN_TAG}), so it may have seen the texts of {task.name}"
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
    target = f"{versions.CHAMPION} of {outcome.name}"
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
    from xlembed.tracking.log import describe, log_folder, log_metrics, log_tags

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
        page = promotion_markdown(report)
        (Path(temporary) / "promotion.md").write_text(page, encoding="utf-8")
        describe(page)
        log_folder(Path(temporary))


# Results


# The search alias
