"""Small models with random weights, built from their real classes and saved as folders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    Gemma3TextConfig,
    Gemma3TextModel,
    GteConfig,
    GteModel,
    JinaEmbeddingsV3Config,
    JinaEmbeddingsV3Model,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    NomicBertConfig,
    NomicBertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from xlembed.models.card import ModelCard
from xlembed.models.selfcheck import sentences
from xlembed.models.spec import ModelRef

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "query", ":", "passage"]
DIM = 16

Build = Callable[..., Path]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small_tokenizer(words: Sequence[str] = (), padding_side: str = "right") -> PreTrainedTokenizerFast:
    """Whole words; knows the English sentence of the self-check."""
    known = [*SPECIAL, *dict.fromkeys([*WORDS, *_pieces(sentences()["en"]), *words])]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        padding_side=padding_side,
    )


def _pieces(text: str) -> list[str]:
    return [piece for piece, _ in pre_tokenizers.Whitespace().pre_tokenize_str(text)]


def small_body(kind: str) -> PreTrainedModel:
    """One body of each family in the catalogue."""
    torch.manual_seed(3)
    common: dict[str, Any] = {
        "vocab_size": len(small_tokenizer()),
        "hidden_size": DIM,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "pad_token_id": 0,
    }
    decoder = {**common, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 64}
    body: PreTrainedModel
    match kind:
        case "bert":
            body = BertModel(BertConfig(**common, max_position_embeddings=40))
        case "xlm-roberta":
            body = XLMRobertaModel(
                XLMRobertaConfig(**{**common, "pad_token_id": 1}, max_position_embeddings=34)
            )
        case "mpnet":
            body = MPNetModel(MPNetConfig(**{**common, "pad_token_id": 1}, max_position_embeddings=34))
        case "qwen3":
            body = Qwen3Model(Qwen3Config(**decoder))
        case "nomic":
            body = NomicBertModel(NomicBertConfig(**common))
        case "gte":
            body = GteModel(GteConfig(**common))
        case "jina":
            body = JinaEmbeddingsV3Model(JinaEmbeddingsV3Config(**common))
        case "gemma3":
            body = Gemma3TextModel(Gemma3TextConfig(**decoder, use_bidirectional_attention=True))
        case "modernbert":
            body = ModernBertModel(ModernBertConfig(**common, cls_token_id=2, sep_token_id=3, bos_token_id=2))
        case _:
            raise AssertionError(kind)
    return body.eval()


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Save a small model as a folder: `build("bert")`, `build("bert", modules="mean")`."""

    def make(kind: str = "bert", *, modules: str = "", normalize: bool = True, name: str = "") -> Path:
        folder = tmp_path / (name or kind)
        small_body(kind).save_pretrained(folder)
        small_tokenizer().save_pretrained(folder)
        if modules:
            listed = [
                ("Transformer", ""),
                ("Pooling", "1_Pooling"),
                *([("Normalize", "2_Normalize")] * normalize),
            ]
            write_json(
                folder / "modules.json",
                [
                    {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{type_}"}
                    for i, (type_, path) in enumerate(listed)
                ],
            )
            flags = {"mean": "mean_tokens", "cls": "cls_token", "lasttoken": "lasttoken"}
            write_json(
                folder / "1_Pooling" / "config.json",
                {"word_embedding_dimension": DIM}
                | {f"pooling_mode_{f}": m == modules for m, f in flags.items()},
            )
        return folder

    return make


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def edit_json(path: Path, **changes: Any) -> None:
    write_json(path, json.loads(path.read_text()) | changes)


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def ref_of(folder: Path, **card: Any) -> ModelRef:
    """A reference to a folder with a card made up for the test."""
    return ModelRef("small", ModelCard(name="small", **card), folder)
