"""One short name per text, the same for texts that differ in spacing, case or Unicode form only."""

from __future__ import annotations

import hashlib
import unicodedata


def text_digest(text: str) -> str:
    """blake2b (16 bytes, hex) of the text NFKC-normalised, casefolded, with white space collapsed.

    >>> text_digest("Die  MÜHLE ") == text_digest("die mühle")
    True
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.blake2b(folded.encode(), digest_size=16).hexdigest()
