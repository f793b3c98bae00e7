"""What tune-index decides without a server: the grid, distractors, the choice, the figure and the tables."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.evaluate.figures import comparisons as comparisons_kind
from xlembed.evaluate.figures import runs as runs_kind
from xlembed.search.elastic.latency import Latency
from xlembed.search.elastic.padding import NO_LANGUAGE, SYNTHETIC, choose_pairs, interpolate, pad, read_texts
from xlembed.search.exact import ExactIndex
from xlembed.search.fidelity import Remembered
from xlembed.settings import IndexSettings
from xlembed.show.figures.registry import draw, figures_of
from xlembed.stats.evaluation import estimate
from xlembed.stats.score_rows import Estimate
from xlembed.stats.scores import CiMethod, Score
from xlembed.stats.tuned import (
    EXACT_SCAN,
    Corpus,
    Halves,
    Tried,
    Tuning,
    choose,
    lowest_macro,
    split_clusters,
    widen_perfect,
)
from xlembed.tune_index import figures as tuning_kind
from xlembed.tune_index.grid import Build, Grid, Setting, parse_grid
from xlembed.tune_index.job import TuneOptions
from xlembed.tune_index.measures import sample_queries
from xlembed.tune_index.tables import recall_cell, tuning_table
from xlembed.words import UserError

BASE = IndexSettings(engine="elasticsearch")


def grid(**told: str) -> Grid:
    empty = dict.fromkeys(("types", "m", "num_candidates", "oversample", "force_merge"), "")
    return parse_grid(**{**empty, **told}, base=BASE)


def test_search_settings_share_an_index_and_only_quantised_types_are_oversampled() -> None:
    made = grid(types="flat,hnsw,int8_hnsw", m="8,16", num_candidates="50,20", oversample="0,2")
    assert [b.name for b in made.builds()] == ["flat", "hnsw m8", "hnsw m16", "int8_hnsw m8", "int8_hnsw m16"]
    names = [s.name for s in made.settings()]
    assert len(names) == len(set(names)) == 2 * (1 + 2 * 2 + 2 * 4)
    assert names[:6] == ["flat", "flat merged", "hnsw m8 c20", "hnsw m8 c50", "hnsw m8 c20 merged",
                         "hnsw m8 c50 merged"]  # fmt: skip
    assert names[-1] == "int8_hnsw m16 c50 o2 merged"


def test_empty_lists_are_the_defaults() -> None:
    made = grid(force_merge="after")
    assert made.merged == (True,)
    assert made.num_candidates == (50, 100, 200, 400)
    assert len(made.settings()) == 4 + 3 * 8 + 1


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"types": "hnsv"}, r"--types: 'hnsv' is none of hnsw.*Did you mean 'hnsw'"),
        ({"m": "16,x"}, r"--m: expected numbers.*'x'"),
        ({"m": "1"}, r"--m: .*greater than or equal to 2"),
        ({"num_candidates": "20000"}, r"--num-candidates: .*10000"),
        ({"oversample": "11"}, r"--oversample: .*10"),
        ({"force_merge": "never"}, r"--force-merge: 'never' is none of before, after"),
    ],
)
def test_a_wrong_list_is_named(told: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        grid(**told)


def test_a_setting_becomes_a_section_of_params() -> None:
    setting = Setting(Build("int8_hnsw", 8), True, 30, 0.0)
    made = setting.settings(replace_settings(ef_construction=55))
    assert (made.type, made.m, made.num_candidates, made.oversample) == ("int8_hnsw", 8, 30, 0.0)
    assert made.force_merge and made.ef_construction == 55


def replace_settings(**told: Any) -> IndexSettings:
    return BASE.model_copy(update=told)


@pytest.mark.parametrize(
    "told", [{"k": 20}, {"recall": 0.0}, {"recall": 1.5}, {"cheapest_by": "price"}, {"queries": 0}]
)
def test_wrong_options_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="--"):
        TuneOptions(grid(), **told)


# Distractors


def unit(n: int, dims: int = 8, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    x = np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def corpus(langs: list[str]) -> Task:
    documents = tuple(Document(f"d{i}", f"text {i}", lang) for i, lang in enumerate(langs))
    queries = tuple(Query(f"q{i}", f"text {i}", lang, f"n{i}") for i, lang in enumerate(langs))
    qrels = {f"q{i}": {f"d{i}": 1} for i in range(len(langs))}
    return Task("toy", tuple(sorted(set(langs))), Alignment.COMPARABLE, documents, queries, qrels)


def padded(tmp_path: Path, **told: Any) -> Any:
    task = corpus(["en"] * 30 + ["de"] * 10)
    given = {"fingerprint": "f", "seed": 1, **told}
    return task, pad(task, unit(40), given.pop("wanted", 440), tmp_path, **given)


def test_interpolations_lie_between_two_documents_of_one_language(tmp_path: Path) -> None:
    vectors = unit(40)
    langs = ["en"] * 30 + ["de"] * 10
    pairs = choose_pairs(langs, np.arange(40), 5000, seed=3)
    assert not (pairs.first == pairs.second).any()
    assert all(langs[a] == langs[b] for a, b in zip(pairs.first, pairs.second, strict=True))
    assert {int(b) for b in pairs.second} == set(range(40))
    assert 0.25 <= pairs.share.min() < 0.3 and 0.7 < pairs.share.max() <= 0.75
    made = np.concatenate(list(interpolate(vectors, pairs, chunk=700)))
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made.astype(np.float64), axis=1), 1, atol=1e-6)
    by_hand = pairs.share[7] * vectors[pairs.first[7]] + (1 - pairs.share[7]) * vectors[pairs.second[7]]
    np.testing.assert_allclose(made[7], by_hand / np.linalg.norm(by_hand), atol=1e-6)


def test_zero_vectors_take_no_part_and_a_lonely_language_borrows() -> None:
    pairs = choose_pairs(["en", "en", "en", "de"], np.array([0, 2, 3]), 300, seed=0)
    assert {int(a) for a in pairs.first} == {0, 2, 3}
    assert {int(b) for a, b in zip(pairs.first, pairs.second, strict=True) if a == 3} == {0, 2}
    with pytest.raises(UserError, match="1 documents have a vector"):
        choose_pairs(["en", "en"], np.array([1]), 3, seed=0)


def test_opposite_vectors_leave_no_zero() -> None:
    vectors = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    pairs = replace(choose_pairs(["en", "en"], np.arange(2), 4, seed=0), share=np.full(4, 0.5))
    (made,) = interpolate(vectors, pairs)
    np.testing.assert_allclose(np.abs(made), [[1, 0]] * 4)


def test_distractors_come_behind_in_the_corpus_languages_and_are_relevant_to_nothing(tmp_path: Path) -> None:
    task, made = padded(tmp_path)
    assert (made.n_texts, made.n_synthetic, len(made.task.documents)) == (0, 400, 440)
    assert made.task.documents[:40] == task.documents
    extra = made.task.documents[40:]
    assert [d.doc_id for d in extra[:2]] == ["distractor-0", "distractor-1"]
    assert {d.text for d in extra} == {SYNTHETIC}
    assert 0.65 < Counter(d.lang for d in extra)["en"] / 400 < 0.85  # 3 of 4 documents are English
    assert isinstance(made.vectors, np.memmap)
    np.testing.assert_array_equal(made.vectors[:40], unit(40))
    assert made.task.qrels == task.qrels and made.task.languages == task.languages


def test_padding_is_repeatable_and_named_by_all_it_depends_on(tmp_path: Path) -> None:
    _, one = padded(tmp_path / "a")
    _, again = padded(tmp_path / "b")
    assert one.key == again.key
    assert one.path.read_bytes() == again.path.read_bytes()
    others = [
        padded(tmp_path / "a", **told)[1].key for told in ({"seed": 2}, {"fingerprint": "g"}, {"wanted": 441})
    ]
    assert len({one.key, *others}) == 4


def test_a_large_corpus_stays_as_it_is(tmp_path: Path) -> None:
    task, made = padded(tmp_path, wanted=40)
    assert made.task is task and made.path is None and not list(tmp_path.iterdir())


def test_texts_of_the_user_come_first(tmp_path: Path) -> None:
    texts = [("one", "it"), ("two", NO_LANGUAGE)]
    _, made = padded(tmp_path, texts=texts, text_vectors=[unit(2, seed=9)], wanted=45)
    assert (made.n_texts, made.n_synthetic) == (2, 3)
    assert [(d.text, d.lang) for d in made.task.documents[40:42]] == texts
    np.testing.assert_array_equal(made.vectors[40:42], unit(2, seed=9))
    with pytest.raises(ValueError, match="vectors for"):
        padded(tmp_path / "c", texts=texts, text_vectors=[unit(1)], wanted=45)


def test_a_document_must_not_be_called_like_a_distractor(tmp_path: Path) -> None:
    task = replace(corpus(["en"]), documents=(Document("distractor-0", "x", "en"),))
    with pytest.raises(UserError, match="called like a distractor"):
        pad(task, unit(1), 3, tmp_path, fingerprint="f", seed=1)


def test_texts_are_lines_or_json_lines(tmp_path: Path) -> None:
    lines = tmp_path / "a.txt"
    lines.write_text("one \n\n zwei\n", encoding="utf-8")
    assert read_texts(lines) == [("one", NO_LANGUAGE), ("zwei", NO_LANGUAGE)]
    rows = tmp_path / "a.jsonl"
    rows.write_text('{"text": "uno", "lang": "it"}\n{"text": "x"}\n', encoding="utf-8")
    assert read_texts(rows, "de") == [("uno", "it"), ("x", "de")]
    rows.write_text('{"text": "uno"}\n{"words": 1}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.jsonl:2: expected an object with `text`"):
        read_texts(rows)
    lines.write_text("\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds no text"):
        read_texts(lines)
    with pytest.raises(UserError, match="not a readable text file"):
        read_texts(tmp_path / "missing.txt")


def test_a_sample_keeps_order_and_judgements_and_leaves_out_queries_without_direction() -> None:
    task = corpus(["en"] * 10)
    vectors = unit(10)
    vectors[3] = 0
    small, kept = sample_queries(task, vectors, 4, seed=5)
    rows = [int(q.query_id[1:]) for q in small.queries]
    assert rows == sorted(rows) and len(rows) == 4 and set(small.qrels) == {q.query_id for q in small.queries}
    np.testing.assert_array_equal(kept, vectors[rows])
    everything, _ = sample_queries(task, vectors, 99, seed=5)
    assert [q.query_id for q in everything.queries] == [f"q{i}" for i in range(10) if i != 3]


def test_a_question_is_asked_once() -> None:
    class Counting(ExactIndex):
        asked = 0

        def search(self, *args: Any) -> Any:
            Counting.asked += 1
            return super().search(*args)

    index = Remembered(Counting(["a", "b", "c"], ["en", "en", "de"], unit(3)))
    queries = unit(2, seed=4)
    first = index.search(queries, 2)
    assert index.search(queries.copy(), 2) is first and Counting.asked == 1
    index.search(queries, 2, "en")
    index.search(queries[:1], 2)
    assert Counting.asked == 3 and not index.exact


# The choice


def test_halves_do_not_depend_on_order_and_have_nothing_in_common() -> None:
    names = [f"c{i}" for i in range(11)]
    a, b = split_clusters(names, 7)
    assert (a, b) == split_clusters(names[::-1] + names, 7)
    assert (len(a), len(b), len(a | b)) == (5, 6, 11)
    assert split_clusters(names, 8) != (a, b)


def recall_row(
    value: float, low: float | None, *, k: int = 10, kind: str = "monolingual", n: int = 50
) -> Estimate:
    high = None if low is None else min(1.0, 2 * value - low)
    method = CiMethod.NONE if low is None else CiMethod.CLUSTER_PERCENTILE
    score = Score(value, low, high, method, 0.0, n, n, n)
    return estimate(kind, "target", None, None, f"recall@{k}", score)


def test_a_recall_without_a_miss_is_not_worse_than_one_with_a_miss() -> None:
    ten, hundred, missed = widen_perfect(
        [recall_row(1.0, 0.93), recall_row(1.0, 0.93, k=100), recall_row(0.999, 0.997)], (10, 100)
    )
    assert ten.ci_low == pytest.approx(1 - 3 / 500) and ten.ci_method == CiMethod.RULE_OF_THREE
    assert hundred.ci_low == pytest.approx(1 - 3 / 5000)
    assert missed.ci_low == 0.997
    # Two of 500 neighbours missed, by so few clusters that the interval says no more than that of 50 trials: at most
    # 7.2247 misses are expected then (chi-square 0.975 with 6 degrees of freedom, halved)
    row = recall_row(0.996, 0.92)
    (few,) = widen_perfect([row.model_copy(update={"ci_method": str(CiMethod.WILSON_SPARSE)})], (10,))
    assert few.ci_low == pytest.approx(1 - 7.2247 / 500, abs=1e-6) and few.ci_low < ten.ci_low
    (unknown,) = widen_perfect([recall_row(1.0, None)], (10,))
    assert unknown.ci_low is None


def test_the_mode_that_does_worst_speaks() -> None:
    rows = [
        recall_row(0.99, 0.98),
        recall_row(0.995, 0.97, kind="true_cross_lingual"),
        recall_row(0.5, 0.4, k=100),
    ]
    assert lowest_macro(rows, "recall@10") is rows[1]
    assert lowest_macro([], "recall@10") is None
    lacking = [*rows, recall_row(0.9, None, kind="cross_lingual")]
    found = lowest_macro(lacking, "recall@10")
    assert found is not None and found.ci_low is None  # a mode without an interval cannot be vouched for


# Reports


def report_row(
    name: str, type: str, merged: bool, ms: float, recall: float | None, choosing: float | None = None
) -> Tried:
    told = [] if recall is None else [recall_row(recall, recall - 0.004)]
    chosen = [] if recall is None else [recall_row(recall, choosing or recall - 0.004)]
    lost = Score(0.01, -0.01, 0.03, CiMethod.SKEWED_T, 0.0, 50, 50, 50)
    loss = estimate("monolingual", "target", None, None, "accuracy@1", lost)
    worse = loss.model_copy(update={"kind": "cross_lingual", "pool": "all", "value": 0.02})
    flat = type == "flat"
    return Tried(
        name=name, type=type, m=None if flat else 16, merged=merged, num_candidates=50, oversample=None,
        note=EXACT_SCAN if flat else "" if told else "index not exercised", exercised={"*": bool(told)},
        recall=told, lowest={row.measure: row for row in told}, choosing={row.measure: row for row in chosen},
        loss=[loss, worse] if told else [],
        latency_ms=Latency(ms / 2, ms, 2 * ms, 9), latency_ms_filtered=None, throughput={"1": 100.0, "8": 300.0},
        index="xlembed-x", documents=5, segments=1, disk_bytes=10**7, memory_bytes=10**6, build_seconds=None,
    )  # fmt: skip


def test_the_cheapest_that_reaches_is_taken() -> None:
    slow = report_row("slow", "hnsw", False, 9.0, 0.999, 0.999)
    quick = report_row("quick", "hnsw", False, 2.0, 0.99, 0.99)
    tied = report_row("tied", "hnsw", False, 2.0, 0.995, 0.995).model_copy(update={"memory_bytes": 10**5})
    poor = report_row("poor", "hnsw", False, 1.0, 0.98, 0.98)
    none = report_row("none", "hnsw", False, 0.5, None)

    def taken(*rows: Tried) -> str | None:
        return choose(rows, k=10, recall=0.99, cheapest_by="latency").name

    assert taken(slow, quick, poor, none) == "quick"
    assert taken(slow, quick, tied) == "tied"
    assert taken(poor, none) is None


def report(rows: list[Tried], recall: float = 0.99) -> Tuning:
    return Tuning(
        task="toy", task_digest="t", model="m", fingerprint="f", server="8.19.5", dims=8, settings=rows, k=10,
        corpus=Corpus(40, 2, 3), clusters=Halves(50, 51), queries=101, seed=42, wanted_recall=recall,
        cheapest_by="latency", depth=10, primary_measure="accuracy@1", ef_construction=100, shards=1,
        modes=["cross_lingual"], choice=choose(rows, k=10, recall=recall, cheapest_by="latency"), spread=[],
        skipped={},
    )  # fmt: skip


ROWS = [
    report_row("hnsw a", "hnsw", False, 2.0, 0.97),
    report_row("hnsw b", "hnsw", False, 3.0, 0.998),
    report_row("hnsw c", "hnsw", False, 4.0, 0.98),
    report_row("hnsw b merged", "hnsw", True, 2.5, 1.0),
    report_row("flat", "flat", False, 20.0, None),
    report_row("bbq", "bbq_hnsw", True, 1.0, None),
]


def test_the_choice_is_made_on_one_half_and_confirmed_by_the_other() -> None:
    made = report(ROWS).choice
    assert (made.name, made.confirmed) == ("hnsw b merged", True)
    lucky = report_row("lucky", "hnsw", True, 0.5, 0.97, choosing=0.995)
    assert report([*ROWS, lucky]).choice.name == "lucky"
    assert report([*ROWS, lucky]).choice.confirmed is False


def test_flat_is_taken_if_nothing_else_reaches_and_nothing_if_there_is_no_flat() -> None:
    made = report(ROWS, recall=1.0).choice
    assert (made.name, made.confirmed, made.reported) == ("flat", True, None)
    none = report([ROWS[0]]).choice
    assert none.name is None and "the best is hnsw a with 0.9660" in none.why
    unexercised = report([ROWS[-1]]).choice
    assert unexercised.name is None and "not exercised" in unexercised.why


def test_a_scanned_pool_has_words_instead_of_a_loss_of_zero() -> None:
    assert recall_cell(ROWS[-1], 10).text == "–"
    found = recall_cell(ROWS[0], 10)
    assert f"{found.text} {found.interval}" == "97.00 [96.6, 97.4]"
    loss = ROWS[0].largest_loss("accuracy@1")
    assert loss is not None and loss.kind == "cross_lingual"
    whole = tuning_table(report(ROWS))
    assert len(whole.rows) == len(ROWS)
    assert [note for note in whole.notes if "not exercised" in note] == [
        f"–: index not exercised ({ROWS[-1].name})."
    ]


def test_of_equal_losses_the_one_with_the_interval_that_reaches_highest_is_shown() -> None:
    few, other = ROWS[0].loss
    rows = [few.model_copy(update={"ci_low": None, "ci_high": None, "value": 0.0})]
    rows += [other.model_copy(update={"ci_high": high, "value": 0.0}) for high in (0.13, 0.2, 0.01)]
    found = ROWS[0].model_copy(update={"loss": rows}).largest_loss("accuracy@1")
    assert found is not None and found.ci_high == 0.2


def test_texts_of_distractors_that_programs_write(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('\ufeff{"text": "uno\u2028due"}\n{"text": " "}\n{"text": "x", "lang": "und"}\n', "utf-8")
    assert read_texts(rows) == [("uno\u2028due", NO_LANGUAGE), ("x", NO_LANGUAGE)]
    for line, told in (
        ('{"text": null}', "rows.jsonl:1: expected an object with `text`"),
        ('{"text": "x", "lang": "german"}', "rows.jsonl:1: lang: 'german' is not an ISO 639"),
        ('{"text": "x", "lang": 1}', "rows.jsonl:1: lang: '1' is not an ISO 639"),
    ):
        rows.write_text(line, "utf-8")
        with pytest.raises(UserError, match=told):
            read_texts(rows)
    with pytest.raises(UserError, match="--pad-lang: 'de DE' is not an ISO 639"):
        read_texts(rows, "de DE")


def test_a_setting_is_one_flat_line() -> None:
    columns = ROWS[0].columns()
    assert columns["recall@10/monolingual/target"] == 0.97
    assert columns["loss/accuracy@1/cross_lingual/all"] == 0.02
    assert columns["p95_ms"] == 2.0 and columns["searches_per_second/8"] == 300.0
    assert json.dumps(columns)


def test_the_figure_marks_the_choice_and_joins_only_what_is_not_beaten() -> None:
    figure = draw(tuning_kind, report(ROWS))["recall_latency"]
    before, after = (next(a for a in figure.axes if a.get_gid() == f"merged {m}") for m in (False, True))
    curve = next(line for line in before.lines if line.get_gid() == "curve hnsw")
    assert list(curve.get_xdata()) == [2.0, 3.0]  # "hnsw c" is slower and worse than "hnsw b"
    assert [line.get_gid() for line in before.lines].count("chosen") == 0
    (mark,) = [line for line in after.lines if line.get_gid() == "chosen"]
    assert list(mark.get_xdata()) == [2.5]
    texts = " ".join(t.get_text() for t in figure.texts)
    assert "Not drawn, index not exercised: bbq." in texts and "on 51 clusters" in texts.replace("\n", " ")


def test_the_figure_belongs_to_no_run_and_no_comparison() -> None:
    assert "recall_latency" not in {**figures_of(runs_kind), **figures_of(comparisons_kind)}
