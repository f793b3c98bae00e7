"""From a repository to a folder on disk; the one place that talks to the Hub."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from xlembed.words import UserError

log = logging.getLogger(__name__)

_CLIENTS = ("huggingface_hub", "httpx", "httpcore", "requests", "fsspec", "aiohttp")
"""Libraries whose errors are those of the way to the Hub."""


def fetch(
    repository: str,
    revision: str | None,
    *,
    of: Literal["model", "dataset"] = "model",
    ignore: list[str] | None = None,
    allow: list[str] | None = None,
    advice: str,
) -> Path:
    """The snapshot of a repository; files that are here already are not asked for again.

    Args:
        repository: OWNER/NAME.
        revision: commit, branch or tag; None is the main branch.
        of: what the repository holds.
        ignore: patterns of files that are not wanted.
        allow: patterns of files that are; None: all others.
        advice: what to do where it cannot be had.

    Raises:
        NotFetched: it is not here and cannot be fetched; says why, and the advice.
    """
    from huggingface_hub import snapshot_download

    reachable = is_reachable()
    with telling(repository, revision, reachable, advice):
        found = snapshot_download(
            repository,
            repo_type=of,
            revision=revision,
            ignore_patterns=ignore,
            allow_patterns=allow,
            local_files_only=not reachable,
        )
        return Path(found)


class NotFetched(UserError):
    """What is not on this machine, and the Hub could not give."""


@contextmanager
def telling(repository: str, revision: str | None, reachable: bool, advice: str) -> Iterator[None]:
    """What goes wrong on the way to the Hub becomes a sentence and an advice.

    Raises:
        NotFetched: for every error of the Hub's clients.
    """
    from huggingface_hub.errors import HFValidationError

    try:
        yield
        return
    except (OSError, ConnectionError, HFValidationError) as error:
        # Only our own words: the text of a failed request may hold what was sent with it.
        reason = _reason(error, repository, reachable)
    except Exception as error:
        if not type(error).__module__.startswith(_CLIENTS):
            raise
        reason = _reason(error, repository, reachable)
    where = f"{repository} (revision {revision or 'main'})"
    raise NotFetched(
        f"{where} is not in the local cache and could not be fetched from the Hub: {reason}.\n{advice}"
    )


def is_reachable() -> bool:
    """Whether the Hub answers at all; without asking first, its client would try again for half a minute."""
    from huggingface_hub import constants, get_session

    if _is_offline():
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    except Exception as error:
        log.debug("%s: %s", constants.ENDPOINT, type(error).__name__)
        return False
    return True


def _reason(error: BaseException, repository: str, reachable: bool) -> str:
    from huggingface_hub import errors

    if isinstance(error, errors.IncompleteSnapshotError):
        return "only a part of it is there, and the Hub cannot be reached"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"access is gated; accept the terms at https://huggingface.co/{repository} and log in with "
            "`hf auth login`, or set HF_TOKEN"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return "the repository has no such revision"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the Hub knows no such repository (or it is private and no token that may read it is set)"
    if isinstance(error, errors.OfflineModeIsEnabled) or (
        isinstance(error, errors.LocalEntryNotFoundError) and _is_offline()
    ):
        return "offline mode is on (HF_HUB_OFFLINE)"
    if isinstance(error, errors.HFValidationError):
        return "that is no valid repository id"
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(getattr(error, "response", None), "status_code", "unknown")
        return f"the Hub answered with status {status}"
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
        return f"writing failed ({error.strerror})"
    if reachable:
        return "the transfer broke off; run the same command again, finished files are kept"
    return "the Hub cannot be reached"


def _is_offline() -> bool:
    from huggingface_hub.constants import is_offline_mode

    return bool(is_offline_mode())
