"""Languages against texts; what lingua finds in these texts is not doubted."""

from __future__ import annotations

import pytest

from xlembed.data.spoken import (
    SAMPLE,
    check_languages_spoken,
    other_language,
    other_languages,
    spoken_language,
)
from xlembed.words import UserError

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


def looked_at(texts: dict[tuple[str, str], list[str]], believe: bool = False) -> list[str]:
    each = ((lang, noun, text) for (lang, noun), several in texts.items() for text in several)
    return check_languages_spoken(each, believe=believe)


def test_texts_in_their_language_are_not_spoken_of() -> None:
    assert looked_at({("de", "documents"): GERMAN, ("tr", "documents"): TURKISH}) == []
    assert looked_at({("no", "texts"): ["Vannkokeren er veldig stille og koker raskt."]}) == []
    assert looked_at({}) == []


def test_nearly_all_in_another_language_is_an_error() -> None:
    with pytest.raises(UserError) as caught:
        looked_at({("de", "documents"): TURKISH, ("de", "queries"): GERMAN})
    lines = str(caught.value).splitlines()
    assert (
        lines[1]
        == "  de: of 3 sampled documents, 3 tell their language, 3 of them another one: tr (Turkish) 3"
    )
    assert len(lines) == 3 and "--believe" in lines[2]
    told = looked_at({("de", "documents"): TURKISH, ("de", "queries"): GERMAN}, believe=True)
    assert told == [lines[1].strip()]


def test_nine_of_ten_are_nearly_all() -> None:
    with pytest.raises(UserError, match="10 tell their language, 9 of them another one"):
        looked_at({("de", "texts"): [*TURKISH * 3, GERMAN[0]]})
    told = looked_at({("de", "texts"): [*TURKISH * 3, *GERMAN[:2]]})
    assert told == ["de: of 11 sampled texts, 11 tell their language, 9 of them another one: tr (Turkish) 9"]


def test_few_texts_count_together() -> None:
    one_each = {("en", "documents"): TURKISH[:1], ("en", "queries"): TURKISH[1:2]}
    assert looked_at(one_each) == []  # one text proves nothing
    with pytest.raises(
        UserError, match="of 2 sampled documents, 2 tell their language, 2 of them another one"
    ):
        looked_at({("en", "documents"): TURKISH[:2], ("en", "queries"): TURKISH[2:]})


def test_more_than_half_is_told() -> None:
    told = looked_at({("de", "texts"): [*TURKISH, *GERMAN[:2]]})
    assert told == ["de: of 5 sampled texts, 5 tell their language, 3 of them another one: tr (Turkish) 3"]
    assert looked_at({("de", "texts"): [*TURKISH[:2], *GERMAN[:2]]}) == []


def test_texts_that_tell_nothing_are_left_out() -> None:
    assert looked_at({("de", "texts"): ["x", "12", "text 1", "...", ""]}) == []
    assert looked_at({("ja", "texts"): ["山川", "東京", "大学"]}) == []
    told = looked_at({("de", "texts"): ["x", "12", *ENGLISH]})
    assert told == ["de: of 4 sampled texts, 2 tell their language, 2 of them another one: en (English) 2"]


def test_a_language_that_cannot_be_checked_is_told() -> None:
    told = looked_at({("gl", "texts"): ["x"], ("kr", "texts"): TURKISH})
    assert told == [
        "kr: of 3 sampled texts, 3 tell their language, 3 of them another one: tr (Turkish) 3",
        "lingua, which looks at the texts, does not know gl (Galician)",
        "lingua, which looks at the texts, does not know kr (Kanuri)",
    ]


def test_a_sample_is_looked_at() -> None:
    many = [f"{text} {number}" for number in range(SAMPLE) for text in TURKISH]
    told = looked_at({("de", "texts"): many}, believe=True)
    assert told == [
        f"de: of {SAMPLE} sampled texts, {SAMPLE} tell their language, {SAMPLE} of them another one: "
        f"tr (Turkish) {SAMPLE}"
    ]


def test_varieties_are_looked_at_as_their_language() -> None:
    portuguese = [
        "Este fone sem fio é muito leve.",
        "A bicicleta está em frente da casa.",
        "Entregamos amanhã.",
    ]
    assert looked_at({("pt-BR", "texts"): portuguese, ("pt-PT", "texts"): portuguese}) == []
    with pytest.raises(UserError, match="pt-BR: of 3 sampled texts"):
        looked_at({("pt-BR", "texts"): TURKISH})
    assert spoken_language(GERMAN[0], ["de-AT", "tr"]) == "de-AT"
    assert spoken_language(GERMAN[0], ["de-AT", "de-DE", "tr"]) is None
    assert looked_at({("ceb", "texts"): ["x"]}) == [
        "lingua, which looks at the texts, does not know ceb (Cebuano)"
    ]


def test_serbian_in_latin_letters_is_not_taken_for_what_lingua_knows_beside_it() -> None:
    serbian = ["Ovaj čajnik je veoma tih i brzo zagreva vodu.", "Mačka voli ovu igračku, preporučujem svima."]
    assert other_languages([("sr", text) for text in serbian]) == [None, None]
    assert [other_language(text, "sr-Latn", ["pl", "tr"]) for text in serbian] == [None, None]
    assert [spoken_language(text, ["sr-Latn", "en", "tr"]) for text in serbian] == ["sr-Latn", "sr-Latn"]
    assert spoken_language(serbian[0], ["hr", "sr", "tr"]) == "hr"


def test_a_text_in_one_of_two_varieties_is_in_another_language_than_said() -> None:
    assert (
        other_language("請問這個水壺安靜嗎？適合辦公室使用嗎？", "de", ["de", "zh-Hans", "zh-Hant"]) == "zh"
    )
