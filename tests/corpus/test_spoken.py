"""Languages against texts; what lingua finds in these texts is not doubted."""

from __future__ import annotations

import pytest

from xlembed.corpus.spoken import SAMPLE, check_languages_spoken
from xlembed.types import UserError

GERMAN = [
    "Der Wasserkocher ist sehr leise.",
    "Das Fahrrad steht vor dem Haus.",
    "Wir liefern am nächsten Werktag.",
]
TURKISH = [
    "Su ısıtıcısı çok sessiz çalışıyor.",
    "Bisiklet evin önünde duruyor.",
    "Ertesi iş günü teslim ediyoruz.",
]
ENGLISH = ["The kettle is very quiet when it boils.", "You have thirty days to return the goods."]


def test_texts_in_their_language_are_not_spoken_of() -> None:
    assert check_languages_spoken({("de", "documents"): GERMAN, ("tr", "documents"): TURKISH}) == []
    assert check_languages_spoken({("no", "texts"): ["Vannkokeren er veldig stille og koker raskt."]}) == []
    assert check_languages_spoken({}) == []


def test_nearly_all_in_another_language_is_an_error() -> None:
    with pytest.raises(UserError) as caught:
        check_languages_spoken({("de", "documents"): TURKISH, ("de", "queries"): GERMAN})
    lines = str(caught.value).splitlines()
    assert lines[1] == "  de: 3 of 3 sampled documents look like another language: tr (Turkish) 3"
    assert len(lines) == 3 and "--believe" in lines[2]
    told = check_languages_spoken({("de", "documents"): TURKISH, ("de", "queries"): GERMAN}, believe=True)
    assert told == [lines[1].strip()]


def test_few_texts_count_together() -> None:
    one_each = {("en", "documents"): TURKISH[:1], ("en", "queries"): TURKISH[1:2]}
    assert len(check_languages_spoken(one_each)) == 2  # two texts: told, not refused
    with pytest.raises(UserError, match="2 of 2 sampled documents"):
        check_languages_spoken({("en", "documents"): TURKISH[:2], ("en", "queries"): TURKISH[2:]})


def test_more_than_half_is_told() -> None:
    told = check_languages_spoken({("de", "texts"): [*TURKISH, *GERMAN[:2]]})
    assert told == ["de: 3 of 5 sampled texts look like another language: tr (Turkish) 3"]
    assert check_languages_spoken({("de", "texts"): [*TURKISH[:2], *GERMAN[:2]]}) == []


def test_texts_that_tell_nothing_are_left_out() -> None:
    assert check_languages_spoken({("de", "texts"): ["x", "12", "text 1", "...", ""]}) == []
    told = check_languages_spoken({("de", "texts"): ["x", "12", ENGLISH[0]]})
    assert told == ["de: 1 of 1 sampled texts look like another language: en (English) 1"]


def test_a_language_that_cannot_be_checked_is_told() -> None:
    told = check_languages_spoken({("gl", "texts"): TURKISH, ("br", "texts"): TURKISH})
    assert told == ["language not checked against the texts (lingua does not know it): br, gl"]


def test_a_sample_is_looked_at() -> None:
    many = [f"{text} {number}" for number in range(SAMPLE) for text in TURKISH]
    told = check_languages_spoken({("de", "texts"): many}, believe=True)
    assert told == [
        f"de: {SAMPLE} of {SAMPLE} sampled texts look like another language: tr (Turkish) {SAMPLE}"
    ]
