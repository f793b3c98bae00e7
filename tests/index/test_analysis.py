"""What a text is found by, language by language, written by hand."""

from __future__ import annotations

import pytest
import Stemmer

from xlembed.index.analysis import BIGRAMS, SNOWBALL, analyse, analyser_name, lower


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
        ("zh", "我喜欢北京", ["我喜", "喜欢", "欢北", "北京"]),
        ("zh", "字", ["字"]),
        ("ja", "ﾀﾜｰ、iPhone１５だ", ["タワ", "ワー", "iphone15", "だ"]),  # NFKC first
        ("ko", "서울 날씨", ["서울", "날씨"]),
        ("en", "Beijing (北京市)", ["beij", "北京", "京市"]),  # by script, whatever the language
        ("hi", "किताबें किताब", ["किताब", "किताब"]),  # vowel signs do not cut a word
        ("th", "ไทย", ["ไท", "ทย"]),
        ("sw", "vitabu VITABU a_b", ["vitabu", "vitabu", "a", "b"]),  # no stemmer
        ("en", " \n—…! ", []),
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
