"""The stage analyse on a parallel task of twelve texts, with word vectors written by hand (see toy.py)."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from fakes.toy import WORDS, save_toy_model, write_toy
from xlembed.analyse.job import analyse, compare_analyses
from xlembed.analyse.result import Analysis, read_analysis
from xlembed.data.loading import open_task
from xlembed.settings import AnalyseSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

PAIRS = """
en:
  inflected: [[boat, boot], [cat, katze]]
  unrelated: [[boat, cat], [boot, cat], [cat, haus]]
"""
TEXTS = [" ".join(words) for n in (1, 2) for words in combinations(WORDS, n)][:12]
N_WORDS = sum(text.count(" ") + 1 for text in TEXTS)


def make(root: Path, **settings: Any) -> Workspace:
    """German texts are the English ones and a word without a vector."""
    documents = [
        {"_id": f"{lang}-{i}", "title": "", "text": text + more, "lang": lang, "group": f"g{i}"}
        for lang, more in (("en", ""), ("de", " zzz"))
        for i, text in enumerate(TEXTS)
    ]
    documents.append({"_id": "en-zero", "title": "", "text": "zzz", "lang": "en"})
    queries = [
        {"_id": f"q-{lang}", "text": "query: boat" + more, "lang": lang, "need_id": "n"}
        for lang, more in (("en", ""), ("de", " zzz"))
    ]
    folder = write_toy(root / "data" / "toy", documents, queries, [("q-en", "en-0", 1), ("q-en", "de-0", 1)])
    card = (folder / "task.yaml").read_text(encoding="utf-8")
    (folder / "task.yaml").write_text(card.replace("comparable", "parallel"), encoding="utf-8")
    (root / "pairs.yaml").write_text(PAIRS, encoding="utf-8")
    model = save_toy_model(root / "model")
    entries = {
        "toy": {"source": str(model)},
        "bare": {"source": str(model), "hub_id": "intfloat/multilingual-e5-base"},
        "prompted": {"source": str(model), "query_prompt": "query: "},
    }
    values = AnalyseSettings(
        word_pairs=str(root / "pairs.yaml"), neighbours=3, project_per_language=0, **settings
    )
    return Workspace(Settings(models=entries, analyse=values), root, root / "out")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    return make(tmp_path)


def run(workspace: Workspace, model: str = "toy") -> dict[str, Any]:
    return analyse(open_task(workspace, "toy"), open_model(workspace, model), workspace).to_json()


def test_numbers_counted_by_hand(workspace: Workspace) -> None:
    report = run(workspace)
    assert report["sample"]["per_language"] == 12 and report["sample"]["n_groups"] == 12
    (translations, _) = report["translations"]
    assert translations["value"] == pytest.approx(1)
    same, different = report["cosines"][:2]
    assert different["value"] > same["value"]  # translations are among the pairs of different languages
    (row,) = report["morphology"]
    assert row["inflected"]["value"] == pytest.approx(0.7)  # (0.8 + 0.6) / 2
    assert row["unrelated"]["value"] == pytest.approx(0)
    assert row["superiority"] == {"value": 1, "ci_low": None, "ci_high": None}  # too few pairs
    assert row["inflected"]["ci_low"] is None and row["legacy_band"] in ("good", "weak")
    premiums = {(r["kind"], r["lang"]): r["ratio"]["value"] for r in report["tokenisation"]["premiums"]}
    assert premiums["documents", "de"] == pytest.approx((N_WORDS + 12) / N_WORDS, abs=1e-6)
    assert premiums["queries", "de"] == pytest.approx(3 / 2)


def test_what_is_wrong_is_listed(workspace: Workspace) -> None:
    sanity = run(workspace)["sanity"]
    assert sanity["documents"]["zero_ids"] == ["en-zero"]
    assert sanity["duplicate_vectors"]["groups"] == 12
    assert sanity["duplicate_vectors"]["first"][0] == ["en-0", "de-0"]
    assert sanity["self_retrieval"]["value"] == 1 and sanity["self_retrieval"]["n"] == 24
    assert sanity["prompts_missing"] == sanity["prompts_doubled"] == []


def test_prompts_of_the_catalogues_card_for_the_same_weights(workspace: Workspace) -> None:
    missing = run(workspace, "bare")["sanity"]["prompts_missing"]
    assert "query: nothing is put before texts, but card e5_base asks for 'query: '" in missing
    (doubled,) = run(workspace, "prompted")["sanity"]["prompts_doubled"]
    assert doubled.startswith("query: 2 of 2 texts begin with 'query:' already")


def test_vectors_of_other_texts_are_encoded_again(workspace: Workspace) -> None:
    before = run(workspace)
    path = workspace.root / "data" / "toy" / "corpus.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("zzz", "haus"), encoding="utf-8")
    after = run(workspace)
    assert after["task_digest"] != before["task_digest"]
    assert after["translations"][0]["value"] < 0.99


def test_files_are_read_back_and_compared(workspace: Workspace) -> None:
    task, refs = open_task(workspace, "toy"), [open_model(workspace, m) for m in ("toy", "toy+dim3")]
    for ref in refs:
        analyse(task, ref, workspace)
    folder = workspace.analysis_folder("toy", "toy")
    read = read_analysis(folder)
    assert isinstance(read, Analysis) and not read.maps
    assert read.to_json() == json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    assert not (folder / "projection.json").exists()
    page = (compare_analyses(task, refs, workspace) / "analysis.md").read_text(encoding="utf-8")
    assert "| toy |" in page and "| toy+dim3 |" in page
    with pytest.raises(UserError, match=r"analysis.json is missing: run xlembed analyse"):
        read_analysis(workspace.analysis_folder("toy", "none"))


def with_settings(workspace: Workspace, **changed: Any) -> Workspace:
    settings = workspace.settings
    analysing = settings.analyse.model_copy(update=changed)
    return Workspace(settings.model_copy(update={"analyse": analysing}), workspace.root, workspace.out)


def test_umap_is_drawn_where_it_is_asked_for(workspace: Workspace) -> None:
    pytest.importorskip("umap")
    run(with_settings(workspace, project_per_language=12, umap=True))
    folder = workspace.analysis_folder("toy", "toy")
    read = read_analysis(folder)
    assert isinstance(read, Analysis)
    umap = read.maps["umap"]
    assert (umap.method, umap.metric, umap.seed) == ("UMAP", "cosine", 42)
    documents = [[p.document for p in read.maps[name].points] for name in ("projection", "umap")]
    assert documents[0] == documents[1] and len(documents[0]) == 24
    assert {"projection.png", "umap_projection.png"} <= {p.name for p in (folder / "figures").iterdir()}


def test_umap_that_is_not_installed_is_told_before_any_work(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlembed.analyse.projection.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'xlembed\[umap\]'"):
        run(with_settings(workspace, umap=True))
    assert not workspace.out.exists()


def test_too_many_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    settings = make(tmp_path).settings
    many = settings.model_copy(update={"analyse": settings.analyse.model_copy(update={"neighbours": 24})})
    with pytest.raises(UserError, match="purity@24 needs more than 24 documents in the sample, found 24"):
        run(Workspace(many, tmp_path, tmp_path / "out"))
    assert not (tmp_path / "out" / "analysis").exists()
