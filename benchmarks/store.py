"""How fast the vector store and the export are beside plain np.save and np.load; run by hand.

    python benchmarks/store.py [n_texts] [dim] [folder]

Both write the same random vectors and flush them to the disk, both read everything back into memory, in one
process on one disk, each three times in turns; the medians and their ratio count. The export runs in a
process of its own; its peak memory is the largest resident size above the one at its start, pages of mapped
files included. Files lie in a temporary folder (below `folder`) and in the page cache: this measures work,
not a cold disk.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from xlembed.embeddings.export import TextList, export, load_export
from xlembed.embeddings.memory import peak_mb, reset_peak
from xlembed.embeddings.store import VectorStore, text_keys
from xlembed.models import digest
from xlembed.words import Role

SHARD_SIZE = 1024
ROUNDS = 3


def timed(job: Callable[[], object]) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def texts_of(n: int) -> list[str]:
    return [f"text number {i}" for i in range(n)]


def run_export(root: Path, folder: Path, n: int, order: str) -> None:
    """In a fresh process: time and peak memory of an export, of a second one that finds it, of loading it."""
    store = VectorStore(root, "bench")
    texts = texts_of(n)
    ids = [f"d{i}" for i in range(n)]
    if order == "shuffled":
        texts = [texts[i] for i in np.random.default_rng(0).permutation(n)]
    documents, queries = TextList(ids, texts), TextList([], [])
    reset_peak("cpu")
    before = peak_mb("cpu")
    first = timed(lambda: export(folder, documents, queries, store, manifest={}))
    peak = peak_mb("cpu") - before
    again = timed(lambda: export(folder, documents, queries, store, manifest={}))
    load = timed(lambda: load_export(folder))
    size = (folder / "documents.npy").stat().st_size / 1e6
    print(
        f"export, {order} order: {first:.2f} s, peak memory +{peak:.0f} MB for {size:.0f} MB of vectors; "
        f"again (untouched) {again:.2f} s; load_export {1000 * load:.0f} ms"
    )


def main(n: int = 200_000, dim: int = 384, folder: str | None = None) -> None:
    vectors = np.random.default_rng(0).normal(size=(n, dim)).astype(np.float32)
    texts = texts_of(n)
    keys = text_keys(texts)
    megabytes = vectors.nbytes / 1e6

    def write_store(root: Path) -> None:
        store = VectorStore(root, "bench")
        with store.lock():
            for i in range(0, n, SHARD_SIZE):
                store.write(Role.DOCUMENT, keys[i : i + SHARD_SIZE], vectors[i : i + SHARD_SIZE])

    def write_plain(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, vectors)
            file.flush()
            os.fsync(file.fileno())

    def read_store(root: Path) -> None:
        VectorStore(root, "bench").read(Role.DOCUMENT, texts).load()

    def read_first(root: Path) -> None:
        digest._file_digest.cache_clear()  # as a process that has checked nothing yet
        read_store(root)

    with tempfile.TemporaryDirectory(dir=folder) as name:
        here = Path(name)
        took: dict[str, list[float]] = {}
        for i in range(ROUNDS):
            root, plain = here / str(i), here / f"{i}.npy"
            took.setdefault("write plain", []).append(timed(lambda plain=plain: write_plain(plain)))
            took.setdefault("write store", []).append(timed(lambda root=root: write_store(root)))
            took.setdefault("read plain", []).append(timed(lambda plain=plain: np.load(plain)))
            took.setdefault("read store, checking", []).append(timed(lambda root=root: read_first(root)))
            took.setdefault("read store, checked", []).append(timed(lambda root=root: read_store(root)))
        took["keys of the texts"] = [timed(lambda: text_keys(texts)) for _ in range(ROUNDS)]
        print(
            f"{n:,} vectors x {dim} float32 = {megabytes:.0f} MB, shards of {SHARD_SIZE}; median of {ROUNDS}"
        )
        for what, seconds in took.items():
            median = statistics.median(seconds)
            ratio = ""
            if "store" in what:
                ratio = f", {median / statistics.median(took[what.split()[0] + ' plain']):.1f} x plain"
            print(f"{what:22} {median:6.2f} s {megabytes / median:7.0f} MB/s{ratio}")
        for order in ("corpus", "shuffled"):
            arguments = (here / "0", here / order, n, order)
            process = multiprocessing.get_context("spawn").Process(target=run_export, args=arguments)
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"the export in {order} order failed")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:3]), *sys.argv[3:4])
