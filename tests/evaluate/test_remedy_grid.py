"""What a remedy changes: which models are a remedy of which, and what stands beside whom."""

from __future__ import annotations

from fakes.report_fakes import scores
from xlembed.evaluate.remedy_grid import remedy_grid
from xlembed.stats.scorebook import ScoreBook, read_scores


def book(model: str, labels: dict[str, str] | None = None) -> ScoreBook:
    return read_scores(scores(model, measures=("accuracy@1", "accuracy@10"), labels=labels))


def test_smaller_vectors_are_no_remedy() -> None:
    for suffix in ("dim64", "dim64+bf16", "max128+fp16"):
        assert remedy_grid([book("m"), book(f"m+{suffix}")], []) is None
    grid = remedy_grid([book("m"), book("m+interleave"), book("m+dim64")], [])
    assert grid is not None and len(grid.rows) == 3
    assert [note.partition(",")[0] for note in grid.notes[1:]] == ["m+interleave beside m"]
    mixed = remedy_grid([book("m+dim64"), book("m+dim64+center")], [])
    assert mixed is not None and mixed.notes[1].startswith("m+dim64+center beside m+dim64,")


def test_a_label_stands_beside_the_numbers() -> None:
    labels = {"de": "English-only model"}
    grid = remedy_grid([book("m"), book("m+interleave"), book("english", labels=labels)], [])
    assert grid is not None and grid.heads[-1].text == "label"
    assert [row.cells[-1].text for row in grid.rows] == ["", "", "English-only model (de)"]
    assert grid.notes[0].endswith("A labelled row is invalid for a decision.")


def test_a_difference_that_leaves_languages_out_says_so() -> None:
    labels = {"de": "English-only model"}
    difference = {
        **{
            "kind": "cross_lingual",
            "pool": "all",
            "measure": "accuracy@10",
            "query_lang": None,
            "doc_lang": None,
        },
        **{"a": "m", "b": "m+interleave", "difference": 0.02, "ci_low": 0.01, "ci_high": 0.03},
    }
    for given, said in ((labels, "(over the languages that both cards have −2.0 "), (None, "(−2.0 ")):
        grid = remedy_grid([book("m", given), book("m+interleave", given)], [difference])
        assert grid is not None and said in grid.notes[1]
