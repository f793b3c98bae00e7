"""A static model without torch gives the bits that sentence-transformers gives, and refuses what is not whole."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

from small_model import word_tokenizer
from xlembed.models.loading import load_encoder
from xlembed.models.selfcheck import sentences
from xlembed.models.sentence_encoder import SentenceEncoder, StaticEncoder
from xlembed.models.spec import BUNDLED, ModelRef, resolve_model
from xlembed.models.static_table import StaticTable, norms
from xlembed.words import DType, Role, UserError

WORDS = [f"w{i}" for i in range(50)]
VOCABULARY = ["[UNK]", *WORDS, *dict.fromkeys(sentences()["en"].split())]
TEXTS = ["", "w1", "w1 w1 w2", *(" ".join(WORDS[i : i + n]) for i, n in ((0, 50), (3, 7), (9, 1)))]


def save(folder: Path, dim: int, *, unit: bool = True, dtype: torch.dtype = torch.float32) -> Path:
    """A table of random vectors for words, and for what is none a vector too."""
    weights = torch.randn(len(VOCABULARY), dim, generator=torch.Generator().manual_seed(dim)).to(dtype)
    static = StaticEmbedding(word_tokenizer(VOCABULARY), embedding_weights=weights.float())
    SentenceTransformer(modules=[static, *([Normalize()] if unit else [])], device="cpu").save(str(folder))
    save_file({"embedding.weight": weights}, next(folder.rglob("model.safetensors")))
    return folder


def by_torch(ref: ModelRef, monkeypatch: pytest.MonkeyPatch) -> SentenceEncoder:
    with monkeypatch.context() as patch:
        patch.setattr("xlembed.models.loading.open_static_table", lambda *given: None)
        found = load_encoder(ref)
    assert isinstance(found, StaticEncoder)
    return found


@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("dim", [1, 4, 8, 20, 256, 300])
def test_the_same_bits(tmp_path: Path, dim: int, unit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = resolve_model(str(save(tmp_path / "static", dim, unit=unit)))
    for asked in (ref, resolve_model(f"{tmp_path / 'static'}+max2")):
        ours, theirs = load_encoder(asked), by_torch(asked, monkeypatch)
        assert isinstance(ours, StaticTable)
        assert (ours.dim, ours.max_tokens) == (theirs.dim, theirs.max_tokens) and ours.device == theirs.device
        assert (
            ours.token_counts(TEXTS, Role.QUERY)
            == theirs.token_counts(TEXTS, Role.QUERY)
            == [0, 1, 3, 50, 7, 1]
        )
        for texts in (TEXTS, TEXTS[:1], TEXTS[1:2], []):
            found = ours.encode_batch(texts, Role.DOCUMENT)
            assert found.dtype == np.float32 and found.shape == (len(texts), dim)
            np.testing.assert_array_equal(found, theirs.encode_batch(texts, Role.DOCUMENT), strict=True)
    assert not ours.encode_batch([""], Role.QUERY).any()


def test_the_bundled_model_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Path("data/reviews_sample/corpus.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [str(json.loads(line)["text"]) for line in lines]
    texts += [text * 20 for text in texts[::50]]
    ref = resolve_model("static_multilingual")
    for role in Role:
        found = load_encoder(ref).encode_batch(texts, role)
        np.testing.assert_array_equal(
            found, by_torch(ref, monkeypatch).encode_batch(texts, role), strict=True
        )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("unit", [True, False])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, value: float, unit: bool) -> None:
    folder = save(tmp_path / "static", 8, unit=unit)
    weights = next(folder.rglob("model.safetensors"))
    table = load_file(weights)["embedding.weight"]
    table[VOCABULARY.index("w3"), 0] = value
    save_file({"embedding.weight": table}, weights)
    encoder = load_encoder(resolve_model(str(folder)))
    assert isinstance(encoder, StaticTable) and encoder.encode_batch(["w1"], Role.QUERY).any()
    with pytest.raises(
        UserError, match=r"^static-\w+: the model computed values that are no numbers.*the weights"
    ):
        encoder.encode_batch(["w1", "w3 w1"], Role.QUERY)


def test_norms_by_hand() -> None:
    rows = np.array([[3, 0, 0, 0, 0, 0, 0, 0, 4], [0] * 9], dtype=np.float32)
    assert norms(rows).tolist() == [5, 0]


def test_half_precision_tables_are_widened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = resolve_model(str(save(tmp_path / "static", 12, dtype=torch.float16)))
    ours = load_encoder(ref)
    assert isinstance(ours, StaticTable)
    theirs = by_torch(ref, monkeypatch).encode_batch(TEXTS, Role.QUERY)
    np.testing.assert_array_equal(ours.encode_batch(TEXTS, Role.QUERY), theirs, strict=True)


def test_what_needs_torch_goes_its_way(tmp_path: Path) -> None:
    folder = save(tmp_path / "static", 8, dtype=torch.bfloat16)
    assert isinstance(load_encoder(resolve_model(str(folder))), StaticEncoder)
    ref = resolve_model("static_multilingual")
    half = replace(ref, variation=replace(ref.variation, dtype=DType.BFLOAT16))
    assert isinstance(load_encoder(half), StaticEncoder)


def test_a_table_that_is_not_whole_is_refused_as_before(tmp_path: Path) -> None:
    folder = save(tmp_path / "static", 8)
    weights = next(folder.rglob("model.safetensors"))
    save_file({"embedding.weight": torch.ones(20, 8)}, weights)
    with pytest.raises(UserError, match=r"knows \d+ tokens, the weights have 20 rows"):
        load_encoder(resolve_model(str(folder)))
    save_file({"another": torch.ones(len(VOCABULARY), 8)}, weights)
    with pytest.raises(UserError, match=r"cannot be loaded from"):
        load_encoder(resolve_model(str(folder)))
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(UserError, match=r"damaged or incomplete"):
        load_encoder(resolve_model(str(folder)))


def test_a_tokenizer_that_does_not_know_the_languages_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "static", 8)
    ref = resolve_model(str(folder))
    with pytest.raises(UserError, match="of a tr sentence are unknown"):
        load_encoder(replace(ref, card=ref.card.model_copy(update={"languages": ("tr",)})))


def test_torch_is_not_imported() -> None:
    code = (
        "import sys\nfrom xlembed.models.loading import load_encoder\nfrom xlembed.models.spec import resolve_model\n"
        "from xlembed.words import Role\n"
        "load_encoder(resolve_model('static_multilingual')).encode_batch(['cat'], Role.QUERY)\n"
        "print({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    assert (BUNDLED / "static_multilingual" / "model.safetensors").is_file()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
