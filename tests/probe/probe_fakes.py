"""Inputs of a report on probes made in memory: texts, predictions, and the numbers that follow from them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

HOSTILE = '<script>document.title="run"</script> \\input{x} 50 % & #1 $x$ ~ ^ {"} | `*_ \x07'
LANGUAGES = ("en", "de", "tr", "ja")
DIMENSIONS = ("clarity", "warmth", "urgency", "depth_of_evidence", "humour", "novelty")
MODELS = ("e5_small", "static_multilingual", "all_minilm_l6_v2")
PROBES = ("lightgbm", "mlp", "ridge")
ENGLISH_ONLY = "all_minilm_l6_v2"
RIVAL = "minilm_lora"
NOISE = {"e5_small": 0.9, "static_multilingual": 1.25, "all_minilm_l6_v2": 1.1, "mean": 0.0, RIVAL: 0.82}
PROBE_NOISE = {"ridge": 1.0, "mlp": 1.06, "lightgbm": 1.15}


@dataclass(frozen=True)
class Fake:
    """The three inputs of a report."""

    report: dict[str, Any]
    predictions: pd.DataFrame
    timings: dict[str, dict[str, Any]]


@cache
def fake(
    n_texts: int = 300,
    kind: str = "scores",
    study: bool = False,
    rival: bool = True,
    languages: tuple[str, ...] = LANGUAGES,
    dimensions: tuple[str, ...] = DIMENSIONS,
    models: tuple[str, ...] = MODELS,
) -> Fake:
    """Texts in documents of three; the same arguments give the same numbers. Nobody may change what comes back."""
    rng = np.random.default_rng(7)
    texts = _texts(rng, n_texts, languages)
    names = _systems(models, study, rival)
    true = _truth(rng, n_texts, len(dimensions), kind)
    rows = [_rows(texts, name, dimensions, true, _predict(rng, true, name, texts, kind)) for name in names]
    predictions = pd.concat(rows, ignore_index=True)
    return Fake(
        _report(predictions, names, languages, dimensions, kind),
        predictions,
        {name: _timing(name) for name in names},
    )


def labels() -> Fake:
    """Two labels of texts."""
    return fake(kind="labels", dimensions=("commerce", "spam"), languages=("en", "de"), n_texts=400)


def tiny() -> Fake:
    """Six documents: no intervals."""
    return fake(n_texts=18, languages=("en",), dimensions=("joy",), models=("static_multilingual",))


def _systems(models: tuple[str, ...], study: bool, rival: bool) -> list[str]:
    every = [*models, *(f"{m}+max{n}" for m in models[:2] for n in (128, 256) if study)]
    found = [f"{m}:{p}" for m in every for p in PROBES]
    return [*found, "mean", *([RIVAL] if rival else [])]


def _texts(rng: np.random.Generator, n: int, languages: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text_id": [f"t{i:04d}" for i in range(n)],
            "document": [f"d{i // 3:04d}" for i in range(n)],
            "lang": [languages[i // 3 % len(languages)] for i in range(n)],
            "n_chars": np.round(np.exp(rng.normal(6.5, 0.9, n))).astype(int) + 20,
        }
    )


def _truth(rng: np.random.Generator, n: int, n_dimensions: int, kind: str) -> np.ndarray:
    if kind == "labels":
        return (rng.random((n, n_dimensions)) < [0.5, 0.2][:n_dimensions]).astype(float)
    shared = np.repeat(rng.normal(0, 1, (n // 3 + 1, n_dimensions)), 3, axis=0)[:n]
    return np.clip(np.round(5 + 1.4 * shared + rng.normal(0, 1.2, (n, n_dimensions)), 1), 0, 10)


def _predict(
    rng: np.random.Generator, true: np.ndarray, name: str, texts: pd.DataFrame, kind: str
) -> np.ndarray:
    if name == "mean":
        return np.broadcast_to(true.mean(axis=0), true.shape)
    model, _, probe = name.partition(":")
    base, _, cut = model.partition("+max")
    noise = NOISE.get(base, 1.0) * PROBE_NOISE.get(probe, 1.0)
    noise *= {"128": 1.25, "256": 1.1}.get(cut, 1.0)
    each = np.full(len(true), noise)
    if base == ENGLISH_ONLY:
        each = np.where(texts["lang"] == "en", 0.7, 1.6) * noise
    wrong = rng.normal(0, 1, true.shape) * each[:, None]
    if kind == "labels":
        return 1 / (1 + np.exp(-(3.0 * (true - 0.5) + 1.2 * wrong)))
    return 5 + 0.75 * (true - 5) + 0.9 * wrong


def _rows(
    texts: pd.DataFrame, system: str, dimensions: tuple[str, ...], true: np.ndarray, predicted: np.ndarray
) -> pd.DataFrame:
    parts = [
        texts.assign(system=system, dimension=name, true=true[:, i], predicted=predicted[:, i])
        for i, name in enumerate(dimensions)
    ]
    return pd.concat(parts, ignore_index=True)


def _timing(name: str) -> dict[str, Any]:
    if name == "mean":
        encode, predict, fit = None, 0.0001, 0.001
    elif name == RIVAL:
        encode, predict, fit = None, 31.4, 1834.2
    else:
        model, probe = name.split(":")
        encode = {"e5_small": 12.3, "static_multilingual": 0.08, "all_minilm_l6_v2": 5.2}.get(
            model.partition("+")[0], 8.0
        )
        encode *= {"128": 0.3, "256": 0.6}.get(model.partition("+max")[2], 1.0)
        predict = {"ridge": 0.001, "mlp": 0.02, "lightgbm": 0.05}[probe]
        fit = {"ridge": 0.4, "mlp": 12.7, "lightgbm": 9.1}[probe]
    total = (encode or 0.0) + predict
    return {
        "fit_seconds": fit,
        "encode_ms_per_text": encode,
        "predict_ms_per_text": predict,
        "ms_per_text": total,
        "device": "cpu",
    }


def _report(
    predictions: pd.DataFrame,
    names: list[str],
    languages: tuple[str, ...],
    dimensions: tuple[str, ...],
    kind: str,
) -> dict[str, Any]:
    test = predictions[predictions["system"] == names[0]]
    measures = ["MAE", "RMSE", "Spearman"] if kind == "scores" else ["F1", "precision", "recall", "accuracy"]
    n_documents = test["document"].nunique()
    scores = [
        row
        for name in names
        for dimension in (None, *dimensions)
        for lang in (None, *languages)
        for row in _scores(predictions, name, dimension, lang, measures)
    ]
    comparisons = _comparisons(predictions, names, measures[0])
    return {
        "task": "mood_sample",
        "task_digest": "ab" * 32,
        "kind": kind,
        "description": "Letters to an editor, scored by three readers.",
        "source": "made up",
        "licence": "CC0-1.0",
        "dimensions": [
            {
                "name": name,
                "description": f"How much {name} a reader finds, from none to as much as can be.",
                "low": 0.0,
                "high": 10.0 if kind == "scores" else 1.0,
            }
            for name in dimensions
        ],
        "languages": list(languages),
        "split": {
            "kind": "documents",
            "seed": 42,
            "shares": [0.7, 0.15, 0.15],
            "parts": [
                _part("train", 5 * len(test["text_id"].unique()), languages),
                _part("validation", len(test["text_id"].unique()), languages),
                _part("test", len(test["text_id"].unique()), languages, n_documents),
            ],
        },
        "leakage": {
            "n_dropped": 2,
            "threshold": 0.9,
            "examples": [{"train_id": "t9001", "test_id": "t0003", "similarity": 0.957}],
            "torn_documents": 0,
        },
        "measures": measures,
        "primary": measures[0],
        "systems": [_system(name, languages, dimensions, kind) for name in names],
        "scores": scores,
        "comparisons": comparisons,
        "verdicts": _verdicts(scores, names, measures[0], n_documents),
        "notes": ["Scores were rounded to one digit."],
    }


def _part(name: str, n: int, languages: tuple[str, ...], n_documents: int | None = None) -> dict[str, Any]:
    each = {lang: n // len(languages) for lang in languages}
    return {"part": name, "n_texts": n, "n_documents": n_documents or n // 3, "languages": each}


def _system(name: str, languages: tuple[str, ...], dimensions: tuple[str, ...], kind: str) -> dict[str, Any]:
    probe = name.split(":")[1] if ":" in name else None
    model = name.split(":")[0] if probe else None
    cut = int(model.partition("+max")[2] or 512) if model else (128 if name == RIVAL else None)
    english = bool(model and model.startswith(ENGLISH_ONLY))
    sizes = {"ridge": 385 * len(dimensions), "mlp": 132_102, "lightgbm": 18_600}
    return {
        "name": name,
        "kind": "probe" if probe else "rival" if name == RIVAL else "floor",
        "model": model,
        "probe": probe,
        "english_only": english,
        "labels": {x: "English-only model" for x in languages if x != "en"} if english else {},
        "trainable_parameters": sizes.get(probe or "", 1_181_000 if name == RIVAL else len(dimensions)),
        "total_parameters": 117_700_000 if model or name == RIVAL else None,
        "probe_bytes": 4 * sizes.get(probe or "", 1_181_000 if name == RIVAL else len(dimensions)),
        "model_bytes": 471_000_000 if model or name == RIVAL else None,
        "dim": 384 if model else None,
        "max_tokens": cut,
        "truncated_share": {128: 0.62, 256: 0.31, 512: 0.04}[cut] if cut and model else None,
        "tokens_median": 181.0 if model else None,
        "thresholds": dict.fromkeys(dimensions, 0.45) if kind == "labels" else {},
        "details": {"alpha": 10.0} if probe == "ridge" else {},
    }


def _scores(
    predictions: pd.DataFrame, name: str, dimension: str | None, lang: str | None, measures: list[str]
) -> list[dict[str, Any]]:
    found = predictions[predictions["system"] == name]
    found = found if dimension is None else found[found["dimension"] == dimension]
    found = found if lang is None else found[found["lang"] == lang]
    n_clusters = int(found["document"].nunique())
    rows = []
    for measure in measures:
        value, half = _measure(found, measure), None
        if n_clusters >= 10:
            half = 1.0 * found["true"].std() / np.sqrt(n_clusters) if measures[0] == "MAE" else 0.05
        rows.append(
            {
                "system": name,
                "measure": measure,
                "dimension": dimension,
                "lang": lang,
                "value": value,
                "ci_low": None if half is None else value - 0.3 * half,
                "ci_high": None if half is None else value + 0.32 * half,
                "n": int(found["text_id"].nunique()),
                "n_clusters": n_clusters,
                "method": "none: fewer than 10 clusters" if half is None else "cluster_percentile",
            }
        )
    return rows


def _measure(found: pd.DataFrame, measure: str) -> float:
    true, predicted = found["true"].to_numpy(), found["predicted"].to_numpy()
    if measure == "MAE":
        return float(np.abs(predicted - true).mean())
    if measure == "RMSE":
        return float(np.sqrt(np.square(predicted - true).mean()))
    if measure == "Spearman":
        ranks = found[["true", "predicted"]].rank()
        constant = ranks["predicted"].nunique() < 2
        return 0.0 if constant else float(ranks["true"].corr(ranks["predicted"]))
    said, hit = predicted >= 0.45, true == 1
    both = float((said & hit).sum())
    parts = {
        "precision": both / max(1, said.sum()),
        "recall": both / max(1, hit.sum()),
        "accuracy": float((said == hit).mean()),
        "F1": 2 * both / max(1, said.sum() + hit.sum()),
    }
    return float(parts[measure])


def _comparisons(predictions: pd.DataFrame, names: list[str], measure: str) -> list[dict[str, Any]]:
    error = (predictions["predicted"] - predictions["true"]).abs()
    table = predictions.assign(error=error).pivot_table(index="document", columns="system", values="error")
    pairs = list(itertools.combinations(names, 2))
    rows = []
    sign = 1 if measure == "MAE" else -1
    for a, b in pairs:
        change = sign * (table[a] - table[b])
        mean, se = float(change.mean()), float(change.std() / np.sqrt(len(change)))
        p = max(0.0001, min(1.0, float(2 * np.exp(-0.72 * (mean / se) ** 2)) if se else 1.0))
        few = len(change) < 10
        rows.append(
            {
                "a": a,
                "b": b,
                "measure": measure,
                "difference": mean,
                "ci_low": None if few else mean - 1.96 * se,
                "ci_high": None if few else mean + 1.96 * se,
                "p": p,
                "p_holm": min(1.0, p * len(pairs)),
                "n_clusters": len(change),
            }
        )
    return rows


def _verdicts(
    scores: list[dict[str, Any]], names: list[str], measure: str, n_documents: int
) -> list[dict[str, Any]]:
    whole = {
        r["system"]: r["value"]
        for r in scores
        if r["measure"] == measure and r["dimension"] is None and r["lang"] is None
    }
    few, sign = n_documents < 10, -1 if measure == "F1" else 1
    found = []
    for name in names:
        if name == "mean":
            continue
        rival = RIVAL if RIVAL in names and name != RIVAL else None
        base = {
            "system": name,
            "rival": rival,
            "floor_difference": sign * (whole[name] - whole["mean"]),
            "floor_ci_low": None if few else sign * (whole[name] - whole["mean"]) - 0.1,
            "floor_ci_high": None if few else sign * (whole[name] - whole["mean"]) + 0.1,
            "rule": "Closes the gap: the upper end of the interval of the fraction is at most 0.1; "
            "partial: at most 0.25; no improvement: its lower end is above 0.25.",
        }
        if rival is None:
            outcome = "undecided" if few else "not comparable" if name != RIVAL else "beats the floor"
            base |= {"outcome": outcome, "fraction": None, "ci_low": None, "ci_high": None}
        else:
            f = (whole[name] - whole[RIVAL]) / (whole["mean"] - whole[RIVAL])
            low, high = (None, None) if few else (f - 0.06, f + 0.07)
            base |= {"fraction": f, "ci_low": low, "ci_high": high, "outcome": _outcome(low, high)}
        base["said"] = f"{name}: {base['outcome']}."
        found.append(base)
    return found


def _outcome(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "undecided"
    if high <= 0.1:
        return "closes the gap"
    if high <= 0.25:
        return "partial"
    return "no improvement" if low > 0.25 else "undecided"
