"""Our ingest against the client's own helpers, in one run; prints ratios.

    python benchmarks/ingest.py [--url http://127.0.0.1:9200] [--vectors 100000] [--dims 384] [--rounds 3]

Three parts: end to end into a flat index until everything is searchable (needs a server; left out without --url), wall
clock; client side only, against a node that swallows everything, processor time; and memory of our process for corpora
of growing size, vectors being memory-mapped. `make bench` takes the first (where XLEMBED_ES_URL is set) and second.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from elastic_transport import BaseNode, HttpHeaders
from elastic_transport._models import ApiResponseMeta
from elastic_transport._node import NodeApiResponse
from elasticsearch import Elasticsearch, OrjsonSerializer, helpers
from measuring import Line, interleaved, kilobytes, say

from xlembed.data.task import Document
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.layout import VECTOR, IndexSpec, loading_alias
from xlembed.search.elastic.loading import load
from xlembed.search.elastic.source import Source

TEXT = "A short review of a product that works as it should, most days."


class Documents(Sequence[Document]):
    """As many documents as wanted, none of them in memory."""

    def __init__(self, n: int) -> None:
        self._n = n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, row: Any) -> Any:
        if not 0 <= row < self._n:
            raise IndexError(row)
        return Document(f"d{row:08d}", TEXT, "en")


class SinkNode(BaseNode):
    """Accepts every document at once and sends nothing."""

    def perform_request(
        self, method: str, target: str, body: bytes | None = None, **_: Any
    ) -> NodeApiResponse:
        """As a server that took all of it."""
        n = (body or b"").count(b"\n") // 2
        answer = b'{"took":1,"errors":false,"items":[' + b",".join([b'{"index":{"status":201}}'] * n) + b"]}"
        headers = HttpHeaders({"content-type": "application/json", "x-elastic-product": "Elasticsearch"})
        return NodeApiResponse(ApiResponseMeta(200, "1.1", headers, 0.0, self.config), answer)

    def close(self) -> None:
        """Nothing to close."""


def ours(client: Elasticsearch, index: str, source: Source) -> None:
    """The loader of xlembed with its defaults."""
    load(Server(client, (9, 2), "9.2", "benchmark"), loading_alias(index), source, resume=False)


def actions(index: str, source: Source) -> Iterator[dict[str, Any]]:
    """What a user of the helpers writes."""
    for row, vector in enumerate(source.vectors):
        document = source.documents[row]
        yield {
            "_index": index,
            "_id": document.doc_id,
            "id": document.doc_id,
            "lang": document.lang,
            "text_en": document.text,
            VECTOR: vector.tolist(),
        }


def plain_bulk(client: Elasticsearch, index: str, source: Source) -> None:
    """helpers.bulk with its defaults."""
    helpers.bulk(client, actions(index, source))


def parallel_bulk(client: Elasticsearch, index: str, source: Source) -> None:
    """helpers.parallel_bulk with its defaults."""
    for ok, _ in helpers.parallel_bulk(client, actions(index, source)):
        assert ok


Loader = Callable[[Elasticsearch, str, Source], None]
PEERS: dict[str, Loader] = {"helpers.bulk": plain_bulk, "helpers.parallel_bulk": parallel_bulk}


def client_for(loader: Loader, url: str, node: Any = "urllib3") -> Elasticsearch:
    """Ours as xlembed opens it, the peers' with the client's defaults and enough patience."""
    if loader is ours:
        return Elasticsearch(
            url,
            request_timeout=120,
            max_retries=0,
            connections_per_node=32,
            serializer=OrjsonSerializer(),
            node_class=node,
        )
    return Elasticsearch(url, request_timeout=120, node_class=node)


def end_to_end(url: str, source: Source, rounds: int) -> list[Line]:
    """Wall clock until everything is searchable."""
    dims = source.vectors.shape[1]
    spec = IndexSpec(
        task="bench", model="bench", task_digest="", documents_digest="", fingerprint="", revision="", dims=dims,
        documents=len(source.rows), type="flat", m=None, ef_construction=None, shards=1, segments=None,
        analyzers={"en": "english"},
    )  # fmt: skip
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}

    def filled(loader: Loader) -> Callable[[], None]:
        def fill() -> None:
            client = client_for(loader, url)
            index = f"bench-{uuid.uuid4().hex[:8]}"
            aliases: dict[str, Any] = {loading_alias(index): {}}
            client.indices.create(index=index, settings=settings, mappings=spec.mapping(), aliases=aliases)
            try:
                loader(client, index, source)
                client.indices.refresh(index=index)
                assert client.count(index=index)["count"] == len(source.rows)
            finally:
                client.indices.delete(index=index)

        return fill

    what = f"fill a flat index of Elasticsearch, {len(source.rows):,} x {dims}"
    return [
        interleaved(what, filled(ours), name, filled(peer), "wall clock", rounds, time.perf_counter)
        for name, peer in PEERS.items()
    ]


def client_side(source: Source, rounds: int) -> list[Line]:
    """Processor time of this process alone."""

    def sent(loader: Loader) -> Callable[[], None]:
        return lambda: loader(client_for(loader, "http://sink:9200", SinkNode), "sink", source)

    what = f"send {len(source.rows):,} x {source.vectors.shape[1]} to a node that swallows everything"
    return [interleaved(what, sent(ours), name, sent(peer), "", rounds) for name, peer in PEERS.items()]


def memory(folder: Path, dims: int, sizes: Sequence[int]) -> None:
    """Peak of the memory that is this process's own (mapped files are the page cache's)."""
    print("memory of our process while loading, vectors memory-mapped")
    for n in sizes:
        source = Source(Documents(n), memory_mapped(folder, n, dims))
        client = client_for(ours, "http://sink:9200", SinkNode)
        peak, done = 0, threading.Event()

        def watch(done: threading.Event = done) -> None:
            nonlocal peak
            while not done.wait(0.02):
                peak = max(peak, kilobytes("RssAnon"))

        before = kilobytes("RssAnon")
        watcher = threading.Thread(target=watch)
        watcher.start()
        ours(client, "sink", source)
        done.set()
        watcher.join()
        print(
            f"  {n:>9,} x {dims}: {4 * n * dims / 1e6:>7,.0f} MB of vectors, "
            f"{(peak - before) / 1e3:>6,.0f} MB more memory"
        )


def memory_mapped(folder: Path, n: int, dims: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Unit vectors in a file, written in blocks."""
    path = folder / f"{n}x{dims}.npy"
    vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, dims))
    rng = np.random.default_rng(0)
    for start in range(0, n, 10_000):
        block = rng.standard_normal((min(10_000, n - start), dims), dtype=np.float32)
        vectors[start : start + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    vectors.flush()
    return np.load(path, mmap_mode="r")


def lines(url: str | None, n: int = 100_000, dims: int = 384, rounds: int = 3) -> list[Line]:
    """Client side, and the whole way where there is a server."""
    with tempfile.TemporaryDirectory() as temporary:
        wide = memory_mapped(Path(temporary), 20_000, 1024)
        found = client_side(Source(Documents(20_000), wide), rounds)
        if url:
            vectors = memory_mapped(Path(temporary), n, dims)
            found = [*end_to_end(url, Source(Documents(n), vectors), rounds), *found]
    return found


def main() -> None:
    """Print all parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--url", help="server for the end-to-end part", default=os.environ.get("XLEMBED_ES_URL")
    )
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    say(lines(told.url, told.vectors, told.dims, told.rounds))
    with tempfile.TemporaryDirectory() as temporary:
        memory(Path(temporary), 256, (50_000, 100_000, 200_000))


if __name__ == "__main__":
    main()
