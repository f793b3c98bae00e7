"""Small vectors to load, and the look at what arrived."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np

from xlembed.data.task import Document
from xlembed.search.elastic.builder import read_meta
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.layout import VECTOR, IndexSpec, choose_analyzers
from xlembed.search.elastic.sealing import COMPLETE
from xlembed.search.elastic.source import Source
from xlembed.settings import IndexSettings
from xlembed.words import Vectors

LANGS = ("de", "en", "tr")
DIMS = 16
FLAT = IndexSettings(engine="elasticsearch", type="flat", ignore_forecast=True)


def unit_vectors(n: int, dims: int = DIMS, seed: int = 0) -> Vectors:
    x = np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def documents(n: int) -> list[Document]:
    return [
        Document(f"d{i:05d}", f"text number {i}", LANGS[i % 3], group=f"g{i // 3}" if i % 2 else None)
        for i in range(n)
    ]


def source(n: int, dims: int = DIMS, seed: int = 0) -> Source:
    return Source(documents(n), unit_vectors(n, dims, seed))


def spec(what: Source, task: str, settings: IndexSettings = FLAT, **other: Any) -> IndexSpec:
    graph = settings.type != "flat"
    made = IndexSpec(
        task=task,
        model="toy",
        task_digest="t" * 8,
        documents_digest="d" * 8,
        fingerprint="f" * 8,
        revision="",
        dims=what.vectors.shape[1],
        documents=len(what.rows),
        type=settings.type,
        m=settings.m if graph else None,
        ef_construction=settings.ef_construction if graph else None,
        shards=settings.shards,
        segments=1 if settings.force_merge else None,
        analyzers=choose_analyzers(LANGS, []),
    )
    return replace(made, **other)


def slowly(server: Server, seconds: float, gate: threading.Event | None = None) -> Server:
    """The same server, each bulk request begun a little later, and when the gate is open: time to get in between."""
    real = server.client.bulk

    def bulk(**kwargs: Any) -> Any:
        time.sleep(seconds)
        if gate is not None:
            assert gate.wait(120)
        return real(**kwargs)

    server.client.bulk = bulk  # type: ignore[method-assign]
    return server


def held(server: Server, name: str) -> list[dict[str, Any]]:
    """Everything that the index holds, in the order of the ids, as it was sent."""
    server.client.indices.refresh(index=name)
    answer = server.client.search(index=name, size=10_000, sort="id", query={"match_all": {}})
    assert not answer["_shards"]["failed"]
    hits = answer["hits"]["hits"]
    assert answer["hits"]["total"] == {"value": len(hits), "relation": "eq"}
    assert [hit["_id"] for hit in hits] == [hit["_source"]["id"] for hit in hits]
    return [hit["_source"] for hit in hits]


def assert_undisturbed(server: Server, made: IndexSpec, what: Source) -> None:
    """Count, ids, vectors and all other fields exactly as they were given, nothing doubled, and called complete."""
    found = held(server, made.name)
    chosen = sorted(what.rows, key=lambda row: what.documents[row].doc_id)
    assert [d["id"] for d in found] == [what.documents[row].doc_id for row in chosen]
    np.testing.assert_array_equal(
        np.array([d[VECTOR] for d in found], dtype=np.float32), np.asarray(what.vectors)[chosen]
    )
    for entry, row in zip(found, chosen, strict=True):
        document = what.documents[row]
        expected = {
            "id": document.doc_id,
            "lang": document.lang,
            f"text_{document.lang}": document.text,
            VECTOR: entry[VECTOR],
        }
        assert entry == expected | ({"group": document.group} if document.group else {})
    assert server.client.count(index=made.name)["count"] == len(what.rows)
    meta = read_meta(server, made.name)
    assert meta is not None and meta["xlembed"]["state"] == COMPLETE
    assert list(server.client.indices.get(index=made.name)[made.name]["aliases"]) == []
