"""What a tokenizer does to languages: tokens for the same text, and text lost beyond the model's maximum length.

A ratio of sums is resampled by its first-order approximation (delta method, Cochran 1977, chapter 6): parts whose mean
is the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlembed.analyse import result
from xlembed.analyse.points import estimate, estimate_each
from xlembed.analyse.result import Mean
from xlembed.embeddings.truncation import truncation
from xlembed.stats.layout import Floats, Ints
from xlembed.words import Lang

BASE = "en"
"""Language that tokens are compared with."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token counts of texts of one role, ``queries`` or ``documents``.

    Attributes:
        counts: with prompt and special tokens, before truncation; int64, shape (n,).
        overhead: tokens of prompt and special tokens alone.
        keys: what translations of one text share; None if the texts are no translations.
        clusters: what is resampled together.
    """

    kind: str
    counts: Ints
    overhead: int
    langs: tuple[Lang, ...]
    keys: tuple[str, ...] | None
    clusters: tuple[str, ...]


def premium_section(tokens: Tokens) -> list[result.Premium]:
    """Of each language, on the texts that it shares with English."""
    if tokens.keys is None:
        return []
    cluster_of = dict(zip(tokens.keys, tokens.clusters, strict=True))
    found = token_premiums(np.maximum(tokens.counts - tokens.overhead, 0), tokens.langs, tokens.keys, BASE)
    if len(found) < 2:  # English alone has nothing to be compared with
        return []
    lists = [np.stack([p.tokens, p.parts], axis=1) for p in found]
    table = estimate_each(lists, [cluster_of[key] for p in found for key in p.keys], macros={})
    return [
        result.Premium(
            kind=tokens.kind, lang=premium.lang, tokens_per_text=Mean.of(count), ratio=Mean.of(ratio)
        )
        for premium, (count, ratio) in zip(found, table.cells, strict=True)
        if count and ratio
    ]


def truncation_section(tokens: Tokens, max_tokens: int | None) -> list[result.Truncated]:
    """Of each language, what is lost beyond the maximum length."""
    lost, whole = truncation(tokens.counts, tokens.overhead, max_tokens)
    languages, cells = np.unique(np.array(tokens.langs), return_inverse=True)
    shares = np.zeros(len(cells))
    for code in range(len(languages)):
        shares[cells == code] = ratio_parts(lost[cells == code], whole[cells == code])
    values = np.stack([shares, lost > 0], axis=1)
    table = estimate(cells, values, tokens.clusters, len(languages), binary=[False, True], macros={})
    return [
        result.Truncated(kind=tokens.kind, lang=lang, share_lost=Mean.of(share), share_cut=Mean.of(cut))
        for lang, (share, cut) in zip(languages.tolist(), table.cells, strict=True)
        if share and cut
    ]


@dataclass(frozen=True, eq=False)
class Premium:
    """Tokens of one language relative to the base language, on the texts that both have.

    Attributes:
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

    Tokens of each text are without prompt and special tokens, int64, shape (n,); translations share a key, and the
    first text of a language and key counts. One entry per language, sorted, that shares a text with the base (which
    has parts of 1); none without any text of the base language.

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
