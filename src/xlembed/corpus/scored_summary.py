"""A set of scored texts in numbers, for people and for scripts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xlembed.corpus.scored import Part, ScoredKind, ScoredSet, score_array


def summarise_scored(found: ScoredSet) -> dict[str, Any]:
    """The card, sizes, scores per dimension, digest and notes; equal for equal sets."""
    documents = Counter(text.document for text in found.texts)
    largest, n_largest = documents.most_common(1)[0]
    languages = Counter(text.lang for text in found.texts)
    parts = Counter(text.split for text in found.texts)
    return {
        "name": found.name,
        "kind": str(found.kind),
        "languages": list(found.languages),
        "source": found.source,
        "licence": found.licence,
        "description": found.description,
        "texts": len(found.texts),
        "documents": len(documents),
        "largest_document": {"document": largest, "texts": n_largest},
        "per_language": {lang: languages[lang] for lang in found.languages},
        "split": {str(part): parts[part] for part in Part if parts[part]} or None,
        "without_part": parts[None],
        "torn_documents": _n_torn(found),
        "dimensions": _dimensions(found),
        "digest": found.digest,
        "notes": list(found.notes),
    }


def scored_text(summary: dict[str, Any]) -> str:
    """The summary as lines of text."""
    lines = [f"{summary['name']}: {summary['description']}".removesuffix(": ")]
    lines += [f"  {key:<11} {summary[key]}" for key in ("source", "licence") if summary[key]]
    largest = summary["largest_document"]
    languages = ", ".join(f"{lang} {n:,}" for lang, n in summary["per_language"].items())
    more = f" (largest: {largest['document']}, {largest['texts']:,} texts)" if largest["texts"] > 1 else ""
    lines += [
        f"  kind        {summary['kind']}",
        f"  texts       {summary['texts']:,} ({languages})",
        f"  documents   {summary['documents']:,}{more}",
        f"  split       {_split(summary)}",
        f"  digest      {summary['digest'][:16]}",
        "",
        *_table(summary),
    ]
    if summary["notes"]:
        lines += ["", "  notes:", *(f"  - {note}" for note in summary["notes"])]
    return "\n".join(lines)


def _dimensions(found: ScoredSet) -> list[dict[str, Any]]:
    scores = score_array(found.texts)
    return [
        {
            "name": dimension.name,
            "description": dimension.description,
            "low": dimension.low,
            "high": dimension.high,
            "mean": float(column.mean()),
            "sd": float(column.std()),
            "min": float(column.min()),
            "max": float(column.max()),
        }
        for dimension, column in zip(found.dimensions, scores.T, strict=True)
    ]


def _n_torn(found: ScoredSet) -> int:
    """Documents whose texts are in several parts of the published split."""
    parts: dict[str, set[Part]] = {}
    for text in found.texts:
        if text.split:
            parts.setdefault(text.document, set()).add(text.split)
    return sum(len(several) > 1 for several in parts.values())


def _split(summary: dict[str, Any]) -> str:
    if not summary["split"]:
        return "none published"
    parts = [f"{part} {n:,}" for part, n in summary["split"].items()]
    if summary["without_part"]:
        parts.append(f"none {summary['without_part']:,}")
    n_torn = summary["torn_documents"]
    torn = f"; tears {n_torn:,} document{'s' * (n_torn > 1)} apart" if n_torn else ""
    return f"{', '.join(parts)}{torn}"


def _table(summary: dict[str, Any]) -> list[str]:
    width = max(len("dimension"), *(len(d["name"]) for d in summary["dimensions"]))
    if summary["kind"] == ScoredKind.LABELS:
        lines = [f"  {'dimension':<{width}}  share of 1"]
        return lines + [f"  {d['name']:<{width}} {d['mean']:>11.3f}" for d in summary["dimensions"]]
    lines = [f"  {'dimension':<{width}}     mean       sd      min      max  scale"]
    for d in summary["dimensions"]:
        numbers = " ".join(f"{d[key]:>8.3g}" for key in ("mean", "sd", "min", "max"))
        ends = ["" if end is None else f"{end:g}" for end in (d["low"], d["high"])]
        lines.append(f"  {d['name']:<{width}} {numbers}  {' to '.join(ends) if any(ends) else 'not said'}")
    return lines
