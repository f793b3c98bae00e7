"""Weights of an installed package: converted once, checked, its code never run."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from models.e5s1_file import HIDDEN, NAME, PIECES, SCALE, card_of, file_bytes, make_package, nibbles
from xlembed.models.catalogue import catalogue
from xlembed.models.digest import folder_digest
from xlembed.models.hub import locate
from xlembed.models.loading import load_encoder
from xlembed.models.packaged import packaged_folder, why_not_here
from xlembed.models.spec import ModelRef, resolve_model
from xlembed.words import Role, UserError

PACKAGE = "small_packaged_model"
NOWHERE = "sys_platform == 'no such system'"


@pytest.fixture
def data_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of an installed package, with an empty cache."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    yield make_package(tmp_path / "site", PACKAGE)
    assert PACKAGE not in sys.modules


def small_ref(marker: str = "") -> ModelRef:
    card = card_of(PACKAGE, marker)
    return ModelRef(card.name, card, packaged_folder(card))


def test_the_weights_are_those_of_the_file(data_file: Path) -> None:
    weights = load_file(locate(small_ref()) / "model.safetensors")
    word = weights["embeddings.word_embeddings.weight"]
    assert word.dtype == np.float16 and word.shape == (len(PIECES) + 3, HIDDEN)
    expected = (nibbles("emb.word", word.size).astype(np.float32) - 8) * SCALE
    np.testing.assert_array_equal(word.ravel(), expected)
    inner = weights["encoder.layer.0.intermediate.dense.weight"]
    np.testing.assert_array_equal(
        inner.ravel(), (nibbles("l0.fi.w", inner.size).astype(np.float32) - 8) * SCALE
    )
    np.testing.assert_array_equal(weights["encoder.layer.0.output.LayerNorm.weight"], np.ones(HIDDEN))


def test_the_folder_is_an_ordinary_one_and_gives_the_same_vectors(data_file: Path) -> None:
    folder = locate(small_ref())
    ours = load_encoder(small_ref(), device="cpu")
    theirs = SentenceTransformer(str(folder), device="cpu")
    texts = ["Every morning", "the bus to school", "homework"]
    for role, encode in ((Role.QUERY, theirs.encode_query), (Role.DOCUMENT, theirs.encode_document)):
        np.testing.assert_allclose(ours.encode_batch(texts, role), encode(texts), atol=1e-5)
    assert next(theirs.parameters()).dtype == torch.float32


def test_the_tokenizer_replaces_what_the_file_says(data_file: Path) -> None:
    tokenizer = Tokenizer.from_file(str(locate(small_ref()) / "tokenizer.json"))
    plain = tokenizer.encode("the bus").ids
    assert plain[0] == 0 and plain[-1] == 2
    assert tokenizer.encode("the\t\u200b bu\x01s  ").ids == plain
    assert tokenizer.token_to_id("<mask>") == PIECES.index("<mask>")


def test_it_is_converted_once_and_told_in_one_line(data_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        folder = locate(small_ref())
    assert [r.message for r in caplog.records] == [
        f"small_q4: {NAME} of {PACKAGE}==0.3.* converted once, into {folder}"
    ]
    caplog.clear()
    data_file.unlink()  # the folder is enough
    assert locate(small_ref()) == folder and not caplog.records


def test_every_conversion_gives_the_same_bytes(
    data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = folder_digest(locate(small_ref()))
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "other"))
    assert folder_digest(locate(small_ref())) == first
    assert first == "c1128b887aa42d3608dfd2c6857a426029e71a0b83daa385fe8f714d88f95e35"  # on any machine


def test_what_a_killed_conversion_left_is_swept(data_file: Path) -> None:
    ref = small_ref()
    assert ref.folder is not None
    left = ref.folder.parent / f".{ref.folder.name}.abc"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    assert locate(ref).is_dir() and not left.exists()


def test_a_failed_conversion_leaves_no_folder(data_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("xlembed.models.e5s1._write_weights", fail)
        with pytest.raises(KeyboardInterrupt):
            locate(small_ref())
    ref = small_ref()
    assert ref.folder is not None and [p.suffix for p in ref.folder.parent.iterdir()] == [".lock"]
    assert locate(ref).is_dir()


GOOD = file_bytes()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a file that starts with E5S1, found b''"),
        (b"GGUF" + GOOD[4:], "expected a file that starts with E5S1, found b'GGUF'"),
        (file_bytes(version=2), "expected version 1 of its format, found 2"),
        (GOOD[:-100], r"expected [\d,]+ bytes, found [\d,]+: it is truncated"),
        (GOOD + b"x", r"expected [\d,]+ bytes, found [\d,]+: it is another file"),
        (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), r"expected the sha256 \w{16}\.\.\., found \w{16}\.\.\."),
    ],
)
def test_another_file_is_refused(data_file: Path, data: bytes, message: str) -> None:
    data_file.write_bytes(data)
    with pytest.raises(UserError, match=message):
        locate(small_ref())
    ref = small_ref()
    assert ref.folder is not None and not ref.folder.exists()


def test_a_package_without_the_file_and_no_package(data_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_file.unlink()
    with pytest.raises(UserError, match=f"has no {NAME}: pip install '{PACKAGE}==0.3"):
        locate(small_ref())
    monkeypatch.setattr("sys.path", [])
    sys.path_importer_cache.clear()
    with pytest.raises(UserError, match=f"not installed: pip install '{PACKAGE}==0.3"):
        locate(small_ref())


def test_only_a_machine_that_the_package_does_not_serve_is_excused(
    data_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_not_here(card_of(PACKAGE, NOWHERE)) is None  # installed all the same
    monkeypatch.setattr("xlembed.models.packaged._package", lambda _: None)
    assert why_not_here(card_of(PACKAGE)) is None  # to be installed
    assert why_not_here(card_of(PACKAGE, "sys_platform != ''")) is None
    assert (
        why_not_here(card_of(PACKAGE, NOWHERE))
        == f"small_q4: {PACKAGE}==0.3.* serves only machines with {NOWHERE}"
    )
    assert why_not_here(catalogue()["e5_small"]) is None


def test_a_lent_card_keeps_the_files_and_what_is_said_of_them() -> None:
    lent = resolve_model("mine", {"mine": {"source": "e5_small_q4", "card": "e5_base"}})
    own = resolve_model("e5_small_q4")
    assert lent.folder == own.folder and lent.card.packaged == own.card.packaged
    assert lent.card.weights == "4-bit weights" and own.weights == "4-bit weights"


def test_the_extra_asks_for_what_the_card_asks_for() -> None:
    import tomllib

    project = Path(__file__).parents[2] / "pyproject.toml"
    demo = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]["demo"]
    packaged = catalogue()["e5_small_q4"].packaged
    assert packaged and f"{packaged.install}; {packaged.marker}" in demo


def test_same_use_as_the_full_model() -> None:
    small, full = catalogue()["e5_small_q4"], catalogue()["e5_small"]
    same = (
        "query_prompt",
        "document_prompt",
        "max_tokens",
        "dim",
        "pooling",
        "languages",
        "licence",
        "parameters",
    )
    assert [getattr(small, name) for name in same] == [getattr(full, name) for name in same]
    assert json.loads(small.model_dump_json())["weights"] == "4-bit weights" and not full.weights
