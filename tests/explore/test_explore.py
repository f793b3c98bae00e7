"""`xlembed explore` on the toy task, of which every rank can be counted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cli.command import Answer, make_checkout, no_surroundings, xlembed
from xlembed.evaluate.compare import read_evaluation
from xlembed.explore.job import explored_page
from xlembed.explore.kinds import ErrorKind
from xlembed.explore.shares import ERRORS, RIGHT, Outcome, compare_errors, outcome_table
from xlembed.params import load_settings
from xlembed.stats.comparison import Evaluated
from xlembed.words import Mode
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

MODELS = ("-t", "toy", "-m", "toy+dim3,toy")
OPTIONS = ("--reference", "toy")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_checkout(tmp_path_factory.mktemp("checkout"))
    answer = xlembed(made, "run", "-t", "toy", "-m", "toy,toy+dim3,bm25")
    assert answer.code == 0, answer.err
    return made


@pytest.fixture(scope="module")
def said(root: Path) -> Answer:
    answer = xlembed(root, "explore", *MODELS, *OPTIONS, COLUMNS="80")
    assert answer.code == 0, answer.err
    return answer


@pytest.fixture(scope="module")
def folder(root: Path, said: Answer) -> Path:
    return root / "reports" / "explore" / "toy"


def stored(folder: Path, name: str = "explore.json") -> dict[str, Any]:
    return json.loads((folder / name).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def part(folder: Path, name: str) -> Any:
    text = (folder / "data" / f"{name}.js").read_text(encoding="utf-8")
    return json.loads(text[text.index(", ", text.index(", ") + 1) + 2 : text.rindex(")")])


def test_kinds_and_flags_of_every_unit(folder: Path) -> None:
    """q3-en asks for a text without a vector and gets its own word; "katze" is nearer to "haus" than to "cat", but not
    in three dimensions; q3-de has no vector and an English answer."""
    table = pd.read_parquet(folder / "errors.parquet")
    assert len(table) == 40 and (table[[RIGHT, *map(str, ErrorKind)]].sum(axis=1) == 1).all()
    found = {
        (row["model"], row["query_id"], row["doc_lang"], row["pool"]): [name for name in ERRORS if row[name]]
        for _, row in table[table[RIGHT] == 0].iterrows()
    }
    both = {
        ("q3-en", "en", "target"): ["words"],
        ("q3-en", "en", "all"): ["words"],
        ("q3-de", "en", "all"): ["meaning", "not_understood"],
        ("q3-de", "en", "target"): ["meaning", "not_understood"],
    }
    expected = {(model, *key): of for model in ("toy", "toy+dim3") for key, of in both.items()}
    assert found == {**expected, ("toy", "q2-de", "en", "all"): ["wrong_language"]}


def test_right_is_accuracy_at_1(root: Path, folder: Path) -> None:
    scores = stored(root / "runs" / "toy" / "toy", "scores.json")["scores"]
    key = ("kind", "pool", "query_lang", "doc_lang")
    accuracy = {
        tuple(s[k] for k in key): (s["value"], s["ci_low"], s["n_units"])
        for s in scores
        if s["measure"] == "accuracy@1" and s["kind"] in list(Mode)
    }
    shares = [s for s in stored(folder)["shares"] if s["measure"] == RIGHT and s["model"] == "toy"]
    assert len(shares) > 8
    for s in shares:
        assert accuracy[tuple(s[k] for k in key)] == (s["value"], s["ci_low"], s["n_units"])


def test_the_terminal_shows_what_a_finds_within_80_columns(said: Answer, folder: Path) -> None:
    assert max(map(len, said.out.splitlines())) <= 80
    assert "Queries that toy+dim3 (A) finds and toy (B) does not" in said.out
    line = next(line for line in said.out.splitlines() if line.startswith("katze"))
    assert line.split() == ["katze", "de->en", "1", "2", "d-en-2:", "cat"]
    (found,) = stored(folder)["found"]
    assert (found["query_id"], found["rank_b"], found["error_b"]) == ("q2-de", 2, "wrong_language")


def test_the_data_hold_both_rankings_and_the_right_answer(folder: Path) -> None:
    names = ("index", "queries", "documents", "units")
    index, queries, documents, units = (part(folder, f"{name}-0") for name in names)
    assert index["models"] == ["toy+dim3", "toy"] and len(index["query"]) == 20
    assert queries[index["query"][0]] == ["q2-de", 1, "katze"]  # A is ahead there alone, so it stands first
    assert [ranks[0] for ranks in index["rank"]] == [1, 2]
    top, right, n_right = units[0][1]
    assert [(documents[d][0], score, good) for d, score, good in top[:2]] == [
        ("d-de-3", 0.8, 0),
        ("d-en-2", 0.6, 1),
    ]
    assert "d-de-2" not in [
        documents[d][0] for d, *_ in top
    ]  # ignored: the right document in another language
    assert [(documents[d][0], rank, score) for d, rank, score in right] == [
        ("d-en-2", 2, 0.6)
    ] and n_right == 1


def test_the_run_keeps_the_page(root: Path, folder: Path) -> None:
    with no_surroundings(root):
        client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
        (experiment,) = client.search_experiments(filter_string="name = 'toy/explore'")
        (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'explore'")
        kept = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"index.html", "data", "explore.json", "errors.parquet"} <= kept
    assert run.data.params["explore.models"] == "toy+dim3,toy"
    assert run.data.metrics["toy/true_cross_lingual/all/wrong_language"] == pytest.approx(1 / 6, abs=1e-6)


def test_one_model_some_languages_and_a_search_for_words(root: Path, tmp_path: Path) -> None:
    words = ("explore", "-t", "toy", "-m", "bm25", "--language", "de", *OPTIONS, "--json")
    shutil.copytree(root / "runs", tmp_path / "runs")
    answer = xlembed(root, *words, "--out", str(tmp_path))
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    assert (
        report["n_queries"] == 3 and report["found"] == [] and "bm25 has no tokenizer" in report["notes"][0]
    )
    index = part(tmp_path / "reports" / "explore" / "toy", "index-0")
    assert {index["kinds"][e] for e in index["error"][0] if e >= 0} >= {
        "nothing_retrieved"
    }  # no word is shared


def test_a_language_that_only_documents_are_in_has_nothing_to_explore(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "data", tmp_path / "data")
    task = tmp_path / "data" / "toy"
    card = (task / "task.yaml").read_text(encoding="utf-8")
    (task / "task.yaml").write_text(
        card.replace("languages: [en, de]", "languages: [en, de, fr]"), encoding="utf-8"
    )
    with (task / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"_id": "fr1", "text": "chat", "lang": "fr"}) + "\n")
    assert xlembed(tmp_path, "run", "-t", "toy", "-m", "bm25").code == 0
    answer = xlembed(tmp_path, "explore", "-t", "toy", "-m", "bm25", "--language", "fr")
    assert answer.code == 2 and "--language: toy has no judged query in fr" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-t", "toy", "-m", "toy+dim2"), "Evaluate first: xlembed run"),
        (
            ("-t", "toy", "-m", "toy", "--language", "fr"),
            "--language: toy has no fr; its languages are en, de",
        ),
        (("-t", "toy", "-m", "toy", "--reference", "toi"), "Did you mean 'toy'"),
        (("-t", "toy", "-m", "toy", "--near-copy-percentile", "100"), "less than 100"),
        (("-t", "toy", "-m", "toy", "--reference", "bm25"), "bm25"),
    ],
)
def test_bad_input_is_told(root: Path, words: tuple[str, ...], message: str) -> None:
    answer = xlembed(root, "explore", *OPTIONS, *words)
    assert answer.code == 2 and message in answer.err, answer.err


def test_ranks_that_are_not_those_of_the_evaluation_stop_it(root: Path, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "runs", tmp_path / "runs")
    shutil.copytree(root / "embeddings", tmp_path / "embeddings")
    path = tmp_path / "runs" / "toy" / "toy" / "units.parquet"
    units = pd.read_parquet(path)
    units.loc[units["query_id"] == "q2-de", "rank_first_relevant"] = 4
    units.to_parquet(path)
    answer = xlembed(root, "explore", *MODELS, *OPTIONS, "--out", str(tmp_path))
    assert answer.code == 2 and "4 of 20 units are ranked otherwise now" in answer.err
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task_digest": "0" * 64}, "toy/toy was evaluated on other texts or judgements than toy has now"),
        ({"index": {"engine": "elasticsearch"}}, "toy/toy was searched by elasticsearch, not by exact"),
        ({"fingerprint": "0" * 64}, "toy/toy was made with other vectors than there are now"),
    ],
)
def test_an_evaluation_of_something_else_stops_it(
    root: Path, folder: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    shutil.copytree(root / "runs", tmp_path / "runs")
    shutil.copytree(root / "embeddings", tmp_path / "embeddings")
    path = tmp_path / "runs" / "toy" / "toy" / "scores.json"
    path.write_text(json.dumps(stored(path.parent, "scores.json") | change), encoding="utf-8")
    answer = xlembed(root, "explore", "-t", "toy", "-m", "toy", *OPTIONS, "--out", str(tmp_path))
    assert answer.code == 2 and message in answer.err, answer.err
    assert not (tmp_path / "reports").exists()


def test_models_are_compared_in_languages_that_both_have() -> None:
    """Of 12 clusters in English A fails by words in all, B in none; in German nothing is tested."""
    n = 24
    units = pd.DataFrame(
        {
            "query_id": [f"q{i}" for i in range(n)],
            "need_id": [f"n{i}" for i in range(n)],
            "cluster": [f"n{i}" for i in range(n)],
            "query_lang": ["en", "de"] * 12,
            "doc_lang": ["en", "de"] * 12,
            "mode": "monolingual",
            "pool": "target",
        }
    )
    a = outcome_table(units, [Outcome(ErrorKind.WORDS)] * n)
    b = outcome_table(units, [Outcome(None)] * n)
    clusters = set(units["cluster"])
    rows, untested = compare_errors(
        [Evaluated("a", a, {}), Evaluated("b", b, {"de": "x"})], clusters, 0.05, 200
    )
    words = next(r for r in rows if r.measure == "words")
    assert not untested and words.difference == 1.0 and words.cells == ("en->en",) and words.n_clusters == 12
    assert words.family == "exploratory" and words.verdict == "a higher"
    assert words.p_value == pytest.approx(2 / 2**12, abs=0.001)
    rows, untested = compare_errors(
        [Evaluated("a", a, {"en": "y"}), Evaluated("b", b, {"de": "x"})], clusters, 0.05, 200
    )
    assert not rows and untested[0].startswith("a and b: no language that both support")
    assert np.array_equal(a["words"], np.ones(n))


def artifacts(root: Path, kind: str) -> list[set[str]]:
    """Of every run of a kind on the toy task, the newest first: what lies in `explore`."""
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(f"toy/{kind}")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    return [{a.path for a in client.list_artifacts(run.info.run_id, "explore")} for run in runs]


def test_the_page_is_an_artifact_of_the_comparison(root: Path, folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(root, tmp_path / "copy")
    shutil.rmtree(copy / "reports" / "explore")
    for file in ("mlflow.db", "mlflow.db.lock"):
        (copy / file).unlink(missing_ok=True)
    page = {f"explore/{name}" for name in ("index.html", "data", "explore.json", "errors.parquet")}
    assert xlembed(copy, "compare", "-t", "toy", "-m", "toy,bm25").code == 0
    assert xlembed(copy, "explore", *MODELS, *OPTIONS).code == 0
    assert artifacts(copy, "compare") == [set()]  # toy+dim3 was not compared
    assert xlembed(copy, "compare", "-t", "toy", "-m", "toy,toy+dim3").code == 0
    assert artifacts(copy, "compare") == [page, set()]
    shutil.rmtree(copy / "reports" / "explore")
    assert xlembed(copy, "compare", "-t", "toy", "-m", "toy,toy+dim3,bm25").code == 0
    assert artifacts(copy, "compare")[0] == set()
    assert xlembed(copy, "explore", *MODELS, *OPTIONS).code == 0
    assert artifacts(copy, "compare")[:2] == [page, page]


def test_a_page_of_other_vectors_is_no_artifact_of_a_comparison(root: Path, folder: Path) -> None:
    workspace = Workspace(load_settings(root / "params.yaml"), root, root)
    evaluations = [read_evaluation(f"toy/{name}", workspace) for name in ("toy", "toy+dim3", "bm25")]
    assert explored_page(evaluations, workspace) == folder
    assert explored_page(evaluations[1:], workspace) is None
    changed = replace(evaluations[0], scores={**evaluations[0].scores, "fingerprint": "0" * 64})
    assert explored_page([changed, *evaluations[1:]], workspace) is None


# Without judgements


def test_a_task_that_nobody_judged_has_a_page_of_rankings_and_no_verdicts(root: Path) -> None:
    folder = root / "data" / "log"
    shutil.copytree(root / "data" / "toy", folder)
    shutil.rmtree(folder / "qrels")
    card = (folder / "task.yaml").read_text(encoding="utf-8").replace("name: toy", "name: log")
    (folder / "task.yaml").write_text(f"{card}unjudged: true\n", encoding="utf-8")
    answer = xlembed(root, "explore", "-t", "log", "-m", "toy,bm25", COLUMNS="80")
    assert answer.code == 0, answer.err
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "nobody said which documents are right" in " ".join(answer.out.split())
    made = root / "reports" / "explore" / "log"
    assert {p.name for p in made.iterdir()} == {"index.html", "data", "explore.json"}
    found = stored(made)
    by_id = {row["query_id"]: row for row in found["ranked"]}
    # "cat" has cosines 1 and 0.6 with "cat" and "katze" and 0 with the rest, bm25 retrieves its word alone
    assert by_id["q2-en"]["shared"] == 1
    assert [text.partition(":")[0] for text in by_id["q2-en"]["first"]] == ["d-en-2", "d-en-2"]
    shared = [row["shared"] for row in found["ranked"]]
    assert shared == sorted(shared) and found["n_queries"] == len(shared)
    index, (units, *_) = part(made, "index-0"), [part(made, "units-0")]
    assert index["judged"] is False and all(right == [] and n == 0 for u in units for _, right, n in u)
    page = (made / "index.html").read_text(encoding="utf-8")
    assert "Why queries fail" not in page and "Nobody said which documents are right." in page


def test_one_model_shows_a_log_in_its_order(root: Path) -> None:
    answer = xlembed(root, "explore", "-t", "log", "-m", "toy", "--language", "de")
    assert answer.code == 0, answer.err
    found = stored(root / "reports" / "explore" / "log")
    assert [row["query_id"] for row in found["ranked"]] == ["q1-de", "q2-de", "q3-de"]
    assert all(row["shared"] is None for row in found["ranked"])
