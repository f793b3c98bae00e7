"""`xlembed promote` as typed: what it prints, what it exits with, how it answers mistakes (fakes/promotable.py)."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pytest

from cli.command import Answer, no_surroundings, xlembed
from fakes.promotable import champion, make_checkout, register


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, sketches: None) -> Path:
    """Versions 1 (20 of 40 right), 2 (35), 3 (34), 4 (36, but trained on the task); `candidate` is the last."""
    root = make_checkout(tmp_path_factory.mktemp("checkout"))
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        for right in (20, 35, 34):
            register(root, (right, right))
        register(root, (36, 36), texts=["end7"])
    return root


def promoted(root: Path, *words: str) -> Answer:
    return xlembed(root, "promote", *words, COLUMNS="140")


def now(root: Path) -> str | None:
    with no_surroundings(root):
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        return champion()


def test_the_story_of_a_champion(checkout: Path) -> None:
    first = promoted(checkout, "models:/xlembed-retriever/1")
    assert first.code == 0, first.err
    assert "no champion yet: compared with the base model weak" in first.out
    assert "champion of xlembed-retriever: models:/xlembed-retriever/1 (promotion 1)" in first.out
    tried = promoted(checkout, "models:/xlembed-retriever/2", "--dry-run")
    assert tried.code == 0 and now(checkout) == "1"
    assert "would become champion" in tried.out and "next: run again without --dry-run" in tried.out
    second = promoted(checkout, "models:/xlembed-retriever/2", "--json")
    assert second.code == 0 and now(checkout) == "2"
    report = json.loads(second.out)
    assert report["moved"] and report["number"] == 2 and report["decision"]["level"] == 0.025
    refused = promoted(checkout, "models:/xlembed-retriever/3")
    assert refused.code == 1 and now(checkout) == "2"
    for words in (
        "macro",
        "not shown to be better",
        "a fall of more than 3 is not excluded",
        "Attempt 1 against this champion on this task: tested at 0.025",
        "Smallest difference this test finds with 80 %",
        "refused: not better: accuracy@1, cross_lingual/all changes by -2.5 points",
        "models:/xlembed-retriever/3 is refused; champion of xlembed-retriever was not moved",
        "next: train a better one",
        "MLflow run ",
    ):
        assert words in refused.out, words
    leaked = promoted(checkout)  # the candidate
    assert leaked.code == 1 and "was trained or chosen on texts of forty: 1 documents (d7-en)" in leaked.out
    forced = promoted(checkout, "--force", "only this one is fast enough")
    assert forced.code == 0 and now(checkout) == "4" and "forced although: " in forced.out
    back = promoted(checkout, "--rollback")
    assert back.code == 0 and now(checkout) == "2" and "(promotion 4)" in back.out
    assert "next: xlembed promote models:/xlembed-retriever/4 --force REASON undoes it" in back.out
    same = promoted(checkout, "models:/xlembed-retriever@champion", "--alias", "shop")
    assert same.code == 0 and "the search alias was not touched: xlembed publish --alias shop" in same.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models:/xlembed-retriever/9"], "version=9"),
        (["models:/nobody@candidate"], "nobody"),
        (["toy"], "takes a registered version: models:/NAME/VERSION or models:/NAME@ALIAS"),
        (["--rollback", "models:/xlembed-retriever/2"], "name a model, not a version"),
        (["--metric", "accuracy"], "needs a cutoff"),
        (["--mode", "sideways"], "Input should be 'monolingual'"),
        (["--margin", "3"], "less than 1"),
        (["--alpha", "0"], "greater than 0"),
        (["--strict", "perhaps"], "bool"),
        (["--task", "nothing"], "nothing"),
        (["--dry-run", "--force", "x"], "nothing to --force"),
        (["--name", "another"], "another"),
    ],
)
def test_mistakes_are_bad_input(checkout: Path, words: list[str], said: str) -> None:
    answer = promoted(checkout, *words)
    assert answer.code == 2 and said in answer.err, answer.err
