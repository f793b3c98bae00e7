"""Contents of report.json of fine-tunings and ablations, made in memory."""

from __future__ import annotations

import math
from typing import Any

PLACES = {
    ("monolingual", "target"): 0.05,
    ("cross_lingual", "all"): 0.0,
    ("true_cross_lingual", "all"): -0.3,
    ("true_cross_lingual", "target"): -0.15,
}


def number(value: float, half: float | None = 0.04) -> dict[str, Any]:
    return {
        "value": value,
        "ci_low": None if half is None else max(0.0, value - half),
        "ci_high": None if half is None else min(1.0, value + half),
        "n_units": 210,
        "n_needs": 35,
        "n_clusters": 30,
    }


def macro_rows(level: float, half: float | None = 0.04, measure: str = "accuracy@1") -> list[dict[str, Any]]:
    return [
        {"kind": kind, "pool": pool, "measure": measure, **number(round(level + shift, 4), half)}
        for (kind, pool), shift in PLACES.items()
    ]


def headline(
    level: float, languages: tuple[str, ...] = ("de", "en", "ja"), labels: dict[str, str] | None = None
) -> dict[str, Any]:
    def of(base: float, langs: tuple[str, ...] = ()) -> dict[str, Any]:
        cells = {"macro": base} | {x: base + 0.03 * (i - 1) for i, x in enumerate(langs)}
        return {x: {"accuracy@1": number(v, 0.04 if x == "macro" else 0.08)} for x, v in cells.items()}

    return {
        "task": "shop",
        "languages": list(languages),
        "primary_measure": "accuracy@1",
        "labels": labels or {},
        "scores": {
            "mono": of(level + 0.05, languages),
            "cross": of(level, languages),
            "true_cross": {"all": of(level - 0.3), "target": of(level - 0.15)},
        },
    }


def rho(value: float | None) -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - 0.03, value + 0.03)
    return {"spearman": value, "ci_low": low, "ci_high": high, "n": 1379, "n_clusters": 1379}


def paired(a: str, b: str, difference: float, verdict: str = "") -> list[dict[str, Any]]:
    return [
        {
            "a": a, "b": b, "kind": kind, "pool": pool, "query_lang": None, "doc_lang": None, "measure": "accuracy@1",
            "difference": round(difference + shift / 10, 4), "ci_low": round(difference + shift / 10 - 0.03, 4),
            "ci_high": round(difference + shift / 10 + 0.03, 4), "p_value": 0.002, "p_adjusted": 0.012,
            "test": "sign-flip", "n_units": 210, "n_clusters": 30, "verdict": verdict or f"{a} better",
            "cells": ["de->de", "en->en"],
        }
        for (kind, pool), shift in PLACES.items()
    ]  # fmt: skip


def learned() -> list[dict[str, Any]]:
    """Two cells that only the later model supports; the second of no macro that is shown."""
    return [
        {
            "kind": kind, "pool": "target", "query_lang": "ja", "doc_lang": "ja", "measure": "accuracy@1",
            "before": 0.2, "after": 0.55, "difference": 0.35, "ci_low": 0.25, "ci_high": 0.45, "n_clusters": 30,
            "label": "language not supported",
        }
        for kind in ("monolingual", "query_set")
    ]  # fmt: skip


def stage(name: str, loss: str, batch: int, dev: bool = True, n: int = 40, **other: Any) -> dict[str, Any]:
    looks = [
        {"step": s, "metric": "spearman", "value": round(0.8 - 0.2 * math.exp(-s / n), 4)}
        for s in range(0, 10 * n + 1, n)
    ]
    curve = [
        {"step": 10 * i, "loss": 0.5 + 2 * math.exp(-i / 10) + 0.1 * math.sin(7 * i), "learning_rate": 2e-5}
        for i in range(1, n + 1)
    ]
    return {
        "name": name, "loss": loss, "batch": batch, "rows": 10 * n * batch, "steps": 10 * n, "epochs": 1.0,
        "took_seconds": 90.0, "last_loss": curve[-1]["loss"], "stopped_early": False,
        "best_step": 9 * n if dev else None, "dev": looks if dev else [], "curve": curve, "negatives": None,
        "reused": False,
    } | other  # fmt: skip


def finetuning(**other: Any) -> dict[str, Any]:
    """Three stages: each better at finding, the last worse at similarity."""
    after = ["base", "nli", "sts", "retrieval"]
    levels, rhos = [0.5, 0.55, 0.54, 0.7], [0.71, 0.74, 0.81, 0.66]
    slugs = ["shop.base", "shop.1-nli", "shop.2-sts", "shop.3-retrieval"]
    steps = [(0, 1), (1, 2), (2, 3), (0, 3)]
    return {
        "format": 1, "recipe": "shop", "description": "Shop questions", "base": "static_multilingual",
        "base_slug": "static_multilingual", "languages": ["de", "en", "ja"], "dim": 256, "key": "ab",
        "trainable": [
            {"part": "body", "trainable": 1000, "total": 99000},
            {"part": "head", "trainable": 1000, "total": 1000},
        ],
        "stages": [
            stage("nli", "mnrl", 512),
            stage("sts", "cosent", 64, n=100),
            stage("retrieval", "cached_mnrl", 128, dev=False, reused=True, negatives={"hard": 12}),
        ],
        "evaluations": [
            {"after": a, "model": m, "tasks": {"shop": headline(x, labels={"ja": "language not supported"})},
             "sts": {"stsb": rho(r)}}
            for a, m, x, r in zip(after, slugs, levels, rhos, strict=True)
        ],
        "changes": [
            {"from": after[i], "to": after[j], "task": "shop",
             "rows": paired(slugs[j], slugs[i], levels[j] - levels[i],
                            "" if levels[j] > levels[i] else "no difference shown"),
             "learned": learned() if i == 0 else [],
             "labels": {slugs[k]: {"ja": "language not supported"} for k in (i, j)}}
            for i, j in steps
        ],
        "sts_changes": [
            {"from": after[i], "to": after[j], "set": "stsb", "difference": rhos[j] - rhos[i],
             "ci_low": rhos[j] - rhos[i] - 0.02, "ci_high": rhos[j] - rhos[i] + 0.02, "p_value": 0.0001, "n": 1379}
            for i, j in steps
        ],
        "retrieval_vs_sts": [
            {"task": "shop", "set": "stsb", "spearman": 0.12, "ci_low": -0.03, "ci_high": 0.27, "n_queries": 210}
        ],
        "shared_texts": {"shop": 0},
        "warnings": ["A warning."],
    } | other  # fmt: skip


VARIANTS = {"batch128": (128, 0.62), "batch32": (32, 0.58), "batch512": (512, 0.66)}


def ablation(
    variants: dict[str, tuple[int, float]] = VARIANTS, seeds: int = 1, **other: Any
) -> dict[str, Any]:
    """Batch sizes, the first of them cut to dimensions."""
    first, *rest = variants
    rows = []
    for i, (name, (batch, level)) in enumerate(variants.items()):
        rows.append(
            {
                "name": name, "title": name.replace("batch", "batch "), "model": f"shop.{name}.1-retrieval",
                "stages": ["retrieval"], "changes": {"stages.retrieval.batch": batch}, "batch": batch, "dim": 256,
                "scores": macro_rows(level),
                "sts": {"before": rho(0.72), "after": rho(0.70 - 0.02 * i),
                        "change": {"difference": -0.02, "ci_low": -0.03, "ci_high": -0.01, "p_value": 0.01, "n": 9}},
                "seeds": [
                    {"seed": 42 + s, "scores": macro_rows(level + 0.01 * s), "spearman": 0.7} for s in range(seeds)
                ],
                "took_seconds": 60.0, "folder": f"finetuned/shop.{name}",
            }
        )  # fmt: skip
    comparison = None
    if rest:
        comparison = {
            "task": "shop", "labels": {}, "primary_measure": "accuracy@1", "alpha": 0.05, "untested": [],
            "primary": [r for x in rest for r in paired(x, first, variants[x][1] - variants[first][1])],
        }  # fmt: skip
    dimensions = [
        {"variant": first, "dim": dim, "bytes": 4 * dim, "scores": macro_rows(0.62 - loss),
         "ms": {"median": 0.05 + dim / 1000, "low": 0.04 + dim / 1000, "high": 0.07 + dim / 1000}}
        for dim, loss in ((256, 0.0), (128, 0.01), (64, 0.04), (32, 0.12))
    ]  # fmt: skip
    return {
        "format": 1, "ablation": "shop_small", "title": "Batch size and dimensions", "recipe": "shop_static",
        "task": "shop", "sts": "stsb", "primary_measure": "accuracy@1", "base_slug": "static_multilingual",
        "base": {"scores": macro_rows(0.5), "sts": rho(0.72)}, "variants": rows, "comparison": comparison,
        "dimensions": dimensions, "storage_dtype": "float32",
        "timing": {"documents": 538, "queries": 100, "repeats": 7, "k": 10, "machine": "x86_64, 2 cores"},
        "warnings": ["batch 32: A warning."],
    } | other  # fmt: skip
