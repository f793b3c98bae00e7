"""What a recipe puts on a body: gradients, merging, saving, loading; and what the saved folder says of itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from models.conftest import Build
from xlembed.finetune.building import (
    build_model,
    finish_model,
    save_model,
    target_layers,
    trainable_parameters,
)
from xlembed.finetune.recipe import LoraRecipe, Recipe
from xlembed.models.fingerprint import base_fingerprint
from xlembed.models.loading import load_encoder, load_for_training
from xlembed.models.spec import resolve_model
from xlembed.words import Role, UserError

TEXTS = ["the cat sat", "a dog on the mat on a mat", "мельница", "石磨", "طاحونة", "चक्की", "12"]
"""Every family."""
STAGE = {"name": "s", "data": [{"pairs": "p"}], "loss": "mnrl"}
CARD = {"languages": ["en"], "licence": "mit", "objective": "mnrl"}

BUILDS: list[tuple[str, dict[str, Any]]] = [
    ("bert", {}),
    ("bert", {"pooling": "max", "adapter": {"targets": ["all-linear"], "r": 2}}),
    ("bert", {"pooling": {"kind": "weighted", "weights": {"mean": 0.7, "max": 0.3}, "learned": True}}),
    ("xlm-roberta", {"pooling": "attention", "head": {"kind": "mlp", "hidden": 12, "out": 8}}),
    ("xlm-roberta", {"adapter": {"r": 2, "per_family": True}, "head": {"kind": "family", "out": 8}}),
    ("qwen3", {"pooling": "lasttoken", "adapter": {"r": 2, "last_layers": 1}}),
    ("qwen3", {"head": {"kind": "residual", "hidden": 12, "out": 8, "blocks": 1}, "body": "freeze"}),
    ("gte", {"adapter": {"r": 2}, "head": {"kind": "experts", "out": 8, "experts": 3}}),
    ("nomic", {"pooling": "cls", "adapter": {"r": 2, "per_family": True, "targets": ["value", "output"]}}),
    ("nomic", {"pooling": "mean_sqrt_len_tokens", "head": {"kind": "linear", "out": 8}}),
]


def recipe(**parts: Any) -> Recipe:
    return Recipe.model_validate({"name": "r", "base": "b", "stages": [STAGE], **parts})


def vectors_of(model: Any) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        found = model(model.preprocess(TEXTS))["sentence_embedding"]
    return torch.nn.functional.normalize(found, dim=1).numpy()


def shaken(model: Any) -> None:
    """As if trained: LoRA starts as nothing, a query as zero."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)


@pytest.mark.parametrize(("kind", "parts"), BUILDS, ids=[f"{k}-{'-'.join(p) or 'plain'}" for k, p in BUILDS])
def test_what_is_built_trains_is_saved_and_comes_back(
    build: Build, tmp_path: Path, kind: str, parts: dict[str, Any]
) -> None:
    base = load_for_training(resolve_model(str(build(kind, modules="mean"))))
    base.prompts = {"query": "query: ", "document": "passage: "}
    model = build_model(base, recipe(**parts))
    found = model(model.preprocess(TEXTS))["sentence_embedding"]
    (found * torch.randn_like(found)).sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    shaken(model.eval())
    trained = vectors_of(model)
    model = finish_model(model)
    np.testing.assert_allclose(vectors_of(model), trained, atol=1e-5)
    save_model(model, tmp_path / "saved", CARD)
    ref = resolve_model(str(tmp_path / "saved"))
    assert ref.card.languages == ("en",) and ref.card.prompt(Role.QUERY) == "query: "
    encoder = load_encoder(resolve_model(str(tmp_path / "saved")))
    prompted = [f"passage: {text}" for text in TEXTS]
    with torch.no_grad():
        wanted = model(model.preprocess(prompted))["sentence_embedding"]
    wanted = torch.nn.functional.normalize(wanted, dim=1).numpy()
    np.testing.assert_allclose(encoder.encode_batch(TEXTS, Role.DOCUMENT), wanted, atol=1e-6)
    for path in (tmp_path / "saved").rglob("*.json"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("parts", [{"adapter": {"r": 2}}, {"adapter": {"r": 2, "per_family": True}}])
def test_a_later_stage_trains_the_saved_folder_on(
    build: Build, tmp_path: Path, parts: dict[str, Any]
) -> None:
    base = load_for_training(resolve_model(str(build("bert", modules="mean"))))
    model = build_model(base, recipe(**parts, head={"kind": "linear", "out": 8}))
    shaken(model.eval())
    save_model(finish_model(model), tmp_path / "first", {})
    again = load_for_training(resolve_model(str(tmp_path / "first")))
    np.testing.assert_allclose(vectors_of(again.eval()), vectors_of(model), atol=1e-6)
    later = build_model(again, recipe(**parts))
    rows = {row["part"]: row for row in trainable_parameters(later)}
    assert rows["adapters"]["trainable"] == rows["adapters"]["total"] > 0
    assert rows["body"]["trainable"] == rows["embeddings"]["trainable"] == 0
    assert rows["head"]["trainable"] == 8 * 16
    np.testing.assert_allclose(vectors_of(later.eval()), vectors_of(model), atol=1e-6)


def test_only_the_adapter_of_a_texts_family_learns(build: Build) -> None:
    base = load_for_training(resolve_model(str(build("bert", modules="mean"))))
    model = build_model(base, recipe(adapter={"r": 2, "per_family": True}))
    shaken(model)
    model(model.preprocess(["石磨", "石"]))["sentence_embedding"].sum().backward()
    learnt = {
        name.split(".lora_")[1].split(".")[1]
        for name, p in model.named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert learnt == {"cjk"}


def test_prompts_do_not_decide_the_family(build: Build) -> None:
    base = load_for_training(resolve_model(str(build("bert", modules="mean"))))
    base.prompts = {"query": "a very long instruction in English: ", "document": ""}
    model = build_model(base, recipe(head={"kind": "family", "out": 4}))
    features = model.preprocess(["a very long instruction in English: 石磨", "a mat"])
    assert features["family"].tolist() == [2, 0]


def test_seed_decides_new_weights(build: Build) -> None:
    folder = str(build("bert", modules="mean"))

    def head_of(seed: int) -> torch.Tensor:
        model = build_model(
            load_for_training(resolve_model(folder)), recipe(head={"kind": "linear", "out": 4}, seed=seed)
        )
        return model[2].linear.weight.detach()

    assert torch.equal(head_of(1), head_of(1)) and not torch.equal(head_of(1), head_of(2))


def test_targets_are_named_in_our_words_or_the_bodys(build: Build) -> None:
    def layers(kind: str, **settings: Any) -> list[str]:
        body = load_for_training(resolve_model(str(build(kind, modules="mean"))))[0].model
        return target_layers(body, LoraRecipe(**settings))

    assert len(layers("bert")) == 4 and all(n.endswith(("query", "value")) for n in layers("bert"))
    assert [n.split(".")[1] for n in layers("qwen3", targets=("q_proj",), last_layers=1)] == ["1"]
    assert {n.rsplit(".", 1)[-1] for n in layers("nomic")} <= {"q_proj", "v_proj", "qkv_proj", "Wqkv"}
    with pytest.raises(UserError, match=r"no 'querry'; its linear layers are .*query.*all-linear"):
        layers("bert", targets=("querry",))
    with pytest.raises(UserError, match="last_layers: 3 asked for, the body has 2"):
        layers("bert", last_layers=3)


def test_a_table_of_token_vectors_takes_a_head_only() -> None:
    model = load_for_training(resolve_model("static_multilingual"))
    with pytest.raises(UserError, match="without a body: pooling, adapter cannot be put on it"):
        build_model(model, recipe(pooling="max", adapter={}))
    built = build_model(model, recipe(head={"kind": "linear", "out": 8}, body="freeze"))
    assert {row["part"]: row["trainable"] for row in trainable_parameters(built)} == {
        "embeddings": 0,
        "head": 256 * 8,
    }


def test_parameters_of_heads_on_a_wide_base() -> None:
    """4096-d: linear to 768 about 3.1 M, MLP through 2048 about 10 M, through 4096 about 19.9 M."""
    from sentence_transformers import SentenceTransformer

    from small_model import static_model

    def count(head: dict[str, Any]) -> int:
        base: SentenceTransformer = static_model({"a": [0.0] * 4096})
        rows = trainable_parameters(build_model(base, recipe(head=head)))
        return next(int(row["total"]) for row in rows if row["part"] == "head")

    assert count({"kind": "linear", "out": 768}) == 4096 * 768 == 3_145_728
    two = 4096 * 2048 + 2048 + 2048 * 768 + 768
    assert count({"kind": "mlp", "hidden": 2048, "out": 768}) == two == 9_964_288
    wide = 4096 * 4096 + 4096 + 4096 * 768 + 768
    assert count({"kind": "mlp", "hidden": 4096, "out": 768}) == wide == 19_927_808


def test_parameters_of_lora_on_qwen2_5_1_5b() -> None:
    """Seven linear layers at r = 16: 18,464,768; query and value only: 2.18 M."""
    from transformers import Qwen2Config, Qwen2Model

    sizes = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28}
    heads = {"num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 64}
    with torch.device("meta"):
        body = Qwen2Model(Qwen2Config(**sizes, **heads))

    def count(targets: tuple[str, ...]) -> int:
        layers = [body.get_submodule(name) for name in target_layers(body, LoraRecipe(targets=targets))]
        return sum(16 * (layer.in_features + layer.out_features) for layer in layers)

    assert count(("all-linear",)) == 18_464_768
    assert count(("query", "value")) == 28 * 16 * (1536 + 1536 + 1536 + 256) == 2_179_072


def test_a_folder_says_what_it_is_for(build: Build, tmp_path: Path) -> None:
    model = load_for_training(resolve_model(str(build("bert", modules="mean"))))
    save_model(model, tmp_path / "m", CARD)
    ref = resolve_model(str(tmp_path / "m"))
    assert ref.card.licence == "mit" and ref.card.label("ja") == "English-only model"
    below = shutil.copytree(tmp_path / "m", tmp_path / "ours v2" / "model")
    assert resolve_model(str(below)).slug == f"ours-v2-{ref.slug.removeprefix('m-')}"
    before = base_fingerprint(ref, tmp_path / "m", storage_dtype="float32").digest
    for name in ("README.md", "xlembed_card.yaml", "xlembed_texts.digests"):
        (tmp_path / "m" / name).write_text("licence: other\n", encoding="utf-8")
    again = resolve_model(str(tmp_path / "m"))
    assert again.slug == ref.slug
    assert base_fingerprint(again, tmp_path / "m", storage_dtype="float32").digest == before
    (tmp_path / "m" / "xlembed_card.yaml").write_text("langages: [en]\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"xlembed_card.yaml: unknown langages; expected languages, licence"):
        resolve_model(str(tmp_path / "m"))
    (tmp_path / "m" / "xlembed_card.yaml").write_text(
        yaml.safe_dump({"languages": ["eng"]}), encoding="utf-8"
    )
    with pytest.raises(UserError, match="ISO 639"):
        resolve_model(str(tmp_path / "m"))


def test_modules_of_another_version_are_named(build: Build, tmp_path: Path) -> None:
    base = load_for_training(resolve_model(str(build("bert", modules="mean"))))
    save_model(build_model(base, recipe(head={"kind": "experts", "out": 4})), tmp_path / "m", {})
    listed = tmp_path / "m" / "modules.json"
    modules = json.loads(listed.read_text(encoding="utf-8"))
    own = next(m for m in modules if m["type"].startswith("xlembed."))
    assert own["type"] == "xlembed.models.modules.experts_head.ExpertsHead"
    own["type"] = "xlembed.models.modules.later.Later"
    listed.write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(UserError, match=r"modules.later.Later, which this version of xlembed does not have"):
        load_encoder(resolve_model(str(tmp_path / "m")))
