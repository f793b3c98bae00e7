"""Every comparison with a peer, written into benchmarks/README.md: make bench.

Each script beside this one says what it compares and can be run alone. Those that need a trained
model or hours (finetune.py, growth.py, the trials) are run by hand. XLEMBED_ES_URL names an Elasticsearch to fill.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import encode
import ingest
import job
import metrics
from measuring import Line, say, write_between

import search

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
PACKAGES = ("torch", "faiss-cpu", "sentence-transformers", "mteb", "numpy")


MODELS = ["static_multilingual", *(f"all_minilm_l6_v2{of}" for of in ("", "+bf16", "+ov", "+int8"))]


def main() -> None:
    parts: list[Callable[[], list[Line]]] = [
        job.lines,
        search.lines,
        metrics.lines,
        lambda: ingest.lines(os.environ.get("XLEMBED_ES_URL")),
        lambda: encode.lines(MODELS, 1500),
    ]
    found: list[Line] = []
    for part in parts:
        say(lines := part())
        found += lines
    write_between(README, "<!-- filled by make bench -->", f"{table(found)}\n\n{machine()}")


def table(lines: list[Line]) -> str:
    rows = [
        ["what", "ours", "peer", "peer's", "ours / peer", "note"],
        ["---"] * 6,
        *(line.cells() for line in lines),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def machine() -> str:
    """Where and when, in a sentence."""
    model = next(
        (
            line.partition(": ")[2]
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return (
        f"{datetime.date.today():%Y-%m-%d}, {model}, {os.cpu_count()} cores seen, {threads} threads used, "
        f"Python {sys.version.split()[0]}, {versions}. "
        "Seconds of processor time unless said otherwise, medians of three rounds in turns."
    )


if __name__ == "__main__":
    main()
