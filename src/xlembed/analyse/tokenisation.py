"""What a tokenizer does to languages: tokens for the same text, and text lost beyond the model's maximum length.

A ratio of sums is resampled by its first-order approximation (delta method, Cochran 1977, chapter 6): parts whose mean
is the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlembed.stats.layout import Floats, Ints
from xlembed.words import Lang


@dataclass(frozen=True, eq=False)
class Premium:
    """Tokens of one language relative to the base language, on the texts that both have.

    Attributes:
        lang: the language.
        tokens: of each text, float64, shape (n,).
        parts: float64, shape (n,); their mean is sum(tokens) / sum(tokens of the base language).
        keys: what each text shares with its translations.
    """

    lang: Lang
    tokens: Floats
    parts: Floats
    keys: tuple[str, ...]


def token_premiums(
    tokens: Ints, langs: Sequence[Lang], keys: Sequence[str], base: Lang = "en"
) -> list[Premium]:
    """Tokens on parallel text relative to the base language: the premium of Petrov et al. 2023, arXiv:2305.15425.

    Args:
        tokens: of each text, prompt and special tokens not counted; int64, shape (n,).
        langs: of each text.
        keys: translations of one text share one; the first text of a language and key counts.
        base: the language that others are compared with.

    Returns:
        One entry per language, sorted, that shares a text with the base language (which has parts of 1); none
        without any text of the base language.

    >>> found = token_premiums(np.array([2, 4, 3, 5]), ["en", "en", "tr", "tr"], ["a", "b", "a", "b"])
    >>> [(p.lang, round(float(p.parts.mean()), 3)) for p in found]
    [('en', 1.0), ('tr', 1.333)]
    """
    found: dict[Lang, dict[str, int]] = {}
    for count, lang, key in zip(tokens.tolist(), langs, keys, strict=True):
        found.setdefault(lang, {}).setdefault(key, count)
    english = found.get(base, {})
    premiums = []
    for lang, counts in sorted(found.items()):
        shared = tuple(key for key in counts if english.get(key))
        if shared:
            own = np.array([counts[key] for key in shared], dtype=np.float64)
            theirs = np.array([english[key] for key in shared], dtype=np.float64)
            premiums.append(Premium(lang, own, ratio_parts(own, theirs), shared))
    return premiums


def ratio_parts(over: Floats, under: Floats) -> Floats:
    """Parts of sum(over) / sum(under), one per unit; zeros where the sum below is 0.

    >>> ratio_parts(np.array([1.0, 3.0]), np.array([2.0, 2.0])).tolist()
    [0.5, 1.5]
    """
    total = float(under.sum())
    if total == 0:
        return np.zeros(len(over))
    ratio = float(over.sum()) / total
    parts: Floats = ratio + (over - ratio * under) / (total / len(under))
    return parts
