"""Sentences beside their translations: what MTEB mines bitexts in becomes a parallel task."""

from __future__ import annotations

from collections.abc import Iterator

from xlembed.data.checks import Place
from xlembed.data.importers.tatoeba import add_sentences
from xlembed.data.public.entry import Part
from xlembed.data.public.source import Source
from xlembed.data.reading import Rows
from xlembed.data.task import Alignment
from xlembed.words import UserError

ROWS = Part(config=("{subset}", "default"), columns={"first": ("sentence1",), "second": ("sentence2",)})


def read(source: Source) -> Rows:
    """The first sentence is in the chosen language, the second in the entry's pivot."""
    pairs = {lang: list(_sentences(source, subset)) for lang, subset in source.chosen.items()}
    several = len(pairs) > 1  # each language has English sentences of its own then
    rows = Rows(source.card(Alignment.COMPARABLE if several else None), source.problems)
    for lang, found in pairs.items():
        first, second = ([(place, pair[side]) for place, pair in found] for side in (0, 1))
        add_sentences(rows, {lang: first, str(source.entry.pivot): second}, f"{lang}-" if several else "")
    return rows


def _sentences(source: Source, subset: str) -> Iterator[tuple[Place, tuple[str, str]]]:
    """Those of a subset, which has a configuration of its own, or a word in the column `lang`."""
    part = source.entry.part("rows", ROWS)
    seen: dict[object, None] = {}
    n = 0
    own = subset if subset in source.repository().configs else ""
    for row in source.rows(part, ("first", "second"), ("lang",), subset=own):
        seen[row.values.get("lang")] = None
        first, second = row.text("first"), row.text("second")
        if row.values.get("lang") in (None, subset) and first is not None and second is not None:
            n += 1
            yield row.place, (first, second)
    if not n:
        raise UserError(f"{source.entry.name}: no rows of {subset!r}; there are {', '.join(map(str, seen))}")
