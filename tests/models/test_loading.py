"""Small bodies through the real loading path: what comes out is right, and what is wrong is refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Dense
from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule
from transformers import AutoModel

from models.conftest import (
    DIM,
    Build,
    edit_json,
    edit_weights,
    ref_of,
    small_body,
    small_tokenizer,
    write_json,
)
from small_model import static_model
from xlembed.models.card import ModelCard
from xlembed.models.encoder import OutOfMemory
from xlembed.models.fingerprint import base_fingerprint
from xlembed.models.loading import load_encoder
from xlembed.models.selfcheck import sentences
from xlembed.models.sentence_encoder import is_out_of_memory
from xlembed.models.spec import ModelRef, Variation, resolve_model
from xlembed.words import DType, Pooling, Role, UserError

TEXTS = ["the cat sat on a mat", "dog", "the dog sat"]
KINDS = ["bert", "xlm-roberta", "mpnet", "qwen3", "nomic", "gte", "gemma3", "modernbert"]


def hidden_states(folder: Path, text: str) -> np.ndarray[Any, Any]:
    """The body's last layer for one text, without padding: shape (tokens, dim)."""
    inputs = small_tokenizer()(text, return_tensors="pt")
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        out = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
    return np.asarray(out.last_hidden_state[0].numpy())


def pooled_by_hand(folder: Path, text: str, pooling: str) -> np.ndarray[Any, Any]:
    states = hidden_states(folder, text)
    vector = {"mean": states.mean(axis=0), "cls": states[0], "lasttoken": states[-1]}[pooling]
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_gives_the_mean_of_its_own_states(build: Build, kind: str) -> None:
    folder = build(kind)
    vectors = load_encoder(ref_of(folder, pooling="mean"), device="cpu").encode_batch(TEXTS, Role.DOCUMENT)
    assert vectors.dtype == np.float32 and vectors.shape == (3, DIM)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, pooled_by_hand(folder, text, "mean"), atol=2e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("listed", [True, False])
def test_pooling_is_that_of_the_real_tokens(build: Build, pooling: str, side: str, listed: bool) -> None:
    kind = "qwen3" if pooling == "lasttoken" else "bert"
    if kind == "bert" and side == "left":
        pytest.skip("absolute positions: left padding moves the text")
    folder = build(kind, modules=pooling if listed else "")
    card: dict[str, Any] = {"padding_side": side} | ({} if listed else {"pooling": pooling})
    vectors = load_encoder(ref_of(folder, **card), device="cpu").encode_batch(TEXTS, Role.QUERY)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, pooled_by_hand(folder, text, pooling), atol=2e-5)


def test_prompts_are_put_before_the_text(build: Build) -> None:
    folder = build("xlm-roberta")
    encoder = load_encoder(
        ref_of(folder, pooling="mean", query_prompt="query: ", document_prompt="passage: "), device="cpu"
    )
    query = encoder.encode_batch(["cat"], Role.QUERY)[0]
    document = encoder.encode_batch(["cat"], Role.DOCUMENT)[0]
    np.testing.assert_allclose(query, pooled_by_hand(folder, "query: cat", "mean"), atol=2e-5)
    np.testing.assert_allclose(document, pooled_by_hand(folder, "passage: cat", "mean"), atol=2e-5)
    assert encoder.token_counts(["cat", "the cat"], Role.QUERY) == [5, 6]  # [CLS] query : cat [SEP]


def test_a_pooling_may_leave_the_prompt_out(build: Build) -> None:
    folder = build("bert", modules="mean")
    prompts = {"query_prompt": "query : ", "document_prompt": ""}
    before = base_fingerprint(ref_of(folder, **prompts), folder, storage_dtype="float32")
    edit_json(folder / "1_Pooling" / "config.json", include_prompt=False)
    ref = ref_of(folder, **prompts)
    assert base_fingerprint(ref, folder, storage_dtype="float32").description["roles"]
    assert "roles" not in before.description
    encoder = load_encoder(ref, device="cpu")
    theirs = SentenceTransformer(str(folder), device="cpu")
    for role, prompt in ((Role.QUERY, "query : "), (Role.DOCUMENT, "")):
        found = theirs.encode(TEXTS, prompt=prompt)
        np.testing.assert_allclose(encoder.encode_batch(TEXTS, role), found, atol=1e-6)
    states = hidden_states(folder, "query : dog")[3:]  # [CLS] query : are left out
    expected = states.mean(axis=0)
    np.testing.assert_allclose(
        encoder.encode_batch(["dog"], Role.QUERY)[0], expected / np.linalg.norm(expected), atol=2e-5
    )


def test_a_head_may_have_a_route_for_each_role(build: Build, tmp_path: Path) -> None:
    body, folder = Transformer(str(build("bert"))), tmp_path / "routed"
    heads = Router.for_query_document(query_modules=[Dense(DIM, 8)], document_modules=[Dense(DIM, 8)])
    SentenceTransformer(modules=[body, PoolingModule(DIM), heads], device="cpu").save(str(folder))
    encoder, theirs = (
        load_encoder(ref_of(folder), device="cpu"),
        SentenceTransformer(str(folder), device="cpu"),
    )
    for role, encode in ((Role.QUERY, theirs.encode_query), (Role.DOCUMENT, theirs.encode_document)):
        found = encode(TEXTS, normalize_embeddings=True)
        np.testing.assert_allclose(encoder.encode_batch(TEXTS, role), found, atol=1e-6)
    bodies = Router.for_query_document(
        query_modules=[body, PoolingModule(DIM)], document_modules=[body, PoolingModule(DIM)]
    )
    SentenceTransformer(modules=[bodies], device="cpu").save(str(tmp_path / "bodies"))
    with pytest.raises(UserError, match=r"modules\.json begins with a Router"):
        load_encoder(ref_of(tmp_path / "bodies"), device="cpu")


@pytest.mark.parametrize("is_static", [False, True])
def test_vectors_are_cut_where_the_folder_says_so(build: Build, tmp_path: Path, is_static: bool) -> None:
    words = ["[UNK]", *TEXTS[0].split(), "dog", *sentences()["en"].split()]
    table = {word: [float(i), *range(DIM - 1)] for i, word in enumerate(words)}
    model = (
        static_model(table)
        if is_static
        else SentenceTransformer(str(build("bert", modules="mean")), device="cpu")
    )
    model.save(str(tmp_path / "cut"))
    before = base_fingerprint(ref_of(tmp_path / "cut"), tmp_path / "cut", storage_dtype="float32")
    edit_json(tmp_path / "cut" / "config_sentence_transformers.json", truncate_dim=6)
    assert base_fingerprint(ref_of(tmp_path / "cut"), tmp_path / "cut", storage_dtype="float32") != before
    encoder = load_encoder(ref_of(tmp_path / "cut"), device="cpu")
    model.truncate_dim = 6
    assert encoder.dim == 6
    found = encoder.encode_batch(TEXTS, Role.QUERY)
    np.testing.assert_allclose(found, model.encode(TEXTS, normalize_embeddings=True), atol=1e-6)


def test_instruction_fills_the_template(build: Build) -> None:
    folder = build("bert")
    card = {"pooling": "mean", "query_prompt": "{instruction} : ", "instruction": "the cat"}
    default = load_encoder(ref_of(folder, **card), device="cpu").encode_batch(["dog"], Role.QUERY)[0]
    other = load_encoder(ref_of(folder, **card), device="cpu", instruction="a mat").encode_batch(
        ["dog"], Role.QUERY
    )[0]
    np.testing.assert_allclose(default, pooled_by_hand(folder, "the cat : dog", "mean"), atol=2e-5)
    np.testing.assert_allclose(other, pooled_by_hand(folder, "a mat : dog", "mean"), atol=2e-5)


def test_stored_prompts_are_not_added_a_second_time(build: Build) -> None:
    folder = build("bert", modules="mean")
    write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "the dog ", "document": "a mat "}, "default_prompt_name": "query"},
    )
    encoder = load_encoder(ref_of(folder), device="cpu")
    for role in Role:
        vector = encoder.encode_batch(["cat"], role)[0]
        np.testing.assert_allclose(vector, pooled_by_hand(folder, "cat", "mean"), atol=2e-5)
    own = load_encoder(ref_of(folder, folder_prompts=True), device="cpu")
    np.testing.assert_allclose(
        own.encode_batch(["cat"], Role.DOCUMENT)[0], pooled_by_hand(folder, "a mat cat", "mean"), atol=2e-5
    )


def test_layer_norm_comes_before_unit_length(build: Build) -> None:
    folder = build("nomic")
    vector = load_encoder(ref_of(folder, pooling="mean", layer_norm=True), device="cpu").encode_batch(
        ["the cat"], Role.QUERY
    )[0]
    mean = hidden_states(folder, "the cat").mean(axis=0)
    centred = mean - mean.mean()
    np.testing.assert_allclose(vector, centred / np.linalg.norm(centred), atol=2e-5)


def test_without_normalize_module_vectors_still_have_unit_length(build: Build) -> None:
    encoder = load_encoder(ref_of(build("bert", modules="mean", normalize=False)), device="cpu")
    np.testing.assert_allclose(np.linalg.norm(encoder.encode_batch(TEXTS, Role.QUERY), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "asked", "expected"),
    [("xlm-roberta", None, 32), ("xlm-roberta", 512, 32), ("mpnet", 512, 32), ("bert", 7, 7)],
)
def test_length_never_passes_the_position_table(
    build: Build, kind: str, asked: int | None, expected: int
) -> None:
    encoder = load_encoder(ref_of(build(kind), pooling="mean", max_tokens=asked), device="cpu")
    assert encoder.max_tokens == expected
    long, cut = "the " * 600, "the " * (expected - 2)
    vectors = encoder.encode_batch([long, cut], Role.QUERY)
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert encoder.token_counts([long], Role.QUERY) == [602]


def test_name_limits_the_length_below_the_card(build: Build) -> None:
    ref = ModelRef(
        "small+max9",
        ModelCard(name="small", pooling=Pooling.MEAN, max_tokens=20),
        build("bert"),
        Variation(max_tokens=9),
    )
    assert load_encoder(ref, device="cpu").max_tokens == 9


@pytest.mark.parametrize(("limit", "is_refused"), [(1, True), (4, True), (5, False)])
def test_a_length_without_room_for_a_text_is_refused(build: Build, limit: int, is_refused: bool) -> None:
    folder = build("bert", modules="mean")
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "query : "}})
    ref = resolve_model(f"{folder}+max{limit}")
    if is_refused:
        with pytest.raises(
            UserError, match=rf"cut at {limit} tokens, and the query prompt .* takes 4: nothing"
        ):
            load_encoder(ref, device="cpu")
    else:
        vectors = load_encoder(ref, device="cpu").encode_batch(["cat", "dog"], Role.QUERY)
        assert not np.allclose(*vectors)


@pytest.mark.parametrize("dtype", [DType.BFLOAT16, DType.FLOAT16])
def test_half_precision_stays_close(build: Build, dtype: DType) -> None:
    folder = build("bert")
    full = load_encoder(ref_of(folder, pooling="mean"), device="cpu").encode_batch(TEXTS, Role.QUERY)
    ref = ModelRef(
        "small+half", ModelCard(name="small", pooling=Pooling.MEAN), folder, Variation(dtype=dtype)
    )
    half = load_encoder(ref, device="cpu").encode_batch(TEXTS, Role.QUERY)
    assert half.dtype == np.float32
    assert not np.array_equal(full, half)
    assert (full * half).sum(axis=1).min() > 0.999


def test_no_texts_and_empty_text(build: Build) -> None:
    encoder = load_encoder(ref_of(build("bert"), pooling="mean"), device="cpu")
    assert encoder.encode_batch([], Role.QUERY).shape == (0, DIM)
    assert encoder.token_counts([], Role.QUERY) == []
    np.testing.assert_allclose(np.linalg.norm(encoder.encode_batch([""], Role.QUERY)), 1, atol=1e-6)


def test_adapter_is_chosen_by_role(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    folder = tmp_path / "jina"
    small_body("jina").save_pretrained(folder)
    small_tokenizer().save_pretrained(folder)
    plain = load_encoder(ref_of(folder, pooling="mean"), device="cpu").encode_batch(TEXTS, Role.QUERY)
    merged = {}
    for seed, name in enumerate(["retrieval_query", "retrieval_passage"]):
        torch.manual_seed(seed)
        config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        adapted = get_peft_model(small_body("jina"), config)
        adapted.save_pretrained(folder / name)
        merged[name] = tmp_path / f"merged-{name}"
        adapted.merge_and_unload().save_pretrained(merged[name])
        small_tokenizer().save_pretrained(merged[name])
    card = {"query_adapter": "retrieval_query", "document_adapter": "retrieval_passage"}
    encoder = load_encoder(ref_of(folder, pooling="mean", **card), device="cpu")
    for role, name in (
        (Role.QUERY, "retrieval_query"),
        (Role.DOCUMENT, "retrieval_passage"),
        (Role.QUERY, "retrieval_query"),
    ):
        vectors = encoder.encode_batch(TEXTS, role)
        for text, vector in zip(TEXTS, vectors, strict=True):
            np.testing.assert_allclose(vector, pooled_by_hand(merged[name], text, "mean"), atol=2e-5)
        assert np.abs(vectors - plain).max() > 1e-4
    only_queries = load_encoder(ref_of(folder, pooling="mean", query_adapter="retrieval_query"), device="cpu")
    only_queries.encode_batch(TEXTS, Role.QUERY)
    np.testing.assert_allclose(only_queries.encode_batch(TEXTS, Role.DOCUMENT), plain, atol=1e-6)
    with pytest.raises(UserError, match="adapter separation is not in"):
        load_encoder(ref_of(folder, pooling="mean", query_adapter="separation"), device="cpu")


# Refusals


def test_missing_weight_is_refused(build: Build) -> None:
    folder = build("bert")
    edit_weights(folder, lambda w: w.pop("encoder.layer.1.output.dense.weight"))
    with pytest.raises(
        UserError, match=r"1 missing, so they would be random: encoder\.layer\.1\.output\.dense\.weight"
    ):
        load_encoder(ref_of(folder, pooling="mean"), device="cpu")


def test_missing_weight_is_refused_with_modules_too(build: Build) -> None:
    folder = build("xlm-roberta", modules="mean")
    edit_weights(folder, lambda w: w.pop("embeddings.LayerNorm.bias"))
    with pytest.raises(UserError, match=r"missing.*embeddings\.LayerNorm\.bias"):
        load_encoder(ref_of(folder), device="cpu")


def test_unused_pooler_may_be_missing_or_left_over(build: Build) -> None:
    folder = build("bert")
    before = load_encoder(ref_of(folder, pooling="mean"), device="cpu").encode_batch(TEXTS, Role.QUERY)

    def drop(weights: dict[str, torch.Tensor]) -> None:
        for key in [k for k in weights if k.startswith("pooler.")]:
            del weights[key]

    edit_weights(folder, drop)
    after = load_encoder(ref_of(folder, pooling="mean"), device="cpu").encode_batch(TEXTS, Role.QUERY)
    np.testing.assert_array_equal(before, after)


def test_unexpected_weight_is_refused_unless_the_card_lists_it(build: Build) -> None:
    folder = build("bert")
    edit_weights(folder, lambda w: w.update({"lm_head.dense.weight": torch.zeros(2, 2)}))
    with pytest.raises(
        UserError, match=r"in the files but not in the model: lm_head\.dense\.weight.*unused_weights"
    ):
        load_encoder(ref_of(folder, pooling="mean"), device="cpu")
    encoder = load_encoder(ref_of(folder, pooling="mean", unused_weights=[r"^lm_head\."]), device="cpu")
    assert encoder.dim == DIM


def test_mismatched_shape_is_refused(build: Build) -> None:
    folder = build("bert")
    edit_weights(folder, lambda w: w.update({"embeddings.LayerNorm.bias": torch.zeros(DIM + 1)}))
    with pytest.raises(UserError, match=r"embeddings\.LayerNorm\.bias|cannot be loaded"):
        load_encoder(ref_of(folder, pooling="mean"), device="cpu")


def test_a_folder_without_weights_is_refused(build: Build) -> None:
    folder = build("bert")
    (folder / "model.safetensors").rename(folder / "weights.ckpt")
    with pytest.raises(
        UserError, match=r"expected weights as model\.safetensors or .*found only weights\.ckpt"
    ):
        load_encoder(ref_of(folder, pooling="mean"), device="cpu")


def test_a_head_has_its_weights_and_no_code(build: Build) -> None:
    folder = build("bert", modules="mean")
    write_json(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        ],
    )
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UserError, match=r"2_Dense/pytorch_model\.bin: not readable as weights"):
        load_encoder(ref_of(folder), device="cpu")
    (folder / "2_Dense" / "pytorch_model.bin").unlink()
    save_file({"linear.weight": torch.eye(DIM)[:4].half()}, folder / "2_Dense" / "model.safetensors")
    dense = {
        "in_features": DIM,
        "out_features": 4,
        "bias": False,
        "activation_function": "torch.nn.modules.activation.Tanh",
    }
    write_json(folder / "2_Dense" / "config.json", dense)
    vectors = load_encoder(ref_of(folder), device="cpu").encode_batch(TEXTS, Role.QUERY)
    expected = np.tanh(hidden_states(folder, TEXTS[0]).mean(axis=0)[:4])
    np.testing.assert_allclose(vectors[0], expected / np.linalg.norm(expected), atol=2e-5)
    write_json(folder / "2_Dense" / "config.json", dense | {"activation_function": "somewhere.Else"})
    with pytest.raises(UserError, match=r"activation 'somewhere\.Else'"):
        load_encoder(ref_of(folder), device="cpu")


def test_remote_code_is_refused_unless_allowed(build: Build) -> None:
    folder = build("bert")
    edit_json(
        folder / "config.json",
        model_type="own_bert",
        auto_map={"AutoConfig": "code.OwnConfig", "AutoModel": "code.OwnModel"},
    )
    (folder / "code.py").write_text(
        "from transformers import BertConfig, BertModel\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own_bert'\n"
        "class OwnModel(BertModel):\n    config_class = OwnConfig\n"
    )
    with pytest.raises(
        UserError, match=r"names code\.Own\w+, Python code from a repository.*--trust-remote-code"
    ):
        load_encoder(ref_of(folder, pooling="mean"), device="cpu")
    encoder = load_encoder(ref_of(folder, pooling="mean"), device="cpu", trust_remote_code=True)
    assert encoder.encode_batch(TEXTS, Role.QUERY).shape == (3, DIM)


def test_code_of_a_module_is_refused(build: Build) -> None:
    folder = build("bert", modules="mean")
    write_json(
        folder / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"}]
    )
    with pytest.raises(UserError, match=r"modules\.json names custom_st\.Transformer"):
        load_encoder(ref_of(folder), device="cpu")


def test_card_that_needs_code_is_refused_before_anything_is_fetched() -> None:
    ref = ModelRef("moe", ModelCard(name="moe", hub_id="a/b", requires_remote_code=True), None)
    with pytest.raises(UserError, match=r"moe: needs Python code from its repository \(a/b\)"):
        load_encoder(ref)


def test_experts_are_not_loaded_as_a_dense_model(build: Build) -> None:
    folder = build("nomic")
    edit_json(folder / "config.json", num_experts=8)
    with pytest.raises(UserError, match="nomic_bert with experts"):
        load_encoder(ref_of(folder, pooling="mean"), device="cpu")


def test_adapter_alone_is_refused(build: Build) -> None:
    folder = build("bert")
    write_json(folder / "adapter_config.json", {})
    with pytest.raises(UserError, match="adapter without its base model"):
        load_encoder(ref_of(folder, pooling="mean"), device="cpu")


def test_unknown_pooling_says_how_to_give_it(build: Build) -> None:
    with pytest.raises(UserError, match=r"no modules\.json and its pooling is unknown.*pooling: mean"):
        load_encoder(ref_of(build("bert")), device="cpu")


def test_other_dimension_than_the_card_is_refused(build: Build) -> None:
    with pytest.raises(UserError, match=r"the card says 384 dimensions, the files in .* give 16"):
        load_encoder(ref_of(build("bert"), pooling="mean", dim=384), device="cpu")


def test_folder_decides_pooling_and_the_difference_is_told(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    folder = build("bert", modules="cls")
    with caplog.at_level(logging.WARNING):
        vectors = load_encoder(ref_of(folder, pooling="mean"), device="cpu").encode_batch(
            TEXTS[:1], Role.QUERY
        )
    np.testing.assert_allclose(vectors[0], pooled_by_hand(folder, TEXTS[0], "cls"), atol=2e-5)
    assert "the card says pooling mean, the folder's own modules say cls" in caplog.text


def test_missing_device_is_refused(build: Build) -> None:
    folder = build("bert")
    with pytest.raises(UserError, match="expected cpu, cuda, cuda:N or mps"):
        load_encoder(ref_of(folder, pooling="mean"), device="gpu")
    with pytest.raises(UserError, match="device 'cuda:63' is not there"):
        load_encoder(ref_of(folder, pooling="mean"), device="cuda:63")


# Memory and numbers


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        MemoryError("Unable to allocate 9 GiB"),
    ],
)
def test_out_of_memory_is_told_apart(build: Build, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    encoder: Any = load_encoder(ref_of(build("bert"), pooling="mean"), device="cpu")

    def fail(features: Any) -> Any:
        raise error

    monkeypatch.setattr(encoder.model, "forward", fail)
    with pytest.raises(OutOfMemory):
        encoder.encode_batch(TEXTS, Role.QUERY)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_other_errors_stay_what_they_are(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder: Any = load_encoder(ref_of(build("bert"), pooling="mean"), device="cpu")

    def fail(features: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(encoder.model, "forward", fail)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        encoder.encode_batch(TEXTS, Role.QUERY)


def test_values_that_are_no_numbers_are_refused(build: Build) -> None:
    folder = build("bert")
    edit_weights(folder, lambda w: w["embeddings.LayerNorm.bias"].fill_(float("nan")))
    encoder = load_encoder(ref_of(folder, pooling="mean"), device="cpu")
    with pytest.raises(UserError, match=r"no numbers.*\+bf16"):
        encoder.encode_batch(TEXTS, Role.QUERY)
