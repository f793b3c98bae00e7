"""Tiny repositories in the layout of every public set: configuration -> split -> rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlembed.data.public.entry import PublicSet

Configs = dict[str, dict[str, list[dict[str, Any]]]]

TEXTS = {
    "de": ["Der Wasserkocher ist sehr leise.", "Die Bibliothek öffnet um neun Uhr morgens."],
    "en": ["The kettle is very quiet indeed.", "The library opens at nine in the morning."],
    "tr": ["Su ısıtıcısı gerçekten çok sessiz çalışıyor.", "Kütüphane sabah saat dokuzda açılıyor."],
}
QUESTIONS = {
    "de": ["Wie laut ist der Wasserkocher?", "Wann öffnet die Bibliothek?"],
    "en": ["How loud is the kettle, please?", "When does the library open?"],
    "tr": ["Su ısıtıcısı ne kadar ses çıkarıyor?", "Kütüphane ne zaman açılıyor?"],
}


def texts(lang: str) -> list[str]:
    return TEXTS.get(lang, [f"{lang} {n} 123" for n in range(2)])


def questions(lang: str) -> list[str]:
    return QUESTIONS.get(lang, [f"{lang} {n} 456?" for n in range(2)])


def std(documents: str, queries: str, ids: str = "_id") -> dict[str, list[dict[str, Any]]]:
    """Documents, queries and judgements; the first document has no title, one judgement names nobody."""
    return {
        "corpus": [
            {ids: f"{n}#0", "title": [None, "T"][n], "text": t} for n, t in enumerate(texts(documents))
        ],
        "queries": [{ids: f"q{n}", "text": t} for n, t in enumerate(questions(queries))],
        "qrels": [
            {"query-id": f"q{n}", "corpus-id": f"{doc}#0", "score": float(n == doc)}
            for n in range(2)
            for doc in (0, 1, 7)[: 2 + n]
        ],
    }


def squad(lang: str, answers: Any = None) -> list[dict[str, Any]]:
    return [
        {
            "id": f"56beb{n}",
            "context": t,
            "question": q,
            "answers": answers or {"text": ["x"], "answer_start": [0]},
        }
        for n, (t, q) in enumerate(zip(texts(lang), questions(lang), strict=True))
    ]


def belebele(lang: str) -> list[dict[str, Any]]:
    return [
        {
            "link": f"https://x/{n}",
            "question_number": k,
            "flores_passage": t,
            "question": f"{q} ({k})",
            "mc_answer1": "a",
        }
        for n, (t, q) in enumerate(zip(texts(lang), questions(lang), strict=True))
        for k in (1, 2)
    ]


def scored(lang: str, score: str) -> list[dict[str, Any]]:
    one, two = texts(lang)
    return [
        {"sentence1": one, "sentence2": two, score: 1.5},
        {"sentence1": two, "sentence2": two + "!", score: 5},
    ]


def msmarco() -> Configs:
    return {
        "passages": {"train": [{"pid": n, "text": t} for n, t in enumerate(texts("tr"))]},
        "queries": {
            s: [{"qid": 10 + n, "text": t} for n, t in enumerate(questions("tr"))] for s in ("train", "dev")
        },
        "qrels": {"train": [{"qid": 10 + n, "q0": 0, "pid": n, "rank": 1} for n in range(2)]},
        "triples": {
            "train": [{"qid": 10, "pid_pos": 0, "pid_neg": 1}, {"qid": 11, "pid_pos": 1, "pid_neg": 99}]
        },
    }


def reviews() -> list[dict[str, Any]]:
    """Two products; the second has one review, whose title asks nothing."""
    named = (("r1", "p1", "de"), ("r2", "p1", "en"), ("r3", "p2", "en"))
    return [
        {
            **{"review_id": r, "product_id": p, "reviewer_id": "a", "stars": 4, "language": lang},
            **{"review_body": texts(lang)[p == "p2"], "review_title": questions(lang)[p == "p2"]},
            "product_category": "kitchen",
        }
        for r, p, lang in named
    ]


def chosen(entry: PublicSet) -> tuple[str, ...]:
    """A few languages of the set that the texts here have."""
    return tuple(lang for lang in ("de", "en", "tr") if lang in entry.languages and lang != entry.pivot)


def repositories(entry: PublicSet) -> Mapping[str, Configs]:
    """Repository -> configurations, as the entry's source lays them out."""
    subsets = {lang: entry.languages[lang] for lang in chosen(entry)}
    if entry.name == "scifact_tr":
        parts = std("tr", "tr")
        return {
            entry.hub_id: {"default": {"corpus": parts["corpus"], "queries": parts["queries"]}},
            "AbdulkaderSaoud/scifact-tr-qrels": {"default": {"test": parts["qrels"]}},
        }
    if entry.name == "squad_tr":
        parts = std("tr", "tr")
        names = {
            "corpus": ("corpus", "corpus"),
            "queries": ("queries", "queries"),
            "qrels": ("default", "test"),
        }
        return {entry.hub_id: {names[p][0]: {names[p][1]: rows} for p, rows in parts.items()}}
    if entry.hub_id == "parsak/msmarco-tr":
        return {entry.hub_id: msmarco()}
    if entry.layout == "std" and "pair" in entry.parts:
        return {entry.hub_id: _pairs(entry, subsets)}
    if entry.layout == "std":
        return {entry.hub_id: _std(entry, subsets)}
    if entry.kind and entry.layout == "pairs":
        return {entry.hub_id: _training(entry, subsets)}
    rows = {
        "squad": lambda: {s or "default": {entry.split: squad(lang)} for lang, s in subsets.items()},
        "belebele": lambda: {s: {"test": belebele(lang)} for lang, s in subsets.items()},
        "bitext": lambda: {
            "default": {"test": [_bitext(entry, lang, n) for lang in subsets for n in range(2)]}
        },
        "miracl": lambda: {s: {"dev": [_judged(lang, n) for n in range(2)]} for lang, s in subsets.items()},
        "reviews": lambda: {"default": {s: reviews() for s in ("train", "test")}},
    }
    return {entry.hub_id: rows[entry.layout]()}


def _std(entry: PublicSet, subsets: Mapping[str, str]) -> Configs:
    found: Configs = {}
    for lang, subset in subsets.items():
        alone = len(entry.languages) == 1 and not subset
        for part, rows in std(lang, lang).items():
            config = ("default" if part == "qrels" else part) if alone else f"{subset}-{part}"
            split = "train" if entry.name == "mrtydi" and part == "corpus" else entry.split
            found[config] = {split: rows}
    return found


def _pairs(entry: PublicSet, subsets: Mapping[str, str]) -> Configs:
    """xPQA has only pairs with English."""
    return {
        f"{theirs}-{ours}-{part}": dict.fromkeys(("validation", entry.split), rows)
        for documents, theirs in subsets.items()
        for queries, ours in subsets.items()
        if entry.name != "xpqa" or "eng" in (theirs, ours) or theirs == ours
        for part, rows in std(documents, queries).items()
    }


def _training(entry: PublicSet, subsets: Mapping[str, str]) -> Configs:
    splits = list(entry.sets or [entry.split])
    if "google" in entry.name:  # calls it validation
        splits = ["train", "validation", "test"]
    found: Configs = {}
    for lang, subset in subsets.items():
        one, two = texts(lang)
        rows: list[dict[str, Any]] = {
            "triplets": [{"anchor": one, "positive": one + "!", "negative": two}],
            "pairs": [{"anchor": one, "positive": one + "!"}],
            "scored": scored(lang, "similarity_score" if "multi" in entry.name else "score"),
            "translations": [
                {"english": e, "non_english": t} for e, t in zip(texts("en"), texts(lang), strict=True)
            ],
        }[str(entry.kind)]
        found[subset or "default"] = dict.fromkeys(splits, rows)
    return found


def _bitext(entry: PublicSet, lang: str, n: int) -> dict[str, str]:
    return {"sentence1": texts(lang)[n], "sentence2": texts("en")[n], "lang": entry.languages[lang]}


def _judged(lang: str, n: int) -> dict[str, Any]:
    passages = [{"docid": f"{k}#0", "title": "T", "text": t} for k, t in enumerate(texts(lang))]
    sides = {"positive_passages": [passages[n]], "negative_passages": [passages[1 - n]]}
    return {"query_id": f"{n}", "query": questions(lang)[n], **sides}
