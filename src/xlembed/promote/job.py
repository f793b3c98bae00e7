"""Stage promote: stored per-unit results of candidate and champion -> a decision, and the aliases that follow it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xlembed.data.task import Task
from xlembed.data.text_digest import text_digest
from xlembed.embeddings.texts import document_text
from xlembed.evaluate.compare import Evaluation
from xlembed.evaluate.job import MEASURES_VERSION
from xlembed.files import write_json
from xlembed.measures import parse_measure
from xlembed.models.spec import ModelRef
from xlembed.promote.decision import Gate, NothingToCompare, Outcome, gate_metrics
from xlembed.promote.gate import decide
from xlembed.promote.results import evaluation_of, wanted_index
from xlembed.promote.search_alias import ElasticMover
from xlembed.promote.tables import promotion_markdown
from xlembed.settings import PromoteSettings
from xlembed.stats.comparison import Evaluated
from xlembed.tracking import ledger as ledgers
from xlembed.tracking import versions
from xlembed.tracking.ledger import Ledger
from xlembed.tracking.log import describe, log_folder, log_metrics, log_tags
from xlembed.tracking.opening import open_model
from xlembed.tracking.versions import Claim, Lost, Version
from xlembed.words import UserError
from xlembed.workspace import Watch, Workspace, unwatched

BASE = "base"
"""The opponent while there is no champion."""
SHOWN = 5
"""Examples in a message."""


@dataclass(frozen=True)
class Opponent:
    """Whom the candidate must beat, by its key in the ledger, and as it is shown; no version: the base model."""

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
    """Let the alias `champion` stand for `models:/NAME/3` or `models:/NAME@candidate`, if the gate of a task holds.

    A search alias in Elasticsearch moves along; `force` is the reason to promote all the same; a dry run says what
    would be done, and counts as an attempt.

    Raises:
        UserError: the model is no registered version, an alias may not be moved, or a store is not there.
    """
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
            alone = f"xlembed publish --alias {alias} moves it alone"
            outcome.next_step = f"the search alias was not touched: {alone}"
        return outcome
    number = _next_number(ledger)
    if alias:
        mover.check(alias)  # refused before any work
    tags = {"kind": "promotion", "registered_model": candidate.name, "candidate": candidate.number}
    with ledgers.promotion_run(candidate.name, workspace.root, tags | {"task": task.name}) as outcome.run_id:
        opponent = _opponent(champion, candidate, workspace)
        outcome.opponent = opponent.shown
        if champion is None:
            outcome.notes.append(f"no champion yet: compared with the base model {opponent.shown}")
        attempt = _gate(candidate, opponent, ledger, task, workspace, outcome, watch)
        outcome.granted = not outcome.refusals or bool(force)
        outcome.reason = force if outcome.refusals else ""
        if outcome.granted and not dry_run:
            search = mover.prepare(alias, candidate, task, watch) if alias else None
            level = outcome.decision.level if outcome.decision else None
            gate = {"attempt": attempt, "level": level, "task_digest": task.digest}
            _carry_out(ledger, mover, outcome, number, champion, candidate, search=search, **gate)
        _conclude(outcome, champion)
    return outcome


def roll_back(
    name: str, workspace: Workspace, *, alias: str | None = None, reason: str = "", dry_run: bool = False
) -> Outcome:
    """Let the alias `champion` of a registered model stand for the version before; a promotion with its own number.

    The search alias goes back along; the one that moved with the champion needs not be named.

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
            _carry_out(ledger, mover, outcome, number, champion, before, search=search)
        _conclude(outcome, champion)
    return outcome


def _finish_old(ledger: Ledger, mover: ElasticMover, outcome: Outcome) -> None:
    """Complete what a crash left unfinished, which a dry run must not do."""
    claim = ledger.unfinished()
    if claim is None:
        return
    what = f"{claim.kind} {claim.number} to version {claim.target}"
    if outcome.dry_run:
        first = "run without --dry-run first, which completes it"
        raise UserError(f"{ledger.name}: {what} was interrupted; {first}")
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
    fields = {"mode", "pool", "margin", "alpha", "strict", "margin_unknown"}
    return Gate(parse_measure(settings.metric), **settings.model_dump(include=fields))


def attempt_text(gate: Gate, task: Task, workspace: Workspace, results: Sequence[Evaluation]) -> str:
    """Everything a try may change so that its p or its guard change: another text is another attempt."""
    chosen = {
        "gate": asdict(gate) | {"measure": gate.measure.name},
        "index": wanted_index(task, workspace),
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
    outcome: Outcome,
    watch: Watch,
) -> int:
    """Fill in refusals and the decision; returns the attempt."""
    gate = gate_of(workspace.settings.promote)
    ref = open_model(workspace, candidate.uri)
    outcome.refusals += _leaks(candidate, ref, task, workspace)
    results = [
        evaluation_of(version, found, task, workspace, gate, outcome.notes, watch)
        for version, found in ((candidate, ref), (opponent.version, opponent.ref))
    ]
    # Counted before anybody sees a number, so that a try cannot be taken back.
    text = attempt_text(gate, task, workspace, results)
    attempt = ledger.attempt(candidate.number, opponent.key, task.queries_digest, text)
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

    def is_known(*texts: str) -> bool:
        return not digests.isdisjoint(map(text_digest, texts))

    return {
        "documents": [d.doc_id for d in task.documents if is_known(d.text, document_text(ref.card, d))],
        "queries": [q.query_id for q in task.queries if is_known(q.text)],
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


def _carry_out(
    ledger: Ledger,
    mover: ElasticMover,
    outcome: Outcome,
    number: int,
    champion: Version | None,
    target: Version,
    **more: Any,
) -> None:
    claim = Claim(
        number=number,
        champion=champion.number if champion else None,
        target=target.number,
        kind=outcome.kind,
        at=versions.now(),
        run_id=outcome.run_id,
        token="",
        reason=outcome.reason,
        **more,
    )
    try:
        ledger.carry_out(claim, mover)
    except Lost as lost:
        outcome.granted = False
        outcome.refusals.append(str(lost))
    else:
        outcome.moved, outcome.number, outcome.search = True, claim.number, claim.search


def _conclude(outcome: Outcome, champion: Version | None) -> None:
    """Words, and all of it into the active run; `champion` is the one before."""
    target = f"{versions.CHAMPION} of {outcome.name}"
    if outcome.moved:
        outcome.verdict = f"{target}: {outcome.candidate} (promotion {outcome.number})"
        rollback = f"xlembed promote --rollback models:/{outcome.name}"
        forced = f"xlembed promote {outcome.opponent} --force REASON"
        if champion is not None:  # there is something to go back to
            outcome.next_step = f"{rollback if outcome.kind == 'promote' else forced} undoes it"
    elif outcome.granted:
        outcome.verdict = f"{outcome.candidate} would become {target}"
        outcome.next_step = "run again without --dry-run"
    else:
        outcome.verdict = f"{outcome.candidate} is refused; {target} was not moved"
        outcome.next_step = outcome.advice()
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
