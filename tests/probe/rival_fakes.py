"""Small bases with random weights, and texts whose scores follow from their words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
)

from small_model import word_tokenizer
from xlembed.data.scored import Scores

WORTH = {
    "joy": (1.0, 2.0),
    "peace": (1.0, -2.0),
    "rain": (0.0, 0.0),
    "stone": (0.0, 0.0),
    "fear": (-1.0, 2.0),
    "gloom": (-1.0, -2.0),
}
"""Word -> what it adds to each score."""


def texts_and_scores(n: int, seed: int, *, longest: int = 6) -> tuple[list[str], Scores]:
    """Texts of 2 to `longest` words; scores are 3 and 5 plus the mean worth of the words."""
    rng = np.random.default_rng(seed)
    words = list(WORTH)
    chosen = [rng.choice(words, rng.integers(2, longest + 1)).tolist() for _ in range(n)]
    scores = [np.mean([WORTH[word] for word in text], axis=0) + np.array([3, 5]) for text in chosen]
    return [" ".join(text) for text in chosen], np.array(scores)


def save_tokenizer(folder: Path) -> int:
    """Whole words; the number of its tokens."""
    tokenizer = word_tokenizer(["[PAD]", "[UNK]", *WORTH])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(
        folder
    )
    return int(tokenizer.get_vocab_size())


def save_qwen2_tokenizer(folder: Path, *, padding: str | None, side: str) -> int:
    """Byte pairs learnt on the words, in Qwen2's own class: any other would be rebuilt as that one."""
    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    learnt.train_from_iterator(texts_and_scores(50, 0)[0], trainer)
    found = json.loads(learnt.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        found["vocab"], [tuple(pair) for pair in found["merges"]], pad_token=padding, padding_side=side
    )
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
"""Of a causal language model of two layers."""


def save_random(build: Callable[[], PreTrainedModel], folder: Path) -> Path:
    """The same random weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        build().save_pretrained(folder)
    return folder


def qwen2_config(n_tokens: int) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=n_tokens,
        **SMALL,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=n_tokens - 1,
    )


def save_qwen2(folder: Path, *, padding: str | None = "<|endoftext|>", side: str = "right") -> Path:
    """A causal language model of two layers with its own, untied, head."""
    n_tokens = save_qwen2_tokenizer(folder, padding=padding, side=side)
    return save_random(lambda: Qwen2ForCausalLM(qwen2_config(n_tokens)), folder)


def save_llama(folder: Path, *, side: str = "right") -> Path:
    """Built as SmolLM2 is: tied to its token vectors, fewer keys than heads, padded by its end token."""
    tokenizer = word_tokenizer(["<unk>", "<end>", *WORTH])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        eos_token="<end>",
        pad_token="<end>",
        padding_side=side,
    ).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        **SMALL,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=1,
    )
    return save_random(lambda: LlamaForCausalLM(config), folder)


def save_distilbert(folder: Path) -> Path:
    """As the real one is published: with the head of its pre-training."""
    n_tokens = save_tokenizer(folder)
    config = DistilBertConfig(
        vocab_size=n_tokens, dim=32, hidden_dim=48, n_layers=2, n_heads=4, max_position_embeddings=16
    )
    return save_random(lambda: DistilBertForMaskedLM(config), folder)


def save_bert(folder: Path) -> Path:
    """Without a pooler, as masked language models are published."""
    n_tokens = save_tokenizer(folder)
    config = BertConfig(
        vocab_size=n_tokens,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=16,
    )
    return save_random(lambda: BertForMaskedLM(config), folder)
