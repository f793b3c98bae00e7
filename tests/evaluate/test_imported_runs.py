"""Rankings of another system: our own, written and read again, give our own scores; what is wrong with them is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cli.command import make_checkout, no_surroundings, xlembed
from xlembed.data.loading import open_task
from xlembed.data.task import Task
from xlembed.evaluate.compare import compare
from xlembed.evaluate.encode import encode
from xlembed.evaluate.evaluated import read_evaluated
from xlembed.evaluate.export_run import export_trec
from xlembed.evaluate.imported import imported_ref
from xlembed.evaluate.importing_runs import import_rankings
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.explore.job import explore
from xlembed.params import load_settings
from xlembed.settings import EvaluateSettings, ExploreSettings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

SAME = [
    "query_id",
    "doc_lang",
    "pool",
    "rank_first_relevant",
    "first_lang",
    "hit@1",
    "hit@3",
    "recall@5",
    "ndcg@10",
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, sketches: None) -> Iterator[Workspace]:
    """A checkout in which the toy model was evaluated, and its rankings: all.trec, de.trec, en.trec."""
    root = make_checkout(tmp_path_factory.mktemp("runs"))
    with no_surroundings(root):
        workspace = Workspace(load_settings(None, {"evaluate.resamples": 100}), root, root)
        task, ref = open_task(workspace, "toy"), open_model(workspace, "toy")
        encode(task, ref, workspace)
        index(task, ref, workspace)
        evaluate(task, ref, workspace)
        export_trec(task, ref, workspace, Path("trec"))
        yield workspace


@pytest.fixture(scope="module")
def task(here: Workspace) -> Task:
    return open_task(here, "toy")


def units(workspace: Workspace, name: str) -> pd.DataFrame:
    return pd.read_parquet(workspace.run_folder("toy", name) / "units.parquet")


def take(task: Task, workspace: Workspace, name: str, *files: str, **options: Any) -> list[str]:
    return import_rankings(task, imported_ref(name), files, workspace, **options)[1]


def lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def write(name: str, of: list[str]) -> str:
    Path(name).write_text("\n".join(of) + "\n")
    return name


@pytest.mark.parametrize(
    ("name", "files"),
    [("filtered", ["trec/all.trec"]), ("by_pool", ["trec/all.trec", "de=trec/de.trec", "en=trec/en.trec"])],
)
def test_our_own_rankings_give_our_own_scores(
    here: Workspace, task: Task, name: str, files: list[str]
) -> None:
    assert take(task, here, name, *files) == []
    pd.testing.assert_frame_equal(units(here, name)[SAME], units(here, "toy")[SAME])
    scores = json.loads((here.run_folder("toy", name) / "scores.json").read_text())
    assert scores["index"]["engine"] == "imported" and "MRR" not in {r["measure"] for r in scores["scores"]}


def test_compare_and_explore_take_them_like_any_model(here: Workspace, task: Task) -> None:
    take(task, here, "theirs", "trec/all.trec")
    evaluations = read_evaluated(task, ["toy", "theirs"], here)
    report = compare(evaluations, here, here.out / "compared")
    assert report["models"] == ["toy", "theirs"] and {r["difference"] for r in report["primary"]} == {0}
    settings = here.settings.model_copy(update={"explore": ExploreSettings(reference="toy")})
    found = explore(task, ["toy", "theirs"], Workspace(settings, here.root, here.out))
    assert found.models == ("toy", "theirs") and any(
        "theirs has no tokenizer" in note for note in found.notes
    )
    firsts = {name: [s.value for s in found.shares if s.model == name][:12] for name in found.models}
    assert firsts["toy"] == firsts["theirs"]  # what follows are flags that need a tokenizer


def test_rankings_that_are_too_short_say_so(here: Workspace, task: Task) -> None:
    three = write("three.trec", [line for line in lines("trec/all.trec") if int(line.split()[3]) <= 3])
    with pytest.raises(
        UserError, match=r"short for accuracy@1: query q3-de: only 0 documents in en among its 3\. Deeper"
    ):
        take(task, here, "short", three)
    settings = here.settings.model_copy(
        update={"evaluate": EvaluateSettings(modes="true_cross_lingual,cross_lingual")}
    )
    across = Workspace(settings, here.root, here.out)
    notes = take(task, across, "by_language", three, "de=trec/de.trec", "en=trec/en.trec")
    assert notes[0].startswith("left out, for the rankings are too short: accuracy@3")
    kept = json.loads((here.run_folder("toy", "by_language") / "scores.json").read_text())
    assert (
        kept["evaluate"]["measures"] == ["accuracy@1", "recall@1", "precision@1"]
        and notes[0] in kept["warnings"]
    )
    mine = units(here, "toy").merge(units(here, "by_language"), on=SAME[:3])
    assert len(mine) and (mine["hit@1_x"] == mine["hit@1_y"]).all()
    assert take(task, here, "whole", three, complete=True) == []
    assert "ndcg@10" in units(here, "whole")


def test_a_ranking_counts_as_cut_by_the_longest_of_its_own_file(here: Workspace, task: Task) -> None:
    """Not by a deeper file of other queries."""
    deep = write("deep.trec", [line for line in lines("trec/all.trec") if "-de Q0" in line])
    short = [line for line in lines("trec/all.trec") if "-en Q0" in line and int(line.split()[3]) <= 3]
    note, *_ = take(task, here, "two", deep, write("short.trec", short))
    assert note.startswith("left out, for the rankings are too short: ") and "-en: only" in note
    assert take(task, here, "two", deep, "short.trec", complete=True) == []


def test_queries_without_a_ranking_find_nothing_and_a_whole_language_is_asked_for(
    here: Workspace, task: Task
) -> None:
    some = write("some.trec", [line for line in lines("trec/all.trec") if not line.startswith("q1-en ")])
    notes = take(task, here, "some", some)
    assert notes == ["1 query has no ranking, counted as finding nothing (en 1): q1-en"]
    mine = units(here, "some")
    assert (mine[mine["query_id"] == "q1-en"]["hit@1"] == 0).all()
    english = write("english.trec", [line for line in lines("trec/all.trec") if "-en Q0" in line])
    with pytest.raises(UserError, match="no query in de has a ranking"):
        take(task, here, "english", english)
    with pytest.raises(UserError, match="--modes monolingual"):
        take(task, here, "pools", "de=trec/de.trec", "en=trec/en.trec")


def test_a_query_without_a_ranking_is_told_of_each_pool(here: Workspace, task: Task) -> None:
    """One pool's ranking is none of another: those of within a language do not answer across languages."""
    by_language = ["de=trec/de.trec", "en=trec/en.trec"]
    some = write("lacking.trec", [line for line in lines("trec/all.trec") if not line.startswith("q1-en ")])
    notes = take(task, here, "lacking", some, *by_language)
    assert notes == ["1 query has no ranking, counted as finding nothing (en 1): q1-en"]
    within = write("within.trec", [line for line in lines("trec/de.trec") if "-de Q0" in line])
    with pytest.raises(
        UserError, match=r"no query in en has a ranking of documents in de: .*without de=FILE"
    ):
        take(task, here, "within", "trec/all.trec", f"de={within}")
    (note,) = take(task, here, "disjoint", "trec/all.trec", f"de={within}", complete=True)
    assert "no ranking of documents in de, counted as finding nothing (en" in note
    settings = here.settings.model_copy(
        update={"evaluate": EvaluateSettings(modes="monolingual,cross_lingual", resamples=100)}
    )
    alone = Workspace(settings, here.root, here.out / "alone")
    assert take(task, alone, "within", "trec/all.trec", f"de={within}") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1-en Q0 d-en-1 7 -7 x", "document twice"),
        ("q1-en Q0 nobody 7 -7 x", "1 document that toy has not: nobody"),
        ("q1-en Q0 d-en-1 7", "expected 6 fields"),
        ("q1-en Q0 d-en-1 seven -7 x", "rank 'seven' is no whole number"),
        ("q1-en Q0 d-en-1 7 nan x", "the score is nan"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_nothing_is_written(
    here: Workspace, task: Task, line: str, message: str
) -> None:
    of = lines("trec/all.trec")
    bad = write("bad.trec", [*of, line])
    with pytest.raises(UserError, match=message) as error:
        take(task, here, "bad", bad)
    assert f"bad.trec:{len(of) + 1}" in str(error.value) and not here.run_folder("toy", "bad").exists()


def test_ranks_scores_and_pools_must_agree(here: Workspace, task: Task) -> None:
    rows = [line.split() for line in lines("trec/all.trec")]
    distances = write("up.trec", [" ".join([*r[:4], r[3], r[5]]) for r in rows])
    with pytest.raises(UserError, match="rank 2 of query q1-en has the score 2, more than the 1 of rank 1"):
        take(task, here, "up", distances)
    without = write("zero.trec", [" ".join([*r[:3], "0", *r[4:]]) for r in rows])
    take(task, here, "zero", without)
    pd.testing.assert_frame_equal(units(here, "zero")[SAME], units(here, "toy")[SAME])
    with pytest.raises(UserError, match="is in en, and these are rankings of de alone"):
        take(task, here, "mixed", "trec/all.trec", "de=trec/en.trec")
    run: dict[str, dict[str, float]] = {}
    for query, _, doc, _, score, _ in rows:
        run.setdefault(query, {})[doc] = float(score)
    Path("predictions.json").write_text(json.dumps({"mteb_model_meta": {"name": "x"}, "all": {"test": run}}))
    assert take(task, here, "json", "predictions.json") == []
    pd.testing.assert_frame_equal(units(here, "json")[SAME], units(here, "toy")[SAME])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"q1-en": {"d-en-1": 2, "d-en-1": 1}}',
            "bad.json: not valid JSON: 'd-en-1' stands twice in one object",
        ),
        (f'{{"q1-en": {{"d-en-1": 1{"0" * 400}}}}}', "the score is inf"),
    ],
)
def test_json_that_says_two_things_or_none_is_refused(
    here: Workspace, task: Task, text: str, message: str
) -> None:
    Path("bad.json").write_text(text)
    with pytest.raises(UserError, match=message):
        take(task, here, "bad", "bad.json")


def test_queries_that_the_task_has_not_are_told(here: Workspace, task: Task) -> None:
    more = write("more.trec", [*lines("trec/all.trec"), "other Q0 d-en-1 1 -1 x"])
    (note,) = take(task, here, "more", more)
    assert "query 'other'" in note and "the task has no such query" in note


def test_the_command_tracks_prints_and_protects_names(here: Workspace) -> None:
    root = here.root
    done = xlembed(root, "import-run", "-t", "toy", "trec/all.trec", "--name", "engine", "--languages", "en")
    assert done.code == 0, done.err
    assert ("engine" in done.out and "language not supported" in done.out) or "English-only" in done.out
    again = xlembed(root, "import-run", "-t", "toy", "trec/all.trec", "--name", "engine")
    assert again.code == 2 and "replace it with --force" in again.err
    for name in ("toy", "bm25", "bm25+interleave", "a/b"):
        refused = xlembed(root, "import-run", "-t", "toy", "trec/all.trec", "--name", name)
        assert refused.code == 2 and "--name" in refused.err
    out = xlembed(root, "export-run", "again", "-t", "toy", "-m", "engine")
    assert out.code == 0 and (root / "again" / "de.trec").read_text().startswith("q1-en Q0 ")
    assert [line.split()[:4] for line in lines("again/all.trec")] == [
        line.split()[:4] for line in lines("trec/all.trec")
    ]
