"""Texts that stand in two parts of a split in nearly the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLD = 0.9
"""Cosine of the counts of five-letter runs from which two texts are the same in all but details."""
ROWS = 500
"""Texts compared at one time."""


@dataclass(frozen=True)
class Twin:
    """A text that is nearly one of the texts kept apart from it.

    Attributes:
        place: of the text, among those that may be left out.
        other: place of the most similar of the texts kept apart.
        similarity: of the two, 0 to 1.
    """

    place: int
    other: int
    similarity: float


def near_duplicates(
    texts: Sequence[str], apart: Sequence[str], threshold: float = THRESHOLD
) -> tuple[Twin, ...]:
    """Which of `texts` nearly repeat one of `apart`.

    Similarity is the cosine of the counts of runs of five letters (within words and their borders, lower case), as in
    near-duplicate detection by shingles (Broder 1997, "On the resemblance and containment of documents"). Texts of
    fewer letters are compared as whole words; a text without any run has no twin unless both are equal.

    Args:
        texts: that may be left out.
        apart: that must not be known.
        threshold: least similarity.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char_wb", ngram_range=(5, 5), alternate_sign=False, dtype=np.float32
    )
    if not texts or not apart:
        return ()
    theirs = vectorizer.transform(apart).T.tocsc()
    equal = {text: place for place, text in reversed(list(enumerate(apart)))}
    twins = []
    for start in range(0, len(texts), ROWS):
        block = texts[start : start + ROWS]
        similar = (vectorizer.transform(block) @ theirs).tocsr()
        for i, text in enumerate(block):
            row = similar[i]
            if text in equal:
                twins.append(Twin(start + i, equal[text], 1.0))
            elif row.nnz and row.data.max() >= threshold:
                twins.append(
                    Twin(start + i, int(row.indices[row.data.argmax()]), min(1.0, float(row.data.max())))
                )
    return tuple(twins)
