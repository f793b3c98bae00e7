"""Inputs of a report made in memory: four models on a comparable task, one of them English-only."""

from __future__ import annotations

from typing import Any

from fakes.report_fakes import MODELS, SIX, comparisons, several
from xlembed.data.summary import LanguageSizes, TaskSummary
from xlembed.guide.result import Guide, Refused
from xlembed.report.inputs import Inputs

HOSTILE = '<script>document.title="run"</script> \\input{x} 50 % & #1 $x$ ~ ^ {"} | `*_'
NAMES = (
    "nomic_embed_v2_moe+dim256+bf16",
    "e5_large_instruct",
    "bge_m3",
    "all_mpnet_base_v2",
)
assert set(NAMES) <= set(MODELS)


def task(**other: Any) -> TaskSummary:
    found = {
        "name": "reviews_sample",
        "languages": list(SIX),
        "alignment": "comparable",
        "source": "made up",
        "licence": "CC0-1.0",
        "description": "Reviews of a shop.",
        "documents": 600,
        "queries": 1260,
        "needs": 210,
        "judgements": 2520,
        "per_language": {
            lang: LanguageSizes(
                documents=100, queries=210, relevant_same_language=0, relevant_other_languages=0
            )
            for lang in SIX
        },
        "demonstration": False,
        "unjudged": False,
        "merged": 0,
        "digest": "0" * 64,
        "notes": [],
    }
    return TaskSummary.model_validate(found | other)


def guide(
    order: tuple[str, ...], first: float | None = 0.99, with_best: bool | None = False, **other: Any
) -> Guide:
    rows = [
        {
            "model": name,
            "place": i + 1,
            "with_best": True if i == 0 and first is not None else None if first is None else with_best,
            "points": 0.8 - 0.1 * i,
            "first": first if i == 0 else 0.01,
            "behind": 0.1 * i,
            "behind_low": 0.0 if i == 0 else 0.02,
            "behind_high": 0.2 * i,
            "parts": {"speed": 0.5, "cross_lingual": 0.7 - 0.1 * i},
            "quality": {},
            "ms_per_query": None,
            "bytes_per_vector": None,
            "n_clusters": 30,
        }
        for i, name in enumerate(order)
    ]
    found = {
        "task": "reviews_sample",
        "task_digest": "0" * 64,
        "scenario": "chatbot",
        "title": "real-time chatbot",
        "why": "a user waits",
        "languages": SIX,
        "limits": {"ms_per_query": None, "bytes_per_vector": None},
        "measure": "accuracy@1",
        "weights": {"cross_lingual": 1.0},
        "models": rows,
        "excluded": {"all_mpnet_base_v2": ["English-only model (de, es, fr, ja, zh)"]},
        "advice": [],
        "unknown": ["speed counts for none"],
        "timing": {},
        "standing": {},
    }
    return Guide.from_json(found | other, "guide.json", "run xlembed guide")


def inputs(**other: Any) -> Inputs:
    """Four models; one clear verdict and one refused."""
    scores = [s for s in several(7) if s["model"] in NAMES]
    labels = {s["model"]: s["labels"] for s in scores}
    whole = {
        "task": "reviews_sample",
        "labels": labels,
        "primary_measure": "accuracy@1",
        "alpha": 0.05,
        "primary": comparisons(NAMES[:3]),
        "exploratory": comparisons(NAMES[:2]),
        "untested": [],
        "dropped_units": {},
    }
    fields: dict[str, Any] = {
        "task": task(),
        "scores": scores,
        "cards": {
            "bge_m3": {"objective": "contrastive", "parameters": 567_000_000, "dim": 1024, "year": 2024}
        },
        "comparison": whole,
        "guides": {
            "chatbot": guide(NAMES[:3]),
            "shop": Refused(title="shop search", refused="no model is left; all: not known"),
        },
    }
    return Inputs(**fields | other)


def hostile() -> Inputs:
    """The same with a task and a model that call themselves what no one should run."""
    scores = [s for s in several(7) if s["model"] in NAMES]
    for s in scores:
        s["task"] = HOSTILE
    scores[0]["model"] = HOSTILE
    facts = task(name=HOSTILE, description=HOSTILE, source=HOSTILE, notes=[HOSTILE])
    return inputs(task=facts, scores=scores, comparison=None, guides={"chatbot": guide((HOSTILE, "bge_m3"))})
