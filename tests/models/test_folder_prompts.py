"""The prompts of a model that has no card but its folder: which are used, and what is told of the others."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from models.conftest import Build, edit_json, write_json
from xlembed.cli.models import models
from xlembed.models.card import ModelCard
from xlembed.models.folder import prompt_notes, similarity_notes, stored_prompts
from xlembed.models.spec import resolve_model
from xlembed.words import Role

CONFIG = "config_sentence_transformers.json"
FREE = ModelCard(name="some", folder_prompts=True)


@pytest.mark.parametrize(
    ("prompts", "query", "document"),
    [
        ({"query": "Q: ", "document": "D: "}, "Q: ", "D: "),
        ({"query": "Q: ", "passage": "P: "}, "Q: ", "P: "),
        ({"query": "Q: ", "corpus": "C: "}, "Q: ", "C: "),
        ({"corpus": "C: ", "passage": "P: ", "document": "D: "}, None, "D: "),
        ({"corpus": "C: ", "passage": "P: "}, None, "P: "),
        ({"document": "", "corpus": "C: "}, None, "C: "),  # sentence-transformers 6 writes empty ones
        ({"query": None, "document": None}, None, None),
        ({}, None, None),
    ],
)
def test_the_names_of_a_role(tmp_path: Path, prompts: dict[str, Any], query: str, document: str) -> None:
    write_json(tmp_path / CONFIG, {"prompts": prompts})
    assert (stored_prompts(tmp_path).get("query"), stored_prompts(tmp_path).get("document")) == (
        query,
        document,
    )


def test_corpus_is_put_before_documents(build: Build) -> None:
    folder = build("bert", modules="mean")
    write_json(folder / CONFIG, {"prompts": {"query": "Q: ", "corpus": "C: "}})
    card = resolve_model(str(folder)).card
    assert (card.prompt(Role.QUERY), card.prompt(Role.DOCUMENT)) == ("Q: ", "C: ")
    shown = CliRunner().invoke(models, [str(folder)], catch_exceptions=False).output
    assert 'document prompt  "C: "' in shown


def test_names_of_no_role_are_told(tmp_path: Path) -> None:
    prompts = {"web_search_query": "W: ", "sts": "S: ", "clustering": "", "query": "Q: "}
    write_json(tmp_path / CONFIG, {"prompts": prompts})
    (note,) = prompt_notes(FREE, tmp_path)
    assert note.startswith("the folder's prompts 'sts', 'web_search_query' are not used")
    assert "'document', 'passage' or 'corpus'" in note


@pytest.mark.parametrize(
    ("name", "config", "readme", "lender", "words"),
    [
        ("multilingual-e5-small-tr", {}, "", "e5_base", "query 'query: ' and document 'passage: '"),
        ("ours", {"_name_or_path": "intfloat/e5-large-v2"}, "", "e5_base", "document 'passage: '"),
        (
            "ours",
            {},
            "---\ntags: [a]\nbase_model: intfloat/multilingual-e5-base\n---\n# x",
            "e5_base",
            "passage: ",
        ),
        (
            "ours",
            {},
            "---\nbase_model:\n- BAAI/bge-base-en-v1.5\n---",
            "bge_large_en_v1_5",
            "Represent this sentence",
        ),
        ("bge_small_en_v1_5", {}, "", "bge_large_en_v1_5", "query 'Represent this sentence"),
        ("multilingual-e5-large-instruct", {}, "", "e5_large_instruct", "query 'Instruct: "),
        ("ours", {"architectures": ["Qwen3Model"]}, "", "qwen3_emb_06b", "query 'Instruct: "),
        ("nomic-embed-text-v1", {}, "", "nomic_embed_v1_5", "search_query: "),
    ],
)
def test_a_known_family_without_prompts_is_told_loudly(
    tmp_path: Path, name: str, config: dict[str, Any], readme: str, lender: str, words: str
) -> None:
    folder = tmp_path / name
    write_json(folder / "config.json", config)
    (folder / "README.md").write_text(readme)
    (note,) = prompt_notes(FREE, folder)
    assert f"it looks like {lender}" in note and words in note and f"card: {lender}" in note


@pytest.mark.parametrize("name", ["bge-m3-ours", "paraphrase-MiniLM", "base5", "bge-large-zh", "LaBSE"])
def test_others_are_left_alone(tmp_path: Path, name: str) -> None:
    write_json(
        tmp_path / name / "config.json", {"architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta"}
    )
    assert prompt_notes(FREE, tmp_path / name) == []


def test_a_card_or_prompts_of_its_own_end_the_warning(build: Build) -> None:
    folder = build("xlm-roberta", modules="mean", name="e5-ours")
    lent = resolve_model("x", {"x": {"source": str(folder), "card": "e5_base", "dim": 16}})
    said = resolve_model("x", {"x": {"source": str(folder), "query_prompt": ""}})
    assert prompt_notes(lent.card, folder) == prompt_notes(said.card, folder) == []
    edit = {"prompts": {"query": "query: ", "passage": "passage: "}}
    assert len(prompt_notes(resolve_model(str(folder)).card, folder)) == 1
    write_json(folder / CONFIG, edit)
    assert prompt_notes(resolve_model(str(folder)).card, folder) == []


def test_odd_configs_make_no_difference(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_json(tmp_path / "config.json", {"architectures": "e5", "_name_or_path": 3})
    edit_json(tmp_path / "config.json", model_type=None)
    with caplog.at_level(logging.WARNING):
        assert prompt_notes(FREE, tmp_path) == []


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("made_for", ["dot", "euclidean", "cosine", "MaxSim", None])
def test_another_similarity_is_told(build: Build, made_for: str | None, normalize: bool) -> None:
    folder = build("bert", modules="mean", normalize=normalize)
    write_json(folder / "config_sentence_transformers.json", {"similarity_fn_name": made_for})
    told = made_for in ("dot", "euclidean") and not normalize
    assert [made_for in note and "compared by cosine" in note for note in similarity_notes(folder)] == [
        True
    ] * told
