from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from models.conftest import Build, ref_of, small_tokenizer
from xlembed.models.catalogue import catalogue
from xlembed.models.loading import load_encoder
from xlembed.models.selfcheck import check_tokenizer, sentences, unknown_share
from xlembed.words import UserError


def unknown_only() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_sentences_cover_the_usual_languages() -> None:
    assert len(sentences()) >= 30
    assert set(catalogue()["static_multilingual"].languages) <= set(sentences())
    assert all(letter in sentences()["tr"] for letter in "ğşıİçöü")
    assert "no" in sentences()


@pytest.mark.parametrize("wrap", [True, False])
def test_flood_of_unknown_tokens_is_refused(wrap: bool) -> None:
    tokenizer = (
        PreTrainedTokenizerFast(tokenizer_object=unknown_only(), unk_token="[UNK]")
        if wrap
        else unknown_only()
    )
    assert unknown_share(tokenizer, sentences()["tr"]) == 1
    with pytest.raises(
        UserError, match=r"small: 100% of the tokens of a tr sentence are unknown.*tokenizer class"
    ):
        check_tokenizer(tokenizer, ["tr"], "small")


def test_share_is_counted_over_tokens() -> None:
    assert unknown_share(small_tokenizer(), "the cat zzz mat") == 0.25
    assert unknown_share(small_tokenizer().backend_tokenizer, "the cat zzz mat") == 0.25


def test_a_tokenizer_that_drops_unknown_words_is_caught() -> None:
    tokenizer = Tokenizer(models.BPE({"a": 0}, []))
    assert unknown_share(tokenizer, "zzz") == 1


def test_languages_without_a_sentence_are_not_checked() -> None:
    check_tokenizer(unknown_only(), ["yo", "xh"], "small")


def test_a_model_without_languages_is_checked_in_english() -> None:
    check_tokenizer(small_tokenizer(), [], "small")
    with pytest.raises(UserError, match="en sentence"):
        check_tokenizer(unknown_only(), [], "small")


def test_it_happens_at_loading(build: Build) -> None:
    folder = build("bert")
    load_encoder(ref_of(folder, pooling="mean", languages=["en"]), device="cpu")
    with pytest.raises(UserError, match="of a tr sentence are unknown"):
        load_encoder(ref_of(folder, pooling="mean", languages=["en", "tr"]), device="cpu")
