"""Search on a real server: `flat` answers as exact search does, a graph tells the truth about what it found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from elastic_node import Node
from search.elastic.material import FLAT, LANGS, documents, source, spec, unit_vectors
from xlembed.data.importing import import_files
from xlembed.data.loading import open_task
from xlembed.data.task import Document
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.measures import parse_measures
from xlembed.models.rescoring import parse_rescored
from xlembed.models.spec import resolve_model
from xlembed.search.base import Hits
from xlembed.search.elastic import engine
from xlembed.search.elastic.builder import build
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.layout import oversample_of
from xlembed.search.elastic.source import Source
from xlembed.search.exact import ExactIndex
from xlembed.search.remedied import RescoredSearcher
from xlembed.search.searcher import VectorSearcher
from xlembed.settings import EvaluateSettings, IndexSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, UserError, Vectors
from xlembed.workspace import Workspace

XQUAD_LANGS = ("en", "de", "es", "tr", "zh", "ru")


def attach(
    server: Server, what: Source, task: str, settings: IndexSettings = FLAT, **other: Any
) -> ElasticIndex:
    """The vectors of a source, built and opened."""
    made = spec(what, task, settings)
    build(server, made, what, settings)
    return ElasticIndex(
        server,
        made.name,
        [d.doc_id for d in what.documents],
        [d.lang for d in what.documents],
        what.vectors,
        type=settings.type,
        num_candidates=settings.num_candidates,
        oversample=oversample_of(settings),
        **other,
    )


def exact(what: Source) -> ExactIndex:
    return ExactIndex([d.doc_id for d in what.documents], [d.lang for d in what.documents], what.vectors)


def assert_same(found: Hits, expected: Hits) -> None:
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.scores, expected.scores)


def shuffled(n: int, vectors: Vectors) -> Source:
    """Ids in no order, so that rows are not in the order of the ids."""
    order = np.random.default_rng(3).permutation(n)
    return Source([Document(f"x{i:05d}", f"text {i}", LANGS[i % 3]) for i in order], vectors)


# Remedies


@pytest.mark.parametrize("name", ["interleave", "local3", "z4", "quota4"])
def test_languages_are_merged_as_in_memory_and_asked_for_in_one_request(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, queries = shuffled(200, unit_vectors(200, 16)), unit_vectors(5, 16, seed=9)
    index, rescored = attach(server, what, f"remedied{name}"), parse_rescored(name)
    assert rescored is not None
    requests, real = [], engine.msearch

    def counted(server: Server, index: str, searches: Any) -> Any:
        requests.append(len(searches) // 2)
        return real(server, index, searches)

    monkeypatch.setattr(engine, "msearch", counted)
    ids, langs = list(index.doc_ids), [d.lang for d in what.documents]
    found, expected = (
        RescoredSearcher(VectorSearcher(of, queries), rescored, ids, langs).search(range(5), 12)
        for of in (index, exact(what))
    )
    assert_same(found, expected)
    assert requests[0] == 5 * len(LANGS), "five questions in every language, together"


# Flat is exact


@pytest.fixture(scope="module")
def workspace(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """XQuAD in six languages, all paragraphs and every twentieth question."""
    resolved = resolve_model("static_multilingual").folder
    if resolved is None or not (resolved / "modules.json").is_file():
        pytest.skip("the bundled model is not installed")
    root = tmp_path_factory.mktemp("xquad")
    files = []
    for lang in XQUAD_LANGS:
        content = json.loads((shared_data / "xquad" / f"xquad.{lang}.json").read_text(encoding="utf-8"))
        number = 0
        for article in content["data"]:
            for paragraph in article["paragraphs"]:
                kept = []
                for question in paragraph["qas"]:
                    if number % 20 == 0:
                        kept.append(question)
                    number += 1
                paragraph["qas"] = kept
        files.append(root / f"xquad.{lang}.json")
        files[-1].write_text(json.dumps(content), encoding="utf-8")
    import_files("squad", files, "xquad", data_dir=root / "data")
    return Workspace(Settings(evaluate=EvaluateSettings(depth=100, resamples=100)), root, root)


@pytest.mark.slow
def test_every_measure_of_every_unit_of_xquad_equals_exact_search(
    node: Node, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path))
    task, ref = open_task(workspace, "xquad"), open_model(workspace, "static_multilingual")
    encode(task, ref, workspace)
    units, results = {}, {}
    for kind in ("exact", "elasticsearch"):
        chosen = IndexSettings(engine=kind, type="flat", ignore_forecast=True)  # type: ignore[arg-type]
        there = replace(
            workspace, settings=workspace.settings.model_copy(update={"index": chosen}), es_url=node.url
        )
        index(task, ref, there)
        results[kind] = evaluate(task, ref, there)
        units[kind] = pd.read_parquet(there.run_folder(task.name, ref.slug) / "units.parquet")
    assert len(units["exact"]) == 72 * 60
    columns = {measure.column for measure in parse_measures(EvaluateSettings().measures)}
    assert columns <= set(units["exact"].columns) and len(columns) > 6
    pd.testing.assert_frame_equal(units["elasticsearch"], units["exact"], check_exact=True)
    assert results["elasticsearch"]["scores"] == results["exact"]["scores"]
    described = json.loads(workspace.index_file(task.name, ref.slug).read_text(encoding="utf-8"))
    assert described["name"].startswith("xlembed-xquad-static_multilingual-flat-")
    assert results["elasticsearch"]["index_fidelity"]["note"] == "index not exercised"


@pytest.fixture(scope="module")
def tied(node: Node) -> tuple[ElasticIndex, ExactIndex]:
    """900 documents, every vector three times over all languages, and a few zeros."""
    vectors = np.tile(unit_vectors(300), (3, 1))
    vectors[[5, 77, 450, 451]] = 0
    what = shuffled(900, vectors)
    return attach(node.server(), what, "tied"), exact(what)


@pytest.mark.parametrize("lang", [None, "tr", "none"])
@pytest.mark.parametrize("k", [1, 2, 50, 299, 896, 897, 2000])
def test_ties_filters_zero_vectors_and_more_than_the_pool(
    tied: tuple[ElasticIndex, ExactIndex], k: int, lang: Lang | None
) -> None:
    queries = unit_vectors(5, seed=9)
    queries[3] = 0  # says nothing: every document is as good as the other
    assert tied[0].exact
    found, expected = tied[0].search(queries, k, lang), tied[1].search(queries, k, lang)
    assert_same(found, expected)
    # Exact search counts ties over the whole pool or over its candidates; that there are some, both say.
    np.testing.assert_array_equal(found.boundary_ties > 0, expected.boundary_ties > 0)


def test_ties_wider_than_the_margin(node: Node) -> None:
    """100 documents share one vector, at the cut: the search widens until none that could come first is missing."""
    vectors = unit_vectors(400)
    vectors[::4] = vectors[0]
    what = shuffled(400, vectors)
    found = attach(node.server(), what, "wide", margin=3).search(vectors[:1], 10)
    assert_same(found, exact(what).search(vectors[:1], 10))
    assert [what.documents[row].doc_id for row in found.rows[0]] == sorted(
        what.documents[row].doc_id for row in range(0, 400, 4)
    )[:10]


def test_full_ranks(tied: tuple[ElasticIndex, ExactIndex]) -> None:
    queries = unit_vectors(3, seed=4)
    queries[1] = 0
    for lang in (None, "de"):
        pool = tied[1].search(queries[:1], 900, lang).rows[0]
        wanted = [pool[::7], pool[:3], pool[-6:]]
        for a, b in zip(
            tied[0].full_ranks(queries, wanted, lang), tied[1].full_ranks(queries, wanted, lang), strict=True
        ):
            np.testing.assert_array_equal(a, b)


def test_no_queries_and_no_documents(tied: tuple[ElasticIndex, ExactIndex], server: Server) -> None:
    assert tied[0].search(unit_vectors(0), 5).rows.shape[0] == 0
    assert tied[0].search(unit_vectors(2), 5, "xx").rows.shape == (2, 0)
    what = Source(documents(3), np.zeros((3, 16), dtype=np.float32))
    empty = attach(server, what, "only-zeros")
    assert_same(empty.search(unit_vectors(2), 5), exact(what).search(unit_vectors(2), 5))


# A graph


@pytest.mark.parametrize("kind", ["hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw"])
def test_approximate_types_find_what_they_find_and_score_it_exactly(server: Server, kind: str) -> None:
    vectors = unit_vectors(1500, 64)
    vectors[::100] = 0
    what = shuffled(1500, vectors)
    found = attach(
        server,
        what,
        "graph",
        IndexSettings(engine="elasticsearch", type=kind, num_candidates=60),  # type: ignore[arg-type]
    )
    assert not found.exact and found.exercised(10) and not found.exercised(1500)
    queries = unit_vectors(20, 64, seed=5)
    for lang in (None, "de"):
        hits, best = found.search(queries, 10, lang), exact(what).search(queries, 10, lang)
        for query, rows, scores in zip(queries, hits.rows, hits.scores, strict=True):
            assert len(set(rows.tolist())) == 10 and (rows >= 0).all()
            by_hand = [round(float(query.astype(float) @ vectors[r].astype(float)), 6) for r in rows]
            assert scores.tolist() == by_hand == sorted(by_hand, reverse=True)
            assert lang is None or {what.documents[r].lang for r in rows} == {lang}
        recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(hits.rows, best.rows, strict=True)])
        assert recall > 0.7
    with pytest.raises(NotImplementedError, match="does not know the full ranking"):
        found.full_ranks(queries, [np.array([0])] * 20)


def test_a_graph_that_finds_fewer_leaves_gaps(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    what = source(200, 64)
    found = attach(server, what, "gaps", IndexSettings(engine="elasticsearch", type="hnsw"))
    real = engine.msearch

    def fewer(*args: Any) -> Any:
        answers = list(real(*args))
        answers[0]["hits"]["hits"] = answers[0]["hits"]["hits"][:4]
        answers[1].pop("hits")  # nothing at all
        return answers

    monkeypatch.setattr(engine, "msearch", fewer)
    queries = unit_vectors(3, 64, seed=1)
    hits = found.search(queries, 10)
    assert (hits.rows >= 0).sum(axis=1).tolist() == [4, 0, 10]
    assert np.isneginf(hits.scores[0, 4:]).all() and np.isneginf(hits.scores[1]).all()
    assert hits.boundary_ties.tolist() == [0, 0, 0]


def test_flat_that_finds_fewer_is_an_error(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    found = attach(server, source(200), "lacking")
    server.client.delete(index=found.name, id="d00000", refresh=True)
    with pytest.raises(UserError, match="gave fewer documents than it holds"):
        found.search(unit_vectors(1), 200)


def test_a_document_that_the_task_has_not(server: Server) -> None:
    what = source(50)
    found = attach(server, what, "stranger")
    stranger = {"id": "stranger", "lang": "de", "vector": what.vectors[0].tolist()}
    server.client.index(index=found.name, id="stranger", document=stranger, refresh=True)
    with pytest.raises(UserError, match="holds a document 'stranger' that the task has not"):
        found.search(what.vectors[:1], 10)


# Answers in part are no answers


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (
            {"error": {"type": "search_phase_execution_exception", "reason": "broken"}, "status": 503},
            "503 search_ph.*broken",
        ),
        ({"timed_out": True}, "timed out or missed a shard"),
        ({"_shards": {"failed": 1}}, "timed out or missed a shard"),
    ],
)
def test_an_answer_in_part(server: Server, spoiled: dict[str, Any], message: str) -> None:
    found = attach(server, source(50), "partial")
    real = server.client.msearch

    def msearch(**kwargs: Any) -> Any:
        answer = real(**kwargs)
        answer.body["responses"][1] |= spoiled
        return answer

    server.client.msearch = msearch  # type: ignore[method-assign]
    with pytest.raises(UserError, match=message):
        found.search(unit_vectors(3), 5)


def test_trouble_that_passes_is_waited_out(server: Server) -> None:
    what, queries = source(50), unit_vectors(3)
    found = attach(server, what, "passing")
    wanted = found.search(queries, 5)
    full = {"error": {"type": "es_rejected_execution_exception", "reason": "queue full"}, "status": 429}
    spoiled = [full, {"timed_out": True}, {"_shards": {"failed": 1}}]
    real = server.client.msearch

    def msearch(**kwargs: Any) -> Any:
        answer = real(**kwargs)
        answer.body["responses"][1] |= spoiled.pop() if spoiled else {}
        return answer

    server.client.msearch = msearch  # type: ignore[method-assign]
    found.server = replace(server, patience=60)
    assert_same(found.search(queries, 5), wanted)
    assert not spoiled


def test_one_search_that_the_server_refuses(server: Server) -> None:
    found = attach(server, source(50), "refusing")
    queries = unit_vectors(3)
    queries[1] *= 3
    with pytest.raises(UserError, match=r"search of xlembed-refusing.*400 .*unit-length"):
        found.search(queries, 5)


def test_an_index_that_is_gone(server: Server) -> None:
    found = attach(server, source(50), "gone")
    server.client.indices.delete(index=found.name)
    with pytest.raises(UserError, match=f"search of {found.name}: 404 index_not_found_exception"):
        found.search(unit_vectors(1), 5)


# More than a search can fetch


@pytest.fixture(scope="module")
def many(node: Node) -> tuple[ElasticIndex, Source]:
    vectors = unit_vectors(10_050, 4)
    what = Source([Document(f"d{i:05d}", "", "en") for i in range(10_050)], vectors)
    return attach(node.server(), what, "many"), what


def test_more_documents_than_a_search_can_fetch(many: tuple[ElasticIndex, Source]) -> None:
    found, what = many
    assert not found.exact  # the full ranking cannot be known, and it says so
    queries = unit_vectors(2, 4, seed=2)
    assert_same(found.search(queries, 9_990), exact(what).search(queries, 9_990))
    with pytest.raises(UserError, match=r"10,001 documents per query are wanted.*lower the depth"):
        found.search(queries, 10_001)
    with pytest.raises(NotImplementedError):
        found.full_ranks(queries, [np.array([0])] * 2)


def test_more_equal_documents_than_a_search_can_fetch(node: Node) -> None:
    vectors = np.tile(unit_vectors(1, 4), (10_050, 1))
    what = Source([Document(f"d{i:05d}", "", "en") for i in range(10_050)], vectors)
    found = attach(node.server(), what, "alike")
    with pytest.raises(UserError, match="more than 10,000 documents have the same score"):
        found.search(vectors[:1], 5)


# Only what is complete is searched


def test_a_loading_index_is_never_searched(
    node: Node, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path))
    task, ref = open_task(workspace, "xquad"), open_model(workspace, "static_multilingual")
    chosen = IndexSettings(engine="elasticsearch", type="flat", shards=2, ignore_forecast=True)
    there = replace(
        workspace, settings=workspace.settings.model_copy(update={"index": chosen}), es_url=node.url
    )
    encode(task, ref, there)
    with pytest.raises(UserError, match="is missing: run xlembed index -m static_multilingual -t xquad"):
        evaluate(task, ref, there)
    name = index(task, ref, there)["name"]
    server = node.server()
    mapping = server.client.indices.get_mapping(index=name).body[name]["mappings"]["_meta"]
    mapping["xlembed"]["state"] = "loading"
    server.client.indices.put_mapping(index=name, meta=mapping)
    with pytest.raises(UserError, match="is still loading: run xlembed index"):
        evaluate(task, ref, there)
