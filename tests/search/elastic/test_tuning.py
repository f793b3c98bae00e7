"""tune-index on a real node: its recall counted again by hand, indices used again, merged, and taken away."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

from elastic_node import Node
from search.elastic.material import source, spec
from xlembed.data.loading import open_task
from xlembed.models.selfcheck import sentences
from xlembed.search.elastic.builder import build, read_meta
from xlembed.search.elastic.cloning import delete_index, index_stats, merged_clone
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.sealing import COMPLETE
from xlembed.settings import EvaluateSettings, IndexSettings, Settings
from xlembed.stats.tuned import split_clusters
from xlembed.tracking.opening import open_model
from xlembed.tune_index.grid import Setting, parse_grid
from xlembed.tune_index.job import TuneOptions, tune_index
from xlembed.workspace import Workspace

NEEDS, DIMS = 60, 64
HNSW = IndexSettings(engine="elasticsearch", type="hnsw", m=4, ef_construction=20, ignore_forecast=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task of 60 needs in two languages, each text one word, and a model that knows the words."""
    root = tmp_path_factory.mktemp("tuning")
    task = root / "data" / "words"
    (task / "qrels").mkdir(parents=True)
    (task / "task.yaml").write_text("name: words\nlanguages: [en, de]\nalignment: comparable\n")
    names = [(f"{lang}{i}", lang, i) for i in range(NEEDS) for lang in ("en", "de")]
    lines = [
        json.dumps({"_id": f"d-{w}", "title": "", "text": f"d{w}", "lang": lang}) for w, lang, _ in names
    ]
    (task / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    lines = [
        json.dumps({"_id": f"q-{w}", "text": f"q{w}", "lang": lang, "need_id": f"n{i}"})
        for w, lang, i in names
    ]
    (task / "queries.jsonl").write_text("\n".join(lines) + "\n")
    judged = [f"q-{a}\td-{b}\t1" for a, _, i in names for b, _, j in names if i == j]
    (task / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(judged) + "\n")

    rng = np.random.default_rng(0)
    words = {}
    for name, _, _ in names:
        words[f"d{name}"] = rng.normal(size=DIMS)
        words[f"q{name}"] = words[f"d{name}"] + 0.8 * rng.normal(size=DIMS)
    pieces = [piece for text in sentences().values() for piece in text.split()]
    known = list(dict.fromkeys(["[UNK]", *words, *pieces]))
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(known)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rows = np.array([words.get(word, np.ones(DIMS)) for word in known], dtype=np.float32)
    modules = [StaticEmbedding(tokenizer, embedding_weights=rows), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(root / "model"))
    return root


@pytest.fixture
def workspace(folder: Path, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    settings = Settings(
        models={"toy": {"source": str(folder / "model")}},
        index=HNSW,
        evaluate=EvaluateSettings(resamples=200),
    )
    return Workspace(settings, folder, tmp_path / "out", node.url)


def tune(
    workspace: Workspace, *, types: str, candidates: str = "20", merge: str = "before,after", **told: Any
) -> dict[str, Any]:
    grid = parse_grid(
        types=types,
        m="4",
        num_candidates=candidates,
        oversample="3",
        force_merge=merge,
        base=workspace.settings.index,
    )
    other = {name: told.pop(name) for name in ("record", "run_id") if name in told}
    options = TuneOptions(grid, **{"pad_to": 1500, "timed": 10, "queries": 60, **told})
    found = tune_index(
        open_task(workspace, "words"), open_model(workspace, "toy"), workspace, options, **other
    )
    return found.to_json()


def ours(server: Server) -> dict[str, str]:
    """Name -> uuid of the indices of this task."""
    found = server.client.indices.get_settings(index="xlembed-words-*", name="index.uuid").body
    return {name: one["settings"]["index"]["uuid"] for name, one in found.items()}


@pytest.mark.slow
def test_recall_is_what_counting_by_hand_gives(workspace: Workspace, server: Server) -> None:
    report = tune(workspace, types="hnsw,flat", keep=True, queries=120)
    assert [r["name"] for r in report["settings"]] == [
        *("hnsw m4 c20", "hnsw m4 c20 merged", "flat", "flat merged"),
    ]
    assert report["corpus"] == {"documents": 120, "distractor_texts": 0, "synthetic_distractors": 1380}
    row = report["settings"][1]
    assert (row["segments"], row["documents"]) == (1, 1500)

    (vectors,) = (workspace.cache / "padded").glob("*.npy")
    corpus = np.load(vectors).astype(np.float64)
    ids = json.loads((workspace.embeddings("words", "toy") / "document_ids.json").read_text())
    ids += [f"distractor-{i}" for i in range(1380)]
    queries = np.load(workspace.embeddings("words", "toy") / "queries.npy")
    names = json.loads((workspace.embeddings("words", "toy") / "query_ids.json").read_text())
    need = [f"n{name.removeprefix('q-')[2:]}" for name in names]
    _, reporting = split_clusters(need, 42)
    found: dict[str, list[float]] = {"en": [], "de": []}
    for name, of_need, vector in zip(names, need, queries, strict=True):
        if of_need not in reporting:
            continue
        knn = {"field": "vector", "query_vector": vector.tolist(), "k": 10, "num_candidates": 20}
        answer = server.client.search(index=row["index"], knn=knn, size=10, source=False, fields=["id"])
        scores = corpus @ vector.astype(np.float64)
        threshold = np.sort(scores)[-10]
        hits = [scores[ids.index(hit["fields"]["id"][0])] for hit in answer["hits"]["hits"]]
        found[name[2:4]].append(sum(score >= threshold - 1e-6 for score in hits) / 10)
    by_hand = np.mean([np.mean(values) for values in found.values()])
    told = next(
        r
        for r in row["recall"]
        if r["measure"] == "recall@10" and r["kind"] == "cross_lingual" and r["query_lang"] is None
    )
    assert told["value"] == pytest.approx(by_hand, abs=1e-6)
    assert by_hand < 1, "the graph is so good that the test shows nothing: make it worse"

    assert [r["note"] for r in report["settings"][2:]] == ["exact scan"] * 2
    assert report["settings"][2]["loss"] == [] and report["settings"][2]["recall"] == []
    folder = workspace.reports("tune-index", "words", "toy")
    assert json.loads((folder / "tune.json").read_text()) == json.loads(json.dumps(report))
    assert {p.name for p in folder.rglob("*.*")} == {"tune.json", "table.csv", "recall_latency.png"}
    assert len((folder / "table.csv").read_text().splitlines()) == 5

    kept = ours(server)
    assert len(kept) == 5  # hnsw twice, once merged; flat, once merged
    again = tune(workspace, types="hnsw,flat", queries=120)
    assert again["settings"][1]["lowest"] == row["lowest"], "another graph: the index was loaded again"
    assert again["settings"][1]["build_seconds"] == row["build_seconds"] is not None
    assert ours(server) == {} and not list((workspace.cache / "padded").iterdir())


@pytest.mark.slow
def test_quantised_types_and_the_spread_of_two_graphs(workspace: Workspace, server: Server) -> None:
    report = tune(workspace, types="hnsw,int8_hnsw,int4_hnsw,bbq_hnsw", candidates="10,200", merge="after")
    names = [r["name"] for r in report["settings"]]
    assert names[:3] == ["hnsw m4 c10 merged", "hnsw m4 c200 merged", "int8_hnsw m4 c10 o3 merged"]
    assert [r["name"] for r in report["spread"]] == names[:2]
    spread = report["spread"][0]["recall@10"]
    assert spread["difference"] == pytest.approx(abs(spread["first"] - spread["second"]), abs=2e-6)
    memory = {r["type"]: r["memory_bytes"] for r in report["settings"]}
    assert memory["hnsw"] > memory["int8_hnsw"] > memory["int4_hnsw"] > memory["bbq_hnsw"]
    few, many = report["settings"][0], report["settings"][1]
    assert few["lowest"]["recall@10"]["value"] < many["lowest"]["recall@10"]["value"]
    assert {r["kind"] for r in few["recall"]} == {"monolingual", "cross_lingual", "true_cross_lingual"}
    assert {r["measure"] for r in few["loss"]} >= {"accuracy@1", "nDCG@10"}
    assert few["latency_ms"]["p50"] <= few["latency_ms"]["p95"] <= few["latency_ms"]["p99"]
    assert few["latency_ms"]["searches"] == 10 and set(few["throughput"]) == {"1", "8"}
    assert ours(server) == {}


def test_a_corpus_that_is_scanned_has_no_loss_and_no_choice(workspace: Workspace) -> None:
    report = tune(workspace, types="hnsw", candidates="200", merge="before", pad_to=0)
    (row,) = report["settings"]
    assert row["note"] == "index not exercised" and not any(row["exercised"].values())
    assert row["loss"] == [] and row["recall"] == [] and report["spread"] == []
    assert report["choice"]["name"] is None and "not exercised" in report["choice"]["why"]


def test_only_filtered_pools_may_be_scanned(workspace: Workspace) -> None:
    report = tune(workspace, types="hnsw", candidates="100", merge="before", pad_to=180)
    (row,) = report["settings"]
    assert row["exercised"] == {"*": True, "de": False, "en": False}
    assert row["note"] == "index not exercised in en, de"
    assert {r["kind"] for r in row["recall"]} == {"cross_lingual"}
    assert {r["pool"] for r in row["loss"]} == {"all"}


def test_interrupted_work_goes_on_with_what_is_there(workspace: Workspace, server: Server) -> None:
    started: list[str] = []

    @contextlib.contextmanager
    def breaking(setting: Setting) -> Iterator[Callable[[Any], None]]:
        started.append(setting.name)
        if setting.name == "flat merged":
            raise KeyboardInterrupt
        yield lambda row: None

    with pytest.raises(KeyboardInterrupt):
        tune(workspace, types="hnsw,flat", record=breaking)
    assert started == ["hnsw m4 c20", "hnsw m4 c20 merged", "flat", "flat merged"]
    assert not workspace.reports("tune-index", "words", "toy").exists()
    before = ours(server)
    assert len(before) == 4
    report = tune(workspace, types="hnsw,flat", keep=True)
    assert ours(server).items() > before.items()  # the second hnsw came
    assert all(r["build_seconds"] is not None for r in report["settings"])
    tune(workspace, types="hnsw,flat")
    assert ours(server) == {}


def test_texts_of_the_user_are_encoded_by_the_model(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    rows = [{"text": f"den{i} dde{i}", "lang": "it"} for i in range(30)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = tune(workspace, types="flat", merge="before", pad_to=200, pad_texts=file)
    assert report["corpus"] == {"documents": 120, "distractor_texts": 30, "synthetic_distractors": 50}
    assert report["settings"][0]["documents"] == 200


def test_a_clone_is_merged_and_its_source_is_not(server: Server) -> None:
    made, what = spec(source(500), "cloning", HNSW), source(500)
    build(server, made, what, HNSW, request_bytes=4096)
    server.client.indices.put_settings(index=made.name, settings={"index.merge.policy.segments_per_tier": 50})
    assert merged_clone(server, made) is not None
    assert merged_clone(server, made) is None, "it was complete"
    twin = replace(made, segments=1)
    assert index_stats(server, twin.name).segments == 1
    assert (read_meta(server, twin.name) or {})["xlembed"]["state"] == COMPLETE
    assert index_stats(server, made.name).documents == index_stats(server, twin.name).documents == 500
    blocks = server.client.indices.get_settings(index=f"{made.name},{twin.name}").body.values()
    assert not any("blocks" in one["settings"]["index"] for one in blocks)

    # A call that was killed leaves a clone with its source's manifest, or one that is not complete.
    for meta in (made.manifest(state=COMPLETE), twin.manifest(state="loading")):
        server.client.indices.put_mapping(index=twin.name, meta=meta)
        assert merged_clone(server, made) is not None
        assert (read_meta(server, twin.name) or {})["xlembed"]["segments"] == 1


def test_only_an_index_with_the_right_manifest_and_no_alias_is_deleted(server: Server) -> None:
    made, what = spec(source(20), "deleting"), source(20)
    assert not delete_index(server, made), "there is none"
    build(server, made, what, HNSW)
    assert not delete_index(server, replace(made, task="other"))
    server.client.indices.put_alias(index=made.name, name="an-application")
    assert not delete_index(server, made)
    server.client.indices.delete_alias(index=made.name, name="an-application")
    server.client.indices.put_mapping(index=made.name, meta={"someone": "else"})
    assert not delete_index(server, made)
    server.client.indices.put_mapping(index=made.name, meta=made.manifest(state=COMPLETE))
    assert delete_index(server, made)
    assert not server.client.indices.exists(index=made.name)
