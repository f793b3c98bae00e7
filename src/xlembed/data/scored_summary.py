"""A set of scored texts in numbers, for people and for scripts."""

from __future__ import annotations

from collections import Counter

from xlembed.data.scored import Part, ScoredKind, ScoredSet, score_array
from xlembed.data.summary import Summary, card_fields
from xlembed.files import Record
from xlembed.words import Lang, counted


class LargestDocument(Record):
    """The document with most texts."""

    document: str
    texts: int


class DimensionSummary(Record):
    """A dimension and its scores."""

    name: str
    description: str
    low: float | None
    high: float | None
    mean: float
    sd: float
    min: float
    max: float

    @property
    def scale(self) -> str:
        """Its ends in words."""
        ends = ["" if end is None else f"{end:g}" for end in (self.low, self.high)]
        return " to ".join(ends) if any(ends) else "not said"


class ScoredSummary(Summary):
    """Card, sizes, scores per dimension and notes of a set."""

    kind: ScoredKind
    texts: int
    documents: int
    largest_document: LargestDocument
    per_language: dict[Lang, int]
    split: dict[Part, int] | None
    without_part: int
    torn_documents: int
    dimensions: tuple[DimensionSummary, ...]

    def text(self) -> str:
        """As lines."""
        largest = self.largest_document
        languages = ", ".join(f"{lang} {n:,}" for lang, n in self.per_language.items())
        more = f" (largest: {largest.document}, {largest.texts:,} texts)" if largest.texts > 1 else ""
        parts = [f"{part} {n:,}" for part, n in (self.split or {}).items()]
        parts += [f"none {self.without_part:,}"] * bool(self.without_part)
        split = ", ".join(parts) if self.split else "none published"
        torn = f"; tears {counted(self.torn_documents, 'document')} apart" if self.torn_documents else ""
        first = [
            f"  kind        {self.kind}",
            f"  texts       {self.texts:,} ({languages})",
            f"  documents   {self.documents:,}{more}",
            f"  split       {split}{torn}",
        ]
        return self.framed(first, self._table())

    def _table(self) -> list[str]:
        width = max(len("dimension"), *(len(d.name) for d in self.dimensions))
        if self.kind is ScoredKind.LABELS:
            lines = [f"  {'dimension':<{width}}  share of 1"]
            return lines + [f"  {d.name:<{width}} {d.mean:>11.3f}" for d in self.dimensions]
        lines = [f"  {'dimension':<{width}}     mean       sd      min      max  scale"]
        for d in self.dimensions:
            numbers = " ".join(f"{number:>8.3g}" for number in (d.mean, d.sd, d.min, d.max))
            lines.append(f"  {d.name:<{width}} {numbers}  {d.scale}")
        return lines


def summarise_scored(found: ScoredSet) -> ScoredSummary:
    """Equal for equal sets."""
    documents = Counter(text.document for text in found.texts)
    largest, n_largest = documents.most_common(1)[0]
    languages = Counter(text.lang for text in found.texts)
    parts = Counter(text.split for text in found.texts)
    # Documents of the published split and the parts that their texts are in.
    placed = Counter(document for document, _ in {(t.document, t.split) for t in found.texts if t.split})
    return ScoredSummary(
        **card_fields(found),
        kind=found.kind,
        texts=len(found.texts),
        documents=len(documents),
        largest_document=LargestDocument(document=largest, texts=n_largest),
        per_language={lang: languages[lang] for lang in found.languages},
        split={part: parts[part] for part in Part if parts[part]} or None,
        without_part=parts[None],
        torn_documents=sum(n_parts > 1 for n_parts in placed.values()),
        dimensions=tuple(
            DimensionSummary(
                **vars(dimension),
                **{"mean": column.mean(), "sd": column.std(), "min": column.min(), "max": column.max()},
            )
            for dimension, column in zip(found.dimensions, score_array(found.texts).T, strict=True)
        ),
    )
