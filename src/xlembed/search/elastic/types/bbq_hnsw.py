"""A graph over vectors of one bit per dimension and corrections of 14 bytes, rescored by default."""

from xlembed.search.elastic.index_type import IndexType

OVERSAMPLE = 3.0
"""What the servers' own default is; written out because not every version has it."""


def unfit(dims: int) -> str:
    """Few bits tell too little."""
    if dims < 64:
        return f"index.type bbq_hnsw needs at least 64 dimensions, the vectors have {dims}; use int8_hnsw"
    return ""


TYPE = IndexType(
    place=4,
    colour="#D55E00",
    marker="D",
    quantised_bytes=lambda dims: dims // 8 + 14,
    default_oversample=OVERSAMPLE,
    mapping={"rescore_vector": {"oversample": OVERSAMPLE}},
    unfit=unfit,
)
