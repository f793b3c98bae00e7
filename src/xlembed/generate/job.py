"""Stage generate: documents -> a task whose questions a language model wrote, or translated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xlembed.data.languages import language_name
from xlembed.data.sampling import stratified
from xlembed.data.spoken import other_language
from xlembed.data.task import Document, Query, Task
from xlembed.data.text_digest import text_digest
from xlembed.files import Record
from xlembed.models.chat import TEXT, Chat, Field, Prompt
from xlembed.models.endpoint import Failure
from xlembed.settings import Settings
from xlembed.show.content import Grid, heads, row
from xlembed.words import Lang, UserError, counted
from xlembed.workspace import Watch, unwatched

PROMPTS = Path(__file__).parent / "prompts"
QUESTIONS, TRANSLATE = PROMPTS / "questions.txt", PROMPTS / "translate.txt"
QUESTION_BLANKS = ("language", "questions", "document")
TRANSLATE_BLANKS = ("language", "source_language", "question")


class Written(Record):
    """What was asked for, and what came of it; tokens and cost are of answers that were not in the cache."""

    task: str
    source: str
    """Name of the task it is made of."""
    model: str
    queries: dict[Lang, int]
    """Written now."""
    asked: dict[Lang, int]
    """Requests."""
    failures: dict[str, int]
    """Why requests have no usable answer -> how many."""
    tokens_in: int
    tokens_out: int
    cost: float
    """In the prices' currency."""
    cached: int
    """Answers that were there already."""

    def params(self) -> Mapping[str, str]:
        """Of the run."""
        return {"source": self.source, "llm": self.model}

    def tags(self) -> Mapping[str, str]:
        """Of the run."""
        return {}

    def metrics(self) -> Mapping[str, float]:
        """Of the run."""
        names = ("tokens_in", "tokens_out", "cost", "cached")
        return {name: getattr(self, name) for name in names} | {"queries": sum(self.queries.values())}


@dataclass(frozen=True)
class Plan:
    """Requests that would be sent: messages, and the language that each answer is wanted in."""

    messages: list[list[dict[str, str]]]
    langs: list[Lang]


def sampled(corpus: Task, settings: Settings, languages: Collection[Lang] = ()) -> list[Document]:
    """Documents to ask about: of each language, one of every group before a second one of any.

    Raises:
        UserError: a language is none of the task's, or no document is long enough.
    """
    chosen = settings.generate
    if unknown := sorted(set(languages) - set(corpus.languages)):
        raise UserError(
            f"--languages: {corpus.name} has no documents in {unknown[0]!r}, only in {', '.join(corpus.languages)}"
        )
    long = [d for d in corpus.documents if len(d.text) >= chosen.shortest]
    found = []
    for lang in languages or corpus.languages:
        order = stratified((d for d in long if d.lang == lang), chosen.documents_seed)
        found += order[: chosen.documents_per_language]
    if not found:
        raise UserError(
            f"{corpus.name}: no document has {chosen.shortest} characters or more: lower --shortest"
        )
    return found


def plan_questions(documents: Sequence[Document], prompt: Prompt, settings: Settings) -> Plan:
    """A request per document."""
    chosen = settings.generate
    messages = [
        prompt.messages(
            language=language_name(d.lang), questions=chosen.questions, document=d.whole[: chosen.longest]
        )
        for d in documents
    ]
    return Plan(messages, [d.lang for d in documents])


def generate_queries(
    corpus: Task,
    documents: Sequence[Document],
    plan: Plan,
    chat: Chat,
    settings: Settings,
    name: str,
    watch: Watch = unwatched,
) -> tuple[Task, Written]:
    """The task that the questions make: right for one are all documents of the group of the one it was written for.

    `corpus` are all documents that will be searched, `documents` those that the plan asks about.

    Raises:
        UserError: the endpoint cannot be used, or no question came of it.
    """
    wanted, langs = settings.generate.questions, corpus.languages
    field = Field("questions", {"type": "array", "items": TEXT}, lambda text: _lines(text, wanted))

    def check(value: Any, place: int) -> str:
        return _why_not(value, plan.langs[place], langs)

    answers = chat.ask(plan.messages, field, watch, "questions", check)
    of_group: dict[str, list[str]] = defaultdict(list)
    for document in corpus.documents:
        if document.group:
            of_group[document.group].append(document.doc_id)
    queries: list[Query] = []
    qrels = {}
    for document, answer in zip(documents, answers, strict=True):
        if isinstance(answer, Failure):
            continue
        for number, text in enumerate(_usable(answer, document.lang, langs)[:wanted], 1):
            query_id = f"{document.doc_id}-q{number}"
            queries.append(Query(query_id, text, document.lang, query_id, doc_id=document.doc_id))
            right = of_group[document.group] if document.group else [document.doc_id]
            qrels[query_id] = dict.fromkeys(right, 1)
    note = f"questions written by the language model {chat.name} about documents of {corpus.name}"
    notes = tuple(dict.fromkeys([*corpus.notes, note]))
    task = replace(corpus, name=name, queries=tuple(queries), qrels=qrels, unjudged=False, notes=notes)
    return task, _written(name, corpus, chat, queries, plan, answers)


def plan_translations(task: Task, prompt: Prompt, languages: Collection[Lang]) -> tuple[Plan, list[Query]]:
    """A request for each need and language it is not asked in yet, and the question that is translated.

    Raises:
        UserError: nothing is left to translate.
    """
    there = {(q.need_id, q.lang) for q in task.queries}
    pairs = [
        (lang, q) for need, q in task.originals.items() for lang in languages if (need, lang) not in there
    ]
    if not pairs:
        raise UserError(f"{task.name}: every question is asked in {', '.join(languages)} already")
    messages = [
        prompt.messages(language=language_name(lang), source_language=language_name(q.lang), question=q.text)
        for lang, q in pairs
    ]
    return Plan(messages, [lang for lang, _ in pairs]), [q for _, q in pairs]


def translate_queries(
    task: Task, plan: Plan, originals: Sequence[Query], chat: Chat, name: str, watch: Watch = unwatched
) -> tuple[Task, Written]:
    """The task with the translations, which share need, judgements and document of their originals.

    Raises:
        UserError: the endpoint cannot be used, or no translation came of it.
    """
    field = Field("translation", TEXT, lambda text: next(iter(_lines(text, 1) or []), None))
    langs = tuple(dict.fromkeys((*task.languages, *plan.langs)))

    def check(value: Any, place: int) -> str:
        same = text_digest(value) == text_digest(originals[place].text)
        return "it is the question itself" if same else _why_not([value], plan.langs[place], langs)

    answers = chat.ask(plan.messages, field, watch, "translations", check)
    queries: list[Query] = []
    qrels, taken = {}, {q.query_id for q in task.queries}
    for lang, original, answer in zip(plan.langs, originals, answers, strict=True):
        if isinstance(answer, Failure):
            continue
        query_id = f"{original.query_id}-{lang}"
        while query_id in taken:  # that of another question
            query_id += f"-{lang}"
        taken.add(query_id)
        queries.append(replace(original, query_id=query_id, text=answer.strip(), lang=lang, native=False))
        qrels[query_id] = task.qrels.get(original.query_id, {})
    notes = tuple(dict.fromkeys([*task.notes, f"questions translated by the language model {chat.name}"]))
    every, judged = (*task.queries, *queries), {**task.qrels, **qrels}
    whole = replace(task, name=name, languages=langs, queries=every, qrels=judged, notes=notes)
    return whole, _written(name, task, chat, queries, plan, answers)


def _lines(text: str, n: int) -> list[str] | None:
    """The first lines of plain text, without what lists put before them."""
    lines = [line.strip().lstrip("-*•0123456789.) ").strip("\"“”'` ") for line in text.splitlines()]
    return [line for line in lines if line][:n] or None


def _usable(texts: Sequence[Any], lang: Lang, langs: Collection[Lang]) -> list[str]:
    """Texts in the wanted language, each once."""
    found = [text.strip() for text in texts if isinstance(text, str) and text.strip() and "\0" not in text]
    return [text for text in dict.fromkeys(found) if other_language(text, lang, langs) is None]


def _why_not(texts: Sequence[Any], lang: Lang, langs: Collection[Lang]) -> str:
    """Why none of the texts can be used; empty if one can."""
    if _usable(texts, lang, langs):
        return ""
    others = [other_language(text, lang, langs) for text in texts if isinstance(text, str)]
    found = next(filter(None, others), "")
    return f"it is in {language_name(found)}, not in {language_name(lang)}" if found else "it is empty"


def _written(
    name: str, source: Task, chat: Chat, queries: Sequence[Query], plan: Plan, answers: Sequence[Any]
) -> Written:
    failures = Counter(answer.reason for answer in answers if isinstance(answer, Failure))
    if not queries:
        reason = failures.most_common(1)[0][0] if failures else "nothing was asked"
        raise UserError(f"{counted(len(answers), 'request')} and no usable answer: {reason}")
    usage = chat.endpoint.usage
    return Written(
        task=name,
        source=source.name,
        model=chat.name,
        queries=dict(Counter(q.lang for q in queries)),
        asked=dict(Counter(plan.langs)),
        failures=dict(failures.most_common()),
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        cost=round(usage.cost, 6),
        cached=usage.cached,
    )


FEWEST_EXAMPLES = 5
"""Kinds of failure that are told, at most."""


def written_grid(written: Written, what: str) -> Grid:
    """A row per language: requests and what came of them."""
    rows = [row(lang, f"{n:,}", f"{written.queries.get(lang, 0):,}") for lang, n in written.asked.items()]
    worst = list(written.failures.items())[:FEWEST_EXAMPLES]
    notes = tuple(f"Without a usable answer: {n:,}, {reason}." for reason, n in worst)
    title = f"{what} by {written.model}: {written.source} to {written.task}"
    return Grid("written", title, heads("language", "requests", what.lower()), tuple(rows), notes=notes)
