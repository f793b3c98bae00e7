"""The rival smollm2_lora: its code path with small random Llama weights, and the real ones where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from probe.rival_fakes import save_llama, texts_and_scores
from xlembed.data.scored import ScoredKind
from xlembed.models.catalogue import catalogue
from xlembed.models.packaged import packaged_folder
from xlembed.probe.rival import FittedRival, load_rival, load_rival_recipe, open_base, train_rival
from xlembed.probe.rival_model import build_rival, count_parameters, open_tokenizer, padding_id
from xlembed.probe.rival_recipe import RivalRecipe
from xlembed.probe.rival_training import forward_all
from xlembed.words import UserError

TRAIN, VALIDATION = texts_and_scores(160, 0), texts_and_scores(60, 1)
BASE = "smollm2_135m_q4"
REAL = packaged_folder(catalogue()[BASE])
"""In the user's cache: tests have one of their own."""
TRIAL = Path(__file__).parents[2] / "benchmarks" / "smollm2_fifth.yaml"


def recipe_of(**changes: Any) -> RivalRecipe:
    return load_rival_recipe("smollm2_lora").model_copy(update=changes)


def train(base: Path, work: Path, **changes: Any) -> FittedRival:
    recipe = recipe_of(learning_rate=1e-2, **changes)
    return train_rival(recipe, base, *TRAIN, *VALIDATION, kind=ScoredKind.SCORES, work=work, device="cpu")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> FittedRival:
    return train(save_llama(tmp_path_factory.mktemp("llama")), tmp_path_factory.mktemp("work"), epochs=3)


def test_the_recipe() -> None:
    recipe = recipe_of()
    assert recipe.base == BASE and recipe.adapter is not None
    assert (recipe.adapter.r, recipe.adapter.alpha, recipe.adapter.targets) == (16, 32, "all-linear")
    trial = load_rival_recipe(str(TRIAL))
    assert trial.share == 0.2
    named = {"name": recipe.name, "description": recipe.description, "share": 1.0}
    assert trial.model_copy(update=named) == recipe


def test_lora_on_every_linear_layer_learns(fitted: FittedRival) -> None:
    floor = np.abs(VALIDATION[1] - TRAIN[1].mean(axis=0)).mean()
    assert np.abs(fitted.predict(VALIDATION[0]) - VALIDATION[1]).mean() < 0.6 * floor
    assert fitted.card.details["updates"] == 3 * 10  # 160 texts, 16 at a time
    # r x (in + out) of q, k, v, o, gate, up, down, in two layers; then the head, 32 x 2 without bias
    per_layer = 16 * ((32 + 32) + 2 * (32 + 16) + (32 + 32) + 3 * (32 + 48))
    assert fitted.card.n_trainable == 2 * per_layer + 32 * 2


def test_padding_changes_nothing(fitted: FittedRival, tmp_path: Path) -> None:
    """The head reads the last token of the text: beside longer texts, and with a tokenizer that pads on the left."""
    texts = ["joy", "gloom " * 40, "fear stone"]
    assert fitted.card.padding == fitted.tokenizer.eos_token_id == 1
    together = fitted.predict(texts)
    for i, text in enumerate(texts):
        np.testing.assert_allclose(fitted.predict([text]), together[i : i + 1], atol=1e-5)
    assert np.abs(together[0] - together[2]).max() > 0.1  # else any head would do
    left = train(save_llama(tmp_path / "left", side="left"), tmp_path / "work", epochs=3)
    np.testing.assert_allclose(left.predict(texts), together, atol=1e-5)


def test_saved_and_merged_it_predicts_the_same(fitted: FittedRival, tmp_path: Path) -> None:
    fitted.save(tmp_path / "rival", merge=True)
    again = load_rival(tmp_path / "rival", device="cpu")
    np.testing.assert_allclose(again.predict(VALIDATION[0]), fitted.predict(VALIDATION[0]), atol=1e-4)


def test_without_its_weights_the_make_target_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path))
    monkeypatch.setattr("xlembed.models.packaged._package", lambda _: None)
    with pytest.raises(UserError, match=rf"{BASE}: .* `make smollm2` fetches and converts them, once"):
        open_base(load_rival_recipe("smollm2_lora"))


@pytest.fixture(scope="module")
def real() -> Path:
    if REAL is None or not REAL.is_dir():
        pytest.skip("SmolLM2-135M is not in the cache: make smollm2")
    return REAL


def test_the_real_weights_write_english(real: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(real)
    model = AutoModelForCausalLM.from_pretrained(real, dtype=torch.float32, use_safetensors=True)
    with torch.inference_mode():
        logits = model(**tokenizer("The capital of France is", return_tensors="pt")).logits[0, -1]
    assert tokenizer.decode(logits.argmax()) == " Paris"


def test_the_real_weights_as_a_rival(real: Path) -> None:
    recipe, tokenizer = recipe_of(), open_tokenizer("smollm2_lora", real)
    model = build_rival(recipe, real, tokenizer, 3, ScoredKind.SCORES)
    # 30 layers: q and o 576 -> 576, k and v 576 -> 192, three between 576 and 1,536; then the head
    trained = 30 * 16 * (2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1536)) + 3 * 576
    assert count_parameters(model) == (trained, 134_515_008 + trained)
    padding = padding_id(tokenizer, model.config)
    tokens = tokenizer(["A text.", "Another one, which is a little longer than the first."])["input_ids"]
    together = forward_all(model, tokens, padding=padding, dtype=recipe.dtype)
    alone = forward_all(model, tokens[:1], padding=padding, dtype=recipe.dtype)
    np.testing.assert_allclose(alone, together[:1], atol=1e-3)
