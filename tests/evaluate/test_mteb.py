"""Our tasks in MTEB, MTEB's tasks here, and the numbers of both beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.command import make_checkout, no_surroundings, xlembed
from fakes.toy import DOCUMENTS
from xlembed.data.importing import import_files
from xlembed.data.loading import load_task, open_task
from xlembed.data.writing import export_task
from xlembed.evaluate.compare import read_evaluation
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.evaluate.mteb_results import read_mteb, write_mteb
from xlembed.evaluate.mteb_task import mteb_task
from xlembed.evaluate.tables import scores_table
from xlembed.params import load_settings
from xlembed.show.markdown import grid_lines
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

# Imported where it is used: every process of the tests reads every file of them.
pytestmark = pytest.mark.skipif(find_spec("mteb") is None, reason="needs mteb")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    root = make_checkout(tmp_path_factory.mktemp("mteb"))
    with no_surroundings(root), pytest.MonkeyPatch.context() as patch:
        patch.setattr("xlembed.show.figures.registry.write_figures", lambda *_: None)
        workspace = Workspace(load_settings(None, {"evaluate.resamples": 100}), root, root)
        task = open_task(workspace, "toy")
        for ref in (open_model(workspace, name) for name in ("toy", "toy+dim3")):
            encode(task, ref, workspace)
            index(task, ref, workspace)
            evaluate(task, ref, workspace)
        yield workspace


@pytest.fixture(scope="module")
def ours(here: Workspace) -> Path:
    return write_mteb(open_task(here, "toy"), read_evaluation("toy/toy", here), here.out / "results_mteb")


def test_mteb_scores_our_task_as_we_do(here: Workspace, ours: Path) -> None:
    import mteb
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer("toy_model", device="cpu", local_files_only=True)
    result = mteb.evaluate(
        model, mteb_task(open_task(here, "toy")), cache=None, co2_tracker=False, show_progress_bar=False
    )
    theirs = {row["hf_subset"]: row for row in result.task_results[0].scores["test"]}
    found = {row["hf_subset"]: row for row in json.loads(ours.read_text())["scores"]["test"]}
    assert set(found) == set(theirs) == {"en", "de", "en-de", "de-en"}
    for subset, row in found.items():
        assert row["languages"] == theirs[subset]["languages"]
        names = [name for name in row if name.endswith(("_1", "_3", "_10"))]
        assert len(names) >= 8
        # q3-de is a zero vector: every cosine is 0, and MTEB breaks such ties the other way round.
        if subset != "de-en":
            assert {n: row[n] for n in names} == pytest.approx(
                {n: theirs[subset][n] for n in names}, abs=1e-5
            )


def test_our_result_file_is_one_of_mteb(ours: Path) -> None:
    from mteb.results import TaskResult

    read = TaskResult.from_disk(ours)
    assert read.task_name == "toy" and read.languages
    assert (
        ours.parent.parent.name == "toy"
        and json.loads((ours.parent / "model_meta.json").read_text())["name"] == "toy"
    )


def test_a_result_file_is_a_row_that_is_never_tested(here: Workspace, tmp_path: Path) -> None:
    scores = [
        {
            "hf_subset": "de",
            "languages": ["deu-Latn"],
            "main_score": 0.5,
            "hit_rate_at_1": 0.25,
            "ndcg_at_10": 0.5,
        },
        {
            "hf_subset": "en",
            "languages": ["eng-Latn"],
            "main_score": 0.5,
            "hit_rate_at_1": 0.5,
            "ndcg_at_10": 0.5,
        },
        {"hf_subset": "x", "languages": ["deu-Latn", "eng-Latn"], "main_score": 0.1, "ndcg_at_10": 0.125},
    ]
    file = tmp_path / "org__big" / "abc" / "FaqRetrieval.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"task_name": "FaqRetrieval", "scores": {"test": scores}}))
    beside = read_mteb(file)
    grid = scores_table([read_evaluation("toy/toy", here).scores], beside=[beside])
    text = "\n".join(grid_lines(grid))
    rows = [line for line in text.splitlines() if "org/big (MTEB: FaqRetrieval)" in line]
    shown = [line.split("|")[2:6] for line in rows]  # accuracy@1, MRR@10, nDCG@10
    assert shown[0] == [" 37.5 ", " n/a ", " n/a ", " n/a "]
    assert shown[2] == [" 50.0 ", " n/a ", " n/a ", " 12.5 "]
    assert "never tested" in text
    (file.parent / "bad.json").write_text('{"task_name": "x", "scores": {"a": [], "b": []}}')
    with pytest.raises(UserError, match="expected scores of one split"):
        read_mteb(file.parent / "bad.json")


def test_the_command_shows_it(here: Workspace, ours: Path) -> None:
    done = xlembed(here.root, "compare", "-t", "toy", "-m", "toy,toy+dim3", "--mteb", str(ours))
    assert done.code == 0, done.err
    assert (
        "toy (MTEB: toy)" in done.out
        and "toy (MTEB: toy)" in (here.out / "reports" / "compare" / "toy" / "comparison.md").read_text()
    )


def test_a_hub_folder_is_read_by_mteb_s_loader_and_by_ours(here: Workspace, tmp_path: Path) -> None:
    from mteb.abstasks.retrieval_dataset_loaders import RetrievalDatasetLoader

    task = open_task(here, "toy")
    folder = tmp_path / "toy"
    assert export_task(task, folder, "hub") == ["en", "de", "en-de", "de-en"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
        for subset, documents, n_queries in ((None, 6, 6), ("en-de", 3, 2), ("de", 3, 2)):
            data = RetrievalDatasetLoader(str(folder), "main", config=subset).load()
            assert len(data["corpus"]) == documents and len(data["queries"]) == n_queries
    assert data["relevant_docs"] == {"q1-de": {"d-de-1": 1}, "q2-de": {"d-de-2": 1}}
    assert data["corpus"][0] == {"id": "d-de-1", "title": "", "text": "boot"}
    header = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    assert header["language"] == ["en", "de"] and header["configs"][0]["config_name"] == "corpus"
    assert load_task(folder).digest == task.digest
    with pytest.raises(UserError, match="exists already"):
        export_task(task, folder, "hub")
    export_task(task, folder, "hub", force=True)


def test_beir_folders_are_tasks_of_one_language(here: Workspace, tmp_path: Path) -> None:
    task = open_task(here, "toy")
    export_task(task, tmp_path / "toy", "beir")
    assert load_task(tmp_path / "toy").digest == task.digest
    part = load_task(tmp_path / "toy" / "en-de")
    assert {d.lang for d in part.documents} == {"de"} and {q.lang for q in part.queries} == {"en"}
    refused = xlembed(here.root, "export-task", "toy", str(tmp_path / "x"), "--layout", "hubb")
    assert refused.code == 2 and "choose one of hub, beir" in refused.err


def test_a_task_of_mteb_is_imported(here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mteb

    monkeypatch.setattr(mteb, "get_task", lambda name: {"Toy": mteb_task(open_task(here, "toy"))}[name])
    taken = import_files("mteb", [Path("Toy")], "from_mteb", tmp_path / "from_mteb")
    assert {d.doc_id: d.text for d in taken.task.documents} == {
        f"{d['lang']}:{d['_id']}": d["text"] for d in DOCUMENTS
    }
    assert taken.task.languages == ("de", "en") and any("en-de" in w for w in taken.warnings)
    assert taken.task.qrels["de:q1-de"] == {"de:d-de-1": 1}
    with pytest.raises(UserError, match="mteb: Nothing"):
        import_files("mteb", [Path("Nothing")], "n", tmp_path / "n")


def test_without_mteb_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from xlembed.data.importers import mteb as importer

    def gone(*_: Any, **__: Any) -> Any:
        raise ImportError

    monkeypatch.setattr("builtins.__import__", gone)
    with pytest.raises(UserError, match="not installed"):
        importer._open("XQuADRetrieval")
