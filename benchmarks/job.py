"""The whole job as a process of its own against MTEB's, from the start of Python to the scores; run by hand.

    OMP_NUM_THREADS=1 python benchmarks/job.py [TASK] [--model static_multilingual]

Both evaluate the same model on the same task of one language (the bundled medical_qa_tr unless TASK is given). Ours
also computes intervals, draws figures and records the run; MTEB also imports its catalogue of tasks. Cold: with an
empty store. Warm: everything is encoded and MTEB has its cache of embeddings; ours searches and evaluates anew
(`--force`; figures of the same numbers are kept), or finds that nothing has changed. Medians of three interleaved
rounds, wall clock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measuring import Line, interleaved, say

from xlembed.models.hub import locate
from xlembed.models.spec import resolve_model

ROOT = Path(__file__).resolve().parent.parent
PEER = """
import sys, mteb
from mteb.models.cache_wrappers import CachedEmbeddingWrapper
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from sentence_transformers import SentenceTransformer
from xlembed.evaluate.mteb_task import mteb_task
task, weights, kept = sys.argv[1:]
model = SentenceTransformerEncoderWrapper(SentenceTransformer(weights))
if kept:
    model = CachedEmbeddingWrapper(model, kept)
mteb.evaluate(model, mteb_task(task), cache=None, co2_tracker=False)
"""


def lines(task: str = "medical_qa_tr", model: str = "static_multilingual") -> list[Line]:
    """Cold, and warm in two ways."""
    folder = ROOT / "data" / task
    weights = locate(resolve_model(model))

    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "data").mkdir()
        (Path(place) / "data" / task).symlink_to(folder)
        cache, kept = f"{place}/cache", f"{place}/mteb"

        def mteb(kept: str = "") -> None:
            command = [sys.executable, "-c", PEER, str(folder), str(weights), kept]
            subprocess.run(command, check=True, capture_output=True)

        def ours(*options: str, cache: str = cache) -> None:
            xlembed = str(Path(sys.executable).with_name("xlembed"))
            command = [xlembed, "run", "-t", task, "-m", model, *options]
            environment = {**os.environ, "XLEMBED_CACHE": cache}
            subprocess.run(command, check=True, cwd=place, env=environment, capture_output=True)

        def cold() -> None:
            with tempfile.TemporaryDirectory() as empty:
                ours(cache=empty)

        ours()
        mteb(kept)
        what, cached = f"run {model} on {task}, whole process", "mteb.evaluate, cached embeddings"
        jobs: list[tuple[str, Callable[[], None], str, Callable[[], None]]] = [
            ("cold", cold, "mteb.evaluate", mteb),
            ("warm, evaluated anew", lambda: ours("--force"), cached, lambda: mteb(kept)),
            ("warm, nothing changed", ours, cached, lambda: mteb(kept)),
        ]
        return [
            interleaved(f"{what}, {how}", mine, name, peer, "wall clock", clock=time.perf_counter)
            for how, mine, name, peer in jobs
        ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", nargs="?", default="medical_qa_tr")
    parser.add_argument("--model", default="static_multilingual")
    told = parser.parse_args()
    say(lines(told.task, told.model))
