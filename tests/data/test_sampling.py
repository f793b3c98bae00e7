from __future__ import annotations

from xlembed.data.sampling import sample_documents
from xlembed.data.task import Document

DOCUMENTS = [Document(f"{lang}{i}", f"text {i}", lang) for i in range(10) for lang in ("de", "en")]


def test_judged_documents_stay_even_when_they_are_more() -> None:
    judged = {"de1", "de2", "de3", "en9"}
    kept, notes = sample_documents(DOCUMENTS, judged, 2, seed=0)
    ids = [d.doc_id for d in kept]
    assert judged <= set(ids)
    assert sum(i.startswith("de") for i in ids) == 3 and sum(i.startswith("en") for i in ids) == 2
    assert ids == [d.doc_id for d in DOCUMENTS if d.doc_id in ids]
    assert notes == (
        "de: 3 of 10 documents sampled (seed 0), all 3 judged ones among them, more than the 2 asked for",
        "en: 2 of 10 documents sampled (seed 0), all 1 judged ones among them",
    )


def test_a_larger_sample_contains_the_smaller_one() -> None:
    small, _ = sample_documents(DOCUMENTS, {"de0"}, 3, seed=7)
    large, _ = sample_documents(DOCUMENTS, {"de0"}, 6, seed=7)
    assert {d.doc_id for d in small} < {d.doc_id for d in large}


def test_enough_room_changes_nothing() -> None:
    assert sample_documents(DOCUMENTS, set(), 10, seed=0) == (tuple(DOCUMENTS), ())
    assert sample_documents([], set(), 10, seed=0) == ((), ())


def test_as_many_judged_documents_as_asked_for_are_not_more() -> None:
    kept, notes = sample_documents(DOCUMENTS[:6], {"de0", "de1"}, 2, seed=0)
    assert [d.doc_id for d in kept if d.lang == "de"] == ["de0", "de1"]
    assert notes[0] == "de: 2 of 3 documents sampled (seed 0), all 2 judged ones among them"
