"""What must stand beside results whose vectors were post-processed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def postprocessing_note(described: Mapping[str, Any]) -> str:
    """One sentence on how the vectors came about.

    Args:
        described: `postprocessing` of an export's manifest or of scores.json.

    Example:
        >>> postprocessing_note({"steps": ["lir3"], "by_declared_language": True, "pooled": {"lir3": ["ja"]}})
        "post-processing fitted on this task's documents (transductive), queries by declared language (oracle); \
with statistics of all languages, having too few documents: ja (lir3)"
    """
    parts = ["post-processing fitted on this task's documents (transductive)"]
    if described["by_declared_language"]:
        parts.append(", queries by declared language (oracle)")
    if pooled := described["pooled"]:
        names = "; ".join(f"{', '.join(langs)} ({step})" for step, langs in pooled.items())
        parts.append(f"; with statistics of all languages, having too few documents: {names}")
    return "".join(parts)


def postprocessing_notes(notes: Mapping[str, str]) -> list[str]:
    """Model -> note as lines `MODEL, MODEL: note.`, models with one note together, in the order given."""
    models: dict[str, list[str]] = {}
    for model, note in notes.items():
        if note:
            models.setdefault(note, []).append(model)
    return [f"{', '.join(names)}: {note}." for note, names in models.items()]


def notes_of(scores: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Model -> what must be known of its vectors, of those among some contents of scores.json that have something."""
    notes = {
        s["model"]: [
            *s.get("warnings", ()),
            *([s["postprocessing"]["note"]] if s.get("postprocessing") else []),
        ]
        for s in scores
    }
    return {model: "; ".join(lines) for model, lines in notes.items() if lines}
