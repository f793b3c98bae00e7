"""Late interaction from encode to evaluate, against MaxSim computed from the library's own vectors."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import MultiVectorEncoder

from fakes.late import DIM, save_late_model
from fakes.toy import DOCUMENTS, QUERIES, WORDS, save_toy_model, write_toy
from search.elastic.test_task_words import ranks, run
from xlembed.analyse.job import analyse
from xlembed.data.loading import open_task
from xlembed.embeddings import tokens as tokens_module
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.search import search
from xlembed.evaluate.searching import open_search
from xlembed.models.safety import check_kinds, check_vectors
from xlembed.paradox.subjects import plan_subjects, stored_evaluation
from xlembed.publish.job import check_publishable
from xlembed.settings import EvaluateSettings, IndexSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import Role, UserError
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

Make = Callable[..., Workspace]
TEXTS = ["boat , haus", "cat zzz", "zzz", "boot boot katze", "katze", "haus , cat boat"]
LONG = [{**d, "text": text} for d, text in zip(DOCUMENTS, TEXTS, strict=True)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("models")
    words = [*WORDS, "zzz", "qqq"]
    return {
        "late": {"source": str(save_late_model(folder / "late", words)), "languages": ["en", "de"]},
        "toy": {"source": str(save_toy_model(folder / "toy"))},
    }


@pytest.fixture
def make(tmp_path: Path, models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    write_toy(tmp_path / "data" / "toy", LONG)

    def made(engine: str = "exact", **more: dict[str, Any]) -> Workspace:
        settings = Settings(
            models=models | more,
            evaluate=EvaluateSettings(resamples=100),
            index=IndexSettings(engine=engine),
        )
        return Workspace(settings, tmp_path, tmp_path / "out")

    return made


@pytest.fixture(scope="module")
def expected(models: dict[str, dict[str, Any]]) -> np.ndarray:
    """Mean over query tokens of the best product, of the library's own vectors: shape (queries, documents)."""
    model = MultiVectorEncoder(models["late"]["source"], device="cpu")
    queries = [model.encode_query(q["text"], convert_to_numpy=True) for q in QUERIES]
    documents = [model.encode_document(text, convert_to_numpy=True) for text in TEXTS]
    assert [len(d) for d in documents] == [3, 3, 2, 4, 2, 4]  # with the mark, without the comma
    return np.array([[(q @ d.T).max(axis=1).mean() for d in documents] for q in queries])


def test_ranks_are_those_of_plain_maxsim(make: Make, expected: np.ndarray) -> None:
    workspace = make()
    scores = run(workspace, "late")
    task = open_task(workspace, "toy")
    searcher = open_search(task, open_model(workspace, "late"), workspace).searcher
    everything = searcher.search(range(6), 6)
    assert searcher.exact and not everything.boundary_ties.any()
    by_score = np.argsort(-expected, axis=1)
    assert everything.rows.tolist() == by_score.tolist()
    np.testing.assert_allclose(everything.scores, np.take_along_axis(expected, by_score, 1), atol=2e-6)
    german = searcher.search([4], 2, "de")
    assert german.rows[0].tolist() == [row for row in by_score[4] if row >= 3][:2]
    wanted = [np.array([0, 5])] * 6
    for query, ranked in enumerate(searcher.full_ranks(range(6), wanted)):
        order = by_score[query].tolist()
        assert ranked.tolist() == [order.index(0) + 1, order.index(5) + 1]
    place = by_score[0].tolist()
    assert ranks(workspace, "late")["q1-en", "de", "all"] == [r for r in place if r != 0].index(3) + 1
    described = scores["index"]
    assert (
        described["exact"]
        and described["token_dim"] == DIM
        and described["bytes_per_document"] == 3 * DIM * 4
    )
    assert scores["truncation"]["documents"]["en"]["texts"] == 3
    assert "MRR" in {row["measure"] for row in scores["scores"]}


def test_a_second_run_encodes_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make()
    first = run(workspace, "late")
    task, ref = open_task(workspace, "toy"), open_model(workspace, "late")

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("loaded again")

    monkeypatch.setattr("xlembed.models.loading.load_token_encoders", refuse)
    assert encode(task, ref, workspace).n_encoded == 0
    assert run(workspace, "late")["scores"] == first["scores"]
    run(workspace, "bm25+rerank-late")  # the same store


def test_a_damaged_or_missing_shard_is_encoded_again(make: Make) -> None:
    workspace = make()
    before = run(workspace, "late")["scores"]
    task, ref = open_task(workspace, "toy"), open_model(workspace, "late")
    (index_file,) = (workspace.cache / "vectors").glob("*/document/*.index")
    altered = re.sub(rb'"counts": \[\d', b'"counts": [0', index_file.read_bytes())
    index_file.write_bytes(altered)
    assert encode(task, ref, workspace).reports[Role.DOCUMENT].n_encoded == 6
    shutil.rmtree(workspace.cache / "vectors")
    index(task, ref, workspace)
    assert open_search(task, ref, workspace).searcher.search([0], 1).rows.shape == (
        1,
        1,
    )  # encodes what lacks
    assert run(workspace, "late")["scores"] == before


def test_it_ranks_anew_and_answers_questions(make: Make, expected: np.ndarray) -> None:
    """toy finds all six for boat, by cosine and then by id; late puts them in order, all or only the first three."""
    workspace = make()
    task = open_task(workspace, "toy")
    scores = run(workspace, "toy+rerank-late")
    assert scores["index"]["rerank"]["kind"] == "late_interaction" and "reranker_truncation" in scores
    order = [DOCUMENTS[row]["_id"] for row in np.argsort(-expected[2])]
    for name in ("toy+rerank-late", "late"):
        hits = search("boat", task, open_model(workspace, name), workspace, k=6, lang=None)
        assert [hit["doc_id"] for hit in hits] == order
        assert hits[0]["score"] == pytest.approx(expected[2].max(), abs=2e-6)
    fast = [
        hit["doc_id"] for hit in search("boat", task, open_model(workspace, "toy"), workspace, k=6, lang=None)
    ]
    three = search("boat", task, open_model(workspace, "toy+rerank3-late"), workspace, k=6, lang=None)
    assert [hit["doc_id"] for hit in three] == [d for d in order if d in fast[:3]] + fast[3:]


def test_beside_words(make: Make) -> None:
    workspace = make()
    assert run(workspace, "late+mix")["index"]["fusion"]["method"] == "min-max"


def test_what_needs_one_vector_per_text_is_refused_in_words(make: Make) -> None:
    workspace = make("elasticsearch")
    task, ref = open_task(workspace, "toy"), open_model(workspace, "late")
    with pytest.raises(UserError, match=r"vector per token.*--index exact.*FAST\+rerank-late"):
        index(task, ref, workspace)
    for refused in (check_publishable, check_vectors):
        with pytest.raises(UserError, match=r"has a vector per token .*needs one vector per text"):
            refused(ref)
    for name in ("late+dim4", "late+center"):
        with pytest.raises(UserError, match="change the vector of a text"):
            check_kinds(open_model(workspace, name))
    assert not analyse(task, ref, workspace).vectors


def test_the_paradox_leaves_it_out_as_it_does_bm25(make: Make) -> None:
    """Shown and evaluated once, with no variants and no part in the test."""
    workspace = make()
    paradox = workspace.settings.paradox.model_copy(update={"variants": ("center",)})
    workspace = replace(workspace, settings=workspace.settings.model_copy(update={"paradox": paradox}))
    task = open_task(workspace, "toy")
    subjects, notes = plan_subjects(["late"], task, workspace)
    assert [s.name for s in subjects] == ["late", "bm25"] and notes == [
        "late has no vectors, so there is no +center of it"
    ]
    assert subjects[0].left_out == "a vector per token, no space of whole texts"
    assert stored_evaluation(task, subjects[0].ref, workspace) is None
    run(workspace, "late")
    assert stored_evaluation(task, subjects[0].ref, workspace) is not None


def test_too_large_is_told_before_encoding(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six texts with marks and commas: 4 + 3 + 2 + 4 + 2 + 5 tokens of 8 x 4 bytes."""
    monkeypatch.setattr(tokens_module, "MOST_BYTES", 20 * DIM * 4 - 1)
    workspace = make()
    task, ref = open_task(workspace, "toy"), open_model(workspace, "late")
    with pytest.raises(UserError, match=r"6 documents of about .* 8 numbers of 4 bytes.*Take fewer"):
        encode(task, ref, workspace)
    monkeypatch.setattr(tokens_module, "MOST_BYTES", 20 * DIM * 4)
    assert encode(task, ref, workspace).n_encoded == 12


def _broken(folder: Path, change: str) -> None:
    from safetensors.torch import load_file, save_file

    weights = folder / "1_Dense" / "model.safetensors"
    if change == "projection":
        weights.unlink()
    elif change == "body":
        tensors = load_file(folder / "model.safetensors")
        tensors.pop(next(name for name in tensors if name.endswith("query.weight")))
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    elif change == "pickled":
        weights.unlink()
        torch.save({"linear.weight": torch.nn.Linear(1, 1)}, folder / "1_Dense" / "pytorch_model.bin")
    elif change == "code":
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        modules[1]["type"] = "modeling.Dense"
        (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("projection", "cannot be loaded.*Could not find 'model.safetensors'"),
        ("body", "missing, so they would be random: .*query.weight"),
        ("pickled", "needs more than tensors"),
        ("code", "modeling.Dense, Python code"),
    ],
)
def test_unsound_weights_are_refused(
    make: Make, models: dict[str, dict[str, Any]], tmp_path: Path, change: str, message: str
) -> None:
    folder = Path(shutil.copytree(models["late"]["source"], tmp_path / "broken"))
    _broken(folder, change)
    workspace = make(broken={"source": str(folder)})
    with pytest.raises(UserError, match=message):
        encode(open_task(workspace, "toy"), open_model(workspace, "broken"), workspace)


def test_a_kind_that_the_files_do_not_have_is_refused(make: Make, models: dict[str, dict[str, Any]]) -> None:
    """As late interaction a plain model would get a random projection; without a pooling the other is no bi-encoder."""
    workspace = make(
        plain={"source": models["toy"]["source"], "kind": "late_interaction"},
        other={"source": models["late"]["source"], "kind": "bi_encoder"},
    )
    for name, message in (
        ("plain", "projection would be random"),
        ("other", "holds a late-interaction model"),
    ):
        with pytest.raises(UserError, match=message):
            encode(open_task(workspace, "toy"), open_model(workspace, name), workspace)
