"""Damaged and odd files of a model folder: one message that names the file, never a traceback of a library."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.conftest import Build, edit_json, write_json
from xlembed.models.fingerprint import base_fingerprint
from xlembed.models.folder import folder_modules
from xlembed.models.hub import locate
from xlembed.models.loading import load_encoder
from xlembed.models.spec import resolve_model
from xlembed.words import UserError

Change = Callable[[Path], Any]


@pytest.fixture
def folder(build: Build) -> Path:
    made = build("bert", modules="mean")
    write_json(made / "config_sentence_transformers.json", {"prompts": {"query": "query : ", "document": ""}})
    write_json(made / "sentence_bert_config.json", {"max_seq_length": 20})
    return made


def use(folder: Path) -> None:
    """All that a command does with a folder before the first text."""
    ref = resolve_model(str(folder))
    base_fingerprint(ref, locate(ref), storage_dtype="float32")
    load_encoder(ref, device="cpu")


def test_the_folder_is_fine_to_begin_with(folder: Path) -> None:
    use(folder)


JSON_FILES = [
    *(
        "config.json",
        "tokenizer_config.json",
        "config_sentence_transformers.json",
        "sentence_bert_config.json",
    ),
    *("modules.json", "1_Pooling/config.json", "tokenizer.json"),
]


@pytest.mark.parametrize("name", JSON_FILES)
@pytest.mark.parametrize("content", ["3", "{", "", "[" * 5000])
def test_a_json_file_that_is_no_object_is_named(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    # transformers alone reads tokenizer.json: it says the folder
    with pytest.raises(
        UserError, match=rf"{name if name != 'tokenizer.json' else 'cannot be loaded from .*'}"
    ):
        use(folder)


@pytest.mark.parametrize(
    "name", [name for name in JSON_FILES if name not in ("modules.json", "tokenizer.json")]
)
def test_a_list_instead_of_an_object_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("[]")
    with pytest.raises(UserError, match=rf"{name}: expected a JSON object \(\{{\.\.\.\}}\), found a list"):
        use(folder)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ({}, "found an object"),
        ([], "found an empty list"),
        ([3], "found 3"),
        ([{"type": "sentence_transformers.models.Transformer"}], "found"),
        ([{"type": None, "path": ""}], "found"),
        ([{"type": "a.B", "path": "/etc"}], "found the path '/etc'"),
        ([{"type": "a.B", "path": "1_Pooling/../.."}], "found the path"),
        ([{"type": "a.B", "path": "\0"}], "found the path"),
    ],
)
def test_odd_lists_of_modules_are_named(folder: Path, listed: Any, found: str) -> None:
    write_json(folder / "modules.json", listed)
    with pytest.raises(UserError, match=rf"modules\.json: expected a list of objects.*{found}"):
        folder_modules(folder)
    with pytest.raises(UserError, match=r"modules\.json"):
        use(folder)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        (
            "config_sentence_transformers.json",
            {"prompts": {"query": 3}},
            "prompts: query: expected a text in quotes, found 3",
        ),
        (
            "config_sentence_transformers.json",
            {"prompts": {"s2p": []}},
            r"prompts: s2p: expected a text in quotes, found \[\]",
        ),
        (
            "config_sentence_transformers.json",
            {"prompts": ["query: "]},
            "prompts: expected a JSON object .* found a list",
        ),
        ("config.json", {"model_type": []}, "model_type: expected a text, found a list"),
        ("config.json", {"auto_map": "code.Own"}, "auto_map: expected a JSON object .* found a text"),
        ("config.json", {"hidden_size": "x"}, "cannot be loaded from"),
        ("1_Pooling/config.json", {"pooling_mode": 3}, "pooling_mode: expected a text, found 3"),
        ("1_Pooling/config.json", {"pooling_mode": []}, "loads, but encoding with it fails"),
        ("tokenizer_config.json", {"pad_token": None}, r"loads, but encoding with it fails: .*pad_token"),
    ],
    ids=str,
)
def test_odd_values_are_named(folder: Path, name: str, changes: dict[str, Any], words: str) -> None:
    edit_json(folder / name, **changes)
    with pytest.raises(UserError, match=words):
        use(folder)


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_cut, "not readable as safetensors .*damaged or incomplete. Delete .*fetch it again"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "not readable as safetensors"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"<!DOCTYPE html><html>"),
            "not readable as safetensors",
        ),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
            "a pointer of Git LFS, not the weights",
        ),
    ],
    ids=["cut", "empty", "page", "pointer"],
)
def test_damaged_weights_are_named_before_anything_is_loaded(
    folder: Path, change: Change, words: str
) -> None:
    change(folder)
    with pytest.raises(UserError, match=rf"model\.safetensors: .*{words}"):
        locate(resolve_model(str(folder)))


def test_a_table_of_words_with_a_broken_tokenizer_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": {"type": "None"}}))
    with pytest.raises(UserError, match="cannot be loaded from"):
        use(folder)
