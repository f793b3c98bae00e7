"""Encoding against SentenceTransformer.encode on the same texts, as ratios of time; run by hand.

    OMP_NUM_THREADS=1 python benchmarks/encode.py [MODEL ...] [--texts 2000]

Texts are the bundled reviews and their questions, long and short ones mixed as a task has them. Ours goes through the
store's batches without writing them; the peer gets the same prompts and computes in the model's own dtype. Medians of
three interleaved rounds. For another dtype (+bf16, +ov, +int8) also what it changes of the model's nDCG@10 on the
reviews, paired, with 95 % intervals.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from measuring import Line, interleaved, say
from numpy.typing import NDArray

from xlembed.data.loading import load_task
from xlembed.embeddings.crew import alone
from xlembed.embeddings.encode import Job, Sums
from xlembed.evaluate.eight_bits import compare_eight_bits, mode_and_pool, sample_task
from xlembed.measures import parse_measures
from xlembed.models.loading import load_encoder, load_for_training
from xlembed.models.spec import resolve_model
from xlembed.settings import Settings
from xlembed.show.text import interval_text, points
from xlembed.words import Role
from xlembed.workspace import Workspace, unwatched

SHARD = 1024


def lines(models: list[str], n_texts: int) -> list[Line]:
    """One per model."""
    task = load_task("data/reviews_sample")
    texts = list(dict.fromkeys([d.text for d in task.documents] + [q.text for q in task.queries]))[:n_texts]
    return [_line(model, texts) for model in models]


def _line(name: str, texts: list[str]) -> Line:
    encoder, model = load_encoder(resolve_model(name)), load_for_training(resolve_model(name)).eval()
    prompt = resolve_model(name).card.prompt(Role.DOCUMENT)

    def ours() -> NDArray[np.float32]:
        if ids := getattr(encoder, "_ids", None):
            ids.known.clear()  # tokens of the round before
        vectors = np.empty((len(texts), encoder.dim), np.float32)
        job = Job(alone(lambda: encoder), texts, Role.DOCUMENT, "float32", Sums(len(texts), None))
        for places, encoded in job.encoded(job.planned(np.arange(len(texts)), [], SHARD)):
            vectors[places] = encoded.vectors
        return vectors

    def peer() -> NDArray[np.float32]:
        return np.asarray(model.encode([prompt + text for text in texts], normalize_embeddings=True))

    cosine = float((ours() * peer()).sum(axis=1).min())
    what = f"encode {len(texts):,} mixed texts, {name}"
    note = f"lowest cosine {cosine:.7f}{_change(name)}"
    return interleaved(what, ours, "SentenceTransformer.encode", peer, note)


def _change(name: str) -> str:
    """Of nDCG@10 by the dtype that the name asks for, on questions of the reviews."""
    ref = resolve_model(name)
    if ref.variation.dtype is None:
        return ""
    task = sample_task(load_task("data/reviews_sample"))
    with tempfile.TemporaryDirectory() as place:
        workspace = Workspace(Settings(), Path(), Path(place))
        rows = compare_eight_bits(task, ref, parse_measures(["nDCG@10"])[0], workspace, unwatched)
    said = []
    for row in rows:
        ends = row.interval and (-row.interval[1], -row.interval[0])
        said.append(f"{mode_and_pool(row)} {points(-row.value)} {interval_text(ends, signed=True)}")
    return f"; nDCG@10 in points: {', '.join(said)}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=["static_multilingual", "all_minilm_l6_v2"])
    parser.add_argument("--texts", type=int, default=1500)
    told = parser.parse_args()
    say(lines(told.models, told.texts))
