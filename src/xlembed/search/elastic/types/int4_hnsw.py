"""A graph over vectors of half a byte per dimension and a correction of 4 bytes."""

from xlembed.search.elastic.index_type import IndexType


def unfit(dims: int) -> str:
    """Two dimensions share a byte."""
    if dims % 2:
        return f"index.type int4_hnsw needs an even number of dimensions, the vectors have {dims}"
    return ""


TYPE = IndexType(
    place=3,
    colour="#CC79A7",
    marker="^",
    quantised_bytes=lambda dims: dims // 2 + 4,
    mapping={"confidence_interval": 0.0},
    unfit=unfit,
)
