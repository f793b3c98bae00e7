"""From a text to the words it is found by, each language in its own way; pure Python, no server."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import regex
import Stemmer

from xlembed.data.oddities import TAG, unescape
from xlembed.words import Lang, base_language

SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "st": "sesotho",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""Language -> Snowball stemmer (Porter 2001, "Snowball: a language for stemming algorithms"). Words of other languages
stay whole."""
DOTLESS = {"tr", "az"}
"""Languages whose capital of ı is I and whose capital of i is İ."""
ELISIONS = {
    "en": r"'s\b",
    "tr": r"(?<=\w)'\w*",  # a proper noun's endings are written behind an apostrophe: Ankara'nın
    "fr": r"\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)'",
    "it": r"\b(?:[cdlmnstv]|un|gl|all|dall|dell|nell|sull|quell|quest)'",
    "ca": r"\b[dlmnst]'",
}
"""Language -> what an apostrophe ties to a word without being part of it."""
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"
)
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese and Korean letters: cut into pairs of characters."""
BIGRAMS = {"zh", "ja", "ko", "th", "lo", "my", "km"}
_RUNS = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
LONE = re.compile(f"(?<![{UNSPACED}])[{UNSPACED}](?![{UNSPACED}])")
"""A letter of theirs that stands alone: a word of one letter."""
APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼʻ´`＇", "'"))
_PERSIAN_JOINT = regex.compile(r"(?<=\p{Arabic})\u200c(?=\p{Arabic})")
"""Zero width non-joiner between Arabic letters: where others write a space (Persian, Urdu, Kurdish)."""
_INVISIBLE = regex.compile(r"(?!\u200d)\p{Default_Ignorable_Code_Point}|(?<=[\p{L}\p{M}])\u200d(?=\p{L})")
"""Soft hyphen, zero width space, byte order mark, variation selectors and the like; a zero width joiner only between
letters, where words are written with and without it: between emoji it makes one of several."""


def analyse(text: str, lang: Lang) -> list[str]:
    """The words of a text, in order, as often as they stand there.

    As `searchable`, Unicode NFKC, lower case by the language's own rules, words (letters, digits and the marks on
    them), then its Snowball stem; letters of scripts without spaces become overlapping pairs, in whatever language they
    stand. There are no stop words: BM25 gives little weight to what every text has.

    Args:
        text: any.
        lang: of the text, or of the documents it is compared with.

    >>> analyse("Die Häuser, das HAUS", "de")
    ['die', 'haus', 'das', 'haus']
    >>> analyse("東京 tower", "ja")
    ['東京', 'tower']
    """
    return [token for run in _runs(text, lang) for token in _tokens(run, lang)]


def characters(text: str, lang: Lang) -> list[str]:
    """The letters of scripts without spaces, one by one: what a query of a single such letter is compared with.

    >>> characters("うちの猫 tower", "ja")
    ['う', 'ち', 'の', '猫']
    """
    return [letter for run in _runs(text, lang) if is_unspaced(run) for letter in run]


def is_unspaced(run: str) -> bool:
    """Whether a run begins with a letter of a script without spaces."""
    return re.match(f"[{UNSPACED}]", run) is not None


def searchable(text: str) -> str:
    """The text as words are looked for in it: without tags and invisible characters, entities as their characters.

    Unicode NFC; all forms of the apostrophe are one. What is shown to people stays as it was.

    >>> searchable("Garten\u200bstuhl caf&eacute; Ankaraʼnın")
    "Gartenstuhl café Ankara'nın"
    """
    if not text.isascii() or "&" in text or "<" in text or "`" in text:
        text = unicodedata.normalize("NFC", unescape(TAG.sub(" ", text)))
        text = _INVISIBLE.sub("", _PERSIAN_JOINT.sub(" ", text)).translate(APOSTROPHES)
    return text


def lower(text: str, lang: Lang) -> str:
    """Lower case; in Turkish and Azerbaijani I becomes ı and İ becomes i.

    >>> lower("ILIK İL", "tr"), lower("ILL", "en")
    ('ılık il', 'ill')
    """
    if base_language(lang) in DOTLESS:
        text = text.replace("I", "ı").replace("İ", "i")
    return text.lower().replace("i\u0307", "i")  # what lower() makes of İ elsewhere


def analyser_name(lang: Lang) -> str:
    """What `analyse` does in a language, in a word or two, for fingerprints and descriptions.

    >>> analyser_name("tr"), analyser_name("zh-Hant"), analyser_name("sw")
    ('snowball turkish', 'bigrams', 'words')
    """
    base = base_language(lang)
    if base in BIGRAMS:
        return "bigrams"
    return f"snowball {SNOWBALL[base]}" if base in SNOWBALL else "words"


def _runs(text: str, lang: Lang) -> list[str]:
    """Words, cut where the kind of script changes."""
    lowered = lower(unicodedata.normalize("NFKC", searchable(text)), lang)
    if elided := ELISIONS.get(base_language(lang)):
        lowered = re.sub(elided, "", lowered)
    return [run for word in _word_pattern().findall(lowered) for run in _RUNS.findall(word)]


def _tokens(run: str, lang: Lang) -> list[str]:
    if is_unspaced(run):
        return [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    base = base_language(lang)
    return [_stemmer(base).stemWord(run)] if base in SNOWBALL else [run]


@cache
def _stemmer(lang: Lang) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(SNOWBALL[lang])


@cache
def _word_pattern() -> re.Pattern[str]:
    r"""Letters and digits with the marks on them: `\w` alone would cut Hindi and Thai at every vowel sign."""
    marks = "".join(chr(i) for i in range(0x300, 0x10000) if unicodedata.category(chr(i)).startswith("M"))
    return re.compile(f"(?:[^\\W_]|[{re.escape(marks)}])+")
