"""Documents and their vectors as the server takes them: checked, and written as the lines of a bulk request."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from xlembed.data.task import Document
from xlembed.search.analysis import characters, searchable
from xlembed.search.elastic.layout import ORIGINAL, VECTOR, lettered, letters_field, text_field
from xlembed.words import UserError, Vectors

LONGEST_ID = 512
"""Bytes of an `_id`, the server's limit."""
UNIT_SLACK = 1e-4
"""How far a squared length may be from 1: the stricter of the servers' limits."""
CHECK_ROWS = 8192
LISTED = 10
"""Offending ids shown in a message."""


@dataclass(frozen=True)
class Source:
    """Documents and their vectors, row by row; vectors may be memory-mapped and stay so.

    Attributes:
        documents: ids, texts, languages, groups.
        vectors: float32, shape (n, dim), unit length; a row of zeros is never indexed. With dim 0 there are no
            vectors and all texts are indexed.
        rows: those to be indexed, ascending.
    """

    documents: Sequence[Document]
    vectors: Vectors
    rows: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        doc_ids = [d.doc_id for d in self.documents]
        rows = check_vectors(self.vectors, doc_ids) if self.vectors.shape[1] else np.arange(len(doc_ids))
        object.__setattr__(self, "rows", rows)

    @classmethod
    def of_texts(cls, documents: Sequence[Document]) -> Source:
        """Documents without vectors.

        Raises:
            UserError: lists documents whose id is too long.
        """
        check_ids([d.doc_id for d in documents])
        return cls(documents, np.empty((len(documents), 0), dtype=np.float32))


def check_ids(doc_ids: Sequence[str]) -> None:
    """Refuse ids that the server would refuse.

    Raises:
        UserError: lists them.
    """
    too_long = [doc_id for doc_id in doc_ids if len(doc_id.encode()) > LONGEST_ID]
    if too_long:
        raise UserError(f"document ids over {LONGEST_ID} bytes, Elasticsearch's limit: {_listed(too_long)}")


def check_vectors(vectors: Vectors, doc_ids: Sequence[str]) -> NDArray[np.int64]:
    """Rows that can be indexed: all but zero vectors, which have no direction.

    Raises:
        UserError: lists documents whose vector is not finite or not of unit length, or whose id is too long.
    """
    if len(vectors) != len(doc_ids):
        raise ValueError(f"{len(vectors)} vectors for {len(doc_ids)} documents")
    check_ids(doc_ids)
    keep = np.empty(len(vectors), dtype=bool)
    wrong: dict[str, list[int]] = {"not finite": [], "not of unit length": []}
    for start in range(0, len(vectors), CHECK_ROWS):
        block = np.asarray(vectors[start : start + CHECK_ROWS], dtype=np.float64)
        finite = np.isfinite(block).all(axis=1)
        squared = np.einsum("ij,ij->i", block, block)
        zero = squared == 0
        keep[start : start + len(block)] = ~zero
        wrong["not finite"] += (start + np.flatnonzero(~finite)).tolist()
        with np.errstate(invalid="ignore"):
            unequal = finite & ~zero & (np.abs(squared - 1) > UNIT_SLACK)
        wrong["not of unit length"] += (start + np.flatnonzero(unequal)).tolist()
    problems = [
        f"vectors {what}: {_listed([doc_ids[row] for row in rows])}" for what, rows in wrong.items() if rows
    ]
    if problems:
        raise UserError("\n".join([*problems, "encode again: xlembed encode"]))
    return np.flatnonzero(keep)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


class Writer:
    """Rows of a source as the lines of a bulk request.

    Vectors are packed as base64 of big-endian float32 (servers from 9.3), a third of the bytes of numbers in text.
    """

    def __init__(self, source: Source, packed: bool) -> None:
        self._documents, self._vectors = source.documents, source.vectors
        self._packed = packed

    def lines(self, rows: NDArray[np.int64]) -> list[bytes]:
        """Action and document of each row in turn."""
        block = np.ascontiguousarray(self._vectors[rows], dtype=np.float32)
        texts: Sequence[bytes] | None = None
        if self._packed:
            texts = [base64.b64encode(row) for row in block.astype(">f4")]
        lines: list[bytes] = []
        for i, row in enumerate(rows):
            document = self._documents[row]
            body: dict[str, Any] = {"id": document.doc_id, "lang": document.lang}
            if document.group:
                body["group"] = document.group
            words = f"{document.title}\n{document.text}" if document.title else document.text
            body[text_field(document.lang)] = searched = searchable(words)
            if searched != words:
                body[ORIGINAL] = words
            if lettered([document.lang]):
                body[letters_field(document.lang)] = " ".join(characters(words, document.lang))
            if block.shape[1]:
                body[VECTOR] = block[i] if texts is None else texts[i].decode("ascii")
            lines.append(orjson.dumps({"index": {"_id": document.doc_id}}))
            lines.append(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))
        return lines

    def rows_per(self, n_bytes: int) -> int:
        """How many rows make about so many bytes."""
        return max(1, int(n_bytes // self._row_bytes))

    @cached_property
    def _row_bytes(self) -> float:
        """Of a sample, taken once: every request asks."""
        dims = self._vectors.shape[1]
        sample = np.linspace(0, len(self._documents) - 1, num=min(64, len(self._documents)), dtype=np.int64)
        text = np.mean([len(self._documents[row].text.encode()) for row in sample])
        return float(dims * (5.4 if self._packed else 12.5) + text + 150)
