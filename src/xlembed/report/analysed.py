"""Words about an analysis that tables and figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def label_words(reports: Sequence[Mapping[str, Any]]) -> str:
    """Which languages carry a label, model by model.

    >>> label_words([{"model": "m", "labels": {"de": "language not supported", "tr": "language not supported"}}])
    'm: language not supported: de, tr.'
    """
    found: dict[str, list[str]] = {}
    for report in reports:
        for lang, label in report["labels"].items():
            found.setdefault(f"{report['model']}: {label}", []).append(lang)
    return " ".join(f"{words}: {', '.join(langs)}." for words, langs in found.items())
