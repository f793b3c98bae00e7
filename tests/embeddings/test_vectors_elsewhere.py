"""Vectors made elsewhere: in from three layouts, checked against the task, evaluated as a model, and out again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.command import Answer, make_checkout, no_surroundings, xlembed
from xlembed.data.loading import open_task
from xlembed.evaluate.compare import compare
from xlembed.evaluate.encode import encode
from xlembed.evaluate.evaluated import read_evaluated
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.params import load_settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

IDS = ["d-en-1", "d-en-2", "a-en-3", "d-de-1", "d-de-2", "d-de-3"]
QUERIES = ["q1-en", "q2-en", "q3-en", "q1-de", "q2-de", "q3-de"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the toy model was evaluated, and its vectors as two files."""
    root = make_checkout(tmp_path_factory.mktemp("elsewhere"))
    run(root, "toy")
    for name in ("toy.npz", "toy.parquet"):
        done = xlembed(root, "export-vectors", name, "-t", "toy", "-m", "toy")
        assert done.code == 0, done.err
    return root


def take(root: Path, *words: str) -> Answer:
    return xlembed(root, "import-vectors", "-t", "toy", *words)


def run(root: Path, model: str) -> str:
    """Evaluate a model as `xlembed run` does, without MLflow; under which name."""
    with no_surroundings(root), pytest.MonkeyPatch.context() as patch:
        patch.setattr("xlembed.show.figures.registry.write_figures", lambda *_: None)
        workspace = Workspace(load_settings(None, {"evaluate.resamples": 100}))
        task, ref = open_task(workspace, "toy"), open_model(workspace, model)
        encode(task, ref, workspace)
        index(task, ref, workspace)
        evaluate(task, ref, workspace)
    return ref.slug


def scores(root: Path, model: str) -> Any:
    return json.loads((root / "runs" / "toy" / model / "scores.json").read_text())["scores"]


def test_files_hold_what_the_model_gave(here: Path) -> None:
    with np.load(here / "toy.npz") as file:
        assert file["document_ids"].tolist() == IDS and file["query_ids"].tolist() == QUERIES
        assert file["documents"][0].tolist() == [1.0, 0.0, 0.0, 0.0]
    rows = pq.read_table(here / "toy.parquet").to_pylist()
    assert [r["id"] for r in rows] == IDS + QUERIES and rows[0]["vector"] == [1.0, 0.0, 0.0, 0.0]
    assert {r["role"] for r in rows[6:]} == {"query"}


def test_vectors_are_evaluated_as_the_model_itself(here: Path, tmp_path: Path) -> None:
    done = take(here, "toy.npz", "--name", "theirs", "--languages", "de")
    assert done.code == 0, done.err
    assert "6 documents and 6 queries, 4 dimensions" in done.out
    assert "3 documents" not in done.err and "1 documents have a vector of zeros" in done.err
    spelled = "vectors:vectors/toy/theirs"
    name = run(here, spelled)
    assert name.startswith("theirs-")
    labelled = [row for row in scores(here, name) if row.pop("label", "") == "language not supported"]
    assert labelled and scores(here, name) != scores(here, "toy")
    assert [row["value"] for row in scores(here, name)] == [row["value"] for row in scores(here, "toy")]
    units = [(here / "runs" / "toy" / n / "units.parquet").read_bytes() for n in (name, "toy")]
    assert units[0] == units[1]
    with no_surroundings(here):
        workspace = Workspace(load_settings())
        evaluations = read_evaluated(open_task(workspace, "toy"), ["toy", spelled], workspace)
        report = compare(evaluations, workspace, tmp_path / "compared")
    assert report["models"] == ["toy", name] and {r["difference"] for r in report["primary"]} == {0}
    refused = take(here, "toy.npz", "--name", "x", "--languages", "German")
    assert refused.code == 2 and "--languages" in refused.err


def test_parquet_gives_the_same_folder_as_npz(here: Path) -> None:
    for kind in ("npz", "parquet"):
        assert take(here, f"toy.{kind}", "--name", f"from_{kind}").code == 0
    folders = [here / "vectors" / "toy" / f"from_{kind}" for kind in ("npz", "parquet")]
    for name in ("documents.npy", "queries.npy", "document_ids.json", "query_ids.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_typed_question_finds_only_as_a_query_of_the_task(here: Path) -> None:
    assert take(here, "toy.npz", "--name", "asked").code == 0
    spelled = "vectors:vectors/toy/asked"
    found = xlembed(here, "search", "-t", "toy", "-m", spelled, "--json", "Cat")
    assert found.code == 0, found.err
    assert json.loads(found.out)[0]["doc_id"] == "d-en-2"
    for typed in ("a house", "q2-en"):
        refused = xlembed(here, "search", "-t", "toy", "-m", spelled, typed)
        assert refused.code == 2 and "cannot encode what is typed" in refused.err


def test_post_processing_and_cutting_work_on_them(here: Path) -> None:
    assert take(here, "toy.npz", "--name", "cut").code == 0
    name = run(here, "vectors:vectors/toy/cut+dim3+interleave")
    assert name.endswith("+dim3+interleave")
    assert scores(here, name) == scores(here, run(here, "toy+dim3+interleave"))
    with pytest.raises(UserError, match="belong to a model that runs here"):
        run(here, "vectors:vectors/toy/cut+bf16")
    refused = xlembed(here, "analyse", "-t", "toy", "-m", "vectors:vectors/toy/cut")
    assert refused.code == 2 and "only vectors of a task's texts" in refused.err


def test_texts_that_changed_since_are_refused(here: Path, tmp_path: Path) -> None:
    root = make_checkout(tmp_path)
    assert xlembed(root, "import-vectors", "-t", "toy", str(here / "toy.npz"), "--name", "old").code == 0
    corpus = root / "data" / "toy" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace('"boat"', '"boot"', 1))
    refused = xlembed(root, "encode", "-t", "toy", "-m", "vectors:vectors/toy/old")
    assert refused.code == 2 and "documents of toy are others now" in refused.err
    (root / "vectors" / "toy" / "old" / "documents.npy").write_bytes(b"")
    refused = xlembed(root, "encode", "-t", "toy", "-m", "vectors:vectors/toy/old")
    assert refused.code == 2 and "truncated or overwritten" in refused.err


def arrays(here: Path) -> dict[str, Any]:
    with np.load(here / "toy.npz") as file:
        return dict(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a | {k: a[k][1:] for k in ("documents", "document_ids")}, "d-en-1. It has 5 ids"),
        (lambda a: a | {"documents": a["documents"][1:]}, "6 ids and 5 vectors"),
        (lambda a: a | {"queries": a["queries"][:, :3]}, "documents have 4 dimensions and queries 3"),
        (lambda a: a | {"queries": a["queries"] * np.nan}, "6 queries have a vector with NaN or infinity: q1-en"),
        (lambda a: a | {"queries": a["queries"] * 0}, "the vectors of all queries are zero"),
        (lambda a: a | {"document_ids": np.array([*IDS[:5], IDS[0]])}, "id 'd-en-1' has two vectors (rows 1 and 6)"),
        (lambda a: a | {"documents": a["documents"].astype(str)}, "expected numbers of shape (texts, dimensions)"),
        (lambda a: {"x": a["documents"]}, "Name it with --id-field"),
        (lambda a: a | {"document_ids": a["document_ids"].astype(object)}, "arrays of Python objects"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_nothing_is_written(
    here: Path, tmp_path: Path, change: Any, message: str
) -> None:
    np.savez(tmp_path / "bad.npz", **change(arrays(here)))
    refused = take(here, str(tmp_path / "bad.npz"), "--name", "bad")
    assert refused.code == 2 and message in refused.err
    assert not (here / "vectors" / "toy" / "bad").exists()


def test_one_list_for_both_roles_and_more_than_wanted(here: Path, tmp_path: Path) -> None:
    a = arrays(here)
    ids = [*IDS, *QUERIES, "other"]
    vectors = np.concatenate([a["documents"], a["queries"], [[1, 2, 3, 4]]]) * 3
    rows = pa.table({"key": ids, "e": [list(map(float, v)) for v in vectors]})
    pq.write_table(rows, tmp_path / "all.parquet")
    done = take(
        here, str(tmp_path / "all.parquet"), "--name", "one", "--id-field", "key", "--vector-field", "e"
    )
    assert done.code == 0, done.err
    assert "1 vector left out, of ids that are none of the documents: other" in done.err
    kept = np.load(here / "vectors" / "toy" / "one" / "documents.npy")
    assert np.allclose(kept, a["documents"])
    again = take(
        here, str(tmp_path / "all.parquet"), "--name", "one", "--id-field", "key", "--vector-field", "e"
    )
    assert again.code == 2 and "exists already" in again.err


def test_roles_by_other_words_are_told(here: Path, tmp_path: Path) -> None:
    a = arrays(here)
    vectors = [list(map(float, v)) for v in np.concatenate([a["documents"], a["queries"]])]
    roles = ["doc"] * len(a["documents"]) + ["query"] * len(a["queries"])
    pq.write_table(
        pa.table({"id": [*IDS, *QUERIES], "vector": vectors, "role": roles}), tmp_path / "all.parquet"
    )
    refused = take(here, str(tmp_path / "all.parquet"), "--name", "roles")
    assert refused.code == 2 and "no row has role 'document'; found 'doc', 'query'" in refused.err


def test_lengths_that_differ_are_a_note_beside_every_score(here: Path, tmp_path: Path) -> None:
    a = arrays(here)
    np.savez(tmp_path / "long.npz", **(a | {"documents": a["documents"] * np.arange(1, 7)[:, None]}))
    assert take(here, str(tmp_path / "long.npz"), "--name", "long").code == 0
    name = run(here, "vectors:vectors/toy/long")
    told = json.loads((here / "runs" / "toy" / name / "scores.json").read_text())["warnings"]
    assert any("lengths from 1 to 6" in warning for warning in told)


@pytest.fixture(scope="module")
def qdrant(here: Path) -> Iterator[tuple[str, list[Any]]]:
    """A server that scrolls, five points a page, whose first answer is 503; the keys and bodies that it was sent."""
    a = arrays(here)
    rows = [("document", *pair) for pair in zip(IDS, a["documents"].tolist(), strict=True)]
    rows += [("query", *pair) for pair in zip(QUERIES, a["queries"].tolist(), strict=True)]
    points = [
        {"id": i, "payload": {"doc_id": row_id, "role": role}, "vector": {"dense": vector}}
        for i, (role, row_id, vector) in enumerate(rows)
    ]
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers.get("api-key"), body))
            start = body.get("offset", 0)
            following = start + 5 if start + 5 < len(points) else None
            result = {"points": points[start : start + 5], "next_page_offset": following}
            content = {"result": result, "status": "ok"} if "shop" in self.path else {"hello": 1}
            self.send_response(503 if len(asked) == 1 else 401 if "closed" in self.path else 200)
            answer = json.dumps(content).encode()
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def test_a_qdrant_collection(here: Path, qdrant: tuple[str, list[Any]]) -> None:
    address, asked = qdrant
    words = ("import-vectors", "-t", "toy", f"{address}/collections/shop", "--name", "q", "--force")
    done = xlembed(here, *words, QDRANT_API_KEY="hush")
    assert done.code == 0, done.err
    assert {(path, key) for path, key, _ in asked} == {("/collections/shop/points/scroll", "hush")}
    assert [body.get("offset") for *_, body in asked] == [None, None, 5, 10, None, 5, 10]
    assert np.array_equal(
        np.load(here / "vectors" / "toy" / "q" / "documents.npy"), arrays(here)["documents"]
    )
    assert "hush" not in done.out + done.err
    for name, message in (("closed", "set QDRANT_API_KEY"), ("other", "is it a Qdrant server?")):
        refused = take(here, f"{address}/collections/{name}", "--name", "r")
        assert refused.code == 2 and message in refused.err
    refused = take(here, "http://127.0.0.1:9/collections/shop", "--name", "r")
    assert refused.code == 2 and "no server answers" in refused.err
    refused = take(here, "vectors.csv", "--name", "r")
    assert refused.code == 2 and "known: FILE.npz, FILE.parquet, http://" in refused.err
