"""Words, fusion and ranking anew without a server, from encode to evaluate; ranks counted by hand (toy.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast

from evaluate.test_stages import value
from fakes.toy import DOCUMENTS, WORDS, save_toy_model, write_toy
from search.elastic.test_task_words import ranks, run
from small_model import word_tokenizer
from xlembed.cli import xlembed
from xlembed.data.loading import open_task
from xlembed.embeddings.export import load_export
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.evaluate.search import search
from xlembed.models.cross_encoder import load_cross_encoder
from xlembed.models.spec import resolve_model
from xlembed.publish.job import check_publishable
from xlembed.settings import CorpusSettings, EvaluateSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

Make = Callable[..., Workspace]
TURNED = {**WORDS, "haus": (1.0, 0.0, 0.0, 0.0), "zzz": (0.9, 0.1, 0.0, 0.0)}
"""Another opinion: boat is nearest to haus, and knows zzz."""


def save_cross_encoder(folder: Path, *, head: bool = True, n_labels: int = 1) -> Path:
    """A BERT of one layer with random weights; without its head if told so."""
    tokenizer = word_tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "zzz", "qqq"])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
        num_labels=n_labels,
        initializer_range=1.0,  # so that the scores differ
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        (BertForSequenceClassification if head else BertModel)(config).save_pretrained(folder)
    return folder


def test_prompts_of_a_card_stand_alone(tmp_path: Path) -> None:
    folder, (word, query, document) = tmp_path / "judge", list(WORDS)[:3]
    stored = {"prompts": {"ask": f"{word} "}, "default_prompt_name": "ask"}
    CrossEncoder(str(save_cross_encoder(tmp_path / "plain")), device="cpu", **stored).save(str(folder))
    model = CrossEncoder(str(folder), device="cpu", activation_fn=torch.nn.Identity())
    for prompt, by_hand in (
        ("", f"{word} "),
        ("zzz ", "zzz "),
    ):  # without a card's, the folder's own default
        entry = {"source": str(folder), "kind": "cross_encoder", "query_prompt": prompt}
        judge = load_cross_encoder(resolve_model("judge", {"judge": entry}), device="cpu")
        expected = model.predict([(by_hand + query, document)], prompt="")
        np.testing.assert_allclose(judge.score_pairs(query, [document]), expected, atol=1e-6)


def test_scores_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = save_cross_encoder(tmp_path / "judge")
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    entry = {"source": str(folder), "kind": "cross_encoder"}
    judge = load_cross_encoder(resolve_model("judge", {"judge": entry}), device="cpu")
    with pytest.raises(UserError, match=r"^judge: the model computed values that are no numbers"):
        judge.score_pairs("cat", ["boat"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("models")
    cross = {"kind": "cross_encoder", "dim": None}
    return {
        "toy": {"source": str(save_toy_model(folder / "toy"))},
        "turned": {"source": str(save_toy_model(folder / "turned", TURNED)), "languages": ["en"]},
        "cross": {"source": str(save_cross_encoder(folder / "cross")), **cross},
        "headless": {"source": str(save_cross_encoder(folder / "headless", head=False)), **cross},
        "classes": {"source": str(save_cross_encoder(folder / "classes", n_labels=3)), **cross},
        "late": {"source": str(folder / "cross"), "kind": "late_interaction"},
    }


@pytest.fixture
def make(tmp_path: Path, models: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    write_toy(tmp_path / "data" / "toy")
    settings = Settings(models=models, evaluate=EvaluateSettings(resamples=100))
    return lambda: Workspace(settings, tmp_path, tmp_path / "out")


def test_words_alone(make: Make) -> None:
    """The very ranks of the server's test: no word is shared between the languages."""
    workspace = make()
    scores = run(workspace, "bm25")
    found = ranks(workspace, "bm25")
    hits = {key for key, rank in found.items() if rank == 1}
    assert hits == {
        (query, lang, pool)
        for query, lang in (("q1-en", "en"), ("q2-en", "en"), ("q1-de", "de"), ("q2-de", "de"))
        for pool in ("target", "all")
    }
    assert {rank for rank in found.values() if rank != 1} == {None}
    assert value(scores, "monolingual", "target", measure="MRR") == pytest.approx(5 / 6)  # nothing was cut
    assert scores["empty_queries"] == {"en": 0, "de": 1}  # q3-de: qqq
    assert scores["index"]["analyzers"] == {"de": "snowball german", "en": "snowball english"}
    listed = json.loads(workspace.index_file("toy", "bm25").read_text(encoding="utf-8"))
    assert listed["engine"] == "exact" and listed["fingerprint"] == scores["fingerprint"]
    assert [p.name for p in workspace.embeddings("toy", "bm25").iterdir()] == ["manifest.json"]


def test_other_texts_make_another_output_where_there_are_no_vectors_too(make: Make) -> None:
    """Else DVC would find the output of encode unchanged, and leave what follows as it was."""
    workspace = make()
    manifests = []
    for corpus in (CorpusSettings(), CorpusSettings(relevance="own")):
        changed = replace(workspace, settings=workspace.settings.model_copy(update={"corpus": corpus}))
        encoded = encode(open_task(changed, "toy"), open_model(changed, "bm25"), changed)
        manifests.append((encoded.folder / "manifest.json").read_bytes())
    assert manifests[0] != manifests[1]


def test_words_beside_vectors(make: Make) -> None:
    """As on the server: ids in order are a-en-3 d-de-1 d-de-2 d-de-3 d-en-1 d-en-2; a-en-3 has no vector."""
    workspace = make()
    vectors, words, both, mixed = (run(workspace, name) for name in ("toy", "bm25", "toy+hybrid", "toy+mix"))
    found = ranks(workspace, "toy+hybrid")
    assert found["q1-en", "en", "all"] == 1 and found["q1-en", "de", "all"] == 1
    assert found["q2-de", "de", "all"] == 1 and found["q2-de", "en", "all"] == 2
    assert found["q3-en", "en", "all"] == 6 and found["q3-en", "en", "target"] == 3
    assert len({s["fingerprint"] for s in (vectors, words, both, mixed)}) == 4
    assert both["index"]["fusion"] == {"method": "reciprocal rank", "constant": 60, "weights": [1, 1]}
    assert mixed["model"] == "toy+mix0.7"
    assert mixed["index"]["fusion"] == {"method": "min-max", "weights": [0.7, 0.3]}
    assert "MRR@1000" in {row["measure"] for row in both["scores"]} and "index_fidelity" not in both
    # boat: 1 for d-en-1 in both rankings; of zzz, without a direction, and the others only the vectors say something.
    hits = search(
        "boat", open_task(workspace, "toy"), open_model(workspace, "toy+mix"), workspace, k=3, lang=None
    )
    assert [(hit["doc_id"], round(hit["score"], 6)) for hit in hits] == [
        ("d-en-1", 1.0), ("d-de-1", 0.56), ("a-en-3", 0.0)
    ]  # fmt: skip


def test_a_second_model_ranks_anew(make: Make) -> None:
    """For boat, toy says d-en-1 d-de-1 and then zeros by id; turned says d-de-3 = d-en-1 (by id), then a-en-3."""
    workspace = make()
    name = "toy+rerank-turned"
    scores = run(workspace, name)
    found = ranks(workspace, name)
    assert found["q3-en", "en", "all"] == 3 and found["q3-en", "en", "target"] == 2
    assert "MRR" in {row["measure"] for row in scores["scores"]}  # the fast ranking is known to its end
    rerank = scores["index"]["rerank"]
    assert (rerank["depth"], rerank["model"], rerank["kind"]) == (100, "turned", "bi_encoder")
    assert scores["english_only"] and scores["labels"] == {"de": "English-only model"}
    folder = workspace.embeddings("toy", name)
    assert load_export(folder / "reranker").manifest["fingerprint"] == rerank["fingerprint"]
    two = "toy+rerank2-turned"  # d-en-1 d-de-1 alone are turned: d-en-1 stays first, zzz comes by its id
    assert run(workspace, two)["fingerprint"] != scores["fingerprint"]
    assert ranks(workspace, two)["q3-en", "en", "all"] == 6
    hits = search("boat", open_task(workspace, "toy"), open_model(workspace, name), workspace, k=3, lang=None)
    assert [hit["doc_id"] for hit in hits] == ["d-de-3", "d-en-1", "a-en-3"]


def test_words_then_vectors(make: Make) -> None:
    workspace = make()
    run(workspace, "bm25+rerank-toy")
    assert ranks(workspace, "bm25+rerank-toy")["q3-en", "en", "all"] is None  # what has no word is not found
    run(workspace, "toy+hybrid+rerank-turned")
    assert ranks(workspace, "toy+hybrid+rerank-turned")["q3-en", "en", "all"] == 3


def test_a_cross_encoder_ranks_anew(make: Make, models: dict[str, dict[str, Any]]) -> None:
    """The order is that of the library's own scores of the pairs."""
    workspace = make()
    name = "toy+rerank-cross"
    scores = run(workspace, name)
    assert scores["index"]["rerank"]["kind"] == "cross_encoder"
    model = CrossEncoder(models["cross"]["source"], device="cpu", activation_fn=torch.nn.Identity())
    judged = model.predict([("boat", d["text"]) for d in DOCUMENTS], batch_size=1)
    expected = [DOCUMENTS[i]["_id"] for i in np.argsort(-np.round(judged, 4), kind="stable")]
    assert len(set(np.round(judged, 4))) == len(DOCUMENTS)
    task = open_task(workspace, "toy")
    hits = search("boat", task, open_model(workspace, name), workspace, k=6, lang=None)
    assert [hit["doc_id"] for hit in hits] == expected
    assert ranks(workspace, name)["q3-en", "en", "all"] == expected.index("a-en-3") + 1
    again = run(workspace, name)
    assert again["fingerprint"] == scores["fingerprint"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cross", r"judges pairs of texts.*FAST\+rerank-cross"),
        ("toy+rerank-headless", "missing, so they would be random: classifier"),
        ("toy+rerank-classes", "scores 3 classes; expected a cross-encoder with one output"),
        ("toy+rerank-late", "no late-interaction model.*projection would be random"),
    ],
)
def test_what_cannot_play_its_part(make: Make, name: str, message: str) -> None:
    workspace = make()
    task, ref = open_task(workspace, "toy"), open_model(workspace, name)
    with pytest.raises(UserError, match=message):
        encode(task, ref, workspace)
        index(task, ref, workspace)
        evaluate(task, ref, workspace)


def test_names(make: Make) -> None:
    ref = resolve_model("bge_m3+mix.5+dim64+rerank20-labse+dim256")
    assert ref.slug == "bge_m3+dim64+mix0.5+rerank20-labse+dim256"
    assert ref.vectors_slug == "bge_m3+dim64" and ref.reranker and ref.reranker.slug == "labse+dim256"
    assert resolve_model(ref.slug) == ref
    assert resolve_model("bge_m3+mix").slug == "bge_m3+mix0.7"
    assert resolve_model("bm25+rerank100-labse").slug == "bm25+rerank-labse"
    for wrong, message in (
        ("bge_m3+mix1.5", "a number between 0 and 1"),
        ("bge_m3+mix0", "a number between 0 and 1"),
        ("bge_m3+mix+hybrid", "two ways to fuse"),
        ("bm25+mix", "no vectors to vary"),
        ("labse+rerank-bm25", "searches words and cannot rank anew"),
        ("labse+rerank-bge", "neither.*Did you mean 'bge_m3'"),
        ("labse+rerank-bge_m3+rerank-labse", r"expected FAST\+rerank-SLOW"),
        ("labse+rerank", r"expected FAST\+rerank-SLOW"),
    ):
        with pytest.raises(UserError, match=message):
            resolve_model(wrong)
    with pytest.raises(UserError, match="publish toy"):
        check_publishable(open_model(make(), "toy+rerank-turned"))


def test_bundled_task_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`xlembed run -m bm25 -t reviews_sample`, with nothing set up."""
    monkeypatch.delenv("XLEMBED_ES_URL", raising=False)
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    asked = [
        "run",
        "-m",
        "bm25",
        "-t",
        "reviews_sample",
        "--out",
        str(tmp_path / "out"),
        "--resamples",
        "100",
    ]
    result = CliRunner().invoke(xlembed, asked)
    assert result.exit_code == 0, result.output
    units = pd.read_parquet(tmp_path / "out" / "runs" / "reviews_sample" / "bm25" / "units.parquet")
    own = units[(units["mode"] == "monolingual") & (units["pool"] == "target")]
    by_language = own.groupby("query_lang")["rank_first_relevant"].apply(lambda r: (r == 1).mean())
    assert (by_language > 0.45).all(), by_language  # Japanese and Chinese too: no dictionary is needed
