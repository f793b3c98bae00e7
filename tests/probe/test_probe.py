"""The probe stage on texts whose scores follow from their words: numbers, files, splits, labels, rivals, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import f1_score

from fakes import scored_toy
from fakes.scored_toy import make_scored_checkout
from fakes.toy import digests
from probe.rival_fakes import save_bert
from xlembed.data.scored import Part, ScoredKind, load_scored, write_scored
from xlembed.params import load_settings
from xlembed.probe import probing
from xlembed.probe import rival_systems as rivals
from xlembed.probe.base import load_probe
from xlembed.probe.job import Probed, open_probing, probe
from xlembed.probe.probing import thresholds, with_lengths
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scored_checkout(tmp_path_factory.mktemp("checkout"))


def workspace(root: Path, out: str = "", **changes: Any) -> Workspace:
    entries = {"models.toy": {"source": str(root / "toy_model"), "languages": ["en"]}}
    changed = {f"probe.{key}": value for key, value in changes.items()}
    return Workspace(load_settings(root / "params.yaml", entries | changed), root, root / out)


def probed(
    root: Path, out: str, task: str = "moods", models: tuple[str, ...] = ("toy",), **changes: Any
) -> Probed:
    place = workspace(root, out, **changes)
    return probe(open_probing(task, models, place), place)


@pytest.fixture(scope="module")
def done(root: Path) -> Probed:
    return probed(root, "first", probes=("ridge", "mlp", "lightgbm"))


def overall(report: dict[str, Any], system: str, measure: str = "MAE", **more: Any) -> dict[str, Any]:
    wanted = {"system": system, "measure": measure, "dimension": None, "lang": None} | more
    (row,) = [r for r in report["scores"] if all(r[k] == v for k, v in wanted.items())]
    return row


def test_probes_find_what_the_vectors_hold(done: Probed) -> None:
    report = done.report
    assert [s["name"] for s in report["systems"]] == ["mean", "toy:ridge", "toy:mlp", "toy:lightgbm"]
    floor = overall(report, "mean")
    for system in ("toy:ridge", "toy:mlp"):
        found = overall(report, system)
        assert found["value"] < 0.6 * floor["value"]
        assert found["ci_low"] < found["value"] < found["ci_high"] < floor["ci_low"]
    assert {v["outcome"] for v in report["verdicts"] if v["system"] != "toy:lightgbm"} == {"not comparable"}
    (tested,) = [c for c in report["comparisons"] if {c["a"], c["b"]} == {"mean", "toy:ridge"}]
    assert tested["p_holm"] < 0.01 and tested["difference"] > 0
    assert len(report["comparisons"]) == 6


def test_numbers_follow_from_the_predictions_file(done: Probed, root: Path) -> None:
    table = pd.read_parquet(done.folder / "predictions.parquet")
    own = table[table["system"] == "toy:ridge"]
    error = (own["predicted"] - own["true"]).abs()
    assert overall(done.report, "toy:ridge")["value"] == pytest.approx(error.mean(), abs=1e-6)
    french = own[(own["lang"] == "fr") & (own["dimension"] == "alarm")]
    found = overall(done.report, "toy:ridge", lang="fr", dimension="alarm")
    assert found["value"] == pytest.approx((french["predicted"] - french["true"]).abs().mean(), abs=1e-6)
    assert found["n"] == len(french) and found["n_clusters"] == french["document"].nunique()
    texts = {t.text_id: t for t in load_scored("moods", root / "data").texts}
    assert (own["n_chars"] == [len(texts[i].text) for i in own["text_id"]]).all()
    assert len(table) == 4 * 2 * done.report["split"]["parts"][2]["n_texts"]


def test_what_was_fitted_is_kept_and_predicts_the_same(done: Probed, root: Path) -> None:
    table = pd.read_parquet(done.folder / "predictions.parquet")
    own = table[(table["system"] == "toy:mlp") & (table["dimension"] == "cheer")]
    texts = {t.text_id: t.text for t in load_scored("moods", root / "data").texts}
    rows = np.array(
        [
            sum(np.array(scored_toy.WORDS[w]) for w in texts[i].split() if w in scored_toy.WORDS)
            for i in own["text_id"]
        ]
    )
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    found = load_probe(done.folder / "models" / "toy" / "mlp").predict(vectors)[:, 0]
    assert np.allclose(found, own["predicted"], atol=1e-4)


def test_rows_say_what_a_system_is_and_costs(done: Probed) -> None:
    floor, ridge = done.report["systems"][:2]
    assert floor["kind"] == "floor" and floor["trainable_parameters"] == 2 and floor["model"] is None
    assert ridge["trainable_parameters"] == 2 * (4 + 1) and ridge["dim"] == 4
    assert ridge["english_only"] and ridge["labels"] == {"fr": "English-only model"}
    assert ridge["probe_bytes"] > 0 and ridge["model_bytes"] > ridge["probe_bytes"]
    timing = done.timings["toy:ridge"]
    assert timing["ms_per_text"] == timing["encode_ms_per_text"] + timing["predict_ms_per_text"] > 0


def test_documents_are_whole_and_counts_are_told(done: Probed, root: Path) -> None:
    parts = {row["part"]: row for row in done.report["split"]["parts"]}
    assert sum(row["n_documents"] for row in parts.values()) == 80
    assert all(row["n_texts"] == 3 * row["n_documents"] for row in parts.values())
    assert set(parts["test"]["languages"]) == {"en", "fr"}
    headline = json.loads((root / "first" / "results" / "probe-moods.json").read_text(encoding="utf-8"))
    assert headline["scores"]["toy:ridge"]["MAE"]["value"] == round(
        overall(done.report, "toy:ridge")["value"], 3
    )
    pages = {p.name for p in done.pages.iterdir()}
    assert {"timings.json", "report.md", "report.html", "report.docx", "figures"} <= pages


@pytest.mark.usefixtures("drawn")
def test_a_second_run_writes_the_same_bytes(done: Probed, root: Path) -> None:
    again = probed(root, "second", probes=("ridge", "mlp", "lightgbm"))
    assert digests(again.folder) == digests(done.folder)


def test_texts_that_repeat_a_test_text_are_not_learnt_from(root: Path) -> None:
    scored = load_scored("moods", root / "data")
    place = workspace(root)
    clean = open_probing("moods", ["toy"], place).parts
    assert clean.n_twins == 0
    target, victim = clean.test[0], clean.train[0]
    copies = [t if t.text_id != victim.text_id else replace(t, text=target.text) for t in scored.texts]
    folder = root / "data" / "scored" / "leaky"
    write_scored(replace(scored, texts=tuple(copies), folder=folder, name=folder.name))
    parts = open_probing("leaky", ["toy"], place).parts
    assert parts.n_twins == 1 and victim.text_id not in {t.text_id for t in parts.train}
    assert dict(parts.twins[0])["test_id"] == target.text_id
    kept = open_probing("leaky", ["toy"], workspace(root, split="published")).parts
    assert len(kept.train) == sum(t.split is Part.TRAIN for t in copies)


def test_a_published_split_has_a_name_of_its_own_and_a_warning(root: Path) -> None:
    found = probed(root, "published", split="published")
    assert found.folder.name == "moods+published" and found.report["split"]["seed"] is None
    assert found.report["leakage"]["torn_documents"] == 16
    assert "tears 16 documents apart" in " ".join(found.report["notes"])


def test_a_truncation_study_cuts_each_model_at_each_length(root: Path) -> None:
    found = probed(root, "cut", max_tokens="2,9")
    names = [s["name"] for s in found.report["systems"]]
    assert names == ["mean", "toy+max2:ridge", "toy+max9:ridge", "toy:ridge"]
    errors = [overall(found.report, name)["value"] for name in names]
    assert errors[1] > errors[2] >= errors[3]  # two words say less than all
    rows = {s["name"]: s for s in found.report["systems"]}
    assert rows["toy+max2:ridge"]["truncated_share"] == 1 and rows["toy+max2:ridge"]["max_tokens"] == 2
    assert 0 < rows["toy+max9:ridge"]["truncated_share"] < 1


def test_lengths_beyond_the_model_are_left_out_and_told(root: Path) -> None:
    ref = open_model(workspace(root), "static_multilingual")
    limited = open_model(workspace(root), "all_minilm_l6_v2")
    refs, notes = with_lengths([ref, limited], [128, 256, 512])
    assert [r.slug for r in refs] == [
        "static_multilingual+max128",
        "static_multilingual+max256",
        "static_multilingual+max512",
        "static_multilingual",
        "all_minilm_l6_v2+max128",
        "all_minilm_l6_v2",
    ]
    assert notes == ["all_minilm_l6_v2 reads 256 tokens at most: there is nothing to see at 512"]


def test_labels_have_thresholds_from_validation_and_f1(root: Path) -> None:
    found = probed(root, "labels", "signs", probes=("ridge", "mlp", "lightgbm"))
    report = found.report
    assert report["kind"] == "labels" and report["primary"] == "F1"
    assert report["measures"] == ["F1", "precision", "recall", "accuracy"]
    table = pd.read_parquet(found.folder / "predictions.parquet")
    for row in report["systems"][1:]:
        assert set(row["thresholds"]) == {"cheer", "alarm"}
        own = table[(table["system"] == row["name"]) & (table["dimension"] == "cheer")]
        expected = f1_score(own["true"], own["predicted"] >= row["thresholds"]["cheer"])
        assert overall(report, row["name"], "F1", dimension="cheer")["value"] == pytest.approx(
            expected, abs=1e-6
        )
    assert overall(report, "toy:ridge", "F1")["value"] > overall(report, "mean", "F1")["value"] + 0.1


def test_the_threshold_is_the_best_on_validation() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(200) < 0.3).astype(float)
    predicted = 0.4 * truth + 0.6 * rng.random(200)
    (found,) = thresholds(lambda: predicted[:, None], truth[:, None], ScoredKind.LABELS) or ()
    tried = [f1_score(truth, predicted >= cut) for cut in predicted]
    assert f1_score(truth, predicted >= found) == pytest.approx(max(tried))
    assert found not in predicted


RECIPE = {
    "name": "small_lora",
    "adapter": {"r": 4, "alpha": 8, "targets": "all-linear"},
    "learning_rate": 0.02,
    "epochs": 2,
    "batch": 16,
    "max_tokens": 12,
}


@pytest.mark.slow
def test_a_rival_is_trained_once_and_judged_against(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("probe.rival_fakes.WORTH", scored_toy.WORTH)  # the words that its tokenizer knows
    base = save_bert(tmp_path / "base")
    file = tmp_path / "small_lora.yaml"
    file.write_text(yaml.safe_dump({**RECIPE, "base": str(base)}), encoding="utf-8")
    found = probed(root, "rival", rivals=str(file))
    rival = found.report["systems"][-1]
    assert rival["name"] == "small_lora" and rival["kind"] == "rival" and rival["trainable_parameters"] > 0
    assert rival["details"]["epochs_run"] == 2 and rival["model"].startswith("base-")
    assert {v["rival"] for v in found.report["verdicts"]} == {"small_lora"}
    assert found.timings["small_lora"]["fit_seconds"] > 0
    assert not list((tmp_path / "cache" / "rivals").glob("*/work"))

    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(rivals, "train_rival", never)
    again = probed(root, "rival-again", rivals=str(file))
    assert digests(again.folder) == digests(found.folder)
    assert again.timings["small_lora"]["fit_seconds"] == found.timings["small_lora"]["fit_seconds"]
    with pytest.raises(AssertionError, match="trained again"):
        probed(root, "rival-other", rivals=str(file), split_seed=7)  # other texts: another rival


@pytest.mark.parametrize(
    ("models", "changes", "message"),
    [
        (["bm25"], {}, "a probe reads the vector of a text"),
        (["toy+hybrid"], {}, "a probe reads the vector of a text"),
        (["toy+center"], {}, "post-processing is fitted on the documents of a task"),
        (["tyo"], {}, "unknown model 'tyo'"),
        (["toy"], {"probes": "rigde"}, "no probe 'rigde'"),
        (["toy"], {"rivals": "minilm_lra"}, "minilm_lora"),
    ],
)
def test_what_cannot_be_probed_is_refused_before_any_work(
    root: Path, models: list[str], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        open_probing("moods", models, workspace(root, **changes))


def test_a_label_that_every_text_has_is_refused(root: Path) -> None:
    scored = load_scored("signs", root / "data")
    same = [replace(t, scores=(1.0, t.scores[1])) for t in scored.texts]
    folder = root / "data" / "scored" / "all_yes"
    write_scored(replace(scored, texts=tuple(same), folder=folder, name=folder.name))
    with pytest.raises(UserError, match="every text of the train part has cheer = 1"):
        open_probing("all_yes", ["toy"], workspace(root))


def test_single_answers_are_timed_after_a_first_one() -> None:
    seen: list[int] = []
    assert probing.milliseconds(seen.append, list(range(300))) >= 0
    assert seen == [0, *range(probing.TIMED_TEXTS)]
