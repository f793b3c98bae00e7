"""Words, and words beside vectors, from encode to compare; every rank counted by hand (the task is in toy.py)."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluate.test_stages import value
from fakes.toy import save_toy_model, write_toy
from xlembed.data.loading import open_task
from xlembed.evaluate.compare import compare, read_evaluation
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.evaluate.search import search
from xlembed.evaluate.searching import Questions, open_search
from xlembed.models.spec import ModelRef, resolve_model
from xlembed.search.elastic.connection import ENVIRONMENT
from xlembed.settings import CompareSettings, EvaluateSettings, IndexSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

FLAT = IndexSettings(engine="elasticsearch", type="flat")
EVALUATE = EvaluateSettings(resamples=100)
Make = Callable[..., Workspace]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_model(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture
def make(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    write_toy(tmp_path / "data" / "toy")

    def workspace(url: str | None = None, index: IndexSettings = FLAT) -> Workspace:
        settings = Settings(models={"toy": {"source": str(model)}}, index=index, evaluate=EVALUATE)
        return Workspace(settings, tmp_path, tmp_path / "out", url)

    return workspace


def run(workspace: Workspace, name: str) -> dict[str, Any]:
    """All stages; what scores.json holds."""
    task, ref = open_task(workspace, "toy"), open_model(workspace, name)
    encode(task, ref, workspace)
    index(task, ref, workspace)
    evaluate(task, ref, workspace)
    return json.loads((workspace.run_folder("toy", ref.slug) / "scores.json").read_text(encoding="utf-8"))


def ranks(workspace: Workspace, name: str) -> dict[tuple[str, str, str], int | None]:
    units = pd.read_parquet(workspace.run_folder("toy", name) / "units.parquet")
    found = {(u.query_id, u.doc_lang, u.pool): u.rank_first_relevant for u in units.itertuples()}
    return {key: None if pd.isna(rank) else int(rank) for key, rank in found.items()}


def test_words_alone(make: Make, node: Any) -> None:
    """Each text is one word; no word is shared between the languages, and "qqq" and "zzz" are in no other text."""
    workspace = make(node.url)
    scores = run(workspace, "bm25")
    assert ranks(workspace, "bm25") == {
        ("q1-en", "en", "target"): 1,
        ("q2-en", "en", "target"): 1,
        ("q3-en", "en", "target"): None,  # asks for boat, wants zzz: score 0 is not retrieved
        ("q1-de", "de", "target"): 1,
        ("q2-de", "de", "target"): 1,
        ("q1-en", "en", "all"): 1,
        ("q2-en", "en", "all"): 1,
        ("q3-en", "en", "all"): None,
        ("q1-de", "de", "all"): 1,
        ("q2-de", "de", "all"): 1,
        ("q1-en", "de", "target"): None,
        ("q2-en", "de", "target"): None,
        ("q1-de", "en", "target"): None,
        ("q2-de", "en", "target"): None,
        ("q3-de", "en", "target"): None,
        ("q1-en", "de", "all"): None,  # the English version is all that was retrieved, and it is ignored here
        ("q2-en", "de", "all"): None,
        ("q1-de", "en", "all"): None,
        ("q2-de", "en", "all"): None,
        ("q3-de", "en", "all"): None,
    }
    assert value(scores, "monolingual", "target") == pytest.approx(5 / 6)
    assert value(scores, "true_cross_lingual", "all") == 0
    assert value(scores, "monolingual", "target", measure="MRR") == pytest.approx(5 / 6)  # nothing was cut
    assert scores["empty_queries"] == {"en": 0, "de": 1}  # q3-de: qqq
    assert scores["zero_vectors"] == {"documents": [], "queries": []} and "index_fidelity" not in scores
    found = scores["index"]
    assert found["analyzers"] == {"de": "german", "en": "english"} and found["similarity"] == "BM25"
    assert found["fingerprint"] == scores["fingerprint"] == scores["base_fingerprint"]
    assert found["exact"] and "dim" not in found and scores["model"] == "bm25"
    listed = json.loads(workspace.index_file("toy", "bm25").read_text(encoding="utf-8"))
    assert listed["name"].startswith("xlembed-toy-bm25-words-")
    assert [p.name for p in workspace.embeddings("toy", "bm25").iterdir()] == ["manifest.json"]


def test_words_beside_vectors(make: Make, node: Any) -> None:
    """Ids in order: a-en-3 d-de-1 d-de-2 d-de-3 d-en-1 d-en-2; a-en-3 has no vector."""
    workspace = make(node.url)
    vectors, words, both = (run(workspace, name) for name in ("toy", "bm25", "toy+hybrid"))
    found = ranks(workspace, "toy+hybrid")
    # boat qqq: by vector d-en-1, d-de-1, then zeros by id; by word d-en-1.
    assert found["q1-en", "en", "all"] == 1 and found["q1-en", "de", "all"] == 1
    # katze: by vector d-de-2 1, d-de-3 .8, d-en-2 .6; by word d-de-2, which is ignored when English is wanted.
    assert found["q2-de", "de", "all"] == 1 and found["q2-de", "en", "all"] == 2
    # boat wants zzz, which has no vector and does not hold the word: last by vector, not retrieved by word.
    assert found["q3-en", "en", "all"] == 6 and found["q3-en", "en", "target"] == 3
    assert len({s["fingerprint"] for s in (vectors, words, both)}) == 3
    assert both["base_fingerprint"] == vectors["base_fingerprint"]
    assert both["index"]["words"]["fingerprint"] == words["fingerprint"]
    assert both["index"]["fusion"] == {"method": "reciprocal rank", "constant": 60, "weights": [1, 1]}
    assert "MRR@1000" in {row["measure"] for row in both["scores"]}  # below the depth a fusion knows nothing
    assert both["index_fidelity"]["note"] == "index not exercised"
    names = [json.loads(workspace.index_file("toy", m).read_text())["name"] for m in ("toy", "toy+hybrid")]
    assert names[0] == names[1]  # the very same vectors

    report = compare(
        [read_evaluation(f"toy/{name}", workspace) for name in ("toy", "bm25", "toy+hybrid")],
        Workspace(Settings(compare=CompareSettings()), workspace.root, workspace.out),
        workspace.out / "compared",
    )
    assert report["models"] == ["toy", "bm25", "toy+hybrid"]


def test_a_question_finds_only_what_shares_a_word(make: Make, node: Any) -> None:
    workspace = make(node.url)
    task = open_task(workspace, "toy")

    def ask(text: str, name: str, lang: str | None = None) -> list[str]:
        hits = search(text, task, open_model(workspace, name), workspace, k=3, lang=lang)
        return [hit["doc_id"] for hit in hits]

    assert ask("katze oder haus", "bm25") == ["d-de-2", "d-de-3"]
    assert ask("katze", "bm25", "en") == []
    assert ask("katze", "toy+hybrid") == ["d-de-2", "d-de-3", "d-en-2"]


def test_memory_and_server_give_one_ranking(make: Make, node: Any) -> None:
    """Of words without stems or stop words, in texts so short that Lucene keeps their length."""
    rng = random.Random(8)

    def text(longest: int) -> str:
        return " ".join(f"kq{rng.randrange(15)}" for _ in range(rng.randint(1, longest)))

    documents = [
        {"_id": f"{lang}-{i}", "title": text(3) if i % 2 else "", "text": text(12), "lang": lang}
        for lang, n in (("en", 40), ("de", 25))
        for i in range(n)
    ]
    server, local = make(node.url), make(index=IndexSettings())
    queries = [{"_id": "q", "text": "kq1", "lang": "en", "need_id": "n"}]
    write_toy(server.root / "data" / "words", documents, queries, [("q", "en-0", 1)])
    task, ref = open_task(server, "words"), open_model(server, "bm25")
    encode(task, ref, server)
    index(task, ref, server)
    questions = Questions([text(6) for _ in range(30)])
    theirs, ours = (open_search(task, ref, place, questions).searcher for place in (server, local))
    for lang in (None, "en", "de"):
        found, expected = ours.search(range(30), 65, lang), theirs.search(range(30), 65, lang)
        assert (found.rows >= 0).sum() > 300
        np.testing.assert_array_equal(found.rows >= 0, expected.rows >= 0)
        # The server leaves a constant in (k1 + 1) and rounds to float32, so that the order of near ties may differ.
        finite = np.isfinite(found.scores)
        np.testing.assert_allclose(found.scores[finite] * 2.2, expected.scores[finite], rtol=2e-5)
        assert (found.rows == expected.rows).mean() > 0.98


def test_names() -> None:
    ref: ModelRef = resolve_model("bge_m3+hybrid+dim64")
    assert (ref.slug, ref.vectors_slug) == ("bge_m3+dim64+hybrid", "bge_m3+dim64")
    for wrong in ("bm25+dim64", "bm25+hybrid"):
        with pytest.raises(UserError, match=r"bm25 has no vectors to vary.*MODEL\+hybrid"):
            resolve_model(wrong)
    with pytest.raises(UserError, match="nothing to load"):
        from xlembed.models.hub import locate

        locate(resolve_model("bm25"))
