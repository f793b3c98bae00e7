"""Scored texts of a few words, and a model whose word vectors hold what the scores follow from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fakes.toy import save_toy_model
from xlembed.data.scored import Dimension, Part, ScoredKind, ScoredSet, ScoredText, write_scored

WORDS = {
    "joy": (1.0, 0.2, 0.0, 0.3),
    "paix": (0.9, -0.6, 0.1, 0.0),
    "rain": (0.1, 0.0, 1.0, 0.1),
    "stone": (0.0, 0.1, 0.2, 1.0),
    "peur": (-0.9, 0.7, 0.1, 0.1),
    "gloom": (-1.0, -0.5, 0.0, 0.2),
}
WORTH = {word: (3 * v[0] + v[1], 2 * v[1]) for word, v in WORDS.items()}
"""What a word adds to each score; noise comes on top."""
MODEL = "toy"


def scored_texts(n_documents: int = 80, kind: ScoredKind = ScoredKind.SCORES) -> list[ScoredText]:
    """Documents of three texts in English or French; every fifth has a published part that tears it apart."""
    rng = np.random.default_rng(9)
    texts = []
    for number in range(n_documents):
        lang = "en" if number % 2 else "fr"
        for i in range(3):
            words = rng.choice(list(WORDS), rng.integers(4, 9))
            worth = np.mean([WORTH[word] for word in words], axis=0) + 0.2 * rng.normal(size=2)
            scores = (worth > 0).astype(float) if kind is ScoredKind.LABELS else 5 + worth
            part = list(Part)[(number + (i if number % 5 == 0 else 0)) % 3]
            # Names that no model knows, so that two texts of the same words are not the same text.
            names = ["".join(rng.choice(list("abcdefghij"), 14)) for _ in range(3)]
            text, name = " ".join([*words, *names]), f"d{number:03d}"
            texts.append(ScoredText(f"{name}-{i}", text, lang, name, tuple(scores.tolist()), part))
    return texts


def write_set(
    root: Path, name: str = "moods", kind: ScoredKind = ScoredKind.SCORES, n_documents: int = 80
) -> ScoredSet:
    """data/scored/NAME of a checkout."""
    found = ScoredSet(
        name=name,
        kind=kind,
        languages=("en", "fr"),
        dimensions=(Dimension("cheer", "how cheerful it is"), Dimension("alarm")),
        texts=tuple(scored_texts(n_documents, kind)),
        folder=root / "data" / "scored" / name,
        source="made for tests",
    )
    write_scored(found)
    return found


def make_scored_checkout(root: Path) -> Path:
    """The set `moods`, the labels `signs`, and the model `toy`, which knows English alone."""
    write_set(root)
    write_set(root, "signs", ScoredKind.LABELS)
    save_toy_model(root / "toy_model", WORDS)
    (root / "params.yaml").write_text(
        "models: {toy: {source: toy_model, languages: [en]}}\n"
        "probe: {tasks: [moods], models: [toy], probes: [ridge], rivals: []}\n",
        encoding="utf-8",
    )
    return root
