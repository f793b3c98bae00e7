"""SQuAD JSON: one file, or parallel files of several languages (XQuAD)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems, first_of
from xlembed.data.doubts import BELIEVE, check_shared_ids
from xlembed.data.lines import read_json
from xlembed.data.reading import DocumentUnit, ReadOptions, document_unit, languages_of
from xlembed.data.rows import Rows
from xlembed.data.task import Alignment, Document, Query
from xlembed.data.text_digest import text_digest
from xlembed.words import Lang, UserError, counted


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


Asked = list[tuple[_Paragraph, _Question]]


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
    unit = document_unit(options, DocumentUnit.CONTEXTS, DocumentUnit.ANSWERS)
    source = ", ".join(file.name for file in files)
    rows = Rows(Card(options.name, languages=tuple(dict.fromkeys(langs)), source=source), problems)
    found = [
        paragraph
        for number, (file, lang) in enumerate(zip(files, langs, strict=True))
        for paragraph in _paragraphs(file, number, lang, problems)
    ]
    paragraphs, notes = _answerable(found)
    rows.excluded += notes
    asked = [(paragraph, question) for paragraph in paragraphs for question in paragraph.questions]
    parallel = _are_parallel(asked)
    groups = _groups(paragraphs, len(files), parallel, problems)
    if parallel:
        rows.card = replace(rows.card, alignment=Alignment.PARALLEL)
        ids = [dict.fromkeys(q.qas_id for p, q in asked if p.file == n) for n in range(len(files))]
        check_shared_ids(files, ids, "question id", options.believe, problems)
        _tell_untranslated(files, ids, problems)
    if unit is DocumentUnit.CONTEXTS:
        right = _add_contexts(paragraphs, groups, parallel, rows)
    else:
        right = _add_answers(asked, rows)
    for paragraph, question in asked:
        query_id = f"{paragraph.lang}-{question.qas_id}"
        query = Query(query_id, question.text, paragraph.lang, need_id=question.qas_id)
        if rows.add_query(query, question.place, ("id", "question")):
            for doc_id in right.get(question.qas_id, ()):
                rows.add_judgement(query_id, doc_id, 1, question.place)
    return rows


def _add_contexts(
    paragraphs: Sequence[_Paragraph], groups: Sequence[int], parallel: bool, rows: Rows
) -> dict[str, Iterable[str]]:
    """Question id -> its paragraph in every language; a repeated text is one document."""
    width = max(4, len(str(len(paragraphs))))
    ids: dict[tuple[Lang, str], str] = {}
    of_group: dict[int, dict[str, None]] = defaultdict(dict)
    right: dict[str, Iterable[str]] = {}
    for paragraph, group in zip(paragraphs, groups, strict=True):
        key = (paragraph.lang, paragraph.text)
        if key not in ids:
            name = f"p{group + 1:0{width}d}"
            ids[key] = f"{paragraph.lang}-{name}"
            document = Document(ids[key], paragraph.text, paragraph.lang, group=name if parallel else None)
            rows.add_document(document, paragraph.place, ("context", "context"))
        of_group[group][ids[key]] = None
        right |= {question.qas_id: of_group[group] for question in paragraph.questions}
    _tell_repeats(rows, len(paragraphs) - len(ids), "paragraph", "the questions of all its paragraphs")
    return right


def _add_answers(asked: Asked, rows: Rows) -> dict[str, Iterable[str]]:
    """Question id -> its answers in every language; a repeated text is one document."""
    total = sum(len(question.answers) for _, question in asked)
    width = max(4, len(str(total)))
    ids: dict[tuple[Lang, str], str] = {}
    counts: Counter[Lang] = Counter()
    right: dict[str, dict[str, None]] = defaultdict(dict)
    for paragraph, question in asked:
        for place, text in question.answers:
            key = (paragraph.lang, text)
            if key not in ids:
                counts[paragraph.lang] += 1
                ids[key] = f"{paragraph.lang}-a{counts[paragraph.lang]:0{width}d}"
                rows.add_document(Document(ids[key], text, paragraph.lang), place, ("text", "text"))
            right[question.qas_id][ids[key]] = None
    _tell_repeats(rows, total - len(ids), "answer", "every question it answers")
    return dict(right)


def _tell_repeats(rows: Rows, n_repeated: int, noun: str, judged_for: str) -> None:
    if n_repeated:
        subject = counted(n_repeated, f"{noun} repeats", f"{noun}s repeat")
        rows.excluded.append(
            f"{subject} the text of another {noun} of the same language: each text is one document, "
            f"judged right for {judged_for}"
        )


def _groups(paragraphs: Sequence[_Paragraph], n_files: int, parallel: bool, problems: Problems) -> list[int]:
    """A number for each paragraph: the same for those of different languages that share a question id.

    Paragraphs without questions are aligned by their position when all files have as many paragraphs.
    """
    groups: list[int] = []
    of_question: dict[str, tuple[int, Lang]] = {}
    of_position: dict[int, int] = {}
    sizes = Counter(paragraph.file for paragraph in paragraphs)
    by_position = parallel and len({sizes[n] for n in range(n_files)}) == 1
    position: Counter[int] = Counter()
    new = 0
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


def _are_parallel(asked: Asked) -> bool:
    """Whether a question id stands in several languages."""
    langs_of: dict[str, Lang] = {}
    return any(langs_of.setdefault(q.qas_id, paragraph.lang) != paragraph.lang for paragraph, q in asked)


def _tell_untranslated(files: Sequence[Path], ids: Sequence[dict[str, None]], problems: Problems) -> None:
    everywhere = dict.fromkeys(qas_id for own in ids for qas_id in own)
    for file, own in zip(files, ids, strict=True):
        if missing := [qas_id for qas_id in everywhere if qas_id not in own]:
            message = f"{len(missing)} questions of the other files are not here: {first_of(missing)}"
            done = "kept in the other languages"
            problems.warn(Place(str(file)), "", "missing translations", message, done)


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
    reasons = {"is_impossible": impossible, "no answers, though other questions have some": empty}
    return kept, [
        f"{counted(len(ids), 'unanswerable question')} ({why}) left out: {first_of(ids)}"
        for why, ids in reasons.items()
        if ids
    ]


def _paragraphs(file: Path, number: int, lang: Lang, problems: Problems) -> Iterator[_Paragraph]:
    value = read_json(file, problems)
    if value is None:
        return
    place = Place(str(file))
    made: Counter[str] = Counter()
    for at_article, article in _items(value, "data", place, problems):
        for at, paragraph in _items(article, "paragraphs", at_article, problems):
            text = _text(paragraph, "context", at, problems)
            asked = [
                _question(at_question, row, text or "", made, problems)
                for at_question, row in _items(paragraph, "qas", at, problems)
            ]
            if text is not None:
                yield _Paragraph(at, lang, number, text, tuple(q for q in asked if q is not None))
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
    if text is not None and not isinstance(qas_id, str):
        problems.error(place, "id", "mistyped field", "expected an id (text or whole number)", "correct 'id'")
    if not isinstance(qas_id, str):
        return None
    answers = [
        (at, answer_text)
        for at, answer in (_items(row, "answers", place, problems) if "answers" in row else ())
        if (answer_text := _text(answer, "text", at, problems)) is not None
    ]
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
            fix = "see the format in docs/data.md"
            problems.error(at, "", "mistyped field", "expected an object {...}", fix)


def _text(row: dict[str, Any], name: str, place: Place, problems: Problems) -> str | None:
    value = row.get(name)
    if isinstance(value, str):
        return value
    problems.error(place, name, "missing field", f"expected a text {name!r}", f"add {name!r}")
    return None
