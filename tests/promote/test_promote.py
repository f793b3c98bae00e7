"""From registered versions to a champion: what the gate reads, refuses and keeps (models: promotable.py)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cli.command import no_surroundings
from elastic_node import Node
from fakes.promotable import TASK, UNSEEN, champion, make_checkout, register
from xlembed.data.loading import open_task
from xlembed.evaluate.compare import Evaluation
from xlembed.params import load_settings
from xlembed.promote import job as stage
from xlembed.promote.decision import Outcome
from xlembed.promote.job import attempt_text, gate_of, promote, roll_back
from xlembed.publish.published import search_alias
from xlembed.search.elastic.connection import ENVIRONMENT, connect
from xlembed.tracking.ledger import Ledger
from xlembed.tracking.versions import Claim, State
from xlembed.words import UserError
from xlembed.workspace import Workspace

NAMES = (f"model{i}" for i in itertools.count())
Settle = Callable[..., Workspace]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, sketches: None) -> Iterator[Path]:
    folder = make_checkout(tmp_path_factory.mktemp("checkout"))
    with no_surroundings(folder):
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        yield folder


@pytest.fixture
def name() -> str:
    """A registered model of the test's own."""
    return next(NAMES)


def workspace(root: Path, es_url: str | None = None, **promote: Any) -> Workspace:
    overrides = {f"promote.{key}": value for key, value in promote.items()}
    return Workspace(load_settings(root / "params.yaml", overrides), root, root, es_url)


def tried(
    root: Path, name: str, version: str = "@candidate", space: Workspace | None = None, **more: Any
) -> Outcome:
    space = space or workspace(root)
    uri = f"models:/{name}{version if version.startswith('@') else f'/{version}'}"
    return promote(uri, open_task(space, TASK), space, **more)


def tags_of(name: str, version: str) -> dict[str, str]:
    return dict(MlflowClient().get_model_version(name, version).tags)


def test_the_first_is_compared_with_the_base_then_with_the_champion(root: Path, name: str) -> None:
    """Base 10 of 40, version 1 20, version 2 35, version 3 34 of 40 in each language."""
    register(root, (20, 20), name)
    first = tried(root, name)
    assert first.granted and first.moved and first.number == 1 and champion(name) == "1"
    assert first.opponent == "weak" and "no champion yet: compared with the base model weak" in first.notes
    assert first.next_step == "", "nothing to roll back to"
    assert first.decision is not None and first.decision.difference.value == pytest.approx(0.25)
    assert (first.decision.candidate, first.decision.champion, first.decision.attempt) == (0.5, 0.25, 1)
    register(root, (35, 35), name)
    second = tried(root, name)
    assert second.moved and second.opponent == f"models:/{name}/1" and champion(name) == "2"
    assert second.next_step == f"xlembed promote --rollback models:/{name} undoes it"
    register(root, (34, 34), name)
    third = tried(root, name)
    assert not third.granted and not third.moved and champion(name) == "2"
    assert third.refusals[0].startswith("not better: accuracy@1, cross_lingual/all changes by -2.5 points")
    assert third.decision is not None and third.decision.attempt == 1, "the first against version 2"
    tags = tags_of(name, "2")
    assert (tags["xlembed.promoted_over"], tags["xlembed.promotion"], tags["xlembed.forced"]) == (
        "1",
        "2",
        "",
    )


def test_all_of_it_is_recorded(root: Path, name: str) -> None:
    register(root, (20, 20), name)
    for outcome, status in ((tried(root, name, dry_run=True), "dry run"), (tried(root, name), "moved")):
        run = MlflowClient().get_run(outcome.run_id)
        assert (run.data.tags["kind"], run.data.tags["outcome"], run.info.status) == (
            "promotion",
            status,
            "FINISHED",
        )
        assert run.data.metrics["gate/difference"] == 0.25 and run.data.metrics["gate/de/difference"] == 0.25
        report = json.loads(mlflow.artifacts.load_text(f"runs:/{outcome.run_id}/promotion.json"))
        assert report["decision"]["attempt"] == 1 and report == json.loads(json.dumps(outcome.to_json()))
        text = mlflow.artifacts.load_text(f"runs:/{outcome.run_id}/promotion.md")
        assert "| macro | 50.0 | 25.0 | +25.0 [" in text and "tested at 0.025" in text


def test_results_are_stored_and_found_again(root: Path, name: str) -> None:
    register(root, (20, 20), name)
    first = tried(root, name, dry_run=True)
    assert any("not evaluated on this task yet" in note for note in first.notes)
    (run_id,) = [v for k, v in tags_of(name, "1").items() if k.startswith("xlembed.evaluation.")]
    assert MlflowClient().get_run(run_id).data.metrics["cross/accuracy_at_1"] == 0.5
    again = tried(root, name, dry_run=True)
    assert not any("evaluated" in note for note in again.notes)
    assert again.decision is not None and again.decision.attempt == 1, "the same again is no new attempt"
    other = workspace(root)
    settings = load_settings(root / "params.yaml", {"evaluate.depth": 100, "corpus.keep_duplicates": "true"})
    other = Workspace(settings, root, root)
    renewed = tried(root, name, space=other, dry_run=True)
    assert any("evaluated again: corpus settings, depth differ" in note for note in renewed.notes)
    assert renewed.decision is not None and renewed.decision.attempt == 2, (
        "other settings are another attempt"
    )
    unmeasured = workspace(root, metric="nDCG@20")
    renewed = tried(root, name, space=unmeasured, dry_run=True)
    assert any("evaluated again: corpus settings, measure, depth differ" in note for note in renewed.notes)
    assert renewed.decision is not None and renewed.decision.attempt == 3, (
        "another measure is another attempt"
    )


@pytest.mark.parametrize(
    ("changed", "value", "is_other"),
    [
        *(("evaluate.other_versions", v, True) for v in ("wrong", "relevant")),
        ("evaluate.depth", 200, True),
        ("evaluate.resamples", 500, True),
        ("corpus.relevance", "own", True),
        ("corpus.max_documents_per_language", 30, True),
        ("index.engine", "elasticsearch", True),
        *((f"promote.{key}", v, True) for key, v in (("metric", "accuracy@3"), ("mode", "monolingual"))),
        *(
            (f"promote.{key}", v, True)
            for key, v in (("margin", 0.02), ("alpha", 0.1), ("margin_unknown", 0.5))
        ),
        ("promote.strict", True, True),
        ("encode.batch_tokens", 100, False),
        ("index.m", 32, False),  # exact search has no graph
        ("compare.alpha", 0.01, False),
    ],
)
def test_a_setting_that_could_change_the_test_makes_another_attempt(
    root: Path, changed: str, value: Any, is_other: bool
) -> None:
    def text(overrides: dict[str, Any]) -> tuple[str, str]:
        space = Workspace(load_settings(root / "params.yaml", overrides), root, root)
        task = open_task(space, TASK)
        return task.queries_digest, attempt_text(gate_of(space.settings.promote), task, space, [])

    (series, plain), (other_series, other) = text({}), text({changed: value})
    assert series == other_series and (plain != other) is is_other


def test_an_unknown_fall_is_not_borne_less_than_a_known_one(root: Path) -> None:
    with pytest.raises(UserError, match=r"margin_unknown 0.15 is below margin 0.2"):
        load_settings(root / "params.yaml", {"promote.margin": 0.2})


def test_each_index_setting_of_a_server_and_other_vectors_make_another_attempt(root: Path) -> None:
    def text(results: list[Evaluation], **index: Any) -> str:
        settings = {"index.engine": "elasticsearch", **{f"index.{k}": v for k, v in index.items()}}
        space = Workspace(load_settings(root / "params.yaml", settings), root, root)
        return attempt_text(gate_of(space.settings.promote), open_task(space, TASK), space, results)

    graphs = [
        {},
        {"num_candidates": 50},
        {"m": 32},
        {"type": "int8_hnsw"},
        {"shards": 2},
        {"ef_construction": 50},
    ]
    vectors = [[Evaluation("r", pd.DataFrame(), {"fingerprint": f})] for f in ("a", "b")]
    assert len({text([], **index) for index in graphs} | {text(found) for found in vectors}) == 8


def test_stored_results_that_are_gone_or_foreign(root: Path, name: str) -> None:
    register(root, (20, 20), name)
    register(root, (30, 30), name)
    tried(root, name, "1", dry_run=True)
    (key, run_id) = next((k, v) for k, v in tags_of(name, "1").items() if k.startswith("xlembed.evaluation."))
    MlflowClient().set_model_version_tag(name, "2", key, run_id)  # another model's
    outcome = tried(root, name, "2", dry_run=True)
    assert any("/2 evaluated again: fingerprint differ" in note for note in outcome.notes)
    assert outcome.decision is not None and outcome.decision.candidate == 0.75
    MlflowClient().set_model_version_tag(name, "1", key, "0" * 32)
    gone = tried(root, name, "1", dry_run=True)
    assert gone.decision is not None and any("stored results cannot be used" in note for note in gone.notes)
    (units,) = (root / "mlruns").rglob(f"{tags_of(name, '1')[key]}/artifacts/units.parquet")
    units.write_bytes(units.read_bytes()[:-100])
    damaged = tried(root, name, "1", dry_run=True)
    assert damaged.decision is not None and any("units.parquet is damaged" in note for note in damaged.notes)


def test_a_language_may_not_pay_for_another(root: Path, name: str) -> None:
    register(root, (20, 20), name)
    tried(root, name)
    register(root, (40, 10), name)
    outcome = tried(root, name)
    assert outcome.decision is not None and outcome.decision.difference.value == pytest.approx(0.125)
    assert any("falls by more than 3 points (Holm-adjusted): de" in r for r in outcome.refusals)
    assert "look at de" in outcome.next_step


def test_every_attempt_is_tested_more_strictly(root: Path, name: str) -> None:
    """24 of 40 against 20: eight discordant clusters are not enough from the third attempt on."""
    register(root, (20, 20), name)
    tried(root, name)
    for _ in range(3):
        register(root, (20, 20), name, first=1)
    levels = [tried(root, name, version, dry_run=True).decision for version in ("2", "3", "4", "2")]
    assert [(d.attempt, round(d.level, 5)) for d in levels if d] == [
        (1, 0.025),
        (2, 0.00833),
        (3, 0.00417),
        (1, 0.025),
    ]


def test_force_needs_a_reason_that_is_kept(root: Path, name: str) -> None:
    register(root, (20, 20), name)
    tried(root, name)
    register(root, (19, 19), name)
    forced = tried(root, name, force="the old one may not be used any more")
    assert forced.moved and forced.refusals and champion(name) == "2"
    assert tags_of(name, "2")["xlembed.forced"] == forced.reason == "the old one may not be used any more"
    assert Ledger(name, root).claims()[-1].reason == forced.reason
    register(root, (40, 40), name)
    unneeded = tried(root, name, force="just in case")
    assert unneeded.moved and unneeded.reason == "" and tags_of(name, "3")["xlembed.forced"] == ""
    with pytest.raises(UserError, match="nothing to --force"):
        tried(root, name, force="x", dry_run=True)


def test_texts_that_were_trained_on(root: Path, name: str) -> None:
    seen = [UNSEEN, "end3", "  END4 ", "deq5"]  # spacing and case do not hide a text
    register(root, (30, 30), name, texts=seen)
    (why,) = tried(root, name).refusals
    assert "2 documents (d3-en, d4-en) and 1 queries (q5-de)" in why and champion(name) is None
    register(root, (30, 30), name, texts=None)
    refused = tried(root, name)
    (why,) = refused.refusals
    assert "is not recorded" in why
    assert refused.verdict == f"models:/{name}/2 is refused; champion of {name} was not moved", (
        "there is none"
    )
    assert tried(root, name, force="trained elsewhere").moved


def test_texts_that_its_base_was_trained_on(root: Path, name: str) -> None:
    register(root, (20, 20), name, texts=["end3"])
    register(root, (40, 40), name, base=f"models:/{name}/1")
    (why,) = tried(root, name).refusals
    assert "1 documents (d3-en)" in why


def test_what_cannot_be_compared(root: Path, name: str) -> None:
    register(root, (30, 30), name, base=None)
    with pytest.raises(UserError, match=r"does not say which base model .* tag xlembed\.base"):
        tried(root, name)
    with pytest.raises(UserError, match="nobody"):
        tried(root, name, "@nobody")
    english = Workspace(
        load_settings(root / "params.yaml").model_copy(
            update={"models": {"weak": {"source": str(root / "weak"), "languages": ["fr"]}}}
        ),
        root,
        root,
    )
    register(root, (30, 30), name)
    outcome = tried(root, name, space=english)
    assert outcome.decision is None and "no cell in languages that both support" in outcome.refusals[0]


def test_unsupported_languages_are_left_out(root: Path, name: str) -> None:
    settings = load_settings(root / "params.yaml").model_copy(
        update={"models": {"weak": {"source": str(root / "weak"), "languages": ["en"]}}}
    )
    register(root, (30, 0), name)
    outcome = tried(root, name, space=Workspace(settings, root, root))
    assert outcome.decision is not None and outcome.moved
    assert outcome.decision.left_out == {"de": "English-only model"} and outcome.decision.cells == ("en->en",)


def test_the_champion_itself(root: Path, name: str) -> None:
    register(root, (30, 30), name)
    tried(root, name)
    again = tried(root, name)
    assert again.granted and not again.moved and again.verdict == f"models:/{name}/1 is the champion"


def test_back_to_the_champion_before(root: Path, name: str) -> None:
    for right in (20, 30, 40):
        register(root, (right, right), name)
        assert tried(root, name).moved
    space = workspace(root)
    assert not roll_back(name, space, dry_run=True).moved and champion(name) == "3"
    back = roll_back(name, space, reason="too slow")
    assert back.moved and back.number == 4 and champion(name) == "2"
    assert "xlembed.rolled_back_at" in tags_of(name, "3")
    assert roll_back(name, space).number == 5 and champion(name) == "1"
    with pytest.raises(UserError, match="no champion before version 1 is known"):
        roll_back(name, space)
    assert tried(root, name, "3").moved and champion(name) == "3"
    assert roll_back(name, space).moved and champion(name) == "1"


def test_another_promotion_wins_meanwhile(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    register(root, (20, 20), name)
    tried(root, name)
    register(root, (30, 30), name)
    register(root, (40, 40), name)
    real = stage.decide

    def slowly(*words: Any, **more: Any) -> Any:
        Ledger(name, root).carry_out(Claim(2, "1", "3", "promote", "now", "r", ""))
        return real(*words, **more)

    monkeypatch.setattr(stage, "decide", slowly)
    late = tried(root, name, "2")
    assert not late.granted and not late.moved and champion(name) == "3"
    assert "another promotion won" in late.refusals[0] and "run again" in late.refusals[0]
    assert late.verdict == f"models:/{name}/2 is refused; champion of {name} was not moved", "it is 3 now"


class Crash(BaseException):
    """The process is gone."""


def test_an_interrupted_promotion_is_completed_by_the_next(
    root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(root, (20, 20), name)

    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", crash)
        with pytest.raises(Crash):
            tried(root, name)
    assert champion(name) is None
    with pytest.raises(UserError, match=r"promote 1 to version 1 was interrupted; run without --dry-run"):
        tried(root, name, dry_run=True)
    done = tried(root, name)
    assert champion(name) == "1" and "completed now" in done.notes[0] and done.granted
    assert tags_of(name, "1")["xlembed.promotion"] == "1"


# With a search alias, on a real server


@pytest.fixture
def served(root: Path, node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    for key in ENVIRONMENT:
        monkeypatch.delenv(key, raising=False)
    yield workspace(root, node.url)
    client = connect(node.url).client
    for index in client.indices.get(index=f"xlembed-{TASK}-*"):
        client.indices.delete(index=index)


def holders(space: Workspace) -> list[str]:
    client = connect(space.es_url).client
    return (
        sorted(client.indices.get_alias(name="forty-live"))
        if client.indices.exists_alias(name="forty-live")
        else []
    )


def test_both_aliases_move_together(
    root: Path, name: str, served: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(root, (20, 20), name)
    first = tried(root, name, space=served, alias="forty-live")
    assert first.moved and first.search is not None and holders(served) == [first.search.index]
    assert search_alias("forty-live", "enq1", served, k=1).hits[0]["doc_id"].startswith("d1-")
    register(root, (40, 40), name)

    def fail(*_: Any) -> None:
        raise mlflow.exceptions.MlflowException("registry down")

    def crash(*_: Any) -> None:
        raise Crash

    set_alias = (MlflowClient, "set_registered_model_alias")
    with monkeypatch.context() as patch:  # the second move fails: the first is undone
        patch.setattr(*set_alias, fail)
        with pytest.raises(UserError, match="registry down"):
            tried(root, name, space=served, alias="forty-live")
    assert (champion(name), holders(served)) == ("1", [first.search.index])
    ledger = Ledger(name, root)
    assert ledger.claims()[-1].state == State.UNDONE
    for place in ((stage.ElasticMover, "move"), set_alias, (Ledger, "finish")):  # a crash before each step
        with monkeypatch.context() as patch:
            patch.setattr(*place, crash)
            with pytest.raises(Crash):
                tried(root, name, "2", space=served, alias="forty-live")
        assert ledger.unfinished() is not None
        done = tried(root, name, "2", space=served)
        assert "completed now" in done.notes[0] and champion(name) == "2"
        claim = ledger.claims()[-1]
        assert claim.search is not None and holders(served) == [claim.search.index] != [first.search.index]
        assert search_alias("forty-live", "enq30", served, k=1).hits[0]["doc_id"].startswith("d30-")
        back = roll_back(name, served)
        assert back.moved and champion(name) == "1" and holders(served) == [first.search.index]
    with pytest.raises(UserError, match="no champion before version 1"):
        roll_back(name, served)


def test_a_new_search_alias_is_withdrawn_when_the_registry_fails(
    root: Path, name: str, served: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(root, (25, 25), name)

    def fail(*_: Any) -> None:
        raise mlflow.exceptions.MlflowException("registry down")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", fail)
        with pytest.raises(UserError, match="registry down"):
            tried(root, name, space=served, alias="forty-live")
    assert holders(served) == [] and champion(name) is None
    assert tried(root, name, space=served, alias="forty-live").moved
