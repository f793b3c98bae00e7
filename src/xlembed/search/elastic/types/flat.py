"""No graph: every vector is compared."""

from xlembed.search.elastic.index_type import IndexType

TYPE = IndexType(place=5, colour="#444444", marker="*", graph=False)
