"""As many documents of every language, chosen by a hash: the same ones whatever else is in the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlembed.data.sampling import drawn
from xlembed.stats.layout import Ints
from xlembed.words import Lang, UserError

MIN_PER_LANGUAGE = 10
"""A language with fewer documents would shrink everyone's sample to nothing."""


@dataclass(frozen=True, eq=False)
class BalancedSample:
    """Rows of a corpus.

    Attributes:
        rows: int64, shape (n_langs * per_language,), ascending.
        langs: int64, same shape, positions in `languages`.
        languages: in the sample, in the order asked for.
        per_language: rows of each.
        left_out: languages with too few documents, and how many they have.
    """

    rows: Ints
    langs: Ints
    languages: tuple[Lang, ...]
    per_language: int
    left_out: dict[Lang, int]


def balanced_sample(
    langs: Sequence[Lang],
    keys: Sequence[str],
    languages: Sequence[Lang],
    most: int,
    seed: int = 42,
    usable: Sequence[bool] | None = None,
) -> BalancedSample:
    """The same number of rows of every language, at most `most`.

    Rows are taken in the order of the hash of seed and key. Where translations share a key (a parallel task's group),
    languages get the translations of the same texts, as far as they have them.

    Args:
        langs: language of each row.
        keys: of each row; rows of one language with the same key keep their order.
        languages: to be sampled, in this order.
        most: rows per language.
        seed: of the hash.
        usable: False for rows that must not be taken (zero vectors).

    Raises:
        UserError: if no language has 10 documents.
    """
    found: dict[Lang, list[int]] = {lang: [] for lang in languages}
    for row, lang in enumerate(langs):
        if lang in found and (usable is None or usable[row]):
            found[lang].append(row)
    kept = {lang: rows for lang, rows in found.items() if len(rows) >= MIN_PER_LANGUAGE}
    if not kept:
        counts = ", ".join(f"{lang}: {len(rows)}" for lang, rows in found.items())
        raise UserError(
            f"an analysis needs a language with at least {MIN_PER_LANGUAGE} documents that have a vector; found "
            f"{counts or 'none'}"
        )
    size, order = min(most, *map(len, kept.values())), drawn(seed)
    chosen = {
        row: code
        for code, rows in enumerate(kept.values())
        for row in sorted(rows, key=lambda row: order(keys[row]))[:size]
    }
    rows = np.array(sorted(chosen), dtype=np.int64)
    return BalancedSample(
        rows,
        np.array([chosen[row] for row in rows.tolist()], dtype=np.int64),
        tuple(kept),
        size,
        {lang: len(rows) for lang, rows in found.items() if lang not in kept},
    )
