from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.models.catalogue import CARDS, catalogue, read_card
from xlembed.models.safety import check_kinds
from xlembed.models.spec import resolve_model
from xlembed.words import DType, Kind, Pooling, Role, UserError

BASE = ("query: ", "passage: ")
NOTHING = ("", "")
INSTRUCT = "Instruct: {instruction}\nQuery: "
PROMPTS = {
    "e5_small": BASE,
    "e5_small_q4": BASE,
    "e5_base": BASE,
    "e5_large": BASE,
    "e5_large_instruct": (INSTRUCT, ""),
    "minilm_multilingual": NOTHING,
    "mpnet_multilingual": NOTHING,
    "labse": NOTHING,
    "gte_multilingual_base": NOTHING,
    "bge_m3": NOTHING,
    "jina_v3": (
        "Represent the query for retrieving evidence documents: ",
        "Represent the document for retrieval: ",
    ),
    "qwen3_emb_06b": ("Instruct: {instruction}\nQuery:", ""),
    "nemotron_8b": (INSTRUCT, ""),
    "nomic_embed_v1_5": ("search_query: ", "search_document: "),
    "nomic_embed_v2_moe": ("search_query: ", "search_document: "),
    "embeddinggemma": ("task: search result | query: ", "title: none | text: "),
    "turkembed4retrieval": NOTHING,
    "all_mpnet_base_v2": NOTHING,
    "all_minilm_l6_v2": NOTHING,
    "bge_large_en_v1_5": ("Represent this sentence for searching relevant passages: ", ""),
    "e5_large_v2": BASE,
    "e5_mistral_7b": (INSTRUCT, ""),
    "static_multilingual": NOTHING,
}
SHAPES = {
    "e5_small": (384, 512, Pooling.MEAN),
    "e5_small_q4": (384, 512, Pooling.MEAN),
    "e5_base": (768, 512, Pooling.MEAN),
    "e5_large": (1024, 512, Pooling.MEAN),
    "e5_large_instruct": (1024, 512, Pooling.MEAN),
    "minilm_multilingual": (384, 128, Pooling.MEAN),
    "mpnet_multilingual": (768, 128, Pooling.MEAN),
    "labse": (768, 256, Pooling.CLS),
    "gte_multilingual_base": (768, 8192, Pooling.CLS),
    "bge_m3": (1024, 8192, Pooling.CLS),
    "jina_v3": (1024, 8192, Pooling.MEAN),
    "qwen3_emb_06b": (1024, 32768, Pooling.LASTTOKEN),
    "nemotron_8b": (4096, 4096, Pooling.MEAN),
    "nomic_embed_v1_5": (768, 2048, Pooling.MEAN),
    "nomic_embed_v2_moe": (768, 512, Pooling.MEAN),
    "embeddinggemma": (768, 2048, Pooling.MEAN),
    "turkembed4retrieval": (768, 512, Pooling.CLS),
    "all_mpnet_base_v2": (768, 384, Pooling.MEAN),
    "all_minilm_l6_v2": (384, 256, Pooling.MEAN),
    "bge_large_en_v1_5": (1024, 512, Pooling.CLS),
    "e5_large_v2": (1024, 512, Pooling.MEAN),
    "e5_mistral_7b": (4096, 4096, Pooling.LASTTOKEN),
    "static_multilingual": (256, None, Pooling.STATIC),
}


def test_the_catalogue_is_complete() -> None:
    assert set(catalogue()) == {*PROMPTS, "bm25", "smollm2_135m_q4"}


def test_bm25_encodes_nothing() -> None:
    card = catalogue()["bm25"]
    assert card.lexical and not any(catalogue()[name].lexical for name in PROMPTS)
    assert card.dim is None and card.hub_id is None and card.label("en") is None


def test_who_knows_a_language_knows_its_varieties() -> None:
    labse = catalogue()["labse"]
    assert labse.label("zh-Hant") is None and labse.label("pt-BR") is None and labse.label("kr") is not None
    english = catalogue()["all_minilm_l6_v2"]
    assert english.label("en-GB") is None and english.label("zh-Hant") == "English-only model"


def test_smollm2_writes_text_and_has_no_vectors() -> None:
    card = catalogue()["smollm2_135m_q4"]
    assert card.kind is Kind.CAUSAL and not card.has_vectors and card.english_only
    assert (card.licence, card.weights) == ("apache-2.0", "4-bit weights")
    with pytest.raises(UserError, match="smollm2_135m_q4 writes text and has no vectors"):
        check_kinds(resolve_model("smollm2_135m_q4"))


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_are_exact(name: str) -> None:
    card = catalogue()[name]
    assert (card.query_prompt, card.document_prompt) == PROMPTS[name]
    for role in Role:
        assert "{" not in card.prompt(role)
        assert card.prompt(role, "Find it.") == PROMPTS[name][role is Role.DOCUMENT].replace(
            "{instruction}", "Find it."
        )


@pytest.mark.parametrize("name", SHAPES)
def test_dimension_length_and_pooling(name: str) -> None:
    card = catalogue()[name]
    assert (card.dim, card.max_tokens, card.pooling) == SHAPES[name]


@pytest.mark.parametrize("name", PROMPTS)
def test_every_card_says_what_results_are_grouped_by(name: str) -> None:
    card = catalogue()[name]
    assert card.objective and card.training_data and card.licence and card.year
    assert card.parameters
    assert card.hub_id or card.bundled or card.packaged
    assert card.revision or not card.hub_id or "revision" in card.unconfirmed
    assert len(set(card.languages)) == len(card.languages)
    if card.matryoshka_dims:
        assert list(card.matryoshka_dims) == sorted(card.matryoshka_dims, reverse=True)
        assert card.matryoshka_dims[0] == card.dim


def test_english_only_models_are_marked() -> None:
    marked = {name for name, card in catalogue().items() if card.english_only}
    assert marked == {
        "all_minilm_l6_v2",
        "all_mpnet_base_v2",
        "bge_large_en_v1_5",
        "e5_large_v2",
        "e5_mistral_7b",
        "nomic_embed_v1_5",
        "smollm2_135m_q4",
    }
    assert catalogue()["e5_large_v2"].label("tr") == "English-only model"
    assert catalogue()["e5_large_v2"].label("en") is None
    assert catalogue()["static_multilingual"].label("ko") == "language not supported"


def test_norwegian_is_listed_under_both_codes() -> None:
    for name in ("e5_base", "minilm_multilingual", "labse", "jina_v3"):
        assert {"nb", "no"} <= set(catalogue()[name].languages)


def test_adapters_code_and_licences() -> None:
    jina = catalogue()["jina_v3"]
    assert (
        jina.adapter(Role.QUERY) == "retrieval_query" and jina.adapter(Role.DOCUMENT) == "retrieval_passage"
    )
    assert jina.licence == "cc-by-nc-4.0"
    needs_code = {name for name, card in catalogue().items() if card.requires_remote_code}
    assert needs_code == {"nemotron_8b", "nomic_embed_v2_moe", "turkembed4retrieval"}
    assert catalogue()["embeddinggemma"].gated and "query_prompt" in catalogue()["embeddinggemma"].unconfirmed
    assert catalogue()["nomic_embed_v1_5"].layer_norm
    assert catalogue()["nemotron_8b"].dtype is DType.FLOAT16 and catalogue()["bge_m3"].dtype is DType.FLOAT32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hub_id: [", "mine.yaml:1: not valid YAML"),
        ("- a", "mine.yaml: expected fields name, hub_id"),
        ("name: other", "mine.yaml: name: expected 'mine' like the file, found 'other'"),
        ("poolin: mean", "mine.yaml: poolin: unknown key. Did you mean 'pooling'"),
        ("languages: [en, no]", "mine.yaml: languages"),
        ("languages: [eng]", "mine.yaml: languages.0: expected an ISO 639 code"),
        ("unconfirmed: [poolin]", "mine.yaml: unconfirmed: no fields of a card: poolin"),
        ("unused_weights: ['(']", "mine.yaml: unused_weights: pattern: '\\(' is no regular expression"),
    ],
)
def test_broken_cards_name_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_card(path)


def test_no_card_lies_beside_the_catalogue() -> None:
    assert {path.suffix for path in CARDS.iterdir()} == {".yaml"}
