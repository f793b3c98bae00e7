"""What stage encode left of a late-interaction model, read without anything that encodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.data.task import Task
from xlembed.models.folder import read_json
from xlembed.models.spec import ModelRef
from xlembed.words import UserError
from xlembed.workspace import Workspace


def late_manifest(task: Task, ref: ModelRef, workspace: Workspace) -> Mapping[str, Any]:
    """What `encode_late` wrote.

    Raises:
        UserError: it is missing, or of other texts.
    """
    folder = workspace.embeddings(task.name, ref.slug)
    found = read_json(folder / "manifest.json")
    if found.get("task_digest") != task.digest or "fingerprint" not in found:
        raise UserError(
            f"{folder} holds nothing that was encoded from the texts of task {task.name} as they are now: run xlembed "
            f"encode -m {ref.slug} -t {task.name}"
        )
    return found


def describe_late(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What determines the answers, beside the documents."""
    return {
        "similarity": "maxsim, mean over the query's tokens",
        "exact": True,
        "token_dim": manifest["token_dim"],
        "bytes_per_document": manifest["bytes_per_document"],
        "fingerprint": manifest["fingerprint"],
    }
