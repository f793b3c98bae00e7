"""What every reader takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlembed.corpus.checks import Problems
from xlembed.corpus.languages import language_of_file, require_language
from xlembed.corpus.rows import Rows
from xlembed.types import Choice, Lang, UserError


class DocumentUnit(Choice):
    """What becomes a document when questions come with paragraphs and answers."""

    CONTEXTS = "contexts"
    ANSWERS = "answers"


@dataclass(frozen=True)
class ReadOptions:
    """What the user said beside the files; `langs` is empty, one code for all files, or one per file."""

    name: str
    langs: tuple[Lang, ...] = ()
    documents: DocumentUnit | None = None


Reader = Callable[[Sequence[Path], ReadOptions, Problems], Rows]
"""Files in, rows out: problems inside the files go to Problems, bad usage is a UserError."""


def languages_of(files: Sequence[Path], options: ReadOptions) -> tuple[Lang, ...]:
    """The language of each file: from the options, else from its name.

    Raises:
        UserError: for a wrong code, a wrong number of codes, or a name that does not tell the language.
    """
    codes = tuple(require_language(code, "--lang") for code in options.langs)
    if len(codes) == 1:
        return codes * len(files)
    if codes and len(codes) != len(files):
        raise UserError(
            f"--lang: {len(codes)} languages for {len(files)} files; give one, or one per file in order"
        )
    return codes or tuple(language_of_file(file) for file in files)


def refuse_documents(options: ReadOptions, form: str) -> None:
    """Nothing, unless the user chose a document unit that this format does not have.

    Raises:
        UserError: says so.
    """
    if options.documents is not None:
        raise UserError(
            f"--documents {options.documents} is for squad files; {form} says itself what a document is"
        )
