"""Questions with the paragraphs that answer them, as SQuAD nests them and as the hub has them in rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from xlembed.data.checks import Place, Problems, Row, first_of
from xlembed.data.languages import suggest_language
from xlembed.data.lines import parse_json, read_json
from xlembed.data.objects import PARQUET, first_bytes, in_list, read_objects
from xlembed.data.text_digest import text_digest
from xlembed.words import Lang, base_language, counted


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
        yield from _items(Row(value if isinstance(value, dict) else {}, place, problems), "data")


def paragraphs_of(part: Part, number: int, problems: Problems) -> Iterator[Paragraph]:
    """Its paragraphs in order; those of rows at their first row, with the questions of all."""
    made: Counter[str] = Counter()
    of_rows: dict[str, tuple[Place, list[Question]]] = {}
    for item in part.items:
        said = suggest_language(str(item.values.get("lang", "")))
        if said and said not in map(base_language, (part.context_lang, part.question_lang)):
            message = f"the row is in {said}, the file is read as {part.context_lang}"
            item.error(
                "lang", "other language", message, "write the rows of each language into a file of its own"
            )
        if "question" in item.values and "qas" not in item.values:
            text = item.text("context")
            if text is not None and (asked := _question(item, part.question_lang, text, made)):
                of_rows.setdefault(text, (item.place, []))[1].append(asked)
            continue
        whole = "qas" in item.values or "context" in item.values
        for paragraph in [item] if whole else _items(item, "paragraphs"):
            text = paragraph.text("context")
            asked_here = [
                _question(row, part.question_lang, text or "", made) for row in _items(paragraph, "qas")
            ]
            if text is not None:
                questions = tuple(filter(None, asked_here))
                yield Paragraph(paragraph.place, part.context_lang, number, text, questions)
    for text, (place, several) in of_rows.items():
        yield Paragraph(place, part.context_lang, number, text, tuple(several))
    if made:
        message = f"{made.total():,} questions have no id"
        problems.warn(
            Place(part.name), "", "ids made", message, "they got one made from question and paragraph"
        )


def _question(row: Row, lang: Lang, context: str, made: Counter[str]) -> Question | None:
    """The question, or None with an error told; `made` counts the ids that are made here."""
    text, qas_id = row.text("question"), row.values.get("id")
    if isinstance(qas_id, int) and not isinstance(qas_id, bool):
        qas_id = str(qas_id)
    if qas_id is None and text is not None:
        qas_id = "c" + text_digest(f"{context}\n{text}")[:16]
        made[qas_id] += 1
        qas_id += f"-{made[qas_id]}" * (made[qas_id] > 1)
    answers = [(answer.place, said) for answer in _answers(row) if (said := answer.text("text")) is not None]
    if text is not None and not isinstance(qas_id, str):
        row.error("id", "mistyped field", "expected an id (text or whole number)", "correct 'id'")
    if text is None or not isinstance(qas_id, str):
        return None
    return Question(row.place, lang, qas_id, text, tuple(answers), row.values.get("is_impossible") is True)


def _answers(row: Row) -> Iterable[Row]:
    """`[{text}]`, the hub's `{text: [...], answer_start: [...]}`, a text, or a list of any of them."""
    match row.values.get("answers"):
        case None:
            return ()
        case str() as text:
            return [row.renamed({"text": text})]
        case {"text": str() | list() | tuple() | None as texts}:
            each = [texts] if isinstance(texts, str) else texts or ()
            return [row.renamed({"text": text}) for text in each]
        case [str() | {"text": list()}, *_] as several:
            return [answer for one in several for answer in _answers(row.renamed({"answers": one}))]
    return _items(row, "answers")


def _items(row: Row, name: str) -> Iterator[Row]:
    if isinstance(items := row.values.get(name), list):
        at = Place(row.place.file, row.place.line, ".".join(filter(None, (row.place.path, name))))
        yield from in_list(items, at, row.problems)
    else:
        fix = "SQuAD is {data: [{paragraphs: [{context, qas: [{id, question, answers: [{text}]}]}]}]}"
        row.error(name, "missing field", f"expected a list {name!r}", fix)


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
