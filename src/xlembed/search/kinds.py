"""Kinds of scores beside those of the modes, and the measures of each: names alone, so that reading scores is quick."""

from __future__ import annotations

from collections.abc import Mapping

K = 10
"""Places that are looked at, where a measure looks at more than the first."""
FIRST_PLACE = ("right_own", "right_other", "wrong_own", "wrong_other", "nothing")
"""What stands first: a right or a wrong document, in the query's own or another language; they sum to 1."""
MEASURES: Mapping[str, tuple[str, ...]] = {
    "preference": ("preference",),
    "first_place": FIRST_PLACE,
    "any_language": ("any_language@1", f"any_language@{K}"),
    "lang_ndcg": (f"lang_nDCG@{K}",),
    "agreement": (f"agreement@{K}",),
    "mrc": (f"MRC@{K}",),
    "peer": (f"PEER@{K}",),
}
"""Kind of a score -> its measures, which are columns of queries.parquet; a query without a value has NaN."""
KIND_OF = {name: kind for kind, names in MEASURES.items() for name in names}
BINARY = frozenset({"preference", "first_place", "any_language"})
"""Kinds whose values are 0 or 1 by definition."""
OF_TRANSLATIONS = frozenset({"agreement", "mrc"})
"""Kinds whose value of one query rests on its need's queries in other languages too."""

FIRST = 10
"""Documents of a ranking of which is asked whether they have a grade."""
JUDGED = f"judged@{FIRST}"
"""Measure: share of the first documents, all languages searched, that have a grade for the query, be it 0."""
SHARE, CONDENSED = "judged_share", "cross_lingual_condensed"
"""Kinds of scores: that share; and cross_lingual on rankings without the unjudged documents ("condensed": Sakai 2007,
"Alternatives to Bpref")."""
