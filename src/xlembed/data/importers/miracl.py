"""MIRACL: topics, judgements and passages of some languages, whose ids are their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xlembed.data.checks import Problems
from xlembed.data.importers import trec
from xlembed.data.read_options import EqualIds, ReadOptions
from xlembed.data.reading import Rows


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """As `trec`; every language has a Wikipedia of its own, so that equal ids say nothing."""
    return trec.read(files, replace(options, equal_ids=options.equal_ids or EqualIds.APART), problems)
