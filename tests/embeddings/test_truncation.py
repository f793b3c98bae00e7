"""What is cut off texts: counted by hand, the same whether texts are encoded now or were before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embeddings.hashing_encoder import HashingEncoder
from xlembed.embeddings.crew import alone
from xlembed.embeddings.encode import encode_texts
from xlembed.embeddings.store import Tokens, VectorStore
from xlembed.embeddings.truncation import describe_truncation, stored_tokens, truncation_by_language
from xlembed.words import Role

TEXTS = ["a b c d e f", "a b", "a b c d e", "a b c d", "a b"]
LANGS = ["en", "en", "de", "de", "en"]
EXPECTED = {
    "de": {
        "texts": 2, "texts_cut": 1, "share_cut": 0.5, "tokens": 9, "tokens_lost": 1, "share_lost": 0.111111,
    },
    "en": {
        "texts": 3, "texts_cut": 1, "share_cut": 0.333333, "tokens": 10, "tokens_lost": 2, "share_lost": 0.2,
    },
}  # fmt: skip
"""At 4 tokens: 2 of the first text's 6 are lost, 1 of the third's 5. The repeated text counts twice."""


class PrefixedEncoder(HashingEncoder):
    """Puts a prompt of one token before each text."""

    def token_counts(self, texts: list[str], role: Role) -> list[int]:  # type: ignore[override]
        return [1 + n for n in super().token_counts(texts, role)]


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(tmp_path, "f")


def encoder() -> HashingEncoder:
    return PrefixedEncoder(max_tokens=5)


def never() -> HashingEncoder:
    raise AssertionError("the model must not be loaded")


def encoded(store: VectorStore, texts: list[str] = TEXTS, shard_size: int = 2) -> None:
    encode_texts(alone(encoder), texts, Role.DOCUMENT, store, shard_size=shard_size)


def counted(store: VectorStore, load: object = never) -> Tokens:
    return stored_tokens(load, TEXTS, Role.DOCUMENT, store)  # type: ignore[arg-type]


def test_a_store_remembers_them(store: VectorStore) -> None:
    encoded(store)
    assert counted(store).tolist() == [[7, 1, 5], [3, 1, 5], [6, 1, 5], [5, 1, 5], [3, 1, 5]]
    assert truncation_by_language(counted(store), LANGS) == EXPECTED


@pytest.mark.parametrize("damage", [Path.unlink, lambda p: p.write_bytes(p.read_bytes()[:-30])])
def test_a_store_without_them_counts_once_more(store: VectorStore, damage: object) -> None:
    encoded(store, ["another", *TEXTS])
    for path in store.folder.rglob("*.npz"):
        damage(path)  # type: ignore[operator]
    assert truncation_by_language(counted(store, encoder), LANGS) == EXPECTED
    assert truncation_by_language(counted(store), LANGS) == EXPECTED  # remembered now
    # What shares a shard with them stays unknown until it is asked for.
    found = stored_tokens(encoder, ["another"], Role.DOCUMENT, store)
    assert found.tolist() == [[2, 1, 5]] and truncation_by_language(counted(store), LANGS) == EXPECTED


def test_flipped_bits_are_noticed(store: VectorStore) -> None:
    encoded(store, shard_size=10)
    (path,) = store.folder.rglob("*.npz")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 0x10
    path.write_bytes(raw)
    assert truncation_by_language(counted(store, encoder), LANGS) == EXPECTED


def test_a_store_that_may_only_be_read_is_counted_each_time(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded(store)
    for path in store.folder.rglob("*.npz"):
        path.unlink()

    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("xlembed.embeddings.store._write_tokens", refuse)
    assert truncation_by_language(counted(store, encoder), LANGS) == EXPECTED


def test_no_limit_says_nothing_and_no_texts_are_no_error() -> None:
    free = np.array([[7, 1, 0]], dtype=np.int32)
    assert describe_truncation({"documents": (free, ["en"]), "queries": (free, ["en"])}) == {}
    cut, none = np.array([[7, 1, 5]], dtype=np.int32), np.empty((0, 3), dtype=np.int32)
    found = describe_truncation({"documents": (cut, ["en"]), "queries": (none, [])})
    assert found["max_tokens"] == 5 and found["queries"] == {}
    assert found["documents"]["en"]["share_lost"] == 0.333333


def test_a_prompt_longer_than_the_limit_loses_the_whole_text_and_not_more() -> None:
    found = truncation_by_language(np.array([[12, 9, 5], [9, 9, 5]], dtype=np.int32), ["en", "en"])
    assert found["en"]["tokens_lost"] == found["en"]["tokens"] == 3 and found["en"]["texts_cut"] == 1
