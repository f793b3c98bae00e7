"""Vectors in the plane, so that every cosine can be read off: (a, d) 0.8, (a, c) 0.6, (b, c) 0.8, (b, d) 0.6."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses
from torch import nn

from small_model import DIM, small_model, static_model
from xlembed.finetune.loss import build_loss, loss_classes
from xlembed.finetune.recipe import Stage
from xlembed.words import UserError

VECTORS = {"a": (1.0, 0.0), "b": (0.0, 1.0), "c": (0.6, 0.8), "d": (0.8, 0.6)}


def loss_of(kind: str, model: SentenceTransformer, **settings: Any) -> nn.Module:
    stage = Stage.model_validate({"name": "s", "data": [{"pairs": "p"}], "loss": {"kind": kind, **settings}})
    return build_loss(stage.loss, model)


def value(kind: str, *columns: str, labels: Any = None, **settings: Any) -> float:
    """Each column is a word per row: `"ab"`."""
    model = static_model(VECTORS)
    features = [model.preprocess([*words]) for words in columns]
    loss = loss_of(kind, model, **settings)(features, None if labels is None else torch.tensor(labels))
    return float(loss.detach())


def about(x: float) -> Any:
    return pytest.approx(x, abs=2e-6)


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


@pytest.mark.parametrize("kind", ["mnrl", "cached_mnrl"])
def test_ranking_against_the_rest_of_the_batch(kind: str) -> None:
    assert value(kind, "ab", "dc", scale=5) == about(softplus(5 * (0.6 - 0.8)))


def test_symmetric_ranks_anchors_too() -> None:
    # cosines: a-a 1, a-d 0.8; b-a 0, b-d 0.6
    by_anchor = (softplus(5 * (0.8 - 1)) + softplus(5 * (0 - 0.6))) / 2
    by_positive = (softplus(5 * (0 - 1)) + softplus(5 * (0.8 - 0.6))) / 2
    assert value("mnrl", "ab", "ad", scale=5) == about(by_anchor)
    assert value("mnrl", "ab", "ad", scale=5, symmetric=True) == about((by_anchor + by_positive) / 2)


def test_explicit_negatives_count_too() -> None:
    assert value("mnrl", "a", "d", "b", scale=5) == about(softplus(5 * (0 - 0.8)))
    expected = math.log(1 + math.exp(-4) + math.exp(5 * (0.6 - 0.8)))
    assert value("mnrl", "a", "d", "b", "c", scale=5) == about(expected)


def test_triplet_by_cosine_and_by_euclidean_distance() -> None:
    assert value("triplet", "a", "c", "d", margin=0.2) == about(0.4 - 0.2 + 0.2)
    far = value("triplet", "a", "c", "b", margin=1.0, distance="euclidean")
    assert far == about(math.sqrt(0.8) - math.sqrt(2) + 1)


def test_triplet_with_two_negatives_is_their_mean() -> None:
    assert value("triplet", "a", "c", "d", "b", margin=0.2) == about((0.4 + 0) / 2)


def test_cosent_compares_pairs_of_different_score() -> None:
    assert value("cosent", "aa", "db", labels=[1.0, 0.0], scale=5) == about(softplus(5 * (0 - 0.8)))
    assert value("cosent", "aa", "db", labels=[5.0, 5.0], scale=5) == 0.0


def test_circle_is_ours() -> None:
    assert value("circle", "ab", "dc", margin=0.25, gamma=1) == about(softplus(0.275))


def test_distillation_draws_both_translations_to_one_vector() -> None:
    # (1, 0) and (0, 1) against (0, 1): mean squares 1 and 0
    assert value("distillation", "a", "b", labels=[[0.0, 1.0]]) == about(0.5)


def test_distillation_in_matryoshka_cuts_both_sides_to_unit_length() -> None:
    # a perfect student is perfect in one dimension too, where both sides are (0.6) -> (1)
    settings: dict[str, Any] = {"matryoshka": [2, 1]}
    assert value("distillation", "c", "c", labels=[[0.6, 0.8]], **settings) == pytest.approx(0, abs=1e-12)
    # b: in two dimensions (0, 1) against (0.6, 0.8): (0.36 + 0.04) / 2; in one dimension 0 against 1
    assert value("distillation", "b", "b", labels=[[0.6, 0.8]], **settings) == about(0.2 + 1)


def test_matryoshka_adds_the_cut_vectors_loss() -> None:
    # in one dimension all vectors but b are (1): cosines 1, 1; 0, 0 -> log 2 per row
    full = softplus(5 * (0.6 - 0.8))
    assert value("mnrl", "ab", "dc", scale=5, matryoshka=[2, 1]) == about(full + math.log(2))


@pytest.mark.parametrize("matryoshka", [(), (DIM, 4)])
@pytest.mark.parametrize("symmetric", [False, True])
def test_cached_has_the_loss_and_gradients_of_plain(
    tmp_path: Path, matryoshka: tuple[int, ...], symmetric: bool
) -> None:
    words = [f"w{i}" for i in range(21)]
    gradients = {}
    for kind, settings in (("mnrl", {}), ("cached_mnrl", {"mini_batch": 3})):
        model = small_model(tmp_path / kind, words, dropout=0)
        loss = loss_of(kind, model, matryoshka=matryoshka, symmetric=symmetric, **settings)
        features = [model.preprocess(words[i::3]) for i in range(3)]
        worth = loss(features, None)
        worth.backward()
        named = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        gradients[kind] = (worth.item(), named)
    assert gradients["cached_mnrl"][0] == pytest.approx(gradients["mnrl"][0], rel=1e-5)
    assert gradients["cached_mnrl"][1].keys() == gradients["mnrl"][1].keys()
    for name, expected in gradients["mnrl"][1].items():
        torch.testing.assert_close(gradients["cached_mnrl"][1][name], expected, rtol=1e-3, atol=1e-5)


def test_cached_over_a_static_model_is_plain() -> None:
    assert type(loss_of("cached_mnrl", static_model(VECTORS))) is losses.MultipleNegativesRankingLoss


def test_cached_keeps_its_mini_batch(tmp_path: Path) -> None:
    loss = loss_of("cached_mnrl", small_model(tmp_path, ["a"]), mini_batch=7, scale=30)
    assert isinstance(loss, losses.CachedMultipleNegativesRankingLoss)
    assert (loss.mini_batch_size, loss.scale) == (7, 30)


@pytest.mark.parametrize("kind", loss_classes())
def test_every_loss_can_be_wrapped(kind: str) -> None:
    wrapped = loss_of(kind, static_model(VECTORS), matryoshka=[2, 1])
    assert isinstance(wrapped, losses.MatryoshkaLoss) and wrapped.matryoshka_dims == (2, 1)


def test_sizes_above_the_models_are_refused() -> None:
    with pytest.raises(UserError, match="have 2 dimensions, found 4"):
        loss_of("mnrl", static_model(VECTORS), matryoshka=[4, 2])
