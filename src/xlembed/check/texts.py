"""What texts alone tell: copied spans, near copies, lengths."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from xlembed.data.text_digest import comparable

WORD = re.compile(r"[぀-ヿ㐀-鿿豈-﫿가-힯฀-๿]|[^\W_]+")
"""A word; in scripts without spaces between words, a character."""
SHINGLE = 5
FEWEST = 20
"""Lengths below which none stands out."""


def copied_run(text: str, document: str) -> tuple[int, int]:
    """The most of the text's words that stand in the document in one piece, in order, and all its words.

    >>> copied_run("Is it quiet and cheap?", "A kettle that IS IT, quiet.")
    (3, 5)
    """
    words, others = WORD.findall(comparable(text)), WORD.findall(comparable(document))
    return SequenceMatcher(None, words, others, autojunk=False).find_longest_match().size, len(words)


def shingles(text: str) -> frozenset[str]:
    """Every run of five characters."""
    flat = comparable(text)
    return frozenset(flat[i : i + SHINGLE] for i in range(max(1, len(flat) - SHINGLE + 1)))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard: what both have, as a share of what either has."""
    return len(one & other) / len(one | other)


def far_lengths(lengths: Sequence[int], spread: float) -> list[bool]:
    """Whether each length is further from the median than `spread` deviations, on the scale of logarithms.

    The deviation is the median one from the median, times 1.4826 as for a normal distribution.

    >>> far_lengths([40, 44, 50, 46] * 5 + [400], 3).index(True)
    20
    """
    if len(lengths) < FEWEST:
        return [False] * len(lengths)
    logs = np.array([math.log(max(1, n)) for n in lengths])
    away = np.abs(logs - np.median(logs))
    deviation = 1.4826 * float(np.median(away))
    return [bool(is_far) for is_far in away > spread * max(deviation, 0.05)]
