"""A task in numbers, for people and for scripts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xlembed.data.task import Alignment, Task
from xlembed.files import Record
from xlembed.words import Lang


class Summary(Record):
    """What tasks and sets of scored texts both have."""

    name: str
    languages: tuple[Lang, ...]
    source: str
    licence: str
    description: str
    digest: str
    notes: tuple[str, ...]

    def framed(self, first: list[str], rest: list[str]) -> str:
        """Name and origin, then what a kind of set adds before and after the digest, then the notes."""
        lines = [f"{self.name}: {self.description}".removesuffix(": ")]
        origin = {"source": self.source, "licence": self.licence}
        lines += [f"  {key:<11} {value}" for key, value in origin.items() if value]
        lines += [*first, f"  digest      {self.digest[:16]}", "", *rest]
        if self.notes:
            lines += ["", "  notes:", *(f"  - {note}" for note in self.notes)]
        return "\n".join(lines)


class LanguageSizes(Record):
    """One language of a task; the relevant pairs are those of its queries."""

    documents: int
    queries: int
    relevant_same_language: int
    relevant_other_languages: int


class TaskSummary(Summary):
    """Card, sizes and notes of a task."""

    alignment: Alignment
    citation: str = ""
    demonstration: bool
    documents: int
    queries: int
    needs: int
    judgements: int
    per_language: dict[Lang, LanguageSizes]
    merged: int
    unjudged: bool
    machine_judged: bool = False

    def text(self) -> str:
        """As lines."""
        flags = {
            "  demonstration: for trying the commands, not for conclusions about models": self.demonstration,
            "  unjudged: nobody has said which documents are right; nothing can be evaluated": self.unjudged,
            "  machine judged: a language model, and no person, said what is right": self.machine_judged,
            f"  citation    {self.citation}": self.citation,
        }
        first = [
            *(line for line, is_said in flags.items() if is_said),
            f"  alignment   {self.alignment}",
            f"  documents   {self.documents:,}",
            f"  queries     {self.queries:,} ({self.needs:,} needs, {self.judgements:,} judgements)",
        ]
        width = max(4, *map(len, self.per_language))
        rows = [
            f"  {lang:<{width}} {sizes.documents:>10,} {sizes.queries:>9,} "
            f"{sizes.relevant_same_language:>24,} {sizes.relevant_other_languages:>16,}"
            for lang, sizes in self.per_language.items()
        ]
        head = f"  {'lang':<{width}}  documents   queries  relevant: same language  other languages"
        return self.framed(first, [head, *rows])


def card_fields(found: Any) -> dict[str, Any]:
    """The fields of `Summary` that a task or a set has."""
    return {key: getattr(found, key) for key in Summary.model_fields}


def summarise(task: Task) -> TaskSummary:
    """Equal for equal tasks."""
    lang_of = {d.doc_id: d.lang for d in task.documents}
    documents = Counter(lang_of.values())
    queries = Counter(q.lang for q in task.queries)
    relevant = Counter(
        (query.lang, lang_of[doc_id] == query.lang)
        for query in task.queries
        for doc_id, grade in task.qrels.get(query.query_id, {}).items()
        if grade >= 1
    )
    return TaskSummary(
        **card_fields(task),
        alignment=task.alignment,
        citation=task.citation,
        demonstration=task.demonstration,
        documents=len(task.documents),
        queries=len(task.queries),
        needs=len({q.need_id for q in task.queries}),
        judgements=sum(len(docs) for docs in task.qrels.values()),
        per_language={
            lang: LanguageSizes(
                documents=documents[lang],
                queries=queries[lang],
                relevant_same_language=relevant[lang, True],
                relevant_other_languages=relevant[lang, False],
            )
            for lang in task.languages
        },
        merged=len(task.merged),
        unjudged=task.unjudged,
        machine_judged=task.machine_judged,
    )


def first_rows(task: Task, n: int = 3, width: int = 100) -> list[str]:
    """The first documents and queries in a line each, queries with the documents that are right for them."""

    def cut(text: str) -> str:
        line = " ".join(text.split())
        return line if len(line) <= width else f"{line[: width - 3]}..."

    lines = [
        cut(f"{d.doc_id} [{d.lang}] {' | '.join(filter(None, (d.title, d.text)))}")
        for d in task.documents[:n]
    ]
    for query in task.queries[:n]:
        right = [doc_id for doc_id, grade in task.qrels.get(query.query_id, {}).items() if grade >= 1]
        more = f" and {len(right) - n} more" if len(right) > n else ""
        lines.append(
            cut(f"{query.query_id} [{query.lang}] {query.text}")
            + f" -> {', '.join(right[:n])}{more}" * bool(right)
        )
    return lines
