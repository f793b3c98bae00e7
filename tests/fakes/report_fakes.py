"""Contents of scores.json made in memory: values follow from the arguments, nothing is measured."""

from __future__ import annotations

import itertools
import math
import zlib
from typing import Any

TWO = ("de", "en")
SIX = ("de", "en", "es", "fr", "ja", "zh")
TWELVE = ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
MODELS = (
    "nomic_embed_v2_moe+dim256+bf16",
    "e5_large_instruct",
    "bge_m3",
    "static_multilingual",
    "bm25",
    "labse",
    "all_mpnet_base_v2",
    "qwen3_emb_06b+lir3",
    "gte_multilingual_base",
)


def row(
    kind: str, pool: str | None, query: str | None, doc: str | None, value: float, **other: Any
) -> dict[str, Any]:
    half = other.pop("half", 0.04)
    few = half is None
    result = {
        "kind": kind,
        "pool": pool,
        "query_lang": query,
        "doc_lang": doc,
        "measure": "accuracy@1",
        "value": value,
        "ci_low": None if few else max(0.0, value - half),
        "ci_high": None if few else min(1.0, value + half * 0.9),
        "ci_method": "none: fewer than 10 clusters" if few else "wilson_effective_n",
        "n_units": 35,
        "n_needs": 35,
        "n_clusters": 7 if few else 30,
    }
    return result | other


def scores(
    model: str = "static_multilingual",
    languages: tuple[str, ...] = SIX,
    missing: tuple[tuple[str, str], ...] = (),
    level: float = 0.8,
    loss: float = 0.4,
    few: bool = False,
    labels: dict[str, str] | None = None,
    measures: tuple[str, ...] = ("accuracy@1",),
) -> dict[str, Any]:
    """Scores of one model; `missing` ordered pairs have no units."""
    half = None if few else 0.07
    rows: list[dict[str, Any]] = []

    def value(base: float, *salt: str) -> float:
        shift = zlib.crc32("/".join((model, *salt)).encode()) % 1000 / 1000 - 0.5
        return round(min(1.0, max(0.0, base + 0.16 * shift)), 4)

    n = len(languages)
    for measure, bonus in zip(measures, (0.0, 0.06, 0.03), strict=False):
        for a in languages:
            if (a, a) not in missing:
                rows.append(
                    row("monolingual", "target", a, a, value(level + bonus, a), half=half, measure=measure)
                )
                rows.append(
                    row(
                        "cross_lingual",
                        "all",
                        a,
                        a,
                        value(level + bonus - 0.1, a),
                        half=half,
                        measure=measure,
                    )
                )
        for (b, a), pool in itertools.product(itertools.permutations(languages, 2), ("all", "target")):
            if (b, a) not in missing:
                base = level + bonus - loss * (1.0 if pool == "all" else 0.5)
                rows.append(
                    row("true_cross_lingual", pool, b, a, value(base, b, a), half=half, measure=measure)
                )
        macros = [("monolingual", "target", 0.0), ("cross_lingual", "all", 0.1)]
        if n > 1:
            macros += [("true_cross_lingual", "all", loss), ("true_cross_lingual", "target", loss * 0.5)]
        for kind, pool, less in macros:
            pairs = n * (n - 1) if kind == "true_cross_lingual" else n
            rows.append(
                row(
                    kind,
                    pool,
                    None,
                    None,
                    value(level + bonus - less, kind, pool),
                    half=None if few else 0.03,
                    measure=measure,
                    n_units=35 * pairs,
                    n_needs=35 * n,
                )
            )
    for b, k in itertools.product(languages, (1, 5, 10)):
        own = 1 / n + (1 - 1 / n) * loss
        for a in languages:
            share = own if a == b else (1 - own) / (n - 1)
            rows.append(row("retrieved_language", "all", b, a, share, half=half, measure=f"share@{k}"))
    return {
        "task": "reviews_sample",
        "model": model,
        "labels": labels or {},
        "languages": list(languages),
        "primary_measure": "accuracy@1",
        "scores": rows,
        "corpus_shares": dict.fromkeys(languages, 1 / n),
        "empty_queries": dict.fromkeys(languages, 0),
    }


def several(n: int, languages: tuple[str, ...] = SIX) -> list[dict[str, Any]]:
    """Scores of n models; all_mpnet_base_v2 is English-only."""
    english = dict.fromkeys((x for x in languages if x != "en"), "English-only model")
    return [
        scores(
            model,
            languages,
            level=0.86 - 0.03 * (i % 5),
            loss=0.1 + 0.09 * (i % 6),
            labels=english if model == "all_mpnet_base_v2" else {},
        )
        for i, model in enumerate(MODELS[:n])
    ]


FIRST = ("right_own", "right_other", "wrong_own", "wrong_other", "nothing")


def mixed(content: dict[str, Any], preference: float = 0.8, right: float = 0.6) -> dict[str, Any]:
    """The content of scores.json with language-aware scores; of what is right `preference` is in the own language."""
    langs, few = content["languages"], any(r["n_clusters"] < 10 for r in content["scores"])
    half = None if few else 0.05
    wrong = (1 - right) * 0.75
    shares = (right * preference, right * (1 - preference), wrong * preference, wrong * (1 - preference))
    values = {
        ("preference", "preference"): preference,
        **{("first_place", n): v for n, v in zip(FIRST, (*shares, (1 - right) * 0.25), strict=True)},
        ("any_language", "any_language@1"): right,
        ("lang_ndcg", "lang_nDCG@10"): right * 0.9,
        ("agreement", "agreement@10"): 0.123,
    }
    rows = [
        row(kind, "all", lang, "*" if lang else None, value, half=half, measure=measure)
        for (kind, measure), value in values.items()
        for lang in (*langs, None)
    ]
    return content | {
        "scores": [*content["scores"], *rows],
        "no_preference": dict.fromkeys(langs, 1 / len(langs)),
        "preference_left_out": dict.fromkeys(langs, 2),
    }


def comparisons(models: tuple[str, ...]) -> list[dict[str, Any]]:
    """All pairs in the four macros; verdicts follow from the adjusted p."""
    macros = (
        ("monolingual", "target"),
        ("cross_lingual", "all"),
        ("true_cross_lingual", "all"),
        ("true_cross_lingual", "target"),
    )
    rows: list[dict[str, Any]] = []
    for (a, b), (kind, pool) in itertools.product(itertools.combinations(models, 2), macros):
        draw = zlib.crc32(f"{a}/{b}/{kind}/{pool}".encode()) % 1000 / 1000
        difference = round(0.24 * (draw - 0.45) ** 3 / 0.16, 4)
        p = max(1 / 10001, math.erfc(abs(difference) / 0.0166 / math.sqrt(2)))
        adjusted = min(1.0, p * 2 * len(models) * (len(models) - 1))
        winner = "A better" if difference > 0 else "B better"
        verdict = winner if adjusted < 0.05 else "no difference shown"
        if abs(difference) < 0.0005:
            verdict = "this test cannot reject"
        rows.append(
            {
                "a": a,
                "b": b,
                "kind": kind,
                "pool": pool,
                "measure": "accuracy@1",
                "difference": difference,
                "ci_low": difference - 0.035,
                "ci_high": difference + 0.03,
                "p_value": p,
                "p_adjusted": adjusted,
                "test": "sign_flip",
                "n_units": 1050 if kind == "true_cross_lingual" else 210,
                "n_clusters": 30,
                "verdict": verdict,
            }
        )
    return rows
