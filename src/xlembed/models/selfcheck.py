"""Does the tokenizer know the card's languages? A wrong class turns every word into the unknown token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from xlembed.files import read_yaml
from xlembed.words import Lang, UserError

SENTENCES = Path(__file__).with_suffix(".yaml")
MOST_UNKNOWN = 0.2
UNKNOWN_TOKENS = ("[UNK]", "<unk>", "<UNK>", "[unk]", "<|unk|>")


@lru_cache(maxsize=1)
def sentences() -> dict[Lang, str]:
    """A natural sentence per language."""
    found = read_yaml(SENTENCES)
    return {str(lang): str(text) for lang, text in found.items()}


def check_tokenizer(tokenizer: Any, languages: Sequence[Lang], name: str) -> None:
    """Refuse a tokenizer that does not know a language of the card.

    Those of its languages that have a sentence are checked; none given: English alone, which every text model is
    expected to read. The tokenizer is one of transformers or of tokenizers.

    Raises:
        UserError: names the worst language and its share of unknown tokens.
    """
    checked = [lang for lang in languages or ("en",) if lang in sentences()]
    shares = {lang: unknown_share(tokenizer, sentences()[lang]) for lang in checked}
    bad = sorted((lang for lang in shares if shares[lang] > MOST_UNKNOWN), key=lambda lang: -shares[lang])
    if bad:
        others = f" (also {', '.join(bad[1:])})" if len(bad) > 1 else ""
        raise UserError(
            f"{name}: {shares[bad[0]]:.0%} of the tokens of a {bad[0]} sentence are unknown to its tokenizer{others}; "
            f"at most {MOST_UNKNOWN:.0%} is expected of a language on the card. Likely cause: tokenizer_config.json "
            "names a tokenizer class that does not fit the files (a BERT class over a SentencePiece file), or the "
            "card's languages are not this model's."
        )


def unknown_share(tokenizer: Any, text: str) -> float:
    """Share of a text's tokens that are the unknown one; 1 if the text gives no tokens."""
    if hasattr(tokenizer, "encode_batch"):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        unknown = _unknown_ids(tokenizer)
    else:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        unknown = set() if tokenizer.unk_token_id is None else {tokenizer.unk_token_id}
    return sum(i in unknown for i in ids) / len(ids) if ids else 1.0


def _unknown_ids(tokenizer: Any) -> set[int]:
    named = (getattr(tokenizer.model, "unk_token", None), *UNKNOWN_TOKENS)
    found = {tokenizer.token_to_id(token) for token in named if token}
    return {i for i in (*found, getattr(tokenizer.model, "unk_id", None)) if i is not None}
