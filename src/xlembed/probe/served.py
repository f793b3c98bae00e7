"""Text in, scores out: an encoder and a probe, or a fine-tuned rival, in one folder that MLflow can serve.

MLflow loads it by `_load_pyfunc` (its loader modules), so that nothing is pickled and this module needs no MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from xlembed.data.scored import Scores
from xlembed.embeddings.batching import plan_batches
from xlembed.embeddings.derive import derive
from xlembed.files import read_record, write_json
from xlembed.models.card import ModelCard
from xlembed.models.encoder import Encoder
from xlembed.models.spec import ModelRef, Variation
from xlembed.probe.base import Bounds, FittedProbe, load_probe
from xlembed.words import DType, Role, UserError

ABOUT, ENCODER, PROBE, RIVAL = "scorer.json", "encoder", "probe", "rival"
FORMAT = 1
BATCH_TOKENS = 8192
TEXT = "text"
"""The column that is read."""
YES = "_yes"
"""Behind a label's name: whether its score reaches the threshold."""


class Predictor(Protocol):
    """Anything that scores texts."""

    def predict(self, texts: Sequence[str]) -> Scores:
        """Shape (n_texts, n_dimensions)."""


@dataclass(frozen=True, eq=False)
class EncodedPredictor:
    """A probe on the vectors of its encoder."""

    encoder: Encoder
    dim: int | None
    probe: FittedProbe

    def predict(self, texts: Sequence[str]) -> Scores:
        """Encode in the document role, as in training."""
        counts = np.array(self.encoder.token_counts(texts, Role.DOCUMENT), dtype=np.int64)
        vectors = np.empty((len(texts), self.encoder.dim), dtype=np.float32)
        for batch in plan_batches(counts, BATCH_TOKENS):
            vectors[batch] = self.encoder.encode_batch([texts[i] for i in batch], Role.DOCUMENT)
        return self.probe.predict(derive(vectors, self.dim))


@dataclass(frozen=True, eq=False)
class Scorer:
    """What MLflow serves. Thresholds are the least scores that say yes, of labels only."""

    predictor: Predictor
    dimensions: Sequence[str]
    thresholds: Sequence[float] | None
    bounds: Bounds

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """One column per dimension, one row per text; labels have a column NAME_yes of 0 and 1 too.

        Args:
            data: a table with the column `text`, or the texts.
            params: none are known.

        Raises:
            UserError: there is no such column, or something is no text.
        """
        texts = _texts(data)
        scores = self.predictor.predict(texts) if texts else np.empty((0, len(self.dimensions)))
        table = pd.DataFrame(self.bounds.clip(scores), columns=list(self.dimensions))
        for name, threshold in zip(self.dimensions, self.thresholds or (), strict=False):
            table[name + YES] = (table[name] >= threshold).astype(int)
        return table


def columns(dimensions: Sequence[str], labels: bool) -> list[tuple[str, str]]:
    """Name and MLflow type of each column that `Scorer.predict` gives."""
    scores = [(name, "double") for name in dimensions]
    return scores + [(name + YES, "long") for name in dimensions] if labels else scores


def write_scorer(
    folder: Path,
    *,
    dimensions: Sequence[str],
    thresholds: Sequence[float] | None,
    bounds: Bounds,
    parts: Mapping[str, Path],
    ref: ModelRef | None = None,
    instruction: str = "",
) -> None:
    """Put a scorer together; files of others are linked, not copied, for whoever copies the folder.

    `parts` are folders with files: `encoder` and `probe`, or `rival`; thresholds are those of labels.
    """
    folder.mkdir(parents=True)
    for name, place in parts.items():
        (folder / name).symlink_to(place.resolve(), target_is_directory=True)
    about: dict[str, Any] = {
        "format": FORMAT,
        "dimensions": list(dimensions),
        "thresholds": None if thresholds is None else list(thresholds),
        "bounds": [list(ends) for ends in bounds.ends],
    }
    if ref is not None:
        variation = ref.variation
        about["model"] = {
            "slug": ref.slug,
            "card": {**ref.card.model_dump(mode="json"), "bundled": None, "packaged": None},
            "dim": variation.dim,
            "max_tokens": variation.max_tokens,
            "dtype": None if variation.dtype is None else str(variation.dtype),
            "instruction": instruction,
        }
    write_json(folder / ABOUT, about)


def load_scorer(folder: Path, device: str = "") -> Scorer:
    """What `write_scorer` put together.

    Raises:
        UserError: files are missing, or of another format.
    """
    about = read_record(folder / ABOUT, f"{folder} holds no scorer")
    if about.get("format") != FORMAT:
        raise UserError(f"{folder / ABOUT}: format {about.get('format')!r}; this version reads {FORMAT}")
    predictor: Predictor
    if "model" in about:
        predictor = _encoded(folder, about["model"], device)
    else:
        from xlembed.probe.rival import load_rival

        predictor = load_rival(folder / RIVAL, device=device)
    ends = about.get("bounds", [(None, None)] * len(about["dimensions"]))  # scorers were written without
    bounds = Bounds(tuple((low, high) for low, high in ends))
    return Scorer(predictor, about["dimensions"], about["thresholds"], bounds)


def _load_pyfunc(path: str) -> Scorer:
    """MLflow's way in."""
    return load_scorer(Path(path))


def _encoded(folder: Path, model: Mapping[str, Any], device: str) -> EncodedPredictor:
    from xlembed.models.loading import load_encoder

    dtype = DType(model["dtype"]) if model["dtype"] else None
    variation = Variation(model["dim"], model["max_tokens"], dtype=dtype)
    ref = ModelRef(model["slug"], ModelCard.model_validate(model["card"]), folder / ENCODER, variation)
    encoder = load_encoder(ref, device=device, instruction=model["instruction"], folder=folder / ENCODER)
    return EncodedPredictor(encoder, model["dim"], load_probe(folder / PROBE))


def _texts(data: Any) -> list[str]:
    if isinstance(data, pd.DataFrame):
        if TEXT not in data.columns:
            raise UserError(f"expected a column {TEXT!r}, found {', '.join(map(str, data.columns))}")
        data = data[TEXT]
    texts = [data] if isinstance(data, str) else list(data)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"row {place}: expected a text, found {type(text).__name__}")
    return texts
