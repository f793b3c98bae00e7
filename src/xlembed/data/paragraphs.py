"""Questions with the paragraphs that answer them, as SQuAD nests them and as the hub has them in rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from xlembed.data.checks import Place, Problems, first_of
from xlembed.data.lines import parse_json, read_json
from xlembed.data.objects import PARQUET, first_bytes, in_list, read_objects
from xlembed.data.row import Row
from xlembed.data.text_digest import text_digest
from xlembed.words import Lang, counted


@dataclass(frozen=True)
class Question:
    """A question about a paragraph; `lang` is its own language."""

    place: Place
    lang: Lang
    qas_id: str
    text: str
    answers: tuple[tuple[Place, str], ...]
    impossible: bool

    @property
    def answered(self) -> bool:
        """Whether some answer has a text."""
        return any(text.strip() for _, text in self.answers)


@dataclass(frozen=True)
class Paragraph:
    """A text with its questions; `file` counts the files from 0."""

    place: Place
    lang: Lang
    file: int
    text: str
    questions: tuple[Question, ...]


class Part(NamedTuple):
    """What one file holds: articles, paragraphs, or rows of a question with its context.

    Attributes:
        name: of the file.
        context_lang: language of the paragraphs and answers.
        question_lang: of the questions.
        items: `{paragraphs: ...}`, `{context, qas: ...}` or `{id, context, question, answers}`.
    """

    name: str
    context_lang: Lang
    question_lang: Lang
    items: Iterable[Row]


def items_of(file: Path, problems: Problems) -> Iterator[Row]:
    """What a file holds, opened as it is asked for: `{data: [...]}`, a list, JSON lines or parquet."""
    place = Place(str(file))
    start = first_bytes(file, 1 << 20)
    line = parse_json(start.partition(b"\n")[0].decode(errors="replace"), place, Problems())
    if start.startswith(PARQUET) or (isinstance(line, dict) and "data" not in line):
        yield from read_objects(file, problems)
    elif isinstance(value := read_json(file, problems), list):
        yield from in_list(value, place, problems)
    elif value is not None:
        for at, article in _items(value, "data", place, problems):
            yield Row(article, at, problems)


def paragraphs_of(part: Part, number: int, problems: Problems) -> Iterator[Paragraph]:
    """Its paragraphs in order; those of rows at their first row, with the questions of all."""
    made: Counter[str] = Counter()
    of_rows: dict[str, tuple[Place, list[Question]]] = {}
    for item in part.items:
        values, place = item.values, item.place
        if "question" in values and "qas" not in values:
            text = _text(values, "context", place, problems)
            if text is not None and (
                asked := _question(place, values, part.question_lang, text, made, problems)
            ):
                of_rows.setdefault(text, (place, []))[1].append(asked)
            continue
        whole = "qas" in values or "context" in values
        for at, paragraph in [(place, values)] if whole else _items(values, "paragraphs", place, problems):
            text = _text(paragraph, "context", at, problems)
            questions = [
                _question(at_question, row, part.question_lang, text or "", made, problems)
                for at_question, row in _items(paragraph, "qas", at, problems)
            ]
            if text is not None:
                yield Paragraph(
                    at, part.context_lang, number, text, tuple(q for q in questions if q is not None)
                )
    for text, (place, several) in of_rows.items():
        yield Paragraph(place, part.context_lang, number, text, tuple(several))
    if made:
        message = f"{made.total():,} questions have no id"
        problems.warn(
            Place(part.name), "", "ids made", message, "they got one made from question and paragraph"
        )


def _question(
    place: Place, row: Mapping[str, Any], lang: Lang, context: str, made: Counter[str], problems: Problems
) -> Question | None:
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
        for at, answer in _answers(row, place, problems)
        if (answer_text := _text(answer, "text", at, problems)) is not None
    ]
    if text is None:
        return None
    return Question(place, lang, qas_id, text, tuple(answers), row.get("is_impossible") is True)


def _answers(
    row: Mapping[str, Any], place: Place, problems: Problems
) -> Iterable[tuple[Place, Mapping[str, Any]]]:
    """`[{text}]`, or the hub's `{text: [...], answer_start: [...]}`."""
    value = row.get("answers")
    if isinstance(value, Mapping) and "text" in value:
        texts = [value["text"]] if isinstance(value["text"], str) else value["text"] or ()
        return [(place, {"text": text}) for text in texts]
    return _items(row, "answers", place, problems) if value is not None else ()


def _items(value: Any, name: str, place: Place, problems: Problems) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The objects of a list inside an object, each with its place."""
    items = value.get(name) if isinstance(value, Mapping) else None
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


def _text(row: Mapping[str, Any], name: str, place: Place, problems: Problems) -> str | None:
    value = row.get(name)
    if isinstance(value, str):
        return value
    problems.error(place, name, "missing field", f"expected a text {name!r}", f"add {name!r}")
    return None


def answerable(paragraphs: Sequence[Paragraph]) -> tuple[list[Paragraph], list[str]]:
    """Paragraphs with the questions that have an answer, and notes on the others.

    Questions without answers stay where no question of the file has any (a test set whose answers are kept back).
    """
    answered = {p.file for p in paragraphs if any(question.answered for question in p.questions)}
    impossible, empty, kept = [], [], []
    for paragraph in paragraphs:
        questions = []
        for question in paragraph.questions:
            query_id = f"{question.lang}-{question.qas_id}"
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
