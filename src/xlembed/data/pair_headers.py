"""What a table of training rows is, and which of its columns are which: found by their headers where nobody says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from xlembed.data.headers import WORDS as TABLE_WORDS
from xlembed.data.headers import called, plain
from xlembed.data.languages import is_language, language_called, suggest_variety
from xlembed.data.pairs import COLUMNS, Kind

QUESTIONS = "query question search_query query_text question_text frage anfrage soru sorgu pregunta requete"
SOURCES = "source src source_text original"
WORDS = {
    "anchor": f"anchor {QUESTIONS} {SOURCES} sentence1 sentence_1 text1 premise",
    "positive": "positive pos positives passage document context answer response antwort cevap respuesta reponse "
    "target tgt target_text translation sentence2 sentence_2 text2 hypothesis",
    "negative": "negative neg negatives hard_negative hard_negatives negative_1",
    "text1": "text1 sentence1 sentence_1 sentence_a text_a s1",
    "text2": "text2 sentence2 sentence_2 sentence_b text_b s2",
    "score": "score similarity similarity_score sim relatedness relatedness_score",
}
"""Our column -> what it is called in headers, the likelier first."""
_CODE = re.compile(r"([a-z]{2}|[A-Z]{2})(?:[-_](?:[A-Z]{2}|[A-Z][a-z]{3}))*")


def wanted_columns(kind: Kind) -> list[str]:
    """Our columns that a row of a kind needs."""
    return [*COLUMNS[kind], *(["score"] if kind is Kind.SCORED else [])]


def find_columns(header: Sequence[str], kind: Kind) -> dict[str, str] | None:
    """Our column -> the header's, for a kind; None where they do not tell.

    >>> find_columns(["Question", "answer", "Language"], Kind.PAIRS)
    {'anchor': 'Question', 'positive': 'answer', 'lang': 'Language'}
    >>> find_columns(["q", "question", "answer_lang", "answer"], Kind.PAIRS)
    {'anchor': 'question', 'positive': 'answer', 'positive_lang': 'answer_lang'}
    >>> find_columns(["id", "en", "de"], Kind.TRANSLATIONS)
    {'anchor': 'en', 'positive': 'de'}
    """
    found = {ours: called(header, WORDS[ours]) or "" for ours in wanted_columns(kind)}
    languages = [column for column in header if names_language(column)]
    if len(languages) > 2:  # Indonesian or Norwegian beside one other alone
        languages = [column for column in languages if column.lower() not in ("id", "no")]
    if kind is Kind.TRANSLATIONS and len(languages) == 2:
        found |= zip(COLUMNS[kind], languages, strict=True)
    if not all(found.values()):
        return None
    for ours in COLUMNS[kind]:
        stem = plain(found[ours]).removesuffix("_text")
        if said := called(header, f"{stem}_lang {stem}_language"):
            found[f"{ours}_lang"] = said
    common = None if kind is Kind.TRANSLATIONS else called(header, TABLE_WORDS["lang"])
    return found | ({"lang": common} if common and common not in found.values() else {})


def find_kind(header: Sequence[str]) -> Kind | None:
    """What the rows are, where the headers leave no doubt: a text beside another may be its answer or its translation.

    >>> find_kind(["query", "pos", "neg"]), find_kind(["anchor", "positive"])
    (<Kind.TRIPLETS: 'triplets'>, None)
    """
    for kind in (Kind.SCORED, Kind.TRIPLETS):
        if find_columns(header, kind):
            return kind
    pairs = find_columns(header, Kind.PAIRS)
    anchor = plain(pairs["anchor"]) if pairs else ""
    if anchor in QUESTIONS.split():
        return Kind.PAIRS
    if find_columns(header, Kind.TRANSLATIONS) and (not pairs or anchor in SOURCES.split()):
        return Kind.TRANSLATIONS
    return None


@cache  # asked of each row's columns
def names_language(column: str) -> bool:
    """Whether a column is called like a language; codes of three letters (`src`, `ref`) are words as well.

    >>> [names_language(column) for column in ("EN", "zh-Hant", "pt_BR", "en-us", "Deutsch")]
    [True, True, True, True, True]
    >>> [names_language(column) for column in ("ref", "id_text", "Label", "is_no", "is-ok")]
    [False, False, False, False, False]
    """
    if code := _CODE.fullmatch(column):
        return is_language(code[1].lower())
    return len(language_called(column) or "") == 2 or ("-" in column and suggest_variety(column) is not None)
