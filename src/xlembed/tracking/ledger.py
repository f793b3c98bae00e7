"""Promotions in the model registry: a ledger of write-once claims, and the alias that follows them.

Setting an alias is last-write-wins in MLflow, a run's parameter is write-once: a database accepts one writer of a name
and refuses all others. So a promotion first claims number N as the parameter `promotion.N` of the model's ledger run,
which says from which champion to which version the alias is to move; then it moves the alias; then it marks the claim.
What a crash left unfinished is completed by the next promotion from what the claim says. The ledger run itself is found
by a tag that the experiment `promotions of NAME` got when it was created: names of experiments are unique, so six first
promotions at once agree on one run.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from xlembed.tracking.errors import TrackingError, hide_secrets
from xlembed.tracking.store import REFUSALS, artifact_location, connect, one_at_a_time, told
from xlembed.tracking.versions import CHAMPION, DIGEST_CHARS, REASON_CHARS, Claim, Lost, State, champion_of
from xlembed.words import UserError

LEDGERS = "promotion ledgers"
"""Experiment with one run per registered model: its parameters are the claims and attempts."""
LEDGER_TAG = "xlembed.ledger"
TRIES = 1000


def experiment_of(name: str) -> str:
    """Where runs of promotions of a registered model go."""
    return f"promotions of {name}"


# Versions


# The ledger


class SearchMover(Protocol):
    """What moves the alias of a search engine."""

    def move(self, claim: Claim) -> None:
        """To the index of the claim; nothing to do if it points there."""

    def undo(self, claim: Claim) -> None:
        """Back to where it pointed before; nothing to do if it does."""


class Ledger:
    """Claims and attempts of one registered model."""

    def __init__(self, name: str, root: Path) -> None:
        """Find the ledger run, or make it.

        Raises:
            UserError: the store cannot be used, or experiment or run has been deleted.
        """
        self.name = name
        self._root = root
        self._uri = connect(root)
        with told(self._uri):
            self.run_id = self._find() or self._make()

    def _find(self) -> str | None:
        client = MlflowClient()
        experiment = client.get_experiment_by_name(experiment_of(self.name))
        if experiment is None:
            return None
        run_id = experiment.tags.get(LEDGER_TAG)
        if experiment.lifecycle_stage != "active" or not run_id:
            raise UserError(
                f"the MLflow experiment {experiment_of(self.name)!r} (id {experiment.experiment_id}) "
                + ("has been deleted" if run_id else f"was not made by xlembed: it has no tag {LEDGER_TAG}")
                + "; it holds the history of promotions: restore it (mlflow experiments restore), or rename it"
            )
        if client.get_run(run_id).info.lifecycle_stage != "active":
            raise UserError(
                f"the ledger run {run_id} of {self.name} was deleted: restore it (mlflow runs restore)"
            )
        return str(run_id)

    def _make(self) -> str:
        """The run first, then the experiment whose tag names it: of several makers one gets the name."""
        client = MlflowClient()
        with one_at_a_time("promotion"):
            home = client.get_experiment_by_name(LEDGERS)
            if home is None:
                _create_experiment(LEDGERS, {})
                home = client.get_experiment_by_name(LEDGERS)
            if home is None or home.lifecycle_stage != "active":
                raise UserError(f"the MLflow experiment {LEDGERS!r} has been deleted: restore it")
            run = client.create_run(
                home.experiment_id, run_name=self.name, tags={"kind": "ledger", "registered_model": self.name}
            )
            client.set_terminated(run.info.run_id)  # parameters can still be added
            _create_experiment(experiment_of(self.name), {LEDGER_TAG: run.info.run_id})
            found = self._find()
            if found != run.info.run_id:
                client.delete_run(run.info.run_id)
        if found is None:
            raise TrackingError(f"the experiment {experiment_of(self.name)!r} could not be made")
        return found

    def claims(self) -> list[Claim]:
        """All promotions ever claimed, in order."""
        with told(self._uri):
            data = MlflowClient().get_run(self.run_id).data
        found = []
        for key, text in data.params.items():
            if match := re.fullmatch(r"promotion\.(\d+)", key):
                state = State(data.tags.get(f"{key}.state", State.OPEN))
                found.append(Claim.from_param(int(match[1]), text, state))
        return sorted(found, key=lambda claim: claim.number)

    def unfinished(self) -> Claim | None:
        """The last claim, if its alias may not have moved yet."""
        claims = self.claims()
        return claims[-1] if claims and claims[-1].state == State.OPEN else None

    def champions(self) -> list[Claim]:
        """The claims that made the champions up to now, the present one last; a rollback takes one off."""
        stack: list[Claim] = []
        for claim in self.claims():
            if claim.state == State.UNDONE:
                continue
            if claim.kind == "rollback":
                stack = stack[:-1]
            else:
                stack.append(claim)
        return stack

    def attempt(self, version: str, opponent: str, queries_digest: str, test: str) -> int:
        """Which try against this champion on this task: each version and test counts once, dry runs too.

        Args:
            version: the candidate.
            opponent: the champion's version, or `base`.
            queries_digest: of the gate's task; its documents and judgements depend on settings of the test.
            test: whatever could change its outcome, in one text.
        """
        prefix = f"attempt.{opponent}.{queries_digest[:DIGEST_CHARS]}"
        wanted = f"version {version}: {test}"
        for _ in range(TRIES):
            with told(self._uri):
                params = MlflowClient().get_run(self.run_id).data.params
            known = {
                int(key.rpartition(".")[2]): text
                for key, text in params.items()
                if key.startswith(f"{prefix}.")
            }
            for number, text in known.items():
                if text == wanted:
                    return number
            number = max(known, default=0) + 1
            if self._write_once(f"{prefix}.{number}", wanted):
                return number
        raise TrackingError(f"others keep writing into the ledger of {self.name}; try again")

    def claim(self, claim: Claim) -> Claim:
        """Write a claim; exactly one writer gets the number.

        Args:
            claim: its number must be the one after the last; its token is made here.

        Raises:
            Lost: another promotion has the number, or the champion is another one now.
        """
        made = replace(claim, token=uuid.uuid4().hex, reason=claim.reason[:REASON_CHARS])
        champion = champion_of(self.name, self._root)
        if (champion.number if champion else None) != claim.champion:
            raise self._lost(champion.number if champion else None)
        if not self._write_once(f"promotion.{made.number}", made.to_param()):
            raise self._lost(next((c.target for c in self.claims() if c.number == made.number), None))
        return made

    def _lost(self, winner: str | None) -> Lost:
        return Lost(
            f"another promotion won: {self.name} goes to {f'version {winner}' if winner else 'no version'} now. "
            "Nothing was moved; run again to be compared with the new champion"
        )

    def _write_once(self, key: str, value: str) -> bool:
        """Whether the parameter is ours now."""
        client = MlflowClient()
        refused: MlflowException | None = None
        with told(self._uri), one_at_a_time("promotion"):
            # A file store overwrites within a race; the lock of a local store makes this look before it leaps.
            if client.get_run(self.run_id).data.params.get(key) not in (None, value):
                return False
            try:
                client.log_param(self.run_id, key, value)
            except MlflowException as error:
                refused = error
            written = client.get_run(self.run_id).data.params.get(key)
        if written is None:
            why = refused.message if refused else "it was not written"
            raise TrackingError(hide_secrets(f"the ledger of {self.name} could not be written: {why}"))
        return bool(written == value)

    def carry_out(self, claim: Claim, search: SearchMover | None = None) -> Claim:
        """Claim, move, mark.

        Raises:
            Lost: as `claim`.
            UserError: as `complete`.
        """
        with one_at_a_time("promotion"):
            made = self.claim(claim)
            self.complete(made, search)
        return made

    def complete(self, claim: Claim, search: SearchMover | None = None) -> None:
        """Do what a claim says, from wherever it was left; nothing is done twice.

        The search alias moves first; if the registry's then cannot move, it is moved back and the claim given up.
        Whatever is not finished when the process dies is done by the next call.

        Raises:
            UserError: an alias cannot be moved.
        """
        if claim.search is not None and search is None:
            raise UserError(
                f"promotion {claim.number} of {self.name} moves the search alias {claim.search.alias} too: say where "
                "Elasticsearch is (--es-url)"
            )
        with one_at_a_time("promotion"):
            try:
                if claim.search is not None and search is not None:
                    search.move(claim)
                self._move(claim)
            except Exception as error:
                self._take_back(claim, search, error)
                raise
            self.finish(claim)

    def _take_back(self, claim: Claim, search: SearchMover | None, error: Exception) -> None:
        """Undo half a move. If that fails, or the registry's alias did move, the claim waits for the next run."""
        try:
            if self._alias() == claim.target:
                return
        except REFUSALS:
            pass  # the registry does not answer: what is searched must not run ahead of it
        if claim.search is not None and search is not None:
            search.undo(claim)
        self.undo(claim, str(error))

    def _alias(self) -> str | None:
        number = MlflowClient().get_registered_model(self.name).aliases.get(CHAMPION)
        return None if number is None else str(number)

    def _move(self, claim: Claim) -> None:
        """Let the alias stand for what the newest claim says.

        Raises:
            UserError: the alias was moved by something else since the claim.
        """
        with told(self._uri):
            while True:
                number = self._alias()
                latest = [c for c in self.claims() if c.state != State.UNDONE][-1]
                if latest.number > claim.number:
                    # Who claimed it had seen this claim completed. On a server our late move may have come after
                    # theirs; then it is taken back.
                    if latest.state != State.DONE or number != claim.target:
                        return
                    MlflowClient().set_registered_model_alias(self.name, CHAMPION, latest.target)
                    continue
                if number == claim.target:
                    return
                if number != claim.champion:
                    raise UserError(
                        f"{self.name}: the alias {CHAMPION} was moved to version {number} by something other than "
                        f"xlembed; promotion {claim.number} is given up. Run again to be compared with that version"
                    )
                MlflowClient().set_registered_model_alias(self.name, CHAMPION, claim.target)

    def finish(self, claim: Claim) -> None:
        """Write the history as tags, then mark the claim as done."""
        with told(self._uri):
            client = MlflowClient()
            for key, value in history_tags(claim).items():
                client.set_model_version_tag(self.name, claim.target, key, value)
            if claim.kind == "rollback" and claim.champion is not None:
                client.set_model_version_tag(self.name, claim.champion, "xlembed.rolled_back_at", claim.at)
            forced = f", forced: {claim.reason}" if claim.reason else ""
            client.set_registered_model_tag(
                self.name,
                f"xlembed.promotion.{claim.number}",
                f"{claim.at} {claim.kind}: {claim.champion or 'none'} -> {claim.target}{forced}",
            )
            self._mark(claim, State.DONE)

    def undo(self, claim: Claim, why: str) -> None:
        """Mark a claim as given up."""
        with told(self._uri):
            MlflowClient().set_tag(self.run_id, f"promotion.{claim.number}.why", hide_secrets(why)[:500])
            self._mark(claim, State.UNDONE)

    def _mark(self, claim: Claim, state: State) -> None:
        MlflowClient().set_tag(self.run_id, f"promotion.{claim.number}.state", str(state))


def history_tags(claim: Claim) -> dict[str, str]:
    """What a promoted version tells of its promotion."""
    found = {
        "xlembed.promoted_at": claim.at,
        "xlembed.promotion": str(claim.number),
        "xlembed.promoted_by": claim.kind,
        "xlembed.promoted_over": claim.champion or "base",
        "xlembed.promotion_run": claim.run_id,
    }
    if claim.attempt is not None and claim.level is not None:
        found |= {"xlembed.attempt": str(claim.attempt), "xlembed.level": f"{claim.level:.6g}"}
    if claim.kind == "promote":
        found["xlembed.forced"] = claim.reason  # empty again when a later promotion needed no force
    return found


def _create_experiment(name: str, tags: Mapping[str, str]) -> None:
    """Made now, or by another process before."""
    try:
        MlflowClient().create_experiment(name, artifact_location=artifact_location(name), tags=dict(tags))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


@contextmanager
def promotion_run(name: str, root: Path, tags: Mapping[str, str]) -> Iterator[str]:
    """The run of one promotion, granted or refused; yields its id."""
    from xlembed.tracking.runs import open_run

    with open_run(
        root, task=experiment_of(name), name=tags["kind"], tags=tags, experiment=experiment_of(name)
    ) as run_id:
        yield run_id


def read_json_artifact(run_id: str, name: str) -> dict[str, Any]:
    """A small file of a run.

    Raises:
        UserError: it is gone or damaged.
    """
    with told(mlflow.get_tracking_uri()):
        text = mlflow.artifacts.load_text(f"runs:/{run_id}/{name}")
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        raise UserError(f"run {run_id}: its {name} is damaged: promote again") from None
