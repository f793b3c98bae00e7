"""SQuAD JSON: one file, or parallel files of several languages (XQuAD)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlembed.corpus.card import Card
from xlembed.corpus.checks import Place, Problems
from xlembed.corpus.doubts import BELIEVE, check_shared_ids
from xlembed.corpus.lines import read_json
from xlembed.corpus.reading import DocumentUnit, ReadOptions, languages_of
from xlembed.corpus.rows import Rows
from xlembed.corpus.task import Alignment, Document, Query
from xlembed.corpus.text_digest import text_digest
from xlembed.types import Lang, UserError


@dataclass(frozen=True)
class _Question:
    place: Place
    qas_id: str
    text: str
    answers: tuple[tuple[Place, str], ...]
    impossible: bool

    @property
    def answered(self) -> bool:
        """Whether some answer has a text."""
        return any(text.strip() for _, text in self.answers)


@dataclass(frozen=True)
class _Paragraph:
    place: Place
    lang: Lang
    file: int
    text: str
    questions: tuple[_Question, ...]


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """Questions are queries; distinct paragraphs, or distinct answers, are the documents.

    Files that share question ids are parallel: equal ids are one need, its paragraphs one group, and every
    question is judged right for its paragraph (or answers) in every language. Article titles are left out. Questions
    without an id get one from their text and paragraph.

    Raises:
        UserError: if a file's language is not told, or its name tells two.
    """
    for file in files:
        _check_name(file, options.believe)
    langs = languages_of(files, options, problems)
    unit = options.documents or DocumentUnit.CONTEXTS
    source = ", ".join(file.name for file in files)
    rows = Rows(Card(options.name, languages=tuple(dict.fromkeys(langs)), source=source), problems)
    paragraphs: list[_Paragraph] = []
    for number, (file, lang) in enumerate(zip(files, langs, strict=True)):
        paragraphs += _paragraphs(file, number, lang, problems)
    paragraphs, notes = _answerable(paragraphs)
    rows.excluded += notes
    groups = _groups(paragraphs, len(files), problems)
    parallel = _are_parallel(paragraphs)
    if parallel:
        rows.card.alignment = Alignment.PARALLEL
        ids = [{q.qas_id for p in paragraphs if p.file == n for q in p.questions} for n in range(len(files))]
        check_shared_ids(files, ids, "question id", options.believe, problems)
        _tell_untranslated(paragraphs, files, problems)
    if unit is DocumentUnit.CONTEXTS:
        right = _add_contexts(paragraphs, groups, parallel, rows)
    else:
        right = _add_answers(paragraphs, rows)
    for paragraph in paragraphs:
        for question in paragraph.questions:
            query_id = f"{paragraph.lang}-{question.qas_id}"
            query = Query(query_id, question.text, paragraph.lang, need_id=question.qas_id)
            if rows.add_query(query, question.place, ("id", "question")):
                for doc_id in right[question.qas_id]:
                    rows.add_judgement(query_id, doc_id, 1, question.place)
    return rows


def _add_contexts(
    paragraphs: Sequence[_Paragraph], groups: Sequence[int], parallel: bool, rows: Rows
) -> dict[str, list[str]]:
    """Question id -> its paragraph in every language; a repeated text is one document."""
    width = max(4, len(str(len(paragraphs))))
    ids: dict[tuple[Lang, str], str] = {}
    of_group: dict[int, dict[str, None]] = defaultdict(dict)
    repeated = 0
    for paragraph, group in zip(paragraphs, groups, strict=True):
        key = (paragraph.lang, paragraph.text)
        if key not in ids:
            name = f"p{group + 1:0{width}d}"
            doc_id = f"{paragraph.lang}-{name}"
            document = Document(doc_id, paragraph.text, paragraph.lang, group=name if parallel else None)
            ids[key] = doc_id
            rows.add_document(document, paragraph.place, ("context", "context"))
        else:
            repeated += 1
        of_group[group][ids[key]] = None
    if repeated:
        subject = "1 paragraph repeats" if repeated == 1 else f"{repeated} paragraphs repeat"
        rows.excluded.append(
            f"{subject} the text of another paragraph of the same language: each text is one document, "
            "judged right for the questions of all its paragraphs"
        )
    return {
        question.qas_id: list(of_group[group])
        for paragraph, group in zip(paragraphs, groups, strict=True)
        for question in paragraph.questions
    }


def _add_answers(paragraphs: Sequence[_Paragraph], rows: Rows) -> dict[str, list[str]]:
    """Question id -> its answers in every language; a repeated text is one document."""
    total = sum(len(question.answers) for paragraph in paragraphs for question in paragraph.questions)
    width = max(4, len(str(total)))
    ids: dict[tuple[Lang, str], str] = {}
    counts: dict[Lang, int] = defaultdict(int)
    right: dict[str, dict[str, None]] = defaultdict(dict)
    for paragraph in paragraphs:
        for question in paragraph.questions:
            for place, text in question.answers:
                key = (paragraph.lang, text)
                if key not in ids:
                    counts[paragraph.lang] += 1
                    ids[key] = f"{paragraph.lang}-a{counts[paragraph.lang]:0{width}d}"
                    rows.add_document(Document(ids[key], text, paragraph.lang), place, ("text", "text"))
                right[question.qas_id][ids[key]] = None
    if repeated := total - len(ids):
        subject = "1 answer repeats" if repeated == 1 else f"{repeated} answers repeat"
        rows.excluded.append(
            f"{subject} the text of another answer of the same language: each text is one document, "
            "judged right for every question it answers"
        )
    return defaultdict(list, {qas_id: list(docs) for qas_id, docs in right.items()})


def _groups(paragraphs: Sequence[_Paragraph], n_files: int, problems: Problems) -> list[int]:
    """A number for each paragraph: the same for those of different languages that share a question id.

    Paragraphs without questions are aligned by their position when all files have as many paragraphs.
    """
    groups: list[int] = []
    of_question: dict[str, tuple[int, Lang]] = {}
    of_position: dict[int, int] = {}
    sizes = [sum(p.file == n for p in paragraphs) for n in range(n_files)]
    by_position = len(set(sizes)) == 1 and _are_parallel(paragraphs)
    position, new = [0] * n_files, 0
    for paragraph in paragraphs:
        known: dict[int, str] = {}
        for question in paragraph.questions:
            group, lang = of_question.get(question.qas_id, (-1, paragraph.lang))
            if lang != paragraph.lang:
                known.setdefault(group, question.qas_id)
        if len(known) > 1:
            one, other = list(known.values())[:2]
            message = (
                f"questions {one!r} and {other!r} are about one paragraph here, about two in an earlier file"
            )
            fix = "files with equal question ids must be translations; make the ids differ if they are not"
            problems.error(paragraph.place, "qas", "ids that do not agree", message, fix)
        place = position[paragraph.file]
        position[paragraph.file] += 1
        if known:
            group = min(known)
        elif by_position and not paragraph.questions and place in of_position:
            group = of_position[place]
        else:
            group, new = new, new + 1
        if not paragraph.questions:
            of_position.setdefault(place, group)
        for question in paragraph.questions:
            of_question.setdefault(question.qas_id, (group, paragraph.lang))
        groups.append(group)
    return groups


def _are_parallel(paragraphs: Sequence[_Paragraph]) -> bool:
    langs_of: dict[str, Lang] = {}
    return any(
        langs_of.setdefault(question.qas_id, paragraph.lang) != paragraph.lang
        for paragraph in paragraphs
        for question in paragraph.questions
    )


def _tell_untranslated(paragraphs: Sequence[_Paragraph], files: Sequence[Path], problems: Problems) -> None:
    everywhere: dict[str, None] = {}
    by_file: list[set[str]] = [set() for _ in files]
    for paragraph in paragraphs:
        for question in paragraph.questions:
            everywhere[question.qas_id] = None
            by_file[paragraph.file].add(question.qas_id)
    for file, present in zip(files, by_file, strict=True):
        if missing := [qas_id for qas_id in everywhere if qas_id not in present]:
            shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
            message = f"{len(missing)} questions of the other files are not here: {shown}"
            problems.warn(
                Place(str(file)), "", "missing translations", message, "kept in the other languages"
            )


def _check_name(file: Path, believe: bool) -> None:
    """MLQA names two languages, and one file is of one language here.

    Raises:
        UserError: says so.
    """
    named = re.search(r"context-([a-z]{2,3})-question-([a-z]{2,3})(?![a-z])", file.name)
    if named and named[1] != named[2] and not believe:
        raise UserError(
            f"{file}: its name says that paragraphs are in language {named[1]} and questions in {named[2]}, but a "
            f"SQuAD file is of one language. Import the files context-{named[1]}-question-{named[1]} and "
            f"context-{named[2]}-question-{named[2]} together (questions with equal ids become translations), or write "
            f"jsonl rows with `lang`; if the name is wrong, {BELIEVE}"
        )


def _answerable(paragraphs: Sequence[_Paragraph]) -> tuple[list[_Paragraph], list[str]]:
    """Paragraphs with the questions that have an answer, and notes on the others.

    Questions without answers stay where no question of the file has any (a test set whose answers are kept back).
    """
    answered = {p.file for p in paragraphs if any(question.answered for question in p.questions)}
    impossible, empty, kept = [], [], []
    for paragraph in paragraphs:
        questions = []
        for question in paragraph.questions:
            query_id = f"{paragraph.lang}-{question.qas_id}"
            if question.impossible:
                impossible.append(query_id)
            elif paragraph.file in answered and not question.answered:
                empty.append(query_id)
            else:
                questions.append(question)
        kept.append(replace(paragraph, questions=tuple(questions)))
    notes = []
    for left_out, why in (
        (impossible, "is_impossible"),
        (empty, "no answers, though other questions have some"),
    ):
        if left_out:
            shown = ", ".join(left_out[:5]) + (" ..." if len(left_out) > 5 else "")
            subject = f"{len(left_out)} unanswerable question{'s' * (len(left_out) > 1)}"
            notes.append(f"{subject} ({why}) left out: {shown}")
    return kept, notes


def _paragraphs(file: Path, number: int, lang: Lang, problems: Problems) -> Iterator[_Paragraph]:
    value = read_json(file, problems)
    if value is None:
        return
    place = Place(str(file))
    made: Counter[str] = Counter()
    for article in _items(value, "data", place, problems):
        for paragraph in _items(article[1], "paragraphs", article[0], problems):
            text = _text(paragraph[1], "context", paragraph[0], problems)
            asked = [
                _question(at, row, text or "", made, problems)
                for at, row in _items(paragraph[1], "qas", paragraph[0], problems)
            ]
            if text is not None:
                yield _Paragraph(paragraph[0], lang, number, text, tuple(q for q in asked if q is not None))
    if made:
        message = f"{made.total():,} questions have no id"
        problems.warn(place, "", "ids made", message, "they got one made from question and paragraph")


def _question(
    place: Place, row: dict[str, Any], context: str, made: Counter[str], problems: Problems
) -> _Question | None:
    """The question, or None with an error told; `made` counts the ids that are made here."""
    text = _text(row, "question", place, problems)
    qas_id = row.get("id")
    if isinstance(qas_id, int) and not isinstance(qas_id, bool):
        qas_id = str(qas_id)
    if qas_id is None and text is not None:
        qas_id = "c" + text_digest(f"{context}\n{text}")[:16]
        made[qas_id] += 1
        qas_id += f"-{made[qas_id]}" * (made[qas_id] > 1)
    if not isinstance(qas_id, str):
        if text is not None:
            problems.error(
                place, "id", "mistyped field", "expected an id (text or whole number)", "correct 'id'"
            )
        return None
    answers = []
    if "answers" in row:
        for at, answer in _items(row, "answers", place, problems):
            answer_text = _text(answer, "text", at, problems)
            if answer_text is not None:
                answers.append((at, answer_text))
    if text is None:
        return None
    return _Question(place, qas_id, text, tuple(answers), row.get("is_impossible") is True)


def _items(value: Any, name: str, place: Place, problems: Problems) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The objects of a list inside an object, each with its place."""
    items = value.get(name) if isinstance(value, dict) else None
    if not isinstance(items, list):
        message = f"expected a list {name!r}"
        fix = "SQuAD is {data: [{paragraphs: [{context, qas: [{id, question, answers: [{text}]}]}]}]}"
        problems.error(place, name, "missing field", message, fix)
        return
    for index, item in enumerate(items):
        path = f"{place.path}.{name}[{index}]" if place.path else f"{name}[{index}]"
        at = Place(place.file, None, path)
        if isinstance(item, dict):
            yield at, item
        else:
            problems.error(
                at, "", "mistyped field", "expected an object {...}", "see the format in docs/data.md"
            )


def _text(row: dict[str, Any], name: str, place: Place, problems: Problems) -> str | None:
    value = row.get(name)
    if isinstance(value, str):
        return value
    problems.error(place, name, "missing field", f"expected a text {name!r}", f"add {name!r}")
    return None
