"""How many tokens a model reads: what its folder says, and what its positions allow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlembed.models.folder import body_config, body_folder, object_in, read_json, stored_pooling

NO_LIMIT = 1_000_000
"""Tokenizers write 1e30 for "no limit"; no model reads this many tokens."""
OFFSET_POSITIONS = frozenset({"xlm-roberta", "xlm-roberta-xl", "roberta", "camembert", "mpnet"})
"""Bodies whose position table starts after the padding id: 514 rows serve 512 tokens."""
ROTARY = {
    *("nomic_bert", "gte", "jina_embeddings_v3", "gemma3_text", "modernbert"),
    *("qwen2", "qwen3", "llama", "mistral"),
}
"""Bodies without a position table: the stated length is what they were trained for, not where they break."""


def length_limit(folder: Path, asked: int | None, config_overrides: Mapping[str, Any]) -> int | None:
    """Tokens at which inputs are cut: as asked, else the folder's own limit; never above the position table.

    None if nothing limits the length.
    """
    wanted = asked or _stored_limit(folder)
    table = _position_limit({**body_config(folder), **config_overrides})
    limits = [limit for limit in (wanted, table) if limit]
    return min(limits) if limits else None


def _stored_limit(folder: Path) -> int | None:
    body = body_folder(folder)
    truncation = (
        object_in(body / "tokenizer.json", "truncation") if stored_pooling(folder) == "static" else {}
    )
    found = (
        read_json(body / "sentence_bert_config.json").get("max_seq_length"),
        read_json(body / "tokenizer_config.json").get("model_max_length"),
        truncation.get("max_length"),
        read_json(body / "config.json").get("max_position_embeddings"),
    )
    return next((int(n) for n in found if isinstance(n, int | float) and 0 < n < NO_LIMIT), None)


def _position_limit(config: dict[str, Any]) -> int | None:
    rows = config.get("max_position_embeddings")
    kind = config.get("model_type")
    if not isinstance(rows, int) or rows < 1 or kind in ROTARY or config.get("auto_map"):
        return None
    if kind in OFFSET_POSITIONS:
        padding = 1 if kind == "mpnet" else config.get("pad_token_id", 1)
        return rows - (padding if isinstance(padding, int) else 1) - 1
    return rows


def position_rows(body: Any) -> int | None:
    """Positions that a loaded transformers model has a learned vector for, if it has such a table."""
    from torch import nn

    for module in body.modules() if body is not None else ():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, nn.Embedding):
            offset = getattr(module, "padding_idx", None)
            return table.num_embeddings - (offset + 1 if isinstance(offset, int) else 0)
    return None
