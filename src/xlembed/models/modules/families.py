"""Language families by script: which one a text is in."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache

FAMILIES = ("latin", "cyrillic", "cjk", "arabic", "indic")
"""In the order of their codes; texts in none of these scripts count as the first."""
SCRIPTS = {
    **dict.fromkeys(["CYRILLIC"], "cyrillic"),
    **dict.fromkeys(["CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"], "cjk"),
    **dict.fromkeys(["ARABIC"], "arabic"),
    **dict.fromkeys(["DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA"], "indic"),
    **dict.fromkeys(["TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA"], "indic"),
}
"""First word of a letter's Unicode name -> family; all other letters are Latin's."""


def family_of(text: str) -> int:
    """Code of the family that most letters belong to; a tie goes to the smaller code, no letters to 0.

    >>> [FAMILIES[family_of(text)] for text in ("değirmen", "мельница", "石臼で挽く", "طاحونة", "चक्की", "123")]
    ['latin', 'cyrillic', 'cjk', 'arabic', 'indic', 'latin']
    """
    counts = Counter(_family(char) for char in text if char.isalpha())
    return min(counts, key=lambda code: (-counts[code], code)) if counts else 0


@cache
def _family(char: str) -> int:
    word = unicodedata.name(char, "").split(" ", 1)[0].split("-", 1)[0]
    return FAMILIES.index(SCRIPTS.get(word, FAMILIES[0]))
