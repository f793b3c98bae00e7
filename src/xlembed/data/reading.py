"""What every reader takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xlembed.data.checks import Place, Problems
from xlembed.data.choosing import Where
from xlembed.data.languages import language_of_file, require_language
from xlembed.data.rows import Rows
from xlembed.words import Choice, Lang, UserError


class DocumentUnit(Choice):
    """What becomes a document when questions come with paragraphs and answers."""

    CONTEXTS = "contexts"
    ANSWERS = "answers"


class EqualIds(Choice):
    """What equal ids in files of different languages mean."""

    TRANSLATIONS = "translations"
    APART = "apart"


@dataclass(frozen=True)
class ReadOptions:
    """What the user said beside the files.

    Attributes:
        name: of the task or set.
        langs: of rows that do not say theirs: none (file names tell), one code for all files, or one per file.
        documents: what becomes a document (squad).
        where: column -> the values of rows that are right, or taken (jsonl, pairs).
        believe: take files for what they are said to be, where checks doubt it.
        columns: our column -> the file's, by name (pairs: or by number from 1); what is not said has our name.
        limit: rows at most (pairs, scored).
        source: for the card of a set; the files' names if empty.
        licence: for the card of a set.
        encoding: of tables; empty: it is found out, which is told.
        detect: the language of rows that do not say theirs is told by their texts (table).
        unjudged: the task has no judgements.
        varieties: scripts and regions in file names and in columns of languages make languages of their own.
        split: of judgements and topics that have several (beir, trec); empty: `test`, or the only one.
        drop_unknown: leave out judgements of queries and documents that are not there.
        equal_ids: what ids mean that stand in files of several languages; None: that is an error.
    """

    name: str = ""
    langs: tuple[Lang, ...] = ()
    documents: DocumentUnit | None = None
    where: Where = field(default_factory=dict)
    believe: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    source: str = ""
    licence: str = ""
    encoding: str = ""
    detect: bool = False
    unjudged: bool = False
    varieties: bool = False
    split: str = ""
    drop_unknown: bool = False
    equal_ids: EqualIds | None = None


Reader = Callable[[Sequence[Path], ReadOptions, Problems], Rows]
"""Files in, rows out: problems inside the files go to Problems, bad usage is a UserError."""


def languages_of(files: Sequence[Path], options: ReadOptions, problems: Problems) -> tuple[Lang, ...]:
    """The language of each file: from the options, else from its name, which is told.

    Raises:
        UserError: for a wrong code, a wrong number of codes, or a name that does not tell the language.
    """
    said = said_languages(files, options)
    return tuple(
        lang or language_by_name(file, problems, options.varieties)
        for file, lang in zip(files, said, strict=True)
    )


def said_languages(files: Sequence[Path], options: ReadOptions) -> tuple[Lang | None, ...]:
    """The language of each file by the options; None where they say none.

    Raises:
        UserError: for a wrong code, or a wrong number of codes.
    """
    codes = tuple(require_language(code, "--lang") for code in options.langs)
    if len(codes) <= 1:
        return (codes or (None,)) * len(files)
    if len(codes) != len(files):
        raise UserError(
            f"--lang: {len(codes)} languages for {len(files)} files; give one, or one per file in order"
        )
    return codes


def language_by_name(file: Path, problems: Problems, varieties: bool = False) -> Lang:
    """The language that the file's name tells, its variety if those are kept apart, and a note of it.

    Raises:
        UserError: when the name does not tell it.
    """
    lang = language_of_file(file, varieties)
    message = f"language {lang}, told by the {'folder' if file.is_dir() else 'file'}'s name"
    problems.warn(Place(str(file)), "", "language", message, "say another one with --lang")
    return lang


def refuse_documents(options: ReadOptions, form: str) -> None:
    """Nothing, unless the user chose a document unit that this format does not have.

    Raises:
        UserError: says so.
    """
    if options.documents is not None:
        raise UserError(
            f"--documents {options.documents} is for squad files; {form} says itself what a document is"
        )
