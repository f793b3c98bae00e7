"""Line-aligned text files: line i of each file says the same (Tatoeba, NTREX and other bitext)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems
from xlembed.data.doubts import BELIEVE
from xlembed.data.lines import read_lines
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows, language_by_name, said_languages
from xlembed.data.task import Alignment, Document, Query
from xlembed.words import Lang, UserError


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """Every sentence is a document and a query; line i is one need and one group in all files.

    A query is judged right for its own sentence too, so that the modes can ignore it; monolingual scores of
    such a task are therefore trivial.

    Raises:
        UserError: for fewer than two files, a language twice, or one that is not told.
    """
    if len(files) < 2:
        raise UserError(
            f"tatoeba: expected two or more line-aligned files, found {len(files)}; columns between tabs become files "
            "with: cut -f1 FILE > FILE.en"
        )
    said = zip(files, said_languages(files, options), strict=True)
    langs = tuple(lang or language_by_name(file, problems, options.varieties) for file, lang in said)
    if len(set(langs)) < len(langs):
        raise UserError(
            f"tatoeba: expected files of different languages, found {', '.join(langs)}; use --lang, or --varieties for "
            "scripts and regions that the names tell"
        )
    source = ", ".join(file.name for file in files)
    rows = Rows(Card(options.name, langs, Alignment.PARALLEL, source), problems, options.drop_unknown)
    sentences = [list(read_lines(file, problems)) for file in files]
    for file, lines in zip(files, sentences, strict=True):
        _check_table(file, [line for _, line in lines], options.believe, problems)
    if not problems.n_errors and len({len(lines) for lines in sentences}) > 1:
        sizes = ", ".join(f"{file} has {len(lines)}" for file, lines in zip(files, sentences, strict=True))
        fix = "line i of every file must be the same sentence; find the line that is missing or split"
        problems.error(Place(str(files[0])), "", "unequal line counts", f"{sizes} lines", fix)
    add_sentences(rows, dict(zip(langs, sentences, strict=True)))
    return rows


def add_sentences(
    rows: Rows, sentences: Mapping[Lang, Sequence[tuple[Place, str]]], prefix: str = ""
) -> None:
    """Sentence i of every language is one need and one group; `prefix` tells those of several bitexts apart."""
    n_lines = max(len(lines) for lines in sentences.values())
    needs = [f"{prefix}s{number:0{max(4, len(str(n_lines)))}d}" for number in range(1, n_lines + 1)]
    taken: dict[str, list[str]] = {need: [] for need in needs}
    for lang, lines in sentences.items():
        for need, (place, text) in zip(needs, lines, strict=False):
            sentence = Document(f"{lang}-{need}", text, lang, group=need)
            if rows.add_document(sentence, place, ("id", "text"), may_be_empty=False):
                taken[need].append(f"{lang}-{need}")
    for lang, lines in sentences.items():
        for need, (place, text) in zip(needs, lines, strict=False):
            query_id = f"{lang}-{need}"
            if query_id in taken[need] and rows.add_query(Query(query_id, text, lang, need), place, None):
                for doc_id in taken[need]:
                    rows.add_judgement(query_id, doc_id, 1, place)


def _check_table(file: Path, lines: Sequence[str], believe: bool, problems: Problems) -> None:
    """A table is no file of sentences: its ids and other columns would be encoded with them."""
    signs = {"\t": "a tab", " ||| ": "|||"} | ({",": "a comma"} if file.suffix.lower() == ".csv" else {})
    for sign, said in signs.items():
        n = sum(sign in line for line in lines)
        message = f"{n:,} of {len(lines):,} lines hold {said}"
        if 2 * n > len(lines) and not believe:
            fix = f"write the sentences of one language into a file of their own (e.g. cut -f2 of a TSV), or {BELIEVE}"
            problems.error(Place(str(file)), "", "table", f"{message}, so it seems to be a table", fix)
        elif n:
            problems.warn(Place(str(file)), "", said, message, "kept as text")
