"""encode -> index -> evaluate -> compare on a task whose every rank is counted by hand (see toy.py)."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fakes.toy import DOCUMENTS, QUERIES, digests, save_toy_model, write_toy
from xlembed.data.loading import open_task
from xlembed.evaluate.compare import compare, read_evaluation
from xlembed.evaluate.encode import Encoded, encode
from xlembed.evaluate.figures import runs as runs_kind
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.search.kinds import FIRST_PLACE, MEASURES
from xlembed.settings import CorpusSettings, EncodeSettings, EvaluateSettings, Settings
from xlembed.show.figures.registry import draw
from xlembed.tracking.opening import open_model
from xlembed.words import Mode, Role, UserError
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

EXPORT = {"documents.npy", "queries.npy", "document_ids.json", "query_ids.json", "manifest.json"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_model(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))


MakeWorkspace = Callable[..., Workspace]


@pytest.fixture
def make(tmp_path: Path, model: Path) -> MakeWorkspace:
    """A workspace with task `toy` and models `toy` and `twin` (the same folder under two names)."""
    write_toy(tmp_path / "data" / "toy")
    entries: dict[str, dict[str, Any]] = {name: {"source": str(model)} for name in ("toy", "twin")}

    def workspace(out: str = "out", **sections: Any) -> Workspace:
        return Workspace(Settings(models=entries, **sections), tmp_path, tmp_path / out)

    return workspace


def run(workspace: Workspace, name: str = "toy") -> tuple[Encoded, dict[str, Any]]:
    """All three stages; what encoding did and the headline."""
    task, ref = open_task(workspace, "toy"), open_model(workspace, name)
    encoded = encode(task, ref, workspace)
    index(task, ref, workspace)
    return encoded, evaluate(task, ref, workspace)


def scores_of(workspace: Workspace, name: str = "toy") -> dict[str, Any]:
    return json.loads((workspace.run_folder("toy", name) / "scores.json").read_text(encoding="utf-8"))


def value(
    scores: dict[str, Any],
    kind: str,
    pool: str | None,
    pair: str | None = None,
    measure: str = "accuracy@1",
) -> float:
    """One value of scores.json, `pair` as ``de->en``, None for the macro."""
    query_lang, doc_lang = pair.split("->") if pair else (None, None)
    wanted = (kind, pool, query_lang, doc_lang, measure)
    fields = ("kind", "pool", "query_lang", "doc_lang", "measure")
    found = [row["value"] for row in scores["scores"] if tuple(row[f] for f in fields) == wanted]
    assert len(found) == 1, (wanted, found)
    return float(found[0])


def n_encoded(encoded: Encoded) -> dict[Role, int]:
    return {role: report.n_encoded for role, report in encoded.reports.items()}


def hidden(folder: Path) -> list[str]:
    """Temporary files and folders that were left behind."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob(".*"))


# What is written


@pytest.mark.usefixtures("drawn")
def test_exactly_the_documented_files(make: MakeWorkspace) -> None:
    workspace = make()
    run(workspace)
    scores = scores_of(workspace)
    figures = {f"{name}.{kind}" for name in draw(runs_kind, scores) for kind in ("png",)}
    assert "accuracy_matrix.png" in figures
    runs = {
        "units.parquet",
        "queries.parquet",
        "scores.json",
        "all.trec.gz",
        *(f"figures/{name}" for name in figures),
    }
    assert set(digests(workspace.out)) == {
        *(f"embeddings/toy/toy/{name}" for name in EXPORT),
        "indices/toy/toy.json",
        *(f"runs/toy/toy/{name}" for name in runs),
        "results/toy/toy.details.json",
        "results/toy/toy.json",
    }
    assert hidden(workspace.out) == []
    described = json.loads((workspace.index_file("toy", "toy")).read_text(encoding="utf-8"))
    assert described["documents"] == 6 and described["documents_per_language"] == {"de": 3, "en": 3}
    assert described["dim"] == 4 and described["engine"] == "exact"


def test_nothing_written_names_a_place_or_a_time(make: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make()
    run(workspace)
    words = [str(tmp_path), str(Path.home()), "took", "seconds"]
    for path in workspace.out.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert [word for word in words if word in text] == [], path.name


def test_scores_counted_by_hand(make: MakeWorkspace) -> None:
    """q3-en finds its zero document last; katze is nearer to haus (.8) than to cat (.6); q3-de has no vector."""
    workspace = make()
    _, result = run(workspace)
    scores = scores_of(workspace)
    expected = {
        ("monolingual", "target", "en->en"): 2 / 3,
        ("monolingual", "target", "de->de"): 1,
        ("monolingual", "target", None): 5 / 6,
        ("cross_lingual", "all", "en->en"): 2 / 3,
        ("cross_lingual", "all", "de->de"): 1,
        ("cross_lingual", "all", None): 5 / 6,
        ("true_cross_lingual", "target", "en->de"): 1,
        ("true_cross_lingual", "target", "de->en"): 2 / 3,
        ("true_cross_lingual", "target", None): 5 / 6,
        ("true_cross_lingual", "all", "en->de"): 1,
        ("true_cross_lingual", "all", "de->en"): 1 / 3,
        ("true_cross_lingual", "all", None): 2 / 3,
        ("pool_gap", None, "de->en"): 1 / 3,
        ("pool_gap", None, "en->de"): 0,
        ("pool_gap", None, None): 1 / 6,
        ("loss_weak", "target", "de->en"): 0,
        ("loss_weak", "target", None): 0,
        ("loss_strong", "all", "de->en"): 1 / 3,
        ("loss_strong", "all", "en->de"): 0,
        ("loss_strong", "all", None): 1 / 6,
    }
    assert {key: value(scores, *key) for key in expected} == pytest.approx(expected, abs=1e-6)
    # Ranks 1, 2 (behind haus) and 6 (of six) of the three German queries' English documents.
    assert value(scores, "true_cross_lingual", "all", "de->en", "MRR") == pytest.approx(
        (1 + 1 / 2 + 1 / 6) / 3, abs=1e-6
    )
    # Wrong first documents: q2-de has haus, 2 of the 4 wrong documents are German; q3-de has d-de-1, 3 of 5.
    bias = value(scores, "language_bias", "all", "de->en", "language_bias")
    assert bias == pytest.approx(((1 - 2 / 4) + (1 - 3 / 5)) / 2, abs=1e-6)
    for lang in ("en", "de"):
        assert value(scores, "retrieved_language", "all", f"{lang}->{lang}", "share@1") == 1
    assert result["scores"]["mono"]["macro"]["accuracy@1"]["value"] == pytest.approx(5 / 6, abs=1e-6)
    assert result["scores"]["true_cross"]["all"]["macro"]["accuracy@1"]["value"] == pytest.approx(
        2 / 3, abs=1e-6
    )
    assert result["macro_cells"]["true_cross/all"] == ["de->en", "en->de"]


def test_units_and_clusters(make: MakeWorkspace) -> None:
    workspace = make()
    run(workspace)
    units = pd.read_parquet(workspace.run_folder("toy", "toy") / "units.parquet")
    # n1 and n2 have documents in both languages, n3 in English only: 3 + 2 native, 2 + 3 across.
    counts = units.groupby(["mode", "pool"]).size().to_dict()
    assert counts == {
        ("monolingual", "target"): 5,
        ("cross_lingual", "all"): 5,
        ("true_cross_lingual", "all"): 5,
        ("true_cross_lingual", "target"): 5,
    }
    assert units.groupby("need_id")["n_ignored"].unique().map(list).to_dict() == {
        "n1": [1],
        "n2": [1],
        "n3": [0],
    }
    row = units[(units["query_id"] == "q2-de") & (units["doc_lang"] == "en") & (units["pool"] == "all")]
    assert row["rank_first_relevant"].tolist() == [2]
    scores = scores_of(workspace)
    assert {row["n_clusters"] for row in scores["scores"] if row["kind"] == "monolingual"} == {2, 3}
    assert all(row["ci_low"] is None and row["ci_high"] is None for row in scores["scores"])  # under 10


def test_zero_vectors_are_listed_and_rank_last(make: MakeWorkspace) -> None:
    workspace = make()
    run(workspace)
    assert scores_of(workspace)["zero_vectors"] == {"documents": ["a-en-3"], "queries": ["q3-de"]}
    ranking: dict[str, list[str]] = {}
    trec = gzip.decompress((workspace.run_folder("toy", "toy") / "all.trec.gz").read_bytes()).decode()
    for line in trec.splitlines():
        query_id, _, doc_id, _, _, _ = line.split()
        ranking.setdefault(query_id, []).append(doc_id)
    assert {ids[-1] for ids in ranking.values()} == {"a-en-3"}
    assert ranking["q2-de"] == ["d-de-2", "d-de-3", "d-en-2", "d-de-1", "d-en-1", "a-en-3"]
    assert ranking["q3-de"] == ["d-de-1", "d-de-2", "d-de-3", "d-en-1", "d-en-2", "a-en-3"]  # all 0: by id


# Running again


@pytest.mark.usefixtures("drawn")
def test_second_run_encodes_nothing_and_writes_the_same_bytes(
    make: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    encoded, _ = run(workspace)
    assert n_encoded(encoded) == {Role.DOCUMENT: 6, Role.QUERY: 6}
    before = digests(workspace.out)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was loaded although nothing was to be encoded")

    monkeypatch.setattr("xlembed.models.loading.load_encoder", refuse)
    encoded, _ = run(workspace)
    assert n_encoded(encoded) == {Role.DOCUMENT: 0, Role.QUERY: 0}
    assert digests(workspace.out) == before

    shutil.rmtree(workspace.out / "embeddings")
    shutil.rmtree(workspace.out / "runs")
    run(workspace)
    assert digests(workspace.out) == before

    elsewhere = make("elsewhere")
    run(elsewhere)
    assert digests(elsewhere.out) == before


@pytest.mark.usefixtures("drawn")
def test_another_process_with_an_empty_store_writes_the_same_bytes(
    make: MakeWorkspace, tmp_path: Path, model: Path
) -> None:
    workspace = make()
    run(workspace)
    code = (
        "import sys; from pathlib import Path\n"
        "from xlembed.data.loading import open_task\n"
        "from xlembed.tracking.opening import open_model\n"
        "from xlembed.settings import Settings\n"
        "from xlembed.evaluate.encode import encode\n"
        "from xlembed.evaluate.job import evaluate\n"
        "from xlembed.evaluate.index import index\n"
        "from xlembed.workspace import Workspace\n"
        "root, model = Path(sys.argv[1]), sys.argv[2]\n"
        "workspace = Workspace(Settings(models={'toy': {'source': model}}), root, root / 'other')\n"
        "task, ref = open_task(workspace, 'toy'), open_model(workspace, 'toy')\n"
        "encode(task, ref, workspace); index(task, ref, workspace); evaluate(task, ref, workspace)\n"
    )
    environment = {
        **os.environ,
        "XLEMBED_CACHE": str(tmp_path / "other_cache"),
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "1",
    }
    subprocess.run([sys.executable, "-c", code, str(tmp_path), str(model)], check=True, env=environment)
    assert digests(tmp_path / "other") == digests(workspace.out)


def test_one_new_text_costs_one_encode(make: MakeWorkspace, tmp_path: Path) -> None:
    run(make())
    new = {"_id": "d-de-4", "title": "", "text": "boat haus", "lang": "de"}
    write_toy(tmp_path / "data" / "toy", documents=[*DOCUMENTS, new])
    encoded, _ = run(make())
    assert n_encoded(encoded) == {Role.DOCUMENT: 1, Role.QUERY: 0}


def test_a_failing_evaluate_leaves_everything_as_it_was(
    make: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    run(workspace)
    before = digests(workspace.out)
    from xlembed.show.figures import registry

    save, calls = registry.save, []

    def save_once(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) > 1:
            raise OSError("no space left")
        return save(*args, **options)

    monkeypatch.setattr(registry, "save", save_once)
    changed = make(evaluate=EvaluateSettings(depth=500))  # would give other files
    task, ref = open_task(changed, "toy"), open_model(changed, "toy")
    with pytest.raises(OSError, match="no space left"):
        evaluate(task, ref, changed)
    assert len(calls) == 2
    assert digests(workspace.out) == before
    assert hidden(workspace.out) == []


def test_stale_embeddings_are_refused(make: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make()
    run(workspace)
    before = digests(workspace.out)
    for rows, digest in (("documents", "documents_digest"), ("queries", "queries_digest")):
        changed = [dict(row) for row in {"documents": DOCUMENTS, "queries": QUERIES}[rows]]
        changed[1]["text"] = "cat cat"
        write_toy(tmp_path / "data" / "toy", **{rows: changed})
        task, ref = open_task(workspace, "toy"), open_model(workspace, "toy")
        message = f"encoded from other texts than task toy .*{digest} differs.*xlembed encode -m toy -t toy"
        for stage in (index, evaluate):
            with pytest.raises(UserError, match=message):
                stage(task, ref, workspace)
        write_toy(tmp_path / "data" / "toy")
    assert digests(workspace.out) == before


def test_missing_embeddings_are_refused(make: MakeWorkspace) -> None:
    workspace = make()
    with pytest.raises(UserError, match=r"holds no finished embeddings .* run xlembed encode"):
        evaluate(open_task(workspace, "toy"), open_model(workspace, "toy"), workspace)


# Variations and settings


def test_half_precision_storage(make: MakeWorkspace) -> None:
    full, half = make(), make("half", encode=EncodeSettings(storage_dtype="float16"))
    encoded, result = run(full)
    encoded_half, result_half = run(half)
    stored = np.load(half.embeddings("toy", "toy") / "documents.npy")
    assert stored.dtype == np.float16 and stored.shape == (6, 4)
    assert encoded_half.fingerprint != encoded.fingerprint
    assert result_half["base_fingerprint"] != result["base_fingerprint"]
    assert result_half["scores"] == result["scores"]  # .8 and .6 as halves still rank alike
    assert scores_of(half)["zero_vectors"] == scores_of(full)["zero_vectors"]


def test_truncated_dimensions(make: MakeWorkspace) -> None:
    """Without the fourth number katze is cat, and haus is a zero vector."""
    workspace = make()
    _, full = run(workspace)
    encoded, cut = run(workspace, "toy+dim3")
    assert n_encoded(encoded) == {Role.DOCUMENT: 0, Role.QUERY: 0}
    assert cut["model"] == "toy+dim3"
    assert cut["fingerprint"] != full["fingerprint"]
    assert cut["base_fingerprint"] == full["base_fingerprint"]
    scores = scores_of(workspace, "toy+dim3")
    assert scores["zero_vectors"] == {"documents": ["a-en-3", "d-de-3"], "queries": ["q3-de"]}
    assert value(scores, "true_cross_lingual", "all", "de->en") == pytest.approx(2 / 3, abs=1e-6)
    # Both lie beside each other; neither run touches the other's files.
    assert scores_of(workspace)["model"] == "toy"


def test_bundled_model_cut_to_64_dimensions(make: MakeWorkspace) -> None:
    workspace = make()
    full_ref, cut_ref = (open_model(workspace, f"static_multilingual{s}") for s in ("", "+dim64"))
    if full_ref.folder is None or not (full_ref.folder / "model.safetensors").is_file():
        pytest.skip("the bundled model is not there")
    task = open_task(workspace, "toy")
    full, cut = encode(task, full_ref, workspace), encode(task, cut_ref, workspace)
    assert n_encoded(cut) == {Role.DOCUMENT: 0, Role.QUERY: 0}
    assert cut.fingerprint != full.fingerprint
    manifests = [json.loads((e.folder / "manifest.json").read_text(encoding="utf-8")) for e in (full, cut)]
    assert manifests[0]["base_fingerprint"] == manifests[1]["base_fingerprint"]
    assert [m["dim"] for m in manifests] == [256, 64]
    wide, narrow = (np.load(e.folder / "documents.npy") for e in (full, cut))
    for long, short in zip(wide, narrow, strict=True):
        head = long[:64].astype(np.float64)
        length = float(np.sqrt((head * head).sum()))
        np.testing.assert_allclose(short, head / length if length else head, atol=1e-6)


def test_own_relevance(make: MakeWorkspace) -> None:
    """Each query keeps the document it was written for, so d-de-1 is no longer q1-en's."""
    workspace = make(corpus=CorpusSettings(relevance="own"))
    run(workspace)
    units = pd.read_parquet(workspace.run_folder("toy", "toy") / "units.parquet")
    assert units.groupby(["mode", "pool"]).size().to_dict() == {
        ("monolingual", "target"): 5,
        ("cross_lingual", "all"): 5,
        ("true_cross_lingual", "all"): 1,  # q3-de has the document of q3-en
        ("true_cross_lingual", "target"): 1,
    }
    assert set(units["n_ignored"]) == {0}


def test_duplicates(make: MakeWorkspace, tmp_path: Path) -> None:
    """A copy of cat that nobody judged: united it is right, apart it comes first by its id and is wrong."""
    copy = {"_id": "d-en-0", "title": "", "text": "cat", "lang": "en"}
    write_toy(tmp_path / "data" / "toy", documents=[*DOCUMENTS, copy])
    united, apart = make(), make("apart", corpus=CorpusSettings(keep_duplicates=True))
    run(united)
    run(apart)
    assert scores_of(united)["merged_documents"] == [{"document": "d-en-0", "kept": "d-en-2"}]
    assert scores_of(apart)["merged_documents"] == []
    assert value(scores_of(united), "monolingual", "target", "en->en") == pytest.approx(2 / 3, abs=1e-6)
    assert value(scores_of(apart), "monolingual", "target", "en->en") == pytest.approx(1 / 3, abs=1e-6)
    assert [scores_of(w)["index"]["documents"] for w in (united, apart)] == [6, 7]


def test_document_limit_keeps_every_judged_document(make: MakeWorkspace) -> None:
    """Only haus is judged for nobody; without it katze finds cat."""
    workspace = make(corpus=CorpusSettings(max_documents_per_language=1))
    run(workspace)
    scores = scores_of(workspace)
    assert scores["index"]["documents_per_language"] == {"de": 2, "en": 3}
    assert value(scores, "true_cross_lingual", "all", "de->en") == pytest.approx(2 / 3, abs=1e-6)
    assert any("de: 2 of 3 documents sampled" in note for note in scores["notes"])


@pytest.mark.parametrize(("other_versions", "hits"), [("ignore", 1.0), ("wrong", 0.0)])
def test_other_versions(make: MakeWorkspace, other_versions: str, hits: float) -> None:
    """Seen from boat, boot stands behind boat itself: first only when boat is taken out."""
    workspace = make(evaluate=EvaluateSettings(other_versions=other_versions))
    run(workspace)
    assert value(scores_of(workspace), "true_cross_lingual", "all", "en->de") == hits


def test_part_of_the_modes(make: MakeWorkspace) -> None:
    workspace = make(evaluate=EvaluateSettings(modes="monolingual"))
    _, result = run(workspace)
    assert set(result["scores"]) == {"mono"}
    assert not (workspace.run_folder("toy", "toy") / "all.trec.gz").exists()
    assert {row["kind"] for row in scores_of(workspace)["scores"]} == {"monolingual"}


# Comparing


def test_reading_an_evaluation_by_its_names(
    make: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    run(workspace)
    folder = workspace.run_folder("toy", "toy")
    for source in (str(folder), "toy/toy", str(workspace.result_file("toy", "toy"))):
        found = read_evaluation(source, workspace)
        assert (found.source, found.name, len(found.units)) == (source, "toy", 20)
    with pytest.raises(UserError, match=r"'toy/absent': expected a folder .*Evaluate first"):
        read_evaluation("toy/absent", workspace)
    (folder / "scores.json").write_text("{", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"scores\.json is damaged or cannot be read .* evaluate the model again"
    ):
        read_evaluation("toy/toy", workspace)


def test_language_aware_scores_counted_by_hand(make: MakeWorkspace) -> None:
    """n1 and n2 find the own document first; both queries of n3, whose one right document is English, find another."""
    workspace = make()
    _, result = run(workspace)
    scores = scores_of(workspace)
    expected = {
        ("preference", "preference"): 1,
        ("first_place", "right_own"): 2 / 3,
        ("first_place", "wrong_own"): 1 / 3,
        ("first_place", "nothing"): 0,
        ("any_language", "any_language@1"): 2 / 3,
        ("any_language", "any_language@10"): 1,
    }
    for (kind, measure), number in expected.items():
        for pair in ("de->*", "en->*", None):
            assert value(scores, kind, "all", pair, measure) == pytest.approx(number, abs=1e-6)
    assert scores["no_preference"] == {"de": 0.5, "en": 0.5}
    assert scores["preference_left_out"] == {"de": 0, "en": 0}
    assert set(result["scores"]["first_place"]["macro"]) == set(FIRST_PLACE)
    assert "lang_ndcg" not in result["scores"] and "agreement" not in result["scores"]


def test_within_languages_only_there_is_no_mixed_pool(make: MakeWorkspace) -> None:
    workspace = make(evaluate=EvaluateSettings(modes=(Mode.MONOLINGUAL,)))
    run(workspace)
    assert not (workspace.run_folder("toy", "toy") / "queries.parquet").exists()
    assert {row["kind"] for row in scores_of(workspace)["scores"]} == {"monolingual"}


def test_an_evaluation_of_before_is_compared_without_language_aware_measures(
    make: MakeWorkspace, tmp_path: Path
) -> None:
    workspace = make()
    run(workspace)
    run(workspace, "twin")
    before = workspace.run_folder("toy", "twin")
    (before / "queries.parquet").unlink()
    content = json.loads((before / "scores.json").read_text(encoding="utf-8"))
    content["scores"] = [row for row in content["scores"] if row["kind"] not in MEASURES]
    for key in ("no_preference", "preference_left_out"):
        del content[key]
    del content["evaluate"]["other_language_gain"]
    (before / "scores.json").write_text(json.dumps(content), encoding="utf-8")
    target = tmp_path / "comparison"
    report = compare([read_evaluation(f"toy/{n}", workspace) for n in ("toy", "twin")], workspace, target)
    assert len(report["primary"]) == 4 and report["language_aware"] == []
    (line,) = report["language_aware_left_out"]
    assert line.startswith("twin (") and f"Not compared: {line}." in (target / "comparison.md").read_text()


def test_equal_models_show_no_difference(make: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make()
    run(workspace)
    encoded, _ = run(workspace, "twin")
    assert n_encoded(encoded) == {Role.DOCUMENT: 0, Role.QUERY: 0}  # the same files are the same model
    target = tmp_path / "comparison"
    report = compare([read_evaluation(f"toy/{n}", workspace) for n in ("toy", "twin")], workspace, target)
    assert [(r["kind"], r["pool"]) for r in report["primary"]] == [
        ("cross_lingual", "all"),
        ("monolingual", "target"),
        ("true_cross_lingual", "all"),
        ("true_cross_lingual", "target"),
    ]
    assert {row["measure"] for row in report["language_aware"]} >= {
        "preference",
        "any_language@1",
        *FIRST_PLACE,
    }
    for row in (*report["primary"], *report["exploratory"], *report["language_aware"]):
        assert (row["difference"], row["p_value"], row["p_adjusted"]) == (0, 1, 1)
        assert row["verdict"] == "this test cannot reject"  # no discordant unit
    assert report["dropped_units"] == {"toy": 0, "twin": 0} and report["untested"] == []
    assert json.loads((target / "comparison.json").read_text(encoding="utf-8")) == report
    assert (target / "comparison.md").is_file() and any((target / "figures").iterdir())
    before = digests(target)
    compare([read_evaluation(f"toy/{n}", workspace) for n in ("toy", "twin")], workspace, target)
    assert digests(target) == before and hidden(tmp_path) == []


def test_differences_counted_by_hand(make: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make()
    run(workspace)
    run(workspace, "toy+dim3")
    pair = [read_evaluation(f"toy/{n}", workspace) for n in ("toy", "toy+dim3")]
    report = compare(pair, workspace, tmp_path / "comparison")
    found = {(r["kind"], r["pool"]): r["difference"] for r in report["primary"]}
    # Only q2-de -> cat differs: 1/3 of one of two cells.
    assert found == {
        ("cross_lingual", "all"): 0,
        ("monolingual", "target"): 0,
        ("true_cross_lingual", "all"): pytest.approx(-1 / 6, abs=1e-6),
        ("true_cross_lingual", "target"): 0,
    }
    cell = next(
        r
        for r in report["exploratory"]
        if (r["pool"], r["query_lang"], r["doc_lang"], r["measure"]) == ("all", "de", "en", "accuracy@1")
    )
    assert cell["difference"] == pytest.approx(-1 / 3, abs=1e-6)
    # Three units in three clusters: boat found by both, cat by the cut model alone, zzz by neither.
    assert cell["test"] == "McNemar exact" and cell["p_value"] == 1
    assert cell["table"] == {"both": 1, "only_a": 0, "only_b": 1, "neither": 1}


def test_one_model_twice_is_refused(make: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make()
    run(workspace)
    found = read_evaluation("toy/toy", workspace)
    with pytest.raises(UserError, match="toy is given more than once"):
        compare([found, found], workspace, tmp_path / "comparison")
    assert not (tmp_path / "comparison").exists()


def test_unequal_tasks_depths_and_versions_are_refused(make: MakeWorkspace, tmp_path: Path) -> None:
    workspace = make()
    run(workspace)
    first = read_evaluation("toy/toy", workspace)

    def refused(other: Workspace, match: str) -> None:
        second = read_evaluation(str(other.run_folder("toy", "twin")), other)
        with pytest.raises(UserError, match=match):
            compare([first, second], workspace, tmp_path / "comparison")
        assert not (tmp_path / "comparison").exists()

    deep = make("deep", evaluate=EvaluateSettings(depth=500))
    run(deep, "twin")
    refused(deep, r"cannot be compared: evaluate\.depth is 1000 and 500")

    newer = make("newer")
    run(newer, "twin")
    scores = newer.run_folder("toy", "twin") / "scores.json"
    text = scores.read_text(encoding="utf-8")
    scores.write_text(text.replace('"measures_version": 1', '"measures_version": 2'), encoding="utf-8")
    assert scores.read_text(encoding="utf-8") != text
    refused(newer, r"cannot be compared: measures_version differs \(1 and 2\)")

    changed = [dict(row) for row in DOCUMENTS]
    changed[5]["text"] = "haus haus"
    write_toy(tmp_path / "data" / "toy", documents=changed)
    other = make("other")
    run(other, "twin")
    refused(other, r"cannot be compared: task_digest differs .* Evaluate both again")


def test_intersect_says_what_was_dropped(
    make: MakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    run(workspace)
    native = replace(make(), settings=make(evaluate=EvaluateSettings(modes=(Mode.MONOLINGUAL,))).settings)
    run(native, "twin")
    pair = [read_evaluation(f"toy/{n}", workspace) for n in ("toy", "twin")]
    with pytest.raises(UserError, match=r"toy has 15 units the others lack.*--intersect"):
        compare(pair, workspace, tmp_path / "comparison")
    report = compare(pair, workspace, tmp_path / "comparison", intersect=True)
    assert report["dropped_units"] == {"toy": 15, "twin": 0}
    assert {r["kind"] for r in report["primary"]} == {"monolingual"}

    from xlembed.cli import xlembed
    from xlembed.tracking import log, runs

    monkeypatch.setattr(runs, "open_run", lambda *_, **__: contextlib.nullcontext())
    for name in ("describe", "log_folder", "log_metrics", "log_params"):
        monkeypatch.setattr(log, name, lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    command = ["compare", "toy/toy", "toy/twin", "--intersect", "--out", str(workspace.out)]
    answer = CliRunner().invoke(xlembed, command, catch_exceptions=False)
    assert answer.exit_code == 0
    assert "dropped: 15 units that only toy has" in " ".join(answer.output.split())
