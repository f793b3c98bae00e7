"""What an index costs, as a table: numbers, intervals, and where nothing can be said."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from xlembed.cli.console import print_table
from xlembed.evaluate.compare import Evaluation, name_by_index
from xlembed.evaluate.tables import index_table, index_words, to_markdown
from xlembed.stats.scorebook import read_scores
from xlembed.words import UserError


def row(kind: str, pool: str, measure: str, value: float, **more: Any) -> dict[str, Any]:
    ends = {"ci_low": value - 0.01, "ci_high": value + 0.01, "n_units": 40, "n_needs": 20, "n_clusters": 15}
    place = {"kind": kind, "pool": pool, "measure": measure, "query_lang": None, "doc_lang": None}
    return {**place, "value": value, **ends, **more}


CELLS = {"cells": ["de->de", "en->en"]}


@pytest.fixture
def scores() -> dict[str, Any]:
    """Monolingual: only English was exercised; cross_lingual: all; true cross-lingual, target pool: nothing."""
    mono, cross, target = (
        ("monolingual", "target"),
        ("cross_lingual", "all"),
        ("true_cross_lingual", "target"),
    )
    m = "accuracy@1"
    exact = [(mono, 0.5), (cross, 0.4), (target, 0.2)]
    return {
        "task": "reviews",
        "model": "m",
        "languages": ["de", "en"],
        "primary_measure": m,
        "index": {"engine": "elasticsearch", "type": "hnsw", "m": 16, "oversample": None},
        "scores": [
            row(*mono, m, 0.49, **CELLS),
            row(*cross, m, 0.375, **CELLS),
            row(*target, m, 0.2, cells=["de->en", "en->de"]),
        ],
        "index_fidelity": {
            "exercised": {"*": True, "de": False, "en": True},
            "recall_exercised": {"*": True, "de": False, "en": False},
            "note": "",
            "exact": [{"kind": k, "pool": p, "measure": m, "value": v} for (k, p), v in exact],
            "loss": [
                row(*mono, m, 0.02, cells=["en->en"]),
                row(*cross, m, 0.025, **CELLS),
                row(*cross, m, 0.03, query_lang="de", doc_lang="de"),
            ],
            "recall": [
                row("index_recall", "all", "recall@10", 0.9876, doc_lang="*"),
                row("index_recall", "all", "recall@100", 0.95, doc_lang="*", ci_low=None, ci_high=None),
            ],
        },
    }


def test_numbers_intervals_and_gaps(scores: dict[str, Any]) -> None:
    lines = to_markdown(index_table(scores)).splitlines()
    assert lines[0] == "**reviews, m: what the index costs (elasticsearch, hnsw, m 16)**"
    none = "–"
    assert f"| mono | 50.0 | 49.0 | +2.0 [+1.0, +3.0] | {none} | {none} |" in lines
    assert "| cross | 40.0 | 37.5 | +2.5 [+1.5, +3.5] | 98.76 [97.76, 99.76] | 95.00 (no CI) |" in lines
    assert f"| true cross, target | 20.0 | 20.0 | {none} | {none} | {none} |" in lines
    assert "monolingual, pool target: loss over the 1 of 2 cells that were exercised." in lines
    assert sum("index not exercised; the server scans" in line for line in lines) == 1


def test_everything_exercised_needs_no_note(scores: dict[str, Any]) -> None:
    scores["index_fidelity"]["exercised"] = {"*": True}
    assert "index not exercised" not in to_markdown(index_table(scores))


def test_it_fits_into_a_narrow_console(scores: dict[str, Any]) -> None:
    console = Console(width=80, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        print_table(console, index_table(scores))
    text = capture.get()
    assert "[97.76, 99.76]" in text and "recall@100" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_run_of_exact_search_has_no_such_table(scores: dict[str, Any]) -> None:
    del scores["index_fidelity"]
    with pytest.raises(UserError, match="no index beside exact search"):
        index_table(scores)


def test_metrics(scores: dict[str, Any]) -> None:
    metrics = read_scores(scores).metrics()
    assert metrics["index/recall@10"] == 0.9876 and metrics["index/recall@10/ci_high"] == pytest.approx(
        0.9976
    )
    assert "index/recall@100" not in metrics, "that one is in scores.json"
    assert metrics["index_loss/mono/accuracy@1"] == 0.02 and metrics["index_loss/cross/accuracy@1"] == 0.025
    assert {name for name in metrics if name.startswith("index") and "ci_" not in name} == {
        "index/recall@10",
        "index_loss/mono/accuracy@1",
        "index_loss/cross/accuracy@1",
    }, "macros of the primary measure"
    assert not any("index" in name for name in read_scores({**scores, "index_fidelity": None}).metrics())


def test_a_run_on_a_server_is_named_by_its_index(scores: dict[str, Any]) -> None:
    named = name_by_index(Evaluation("here", None, scores))  # type: ignore[arg-type]
    assert named.name == "m@elasticsearch-hnsw" == name_by_index(named).name
    exact = Evaluation("there", None, {**scores, "index": {"engine": "exact"}})  # type: ignore[arg-type]
    assert name_by_index(exact).name == "m"
    assert index_words(exact.scores["index"]) == "exact"
