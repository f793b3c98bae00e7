"""For every card of the catalogue a small model with random weights, laid out as its repository on the Hub is."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    Gemma3TextConfig,
    Gemma3TextModel,
    GemmaTokenizer,
    GteConfig,
    GteModel,
    JinaEmbeddingsV3Config,
    JinaEmbeddingsV3Model,
    LlamaTokenizer,
    MistralConfig,
    MistralModel,
    MPNetConfig,
    MPNetModel,
    MPNetTokenizer,
    NomicBertConfig,
    NomicBertModel,
    PreTrainedModel,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
    XLMRobertaTokenizer,
)

from xlembed.models.catalogue import catalogue
from xlembed.models.selfcheck import sentences

DIM = 32
ROWS = 200


def pieces() -> list[str]:
    """Every character of the self-check's sentences, as tokenizers of any kind see it."""
    text = "".join(sentences().values()) + "Instruct: query passage search_document"
    forms = [
        unicodedata.normalize(form, case)
        for form in ("NFC", "NFD", "NFKC", "NFKD")
        for case in (text, text.lower())
    ]
    return sorted(set("".join(forms)) - set(" \n"))


def _sentencepiece() -> Any:
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return XLMRobertaTokenizer(vocab=[*vocab, *((p, -3.0) for p in pieces() if p != "▁"), ("<mask>", 0.0)])


def _wordpiece(kind: Any, special: list[str], **kwargs: Any) -> Any:
    known = [*special, *pieces(), *(f"##{p}" for p in pieces())]
    return kind(vocab={piece: i for i, piece in enumerate(dict.fromkeys(known))}, **kwargs)


def _characters(kind: Any, special: list[str], **kwargs: Any) -> Any:
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    known = dict.fromkeys([*special, *bytes_, "▁", *pieces()])
    return kind(vocab={piece: i for i, piece in enumerate(known)}, merges=[], **kwargs)


def _byte_level() -> Any:
    known = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<|endoftext|>"]
    return Qwen2Tokenizer(vocab={piece: i for i, piece in enumerate(known)}, merges=[])


def bert() -> Any:
    return _wordpiece(BertTokenizer, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "xlm-r": _sentencepiece,
    "bert": bert,
    "mpnet": lambda: _wordpiece(MPNetTokenizer, ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]),
    "qwen": _byte_level,
    "gemma": lambda: _characters(GemmaTokenizer, ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]),
    "llama": lambda: _characters(
        LlamaTokenizer, ["<unk>", "<s>", "</s>"], pad_token="</s>", add_eos_token=True
    ),
}
ENCODER: dict[str, Any] = {
    "hidden_size": DIM,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
DECODER = {**ENCODER, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": ROWS}
BODIES: dict[str, tuple[type[PreTrainedModel], Any, dict[str, Any]]] = {
    "bert": (BertModel, BertConfig, {**ENCODER, "max_position_embeddings": ROWS}),
    "xlm-r": (
        XLMRobertaModel,
        XLMRobertaConfig,
        {**ENCODER, "max_position_embeddings": ROWS, "type_vocab_size": 1},
    ),
    "mpnet": (MPNetModel, MPNetConfig, {**ENCODER, "max_position_embeddings": ROWS}),
    "nomic": (NomicBertModel, NomicBertConfig, ENCODER),
    "gte": (GteModel, GteConfig, ENCODER),
    "jina": (JinaEmbeddingsV3Model, JinaEmbeddingsV3Config, ENCODER),
    "qwen": (Qwen3Model, Qwen3Config, DECODER),
    "gemma": (Gemma3TextModel, Gemma3TextConfig, {**DECODER, "use_bidirectional_attention": True}),
    "mistral": (MistralModel, MistralConfig, DECODER),
}
LAYOUTS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    # card: body, tokenizer, modules, weights in the repository
    "e5_small": ("bert", "xlm-r", ("mean", "Normalize"), "both"),
    "e5_base": ("xlm-r", "xlm-r", ("mean", "Normalize"), "both"),
    "e5_large": ("xlm-r", "xlm-r", ("mean", "Normalize"), "both"),
    "e5_large_instruct": ("xlm-r", "xlm-r", ("mean", "Normalize"), "safe"),
    "minilm_multilingual": ("bert", "xlm-r", ("mean",), "both"),
    "mpnet_multilingual": ("xlm-r", "xlm-r", ("mean",), "both"),
    "labse": ("bert", "bert", ("cls", "Dense", "Normalize"), "pickled"),
    "gte_multilingual_base": ("gte", "xlm-r", ("cls", "Normalize"), "safe"),
    "bge_m3": ("xlm-r", "xlm-r", ("cls", "Normalize"), "pickled"),
    "jina_v3": ("jina", "xlm-r", (), "safe"),
    "qwen3_emb_06b": ("qwen", "qwen", ("lasttoken", "Normalize"), "safe"),
    "nomic_embed_v1_5": ("nomic", "bert", ("mean", "Normalize"), "both"),
    "embeddinggemma": ("gemma", "gemma", ("mean", "Dense", "Dense", "Normalize"), "safe"),
    "all_mpnet_base_v2": ("mpnet", "mpnet", ("mean", "Normalize"), "both"),
    "all_minilm_l6_v2": ("bert", "bert", ("mean", "Normalize"), "both"),
    "bge_large_en_v1_5": ("bert", "bert", ("cls", "Normalize"), "both"),
    "e5_large_v2": ("bert", "bert", ("mean", "Normalize"), "both"),
    "e5_mistral_7b": ("mistral", "llama", ("lasttoken", "Normalize"), "safe shards"),
}


NEEDS_CODE: dict[str, dict[str, Any]] = {
    # card: what its config.json says
    "nomic_embed_v2_moe": {"model_type": "nomic_bert", "num_experts": 8, "moe_every_n_layers": 2},
    "nemotron_8b": {
        "model_type": "llama_bidirec",
        "auto_map": {"AutoModel": "llama_bidirectional_model.LlamaModel"},
    },
    "turkembed4retrieval": {
        "model_type": "new",
        "auto_map": {"AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel"},
    },
}


def make_repository(folder: Path, name: str) -> None:
    """The small model of a card."""
    body, tokenizer, modules, weights = LAYOUTS[name]
    save_model(folder, body, tokenizer, modules)
    if name == "jina_v3":
        _add_adapters(folder)
    if name == "nomic_embed_v1_5":  # names its old code beside a type that transformers knows
        edit(
            folder / "config.json",
            auto_map={"AutoModel": "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertModel"},
        )
    prompts = {role: catalogue()[name].prompt(role) for role in ("query", "document")}  # type: ignore[arg-type]
    if name in ("qwen3_emb_06b", "embeddinggemma"):
        write(folder / "config_sentence_transformers.json", {"prompts": prompts})
    if name == "bge_m3":  # of another library, and no state of this model
        torch.save({"weight": torch.zeros(1, DIM)}, folder / "colbert_linear.pt")
        torch.save({"weight": torch.zeros(1, DIM)}, folder / "sparse_linear.pt")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"of another runtime")
    store_weights(folder, weights)


def save_model(folder: Path, body: str, tokenizer: str, modules: tuple[str, ...]) -> None:
    """Body, tokenizer and modules.json with its heads; without modules a plain transformers folder."""
    words = TOKENIZERS[tokenizer]()
    model, config, fields = BODIES[body]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        # Random layers of the usual size hardly mix words: a wrong pooling would pass.
        made = model(
            config(**fields, vocab_size=len(words), pad_token_id=words.pad_token_id, initializer_range=0.5)
        )
        made.eval().save_pretrained(folder)
        words.save_pretrained(folder)
        if modules:
            _add_modules(folder, modules)


def _add_modules(folder: Path, modules: tuple[str, ...]) -> None:
    listed = [("Transformer", "")]
    for i, module in enumerate(modules, 1):
        kind = module if module[0].isupper() else "Pooling"
        listed.append((kind, f"{i}_{kind}"))
        place = folder / f"{i}_{kind}"
        if kind == "Pooling":
            write(place / "config.json", {"word_embedding_dimension": DIM, "pooling_mode": module})
        if kind == "Dense":
            activation = f"torch.nn.modules.{'activation.Tanh' if modules[0] == 'cls' else 'linear.Identity'}"
            about = {
                "in_features": DIM,
                "out_features": DIM,
                "bias": False,
                "activation_function": activation,
            }
            write(place / "config.json", about)
            save_file({"linear.weight": torch.randn(DIM, DIM) / 4}, place / "model.safetensors")
    types = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(listed)
    ]
    write(folder / "modules.json", types)


def _add_adapters(folder: Path) -> None:
    from peft import LoraConfig, get_peft_model

    card = catalogue()["jina_v3"]
    for adapter in (card.query_adapter, card.document_adapter):
        config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        get_peft_model(JinaEmbeddingsV3Model.from_pretrained(folder), config).save_pretrained(
            folder / str(adapter)
        )


def store_weights(folder: Path, how: str) -> None:
    """Offer weights as `safe`, `pickled`, `both` or `legacy` (pickled as before torch 1.6), each also in `shards`."""
    for place in [folder, *folder.glob("*_Dense")]:
        whole = place / "model.safetensors"
        tensors = load_file(whole)
        kinds = {"safe": ("safetensors",), "both": ("safetensors", "bin")}.get(how.split()[0], ("bin",))
        whole.unlink()
        for kind in kinds:
            stem = "model" if kind == "safetensors" else "pytorch_model"
            shards = _halves(tensors) if "shards" in how and place == folder else [tensors]
            total = len(shards)
            names = [
                f"{stem}-{i:05}-of-{total:05}.{kind}" if total > 1 else f"{stem}.{kind}"
                for i in range(1, total + 1)
            ]
            for name, part in zip(names, shards, strict=True):
                if kind == "safetensors":
                    save_file(part, place / name, metadata={"format": "pt"})
                else:
                    torch.save(
                        part, place / name, _use_new_zipfile_serialization=not how.startswith("legacy")
                    )
            if total > 1:
                index = {key: name for name, part in zip(names, shards, strict=True) for key in part}
                write(
                    place / f"{stem}.{kind}.index.json", {"metadata": {"total_size": 1}, "weight_map": index}
                )


def _halves(tensors: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    names = sorted(tensors)
    middle = len(names) // 2
    return [{n: tensors[n] for n in part} for part in (names[:middle], names[middle:])]


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def edit(path: Path, **changes: Any) -> None:
    write(path, json.loads(path.read_text()) | changes)


def copy_of(folder: Path, target: Path, how: str) -> Path:
    """A safe repository once more, with its weights stored another way."""
    shutil.copytree(folder, target)
    store_weights(target, how)
    return target
