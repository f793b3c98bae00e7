"""Distractors: a small corpus made large enough that an index has work to do, with vectors of the same model."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlembed.data.languages import require_language
from xlembed.data.task import Document, Task
from xlembed.files import atomic_path
from xlembed.words import Lang, UserError, Vectors

PREFIX = "distractor-"
SYNTHETIC = "synthetic distractor: between the vectors of two documents"
"""What the text field of an interpolated document holds."""
NO_LANGUAGE: Lang = "und"
"""Of a text whose language nobody told: no filter finds it."""
SHARES = (0.25, 0.75)
"""Part of the first of two documents; nearer to one of them it would be its copy."""
CHUNK_ROWS = 8192
FORMAT = 1


@dataclass(frozen=True)
class Padded:
    """A corpus with distractors behind its documents: texts of the user, then interpolations.

    Attributes:
        task: documents and distractors; queries, judgements and languages of the task itself.
        vectors: float32, shape (documents, dim); memory-mapped if there are distractors.
        key: digest of all that determines the vectors.
        n_texts: distractors that are texts.
        n_synthetic: distractors that are interpolations.
        path: the file of the vectors; None if the corpus is as it was.
    """

    task: Task
    vectors: Vectors
    key: str
    n_texts: int
    n_synthetic: int
    path: Path | None


@dataclass(frozen=True)
class Pairs:
    """Which documents are interpolated: rows of both, and the share of the first; shape (n,) each."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float64]


def read_texts(file: Path, lang: Lang = NO_LANGUAGE) -> list[tuple[str, Lang]]:
    """Distractor texts: plain lines, or JSON lines (`.jsonl`) with `text` and perhaps `lang`; empty ones are skipped.

    Raises:
        UserError: names file and line.
    """
    if lang != NO_LANGUAGE:
        require_language(lang, "--pad-lang")
    try:
        # Nothing but a line feed ends a line: a JSON text may hold other separators.
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a readable text file ({error})") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if file.suffix != ".jsonl":
            found.append((line.strip(), lang))
            continue
        try:
            row = json.loads(line)
            text, said = row["text"].strip(), row.get("lang") or lang
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{file}:{number}: expected an object with `text`") from None
        if said not in (lang, NO_LANGUAGE):
            require_language(str(said), f"{file}:{number}: lang")
        if text:
            found.append((text, said))
    if not found:
        raise UserError(f"{file}: holds no text")
    return found


def choose_pairs(langs: Sequence[Lang], directed: NDArray[np.int64], n: int, seed: int) -> Pairs:
    """Pairs of documents of one language, languages as often as in the corpus; the same seed gives the same pairs.

    `directed` are the rows whose vector is not zero, ascending.

    Raises:
        UserError: under two documents have a vector.
    """
    if len(directed) < 2:
        raise UserError(f"{len(directed)} documents have a vector; interpolation needs at least 2")
    rng = np.random.default_rng(seed)
    place = rng.integers(0, len(directed), size=n)
    # A step from 1 to size - 1 around the ring of a language's documents never ends where it began.
    draw, share = rng.random(n), rng.uniform(*SHARES, size=n)
    spoken = np.asarray(langs)[directed]
    first = directed[place]
    second = np.empty(n, dtype=np.int64)
    for lang in np.unique(spoken):
        ring = np.flatnonzero(spoken == lang)
        if len(ring) < 2:
            ring = np.arange(len(directed))
        mine = np.flatnonzero(spoken[place] == lang)
        step = 1 + (draw[mine] * (len(ring) - 1)).astype(np.int64)
        second[mine] = directed[ring[(np.searchsorted(ring, place[mine]) + step) % len(ring)]]
    return Pairs(first, second, share)


def interpolate(vectors: Vectors, pairs: Pairs, chunk: int = CHUNK_ROWS) -> Iterator[Vectors]:
    """Unit vectors between the two of each pair, float32, a chunk at a time."""
    for start in range(0, len(pairs.first), chunk):
        part = slice(start, start + chunk)
        share = pairs.share[part, None]
        a, b = (vectors[rows[part]].astype(np.float64) for rows in (pairs.first, pairs.second))
        mixed = share * a + (1 - share) * b
        length = np.sqrt(np.square(mixed).sum(axis=1, keepdims=True))
        opposite = length[:, 0] < 1e-6
        mixed[opposite], length[opposite] = a[opposite], 1.0
        yield (mixed / length).astype(np.float32)


def pad(
    task: Task,
    vectors: Vectors,
    wanted: int,
    folder: Path,
    *,
    fingerprint: str,
    seed: int,
    texts: Sequence[tuple[str, Lang]] = (),
    text_vectors: Iterable[Vectors] = (),
) -> Padded:
    """Documents up to a wanted number: the user's texts first, then interpolations; a larger corpus stays as it is.

    Args:
        task: the corpus.
        vectors: float32, shape (n_documents, dim).
        wanted: documents.
        folder: for the file of vectors, which is made again only if it is not there.
        fingerprint: of the model's vectors.
        seed: of the interpolation.
        texts: (text, language) of distractors, at most what is lacking.
        text_vectors: theirs in chunks, float32, unit length.

    Raises:
        UserError: a document is called like a distractor, or there are too few to interpolate.
    """
    n = max(0, wanted - len(task.documents))
    texts = list(texts[:n])
    told = [FORMAT, fingerprint, task.documents_digest, n, seed, texts]
    key = hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:16]
    if not n:
        return Padded(task, vectors, key, 0, 0, None)
    if taken := [d.doc_id for d in task.documents if d.doc_id.startswith(PREFIX)]:
        raise UserError(f"task {task.name}: document {taken[0]!r} is called like a distractor; rename it")
    langs = [d.lang for d in task.documents]
    directed = np.array([row for row, v in enumerate(vectors) if v.any()], dtype=np.int64)
    n_synthetic = n - len(texts)
    pairs = choose_pairs(langs, directed, n_synthetic, seed) if n_synthetic else None
    extra = [Document(f"{PREFIX}{i}", text, lang) for i, (text, lang) in enumerate(texts)]
    if pairs is not None:
        extra += [
            Document(f"{PREFIX}{i}", SYNTHETIC, langs[row])
            for i, row in enumerate(pairs.first.tolist(), start=len(texts))
        ]
    path = folder / f"{key}.npy"
    shape = (len(task.documents) + n, vectors.shape[1])
    if not path.is_file() or np.load(path, mmap_mode="r").shape != shape:
        mixed = interpolate(vectors, pairs) if pairs is not None else iter(())
        own = (vectors[start : start + CHUNK_ROWS] for start in range(0, len(vectors), CHUNK_ROWS))
        _write(path, shape, itertools.chain(own, text_vectors, mixed))
    return Padded(
        replace(task, documents=(*task.documents, *extra)),
        np.load(path, mmap_mode="r"),
        key,
        len(texts),
        n_synthetic,
        path,
    )


def _write(path: Path, shape: tuple[int, int], parts: Iterable[Vectors]) -> None:
    with atomic_path(path) as temporary:
        table = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float32, shape=shape)
        row = 0
        for part in parts:
            table[row : row + len(part)] = part
            row += len(part)
        if row != shape[0]:
            raise ValueError(f"{row} vectors for {shape[0]} documents")
        table.flush()
        del table
