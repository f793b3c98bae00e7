"""What a model does not read: documents that it cuts, queries of which it does not know the tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from xlembed.data.task import Task
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.store import VectorStore
from xlembed.embeddings.texts import document_text
from xlembed.embeddings.tokens import open_token_encoding
from xlembed.embeddings.truncation import stored_tokens, truncation
from xlembed.explore.kinds import Flag
from xlembed.models.encoder import AnyEncoder
from xlembed.models.folder import body_folder
from xlembed.models.hub import locate
from xlembed.models.selfcheck import unknown_share
from xlembed.models.spec import ModelRef
from xlembed.words import Kind, Role
from xlembed.workspace import Workspace


@dataclass(frozen=True)
class Reading:
    """Of one model.

    Attributes:
        cut: rows of documents whose text is longer than the model's limit.
        unknown: row of a query -> share of its tokens that are unknown.
        note: what is not known of it; empty: nothing.
    """

    cut: frozenset[int]
    unknown: dict[int, float]
    note: str = ""

    def is_truncated(self, right: Collection[int]) -> bool:
        """Whether all right documents are cut: one that is read whole could have been found."""
        return all(row in self.cut for row in right)

    def is_not_understood(self, query: int, threshold: float) -> bool:
        """Whether so large a share of the query's tokens, or more, is unknown."""
        return self.unknown.get(query, 0.0) >= threshold


def read_by(
    ref: ModelRef, task: Task, documents: Collection[int], queries: Collection[int], workspace: Workspace
) -> Reading:
    """What `ref`, or of a model in two stages the first, does not read of some texts; lengths come from the store.

    Raises:
        UserError: the model cannot be found or loaded.
    """
    if ref.card.lexical or ref.card.imported:
        return Reading(frozenset(), {}, f"{ref.slug} has no tokenizer: no flag is ever set for it")
    ref = ref.first_stage
    rows = sorted(documents)
    texts = [document_text(ref.card, task.documents[row]) for row in rows]
    load, store = _encoder(ref, workspace)
    tokens = stored_tokens(load, texts, Role.DOCUMENT, store).astype(np.int64)
    lost = [truncation(of[:1], int(of[1]), int(of[2]) or None)[0][0] > 0 for of in tokens]
    cut = frozenset(row for row, is_cut in zip(rows, lost, strict=True) if is_cut)
    if not ref.card.has_files:
        return Reading(cut, {}, f"{ref.slug} has no tokenizer here: no flag is ever set for it")
    path = body_folder(locate(ref, workspace.settings.encode.trust_remote_code)) / "tokenizer.json"
    if not path.is_file():
        return Reading(
            cut, {}, f"{ref.slug} has no tokenizer.json: {Flag.NOT_UNDERSTOOD} is never set for it"
        )
    return Reading(cut, unknown_shares(path, {row: task.queries[row].text for row in sorted(queries)}))


def unknown_shares(tokenizer_file: Path, texts: Mapping[int, str]) -> dict[int, float]:
    """Share of unknown tokens of each text, whole and without prompt and special tokens; 1 where there is no token."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()  # which would count as known
    return {key: unknown_share(tokenizer, text) for key, text in texts.items()}


def _encoder(ref: ModelRef, workspace: Workspace) -> tuple[Callable[[], AnyEncoder], VectorStore]:
    """What loads the model, where the store does not remember its lengths, and the store."""
    if ref.card.kind is Kind.LATE_INTERACTION:
        late = open_token_encoding(ref, workspace)
        return lambda: late.encoders()[Role.DOCUMENT], late.store
    encoding = open_encoding(ref, workspace)
    return encoding.encoder, encoding.store
