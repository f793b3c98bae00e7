"""A checkout whose base model answers ten of forty queries, and pairs from which it can learn the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fakes.promotable import LANGS, NAME, N, make_checkout

STAGE: dict[str, Any] = {
    "name": "first",
    "data": [{"pairs": "train"}],
    "loss": "mnrl",
    "batch": 8,
    "epochs": 2,
    "learning_rate": 0.05,
    "looks": 4,
}
RECIPE: dict[str, Any] = {
    "name": "learnt",
    "base": "weak",
    "stages": [
        STAGE,
        {**STAGE, "name": "second", "dev": {"pairs": "dev", "metric": "MRR@10"}, "learning_rate": 0.02},
    ],
    "evaluate": {"tasks": ["forty"], "sts": ["alike"]},
    "register_as": NAME,
}


def write_pairs(data: Path, name: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    folder = data / "pairs" / name
    folder.mkdir(parents=True)
    card = {"name": name, "kind": kind, "languages": list(LANGS)}
    (folder / "pairs.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    lines = [json.dumps(row) + "\n" for row in rows]
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")


def question_and_answer(times: int) -> list[dict[str, Any]]:
    """The task's own words, said `times` over: other texts, and the same vectors of a bag of words."""
    return [
        {
            "anchor": " ".join([f"{lang}q{i}"] * times),
            "positive": " ".join([f"{lang}d{i}"] * times),
            "anchor_lang": lang,
            "positive_lang": lang,
        }
        for i in range(N)
        for lang in LANGS
    ]


def trainable_checkout(root: Path) -> Path:
    """`train` and `dev` use the task's words in other texts, `copied` its very texts, `alike` is scored."""
    make_checkout(root)
    data = root / "data"
    write_pairs(data, "train", "pairs", question_and_answer(2))
    write_pairs(data, "dev", "pairs", question_and_answer(3))
    write_pairs(data, "copied", "pairs", question_and_answer(1))
    scored = [{"text1": f"enq{i}", "text2": f"end{(i + i % 3) % N}", "score": 5 - i % 3} for i in range(N)]
    langs = {"text1_lang": "en", "text2_lang": "en"}
    write_pairs(data, "alike", "scored", [{**row, **langs} for row in scored])
    (root / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    return root


def write_recipe(root: Path, name: str, **changes: Any) -> str:
    (root / f"{name}.yaml").write_text(yaml.safe_dump({**RECIPE, "name": name, **changes}), encoding="utf-8")
    return f"{name}.yaml"
