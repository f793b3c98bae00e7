"""What a model does not read of a task's texts because its length is limited; the same from a cold and a warm store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.embeddings.store import Tokens, VectorStore, text_keys
from xlembed.models.encoder import AnyEncoder
from xlembed.words import Lang, Role

log = logging.getLogger(__name__)

Counts = NDArray[np.float64]


def measure_tokens(encoder: AnyEncoder, texts: Sequence[str], role: Role) -> Tokens:
    """What `truncation` needs to know of each text, int32, shape (n, 3).

    Its tokens with prompt and special tokens before truncation; those of prompt and special tokens alone; where the
    model cuts, 0 where it does not.
    """
    found = np.empty((len(texts), 3), dtype=np.int32)
    found[:, 0] = encoder.token_counts(texts, role)
    found[:, 1] = encoder.token_counts([""], role)[0]
    found[:, 2] = encoder.max_tokens or 0
    return found


def stored_tokens(
    load_encoder: Callable[[], AnyEncoder], texts: Sequence[str], role: Role, store: VectorStore
) -> Tokens:
    """`measure_tokens` of texts that were encoded, as the store remembers them.

    A store of an older version does not; texts are then tokenised once more, and remembered.
    """
    located = store.locate(role, text_keys(texts))
    found = store.read_tokens(located)
    unknown = np.flatnonzero(found[:, 0] < 0)
    if len(unknown):
        found[unknown] = measure_tokens(load_encoder(), [texts[int(i)] for i in unknown], role)
        try:
            with store.lock():
                store.add_tokens(located, found)
        except OSError as error:  # a store that may only be read
            log.debug("%s: token counts could not be kept: %s", store.folder, error)
    return found


def truncation(tokens: NDArray[np.int64], overhead: int, max_tokens: int | None) -> tuple[Counts, Counts]:
    """What is cut off each text.

    Args:
        tokens: of each text with prompt and special tokens, int64, shape (n,).
        overhead: tokens of prompt and special tokens alone.
        max_tokens: where inputs are cut; None: nowhere.

    Returns:
        Tokens lost, and tokens of the text itself, both float64, shape (n,).
    """
    whole = np.maximum(tokens - overhead, 0).astype(np.float64)
    if max_tokens is None:
        return np.zeros(len(tokens)), whole
    return np.minimum(np.maximum(tokens - max_tokens, 0).astype(np.float64), whole), whole


def truncation_by_language(tokens: Tokens, langs: Sequence[Lang]) -> dict[Lang, dict[str, Any]]:
    """Per language: texts and tokens, how many of them are cut, and both shares.

    Example:
        >>> found = truncation_by_language(np.array([[12, 2, 8], [5, 2, 8]], dtype=np.int32), ["en", "en"])
        >>> found["en"]["share_cut"], found["en"]["share_lost"]  # one of 2 texts, 4 of 10 + 3 tokens
        (0.5, 0.307692)
    """
    rows: dict[Lang, dict[str, Any]] = {}
    of_text = np.asarray(langs)
    for lang in sorted(set(langs)):
        own = tokens[of_text == lang].astype(np.int64)
        lost, whole = truncation(own[:, 0], int(own[0, 1]), int(own[0, 2]) or None)
        n_cut, n_lost, n_tokens = int((lost > 0).sum()), int(lost.sum()), int(whole.sum())
        rows[lang] = {
            "texts": len(own),
            "texts_cut": n_cut,
            "share_cut": round(n_cut / len(own), 6),
            "tokens": n_tokens,
            "tokens_lost": n_lost,
            "share_lost": round(n_lost / n_tokens, 6) if n_tokens else 0.0,
        }
    return rows


def describe_truncation(by_kind: Mapping[str, tuple[Tokens, Sequence[Lang]]]) -> dict[str, Any]:
    """`max_tokens` and, for each kind of text, `truncation_by_language`; empty for a model without a limit.

    Args:
        by_kind: ``documents`` and ``queries`` -> tokens and language of each text.
    """
    limits = {int(limit) for tokens, _ in by_kind.values() for limit in np.unique(tokens[:, 2])}
    if not max(limits, default=0):
        return {}
    return {
        "max_tokens": max(limits),
        **{kind: truncation_by_language(tokens, langs) for kind, (tokens, langs) in by_kind.items()},
    }
