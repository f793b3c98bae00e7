"""The editable list of word pairs behind the morphology score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlembed.files import read_yaml
from xlembed.words import Lang, UserError

BUNDLED = Path(__file__).parent / "word_pairs.yaml"
KINDS = ("inflected", "unrelated")

Pair = tuple[str, str]


@dataclass(frozen=True)
class WordPairs:
    """Pairs of one language.

    Attributes:
        inflected: two forms of one word each.
        unrelated: two forms of different words: the control.
    """

    inflected: tuple[Pair, ...]
    unrelated: tuple[Pair, ...]


def load_word_pairs(path: Path | None = None) -> dict[Lang, WordPairs]:
    """Language -> pairs, in the order of the file.

    Args:
        path: a YAML file like the bundled one; None takes that.

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
