"""The real XQuAD through all stages, against loops of our own, MTEB and pytrec_eval."""

from __future__ import annotations

import gzip
import json
import math
import time
from collections import Counter
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fakes.xquad import LANGS, Plain, Source, first_articles, mean, read_source
from xlembed.data.importing import import_files
from xlembed.data.loading import open_task
from xlembed.data.task import Task
from xlembed.evaluate.compare import compare, read_evaluation
from xlembed.evaluate.encode import Encoded, encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.models.spec import resolve_model
from xlembed.search.kinds import FIRST_PLACE
from xlembed.settings import EvaluateSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import Role
from xlembed.workspace import Workspace

pytestmark = pytest.mark.slow

PAIRS = [(b, a) for b in LANGS for a in LANGS if b != a]
MODES = {"monolingual", "cross_lingual", "true_cross_lingual"}


def model_folder(name: str) -> Path:
    """The weights that a package carries, or a skipped test."""
    folder = resolve_model(name).folder
    if folder is None or not (folder / "modules.json").is_file():
        pytest.skip(f"the weights of {name} are not installed (extra `demo`, or the bundled model)")
    return folder


@dataclass(frozen=True)
class Done:
    """One model that went through all stages."""

    workspace: Workspace
    task: Task
    slug: str
    encoded: Encoded
    result: dict[str, Any]
    took_seconds: float

    @property
    def scores(self) -> dict[str, Any]:
        return json.loads((self.folder / "scores.json").read_text(encoding="utf-8"))

    @property
    def units(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "units.parquet")

    @property
    def folder(self) -> Path:
        return self.workspace.run_folder(self.task.name, self.slug)

    @property
    def export(self) -> Path:
        return self.workspace.embeddings(self.task.name, self.slug)


def run(workspace: Workspace, task_name: str, model: str) -> Done:
    task, ref = open_task(workspace, task_name), open_model(workspace, model)
    encoded = encode(task, ref, workspace)
    index(task, ref, workspace)
    started = time.perf_counter()
    result = evaluate(task, ref, workspace)
    return Done(workspace, task, ref.slug, encoded, result, time.perf_counter() - started)


def values(
    scores: dict[str, Any], measure: str
) -> dict[tuple[str, str | None, str | None, str | None], float]:
    """(kind, pool, query language, document language) -> value; None, None is the macro."""
    rows = [row for row in scores["scores"] if row["measure"] == measure]
    found = {(r["kind"], r["pool"], r["query_lang"], r["doc_lang"]): r["value"] for r in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def sources(shared_data: Path) -> dict[str, Source]:
    return {lang: read_source(shared_data / "xquad" / f"xquad.{lang}.json") for lang in LANGS}


@pytest.fixture(scope="module")
def six(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with XQuAD in six languages."""
    root = tmp_path_factory.mktemp("six")
    files = [shared_data / "xquad" / f"xquad.{lang}.json" for lang in LANGS]
    import_files("squad", files, "xquad", data_dir=root / "data")
    return Workspace(Settings(), root, root)


@pytest.fixture(scope="module")
def static(six: Workspace) -> Done:
    model_folder("static_multilingual")
    return run(six, "xquad", "static_multilingual")


@pytest.fixture(scope="module")
def plain(static: Done, sources: dict[str, Source]) -> Plain:
    return Plain(static.export, sources["en"], LANGS)


# Six languages, the bundled model


def test_the_task_is_what_the_files_hold(static: Done, sources: dict[str, Source]) -> None:
    assert {len(source.contexts) for source in sources.values()} == {240}
    assert len({tuple(q[::2] for q in source.questions) for source in sources.values()}) == 1  # parallel
    assert Counter(d.lang for d in static.task.documents) == dict.fromkeys(LANGS, 240)
    assert Counter(q.lang for q in static.task.queries) == dict.fromkeys(LANGS, 1190)
    assert static.task.merged == ()  # no language repeats a paragraph
    # Some questions are asked twice, always about one paragraph. Each is a need of its own and counts; only
    # its text is encoded once: 1190 - 3 in English, - 8 de, - 5 es, - 6 tr, - 9 zh, - 4 ru.
    repeated = {
        lang: 1190 - len({text for _, text, _ in source.questions}) for lang, source in sources.items()
    }
    assert repeated == {"en": 3, "de": 8, "es": 5, "tr": 6, "zh": 9, "ru": 4}
    assert static.encoded.reports[Role.QUERY].n_unique == 6 * 1190 - 35
    assert static.encoded.reports[Role.DOCUMENT].n_unique == 6 * 240


def test_units(static: Done) -> None:
    """One unit per query and document language: 1,190 in each of 6 native cells and 30 pairs."""
    counts = static.units.groupby(["mode", "pool", "query_lang", "doc_lang"]).size().to_dict()
    expected = {
        **{("monolingual", "target", a, a): 1190 for a in LANGS},
        **{("cross_lingual", "all", a, a): 1190 for a in LANGS},
        **{("true_cross_lingual", pool, b, a): 1190 for b, a in PAIRS for pool in ("all", "target")},
    }
    assert counts == expected and len(static.units) == 72 * 1190
    # One right paragraph, whose five other versions are ignored; 240 paragraphs are the clusters.
    assert set(static.units["n_relevant"]) == {1} and set(static.units["n_ignored"]) == {5}
    assert static.units["cluster"].nunique() == 240 and static.units["need_id"].nunique() == 1190


def test_counts_beside_every_score(static: Done) -> None:
    for row in static.scores["scores"]:
        if row["kind"] in MODES | {"pool_gap", "loss_weak", "loss_strong"}:
            assert (row["n_needs"], row["n_clusters"]) == (1190, 240), row
            cells = len(row.get("cells", ["itself"]))
            assert row["n_units"] == 1190 * cells, row


def test_values_and_intervals(static: Done) -> None:
    rows = static.scores["scores"]
    # 16 + 2 measures over 72 cells and 4 macros; gap and two losses over 30 pairs and a macro each; bias; shares.
    assert sum(row["kind"] in MODES for row in rows) == 18 * (72 + 4)
    assert sum(row["kind"] in ("pool_gap", "loss_weak", "loss_strong") for row in rows) == 18 * 3 * (30 + 1)
    assert sum(row["kind"] == "language_bias" for row in rows) == 30 + 1
    assert sum(row["kind"] == "retrieved_language" for row in rows) == 3 * 36
    for row in rows:
        assert math.isfinite(row["value"]), row
        assert row["ci_low"] <= row["value"] <= row["ci_high"], row
        if row["kind"] in MODES | {"retrieved_language"}:
            assert row["ci_low"] >= 0 and row["ci_high"] <= 1, row


def test_labels(static: Done) -> None:
    """Russian is not on the card; every macro rests on it too."""
    assert static.scores["labels"] == {"ru": "language not supported"}
    assert static.result["english_only"] is False
    for row in static.scores["scores"]:
        macro = row["query_lang"] is None or row["doc_lang"] == "*"
        expected = "language not supported" if macro or "ru" in (row["query_lang"], row["doc_lang"]) else None
        assert row.get("label") == expected, row
    mono = static.result["scores"]["mono"]
    assert mono["ru"]["accuracy@1"]["label"] == "language not supported"
    assert "label" not in mono["tr"]["accuracy@1"]


def test_pool_gap_is_never_negative(static: Done) -> None:
    across = static.units[static.units["mode"] == "true_cross_lingual"]
    both = across.pivot(index=["query_id", "doc_lang"], columns="pool", values="hit@1")
    assert len(both) == 30 * 1190
    assert ((both["target"] - both["all"]) >= 0).all()
    assert ((both["target"] - both["all"]) > 0).any()


def test_accuracy_equals_plain_loops(static: Done, plain: Plain) -> None:
    """Every cell of both matrices, the macros, and the losses over the same needs."""
    hit = {
        (b, a, pool): [float(rank == 1) for rank in plain.ranks(b, a, pool)]
        for b in LANGS
        for a in LANGS
        for pool in ("all", "target")
    }
    expected: dict[tuple[str, str | None, str | None, str | None], float] = {}
    for a in LANGS:
        expected["monolingual", "target", a, a] = mean(hit[a, a, "target"])
        expected["cross_lingual", "all", a, a] = mean(hit[a, a, "all"])
    for b, a in PAIRS:
        weak, strong = mean(hit[b, a, "target"]), mean(hit[b, a, "all"])
        expected["true_cross_lingual", "target", b, a] = weak
        expected["true_cross_lingual", "all", b, a] = strong
        expected["pool_gap", None, b, a] = weak - strong
        expected["loss_weak", "target", b, a] = mean(hit[a, a, "target"]) - weak
        expected["loss_strong", "all", b, a] = mean(hit[a, a, "all"]) - strong
    for kind, pool in {key[:2] for key in expected}:
        cells = [value for key, value in expected.items() if key[:2] == (kind, pool)]
        assert len(cells) == (6 if kind in ("monolingual", "cross_lingual") else 30)
        expected[kind, pool, None, None] = mean(cells)
    assert values(static.scores, "accuracy@1") == pytest.approx(expected, abs=1e-6)
    macro = static.result["scores"]["mono"]["macro"]["accuracy@1"]["value"]
    assert macro == pytest.approx(expected["monolingual", "target", None, None], abs=1e-6)


@pytest.mark.parametrize(
    ("query_lang", "doc_lang", "pool"),
    [("tr", "tr", "target"), ("de", "de", "all"), ("tr", "en", "all"), ("zh", "tr", "target")],
)
def test_other_measures_equal_plain_loops(
    static: Done, plain: Plain, query_lang: str, doc_lang: str, pool: str
) -> None:
    """With one right document all measures follow from its rank."""
    ranks = plain.ranks(query_lang, doc_lang, pool)
    expected = {
        "MRR": mean([1 / r for r in ranks]),
        "MRR@10": mean([1 / r if r <= 10 else 0 for r in ranks]),
        "nDCG@10": mean([1 / math.log2(r + 1) if r <= 10 else 0 for r in ranks]),
        "recall@10": mean([float(r <= 10) for r in ranks]),
        "precision@5": mean([0.2 if r <= 5 else 0 for r in ranks]),
        "accuracy@100": mean([float(r <= 100) for r in ranks]),
    }
    native = "monolingual" if pool == "target" else "cross_lingual"
    key = (native if query_lang == doc_lang else "true_cross_lingual", pool, query_lang, doc_lang)
    assert {m: values(static.scores, m)[key] for m in expected} == pytest.approx(expected, abs=1e-6)


def test_language_bias_equals_plain_loops(static: Done, plain: Plain) -> None:
    """Of 1,440 - 6 wrong documents 240 - 1 are in the query's language: exactly a sixth."""
    assert 6 * 239 == 1440 - 6
    for b, a in (("tr", "en"), ("ru", "zh")):
        own = []
        column, other = plain.langs.index(a), plain.langs.index(b)
        for row, right in zip(plain.cosines[other], plain.right, strict=True):
            left = row.copy()
            left[[i for i in range(6) if i != column], right] = -9.0
            lang, paragraph = divmod(int(left.argmax()), 240)
            if (lang, paragraph) != (column, right):
                own.append(float(lang == other))
        found = values(static.scores, "language_bias")["language_bias", "all", b, a]
        assert found == pytest.approx(mean(own) - 1 / 6, abs=1e-6)


def test_language_aware_measures_equal_plain_loops(static: Done, plain: Plain) -> None:
    """Every right paragraph is there in six languages: without preference a sixth is in the query's own."""
    table = pd.read_parquet(static.folder / "queries.parquet").set_index("query_id")
    assert len(table) == 6 * 1190 and set(table["n_right"]) == {6} and set(table["n_right_own"]) == {1}
    assert static.scores["no_preference"] == pytest.approx(dict.fromkeys(LANGS, 1 / 6), abs=1e-6)
    for b, lang in enumerate(plain.langs):
        own, beyond, shares = [], 0, Counter[str]()
        for row, right in zip(plain.cosines[b], plain.right, strict=True):
            best = int(row[:, right].argmax())  # the first of equal ones, in the order of the ids
            place, flat = best * 240 + right, row.reshape(-1)
            above = (flat > flat[place]).sum() + (flat[:place] == flat[place]).sum()
            if above < 1000:
                own.append(float(best == b))
            else:
                beyond += 1  # the depth
            first, paragraph = divmod(int(row.argmax()), 240)
            found = "right" if paragraph == right else "wrong"
            shares[f"{found}_{'own' if first == b else 'other'}"] += 1
        key = ("all", lang, "*")
        assert static.scores["preference_left_out"][lang] == beyond
        assert values(static.scores, "preference")["preference", *key] == pytest.approx(mean(own), abs=1e-6)
        for name in FIRST_PLACE:
            found_share = values(static.scores, name)["first_place", *key]
            assert found_share == pytest.approx(shares[name] / 1190, abs=1e-6)
    headline = static.result["scores"]
    assert sum(headline["first_place"]["macro"][name]["value"] for name in FIRST_PLACE) == pytest.approx(1)
    assert set(headline["preference"]["macro"]) == {"preference"}
    assert set(headline["any_language"]["macro"]) == {"any_language@1"}


def test_agreement_equals_plain_loops(static: Done, plain: Plain) -> None:
    """Two translations of every 170th question: overlap of their first ten paragraphs, whatever the language."""
    table = pd.read_parquet(static.folder / "queries.parquet").set_index("query_id")
    needs = list(dict.fromkeys(table["need_id"]))
    for question in range(0, 1190, 170):
        tops = []
        for lang in plain.langs:
            order = [doc_id.partition("-")[2] for doc_id in plain.ranking(lang, question)]
            tops.append(list(dict.fromkeys(order))[:10])
        overlaps = {(i, j): mean_overlap(tops[i], tops[j]) for i in range(6) for j in range(6) if i != j}
        for i, lang in enumerate(plain.langs):
            expected = mean([overlaps[i, j] for j in range(6) if j != i])
            assert table.loc[f"{lang}-{needs[question]}", "agreement@10"] == pytest.approx(expected, abs=1e-9)


def mean_overlap(a: list[str], b: list[str]) -> float:
    """RBO_ext of two tops of ten, p = 0.9."""
    shared = [len(set(a[:d]) & set(b[:d])) for d in range(1, 11)]
    return shared[-1] / 10 * 0.9**10 + 0.1 / 0.9 * sum(x / d * 0.9**d for d, x in enumerate(shared, 1))


def test_evaluate_is_quick(static: Done) -> None:
    assert static.took_seconds < 120  # about 15 s on two cores; a loop in the wrong place takes many minutes


# The run file


def test_run_file_scored_by_pytrec_eval(static: Done, plain: Plain, sources: dict[str, Source]) -> None:
    """Raw ranking of all documents; a paragraph counts in all six languages (other_versions = relevant)."""
    pytrec_eval = pytest.importorskip("pytrec_eval")
    settings = Settings(evaluate=EvaluateSettings(other_versions="relevant"))
    workspace = replace(static.workspace, settings=settings, out=static.workspace.out / "relevant")
    done = run(workspace, "xquad", "static_multilingual")
    assert done.encoded.reports[Role.QUERY].n_encoded == 0
    units = done.units.set_index("query_id")
    assert len(units) == 6 * 1190 and set(units["n_relevant"]) == {6} and set(units["n_ignored"]) == {0}

    ranking: dict[str, dict[str, float]] = {}
    for line in gzip.decompress((done.folder / "all.trec.gz").read_bytes()).decode().splitlines():
        query_id, q0, doc_id, rank, score, tag = line.split()
        assert (q0, float(score), tag) == ("Q0", -int(rank), "static_multilingual")
        ranking.setdefault(query_id, {})[doc_id] = float(score)
    assert {len(docs) for docs in ranking.values()} == {100}

    qrels: dict[str, dict[str, int]] = {}
    judged = (workspace.root / "data" / "xquad" / "qrels" / "test.tsv").read_text(encoding="utf-8")
    for line in judged.splitlines()[1:]:
        query_id, doc_id, grade = line.split("\t")
        qrels.setdefault(query_id, {})[doc_id] = int(grade)
    # As the source files say, without the importer: question -> its paragraph's place in all languages.
    assert qrels == {
        f"{b}-{need}": {f"{a}-p{paragraph + 1:04d}": 1 for a in LANGS}
        for b in LANGS
        for need, _, paragraph in sources["en"].questions
    }

    measures = {"success.1,10", "recall.3,10,100", "P.5", "ndcg_cut.10"}
    by_query = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(ranking)
    top10 = {q: dict(sorted(docs.items(), key=lambda d: -d[1])[:10]) for q, docs in ranking.items()}
    reciprocal = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(top10)
    columns = {
        "hit@1": "success_1",
        "hit@10": "success_10",
        "recall@3": "recall_3",
        "recall@10": "recall_10",
        "recall@100": "recall_100",
        "precision@5": "P_5",
        "ndcg@10": "ndcg_cut_10",
    }
    for column, name in columns.items():
        expected = pd.Series({q: by_query[q][name] for q in units.index})
        assert (units[column] - expected).abs().max() < 1e-9, column
    expected = pd.Series({q: reciprocal[q]["recip_rank"] for q in units.index})
    assert (units["rr@10"] - expected).abs().max() < 1e-9

    # And both against a ranking of our own: every 17th question in every language.
    ideal = sum(1 / math.log2(i + 2) for i in range(6))
    for lang in LANGS:
        for question in range(0, 1190, 17):
            query_id = f"{lang}-{sources['en'].questions[question][0]}"
            order = plain.ranking(lang, question)
            assert list(ranking[query_id]) == order[:100]
            right = {f"{a}-p{plain.right[question] + 1:04d}" for a in LANGS}
            gains = [1 / math.log2(i + 2) for i, doc_id in enumerate(order[:10]) if doc_id in right]
            assert by_query[query_id]["ndcg_cut_10"] == pytest.approx(sum(gains) / ideal, abs=1e-9)
            assert units.loc[query_id, "recall@10"] == pytest.approx(len(gains) / 6, abs=1e-9)


# An English-only model


@pytest.fixture(scope="module")
def part(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The first ten articles in English, German and Turkish: 50 paragraphs, 274 questions."""
    root = tmp_path_factory.mktemp("part")
    langs = ("en", "de", "tr")
    files = [first_articles(shared_data / "xquad" / f"xquad.{lang}.json", 10, root) for lang in langs]
    import_files("squad", files, "xquad_part", data_dir=root / "data")
    return Workspace(Settings(), root, root)


@pytest.fixture(scope="module")
def minilm(part: Workspace) -> Done:
    model_folder("all_minilm_l6_v2")
    return run(part, "xquad_part", "all_minilm_l6_v2+bf16")


def test_english_only_model_is_marked(minilm: Done) -> None:
    assert Counter(d.lang for d in minilm.task.documents) == {"en": 50, "de": 50, "tr": 50}
    assert len(minilm.units) == 274 * (3 + 3 + 6 + 6)
    label = "English-only model"
    assert minilm.scores["labels"] == {"de": label, "tr": label}
    assert minilm.result["english_only"] is True
    for row in minilm.scores["scores"]:
        english = row["query_lang"] == row["doc_lang"] == "en"
        assert row.get("label") == (None if english else label), row
    mono = minilm.result["scores"]["mono"]
    assert "label" not in mono["en"]["accuracy@1"]
    assert {mono[key]["accuracy@1"]["label"] for key in ("de", "tr", "macro")} == {label}
    # It is used rightly: English questions find their paragraph, Turkish ones seldom.
    assert mono["en"]["accuracy@1"]["value"] > 0.9 > mono["tr"]["accuracy@1"]["value"]


def test_english_only_model_is_compared_in_english_only(
    minilm: Done, part: Workspace, tmp_path: Path
) -> None:
    model_folder("static_multilingual")
    run(part, "xquad_part", "static_multilingual")
    names = (minilm.slug, "static_multilingual")
    report = compare([read_evaluation(f"xquad_part/{n}", part) for n in names], part, tmp_path / "comparison")
    assert {(r["kind"], *r["cells"]) for r in report["primary"]} == {
        ("monolingual", "en->en"),
        ("cross_lingual", "en->en"),
    }
    assert {r["n_units"] for r in report["primary"]} == {274}
    assert {r["verdict"] for r in report["primary"]} == {"all_minilm_l6_v2+bf16 better"}


# MTEB


def mteb_scores(source: Source, lang: str, folder: Path) -> dict[str, float]:
    """MTEB's own evaluation of the model in `folder`, on a task made from the source file."""
    import datasets
    import mteb
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata
    from sentence_transformers import SentenceTransformer

    class LocalXQuAD(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="LocalXQuAD",
            description="XQuAD from its JSON file, no question merged with another.",
            type="Retrieval",
            main_score="ndcg_at_10",
            eval_langs=[{"en": "eng-Latn", "tr": "tur-Latn"}[lang]],
            dataset={"path": "local", "revision": "1"},
        )

        def load_data(self, num_proc: int | None = None, **_: Any) -> None:
            documents = [{"id": f"p{i}", "title": "", "text": text} for i, text in enumerate(source.contexts)]
            queries = [{"id": need, "text": text} for need, text, _ in source.questions]
            split = {
                "corpus": datasets.Dataset.from_list(documents),
                "queries": datasets.Dataset.from_list(queries),
                "relevant_docs": {need: {f"p{paragraph}": 1} for need, _, paragraph in source.questions},
                "top_ranked": None,
            }
            self.dataset = {"default": {"test": split}}
            self.data_loaded = True

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.float()  # the bundled table is stored in float16; the library would compute and score in it too
    result = mteb.evaluate(model, LocalXQuAD(), cache=None, co2_tracker=False, show_progress_bar=False)
    (scores,) = result.task_results[0].scores["test"]
    return scores


@pytest.mark.parametrize(
    ("lang", "model"),
    [("en", "static_multilingual"), ("tr", "static_multilingual"), ("en", "all_minilm_l6_v2")],
)
def test_equal_to_mteb(
    shared_data: Path, sources: dict[str, Source], tmp_path: Path, lang: str, model: str
) -> None:
    if find_spec("mteb") is None:
        pytest.skip("mteb is not installed")
    folder = model_folder(model)
    file = shared_data / "xquad" / f"xquad.{lang}.json"
    import_files("squad", [file], f"xquad_{lang}", data_dir=tmp_path / "data")
    workspace = Workspace(Settings(evaluate=EvaluateSettings(modes="monolingual")), tmp_path, tmp_path)
    ours = run(workspace, f"xquad_{lang}", str(folder))
    assert len(ours.units) == len(sources[lang].questions) == 1190

    theirs = mteb_scores(sources[lang], lang, folder)
    names = {"nDCG@10": "ndcg_at_10", "MRR@10": "mrr_at_10", "accuracy@1": "hit_rate_at_1"}
    for k in (1, 3, 5, 10, 100):
        names |= {f"recall@{k}": f"recall_at_{k}", f"precision@{k}": f"precision_at_{k}"}
    key = ("monolingual", "target", lang, lang)
    found = {name: values(ours.scores, name)[key] for name in names}
    expected = {name: theirs[theirs_name] for name, theirs_name in names.items()}
    assert found == pytest.approx(expected, abs=1e-4, rel=0)
    assert 0.3 < found["accuracy@1"] < found["nDCG@10"] < 1  # neither side is empty or trivial
