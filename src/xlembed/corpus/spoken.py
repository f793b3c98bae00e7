"""Whether texts are in the language they are said to be in, by lingua on a sample."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
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
    texts: Mapping[tuple[Lang, str], Sequence[str]], *, believe: bool = False, seed: int = 0
) -> list[str]:
    """Notes on texts that look like another language than said, and on languages that cannot be checked.

    Texts that are too short or too mixed to tell are left out.

    Args:
        texts: by language and noun (`documents`): told apart, and together.
        believe: nothing is refused.
        seed: of the sample.

    Raises:
        UserError: when nearly all texts of a language, or of one noun in it, look like another language. That lingua
            finds another one for a language it does not know is only told.
    """
    samples = {key: _sample(found, seed) for key, found in texts.items()}
    looks = {key: _looks(found) for key, found in samples.items()}
    together: dict[Lang, Counter[Lang]] = defaultdict(Counter)
    doubts = []
    for (lang, noun), found in looks.items():
        together[lang] += found
        others = _others(lang, found)
        if others.total() > DOUBTED * found.total():
            listed = ", ".join(f"{other} ({NAMES[other]}) {n:,}" for other, n in others.most_common(3))
            doubts.append(
                f"{lang}: of {len(samples[lang, noun]):,} sampled {noun}, {found.total():,} tell their language, "
                f"{others.total():,} of them another one: {listed}"
            )
    unknown = {lang for lang, _ in texts} - _known()
    refused = [
        lang
        for lang, found in (*((lang, found) for (lang, _), found in looks.items()), *together.items())
        if found.total() >= FEWEST and _others(lang, found).total() >= REFUSED * found.total()
    ]
    if set(refused) - unknown and not believe:
        raise UserError(
            "\n  ".join(["the texts do not look like the languages they are said to be in", *doubts])
            + "\nCorrect --lang, `lang` or the files' names; --believe takes the languages as they are said"
        )
    return [
        *doubts,
        *(
            f"lingua, which looks at the texts, does not know {lang} ({NAMES[lang]})"
            for lang in sorted(unknown)
        ),
    ]


def _sample(texts: Sequence[str], seed: int) -> Sequence[str]:
    return random.Random(seed).sample(texts, SAMPLE) if len(texts) > SAMPLE else texts


def _looks(texts: Sequence[str]) -> Counter[Lang]:
    """The languages of those texts that tell one."""
    values = _detector().compute_language_confidence_values_in_parallel([text[:CHARACTERS] for text in texts])
    best = [ranked[0] for ranked in values if ranked]
    return Counter(b.language.iso_code_639_1.name.lower() for b in best if b.value >= SURE)


def _others(lang: Lang, looks: Counter[Lang]) -> Counter[Lang]:
    return Counter({other: n for other, n in looks.items() if not _alike(lang, other)})


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
