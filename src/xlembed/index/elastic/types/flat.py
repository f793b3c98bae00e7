"""No graph: every vector is compared."""

from xlembed.index.elastic.index_type import IndexType

TYPE = IndexType(place=5, colour="#444444", marker="*", graph=False)
