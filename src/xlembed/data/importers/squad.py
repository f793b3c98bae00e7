"""SQuAD JSON or rows: one file, parallel files of several languages (XQuAD), or a language of each side (MLQA)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems, first_of
from xlembed.data.doubts import BELIEVE, check_shared_ids
from xlembed.data.languages import NAMES as LANGUAGES
from xlembed.data.languages import TWO_LETTERS
from xlembed.data.paragraphs import Paragraph, Part, Question, answerable, items_of, paragraphs_of
from xlembed.data.read_options import DocumentUnit, ReadOptions
from xlembed.data.reading import Rows, document_unit, language_by_name, said_languages
from xlembed.data.task import Alignment, Document, Query
from xlembed.words import Lang, UserError, counted

Asked = list[tuple[Paragraph, Question]]


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """Questions are queries; distinct paragraphs, or distinct answers, are the documents.

    Files that share question ids are parallel: equal ids are one need, its paragraphs one group, and every
    question is judged right for its paragraph (or answers) in every language. Article titles are left out. Questions
    without an id get one from their text and paragraph.

    Raises:
        UserError: if a file's language is not told, or is told otherwise by its name.
    """
    langs = _languages(files, options, problems)
    parts = [Part(str(f), c, q, items_of(f, problems)) for f, (c, q) in zip(files, langs, strict=True)]
    source = ", ".join(file.name for file in files)
    return read_parts(parts, Card(options.name, source=source), options, problems)


def read_parts(parts: Sequence[Part], card: Card, options: ReadOptions, problems: Problems) -> Rows:
    """As `read`, of rows that have been opened.

    Where paragraphs and questions are in two languages (MLQA), the files of a set are joined by question ids: every
    paragraph that a question is asked about is right for it, in whatever language.
    """
    unit = document_unit(options, (DocumentUnit.CONTEXTS, DocumentUnit.ANSWERS))
    langs = [lang for part in parts for lang in (part.context_lang, part.question_lang)]
    rows = Rows(replace(card, languages=tuple(dict.fromkeys(langs))), problems, options.drop_unknown)
    found = [p for number, part in enumerate(parts) for p in paragraphs_of(part, number, problems)]
    paragraphs, notes = answerable(found)
    rows.excluded += notes
    crossed = any(part.context_lang != part.question_lang for part in parts)
    if crossed:
        paragraphs = _united(paragraphs)
    asked = [(paragraph, question) for paragraph in paragraphs for question in paragraph.questions]
    first: dict[str, Lang] = {}
    parallel = not crossed and any(first.setdefault(q.qas_id, p.lang) != p.lang for p, q in asked)
    groups = list(range(len(paragraphs))) if crossed else _groups(paragraphs, len(parts), parallel, problems)
    if parallel:
        rows.card = replace(rows.card, alignment=Alignment.PARALLEL)
        files = [Path(part.name) for part in parts]
        ids = [dict.fromkeys(q.qas_id for p, q in asked if p.file == n) for n in range(len(parts))]
        check_shared_ids(files, ids, "question id", options.believe, problems)
        _tell_untranslated(files, ids, problems)
    by_context = unit is DocumentUnit.CONTEXTS
    right = _add_contexts(paragraphs, groups, parallel, rows) if by_context else _add_answers(asked, rows)
    texts: dict[str, str] = {}
    for _, question in asked:
        query_id = f"{question.lang}-{question.qas_id}"
        if crossed and texts.get(query_id) == question.text:
            continue  # asked about a paragraph of another language before
        texts[query_id] = question.text
        query = Query(query_id, question.text, question.lang, need_id=question.qas_id)
        if rows.add_query(query, question.place, ("id", "question")):
            for doc_id in right.get(question.qas_id, ()):
                rows.add_judgement(query_id, doc_id, 1, question.place)
    return rows


def _add_contexts(
    paragraphs: Sequence[Paragraph], groups: Sequence[int], parallel: bool, rows: Rows
) -> dict[str, Iterable[str]]:
    """Question id -> its paragraph in every language; a repeated text is one document."""
    width = max(4, len(str(len(paragraphs))))
    ids: dict[tuple[Lang, str], str] = {}
    of_group: dict[int, dict[str, None]] = defaultdict(dict)
    groups_of: dict[str, dict[int, None]] = defaultdict(dict)
    for paragraph, group in zip(paragraphs, groups, strict=True):
        key = (paragraph.lang, paragraph.text)
        if key not in ids:
            name = f"p{group + 1:0{width}d}"
            ids[key] = f"{paragraph.lang}-{name}"
            document = Document(ids[key], paragraph.text, paragraph.lang, group=name if parallel else None)
            rows.add_document(document, paragraph.place, ("context", "context"))
        of_group[group][ids[key]] = None
        for question in paragraph.questions:
            groups_of[question.qas_id][group] = None
    _tell_repeats(rows, len(paragraphs) - len(ids), "paragraph", "the questions of all its paragraphs")
    return {
        qas_id: dict.fromkeys(doc_id for group in own for doc_id in of_group[group])
        for qas_id, own in groups_of.items()
    }


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


def _groups(paragraphs: Sequence[Paragraph], n_files: int, parallel: bool, problems: Problems) -> list[int]:
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


def _tell_untranslated(files: Sequence[Path], ids: Sequence[dict[str, None]], problems: Problems) -> None:
    everywhere = dict.fromkeys(qas_id for own in ids for qas_id in own)
    for file, own in zip(files, ids, strict=True):
        if missing := [qas_id for qas_id in everywhere if qas_id not in own]:
            message = f"{len(missing)} questions of the other files are not here: {first_of(missing)}"
            done = "kept in the other languages"
            problems.warn(Place(str(file)), "", "missing translations", message, done)


def _languages(files: Sequence[Path], options: ReadOptions, problems: Problems) -> list[tuple[Lang, Lang]]:
    """Of paragraphs and of questions, file by file: --lang (`de`, or `de/tr` for both), else the name."""
    halves = [code.partition("/") for code in options.langs]
    contexts = said_languages(files, replace(options, langs=tuple(code for code, _, _ in halves)))
    questions = said_languages(files, replace(options, langs=tuple(q or c for c, _, q in halves)))
    found = []
    for file, context, question in zip(files, contexts, questions, strict=True):
        named = _two_languages(file.name)
        if context is not None and question is not None:
            if named and named != (context, question) and not options.believe:
                raise UserError(
                    f"{file}: its name says that paragraphs are in {named[0]} and questions in {named[1]}, but --lang "
                    f"says {context}{f'/{question}' if question != context else ''}: leave out --lang; if the name is "
                    f"wrong, {BELIEVE}"
                )
            found.append((context, question))
        elif named:
            message = f"paragraphs in {named[0]}, questions in {named[1]}, told by the file's name"
            done = "say others with --lang PARAGRAPHS/QUESTIONS"
            problems.warn(Place(str(file)), "", "languages", message, done)
            found.append(named)
        else:
            lang = language_by_name(file, problems, options.varieties)
            found.append((lang, lang))
    return found


def _two_languages(name: str) -> tuple[Lang, Lang] | None:
    """Those of paragraphs and questions in a name of MLQA.

    >>> _two_languages("test-context-tr-question-de.json"), _two_languages("mlqa.vi.de.jsonl")
    (('tr', 'de'), ('vi', 'de'))
    """
    code = "([a-z]{2,3})"
    for form in (rf"context-{code}-question-{code}(?![a-z])", rf"mlqa[._-]{code}[._-]{code}(?![a-z])"):
        if found := re.search(form, name.lower()):
            context, question = (TWO_LETTERS.get(each, each) for each in found.groups())
            if {context, question} <= LANGUAGES.keys():
                return context, question
    return None


def _united(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Each text of a language once, with the questions that any file asks about it."""
    united: dict[tuple[Lang, str], Paragraph] = {}
    for paragraph in paragraphs:
        first = united.setdefault((paragraph.lang, paragraph.text), paragraph)
        if first is not paragraph:
            questions = (*first.questions, *paragraph.questions)
            united[first.lang, first.text] = replace(first, questions=questions)
    return list(united.values())
