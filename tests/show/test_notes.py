"""What must be said of a model's weights stands below every kind of table."""

from __future__ import annotations

import copy
import io
from typing import Any

from rich.console import Console

from analyse.test_analysis_figures import analysis
from fakes.document_fakes import guide, inputs
from probe.probe_fakes import fake
from xlembed.analyse.tables import analysis_markdown
from xlembed.cli.console import print_table
from xlembed.guide.tables import notes as guide_notes
from xlembed.paradox.grids import model_notes
from xlembed.probe.document import probe_tables
from xlembed.report.assemble import assemble
from xlembed.show.content import Grid
from xlembed.show.notes import note_lines, notes_of

FOUR = "4-bit weights"


def test_tables_of_an_analysis() -> None:
    found = analysis(weights=FOUR)
    assert f"{found.model}: {FOUR}." in analysis_markdown([found])
    assert FOUR not in analysis_markdown([analysis()])


def test_tables_of_probes() -> None:
    found = fake()
    report = copy.deepcopy(found.report)
    for system in report["systems"]:
        if system["model"] == "e5_small":
            system["weights"] = FOUR
    console = Console(record=True, width=120, file=io.StringIO())
    for table in probe_tables(report, found.timings):
        print_table(console, table)
    assert f"e5_small: {FOUR}." in console.export_text()


def test_the_guide_and_the_paradox() -> None:
    said = {"q4": [FOUR]}
    assert guide_notes(guide(("q4", "b"), why="", weights={}, model_notes=said))[-1] == f"q4: {FOUR}."
    assert model_notes({"models": [{"model": "q4", "notes": [FOUR]}, {"model": "b", "notes": []}]}) == said


def test_the_report() -> None:
    whole = inputs()
    scores = [{**s, "weights": FOUR} if s["model"] == "bge_m3" else s for s in whole.scores]
    comparison = {**(whole.comparison or {}), "model_notes": {"bge_m3": [FOUR]}}
    document = assemble(inputs(scores=scores, comparison=comparison))
    grids = [document.headline, *(b for p in document.parts for b in p.blocks if isinstance(b, Grid))]
    told = {g.key for g in grids if f"bge_m3: {FOUR}." in g.notes}
    assert {"headline", "languages", "tests", "groups"} <= told
    assert f"bge_m3: {FOUR}." in document.limitations


def test_what_is_made_of_right_documents_in_other_languages_is_said_unless_they_are_taken_out() -> None:
    book = {"task": "t", "model": "m", "languages": ["de"], "primary_measure": "accuracy@1", "scores": []}
    for setting, said in (
        ("ignore", []),
        (
            "wrong",
            [
                "m: right documents in other languages than the answer's count as wrong (other_versions: wrong)."
            ],
        ),
        ("relevant", ["m: right documents in all languages count as right (other_versions: relevant)."]),
    ):
        assert note_lines(notes_of([{**book, "evaluate": {"other_versions": setting}}])) == said


def test_averages_over_few_clusters_are_said_to_have_narrow_intervals() -> None:
    def cell(b: str | None, n: int, ends: float | None, cells: list[str] | None = None) -> dict[str, Any]:
        where = {
            "kind": "monolingual",
            "pool": "target",
            "query_lang": b,
            "doc_lang": b,
            "cells": cells or [],
        }
        counts = {"n_units": n, "n_needs": n, "n_clusters": n}
        return {**where, "measure": "accuracy@1", "value": 0.5, "ci_low": ends, "ci_high": ends, **counts}

    def said(n: int, ends: float | None) -> str:
        rows = [cell("de", 40, 0.5), cell("ko", n, None), cell(None, 40, ends, ["de->de", "ko->ko"])]
        book = {"task": "t", "model": "m", "languages": ["de", "ko"], "primary_measure": "accuracy@1"}
        return "".join(note_lines(notes_of([{**book, "scores": rows}])))

    assert said(3, 0.5) == (
        "m: intervals of averages are too narrow: fewer than 10 clusters of questions stand behind ko (3), which count "
        "as much as the others."
    )
    assert said(10, 0.5) == said(3, None) == ""
