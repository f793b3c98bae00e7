"""What `xlembed analyse` left, read back, and words about it that tables and figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlembed.files import read_record

MAPS = ("projection", "umap")
"""Files of documents on a plane, which may be missing."""
AGAIN = "run xlembed analyse"
REPORT: Mapping[str, type] = {"task": str, "task_digest": str, "model": str, "morphology": list}
"""What every analysis.json says."""


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


def read_analysis(folder: Path) -> dict[str, Any]:
    """analysis.json with projection.json and umap.json (or None) as `projection` and `umap`.

    Raises:
        UserError: there is no finished analysis, or it is damaged.
    """
    report = read_record(folder / "analysis.json", AGAIN, REPORT)
    return {**report, **{name: _read_map(folder / f"{name}.json") for name in MAPS}}


def _read_map(path: Path) -> dict[str, Any] | None:
    return read_record(path, AGAIN) if path.is_file() else None
