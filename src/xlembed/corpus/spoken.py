"""Whether texts are in the language they are said to be in, by lingua on a sample."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from xlembed.corpus.languages import NAMES
from xlembed.types import Lang, UserError

if TYPE_CHECKING:
    from lingua import LanguageDetector

SAMPLE = 200
"""Texts looked at, of each kind and language."""

CHARACTERS = 300
"""Of a text."""

SURE = 0.7
"""Confidence below which a text tells no language: of short questions 3 % are then mistaken, of names 20 %."""

DOUBTED, REFUSED = 0.5, 0.9
"""Shares of the texts that tell a language: above the first a warning, from the second on an error."""

FEWEST = 3
"""Texts needed for the error."""

_ALIKE = ({"hr", "bs", "sr"}, {"no", "nb", "nn", "da"}, {"id", "ms"})
"""Languages that are hard to tell apart in writing, and not told apart here."""


def check_languages_spoken(
    texts: Mapping[tuple[Lang, str], Iterable[str]], *, believe: bool = False, seed: int = 0
) -> list[str]:
    """Notes on texts that look like another language than said, and on languages that cannot be checked.

    Texts that are too short or too mixed to tell are left out.

    Args:
        texts: by language and noun (`documents`): told apart, and together.
        believe: nothing is refused.
        seed: of the sample.

    Raises:
        UserError: when nearly all texts of a language, or of one noun in it, look like another language.
    """
    unknown = sorted({lang for lang, _ in texts} - _known())
    notes = []
    if unknown:
        notes.append(
            f"language not checked against the texts (lingua does not know it): {', '.join(unknown)}"
        )
    seen = {key: _looks(list(found), seed) for key, found in texts.items() if key[0] not in unknown}
    together: dict[Lang, Counter[Lang]] = {}
    doubts, refused = [], False
    for (lang, noun), looks in seen.items():
        together[lang] = together.get(lang, Counter()) + looks
        if (share := _share_of_others(lang, looks)) > DOUBTED:
            others = Counter({other: n for other, n in looks.items() if not _alike(lang, other)})
            listed = ", ".join(f"{other} ({NAMES[other]}) {n}" for other, n in others.most_common(3))
            doubts.append(
                f"{lang}: {others.total()} of {looks.total()} sampled {noun} look like another language: {listed}"
            )
            refused |= share >= REFUSED and looks.total() >= FEWEST
    refused |= any(
        looks.total() >= FEWEST and _share_of_others(lang, looks) >= REFUSED
        for lang, looks in together.items()
    )
    if refused and not believe:
        raise UserError(
            "\n  ".join(["the texts do not look like the languages they are said to be in", *doubts])
            + "\nCorrect --lang, `lang` or the files' names; --believe takes the languages as they are said"
        )
    return [*doubts, *notes]


def _looks(texts: list[str], seed: int) -> Counter[Lang]:
    """The languages that a sample looks like, of those texts that tell."""
    texts = sorted(set(texts))
    sample = random.Random(seed).sample(texts, SAMPLE) if len(texts) > SAMPLE else texts
    values = _detector().compute_language_confidence_values_in_parallel(
        [text[:CHARACTERS] for text in sample]
    )
    best = [ranked[0] for ranked in values if ranked]
    return Counter(b.language.iso_code_639_1.name.lower() for b in best if b.value >= SURE)


def _share_of_others(lang: Lang, looks: Counter[Lang]) -> float:
    others = sum(n for other, n in looks.items() if not _alike(lang, other))
    return others / looks.total() if looks.total() else 0.0


def _alike(one: Lang, other: Lang) -> bool:
    return one == other or any({one, other} <= group for group in _ALIKE)


@cache
def _detector() -> LanguageDetector:
    from lingua import LanguageDetectorBuilder  # only imports need it

    # Trigrams alone: 1 s and 90 MB instead of 12 s and 950 MB, and as good on samples.
    return LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()


@cache
def _known() -> frozenset[Lang]:
    from lingua import Language

    return frozenset({"no"} | {language.iso_code_639_1.name.lower() for language in Language.all()})
