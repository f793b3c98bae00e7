"""Merged rankings worked by hand, and a way to merge that comes from outside the package as one file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xlembed.models.rescoring import Candidates, methods, parse_rescored
from xlembed.models.rescorings.interleave import fetch
from xlembed.words import UserError

GERMAN, ENGLISH = [0.9, 0.8, 0.7], [0.5, 0.4]


def candidates(*of_langs: list[float]) -> Candidates:
    """One query; ids in the order of the columns."""
    scores = np.array([[s for of in of_langs for s in of]])
    return Candidates(
        scores,
        np.arange(scores.shape[1])[None],
        np.repeat(np.arange(len(of_langs)), list(map(len, of_langs))),
        np.concatenate([np.arange(1, len(of) + 1) for of in of_langs]),
    )


def rescored(name: str, found: Candidates) -> list[float]:
    asked = parse_rescored(name)
    assert asked is not None
    return [round(float(s), 4) for s in asked.method.rescore(found, asked.number)[0]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("interleave", [-1, -3, -5, -2, -4]),  # rank 1 of both, the higher score first, then rank 2 of both
        ("local2", [0.05, -0.05, -0.15, 0.05, -0.05]),  # levels 0.85 and 0.45
        ("local", [0.1, 0.0, -0.1, 0.05, -0.05]),  # fewer than five: the mean of what there is
        ("z2", [1, -1, -3, 1, -1]),  # both deviations are 0.05
    ],
)
def test_scores_by_hand(name: str, expected: list[float]) -> None:
    assert rescored(name, candidates(GERMAN, ENGLISH)) == expected


def test_at_most_q_of_ten_until_the_other_language_is_exhausted() -> None:
    """Twelve German documents above three English ones: five, three, and two more to fill the ten."""
    found = rescored("quota5", candidates([0.9 - i / 100 for i in range(12)], [0.3, 0.2, 0.1]))
    assert found[:7] == [-1, -2, -3, -4, -5, -9, -10]
    assert found[7:12] == [-11, -12, -13, -14, -15]
    assert found[12:] == [-6, -7, -8]


@pytest.mark.parametrize("name", ["interleave", "local2", "z2", "quota5"])
def test_what_was_not_retrieved_has_no_score_and_changes_none(name: str) -> None:
    whole = rescored(name, candidates(GERMAN, ENGLISH))
    gaps = rescored(name, candidates(GERMAN, [*ENGLISH, -np.inf, -np.inf]))
    assert gaps[:5] == whole
    assert len(gaps) == 7


def test_a_language_in_which_nothing_is_retrieved() -> None:
    for name in ("local", "z", "interleave", "quota5"):
        assert np.isfinite(rescored(name, candidates(GERMAN, [-np.inf]))[:3]).all()


def test_equal_scores_of_a_language_have_no_deviation_to_be_divided_by() -> None:
    assert rescored("z2", candidates([0.5, 0.5], [0.4, 0.3])) == [0, 0, 1, -1]


@pytest.mark.parametrize(
    ("k", "sizes", "depth"),
    [(10, [5, 5], 5), (10, [2, 20, 20], 4), (7, [10, 10, 10], 3), (9, [2, 3], 3), (0, [4], 0)],
)
def test_interleaving_fetches_no_deeper_than_it_must(k: int, sizes: list[int], depth: int) -> None:
    assert fetch(k, 0, sizes) == depth
    assert sum(min(depth, size) for size in sizes) >= min(k, sum(sizes))


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        ("interleave3", "takes no number"),
        ("quota", r"expected \+quotaQ with a whole number from 1"),
        ("z1", r"expected \+zK with a whole number from 2, for example \+z50"),
        ("local0", r"expected \+localK"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(suffix: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_rescored(suffix)


def test_a_quota_must_fill_ten_places() -> None:
    check = methods()["quota"].check
    assert check(5, 2) == "" and check(2, 6) == ""
    assert "take +quota3" in check(2, 4)


RESCORING = """
from xlembed.models.rescoring import Rescoring

RESCORING = Rescoring("reverse", "+reverse", lambda found, number: -found.scores, number=0, source="here")
"""
USE = """
import sys
import xlembed.models.rescorings as rescorings
rescorings.__path__.append(sys.argv[1])
import numpy as np
from xlembed.models.spec import resolve_model
from xlembed.search.base import Hits
from xlembed.search.remedied import merge
ref = resolve_model("static_multilingual+reverse")
hits = Hits(np.array([[0, 1]]), np.array([[0.9, 0.1]]), np.array([0]))
print(ref.slug, merge([hits], ref.variation.rescored, np.arange(2), 2).rows.tolist())
"""


def test_a_rescoring_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "reverse.py").write_text(RESCORING, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", USE, tmp_path], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout == "static_multilingual+reverse [[1, 0]]\n"
