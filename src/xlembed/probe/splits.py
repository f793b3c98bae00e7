"""Which texts are learnt from, chosen by, and tested on: documents are never torn apart, and near-repeats told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlembed.data.scored import Part, ScoredText
from xlembed.words import UserError

SHARES = {Part.TRAIN: 0.7, Part.VALIDATION: 0.15, Part.TEST: 0.15}


@dataclass(frozen=True)
class Split:
    """The part of every text.

    Attributes:
        parts: one per text, in the order of the texts.
        published: whether they are the file's own.
        torn: documents with texts in more than one part; only a published split has them.
    """

    parts: tuple[Part, ...]
    published: bool
    torn: tuple[str, ...] = ()

    def of(self, part: Part) -> list[int]:
        """Places of the texts of one part."""
        return [i for i, p in enumerate(self.parts) if p is part]


def split_documents(texts: Sequence[ScoredText], seed: int) -> Split:
    """70 % of the texts of each language for training, 15 % for validation, 15 % for testing, in whole documents.

    The documents of a language come in random order and each goes to the part that lacks most, measured in texts; a
    document with texts in several languages counts for the language of most of them. The ids decide, not the places of
    the texts.

    Raises:
        UserError: a part would be empty.
    """
    sizes = Counter(t.document for t in texts)
    languages: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        languages[text.document][text.lang] += 1
    strata: dict[str, list[str]] = defaultdict(list)
    for document in sorted(sizes):
        counts = languages[document]
        strata[min(counts, key=lambda lang: (-counts[lang], lang))].append(document)
    rng = np.random.default_rng(seed)
    part_of: dict[str, Part] = {}
    for lang in sorted(strata):
        documents = [strata[lang][i] for i in rng.permutation(len(strata[lang]))]
        part_of |= _deal(documents, sizes)
    split = Split(tuple(part_of[t.document] for t in texts), published=False)
    _refuse_empty(split, "there are too few documents to split", "add texts")
    return split


def published_split(texts: Sequence[ScoredText]) -> Split:
    """The parts that the file itself names.

    Raises:
        UserError: a text has none, or a part is empty.
    """
    missing = [t.text_id for t in texts if t.split is None]
    if missing:
        raise UserError(
            f"--split published: {len(missing):,} of {len(texts):,} texts name no part (the first: {missing[0]}); add "
            "`split` to them (train, dev or test), or use --split documents"
        )
    parts = tuple(t.split for t in texts if t.split)
    found: dict[str, set[Part]] = defaultdict(set)
    for text, part in zip(texts, parts, strict=True):
        found[text.document].add(part)
    split = Split(parts, published=True, torn=tuple(sorted(d for d, p in found.items() if len(p) > 1)))
    _refuse_empty(split, "--split published", "use --split documents")
    return split


def _deal(documents: Sequence[str], sizes: Counter[str]) -> dict[str, Part]:
    total = sum(sizes[d] for d in documents)
    lacking = {part: share * total for part, share in SHARES.items()}
    dealt = {}
    for document in documents:
        # In units of each part's share, so that small parts are not served last.
        part = max(SHARES, key=lambda p: lacking[p] / SHARES[p])
        dealt[document] = part
        lacking[part] -= sizes[document]
    return dealt


def _refuse_empty(split: Split, subject: str, fix: str) -> None:
    empty = [str(part) for part in Part if part not in split.parts]
    if empty:
        raise UserError(f"{subject}: no text for {', '.join(empty)}; {fix}")


THRESHOLD = 0.9
"""Cosine of the counts of five-letter runs from which two texts are the same in all but details."""
ROWS = 500
"""Texts compared at one time."""


@dataclass(frozen=True)
class Twin:
    """A text that is nearly one of the texts kept apart from it."""

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
