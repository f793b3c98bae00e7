"""A graph over the vectors themselves (Malkov & Yashunin 2016, HNSW)."""

from xlembed.search.elastic.index_type import IndexType

TYPE = IndexType(place=1, colour="#0072B2", marker="o")
