"""A multilingual student: the body of a base model with a vocabulary learned from other texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from xlembed.finetune.recipe import Student
from xlembed.finetune.static_recipe import TokenizerRecipe
from xlembed.finetune.static_tokenizer import WORD_START, pieces_in_order, train_tokenizer
from xlembed.words import UserError

LONGEST_PIECE = 16


def make_student(base: SentenceTransformer, settings: Student, texts: Sequence[str]) -> SentenceTransformer:
    """The base with a new tokenizer and new token vectors, everything else as it was.

    Pieces are a Unigram model (Kudo 2018) of the texts, lower-cased, accents kept. A new piece's vector starts as the
    mean of the vectors of the old pieces it is cut into, as in WECHSEL's and FOCUS' simplest baseline (Dobler & de Melo
    2023, arXiv:2305.14481); special tokens keep their ids and vectors. The base is changed in place. The vocabulary
    depends on the order of the texts: sort them.

    Raises:
        UserError: a base without a body, or too few texts for so many pieces.
    """
    body = getattr(base[0], "model", None)
    old = base.tokenizer
    if body is None or not hasattr(old, "convert_tokens_to_ids"):
        raise UserError("student: the base is a table of token vectors; it has no body to keep")
    learned = train_tokenizer(
        texts, TokenizerRecipe(pieces=settings.pieces, max_piece_characters=LONGEST_PIECE, fold_accents=False)
    )
    pieces = [piece for piece in pieces_in_order(learned) if piece not in ("[UNK]", old.unk_token)]
    special = _special_tokens(old, len(pieces))
    vocabulary = _vocabulary(pieces, special)
    tokenizer = _tokenizer(learned, vocabulary, old, special)
    _replace_vectors(body, old, vocabulary, special)
    base[0].processor = tokenizer
    tokenizer.model_max_length = old.model_max_length
    return base


def _special_tokens(old: Any, n_pieces: int) -> dict[str, int]:
    """Token -> id, of those that can keep their ids in the smaller vocabulary."""
    names = dict.fromkeys(filter(None, (old.pad_token, old.unk_token, old.cls_token, old.sep_token)))
    found = {token: int(old.convert_tokens_to_ids(token)) for token in names}
    if max(found.values()) >= n_pieces:
        raise UserError(
            f"student.pieces: {n_pieces} pieces are too few to keep the special tokens at their places (up to "
            f"{max(found.values())})"
        )
    return found


def _vocabulary(pieces: Sequence[str], special: dict[str, int]) -> list[str]:
    """Pieces in their order, round the special tokens at their ids."""
    waiting, places = iter(pieces), {place: token for token, place in special.items()}
    return [
        places[place] if place in places else next(waiting) for place in range(len(pieces) + len(special))
    ]


def _tokenizer(learned: Tokenizer, vocabulary: Sequence[str], old: Any, special: dict[str, int]) -> Any:
    scores = dict(_scores(learned))
    unknown = special[old.unk_token]
    made = Tokenizer(
        models.Unigram(
            [(piece, scores.get(piece, 0.0)) for piece in vocabulary], unk_id=unknown, byte_fallback=False
        )
    )
    # Lower-casing İ leaves a combining dot behind, which no other word has.
    made.normalizer = normalizers.Sequence([learned.normalizer, normalizers.Replace("i\u0307", "i")])
    made.pre_tokenizer = learned.pre_tokenizer
    made.add_special_tokens(list(special))
    if old.cls_token and old.sep_token:
        first, last = old.cls_token, old.sep_token
        made.post_processor = TemplateProcessing(
            single=f"{first} $A {last}",
            pair=f"{first} $A {last} $B {last}",
            special_tokens=[(token, special[token]) for token in (first, last)],
        )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        pad_token=old.pad_token,
        unk_token=old.unk_token,
        cls_token=old.cls_token,
        sep_token=old.sep_token,
        padding_side=old.padding_side,
    )


def _scores(learned: Tokenizer) -> list[tuple[str, float]]:
    import json

    return [(piece, score) for piece, score in json.loads(learned.to_str())["model"]["vocab"]]


def _replace_vectors(body: Any, old: Any, vocabulary: Sequence[str], special: dict[str, int]) -> None:
    before = body.get_input_embeddings().weight.detach().clone()
    texts = [piece.replace(WORD_START, " ").strip() or piece for piece in vocabulary]
    cut = old(texts, add_special_tokens=False, verbose=False)["input_ids"]
    overall = before.mean(dim=0)
    rows = []
    for piece, ids in zip(vocabulary, cut, strict=True):
        known = [i for i in ids if i != old.unk_token_id]
        if piece in special:
            rows.append(before[special[piece]])
        else:
            rows.append(before[known].mean(dim=0) if known else overall)
    body.resize_token_embeddings(len(vocabulary), mean_resizing=False)
    with torch.no_grad():
        body.get_input_embeddings().weight.copy_(torch.stack(rows))
