from __future__ import annotations

import pytest
import torch

from xlembed.models.modules.attention_pooling import AttentionPooling
from xlembed.models.modules.experts_head import ExpertsHead
from xlembed.models.modules.families import FAMILIES, family_of
from xlembed.models.modules.family_head import FamilyHead
from xlembed.models.modules.residual_head import ResidualHead
from xlembed.models.modules.weighted_pooling import WeightedPooling

TOKENS = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]], [[2.0, -2.0], [9.0, 9.0], [9.0, 9.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])
"""Two real tokens and one; what is 9 is padding."""


def pooled(module: torch.nn.Module) -> list[list[float]]:
    found = module({"token_embeddings": TOKENS.clone(), "attention_mask": MASK})["sentence_embedding"]
    return [[round(x, 4) for x in row] for row in found.tolist()]


def test_weighted_pooling_adds_up_its_parts() -> None:
    """mean (2, 2) and max (3, 4) of the first; of one token both are the token."""
    module = WeightedPooling(2, {"mean": 0.5, "max": 2.0})
    assert pooled(module) == [[0.5 * 2 + 2 * 3, 0.5 * 2 + 2 * 4], [2.5 * 2, 2.5 * -2]]
    assert not module.factors.requires_grad
    learned = WeightedPooling(2, {"mean": 1.0, "cls": 1.0}, learned=True)
    learned({"token_embeddings": TOKENS, "attention_mask": MASK})["sentence_embedding"].sum().backward()
    assert learned.factors.grad is not None
    assert learned.factors.grad.tolist() == [2 + 2 + 2 - 2, 1 + 0 + 2 - 2]


def test_attention_pooling_starts_as_the_mean_and_leaves_padding_out() -> None:
    module = AttentionPooling(2)
    assert pooled(module) == [[2.0, 2.0], [2.0, -2.0]]
    with torch.no_grad():
        module.query.copy_(torch.tensor([0.0, 2**0.5]))  # token . query / sqrt(2) = 0 and 4
    share = 1 / (1 + torch.e**-4)
    assert pooled(module)[0] == pytest.approx([1 + 2 * share, 4 * share], abs=1e-4)
    assert pooled(module)[1] == [2.0, -2.0]


def test_left_padding_is_left_out_too() -> None:
    features = {"token_embeddings": TOKENS.flip(1), "attention_mask": MASK.flip(1)}
    for module in (AttentionPooling(2), WeightedPooling(2, {"mean": 1.0})):
        assert module(dict(features))["sentence_embedding"].tolist() == [[2.0, 2.0], [2.0, -2.0]]


def test_residual_block_adds_to_its_input() -> None:
    head = ResidualHead(2, 3, 2, blocks=1)
    with torch.no_grad():
        for layer in (head.body[0][1], head.body[0][3]):
            layer.weight.zero_()
            layer.bias.zero_()
        head.body[0][3].bias.copy_(torch.tensor([1.0, -1.0]))  # the block adds (1, -1) whatever comes
        head.out.weight.copy_(torch.eye(2))
        head.out.bias.zero_()
    found = head({"sentence_embedding": torch.tensor([[3.0, 1.0]])})["sentence_embedding"]
    assert found.tolist()[0] == pytest.approx(
        [1.0, -1.0], abs=1e-4
    )  # (4, 0), normalised over its two numbers


def test_each_family_has_its_own_layer() -> None:
    head = FamilyHead(2, 1)
    with torch.no_grad():
        for factor, layer in enumerate(head.layers.values()):
            layer.weight.fill_(factor)
            layer.bias.zero_()
    features = {"sentence_embedding": torch.ones(3, 2), "family": torch.tensor([2, 0, 4])}
    found = head(features)["sentence_embedding"]
    assert found.tolist() == [[4.0], [0.0], [8.0]]
    found.sum().backward()
    assert head.layers["cjk"].weight.grad is not None and head.layers["cjk"].weight.grad.tolist() == [[1, 1]]
    unused = head.layers["arabic"].weight.grad
    assert unused is None or unused.tolist() == [[0, 0]]


def test_experts_are_mixed_by_the_gate() -> None:
    head = ExpertsHead(1, 1, experts=2)
    with torch.no_grad():
        head.gate.weight.zero_()
        head.gate.bias.copy_(torch.tensor([0.0, 3.0]).log1p())  # 1 : 4
        for value, layer in zip((10.0, 20.0), head.layers, strict=True):
            layer.weight.fill_(value)
            layer.bias.zero_()
    found = head({"sentence_embedding": torch.tensor([[1.0]])})["sentence_embedding"]
    assert found.item() == pytest.approx(0.2 * 10 + 0.8 * 20)


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("Değirmen eskidir.", "latin"),
        ("Die Mühle", "latin"),
        ("мельница", "cyrillic"),
        ("طاحونة قديمة", "arabic"),
        ("चक्की", "indic"),
        ("石磨", "cjk"),
        ("ひきうす", "cjk"),
        ("맷돌", "cjk"),
        ("BGE 是什么模型呢", "cjk"),
        ("", "latin"),
        ("1916 - 1961", "latin"),
        ("μύλος", "latin"),
    ],
)
def test_family_of_a_text(text: str, family: str) -> None:
    assert FAMILIES[family_of(text)] == family
