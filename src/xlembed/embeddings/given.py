"""Vectors that were made elsewhere, in the place of an encoder: a text is asked for by its id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xlembed.data.task import Task
from xlembed.embeddings.export import Embeddings
from xlembed.embeddings.texts import BY_ID
from xlembed.models.fingerprint import Fingerprint
from xlembed.words import Role, UserError, Vectors


def given_fingerprint(manifest: Mapping[str, Any], storage_dtype: str) -> Fingerprint:
    """What determines the vectors: the content of their files."""
    files = {name: entry["sha256"] for name, entry in sorted(manifest["files"].items())}
    prompts = {role.value: "" for role in Role}
    return Fingerprint({"scheme": 1, "given": files, "prompts": prompts, "storage_dtype": storage_dtype})


def check_given(manifest: Mapping[str, Any], task: Task, model: str) -> None:
    """Nothing, if the vectors are of the task's texts as they are now.

    Raises:
        UserError: they are of another task, or of other texts.
    """
    for key, wanted in (("documents_digest", task.documents_digest), ("queries_digest", task.queries_digest)):
        if manifest.get(key) != wanted:
            what = key.partition("_")[0]
            raise UserError(
                f"{model}: its vectors are of task {manifest.get('task')} as it was when they were imported; {what} of "
                f"{task.name} are others now: xlembed import-vectors FILE -t {task.name} --name NAME"
            )


class GivenVectors:
    """Gives the vectors of the documents and queries whose ids it knows; see `models.encoder.Encoder`.

    Args:
        name: of the model, for messages.
        found: the folder's content.
    """

    device = "none"
    max_tokens = None
    pads = False

    def __init__(self, name: str, found: Embeddings) -> None:
        self._name, self._task = name, found.manifest.get("task")
        ids = {Role.DOCUMENT: found.doc_ids, Role.QUERY: found.query_ids}
        self._rows = {role: {f"{BY_ID}{name}": i for i, name in enumerate(of)} for role, of in ids.items()}
        self._vectors = {Role.DOCUMENT: found.documents, Role.QUERY: found.queries}
        self.dim = int(found.documents.shape[1])

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """Nothing is known of tokens."""
        return [0] * len(texts)

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        """The vectors of these ids.

        Raises:
            UserError: one stands for no text of the task.
        """
        rows = self._rows[role]
        if unknown := next((text for text in texts if text not in rows), None):
            raise UserError(
                f"{self._name} is made of vectors of the texts of task {self._task} and cannot encode another: "
                f"{unknown.removeprefix(BY_ID)[:60]!r}"
            )
        return np.asarray(self._vectors[role][[rows[text] for text in texts]], dtype=np.float32)
