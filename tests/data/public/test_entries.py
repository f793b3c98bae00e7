"""Every entry of the catalogue, against a Hub on this machine that serves tiny files in its layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.public.rows import QUESTIONS, TEXTS, chosen, repositories
from hub_stub import Hub
from xlembed.data.importing import Imported
from xlembed.data.loading import load_task
from xlembed.data.pairs import load_pairs
from xlembed.data.public.entry import public_sets
from xlembed.data.public.importing import Wish, import_public


@pytest.mark.parametrize("name", public_sets())
def test_an_entry_reads_its_layout(name: str, hub: Hub, tmp_path: Path) -> None:
    entry = public_sets()[name]
    if entry.held_out:  # of two questions one
        entry = entry.model_copy(update={"held_out": 0.5})
    for repo, configs in repositories(entry).items():
        hub.write_rows(repo, configs, "parquet" if entry.layout in ("std", "joined") else "jsonl")
    langs = chosen(entry)
    found = import_public(entry, Wish(langs=langs, accepted=True), data_dir=tmp_path)
    assert found
    for one in found:
        if not isinstance(one, Imported):
            again = load_pairs(one.name, tmp_path)
            assert again.kind is entry.kind and again.rows and again.licence == entry.licence
            assert {row[f"{again.columns[-1]}_lang"] for row in again.rows} == set(langs)
            continue
        task = load_task(one.handle, tmp_path)
        pivot = {entry.pivot} if entry.pivot else set()
        assert set(task.languages) == {*langs, *pivot} and task.licence == entry.licence
        assert task.source.startswith(f"{entry.hub_id}@{entry.revision or '0123456789abcdef'}")
        known = {text for several in (*TEXTS.values(), *QUESTIONS.values()) for text in several}
        for lang in langs:
            assert [d.text for d in task.documents if d.lang == lang and d.text in known]
            asked = [q for q in task.queries if q.lang == lang]
            assert asked and all(max(task.qrels[q.query_id].values()) == 1 for q in asked)
