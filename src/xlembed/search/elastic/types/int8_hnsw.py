"""A graph over vectors of one byte per dimension and a correction of 4 bytes."""

from xlembed.search.elastic.index_type import IndexType

TYPE = IndexType(place=2, colour="#009E73", marker="s", quantised_bytes=lambda dims: dims + 4)
