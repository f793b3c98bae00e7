"""From a text to the words it is found by, each language in its own way; pure Python, no server."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import Stemmer

from xlembed.types import Lang

SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "st": "sesotho", "sv": "swedish",
    "ta": "tamil", "tr": "turkish", "yi": "yiddish",
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


def analyse(text: str, lang: Lang) -> list[str]:
    """The words of a text, in order, as often as they stand there.

    Unicode NFKC, lower case by the language's own rules, words (letters, digits and the marks on them), then its
    Snowball stem; letters of scripts without spaces become overlapping pairs, in whatever language they stand. There
    are no stop words: BM25 gives little weight to what every text has.

    Args:
        text: any.
        lang: of the text, or of the documents it is compared with.

    Example:
        >>> analyse("Die Häuser, das HAUS", "de")
        ['die', 'haus', 'das', 'haus']
        >>> analyse("東京 tower", "ja")
        ['東京', 'tower']
    """
    lowered = lower(unicodedata.normalize("NFKC", text), lang).replace("’", "'")
    if lang in ELISIONS:
        lowered = re.sub(ELISIONS[lang], "", lowered)
    runs = [run for word in _word_pattern().findall(lowered) for run in _RUNS.findall(word)]
    return [token for run in runs for token in _tokens(run, lang)]


def lower(text: str, lang: Lang) -> str:
    """Lower case; in Turkish and Azerbaijani I becomes ı and İ becomes i.

    Example:
        >>> lower("ILIK İL", "tr"), lower("ILL", "en")
        ('ılık il', 'ill')
    """
    if lang in DOTLESS:
        text = text.replace("I", "ı").replace("İ", "i")
    return text.lower().replace("i\u0307", "i")  # what lower() makes of İ elsewhere


def analyser_name(lang: Lang) -> str:
    """What `analyse` does in a language, in a word or two, for fingerprints and descriptions.

    Example:
        >>> analyser_name("tr"), analyser_name("zh"), analyser_name("sw")
        ('snowball turkish', 'bigrams', 'words')
    """
    if lang in BIGRAMS:
        return "bigrams"
    return f"snowball {SNOWBALL[lang]}" if lang in SNOWBALL else "words"


def _tokens(run: str, lang: Lang) -> list[str]:
    if _RUNS.fullmatch(run) and re.match(f"[{UNSPACED}]", run):
        return [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    return [_stemmer(lang).stemWord(run)] if lang in SNOWBALL else [run]


@cache
def _stemmer(lang: Lang) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(SNOWBALL[lang])


@cache
def _word_pattern() -> re.Pattern[str]:
    r"""Letters and digits with the marks on them: `\w` alone would cut Hindi and Thai at every vowel sign."""
    marks = "".join(chr(i) for i in range(0x300, 0x10000) if unicodedata.category(chr(i)).startswith("M"))
    return re.compile(f"(?:[^\\W_]|[{re.escape(marks)}])+")
