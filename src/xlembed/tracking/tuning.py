"""What the run of tune-index records: a child run per setting, the choice in the parent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xlembed.tracking.log import log_folder, log_metrics, log_params, log_tags
from xlembed.tracking.runs import child_run

SIZES = ("segments", "disk_bytes", "memory_bytes", "build_seconds", "documents")


@contextlib.contextmanager
def setting_run(
    name: str, params: Mapping[str, Any], numbers: Callable[[Mapping[str, Any]], Mapping[str, float]]
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A child run around the work on one setting; what it yields logs the result.

    Args:
        name: of the setting.
        params: of the setting, by name.
        numbers: metrics of a result.
    """
    with child_run(name):
        log_params({f"index.{key}": str(value) for key, value in params.items() if value is not None})

        def tell(row: Mapping[str, Any]) -> None:
            sizes = {key: float(row[key]) for key in SIZES if row[key] is not None}
            log_metrics({**numbers(row), **sizes})
            if row["note"]:
                log_tags({"note": row["note"]})

        yield tell


def log_tuning(report: Mapping[str, Any], folder: Path) -> None:
    """The chosen setting and all files, in the active run."""
    choice = report["choice"]
    log_tags(
        {
            "kind": "tune-index",
            "chosen": str(choice["name"] or ""),
            "chosen_why": str(choice["why"]),
            "fingerprint": str(report["fingerprint"]),
            "task_digest": str(report["task_digest"]),
            "elasticsearch": str(report["server"]),
        }
    )
    if told := choice.get("reported"):
        ends = {
            f"chosen/{told['measure']}/{e}": told[e] for e in ("ci_low", "ci_high") if told[e] is not None
        }
        log_metrics({f"chosen/{told['measure']}": told["value"], **ends})
    log_folder(folder)
