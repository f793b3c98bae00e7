"""The whole job as a process of its own against MTEB's, from the start of Python to the scores; run by hand.

    OMP_NUM_THREADS=1 python benchmarks/job.py [TASK] [--model static_multilingual]

Both evaluate the same model on the same task of one language (the bundled medical_qa_tr unless TASK is given). Ours
also computes intervals, draws figures and records the run; MTEB also imports its catalogue of tasks. Cold: with an
empty store; warm: everything is encoded. MTEB encodes anew each time. Medians of three interleaved rounds, wall clock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Line, interleaved, say

from xlembed.models.hub import locate
from xlembed.models.spec import resolve_model

ROOT = Path(__file__).resolve().parent.parent
PEER = """
import sys, mteb
from sentence_transformers import SentenceTransformer
from xlembed.evaluate.mteb_task import mteb_task
mteb.evaluate(SentenceTransformer(sys.argv[2]), mteb_task(sys.argv[1]), cache=None, co2_tracker=False)
"""


def lines(task: str = "medical_qa_tr", model: str = "static_multilingual") -> list[Line]:
    """Cold and warm."""
    folder = ROOT / "data" / task

    def mteb() -> None:
        weights = locate(resolve_model(model))
        subprocess.run(
            [sys.executable, "-c", PEER, str(folder), str(weights)], check=True, capture_output=True
        )

    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "data").mkdir()
        (Path(place) / "data" / task).symlink_to(folder)

        def ours(cache: str) -> None:
            command = [str(Path(sys.executable).with_name("xlembed")), "run", "-t", task, "-m", model]
            environment = {**os.environ, "XLEMBED_CACHE": cache}
            subprocess.run(command, check=True, cwd=place, env=environment, capture_output=True)

        def cold() -> None:
            with tempfile.TemporaryDirectory() as cache:
                ours(cache)

        warm = f"{place}/cache"
        ours(warm)
        what = f"run {model} on {task}, whole process"
        return [
            interleaved(f"{what}, cold", cold, "mteb.evaluate", mteb, "wall clock", clock=time.perf_counter),
            interleaved(
                f"{what}, warm",
                lambda: ours(warm),
                "mteb.evaluate",
                mteb,
                "wall clock",
                clock=time.perf_counter,
            ),
        ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", nargs="?", default="medical_qa_tr")
    parser.add_argument("--model", default="static_multilingual")
    told = parser.parse_args()
    say(lines(told.task, told.model))
