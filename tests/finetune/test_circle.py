from __future__ import annotations

import math

import pytest
import torch

from small_model import static_model
from xlembed.finetune.loss_modules import CircleLoss, circle_loss

OWN = torch.tensor([[True, False]])


def test_one_positive_and_one_negative() -> None:
    # margin 0.25, gamma 1: positive weight 1.25 - 0.8 = 0.45, negative weight 0.6 + 0.25 = 0.85
    # exponents: -0.45 * (0.8 - 0.75) = -0.0225 and 0.85 * (0.6 - 0.25) = 0.2975, together 0.275
    loss = circle_loss(torch.tensor([[0.8, 0.6]]), OWN, margin=0.25, gamma=1.0)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(0.275)), abs=1e-6)
    assert loss.item() == pytest.approx(0.84006, abs=1e-4)


def test_gamma_multiplies_the_exponents() -> None:
    loss = circle_loss(torch.tensor([[0.8, 0.6]]), OWN, margin=0.25, gamma=10.0)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2.75)), abs=1e-6)


def test_a_negative_beyond_its_optimum_has_weight_zero() -> None:
    # -0.5 is below -0.25: its exponent is 0, its term 1
    own = torch.tensor([[True, False, False]])
    loss = circle_loss(torch.tensor([[0.8, 0.6, -0.5]]), own, margin=0.25, gamma=1.0)
    assert loss.item() == pytest.approx(math.log(1 + (math.exp(0.2975) + 1) * math.exp(-0.0225)), abs=1e-6)


def test_several_positives_are_summed() -> None:
    # weights 0.45 and 0.25 (1.25 - 1.0); exponents -0.0225 and -0.25 * (1.0 - 0.75) = -0.0625
    own = torch.tensor([[True, True, False]])
    loss = circle_loss(torch.tensor([[0.8, 1.0, 0.6]]), own, margin=0.25, gamma=1.0)
    expected = math.log(1 + math.exp(0.2975) * (math.exp(-0.0225) + math.exp(-0.0625)))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_mean_over_anchors() -> None:
    rows = torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    own = torch.tensor([[True, False], [False, True]])
    assert circle_loss(rows, own, margin=0.25, gamma=1.0).item() == pytest.approx(0.84006, abs=1e-4)


def test_weights_take_no_gradient() -> None:
    # d loss / d s_n = sigmoid(0.275) * 0.85, d loss / d s_p = -sigmoid(0.275) * 0.45
    similarities = torch.tensor([[0.8, 0.6]], requires_grad=True)
    circle_loss(similarities, OWN, margin=0.25, gamma=1.0).backward()
    assert similarities.grad is not None
    part = 1 / (1 + math.exp(-0.275))
    assert similarities.grad[0].tolist() == pytest.approx([-0.45 * part, 0.85 * part], abs=1e-6)


def test_other_rows_and_all_explicit_negatives_are_negatives() -> None:
    # anchors (1, 0) and (0, 1); positives (0.8, 0.6) and (0.6, 0.8): cosines 0.8 own, 0.6 other
    # the negatives of both rows, (-1, 0) and (0, -1), have cosines -1 and 0 with each anchor
    model = static_model(
        {"a": (1, 0), "b": (0, 1), "c": (0.6, 0.8), "d": (0.8, 0.6), "x": (-1, 0), "y": (0, -1)}
    )
    columns = [model.preprocess(texts) for texts in (["a", "b"], ["d", "c"], ["x", "y"])]
    loss = CircleLoss(model, margin=0.25, gamma=1.0)(columns)
    # cosine 0: weight 0.25, exponent 0.25 * (0 - 0.25) = -0.0625; cosine -1: weight 0, term 1
    negatives = math.exp(0.2975) + math.exp(-0.0625) + 1
    assert loss.item() == pytest.approx(math.log(1 + negatives * math.exp(-0.0225)), abs=1e-6)


def test_large_gamma_stays_finite() -> None:
    similarities = torch.tensor([[-1.0, 1.0]], requires_grad=True)
    loss = circle_loss(similarities, OWN, margin=0.25, gamma=256.0)
    loss.backward()
    # 256 * (1.25 * 0.75 + 2.25 * 1.75)
    assert loss.item() == pytest.approx(256 * 4.875) and torch.isfinite(similarities.grad).all()  # type: ignore[arg-type]
