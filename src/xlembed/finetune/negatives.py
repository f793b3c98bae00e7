"""Negatives for rows that bring none: random ones, or hard ones mined by the model as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import mine_hard_negatives

from xlembed.data.text_digest import text_digest
from xlembed.finetune.recipe import Negatives

Row = Mapping[str, Any]
TRIES = 100
"""Draws per wanted negative before a row counts as having none."""


def add_negatives(
    rows: Sequence[Row],
    settings: Negatives,
    seed: int,
    model: SentenceTransformer | None = None,
    prompts: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Rows with `negative`, `negative_1`, ... from the other rows' positives; those without enough are left out.

    Never a text that is a positive of the same anchor, or that belongs to the row's group: an answer that two questions
    share is right for both. Hard ones are mined by the model, with prompts by column before the texts.
    """
    right = _right_answers(rows)
    if settings.kind == "random":
        candidates = _random(rows, right, settings.per_row, seed)
    else:
        if model is None:
            raise ValueError("hard negatives are mined by a model; none was given")
        candidates = _mined(rows, settings, model, prompts or {})
    full = []
    for i, row in enumerate(rows):
        good = [text for text in dict.fromkeys(candidates.get(i, [])) if text_digest(text) not in right[i]]
        if len(good) < settings.per_row:
            continue
        found = dict(row)
        for n, text in enumerate(good[: settings.per_row]):
            found["negative" if n == 0 else f"negative_{n}"] = text
        full.append(found)
    return full


def _right_answers(rows: Sequence[Row]) -> list[set[str]]:
    """Per row the digests of texts that are no negatives: positives of its anchor and of its group, and the anchor."""
    of_anchor: dict[str, set[str]] = defaultdict(set)
    of_group: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        positive = text_digest(row["positive"])
        of_anchor[text_digest(row["anchor"])].add(positive)
        if row.get("group") is not None:
            of_group[row["group"]].add(positive)
    return [
        of_anchor[text_digest(row["anchor"])]
        | of_group.get(row.get("group", ""), set())
        | {text_digest(row["anchor"])}
        for row in rows
    ]


def _random(rows: Sequence[Row], right: Sequence[set[str]], per_row: int, seed: int) -> dict[int, list[str]]:
    rng = np.random.default_rng(seed)
    by_digest: dict[str, str] = {}  # equal answers are one document
    for row in rows:
        by_digest.setdefault(text_digest(row["positive"]), row["positive"])
    digests, texts = list(by_digest), list(by_digest.values())
    found: dict[int, list[str]] = {}
    for i in range(len(rows)):
        chosen: list[int] = []
        for _ in range(TRIES * per_row):
            if len(chosen) == per_row:
                break
            drawn = int(rng.integers(len(texts)))
            if digests[drawn] not in right[i] and drawn not in chosen:
                chosen.append(drawn)
        found[i] = [texts[j] for j in chosen]
    return found


def _mined(
    rows: Sequence[Row], settings: Negatives, model: SentenceTransformer, prompts: Mapping[str, str]
) -> dict[int, list[str]]:
    """More than wanted, nearest first, since some will turn out to be right answers."""
    pairs = Dataset.from_dict(
        {"anchor": [r["anchor"] for r in rows], "positive": [r["positive"] for r in rows]}
    )
    model.eval()
    mined = mine_hard_negatives(
        pairs,
        model,
        anchor_column_name="anchor",
        positive_column_name="positive",
        range_min=settings.skip,
        range_max=settings.deepest,
        relative_margin=settings.margin,
        num_negatives=settings.deepest - settings.skip,
        query_prompt=prompts.get("anchor") or None,
        corpus_prompt=prompts.get("positive") or None,
        output_format="triplet",
        use_faiss=False,
        verbose=False,
    )
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        places[row["anchor"], row["positive"]].append(i)
    found: dict[int, list[str]] = defaultdict(list)
    for anchor, positive, negative in zip(mined["anchor"], mined["positive"], mined["negative"], strict=True):
        for i in places[anchor, positive]:
            found[i].append(negative)
    return found
