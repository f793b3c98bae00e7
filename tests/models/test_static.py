from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from models.conftest import ref_of, write_json
from xlembed.models.loading import load_encoder
from xlembed.models.spec import ModelRef, resolve_model
from xlembed.words import DType, Role, UserError

TABLE = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [1.0, 1.0]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Words a, b, c; anything else is dropped."""
    tokenizer = Tokenizer(models.BPE({"?": 0, "a": 1, "b": 2, "c": 3}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    save_file({"embedding.weight": TABLE.half()}, tmp_path / "model.safetensors")
    kind = "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"
    write_json(tmp_path / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": kind}])
    return tmp_path


def ref(folder: Path, **card: object) -> ModelRef:
    return ref_of(folder, pooling="static", languages=["en"], **card)


def test_mean_of_the_table_in_float32_at_unit_length(folder: Path) -> None:
    encoder = load_encoder(ref(folder), device="cpu")
    assert (encoder.dim, encoder.max_tokens) == (2, None)
    vectors = encoder.encode_batch(["a b", "a", "", "z", "b b a"], Role.QUERY)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(
        vectors, [[0.6, 0.8], [1, 0], [0, 0], [0, 0], [3 / 73**0.5, 8 / 73**0.5]], atol=1e-6
    )


def test_nothing_but_empty_texts(folder: Path) -> None:
    np.testing.assert_array_equal(
        load_encoder(ref(folder), device="cpu").encode_batch(["", "z"], Role.QUERY), np.zeros((2, 2))
    )


def test_length_and_prompt(folder: Path) -> None:
    encoder = load_encoder(ref(folder, max_tokens=2, document_prompt="b "), device="cpu")
    assert encoder.token_counts(["a a a"], Role.QUERY) == [3] and encoder.token_counts(
        ["a a a"], Role.DOCUMENT
    ) == [4]
    np.testing.assert_allclose(encoder.encode_batch(["a a b"], Role.QUERY), [[1, 0]], atol=1e-6)
    np.testing.assert_allclose(encoder.encode_batch(["a a b"], Role.DOCUMENT), [[0.6, 0.8]], atol=1e-6)


def test_half_precision(folder: Path) -> None:
    encoder = load_encoder(ref(folder, dtype=DType.BFLOAT16), device="cpu")
    np.testing.assert_allclose(encoder.encode_batch(["a b"], Role.QUERY), [[0.6, 0.8]], atol=5e-3)


def test_table_shorter_than_the_vocabulary_is_refused(folder: Path) -> None:
    save_file({"embedding.weight": TABLE[:2]}, folder / "model.safetensors")
    with pytest.raises(UserError, match="knows 4 tokens, the weights have 2 rows"):
        load_encoder(ref(folder), device="cpu")


def test_bundled_model() -> None:
    found = resolve_model("static_multilingual")
    if found.folder is None or not (found.folder / "modules.json").is_file():
        pytest.skip("the bundled weights are not there yet")
    encoder = load_encoder(found, device="cpu")
    assert encoder.dim == found.card.dim
    vectors = encoder.encode_batch(
        ["the dog is barking", "der Hund bellt", "köpek havlıyor", "stock market prices"], Role.QUERY
    )
    cosines = vectors[0] @ vectors[1:].T
    assert cosines[0] > cosines[2] and cosines[1] > cosines[2]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
