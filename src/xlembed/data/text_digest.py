"""One short name per text, the same for texts that differ in spacing, case or Unicode form only."""

from __future__ import annotations

import hashlib
import unicodedata


def comparable(text: str) -> str:
    """The form in which two texts count as the same: NFKC, case folded, single spaces.

    >>> comparable("A  Plane ")
    'a plane'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_digest(text: str) -> str:
    """blake2b (16 bytes, hex) of the comparable text.

    >>> text_digest("Die  MÜHLE ") == text_digest("die mühle")
    True
    """
    return hashlib.blake2b(comparable(text).encode(), digest_size=16).hexdigest()


def bare(word: str) -> str:
    """Without case, accents and dots.

    >>> bare("Açıklama"), bare("İngilizce"), bare("Größe")
    ('aciklama', 'ingilizce', 'grosse')
    """
    letters = unicodedata.normalize("NFKD", word.casefold().replace("ı", "i"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
