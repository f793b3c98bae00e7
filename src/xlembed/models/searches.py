"""The part of a model's name that says how it is searched: +hybrid, +mix0.7, +translated, +interleave, +rerank-SLOW."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xlembed.models.rescoring import methods
from xlembed.words import UserError

HYBRID = "hybrid"
MIX = "mix"
ALPHA = 0.7
"""Share of the vectors in `+mix`."""
TRANSLATED = "translated"
RERANK = "rerank"
RERANKED = 100
"""Documents that are ranked anew unless the name says otherwise."""
SPELLINGS = (
    f"+{HYBRID}",
    f"+{MIX}A (0 < A < 1)",
    f"+{TRANSLATED}",
    *(method.spelling for method in methods().values()),
    f"+{RERANK}-SLOW or +{RERANK}N-SLOW, which comes last",
)


@dataclass(frozen=True)
class Rerank:
    """A slower model that ranks the best documents anew.

    Attributes:
        model: its name, variation included.
        depth: documents per query that it ranks.
    """

    model: str
    depth: int = RERANKED

    @property
    def suffix(self) -> str:
        """As it stands in a name, without the plus sign; the usual depth is left out."""
        return f"{RERANK}{'' if self.depth == RERANKED else self.depth}-{self.model}"


def parse_alpha(suffix: str) -> float | None:
    """Share of the vectors, if the suffix is a `+mix`; None if it is another one.

    Raises:
        UserError: it is one, but the share is no number between 0 and 1.

    Example:
        >>> parse_alpha("mix0.25"), parse_alpha("mix"), parse_alpha("hybrid")
        (0.25, 0.7, None)
    """
    found = re.fullmatch(rf"{MIX}([0-9.]*)", suffix)
    if found is None:
        return None
    if not found[1]:
        return ALPHA
    alpha = float(found[1]) if re.fullmatch(r"0?\.[0-9]{1,3}", found[1]) else 0.0
    if not 0 < alpha < 1:
        raise UserError(
            f"'+{suffix}': the share of the vectors is a number between 0 and 1 such as +{MIX}{ALPHA} (0 would be bm25 "
            "alone, 1 the model alone)"
        )
    return alpha


def split_rerank(spec: str) -> tuple[str, Rerank | None]:
    """The fast model's name, and what ranks its documents anew; all behind `+rerank-` belongs to the slow one.

    Raises:
        UserError: `+rerank` names no model, or there are two.

    Example:
        >>> split_rerank("bm25+rerank50-bge_m3+dim64")
        ('bm25', Rerank(model='bge_m3+dim64', depth=50))
    """
    fast, sign, rest = spec.partition(f"+{RERANK}")
    if not sign:
        return spec, None
    found = re.fullmatch(r"([1-9][0-9]*)?-([A-Za-z0-9._+-]+)", rest)
    if found is None or f"+{RERANK}" in rest:
        raise UserError(
            f"{spec!r}: expected FAST+{RERANK}-SLOW (or FAST+{RERANK}50-SLOW), SLOW being a name of the catalogue or "
            "an entry of `models:` in params.yaml, with its own suffixes if any"
        )
    return fast, Rerank(found[2], int(found[1] or RERANKED))
