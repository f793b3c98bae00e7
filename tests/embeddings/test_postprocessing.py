"""Post-processed models through all stages: on the toy task, the bundled reviews, XQuAD and a server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from fakes.toy import save_toy_model, write_toy
from fakes.xquad import LANGS, Plain, mean, read_source
from xlembed.cli import xlembed
from xlembed.data.importing import import_files
from xlembed.data.loading import open_task
from xlembed.data.pairs import Kind, PairSet, load_pairs, write_pairs
from xlembed.data.task import Task
from xlembed.embeddings.export import load_export
from xlembed.embeddings.postprocessing import fit_documents
from xlembed.embeddings.texts import document_text
from xlembed.evaluate.compare import compare, read_evaluation
from xlembed.evaluate.encode import Encoded, encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.evaluate.search import query_language, search
from xlembed.evaluate.tables import comparison_table, language_table, scores_table, to_markdown
from xlembed.models.loading import load_encoder
from xlembed.models.postprocess import fitted_json, read_fitted
from xlembed.models.sentence_encoder import SentenceEncoder
from xlembed.publish.job import publish
from xlembed.settings import EvaluateSettings, IndexSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.tune_index.grid import TuneOptions, parse_grid
from xlembed.tune_index.indices import pad_corpus
from xlembed.words import Mode, Role, UserError
from xlembed.workspace import Workspace

pytestmark = pytest.mark.usefixtures("sketches")

REPOSITORY = Path(__file__).resolve().parents[2]
EVALUATE = EvaluateSettings(resamples=100)
CENTER = "static_multilingual+center"
SENTENCE = "post-processing fitted on this task's documents (transductive)"
ORACLE = ", queries by declared language (oracle)"
Table = NDArray[np.floating]


def run(workspace: Workspace, task: Task, model: str) -> tuple[Encoded, dict[str, Any]]:
    """All stages; what encoding did and what scores.json holds."""
    ref = open_model(workspace, model)
    encoded = encode(task, ref, workspace)
    index(task, ref, workspace)
    evaluate(task, ref, workspace)
    return encoded, scores_of(workspace, task.name, ref.slug)


def scores_of(workspace: Workspace, task: str, model: str) -> dict[str, Any]:
    return json.loads((workspace.run_folder(task, model) / "scores.json").read_text(encoding="utf-8"))


def unit(rows: Table) -> Table:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def vectors_of(workspace: Workspace, task: str, model: str) -> tuple[Table, Table]:
    found = load_export(workspace.embeddings(task, model))
    return np.asarray(found.documents, dtype=np.float64), np.asarray(found.queries, dtype=np.float64)


def langs_of(task: Task) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    return np.array([d.lang for d in task.documents]), np.array([q.lang for q in task.queries])


# The bundled reviews


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(Settings(evaluate=EVALUATE), REPOSITORY, tmp_path_factory.mktemp("reviews"))


@pytest.fixture(scope="module")
def task(workspace: Workspace) -> Task:
    return open_task(workspace, "reviews_sample")


@pytest.fixture(scope="module")
def plain(workspace: Workspace, task: Task) -> dict[str, Any]:
    return run(workspace, task, "static_multilingual")[1]


@pytest.fixture
def no_model(plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """After the plain model was run, no encoder may be asked again."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a stored text was encoded again")

    monkeypatch.setattr(SentenceEncoder, "encode_batch", refuse)


@pytest.fixture(scope="module")
def centred(workspace: Workspace, task: Task, plain: dict[str, Any]) -> dict[str, Any]:
    return run(workspace, task, CENTER)[1]


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("suffix", ["+center", "+lir2", "+dim64+abtt3", "+abtt3+center"])
def test_stored_vectors_are_enough(workspace: Workspace, task: Task, suffix: str) -> None:
    encoded = encode(task, open_model(workspace, f"static_multilingual{suffix}"), workspace)
    assert [report.n_encoded for report in encoded.reports.values()] == [0, 0]
    manifest = load_export(encoded.folder).manifest
    assert manifest["postprocessing"]["steps"] == [s for s in suffix.split("+") if s and "dim" not in s]
    assert manifest["postprocessing"]["documents"] == len(task.documents)
    assert manifest["fingerprint"] == encoded.fingerprint


@pytest.mark.usefixtures("centred")
def test_the_export_holds_what_plain_arithmetic_gives(workspace: Workspace, task: Task) -> None:
    raw, raw_queries = vectors_of(workspace, "reviews_sample", "static_multilingual")
    documents, queries = vectors_of(workspace, "reviews_sample", CENTER)
    doc_langs, query_langs = langs_of(task)
    for lang in task.languages:
        centre = raw[doc_langs == lang].mean(axis=0)
        np.testing.assert_allclose(
            documents[doc_langs == lang], unit(raw[doc_langs == lang] - centre), atol=1e-5
        )
        np.testing.assert_allclose(
            queries[query_langs == lang], unit(raw_queries[query_langs == lang] - centre), atol=1e-5
        )


def test_shift_is_fitted_on_translations_that_are_not_the_task(
    workspace: Workspace, task: Task, plain: dict[str, Any]
) -> None:
    """Offsets by plain arithmetic on the set's own texts; documents and queries of a language move alike."""
    model = "static_multilingual+shift-shop_translations"
    found = run(workspace, task, model)[1]
    assert found["postprocessing"]["note"].startswith("post-processing fitted on pair set shop_translations,")
    rows = load_pairs("shop_translations", REPOSITORY / "data").rows
    encoder = load_encoder(open_model(workspace, "static_multilingual"))
    sides = [
        (r["anchor"], r["positive"]) for r in rows if (r["anchor_lang"], r["positive_lang"]) == ("de", "en")
    ]
    sides += [
        (r["positive"], r["anchor"]) for r in rows if (r["positive_lang"], r["anchor_lang"]) == ("de", "en")
    ]
    assert len(sides) > 100
    german, english = (
        np.asarray(encoder.encode_batch(list(of), Role.DOCUMENT), dtype=np.float64)
        for of in zip(*sides, strict=True)
    )
    offset = (german - english).mean(axis=0)
    for of, raw, langs in zip(
        vectors_of(workspace, "reviews_sample", model),
        vectors_of(workspace, "reviews_sample", "static_multilingual"),
        langs_of(task),
        strict=True,
    ):
        np.testing.assert_allclose(of[langs == "de"], unit(raw[langs == "de"] - offset), atol=1e-5)
        np.testing.assert_allclose(of[langs == "en"], raw[langs == "en"], atol=1e-5)


def test_pairs_that_hold_texts_of_the_task_are_refused(tmp_path: Path, task: Task) -> None:
    data = tmp_path / "data"
    text = task.queries[0].text
    write_pairs(
        PairSet(
            name="seen",
            folder=data / "pairs" / "seen",
            kind=Kind.TRANSLATIONS,
            languages=("de", "en"),
            rows=({"anchor": text, "anchor_lang": "de", "positive": "words", "positive_lang": "en"},),
        )
    )
    here = Workspace(Settings(), tmp_path, tmp_path)
    with pytest.raises(UserError, match="1 texts of pair set seen are texts of task reviews_sample too"):
        encode(task, open_model(here, "static_multilingual+shift-seen"), here)


def test_cut_first_then_post_processed(workspace: Workspace, task: Task, plain: dict[str, Any]) -> None:
    encode(task, open_model(workspace, "static_multilingual+center+dim64"), workspace)
    raw, _ = vectors_of(workspace, "reviews_sample", "static_multilingual")
    documents, _ = vectors_of(workspace, "reviews_sample", "static_multilingual+dim64+center")
    first = langs_of(task)[0] == task.languages[0]
    cut = unit(raw[first, :64])
    np.testing.assert_allclose(documents[first], unit(cut - cut.mean(axis=0)), atol=1e-5)


@pytest.mark.usefixtures("centred")
def test_queries_teach_nothing(workspace: Workspace, task: Task, tmp_path: Path) -> None:
    """With a third of the queries gone and the others' languages turned, documents are the same bytes."""
    kept = tuple(replace(q, lang="de") if i % 2 else q for i, q in enumerate(task.queries) if i % 3)
    other = Workspace(workspace.settings, REPOSITORY, tmp_path)
    encode(replace(task, queries=kept), open_model(other, CENTER), other)
    paths = [w.embeddings("reviews_sample", CENTER) / "documents.npy" for w in (workspace, other)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    before = load_export(paths[0].parent)
    after = load_export(paths[1].parent)
    rows = dict(zip(before.query_ids, before.queries, strict=True))
    same = [np.array_equal(vector, rows[q.query_id]) for q, vector in zip(kept, after.queries, strict=True)]
    turned = [q.lang != next(o for o in task.queries if o.query_id == q.query_id).lang for q in kept]
    assert any(turned) and not all(turned)
    assert [not x for x in same] == turned  # a query's language alone decides what happens to it


def test_same_inputs_give_the_same_bytes(workspace: Workspace, task: Task, tmp_path: Path) -> None:
    name, found = "static_multilingual+lir2+center", []
    for part in ("a", "b"):
        other = Workspace(workspace.settings, REPOSITORY, tmp_path / part)
        folder = encode(task, open_model(other, name), other).folder
        found.append({p.name: p.read_bytes() for p in folder.iterdir()})
        stamp = (folder / "documents.npy").stat().st_mtime_ns
        encode(task, open_model(other, name), other)
        assert (folder / "documents.npy").stat().st_mtime_ns == stamp
    assert found[0] == found[1]


def test_results_say_it(
    workspace: Workspace, plain: dict[str, Any], centred: dict[str, Any], tmp_path: Path
) -> None:
    assert "postprocessing" not in plain
    assert centred["postprocessing"]["note"] == SENTENCE + ORACLE
    result = json.loads(workspace.details_file("reviews_sample", CENTER).read_text(encoding="utf-8"))
    assert result["postprocessing"] == centred["postprocessing"]
    assert centred["fingerprint"] != plain["fingerprint"]
    assert centred["base_fingerprint"] == plain["base_fingerprint"]
    line = f"\n{CENTER}: {SENTENCE}{ORACLE}.\n"
    assert line in to_markdown(scores_table([plain, centred]))
    assert line in to_markdown(language_table(centred))
    assert SENTENCE not in to_markdown(scores_table([plain]))
    both = [read_evaluation(f"reviews_sample/{m}", workspace) for m in ("static_multilingual", CENTER)]
    report = compare(both, workspace, tmp_path / "compared")
    assert report["model_notes"] == {CENTER: [SENTENCE + ORACLE]}
    assert line in to_markdown(comparison_table(report))
    alone = compare(
        [both[0], replace(both[0], scores={**plain, "model": "other"})], workspace, tmp_path / "other"
    )
    assert "model_notes" not in alone


def test_a_question_is_processed_like_the_query_of_the_task(
    workspace: Workspace, task: Task, centred: dict[str, Any]
) -> None:
    """A query asked as a stranger would, in its language, scores its first document as the run does."""
    documents, queries = vectors_of(workspace, "reviews_sample", CENTER)
    ref = open_model(workspace, CENTER)
    for row in (0, len(task.queries) // 2, len(task.queries) - 1):
        query = task.queries[row]
        hits = search(query.text, task, ref, workspace, k=1, lang=None, query_lang=query.lang)
        assert hits[0]["score"] == pytest.approx((documents @ queries[row]).max(), abs=1e-5)
    told = search(task.queries[0].text, task, ref, workspace, k=1, lang=task.queries[0].lang)
    assert told[0]["lang"] == task.queries[0].lang  # --lang says both


def test_the_language_of_a_question_is_detected(
    workspace: Workspace, task: Task, centred: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    ref, text = open_model(workspace, CENTER), "ein Wasserkocher, der leise ist"
    detected = search(text, task, ref, workspace, k=3, lang=None)
    assert "query taken for de" in caplog.text
    assert detected == search(text, task, ref, workspace, k=3, lang=None, query_lang="de")


def test_the_language_of_a_question_must_be_told(workspace: Workspace, task: Task) -> None:
    with pytest.raises(UserError, match=r"\+lir1 is post-processed by language.*--query-lang de"):
        search("X1", task, open_model(workspace, "static_multilingual+lir"), workspace, k=1, lang=None)
    with pytest.raises(UserError, match="--query-lang tr "):  # one of the task's languages
        query_language("1", None, None, True, ["tr", "zh-Hant"], CENTER)
    with pytest.raises(UserError, match=r"--query-lang: 'deu' is not an ISO 639.*write 'de'"):
        search("words", task, open_model(workspace, CENTER), workspace, k=1, lang=None, query_lang="deu")
    unaware = open_model(workspace, "static_multilingual+abtt2")
    assert search("a soft towel", task, unaware, workspace, k=1, lang=None)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("center", "sw: too few documents, statistics of all languages are used (center)"),
        ("shift-shop_translations", "sw: no pairs, the vector is left as it is (shift-shop_translations)"),
    ],
)
def test_a_question_in_a_language_without_statistics(
    workspace: Workspace, task: Task, caplog: pytest.LogCaptureFixture, step: str, told: str
) -> None:
    ref = open_model(workspace, f"static_multilingual+{step}")
    found = search("una toalla suave", task, ref, workspace, k=1, lang=None, query_lang="sw")
    assert found and told in caplog.text


def test_what_needs_translations_is_not_published(workspace: Workspace, task: Task) -> None:
    with pytest.raises(UserError, match=r"publish static_multilingual\+center$"):
        publish(task, open_model(workspace, "static_multilingual+center+translated"), workspace, "alias")


def test_post_processing_that_an_index_tells_of_is_the_very_same(
    workspace: Workspace, task: Task, plain: dict[str, Any]
) -> None:
    """Statistics through JSON and back do to a vector what they did."""
    ref = open_model(workspace, "static_multilingual+center+lir2")
    fitted = fit_documents(task, ref, workspace)
    again = read_fitted(json.loads(json.dumps(fitted_json(fitted))))
    assert fitted is not None and again is not None and fitted_json(None) == [] and read_fitted([]) is None
    rows = np.asarray(vectors_of(workspace, "reviews_sample", "static_multilingual")[0][:6], dtype=np.float32)
    langs = ["de", "en", "zh", "sw", "ja", "de"]
    np.testing.assert_array_equal(again.apply(rows, langs), fitted.apply(rows, langs))
    with pytest.raises(UserError, match="post-processing is damaged"):
        read_fitted([{"step": "center", "everyone": {}, "own": {}}])


def test_distractor_texts_take_the_statistics_of_the_task(
    workspace: Workspace, task: Task, centred: dict[str, Any], tmp_path: Path
) -> None:
    """A text as a distractor gets the very vector that it has as a document of that language."""
    document, ref = task.documents[0], open_model(workspace, CENTER)
    (tmp_path / "texts.jsonl").write_text(
        json.dumps({"text": document_text(ref.card, document), "lang": document.lang}), encoding="utf-8"
    )
    others = replace(task, documents=(*task.documents[1:], replace(document, text="other words")))
    other = Workspace(workspace.settings, REPOSITORY, tmp_path)
    encode(others, ref, other)
    embeddings = load_export(other.embeddings("reviews_sample", CENTER))
    lists = dict.fromkeys(("types", "m", "num_candidates", "oversample", "force_merge"), "")
    grid = parse_grid(**lists, base=workspace.settings.index)
    options = TuneOptions(grid, len(others.documents) + 1, tmp_path / "texts.jsonl", "und", seed=0)
    padded = pad_corpus(others, ref, embeddings, other, options, lambda *_: None)
    raw, _ = vectors_of(workspace, "reviews_sample", "static_multilingual")
    plain_other = encode(others, open_model(other, "static_multilingual"), other)
    of_lang = np.asarray(load_export(plain_other.folder).documents, dtype=np.float64)[
        [d.lang == document.lang for d in others.documents]
    ]
    np.testing.assert_allclose(padded.vectors[-1:], unit(raw[:1] - of_lang.mean(axis=0)), atol=1e-5)


def test_the_card_says_it() -> None:
    shown = CliRunner().invoke(xlembed, ["models", "static_multilingual+center+abtt3"])
    assert (
        "post-processing center (Libovický 2020), then abtt3 (Mu and Viswanath 2018); fitted on a task's documents"
        in " ".join(shown.output.split())
    )
    assert json.loads(
        CliRunner().invoke(xlembed, ["models", "static_multilingual+center+abtt3", "--json"]).output
    )["variation"]["steps"] == [
        {"method": "center", "components": 0},
        {"method": "abtt", "components": 3},
    ]


# The toy task: six documents, one of them a zero vector


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Workspace]:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    write_toy(tmp_path / "data" / "toy")
    model = save_toy_model(tmp_path / "model" / "toy")

    def make(**sections: Any) -> Workspace:
        settings = Settings(models={"toy": {"source": str(model)}}, evaluate=EVALUATE, **sections)
        return Workspace(settings, tmp_path, tmp_path / "out")

    return make


def test_languages_with_too_few_documents_are_listed(toy: Callable[..., Workspace]) -> None:
    """Two and three vectors: both languages take the mean of all five, (1.8, .6, 1.6, 1.8) / 5."""
    workspace = toy()
    task = open_task(workspace, "toy")
    encoded, scores = run(workspace, task, "toy+center")
    assert scores["postprocessing"]["pooled"] == {"center": ["de", "en"]}
    assert scores["postprocessing"]["documents"] == 5
    expected = (
        SENTENCE + ORACLE + "; with statistics of all languages, having too few documents: de, en (center)"
    )
    assert scores["postprocessing"]["note"] == expected
    assert scores["zero_vectors"] == {"documents": ["a-en-3"], "queries": ["q3-de"]}
    boat = load_export(encoded.folder).documents[0]
    np.testing.assert_allclose(boat, unit(np.array([[0.64, -0.12, -0.32, -0.36]]))[0], atol=1e-6)


def test_too_few_documents_in_all(toy: Callable[..., Workspace]) -> None:
    workspace = toy()
    with pytest.raises(UserError, match=r"\+lir2 needs the vectors of 10 documents at least .* found 5"):
        encode(open_task(workspace, "toy"), open_model(workspace, "toy+lir2"), workspace)


def test_a_server_finds_what_exact_search_finds(toy: Callable[..., Workspace], node: Any) -> None:
    """Processed vectors are what is indexed; hybrid search uses the very same index."""
    exact = toy()
    task = open_task(exact, "toy")
    run(exact, task, "toy+center")
    flat = replace(toy(index=IndexSettings(engine="elasticsearch", type="flat")), es_url=node.url)
    flat = replace(flat, out=flat.root / "server")
    _, scores = run(flat, task, "toy+center")
    assert scores["postprocessing"]["steps"] == ["center"]
    tables = [
        pd.read_parquet(w.run_folder("toy", "toy+center") / "units.parquet")["rank_first_relevant"]
        for w in (exact, flat)
    ]
    pd.testing.assert_series_equal(*tables)
    _, hybrid = run(flat, task, "toy+center+hybrid")
    assert hybrid["postprocessing"] == scores["postprocessing"]
    names = [
        json.loads(flat.index_file("toy", m).read_text(encoding="utf-8"))["name"]
        for m in ("toy+center", "toy+center+hybrid")
    ]
    assert names[0] == names[1]
    hits = search("boat", task, open_model(flat, "toy+center"), flat, k=1, lang=None, query_lang="en")
    assert hits[0]["doc_id"] == "d-en-1"


# XQuAD


def test_xquad_against_plain_loops(shared_data: Path, tmp_path: Path) -> None:
    """lir1 by a singular value decomposition of our own, then center on what is left; ranks by loops."""
    files = [shared_data / "xquad" / f"xquad.{lang}.json" for lang in LANGS]
    import_files("squad", files, "xquad", data_dir=tmp_path / "data")
    settings = EvaluateSettings(
        resamples=100, modes=(Mode.CROSS_LINGUAL,), measures=("accuracy@1",), depth=10
    )
    workspace = Workspace(Settings(evaluate=settings), tmp_path, tmp_path)
    task = open_task(workspace, "xquad")
    encode(task, open_model(workspace, "static_multilingual"), workspace)
    name = "static_multilingual+lir1+center"
    encoded, scores = run(workspace, task, name)
    assert encoded.reports[Role.DOCUMENT].n_encoded == 0
    raw, raw_queries = vectors_of(workspace, "xquad", "static_multilingual")
    documents, queries = vectors_of(workspace, "xquad", name)
    doc_langs, query_langs = langs_of(task)
    for lang in LANGS:
        mine = raw[doc_langs == lang]
        first = np.linalg.svd(mine, full_matrices=False)[2][:1]
        centre = (mine - mine @ first.T @ first).mean(axis=0)

        def expected(rows: Table, first: Table = first, centre: Table = centre) -> Table:
            return unit(rows - rows @ first.T @ first - centre)

        np.testing.assert_allclose(documents[doc_langs == lang], expected(mine), atol=1e-5)
        asked = raw_queries[query_langs == lang]
        np.testing.assert_allclose(queries[query_langs == lang], expected(asked), atol=1e-5)
    loops = Plain(encoded.folder, read_source(files[0]), LANGS)
    hits = [mean([rank == 1 for rank in loops.ranks(lang, lang, "all")]) for lang in LANGS]
    (macro,) = [
        row["value"]
        for row in scores["scores"]
        if (row["kind"], row["measure"], row["query_lang"]) == ("cross_lingual", "accuracy@1", None)
    ]
    assert macro == pytest.approx(mean(hits), abs=1e-6)
