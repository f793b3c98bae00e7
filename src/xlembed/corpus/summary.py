"""A task in numbers, for people and for scripts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xlembed.corpus.task import Task


def summarise(task: Task) -> dict[str, Any]:
    """The card, sizes, sizes per language, digest, merges and notes; equal for equal tasks."""
    lang_of = {d.doc_id: d.lang for d in task.documents}
    documents = Counter(lang_of.values())
    queries = Counter(q.lang for q in task.queries)
    relevant: Counter[tuple[str, bool]] = Counter()
    for query in task.queries:
        for doc_id, grade in task.qrels.get(query.query_id, {}).items():
            if grade >= 1:
                relevant[query.lang, lang_of[doc_id] == query.lang] += 1
    return {
        "name": task.name,
        "languages": list(task.languages),
        "alignment": str(task.alignment),
        "source": task.source,
        "licence": task.licence,
        "description": task.description,
        "demonstration": task.demonstration,
        "documents": len(task.documents),
        "queries": len(task.queries),
        "needs": len({q.need_id for q in task.queries}),
        "judgements": sum(len(docs) for docs in task.qrels.values()),
        "per_language": {
            lang: {
                "documents": documents[lang],
                "queries": queries[lang],
                "relevant_same_language": relevant[lang, True],
                "relevant_other_languages": relevant[lang, False],
            }
            for lang in task.languages
        },
        "merged": len(task.merged),
        "digest": task.digest,
        "notes": list(task.notes),
    }


def summary_text(summary: dict[str, Any]) -> str:
    """The summary as lines of text."""
    lines = [f"{summary['name']}: {summary['description']}".removesuffix(": ")]
    for key in ("source", "licence"):
        if summary[key]:
            lines.append(f"  {key:<11} {summary[key]}")
    if summary["demonstration"]:
        lines.append("  demonstration: for trying the commands, not for conclusions about models")
    asked = f"{summary['needs']:,} needs, {summary['judgements']:,} judgements"
    lines += [
        f"  alignment   {summary['alignment']}",
        f"  documents   {summary['documents']:,}",
        f"  queries     {summary['queries']:,} ({asked})",
        f"  digest      {summary['digest'][:16]}",
        "",
        "  lang  documents   queries  relevant: same language  other languages",
    ]
    for lang, sizes in summary["per_language"].items():
        lines.append(
            f"  {lang:<4} {sizes['documents']:>10,} {sizes['queries']:>9,} "
            f"{sizes['relevant_same_language']:>24,} {sizes['relevant_other_languages']:>16,}"
        )
    if summary["notes"]:
        lines += ["", "  notes:", *(f"  - {note}" for note in summary["notes"])]
    return "\n".join(lines)
