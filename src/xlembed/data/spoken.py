"""Whether texts are in the language they are said to be in, by lingua on a sample."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from xlembed.data.languages import language_name
from xlembed.words import Lang, UserError, base_language

if TYPE_CHECKING:
    from lingua import ConfidenceValue, LanguageDetector

SAMPLE = 200
"""Texts looked at, of each kind and language."""

CHARACTERS = 300
"""Of a text."""

SHORTEST = 15
"""Bytes of UTF-8 that a text needs to tell a language: five Chinese characters, two or three English words."""

SURE = 0.7
"""Confidence below which a text tells no language: of short questions 3 % are then mistaken, of names 20 %."""

DOUBTED, REFUSED = 0.5, 0.9
"""Shares of the texts that tell a language: above the first a warning, from the second on an error."""

FEWEST_DOUBTED, FEWEST_REFUSED = 2, 3
"""Texts that must tell a language for either."""

RARE = 0.05
"""Share of the texts that tell their language below which a language is not believed to be there."""

COMMON = ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh")
"""Languages that reviews are often in, whatever the shop's."""

_ALIKE = ({"hr", "bs", "sr"}, {"no", "nb", "nn", "da"}, {"id", "ms"}, {"zh", "yue", "wuu"})
"""Languages that are hard to tell apart in writing, and not told apart here."""


@dataclass(frozen=True)
class _Looks:
    """What a sample of texts that are said to be in `lang` looks like; `found` counts those that tell."""

    lang: Lang
    sampled: int
    found: Counter[Lang]

    @property
    def others(self) -> Counter[Lang]:
        """Those that look like another language."""
        own = base_language(self.lang)
        alike = {own}.union(*(group for group in _ALIKE if own in group))
        return Counter({other: n for other, n in self.found.items() if other not in alike})

    @property
    def doubted(self) -> bool:
        """Whether most do."""
        return self.others.total() > DOUBTED * self.found.total()

    @property
    def refused(self) -> bool:
        """Whether nearly all do, of a language that lingua knows."""
        n = self.found.total()
        enough = n >= FEWEST_REFUSED and self.others.total() >= REFUSED * n
        return enough and base_language(self.lang) in _known()

    def told(self, noun: str) -> str:
        """All of it in words."""
        first = self.others.most_common(3)
        listed = ", ".join(f"{other} ({language_name(other)}) {n:,}" for other, n in first)
        return (
            f"{self.lang}: of {self.sampled:,} sampled {noun}, {self.found.total():,} tell their language, "
            f"{self.others.total():,} of them another one: {listed}"
        )


def check_languages_spoken(
    texts: Iterable[tuple[Lang, str, str]], *, believe: bool = False, seed: int = 0
) -> list[str]:
    """Notes on texts that look like another language than said, and on languages that cannot be checked.

    Texts that are too short or too mixed to tell are left out. Each comes behind its language and what it is
    (`documents`): those of a language are judged apart by that, and together. With `believe` nothing is refused.

    Raises:
        UserError: when nearly all texts of a language, or of one noun in it, look like another language.
    """
    found: dict[tuple[Lang, str], list[str]] = defaultdict(list)
    for lang, noun, text in texts:
        found[lang, noun].append(text)
    apart = {(lang, noun): _looks(lang, several, seed) for (lang, noun), several in found.items()}
    together = {lang: _Looks(lang, 0, Counter()) for lang, _ in found}
    for (lang, _), looks in apart.items():
        together[lang].found.update(looks.found)
    if not believe and any(looks.refused for looks in (*apart.values(), *together.values())):
        doubts = [looks.told(noun) for (_, noun), looks in apart.items() if looks.doubted]
        raise UserError(
            "\n  ".join(["the texts do not look like the languages they are said to be in", *doubts])
            + "\nCorrect --lang, `lang` or the files' names; --believe takes the languages as they are said"
        )
    notes = [
        looks.told(noun)
        for (_, noun), looks in apart.items()
        if looks.doubted and looks.found.total() >= FEWEST_DOUBTED
    ]
    for lang in sorted(lang for lang in together if base_language(lang) not in _known()):
        notes.append(f"lingua, which looks at the texts, does not know {lang} ({language_name(lang)})")
    return notes


def spoken_language(text: str, languages: Sequence[Lang]) -> Lang | None:
    """Which of some languages a text is in; None if it does not tell, or lingua does not know two of them.

    Example:
        >>> spoken_language("Wasserkocher, der leise ist", ["de", "en"])
        'de'
    """
    found = _spoken(text, languages)
    varieties = [lang for lang in languages if base_language(lang) == found]
    # Which of two varieties it is, nobody has looked at.
    return varieties[0] if len(varieties) == 1 else None


def other_language(text: str, lang: Lang, languages: Collection[Lang]) -> Lang | None:
    """The language that a text is surely in, of some and English, if that is not `lang`; None where it does not tell.

    Example:
        >>> other_language("Which kettle is quiet enough for an office?", "de", ["de", "fr"])
        'en'
    """
    found = _spoken(text, [lang, *languages, "en"]) if _is_long(text.strip()) else None
    return found if found and _differ(lang, found) else None


def other_languages(texts: Sequence[tuple[Lang, str]]) -> list[Lang | None]:
    """For texts with what they are said to be: the language of each that is surely in another, None of the others.

    Only common languages and those said are told apart, by trigrams: 5,000 texts a second on one core.

    Example:
        >>> other_languages([("de", "Leider nach zwei Wochen kaputt."), ("de", "Broken after two weeks, sadly.")])
        [None, 'en']
    """
    languages = sorted(({*COMMON} | {base_language(lang) for lang, _ in texts}) & _known())
    found = _told([text for _, text in texts], tuple(languages), trigrams=True)
    return [
        other if other and _is_long(text) and _differ(said, other) else None
        for (said, text), other in zip(texts, found, strict=True)
    ]


def detect_languages(texts: Sequence[str]) -> tuple[list[Lang | None], Counter[Lang]]:
    """The language of each text, None where it does not tell; and how many are in each.

    First the languages are found that a twentieth of all telling texts are in, then each text is one of those or tells
    nothing: a brand name makes no language of its own.

    Example:
        >>> detect_languages(["Der Wasserkocher ist sehr leise.", "USB-C", "Leider nach zwei Wochen kaputt."])
        (['de', None, 'de'], Counter({'de': 2}))
    """
    told = _told(texts, trigrams=True)
    found = [lang if _is_long(text.strip()) else None for text, lang in zip(texts, told, strict=True)]
    counts = Counter(lang for lang in found if lang)
    common = [lang for lang, n in counts.items() if n >= RARE * counts.total()]
    if len(common) > 1:
        found = _told(texts, tuple(common))
    found = [lang if lang in common else None for lang in found]
    return found, Counter(lang for lang in found if lang)


def _looks(lang: Lang, texts: Sequence[str], seed: int) -> _Looks:
    sample = random.Random(seed).sample(texts, SAMPLE) if len(texts) > SAMPLE else texts
    found = _told([text for text in sample if _is_long(text.strip())], trigrams=True)
    return _Looks(lang, len(sample), Counter(filter(None, found)))


def _is_long(text: str) -> bool:
    return len(text.encode()) >= SHORTEST


def _differ(said: Lang, other: Lang) -> bool:
    """Whether a text that looks like one language is not in another: some are not told apart."""
    base = base_language(said)
    return base in _known() and base != other and not any({base, other} <= alike for alike in _ALIKE)


def _spoken(text: str, languages: Collection[Lang]) -> Lang | None:
    """Which of some languages a text is in, whatever the variety."""
    known = {base_language(lang) for lang in languages} & _known() - {"no"}
    if len(known) < 2:
        return None
    found = _sure(_detector(tuple(sorted(known))).compute_language_confidence_values(text[:CHARACTERS]))
    return "sr" if found == "hr" and "hr" not in known else found


def _told(texts: Sequence[str], among: tuple[Lang, ...] = (), *, trigrams: bool = False) -> list[Lang | None]:
    """The language that each text is surely in, among some or all that lingua knows."""
    cut = [text[:CHARACTERS] for text in texts]
    return list(map(_sure, _detector(among, trigrams).compute_language_confidence_values_in_parallel(cut)))


def _sure(ranked: Sequence[ConfidenceValue]) -> Lang | None:
    best = ranked[0] if ranked else None
    return best.language.iso_code_639_1.name.lower() if best and best.value >= SURE else None


@cache
def _detector(among: tuple[Lang, ...] = (), trigrams: bool = False) -> LanguageDetector:
    """Tells languages apart, two or more of `among`, or all.

    By trigrams alone it takes 1 s and 90 MB instead of 12 s and 950 MB for all, and is as good on samples.
    """
    from lingua import IsoCode639_1, LanguageDetectorBuilder  # only where a language must be guessed

    if "sr" in among and "hr" not in among:  # Serbian, which lingua knows in Cyrillic alone, in Latin letters
        among = (*among, "hr")
    codes = [getattr(IsoCode639_1, lang.upper()) for lang in among if hasattr(IsoCode639_1, lang.upper())]
    builder = (
        LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
        if among
        else LanguageDetectorBuilder.from_all_languages()
    )
    return (builder.with_low_accuracy_mode() if trigrams else builder).build()


@cache
def _known() -> frozenset[Lang]:
    from lingua import Language

    return frozenset({"no"} | {language.iso_code_639_1.name.lower() for language in Language.all()})
