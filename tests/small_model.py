"""A BERT of two layers with random weights and a vocabulary of whole words, ready for training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

DIM = 16


def small_model(
    folder: Path, words: Sequence[str], *, dropout: float = 0.1, modules: Sequence[torch.nn.Module] = ()
) -> SentenceTransformer:
    """Mean pooling, then `modules`; the same weights every time. `folder` takes body and tokenizer."""
    tokenizer = word_tokenizer(["[PAD]", "[UNK]", *words])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        BertModel(
            BertConfig(
                vocab_size=tokenizer.get_vocab_size(),
                hidden_size=DIM,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=32,
                max_position_embeddings=40,
                hidden_dropout_prob=dropout,
                attention_probs_dropout_prob=dropout,
            )
        ).save_pretrained(folder)
    return SentenceTransformer(
        modules=[Transformer(str(folder)), Pooling(DIM), *modules], device="cpu"
    ).eval()


def static_model(vectors: dict[str, Sequence[float]]) -> SentenceTransformer:
    """A word's vector is the given one, a text's the mean of its words'."""
    tokenizer = word_tokenizer([*vectors])
    table = torch.tensor([list(vector) for vector in vectors.values()])
    return SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu")


def word_tokenizer(words: Sequence[str]) -> Tokenizer:
    """Ids in the order of `words`; other words are [UNK]."""
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer
