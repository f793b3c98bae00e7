"""A task cut by languages as others cut theirs: one language (``de``), or questions in one and answers in another."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pycountry

from xlembed.data.task import Document, Query, Task
from xlembed.words import Lang

SCRIPT_NAMES = """
LATIN:Latn CYRILLIC:Cyrl GREEK:Grek ARABIC:Arab HEBREW:Hebr THAI:Thai DEVANAGARI:Deva BENGALI:Beng TAMIL:Taml
TELUGU:Telu GEORGIAN:Geor ARMENIAN:Armn HANGUL:Hang HIRAGANA:Jpan KATAKANA:Jpan CJK:Hans MYANMAR:Mymr KHMER:Khmr
GUJARATI:Gujr KANNADA:Knda MALAYALAM:Mlym GURMUKHI:Guru SINHALA:Sinh LAO:Laoo ETHIOPIC:Ethi
"""
SCRIPTS = dict(pair.split(":") for pair in SCRIPT_NAMES.split())
"""First word of a letter's Unicode name -> script in ISO 15924."""
LETTERS = 5000
"""Looked at to tell a script."""


@dataclass(frozen=True)
class Subset:
    """All documents of one language, the queries of one that have a right document among them, and the judgements.

    Attributes:
        name: ``de``, or ``en-de`` for questions in English and answers in German.
        qrels: query id -> document id -> grade.
    """

    name: str
    query_lang: Lang
    doc_lang: Lang
    documents: tuple[Document, ...]
    queries: tuple[Query, ...]
    qrels: Mapping[str, Mapping[str, int]]


def subsets(task: Task) -> Iterator[Subset]:
    """Every language by itself, then every ordered pair; those without a judged query are left out.

    Their units are ours: a single language is monolingual, a pair is true_cross_lingual with pool = target.
    """
    pairs = [(lang, lang) for lang in task.languages]
    pairs += [(a, b) for a in task.languages for b in task.languages if a != b]
    for query_lang, doc_lang in pairs:
        documents = tuple(d for d in task.documents if d.lang == doc_lang)
        known = {d.doc_id for d in documents}
        qrels = {}
        for query in task.queries:
            judged = {d: g for d, g in task.qrels.get(query.query_id, {}).items() if d in known}
            if query.lang == query_lang and any(grade >= 1 for grade in judged.values()):
                qrels[query.query_id] = judged
        if qrels:
            name = doc_lang if query_lang == doc_lang else f"{query_lang}-{doc_lang}"
            asked = (q for q in task.queries if q.query_id in qrels)
            queries = tuple(q if q.doc_id in known else replace(q, doc_id=None) for q in asked)
            yield Subset(name, query_lang, doc_lang, documents, queries, qrels)


def long_code(lang: Lang, texts: Iterable[str]) -> str:
    """A language as MTEB writes it: ISO 639-3 and the script, as a variety says it or most letters of its texts do.

    >>> long_code("ru", ["чай"]), long_code("ja", ["お茶を"]), long_code("zh-Hant", ["茶"]), long_code("pt-BR", ["chá"])
    ('rus-Cyrl', 'jpn-Jpan', 'zho-Hant', 'por-Latn')
    """
    base, *variety = lang.split("-")
    counts: Counter[str] = Counter()
    for text in texts:
        for letter in filter(str.isalpha, text):
            script = SCRIPTS.get(unicodedata.name(letter, "").partition(" ")[0])
            counts[script or ""] += 1
        if counts.total() > LETTERS:
            break
    del counts[""]
    found = "Jpan" if base == "ja" else counts.most_common(1)[0][0] if counts else "Latn"
    script = next(filter(str.istitle, variety), found)  # a region is in capitals
    known = pycountry.languages.get(alpha_2=base)
    return f"{known.alpha_3 if known else base}-{script}"


def long_codes(task: Task) -> dict[Lang, str]:
    """Language -> its code in MTEB."""
    rows: list[Query | Document] = [*task.queries, *task.documents]
    return {lang: long_code(lang, [row.text for row in rows if row.lang == lang]) for lang in task.languages}
