"""An evaluation that is there already is used as it stands, and only while nothing that it follows from has changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from mlflow.tracking import MlflowClient

from cli.command import Answer, make_checkout, no_surroundings, xlembed
from xlembed.evaluate import reuse
from xlembed.evaluate.pair import PairDone
from xlembed.evaluate.reuse import Reuse
from xlembed.settings import Settings
from xlembed.tracking.opening import open_model
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

RUN = ("run", "-t", "toy", "-m", "toy")
TOLD = "toy: reused, nothing has changed since it was evaluated"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with one evaluation of `toy`."""
    made = make_checkout(tmp_path_factory.mktemp("checkout"))
    first = xlembed(made, *RUN)
    assert first.code == 0 and "reused" not in first.err, first.err
    return made


def run(root: Path, *more: str) -> Answer:
    answer = xlembed(root, *RUN, *more)
    assert answer.code == 0, answer.err
    return answer


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in ("runs", "results", "embeddings", "indices")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def test_the_second_run_reuses_it_with_the_same_record_in_mlflow(root: Path) -> None:
    before, fresh = contents(root), json.loads(run(root, "--json", "--force").out)
    answer = run(root, "--json")
    assert TOLD in answer.err
    again = json.loads(answer.out)
    assert set(fresh.pop("speed")["seconds"]) >= {
        "encode",
        "search",
        "ranks",
        "metrics",
        "intervals",
        "figures",
    }
    assert set(again.pop("speed")["seconds"]) == {"logging", "total"}
    assert again == fresh and contents(root) == before
    assert (
        f"{before['results/toy/toy.details.json'].decode()}"
        == json.dumps(again, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    )
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    second, first, *_ = client.search_runs([experiment.experiment_id])
    assert second.data.tags["reused"] == "true" and "reused" not in first.data.tags
    scores = [
        {k: v for k, v in of.data.metrics.items() if not k.startswith("speed/")} for of in (first, second)
    ]
    assert scores[0] == scores[1] and len(scores[0]) > 9
    assert first.data.params == second.data.params
    names = [{file.path for file in client.list_artifacts(of.info.run_id)} for of in (first, second)]
    assert names[0] - names[1] == {"speed.json"} and names[1] < names[0]
    assert [of.dataset.digest for of in second.inputs.dataset_inputs] == [
        of.dataset.digest for of in first.inputs.dataset_inputs
    ]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def flip(path: Path) -> None:
    """Another last byte of the same file."""
    path.chmod(0o644)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.unlink()  # MLflow holds a link to some
    path.write_bytes(raw)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a document": lambda root: edit(root / "data/toy/corpus.jsonl", '"text": "', '"text": "x '),
    "a query": lambda root: edit(root / "data/toy/queries.jsonl", '"text": "', '"text": "x '),
    "a judgement": lambda root: edit(root / "data/toy/qrels/test.tsv", "\t1\n", "\t2\n"),
    "the card of the task": lambda root: edit(
        root / "data/toy/task.yaml", "name: toy", "name: toy\nsource: x"
    ),
    "a setting": lambda root: edit(root / "params.yaml", "run:", "evaluate: {resamples: 500}\nrun:"),
    "the primary measure": lambda root: edit(
        root / "params.yaml", "run:", "compare: {primary_measure: MRR@10}\nrun:"
    ),
    "the model's entry": lambda root: edit(
        root / "params.yaml", "source: toy_model", "source: toy_model, languages: [de]"
    ),
    "a weight": lambda root: flip(next((root / "toy_model").rglob("*.safetensors"))),
    "a vector": lambda root: flip(root / "embeddings/toy/toy/documents.npy"),
    "a vector's row": lambda root: (root / "embeddings/toy/toy/query_ids.json").unlink(),
    "the units": lambda root: flip(root / "runs/toy/toy/units.parquet"),
    "a figure": lambda root: next((root / "runs/toy/toy/figures").iterdir()).unlink(),
    "a file too much": lambda root: (root / "runs/toy/toy/notes.txt").write_text("mine"),
    "the note": lambda root: [path.write_text("{") for path in (root / "cache/evaluations").iterdir()],
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_it_follows_from_changes(root: Path, what: str) -> None:
    kept = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and _is_input(path, root)}
    assert TOLD in run(root).err
    CHANGES[what](root)
    assert "reused" not in run(root).err, what
    assert TOLD in run(root).err, what
    for path, content in kept.items():
        path.write_bytes(content)
    run(root)


def _is_input(path: Path, root: Path) -> bool:
    return path.relative_to(root).parts[0] in ("data", "toy_model", "params.yaml")


def test_our_own_code_and_libraries_count(root: Path, tmp_path: Path) -> None:
    with mock.patch.object(reuse, "code_digest", lambda: "another"):
        assert "reused" not in run(root).err
    run(root)
    with mock.patch.object(reuse, "installed", lambda: ["numpy-9.dist-info"]):
        assert "reused" not in run(root).err
    assert TOLD in run(root).err  # theirs are notes of their own, and the files are the same
    package = tmp_path / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "job.py").write_text("x = 1\n")
    first = reuse.code_digest(package)
    (package / "__pycache__" / "job.pyc").write_text("compiled")
    reuse.code_digest.cache_clear()
    assert reuse.code_digest(package) == first
    for change in (lambda: (package / "job.py").write_text("x = 22\n"), lambda: (package / "a.yaml").touch()):
        change()
        reuse.code_digest.cache_clear()
        assert reuse.code_digest(package) != first
        first = reuse.code_digest(package)


def test_results_that_are_gone_are_written_again(root: Path) -> None:
    before = contents(root)
    (root / "results/toy/toy.json").unlink()
    (root / "results/toy/toy.details.json").write_text("{}")
    assert TOLD in run(root).err and contents(root) == before


def test_force_evaluates_again(root: Path) -> None:
    before = contents(root)
    assert "reused" not in run(root, "--force").err and contents(root) == before


def test_another_folder_is_another_place(root: Path) -> None:
    assert "reused" not in run(root, "--out", "other").err
    assert TOLD in run(root, "--out", "other").err


def test_some_models_are_there_and_some_are_not(root: Path) -> None:
    answer = xlembed(root, "run", "-t", "toy", "-m", "toy,toy+dim3")
    assert answer.code == 0 and TOLD in answer.err and "toy+dim3: 0 texts encoded" in answer.err
    assert "toy+dim3 " in answer.out
    assert answer.out == xlembed(root, "run", "-t", "toy", "-m", "toy,toy+dim3").out


def test_the_stage_evaluates_what_is_encoded_and_has_a_note_of_its_own(root: Path) -> None:
    words = ("evaluate", "-t", "toy", "-m", "toy")
    before = contents(root)
    assert "reused" not in xlembed(root, *words).err
    assert TOLD in xlembed(root, *words).err and contents(root) == before
    flip(next((root / "toy_model").rglob("*.safetensors")))
    answer = xlembed(root, *words, "--json")
    assert answer.code == 0 and "reused" not in answer.err
    assert TOLD in xlembed(root, *words).err  # the same old vectors
    assert "reused" not in run(root).err  # which are made anew here
    flip(next((root / "toy_model").rglob("*.safetensors")))
    run(root)


def test_no_note_of_what_changed_meanwhile(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xlembed.evaluate import job

    evaluate = job.evaluate

    def meanwhile(*given: object) -> object:
        found = evaluate(*given)  # type: ignore[arg-type]
        edit(root / "data/toy/corpus.jsonl", '"text": "', '"text": "y ')
        return found

    own = ("--out", "meanwhile", "--resamples", "300")
    with monkeypatch.context() as patch:
        patch.setattr(job, "evaluate", meanwhile)
        run(root, *own)
    edit(root / "data/toy/corpus.jsonl", '"text": "y ', '"text": "')
    assert "reused" not in run(root, *own).err
    assert TOLD in run(root, *own).err

    def rival(*given: object) -> object:
        found = evaluate(*given)  # type: ignore[arg-type]
        edit(root / "rival/runs/toy/toy/scores.json", '"resamples": 400', '"resamples": 200')
        return found

    own = ("--out", "rival", "--resamples", "400")
    with monkeypatch.context() as patch:
        patch.setattr(job, "evaluate", rival)
        run(root, *own)
    assert "reused" not in run(root, *own).err


def test_killed_before_the_note_it_is_evaluated_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    own = ("--out", "killed", "--resamples", "500")
    with monkeypatch.context() as patch:
        patch.setattr(reuse, "write_json", killed)
        assert xlembed(root, *RUN, *own).code == 130
    assert (root / "killed/runs/toy/toy/scores.json").is_file()
    assert "reused" not in run(root, *own).err
    assert TOLD in run(root, *own).err


def test_what_a_server_holds_is_never_believed(root: Path) -> None:
    with no_surroundings(root):
        for engine, known in (("exact", True), ("elasticsearch", False)):
            entries = {"toy": {"source": "toy_model"}}
            workspace = Workspace(Settings(models=entries, index={"engine": engine}), Path())
            found = Reuse(workspace, "toy", open_model(workspace, "toy"), "run")
            assert (found.key is not None) == known


def test_pairs_that_another_machine_evaluated_are_noted_if_it_is_like_this_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlembed.evaluate import pair

    sent: list[int] = []
    machines: list[str] = []

    def each_done(settings: object, function: Callable[..., PairDone], calls: Sequence[Any]) -> Iterator[Any]:
        sent.append(len(calls))
        for number, args in enumerate(calls):
            found = function(*args)
            machines.append(found.machine)
            yield number, found

    monkeypatch.setattr("xlembed.embeddings.cluster.each_done", each_done)
    words = ("run", "-t", "toy", "-m", "toy,toy+dim3", "--out", "elsewhere", "--resamples", "600")
    with monkeypatch.context() as patch:
        patch.setattr(pair, "machine_digest", lambda *given: "another")
        assert xlembed(root, *words, "--backend", "ray").code == 0 and sent == [2]
    assert "reused" not in (made := xlembed(root, *words, "--backend", "ray")).err and sent == [2, 2], (
        made.err
    )
    assert machines[:2] == ["another"] * 2 and len({*machines[2:], ""}) == 3
    before = contents(root / "elsewhere")
    for more in ((), ("--backend", "ray"), ("--workers", "2")):
        assert xlembed(root, *words, *more).err.count("reused, nothing has changed") == 2
    assert sent == [2, 2] and contents(root / "elsewhere") == before
    assert "reused" not in xlembed(root, *words, "--force").err and contents(root / "elsewhere") == before


def test_a_model_and_a_task_named_in_two_ways_count_once(root: Path) -> None:
    answer = run(root, "-t", "data/toy", "-m", "toy+fp32", "--json")
    assert answer.err.count(TOLD) == 1 and json.loads(answer.out)["model"] == "toy"


def test_a_card_of_another_dimension_than_the_stored_vectors_is_refused(root: Path) -> None:
    params = root / "params.yaml"
    before = params.read_text(encoding="utf-8")
    params.write_text(before.replace("source: toy_model", "source: toy_model, dim: 99"), encoding="utf-8")
    answer = xlembed(root, *RUN)
    params.write_text(before, encoding="utf-8")
    assert answer.code == 2 and "toy: the card says 99 dimensions, its vectors have" in answer.err
