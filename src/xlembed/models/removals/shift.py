"""Subtracts what sets a language apart in parallel texts: the mean of e(x in the language) - e(x in the pivot).

Fitted on a set of translations that is not the task, so that nothing of the task is seen: per-language offsets,
arXiv:2606.18801. A language without pairs is left as it is.
"""

from __future__ import annotations

from xlembed.models.removal import Method
from xlembed.models.removals.center import fit  # the mean, here of the differences

METHOD = Method(
    "shift", "+shift-PAIRS", fit, components=0, by_language=True, source="arXiv:2606.18801", on_pairs=True
)
