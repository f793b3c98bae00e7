"""What `xlembed analyse` left, read back, and words about it that tables and figures share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlembed.types import UserError

MAPS = ("projection", "umap")
"""Files of documents on a plane, which may be missing."""


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
        UserError: there is no finished analysis.
    """
    try:
        report: dict[str, Any] = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder} holds no analysis: run xlembed analyse") from None
    return {**report, **{name: _read_map(folder / f"{name}.json") for name in MAPS}}


def _read_map(path: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found
