"""What is known as late interaction by its files alone, and how such folders are read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from fakes.late import DIM, save_late_model
from fakes.toy import WORDS, save_toy_model
from xlembed.models.fingerprint import base_fingerprint
from xlembed.models.folder import is_late_interaction
from xlembed.models.loading import load_token_encoders
from xlembed.models.spec import resolve_model
from xlembed.models.token_encoder import TokenEncoder
from xlembed.words import Kind, Role, UserError

MARKS = ("[MASK]", "[unused0]", "[unused1]")
TEXTS = ["boat , haus", "cat"]


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_late_model(tmp_path_factory.mktemp("late") / "native", [*MARKS, *WORDS])


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def as_pylate(native: Path, folder: Path, *, model_type: str | None = None, **more: object) -> Path:
    """The same weights as PyLate saves them: mask and normalisation are in no list, marks are no prompts."""
    shutil.copytree(native, folder)
    listed = [("", "sentence_transformers.models.Transformer"), ("1_Dense", "pylate.models.Dense.Dense")]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(listed)
    ]
    _write(folder / "modules.json", modules)
    _write(
        folder / "1_Dense" / "config.json",
        {
            "in_features": 16,
            "out_features": DIM,
            "bias": False,
            "activation_function": "torch.nn.modules.linear.Identity",
        },
    )
    own = {"query_prefix": "[Q] ", "document_prefix": "[D] ", "do_query_expansion": False, "prompts": {}}
    own |= {"document_length": 6, "skiplist_words": [","], **more}
    own |= {"model_type": model_type} if model_type else {}
    _write(folder / "config_sentence_transformers.json", own)
    return folder


def as_stanford(native: Path, folder: Path) -> Path:
    """The same weights as ColBERT's own code saves them."""
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(native / name, folder / name)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _write(folder / "config.json", config | {"architectures": ["HF_ColBERT"]})
    body = {f"bert.{name}": tensor for name, tensor in load_file(native / "model.safetensors").items()}
    head = load_file(native / "1_Dense" / "model.safetensors")
    save_file({**body, **head}, folder / "model.safetensors", metadata={"format": "pt"})
    _write(folder / "artifact.metadata", {"query_maxlen": 7, "doc_maxlen": 5, "query_token_id": "[unused0]"})
    tokens = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    _write(folder / "tokenizer_config.json", tokens | {"mask_token": "[MASK]"})
    return folder


def encoders(folder: Path) -> dict[Role, TokenEncoder]:
    ref = resolve_model(str(folder))
    assert ref.card.kind is Kind.LATE_INTERACTION and not ref.card.has_vectors
    return load_token_encoders(ref)


@pytest.mark.parametrize("model_type", [None, "ColBERT"])
def test_pylate(native: Path, tmp_path: Path, model_type: str | None) -> None:
    """Its marks are prompts here, and the vectors are those of the same weights saved by sentence-transformers."""
    folder = as_pylate(native, tmp_path / "pylate", model_type=model_type)
    assert resolve_model(str(folder)).card.prompt(Role.QUERY) == "[Q] "
    theirs, ours = encoders(folder), encoders(native)
    for role in Role:
        for one, other in zip(
            theirs[role].encode_batch(TEXTS, role), ours[role].encode_batch(TEXTS, role), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    assert theirs[Role.DOCUMENT].max_tokens == 6 and theirs[Role.QUERY].max_tokens == 40
    (cut,) = theirs[Role.DOCUMENT].encode_batch(["boat " * 20], Role.DOCUMENT)
    assert cut.shape == (6, DIM)


def test_pylate_fills_queries_up(native: Path, tmp_path: Path) -> None:
    folder = as_pylate(native, tmp_path / "filled", do_query_expansion=True, query_length=9)
    tokens = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    _write(folder / "tokenizer_config.json", tokens | {"mask_token": "[MASK]"})
    query = encoders(folder)[Role.QUERY]
    assert [part.shape for part in query.encode_batch(TEXTS, Role.QUERY)] == [(9, DIM), (9, DIM)]
    assert query.max_tokens == 9 and query.token_counts(["boat " * 20], Role.QUERY) == [21]


def test_colbert(native: Path, tmp_path: Path) -> None:
    """Projection beside the body, settings in artifact.metadata, which counts for the digest."""
    folder = as_stanford(native, tmp_path / "stanford")
    both = encoders(folder)
    assert (both[Role.QUERY].max_tokens, both[Role.DOCUMENT].max_tokens) == (7, 5)
    assert resolve_model(str(folder)).card.prompt(Role.DOCUMENT) == "[unused1] "
    (found,) = both[Role.DOCUMENT].encode_batch(["cat , boat"], Role.DOCUMENT)
    assert found.shape == (3, DIM)  # the comma is skipped
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    before = base_fingerprint(resolve_model(str(folder)), folder, storage_dtype="float32").digest
    _write(folder / "artifact.metadata", {"query_maxlen": 8, "doc_maxlen": 5})
    assert base_fingerprint(resolve_model(str(folder)), folder, storage_dtype="float32").digest != before


def test_limits_asked_for_hold_for_both_roles(native: Path, tmp_path: Path) -> None:
    folder = as_pylate(native, tmp_path / "short")
    both = load_token_encoders(resolve_model("m+max4", {"m": {"source": str(folder)}}))
    assert {encoder.max_tokens for encoder in both.values()} == {4}
    for role, encoder in both.items():
        assert encoder.encode_batch(["boat " * 20], role)[0].shape == (4, DIM)


def test_other_folders_are_not(tmp_path: Path) -> None:
    assert not is_late_interaction(save_toy_model(tmp_path / "toy"))


def test_a_fetched_repository_is_known(native: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what lies in the Hub's cache; before it was fetched, nothing is known of it, and loading will refuse."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert resolve_model("owner/late").card.kind is Kind.BI_ENCODER
    place, commit = tmp_path / "models--owner--late", "0" * 40
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(commit, encoding="utf-8")
    shutil.copytree(native, place / "snapshots" / commit)
    assert resolve_model("owner/late").card.kind is Kind.LATE_INTERACTION


def test_what_only_vectors_of_texts_can_have_is_refused(native: Path) -> None:
    for wrong, message in (
        ({"layer_norm": True}, "adapters and layer_norm"),
        ({"dim": 7}, "says 7 dimensions"),
    ):
        ref = resolve_model("m", {"m": {"source": str(native), **wrong}})
        with pytest.raises(UserError, match=message):
            load_token_encoders(ref)
