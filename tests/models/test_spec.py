from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from models.conftest import Build, write_json
from xlembed.models.spec import Fetched, resolve_model
from xlembed.words import DType, Role, UserError


@pytest.mark.parametrize(
    ("spec", "slug"),
    [
        ("bge_m3+bf16+dim64", "bge_m3+dim64+bf16"),
        ("bge_m3+dim64+max128+fp16", "bge_m3+dim64+max128+fp16"),
        ("bge_m3+fp32", "bge_m3"),
        ("bge_m3+dim1024+max8192", "bge_m3"),
        ("nemotron_8b+fp16", "nemotron_8b"),
        ("nemotron_8b+fp32", "nemotron_8b+fp32"),
        ("bge_m3+bf16+lir3+dim64", "bge_m3+dim64+lir3+bf16"),
        ("bge_m3+center+hybrid+abtt3+max128", "bge_m3+max128+center+abtt3+hybrid"),
        ("bge_m3+abtt3+center", "bge_m3+abtt3+center"),
        ("bge_m3+lir", "bge_m3+lir1"),
        ("bge_m3+interleave+hybrid+center+translated", "bge_m3+center+hybrid+translated+interleave"),
        ("bge_m3+z+shift-shop-2.a", "bge_m3+shift-shop-2.a+z50"),
        ("bm25+local", "bm25+local5"),
        ("bm25+interleave+rerank-bge_m3", "bm25+interleave+rerank-bge_m3"),
    ],
)
def test_one_configuration_has_one_name(spec: str, slug: str) -> None:
    assert resolve_model(spec).slug == slug


def test_options_do_what_suffixes_do() -> None:
    ref = resolve_model("bge_m3", dim=64, max_tokens=128, dtype="bfloat16")
    assert ref == resolve_model("bge_m3+dim64+max128+bf16")
    assert (ref.variation.dim, ref.max_tokens, ref.dtype) == (64, 128, DType.BFLOAT16)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("e5_bas", "unknown model 'e5_bas'.*Did you mean 'e5_base'"),
        ("+dim64", "unknown model ''"),  # not the current folder
        ("bge_m3+int4", r"unknown suffix '\+int4'; known: \+dimN, \+maxN, \+fp32, \+bf16, \+fp16"),
        ("bge_m3+dim0", "unknown suffix"),
        ("bge_m3+lirx", r"unknown suffix '\+lirx'; known: .*\+abttD, \+center, \+lirR.* Did you mean 'lir'"),
        ("bge_m3+centre", "Did you mean 'center'"),
        ("bge_m3+lir0", r"expected \+lirR with a whole number of components from 1"),
        ("bge_m3+abtt1024", "1024 dimensions have nothing left without 1024 components"),
        ("bge_m3+dim64+lir64", "64 dimensions have nothing left without 64 components"),
        ("bge_m3+lir1+lir2", r"write \+lir3"),
        ("bm25+center", "bm25 has no vectors to vary"),
        ("bge_m3+dim64+dim32", "two suffixes set dim"),
        ("bge_m3+interleave+local5", "two suffixes set the merging of languages"),
        ("bge_m3+interlave", "Did you mean 'interleave'"),
        ("bge_m3+shift", "takes the name of a set of translations"),
        ("bge_m3+center-shop", "takes no name of a set"),
        ("bm25+interleave+center", "bm25 has no vectors to vary"),
        ("bm25+rerank-bge_m3+local5", r"write bm25\+local5\+rerank-bge_m3$"),
        ("bge_m3+dim2048", "cannot cut 1024 dimensions to 2048"),
        ("bge_m3+max9000", "takes 8192 tokens at most, 9000 asked for"),
        ("models:/mine/3", "no MLflow registry is at hand"),
    ],
)
def test_bad_names_say_what_would_be_right(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve_model(spec)


def test_folder_gets_a_name_and_the_prompts_it_stores(build: Build) -> None:
    folder = build("bert", modules="mean")
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "q: ", "passage": "p: "}})
    ref = resolve_model(str(folder))
    assert ref.folder == folder and ref.slug.startswith("bert-")
    assert [ref.card.prompt(role) for role in (Role.QUERY, Role.DOCUMENT)] == ["q: ", "p: "]


def test_registry_address_is_fetched(build: Build) -> None:
    folder = build("bert", modules="mean")
    ref = resolve_model("models:/mine/3+dim8", fetch_uri=lambda uri: Fetched("mine-v3", folder))
    assert ref.slug == "mine-v3+dim8" and ref.folder == folder


def test_hub_id_without_card() -> None:
    ref = resolve_model("someone/some-model")
    assert ref.slug == "someone_some-model" and ref.card.hub_id == "someone/some-model" and ref.folder is None
    assert ref.card.folder_prompts


def test_entry_overrides_fields_of_the_card() -> None:
    ref = resolve_model("short", {"short": {"source": "e5_base", "max_tokens": 128}})
    assert ref.slug == "short" and ref.card.max_tokens == 128 and ref.card.query_prompt == "query: "


def test_entry_lends_a_card_to_a_folder(build: Build) -> None:
    folder = build("xlm-roberta")
    entries = {"e5_base": {"source": str(folder), "card": "e5_base", "dim": 16}}
    ref = resolve_model("e5_base+bf16", entries)
    assert ref.slug == "e5_base+bf16" and ref.folder == folder
    assert ref.card.prompt(Role.DOCUMENT) == "passage: " and ref.card.dim == 16


def test_card_lent_to_another_repository_loses_its_revision() -> None:
    ref = resolve_model("gte", {"gte": {"source": "someone/copy", "card": "bge_m3"}})
    assert ref.card.hub_id == "someone/copy" and ref.card.revision is None and ref.card.dim == 1024


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, r"models\.mine: `source` is missing"),
        (
            {"source": "e5_base", "poling": "cls"},
            r"models\.mine: poling: unknown key.*Did you mean 'pooling'",
        ),
        (
            {"source": "a/b", "card": "e5_bas"},
            r"card: 'e5_bas' is not in the catalogue\. Did you mean 'e5_base'",
        ),
        *(
            (
                {"source": "a/b", name: value},
                rf"models\.mine: {name}: .*greater than or equal to 1.*found {value}",
            )
            for name, value in (("dim", -3), ("max_tokens", 0), ("max_tokens", -5), ("parameters", 0))
        ),
        ({"source": "e5_base+dim8"}, r"put them behind the entry's name: mine\+dim8"),
    ],
)
def test_bad_entries(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve_model("mine", {"mine": entry})


def test_entry_with_own_prompts_does_not_take_those_of_the_files() -> None:
    ref = resolve_model("mine", {"mine": {"source": "a/b", "query_prompt": "q: "}})
    assert not ref.card.folder_prompts


def test_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found an empty folder"):
        resolve_model(str(tmp_path))
    (tmp_path / "config.json").touch()
    with pytest.raises(UserError, match="found no weights"):
        resolve_model(str(tmp_path))


def test_examples_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```yaml\n")[1:]]
    assert len(blocks) == 2
    for block in blocks:
        for name, entry in yaml.safe_load(block)["models"].items():
            # The folders of the examples are not here; a Hub id stands in for them.
            ref = resolve_model(name, {name: {**entry, "source": "owner/name"}})
            assert ref.slug == name and ref.card.query_prompt == "query: "
