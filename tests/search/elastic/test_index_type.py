"""Types of vector indices and engines are files: what each decides, and one more of each from outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.elastic.material import source, spec
from xlembed.search import engines
from xlembed.search.elastic import types
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.index_type import find_type, type_names
from xlembed.search.elastic.layout import VECTOR, bytes_needed, check_fits, oversample_of
from xlembed.search.engine import find_engine
from xlembed.settings import IndexSettings
from xlembed.tune_index.grid import parse_grid
from xlembed.words import UserError

INT2 = """
from xlembed.search.elastic.index_type import IndexType

TYPE = IndexType(place=9, colour="#111111", marker="x", quantised_bytes=lambda dims: dims // 4, mapping={"bits": 2},
                 unfit=lambda dims: "too few" if dims < 4 else "")
"""
NOWHERE = """
from dataclasses import replace

from xlembed.search.engines.exact import ENGINE as EXACT

ENGINE = replace(EXACT, exact=lambda settings: False, describe=lambda settings: {"place": "nowhere"})
"""


def test_types_stand_in_one_order_and_each_says_what_it_needs() -> None:
    assert type_names() == ("hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw", "flat")
    what = source(10, 64)
    memory = {
        name: bytes_needed(spec(what, "room", IndexSettings(type=name, m=4)), 0, source_holds_vectors=False)[
            1
        ]
        for name in type_names()
    }
    graph = 10 * 4 * 4
    assert memory == {
        "hnsw": 10 * 64 * 4 + graph,
        "int8_hnsw": 10 * 68 + graph,
        "int4_hnsw": 10 * 36 + graph,
        "bbq_hnsw": 10 * 22 + graph,
        "flat": 10 * 64 * 4,
    }


@pytest.mark.parametrize("dims", [63, 64])
def test_the_least_dimensions_of_bits(dims: int) -> None:
    asked = IndexSettings(type="bbq_hnsw")
    if dims == 64:
        check_fits(asked, dims)
    else:
        with pytest.raises(UserError, match="at least 64"):
            check_fits(asked, dims)


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(UserError, match=r"'hnsv' is none of hnsw, .*Did you mean 'hnsw'"):
        find_type("hnsv")


def test_a_type_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "int2_hnsw.py").write_text(INT2)
    monkeypatch.setattr(types, "__path__", [*types.__path__, str(tmp_path)])
    asked = IndexSettings(engine="elasticsearch", type="int2_hnsw", m=4, oversample=2)
    with pytest.raises(UserError, match="too few"):
        check_fits(asked, 3)
    assert oversample_of(asked) == 2
    made = spec(source(10, 64), "outside", asked)
    options = made.mapping()["properties"][VECTOR]["index_options"]
    assert options == {"type": "int2_hnsw", "bits": 2, "m": 4, "ef_construction": 100}
    assert bytes_needed(made, 0, source_holds_vectors=False)[1] == 10 * 16 + 10 * 4 * 4
    grid = parse_grid(
        types="int2_hnsw", m="4", num_candidates="20", oversample="0,3", force_merge="after", base=asked
    )
    assert [s.name for s in grid.settings()] == ["int2_hnsw m4 c20 o0 merged", "int2_hnsw m4 c20 o3 merged"]
    index = ElasticIndex(None, "x", [], [], np.empty((0, 4)), type="int2_hnsw", num_candidates=20)  # type: ignore[arg-type]
    assert not index.exact


def test_an_engine_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Input should be 'elasticsearch' or 'exact'"):
        IndexSettings(engine="nowhere")
    (tmp_path / "nowhere.py").write_text(NOWHERE)
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    asked = IndexSettings(engine="nowhere")
    engine = find_engine(asked)
    assert not engine.exact(asked) and engine.describe(asked) == {"place": "nowhere"}
