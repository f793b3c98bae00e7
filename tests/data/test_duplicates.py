from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xlembed.data.building import merge_identical
from xlembed.data.task import Document, Merge

_documents = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["", "T"]), st.sampled_from(["de", "en"])), max_size=12
).map(lambda rows: [Document(f"d{i}", text, lang, title) for i, (text, title, lang) in enumerate(rows)])


@st.composite
def _judged(draw: st.DrawFn) -> tuple[list[Document], dict[str, dict[str, int]]]:
    documents = draw(_documents)
    if not documents:
        return documents, {}
    grades = st.dictionaries(st.sampled_from([d.doc_id for d in documents]), st.integers(0, 3), max_size=8)
    return documents, draw(st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), grades))


@given(_judged())
def test_judgements_are_united_and_none_is_lost(
    judged: tuple[list[Document], dict[str, dict[str, int]]],
) -> None:
    documents, qrels = judged
    merged = merge_identical(documents, qrels)

    contents = [(d.lang, d.title, d.text) for d in merged.documents]
    assert len(set(contents)) == len(contents)
    assert set(contents) == {(d.lang, d.title, d.text) for d in documents}
    by_id = {d.doc_id: d for d in documents}
    order = [d.doc_id for d in documents]
    assert [d.doc_id for d in merged.documents] == [
        i for i in order if i in {d.doc_id for d in merged.documents}
    ]

    kept_for = {d.doc_id: d.doc_id for d in merged.documents} | {m.doc_id: m.kept for m in merged.merges}
    assert kept_for.keys() == by_id.keys()
    for doc_id, kept in kept_for.items():
        one, other = by_id[doc_id], by_id[kept]
        assert (one.lang, one.title, one.text) == (other.lang, other.title, other.text)
        assert order.index(kept) <= order.index(doc_id)

    assert merged.qrels.keys() == qrels.keys()
    for query_id, docs in qrels.items():
        for doc_id, grade in docs.items():
            assert merged.qrels[query_id][kept_for[doc_id]] >= grade
        for kept, grade in merged.qrels[query_id].items():
            assert grade in [g for d, g in docs.items() if kept_for[d] == kept]


def test_counted_by_hand() -> None:
    documents = [
        Document("d1", "x", "de"),
        Document("d2", "x", "de"),
        Document("d3", "x", "en"),
        Document("d4", "x ", "de"),
    ]
    merged = merge_identical(documents, {"q": {"d2": 1, "d3": 1}, "r": {"d1": 1, "d2": 2}})
    assert [d.doc_id for d in merged.documents] == ["d1", "d3", "d4"]
    assert merged.merges == (Merge("d2", "d1"),)
    assert merged.qrels == {"q": {"d1": 1, "d3": 1}, "r": {"d1": 2}}
    assert merged.notes[1] == "1 judgement of identical documents had unequal grades: the highest is kept"
    assert merged.notes[2] == "1 document differs from another one only in white space around it: kept apart"


def test_nothing_to_merge() -> None:
    assert merge_identical([], {}).documents == ()
    merged = merge_identical([Document("d1", "x", "de")], {"q": {}})
    assert (merged.qrels, merged.merges, merged.notes) == ({"q": {}}, (), ())
