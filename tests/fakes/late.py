"""A late-interaction model with random weights: a BERT of one layer, a projection of each token, unit length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from small_model import word_tokenizer
from xlembed.models.selfcheck import sentences

DIM, HIDDEN = 8, 16


def save_late_model(folder: Path, words: Sequence[str]) -> Path:
    """`words` are its tokens; `[Q]` and `[D]` mark queries and documents, which lose the word `,`."""
    known = dict.fromkeys([*words, *" ".join(sentences()[lang] for lang in ("en", "de")).split()])
    tokenizer = word_tokenizer(["[PAD]", "[UNK]", "[Q]", "[D]", ",", *known])
    body = folder.with_name(f"{folder.name}-body")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        body
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        config = BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=HIDDEN,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=40,
            initializer_range=0.5,  # so that tokens differ
        )
        BertModel(config).save_pretrained(body)
        modules = [Transformer(str(body)), *token_modules(HIDDEN, DIM)]
    prompts = {"query": "[Q] ", "document": "[D] "}
    MultiVectorEncoder(modules=modules, prompts=prompts, device="cpu").save_pretrained(str(folder))
    return folder


def token_modules(hidden: int, dim: int) -> list[torch.nn.Module]:
    """What follows a body."""
    places = {"module_input_name": "token_embeddings", "module_output_name": "token_embeddings"}
    dense = Dense(hidden, dim, bias=False, activation_function=torch.nn.Identity(), **places)
    return [dense, Normalize(module_input_name="token_embeddings"), MultiVectorMask(skiplist_words=[","])]
