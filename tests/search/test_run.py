from __future__ import annotations

import gzip
from pathlib import Path

import ir_measures
import pytest

from xlembed.search.run import read_trec, write_trec
from xlembed.words import UserError

RUN = {"q1": ["d9", "d10", "dB"], "q2": ["d1"]}


def test_round_trip_and_what_other_tools_read(tmp_path):
    path = tmp_path / "x.trec"
    write_trec(RUN, path, "model+dim64")
    assert read_trec(path) == RUN
    assert path.read_text().splitlines()[1] == "q1 Q0 d10 2 -2 model+dim64"
    theirs = list(ir_measures.read_trec_run(str(path)))
    # by score, their order is ours although the ids sort otherwise
    assert [d.doc_id for d in sorted(theirs, key=lambda d: -d.score) if d.query_id == "q1"] == RUN["q1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1 Q0 d1 1 0.5", r"x\.trec:2: expected 6 fields .* found 5"),
        ("q1 Q0 d1 1 high t", r"x\.trec:2: score 'high'"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    path = tmp_path / "x.trec"
    path.write_text("q1 Q0 d0 1 -1 t\n" + line + "\n")
    with pytest.raises(UserError, match=message):
        read_trec(path)


def test_ties_in_a_foreign_run_go_by_id(tmp_path):
    path = tmp_path / "x.trec"
    path.write_text("q1 Q0 b 1 0.5 t\nq1 Q0 a 2 0.5 t\nq1 Q0 c 3 0.9 t\n")
    assert read_trec(path) == {"q1": ["c", "a", "b"]}


def test_a_packed_run_is_the_same_and_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    run = {"q1": ["d2", "d1"], "q2": ["ü"]}
    for name in ("a.trec.gz", "b.trec.gz"):
        write_trec(run, tmp_path / name, "tag")
    write_trec(run, tmp_path / "a.trec", "tag")
    assert read_trec(tmp_path / "a.trec.gz") == read_trec(tmp_path / "a.trec") == run
    assert (tmp_path / "a.trec.gz").read_bytes() == (tmp_path / "b.trec.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.trec.gz").read_bytes()) == (tmp_path / "a.trec").read_bytes()
