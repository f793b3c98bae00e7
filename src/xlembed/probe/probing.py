"""What one system of a probe run is made of: vectors, what was fitted on them, its predictions and its costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.data.scored import Part, ScoredKind, ScoredSet, ScoredText, Scores, score_array
from xlembed.embeddings.derive import derive
from xlembed.embeddings.document_vectors import document_vectors
from xlembed.embeddings.encoding import open_encoding
from xlembed.models.spec import ModelRef
from xlembed.probe.base import Batch, FitOptions, find_probe
from xlembed.probe.splits import Split, near_duplicates
from xlembed.words import Role, UserError, Vectors
from xlembed.workspace import Watch, Workspace

TIMED_TEXTS = 100
"""Texts whose single answers are timed."""
EXAMPLES = 10
"""Near-duplicates that are listed."""


@dataclass(frozen=True)
class Parts:
    """The texts of a run, by part.

    Attributes:
        train: near-duplicates of other parts left out, unless the split is a published one.
        validation: likewise.
        twins: what was found, as rows `train_id`, `test_id`, `similarity`, of all parts; the first few.
        n_twins: how many texts nearly repeat one of another part.
        dropped: whether these were left out.
    """

    train: tuple[ScoredText, ...]
    validation: tuple[ScoredText, ...]
    test: tuple[ScoredText, ...]
    twins: tuple[Mapping[str, Any], ...]
    n_twins: int
    dropped: bool

    def of(self, part: Part) -> tuple[ScoredText, ...]:
        """The texts of one part."""
        return {Part.TRAIN: self.train, Part.VALIDATION: self.validation, Part.TEST: self.test}[part]

    @property
    def texts(self) -> tuple[ScoredText, ...]:
        """All, in the order of the parts."""
        return (*self.train, *self.validation, *self.test)


@dataclass(frozen=True, eq=False)
class System:
    """One thing that predicts, and what it cost.

    Attributes:
        about: its row in report.json.
        predicted: of the test part, shape (n, n_dimensions).
        timing: its row in timings.json.
        save: writes what was fitted into a folder.
        save_whole: likewise, with everything that is needed to predict from texts; rivals only.
        ref: the model under a probe; None for the floor and rivals.
    """

    about: dict[str, Any]
    predicted: Scores
    timing: dict[str, Any]
    save: Callable[[Path], None]
    save_whole: Callable[[Path], None] = field(default=lambda folder: None)
    ref: ModelRef | None = None

    @property
    def name(self) -> str:
        """As tables say it."""
        return str(self.about["name"])


@dataclass(frozen=True, eq=False)
class Encoded:
    """A model's vectors of all parts.

    Vectors are in the order of `Parts.texts`; tokens are counted before texts are cut.
    """

    ref: ModelRef
    vectors: Vectors
    tokens_median: float
    truncated_share: float
    max_tokens: int | None
    model_bytes: int
    device: str
    encode_ms: float

    @property
    def facts(self) -> dict[str, Any]:
        """For the row in report.json."""
        return {
            "total_parameters": self.ref.card.parameters,
            "model_bytes": self.model_bytes,
            "dim": self.vectors.shape[1],
            "max_tokens": self.max_tokens,
            "truncated_share": round(self.truncated_share, 6),
            "tokens_median": self.tokens_median,
        }


def part_texts(scored: ScoredSet, split: Split) -> Parts:
    """Divide the texts; leave out of training what nearly repeats a text that is chosen by or tested on.

    A published split keeps everything, so that results stay comparable with others' on it; what was found is told.
    """
    train, validation, test = ([scored.texts[i] for i in split.of(part)] for part in Part)
    twins: list[dict[str, Any]] = []
    kept: list[list[ScoredText]] = []
    for texts, apart in ((train, [*validation, *test]), (validation, test)):
        found = near_duplicates([t.text for t in texts], [t.text for t in apart])
        twins += [
            {
                "train_id": texts[twin.place].text_id,
                "test_id": apart[twin.other].text_id,
                "similarity": round(twin.similarity, 4),
            }
            for twin in found
        ]
        left_out = set() if split.published else {twin.place for twin in found}
        kept.append([t for i, t in enumerate(texts) if i not in left_out])
    if not all(kept):
        raise UserError(
            f"{scored.name}: every text for training or validation nearly repeats one of the test part"
        )
    return Parts(
        tuple(kept[0]), tuple(kept[1]), tuple(test), tuple(twins[:EXAMPLES]), len(twins), not split.published
    )


def check_labels(parts: Parts, scored: ScoredSet) -> None:
    """Both answers must be seen for every label in every part.

    Raises:
        UserError: names the label and the part.
    """
    if scored.kind is not ScoredKind.LABELS:
        return
    for part in Part:
        for name, column in zip(scored.dimension_names, score_array(parts.of(part)).T, strict=True):
            if len(set(column)) < 2:
                raise UserError(
                    f"{scored.name}: every text of the {part} part has {name} = {column[0]:g}; both 0 and 1 are "
                    "needed: add texts, or leave the label out"
                )


def encode_parts(ref: ModelRef, parts: Parts, workspace: Workspace, watch: Watch) -> Encoded:
    """Vectors of all texts in the document role, from the store where it has them, and what one text costs."""
    texts = [t.text for t in parts.texts]
    encoding = open_encoding(ref, workspace)
    vectors = document_vectors(encoding, texts, ref, watch, f"encode with {ref.slug}")
    encoder = encoding.encoder()
    tokens = np.array(encoder.token_counts(texts, Role.DOCUMENT))
    limit = encoder.max_tokens

    def encode_one(text: str) -> Vectors:
        return derive(encoder.encode_batch([text], Role.DOCUMENT), ref.variation.dim)

    return Encoded(
        ref=ref,
        vectors=vectors,
        tokens_median=float(np.median(tokens)),
        truncated_share=float((tokens > limit).mean()) if limit is not None else 0.0,
        max_tokens=limit,
        model_bytes=folder_bytes(encoding.folder),
        device=encoder.device,
        encode_ms=milliseconds(encode_one, [t.text for t in parts.test]),
    )


def fitted_system(probe: str, encoded: Encoded | None, parts: Parts, options: FitOptions) -> System:
    """A probe on a model's vectors; without them, the floor."""
    vectors = encoded.vectors if encoded else np.zeros((len(parts.texts), 1), np.float32)
    first, second = len(parts.train), len(parts.train) + len(parts.validation)
    train = Batch(vectors[:first], score_array(parts.train))
    validation = Batch(vectors[first:second], score_array(parts.validation))
    started = time.perf_counter()
    fitted = find_probe(probe).fit(train, validation, options)
    seconds = time.perf_counter() - started
    predicted = fitted.predict(vectors[second:])
    predict_ms = milliseconds(fitted.predict, [row[None] for row in vectors[second:]])
    encode_ms = encoded.encode_ms if encoded else None
    about: dict[str, Any] = {
        "name": f"{encoded.ref.slug}:{probe}" if encoded else probe,
        "kind": "probe" if encoded else "floor",
        "probe": probe if encoded else None,
        **model_row(encoded.ref if encoded else None, parts),
        **(encoded.facts if encoded else {}),
        "trainable_parameters": fitted.n_parameters,
        "details": dict(fitted.details),
        "thresholds": thresholds(lambda: fitted.predict(validation.vectors), validation.scores, options.kind),
    }
    timing = {
        "fit_seconds": seconds,
        "encode_ms_per_text": encode_ms,
        "predict_ms_per_text": predict_ms,
        "ms_per_text": (encode_ms or 0.0) + predict_ms,
        "device": encoded.device if encoded else "cpu",
    }
    return System(about, predicted, timing, fitted.save, ref=encoded.ref if encoded else None)


def model_row(ref: ModelRef | None, parts: Parts) -> dict[str, Any]:
    """What a row says of the model that reads the texts; nothing is known of the floor's, which has none."""
    sizes = ("total_parameters", "model_bytes", "dim", "max_tokens", "truncated_share", "tokens_median")
    if ref is None:
        return {"model": None, "english_only": False, "labels": {}, **dict.fromkeys(sizes)}
    languages = sorted({t.lang for t in parts.texts})
    return {
        "model": ref.slug,
        "english_only": ref.english_only,
        "labels": {lang: label for lang in languages if (label := ref.label(lang))},
        **({"weights": ref.weights} if ref.weights else {}),
        **dict.fromkeys(sizes),
    }


def thresholds(predict: Callable[[], Scores], truth: Scores, kind: ScoredKind) -> list[float] | None:
    """For each label the least prediction that says yes: the one with the best F1 on the validation part.

    Of equally good ones the middle one; halfway between two predictions, so that rounding decides nothing.
    """
    if kind is not ScoredKind.LABELS:
        return None
    predicted = predict()  # of labels only: a rival takes its time
    return [_threshold(predicted[:, d], truth[:, d] > 0.5) for d in range(truth.shape[1])]


def _threshold(predicted: Scores, true: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    values = np.unique(predicted)
    cuts = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2])
    yes = predicted[None] >= cuts[:, None]
    hits = (yes & true).sum(axis=1)
    f1 = 2 * hits / (yes.sum(axis=1) + true.sum())
    best = cuts[f1 >= f1.max() - 1e-12]
    return float(best[len(best) // 2])


def milliseconds(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Median milliseconds for one item at a time, over at most `TIMED_TEXTS`, after a first one that is not counted."""
    work(items[0])
    taken = []
    for item in items[:TIMED_TEXTS]:
        started = time.perf_counter()
        work(item)
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


def folder_bytes(folder: Path) -> int:
    """Of all files in it; links count as what they point to."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def with_lengths(refs: Sequence[ModelRef], lengths: Sequence[int]) -> tuple[list[ModelRef], list[str]]:
    """Each model cut at each length that it reaches, and whole; notes on lengths that it does not."""
    if not lengths:
        return list(refs), []
    found: dict[str, ModelRef] = {}
    notes = []
    for ref in refs:
        limit = ref.max_tokens or ref.card.max_tokens
        short = sorted({n for n in lengths if limit is None or n < limit})
        if longer := sorted({n for n in lengths if limit is not None and n > limit}):
            words = ", ".join(map(str, longer))
            notes.append(f"{ref.slug} reads {limit} tokens at most: there is nothing to see at {words}")
        for n in short:
            cut = replace(ref, slug=_cut_slug(ref, n), variation=replace(ref.variation, max_tokens=n))
            found[cut.slug] = cut
        found[ref.slug] = ref
    return list(found.values()), notes


def _cut_slug(ref: ModelRef, n: int) -> str:
    bare = ref.slug.removesuffix(ref.variation.suffix)
    return bare + replace(ref.variation, max_tokens=n).suffix
