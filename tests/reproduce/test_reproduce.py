"""Published figures measured again: on a local task and model, and by the Hub; what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from data.public.rows import repositories
from fakes.toy import save_toy_model, write_toy
from hub_stub import Hub, client_of
from xlembed.cli import xlembed
from xlembed.data.public.entry import find_public_set, public_sets
from xlembed.models.catalogue import catalogue
from xlembed.reproduce.recipe import claims, find_claim
from xlembed.reproduce.result import Agreement, Figure, Reproduced
from xlembed.show.published import published
from xlembed.words import UserError


def figure(published: float, low: float | None, high: float | None) -> Figure:
    return Figure(
        measure="MRR@10",
        published=published,
        digits=2,
        value=0.5,
        ci_low=low,
        ci_high=high,
        n_units=9,
        n_clusters=9,
    )


@pytest.mark.parametrize(
    ("published", "low", "high", "said"),
    [
        (0.50, 0.45, 0.55, Agreement.AGREES),
        (0.56, 0.45, 0.556, Agreement.AGREES),  # 0.556 is published as 0.56
        (0.56, 0.45, 0.55, Agreement.HIGHER),
        (0.44, 0.45, 0.55, Agreement.LOWER),
        (0.44, 0.444, 0.55, Agreement.AGREES),
        (0.44, None, None, Agreement.UNKNOWN),
    ],
)
def test_a_rounded_figure_lies_in_an_interval_or_not(
    published: float, low: float | None, high: float | None, said: Agreement
) -> None:
    assert figure(published, low, high).agreement is said


def test_what_is_said_follows_from_the_figures() -> None:
    base: dict[str, Any] = {"name": "x", "published_by": "y", "model": "m", "task": "t", "data": "d"}
    both = Reproduced(**base, figures=(figure(0.5, 0.4, 0.6), figure(0.7, 0.4, 0.6)), unsure="the split")
    assert both.headline()[0].startswith("1 of 2 published figures lie within")
    assert both.headline()[-1] == "Not said there: the split."
    none = Reproduced(**base, figures=(figure(0.5, None, None),))
    assert none.headline() == [
        "No interval: fewer than 10 independent groups of questions. Nothing can be said."
    ]


def test_every_recipe_names_a_model_and_a_set_that_are_known() -> None:
    for claim in claims().values():
        assert claim.model in catalogue() and claim.set in public_sets()
        assert catalogue()[claim.model].english_only == (claim.label == "English-only model")
    for entry in published():
        assert ("recipe" in entry) != ("not_reproduced" in entry), entry["source"]
    with pytest.raises(UserError, match="Did you mean 'medturkquad_bge_m3'"):
        find_claim("medturkquad_bge")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One checkout for all: its database is made once."""
    found = tmp_path_factory.mktemp("checkout")
    (found / "params.yaml").write_text("evaluate: {resamples: 200}\n", encoding="utf-8")
    save_toy_model(found / "toy")
    return found


@pytest.fixture
def checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root)
    monkeypatch.setenv("XLEMBED_CACHE", str(root / "cache"))
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root / "hf"))
    return root


def _run(*words: str) -> str:
    done = CliRunner().invoke(xlembed, ["reproduce", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_a_set_of_the_hub_is_fetched_measured_and_compared(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(checkout / "hub")
    for repo, configs in repositories(find_public_set("scifact_tr")).items():
        hub.write_rows(repo, configs)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with client_of(hub):
        said = _run("scifact_tr_turkembed", "-m", "./toy")
    assert "No interval: fewer than 10 independent groups" in said and "71.16" in said
    assert "in place of turkembed4retrieval" in said and "which of the four translations" in said
    kept = json.loads((checkout / "reports/reproduce/scifact_tr_turkembed/reproduced.json").read_text())
    assert [f["measure"] for f in kept["figures"]] == ["precision@1", "MRR@10"]
    assert not (checkout / "runs").exists()  # an evaluation of all modes there is left alone
    assert (checkout / "data/scifact_tr/task.yaml").is_file()


def test_a_local_task_with_enough_questions_gets_a_verdict(checkout: Path) -> None:
    """Each question is its document, word for word, so that ours is 100 %."""
    words = [{"_id": f"d{n}", "text": f"kelime{n} metin", "lang": "tr"} for n in range(40)]
    asked = [{**row, "_id": f"q{row['_id']}"} for row in words]
    write_toy(checkout / "elsewhere" / "many", words, asked, [(f"qd{n}", f"d{n}", 1) for n in range(40)])
    (checkout / "elsewhere/many/task.yaml").write_text("name: many\nlanguages: [tr]\n", encoding="utf-8")
    said = _run("scifact_tr_turkembed", "-m", "bm25", "-t", "elsewhere/many")
    assert "the task many in place of scifact_tr" in said
    assert said.count("published is lower") == 2 and "0 of 2 published figures lie within" in said
    client = MlflowClient(f"sqlite:///{checkout / 'mlflow.db'}")
    ids = [e.experiment_id for e in client.search_experiments() if e.name == "many/reproduce"]
    (run,) = client.search_runs(ids)
    assert json.loads(run.inputs.dataset_inputs[0].dataset.source)["uri"] == "elsewhere/many"


def test_without_the_hub_one_sentence_says_what_is_missing(checkout: Path) -> None:
    with pytest.raises(UserError) as told:
        _run("medturkquad_minilm", "--accept-licence")
    model = catalogue()["minilm_multilingual"].hub_id
    assert str(told.value) == (
        "medturkquad_minilm needs the set medturkquad (incidelen/MedTurkQuAD; `xlembed import hub medturkquad`) and "
        f"the model minilm_multilingual ({model}; `xlembed models minilm_multilingual`), which are not on this "
        "machine, and the Hub cannot be reached"
    )


def test_the_list_says_what_cannot_be_measured_again(checkout: Path) -> None:
    for words in ([], ["list"]):
        said = _run(*words)
        assert all(name in said for name in claims()) and "not possible: its articles and scores" in said
