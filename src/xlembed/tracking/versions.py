"""Versions of a registered model as a promotion sees them, and what one claims."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from xlembed.tracking.errors import hide_secrets
from xlembed.tracking.store import connect, told
from xlembed.words import Choice, UserError

CHAMPION = "champion"
"""The alias that a promotion moves."""
EVALUATION_TAG = "xlembed.evaluation."
BASE_TAG = "xlembed.base"
TRAINING_RUN_TAG = "xlembed.training_run"
TEXTS_FILE = "text_digests.txt"
DIGEST_CHARS = 16
REASON_CHARS = 1000
"""Of --force: a parameter holds 6,000 characters."""
URI = re.compile(r"models:/([^/@+]+)(?:/(\d+)|@([^/@+]+))")


class State(Choice):
    """How far a claimed promotion has come."""

    OPEN = "open"
    DONE = "done"
    UNDONE = "undone"


class Lost(UserError):
    """Another promotion claimed the number first."""


@dataclass(frozen=True)
class Version:
    """A version in the registry.

    Attributes:
        name: of the registered model.
        number: its version, as MLflow writes it.
        tags: of the version.
    """

    name: str
    number: str
    tags: Mapping[str, str]

    @property
    def uri(self) -> str:
        """As MODEL may be typed."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True)
class SearchMove:
    """The alias of a search engine that moves with a promotion.

    Attributes:
        alias: its name.
        index: it is to point to.
        previous: it pointed to; None: it is new.
    """

    alias: str
    index: str
    previous: str | None


@dataclass(frozen=True)
class Claim:
    """One promotion in the ledger.

    Attributes:
        number: N, from 1.
        champion: version the alias must leave; None: there was none.
        target: version it is to stand for.
        kind: `promote` or `rollback`.
        at: when it was claimed, ISO 8601 in UTC.
        run_id: MLflow run with the report.
        token: tells writers of otherwise equal claims apart.
        reason: of --force.
        attempt: j; None for a rollback.
        level: alpha_j; None for a rollback.
        task_digest: of the gate.
        search: what moves beside it.
        state: how far it has come.
    """

    number: int
    champion: str | None
    target: str
    kind: str
    at: str
    run_id: str
    token: str
    reason: str = ""
    attempt: int | None = None
    level: float | None = None
    task_digest: str = ""
    search: SearchMove | None = None
    state: State = State.OPEN

    def to_param(self) -> str:
        """As written into the ledger."""
        values = asdict(self)
        del values["number"], values["state"]
        return json.dumps(values, ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_param(number: int, text: str, state: State) -> Claim:
        """Read back."""
        values = json.loads(text)
        search = values.pop("search")
        return Claim(number=number, state=state, search=SearchMove(**search) if search else None, **values)


def now() -> str:
    """For people and sorting."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def find_version(uri: str, root: Path) -> Version:
    """The version that `models:/NAME/3` or `models:/NAME@candidate` means now.

    Raises:
        UserError: no such URI, model, version or alias.
    """
    match = URI.fullmatch(uri)
    if not match:
        raise UserError(
            f"{uri!r}: a promotion takes a registered version: models:/NAME/VERSION or models:/NAME@ALIAS"
        )
    name, number, alias = match.groups()
    store = connect(root)
    with told(store):
        client = MlflowClient()
        try:
            found = (
                client.get_model_version_by_alias(name, alias)
                if alias
                else client.get_model_version(name, number)
            )
        except MlflowException as error:
            raise UserError(
                hide_secrets(
                    f"{uri!r}: {error.message} (tracking store: {store}). Versions are registered by xlembed finetune; "
                    f"xlembed promote models:/{name}/1 names one without an alias"
                )
            ) from None
        if str(found.status) != "READY":
            raise UserError(f"{uri!r}: version {found.version} is {found.status}, not READY")
        return Version(name, str(found.version), dict(found.tags))


def champion_of(name: str, root: Path) -> Version | None:
    """The version that the alias stands for; None: there is none yet."""
    store = connect(root)
    with told(store):
        number = MlflowClient().get_registered_model(name).aliases.get(CHAMPION)
    return None if number is None else find_version(f"models:/{name}/{number}", root)


def keep_evaluation(version: Version, task_digest: str, run_id: str) -> None:
    """Note on a version which run holds its units for a task."""
    with told(mlflow.get_tracking_uri()):
        MlflowClient().set_model_version_tag(
            version.name, version.number, EVALUATION_TAG + task_digest[:DIGEST_CHARS], run_id
        )


def training_texts(version: Version, root: Path) -> frozenset[str] | None:
    """Digests of all texts that a version, and registered versions it began from, were trained and chosen on.

    None: not recorded for one of them.
    """
    found: set[str] = set()
    seen: set[str] = set()
    later: Version | None = version
    while later is not None and later.uri not in seen:
        seen.add(later.uri)
        run_id = later.tags.get(TRAINING_RUN_TAG)
        if not run_id:
            return None
        try:
            found.update(mlflow.artifacts.load_text(f"runs:/{run_id}/{TEXTS_FILE}").split())
        except (MlflowException, OSError):
            return None
        base = later.tags.get(BASE_TAG, "")
        later = find_version(base, root) if URI.fullmatch(base) else None
    return frozenset(found)
