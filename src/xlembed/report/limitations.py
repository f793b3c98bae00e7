"""What the results cannot say, as far as it follows from the task and the runs themselves."""

from __future__ import annotations

from collections.abc import Iterator

from xlembed.report.inputs import Inputs
from xlembed.show.notes import note_lines, notes_of
from xlembed.show.text import count_text
from xlembed.stats.scorebook import label_text
from xlembed.stats.scores import FEW_CLUSTERS, MIN_CLUSTERS
from xlembed.words import OtherVersions, counted

SMALL_POOL = 10_000
"""Documents of a pool under which accuracy says little about a large index."""


def limitations(inputs: Inputs) -> tuple[str, ...]:
    """One line per limitation, the gravest kind first."""
    return (
        *_clusters(inputs),
        *_alignment(inputs),
        *_pools(inputs),
        *_labels(inputs),
        *_runs(inputs),
        f"One task: on texts unlike those of {inputs.name} the order of the models may be another one.",
    )


def _clusters(inputs: Inputs) -> Iterator[str]:
    counts = {e.n_clusters for book in inputs.books for e in book.cells.values()}
    if not counts:
        return
    most, least = max(counts), min(counts)
    if most < MIN_CLUSTERS:
        few = counted(most, "cluster")
        yield f"Only {few} of questions: too few for any interval; every number is descriptive."
    elif most < FEW_CLUSTERS:
        yield (
            f"{most} clusters of questions at most: below {FEW_CLUSTERS} nothing is promised of intervals, and only "
            "large differences can be shown."
        )
    elif least < FEW_CLUSTERS:
        yield (
            f"Single languages and pairs rest on as few as {least} clusters of questions: they are descriptive only; "
            f"averages rest on up to {most:,}."
        )
    else:
        yield f"Everything rests on {count_text(counts)} clusters of questions, which intervals and tests resample."


def _alignment(inputs: Inputs) -> Iterator[str]:
    if inputs.task.alignment == "parallel":
        ignored = inputs.books[0].evaluate.other_versions is OtherVersions.IGNORE
        yield (
            "A parallel task: every document exists in every language"
            f"{', and other versions of the answer are taken out before scoring' if ignored else ''}. Real collections "
            "are seldom parallel, and translated text is easier to align than text that was written in each language."
        )
    else:
        yield (
            "A comparable task: each document exists in one language. Documents of different languages differ in topic "
            "and difficulty too, so scores of different languages are not comparable with each other, and what looks "
            "like separation of languages may be separation of topics."
        )


def _pools(inputs: Inputs) -> Iterator[str]:
    sizes = [of.documents for of in inputs.task.per_language.values()]
    total = inputs.task.documents
    if total < SMALL_POOL:
        yield (
            f"Small pools: {count_text(sizes)} documents per language and {total:,} in all. Every score falls as an "
            "index grows, for some models faster than for others."
        )
    if sizes and max(sizes) > 2 * max(1, min(sizes)):
        yield (
            f"Languages differ in their number of documents ({min(sizes):,} to {max(sizes):,}): with pool = target, "
            "smaller languages are easier."
        )
    cut = {n for book in inputs.books if (n := book.corpus.max_documents_per_language) is not None}
    if cut:
        yield f"The corpus was cut to {', '.join(map(str, sorted(cut)))} documents per language (judged ones are kept)."


def _labels(inputs: Inputs) -> Iterator[str]:
    nobody = [lang for lang in inputs.books[0].languages if all(lang in b.labels for b in inputs.books)]
    if nobody:
        yield f"No model here has {', '.join(nobody)}: the verdicts are about the other languages."
    for book in inputs.books:
        if book.labels:
            yield (
                f"{book.model}: {label_text(book.labels, book.languages)}. Its numbers there carry this label, "
                "are invalid for a decision, and enter no test and no verdict."
            )


def _runs(inputs: Inputs) -> Iterator[str]:
    yield from note_lines(notes_of(inputs.books))
    for book in inputs.books:
        if empty := sum(book.empty_queries.values()):
            yield f"{book.model}: {counted(empty, 'query finds', 'queries find')} nothing at all."
        if book.index_fidelity is not None:
            yield f"{book.model} was searched through an approximate index; what that costs stands in its own run."
    lost = {len(book.queries_without_relevant) for book in inputs.books}
    if max(lost, default=0):
        yield f"{count_text(lost)} queries have no relevant document and are in no score."
    yield from (f"Of the data: {note}" for note in inputs.task.notes)
