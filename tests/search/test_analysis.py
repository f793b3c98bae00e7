"""What a text is found by, language by language, written by hand."""

from __future__ import annotations

import pytest
import Stemmer

from xlembed.search.analysis import BIGRAMS, SNOWBALL, analyse, analyser_name, characters, lower, searchable
from xlembed.search.elastic.layout import choose_analyzers, lettered


@pytest.mark.parametrize(
    ("lang", "text", "words"),
    [
        ("tr", "ILIK İSTANBUL", ["ılık", "istanbul"]),  # never "ilik": another word
        ("tr", "Ankara'nın Ankara’da ANKARA", ["ankar", "ankar", "ankar"]),
        ("tr", "evler evlerimiz", ["ev", "ev"]),
        ("en", "The DOG's houses, İstanbul", ["the", "dog", "hous", "istanbul"]),
        ("de", "Häuser HAUS Straße STRASSE", ["haus", "haus", "strass", "strass"]),
        ("fr", "L'avion, qu’aujourd'hui", ["avion", "aujourd", "hui"]),
        ("ru", "Книги книгу", ["книг", "книг"]),
        ("nb", "hjørnet hjørne", ["hjørn", "hjørn"]),
        ("zh", "我喜欢北京", ["我喜", "喜欢", "欢北", "北京"]),
        ("zh", "字", ["字"]),
        ("ja", "ﾀﾜｰ、iPhone１５だ", ["タワ", "ワー", "iphone15", "だ"]),  # NFKC first
        ("ko", "서울 날씨", ["서울", "날씨"]),
        ("en", "Beijing (北京市)", ["beij", "北京", "京市"]),  # by script, whatever the language
        ("hi", "किताबें किताब", ["किताब", "किताब"]),  # vowel signs do not cut a word
        ("th", "ไทย", ["ไท", "ทย"]),
        ("sw", "vitabu VITABU a_b", ["vitabu", "vitabu", "a", "b"]),  # no stemmer
        ("en", " \n—…! ", []),
        (
            "de",
            "Donau\u00addampf\u00adschiff Garten\u200bstuhl \ufeffHaus",
            ["donaudampfschiff", "gartenstuhl", "haus"],
        ),
        ("de", "Auf\u200clage Auf\u2060lage", ["auflag", "auflag"]),
        ("tr", "Ankaraʼnın Ankara´nın Ankara‘nın", ["ankar", "ankar", "ankar"]),
        ("uk", "п'ять п’ять пʼять п´ять", ["п", "ять"] * 4),
        ("en", "the DOGʼs dog´s", ["the", "dog", "dog"]),
        ("fr", "caf&eacute; cafe\u0301 caf&#233; caf&#xE9;", ["caf"] * 4),
        ("en", "<p>Very <b>quiet</b><br/>fan</p> a < b", ["veri", "quiet", "fan", "a", "b"]),
        ("en", "x?a=1&copy=2 AT&T", ["x", "a", "1", "copi", "2", "at", "t"]),
        ("fa", "می\u200cخواهم", ["می", "خواهم"]),  # the joint of Persian parts words
        ("hi", "क्\u200dष क्ष", ["क्ष", "क्ष"]),  # a joiner between letters only changes their shape
        ("ja", "葛\U000e0100飾", ["葛飾"]),  # a variant of the same character
    ],
)
def test_words_by_hand(lang: str, text: str, words: list[str]) -> None:
    assert analyse(text, lang) == words


def test_turkish_case_is_turkish_only() -> None:
    assert (lower("KIRIK İ", "tr"), lower("KIRIK İ", "en")) == ("kırık i", "kirik i")
    assert not set(analyse("kırık", "tr")) & set(analyse("kirik", "tr"))


def test_every_stemmer_is_there_and_every_language_has_a_name() -> None:
    assert set(SNOWBALL.values()) <= set(Stemmer.algorithms())
    assert not BIGRAMS & SNOWBALL.keys()
    assert {analyser_name(lang) for lang in ("de", "ja", "xx")} == {"snowball german", "bigrams", "words"}


def test_letters_of_unspaced_scripts_one_by_one() -> None:
    assert characters("猫と tower の犬", "ja") == ["猫", "と", "の", "犬"]
    assert characters("녹차 tea", "ko") == ["녹", "차"]
    assert characters("tea", "ko") == []


def test_what_is_searched_keeps_emoji_whole_and_plain_text_as_it_is() -> None:
    family = "👨\u200d👩\u200d👧"
    assert searchable(f"{family} ❤\ufe0f") == f"{family} ❤"
    assert searchable("plain 'text' & more") == "plain 'text' & more"


def test_varieties_are_analysed_as_their_language() -> None:
    for variety, base, text in (
        ("pt-BR", "pt", "Fones levíssimos"),
        ("zh-Hant", "zh", "耳機很安靜"),
        ("tr-Latn", "tr", "ILIK Ankara'nın"),
    ):
        assert analyse(text, variety) == analyse(text, base)
        assert analyser_name(variety) == analyser_name(base)
    assert lettered(["pt-BR", "zh-Hant", "zh-Hans", "ko"]) == ["ko", "zh-Hans", "zh-Hant"]
    found = choose_analyzers(["pt-BR", "zh-Hans", "zh-Hant", "de-AT", "ceb"], ["analysis-smartcn"])
    assert list(found.values()) == ["standard", "german", "brazilian", "smartcn", "cjk"]
