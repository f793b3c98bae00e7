"""Does a model know two forms of one word from two words? Its editable list of word pairs, and the score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.analyse.points import SAME, estimate_each
from xlembed.analyse.result import Estimate, Mean, Morphology
from xlembed.files import read_yaml
from xlembed.stats.intervals import effective_n, wilson_interval
from xlembed.stats.layout import Floats
from xlembed.stats.scores import Score
from xlembed.words import Lang, UserError, Vectors

BUNDLED = Path(__file__).with_name("word_pairs.yaml")
KINDS = ("inflected", "unrelated")
MIN_PAIRS = 30
"""With fewer pairs of a kind there is no interval."""
BANDS = ((0.9, "excellent"), (0.7, "good"))

Pair = tuple[str, str]


@dataclass(frozen=True)
class WordPairs:
    """Pairs of one language: two forms of one word each, and, for control, of different words."""

    inflected: tuple[Pair, ...]
    unrelated: tuple[Pair, ...]

    @property
    def words(self) -> set[str]:
        """Every word of them."""
        return {word for pair in (*self.inflected, *self.unrelated) for word in pair}


def load_word_pairs(path: Path | None = None) -> dict[Lang, WordPairs]:
    """Language -> pairs, in the order of a YAML file; None takes the bundled one.

    Raises:
        UserError: the file is missing, or says which language and kind is wrong.
    """
    source = path or BUNDLED
    try:
        content = read_yaml(source)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(
            f"word pairs: {source} is no file; leave word_pairs empty for the bundled list"
        ) from None
    if not isinstance(content, dict) or not content:
        raise UserError(
            f"word pairs: {source}: expected languages, each with `inflected` and `unrelated` pairs"
        )
    return {str(lang): _of_language(source, str(lang), kinds) for lang, kinds in content.items()}


def _of_language(source: Path, lang: Lang, kinds: Any) -> WordPairs:
    if not isinstance(kinds, Mapping) or set(kinds) != set(KINDS):
        found = ", ".join(map(str, kinds)) if isinstance(kinds, Mapping) else type(kinds).__name__
        raise UserError(
            f"word pairs: {source}: {lang}: expected `inflected` and `unrelated`, found {found}. "
            "A bare `no` is false in YAML: quote the language."
        )
    return WordPairs(*(_pairs(source, lang, kind, kinds[kind]) for kind in KINDS))


def _pairs(source: Path, lang: Lang, kind: str, rows: Any) -> tuple[Pair, ...]:
    if not isinstance(rows, list) or not rows:
        raise UserError(f"word pairs: {source}: {lang}.{kind}: expected a list of pairs [word, word]")
    for row in rows:
        if (
            not isinstance(row, list)
            or len(row) != 2
            or not all(isinstance(w, str) and w.strip() for w in row)
        ):
            raise UserError(
                f"word pairs: {source}: {lang}.{kind}: expected two words, found {row!r} (quote yes, no and numbers)"
            )
    return tuple((row[0].strip(), row[1].strip()) for row in rows)


def morphology_section(
    pairs: Mapping[Lang, WordPairs],
    encode: Callable[[list[str], list[Lang]], Vectors],
    labels: Mapping[Lang, str],
) -> list[Morphology]:
    """A row per language: P(inflected > unrelated), both mean cosines, the legacy band.

    `encode`: words and their languages -> unit vectors, or zeros; one word in two languages may have two vectors.
    """
    words = sorted({(lang, word) for lang, of in pairs.items() for word in of.words})
    found = encode([word for _, word in words], [lang for lang, _ in words]).astype(np.float64)
    vectors: dict[tuple[Lang, str], Floats] = dict(zip(words, found, strict=True))
    cosines = {
        (lang, kind): np.array([float(vectors[lang, a] @ vectors[lang, b]) for a, b in getattr(of, kind)])
        for lang, of in pairs.items()
        for kind in KINDS
    }
    names = [f"{lang} {kind} {i}" for (lang, kind), c in cosines.items() for i in range(len(c))]
    table = estimate_each(list(cosines.values()), names, macros={})
    means = dict(zip(cosines, (score for (score,) in table.cells), strict=True))
    rows = []
    for lang, of in pairs.items():
        both = {kind: _mean_of_pairs(score) for kind in KINDS if (score := means[lang, kind])}
        rows.append(
            Morphology(
                lang=lang,
                label=labels.get(lang, ""),
                superiority=superiority(cosines[lang, "inflected"], cosines[lang, "unrelated"]),
                **both,
                legacy_band=legacy_band(both["inflected"].value),
                words_without_vector=sum(not vectors[lang, word].any() for word in of.words),
            )
        )
    return rows


def _mean_of_pairs(score: Score) -> Mean:
    """Without an interval where there are few pairs."""
    found = Mean.of(score)
    if found.n >= MIN_PAIRS:
        return found
    method = f"none: fewer than {MIN_PAIRS} pairs"
    return found.model_copy(update={"ci_low": None, "ci_high": None, "ci_method": method})


def superiority(inflected: Floats, unrelated: Floats) -> Estimate:
    """P(cosine of an inflected pair > cosine of an unrelated pair), ties counted half.

    The area under the ROC curve (Mann & Whitney 1947). Standard error by DeLong, DeLong & Clarke-Pearson 1988; Wilson's
    interval with the effective number of pairs p (1 - p) / SE^2, or the number of the smaller list where SE is 0; none
    under 30 pairs of a kind. The two lists are taken as independent: where the control has the same words, as in the
    bundled list, the interval is too wide rather than too narrow.

    Raises:
        ValueError: if a list is empty.

    >>> superiority(np.array([0.9, 0.4]), np.array([0.4, 0.1])).value
    0.875
    """
    n, m = len(inflected), len(unrelated)
    if not n or not m:
        raise ValueError("superiority needs pairs of both kinds")
    difference = inflected[:, None] - unrelated[None, :]
    wins = np.where(np.abs(difference) <= SAME, 0.5, (difference > 0).astype(np.float64))
    value = float(wins.mean())
    if min(n, m) < MIN_PAIRS:
        return Estimate(value=value, ci_low=None, ci_high=None)
    se = float(np.sqrt(wins.mean(axis=1).var(ddof=1) / n + wins.mean(axis=0).var(ddof=1) / m))
    low, high = wilson_interval(value, effective_n(value, se, min(n, m)))
    return Estimate(value=value, ci_low=low, ci_high=high)


def legacy_band(mean_cosine: float) -> str:
    """The bands of older reports; a model that finds everything similar gets the best one for free.

    >>> legacy_band(0.95), legacy_band(0.9), legacy_band(0.7), legacy_band(0.2)
    ('excellent', 'good', 'good', 'weak')
    """
    if mean_cosine > BANDS[0][0]:
        return BANDS[0][1]
    return BANDS[1][1] if mean_cosine >= BANDS[1][0] else "weak"
