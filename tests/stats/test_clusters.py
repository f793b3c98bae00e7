import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from xlembed.stats.clusters import cluster_needs


def test_needs_that_share_a_document_are_one_cluster():
    found = cluster_needs({"n3": ["d3"], "n2": ["d1", "d2"], "n1": ["d1"]})
    assert found == {"n3": "n3", "n2": "n1", "n1": "n1"}


def test_sharing_is_transitive():
    # a-d1-c, c-d2-b: a chain
    assert cluster_needs({"c": ["d1", "d2"], "a": ["d1"], "b": ["d2"]}) == {"c": "a", "a": "a", "b": "a"}


def test_needs_whose_documents_share_a_group_are_one_cluster():
    groups = {"review1": "shoe", "review2": "shoe", "review3": "hat"}
    found = cluster_needs({"n1": ["review1"], "n2": ["review2"], "n3": ["review3"]}, groups)
    assert found == {"n1": "n1", "n2": "n1", "n3": "n3"}


def test_a_document_and_a_group_of_the_same_name_do_not_connect():
    assert cluster_needs({"n1": ["x"], "n2": ["d"]}, {"d": "x"}) == {"n1": "n1", "n2": "n2"}


def test_an_override_decides_alone():
    needs = {"n1": ["d1"], "n2": ["d1"], "n3": ["d1"], "n4": []}
    found = cluster_needs(needs, overrides={"n2": "article", "n4": "article"})
    assert found == {"n1": "n1", "n2": "article", "n3": "n1", "n4": "article"}


def test_needs_without_documents_stand_alone_and_nothing_gives_nothing():
    assert cluster_needs({"n1": [], "n2": []}) == {"n1": "n1", "n2": "n2"}
    assert cluster_needs({}) == {}


def test_an_override_of_an_unknown_need_is_an_error():
    with pytest.raises(ValueError, match="unknown needs \\['n9'\\]"):
        cluster_needs({"n1": ["d1"]}, overrides={"n9": "x"})


@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=15), st.randoms())
def test_agrees_with_scipy_in_any_order(documents, random):
    needs = {f"n{i:02d}": [f"d{d}" for d in found] for i, found in enumerate(documents)}
    pairs = [(i, len(documents) + d) for i, found in enumerate(documents) for d in found]
    size = len(documents) + 13
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][: len(documents)]
    expected = {need: f"n{list(labels).index(label):02d}" for need, label in zip(needs, labels, strict=True)}
    shuffled = list(needs.items())
    random.shuffle(shuffled)
    assert cluster_needs(needs) == cluster_needs(dict(shuffled)) == expected
