"""All remedies that fit a model and a corpus, out of the registries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xlembed.data.loading import open_task
from xlembed.paradox.subjects import is_of_scores, plan_subjects, variants_of
from xlembed.settings import ParadoxSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]
ON_SCORES = ["interleave", "local5", "quota2", "z50"]  # two of each ten from six languages


def workspace(*variants: str) -> Workspace:
    return Workspace(Settings(paradox=ParadoxSettings(variants=variants)), REPOSITORY)


def test_auto_is_every_remedy_that_fits() -> None:
    here = workspace("dim64", "auto")
    task = open_task(here, "reviews_sample")
    found = variants_of(open_model(here, "static_multilingual"), task, here)
    shift = "shift-shop_translations"
    on_vectors = ["abtt3", "center", "lir1", shift]
    assert found == ["dim64", *on_vectors, *ON_SCORES, "center+interleave", f"{shift}+interleave"]
    assert variants_of(open_model(here, "bm25"), task, here) == ["dim64", *ON_SCORES]
    few = replace(task, documents=task.documents[:14])  # one fewer than three components need
    assert "abtt3" not in variants_of(open_model(here, "static_multilingual"), few, here)


def test_a_model_without_vectors_has_the_remedies_that_change_none() -> None:
    here = workspace("center", "interleave", "translated+local5")
    subjects, notes = plan_subjects(["bm25"], open_task(here, "reviews_sample"), here)
    assert [s.name for s in subjects] == ["bm25", "bm25+interleave", "bm25+translated+local5"]
    assert notes == ["bm25 has no vectors, so there is no +center of it"]
    assert not is_of_scores("center+interleave")


def test_without_a_question_in_two_languages_there_is_nothing_to_test() -> None:
    task = open_task(here := workspace("center"), "reviews_sample")
    apart = replace(task, queries=tuple(replace(q, need_id=q.query_id) for q in task.queries))
    with pytest.raises(UserError, match="no question is asked in two languages"):
        plan_subjects(["bm25"], apart, here)
