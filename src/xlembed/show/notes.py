"""What must stand beside a model's results: how its vectors came about, and what of the texts it did not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xlembed.search.kinds import CONDENSED, FIRST, JUDGED, SHARE
from xlembed.show.text import model_names, percent
from xlembed.stats.score_rows import Truncation, Truncations
from xlembed.stats.scorebook import CROSS_LINGUAL, MACROS, ScoreBook, read_scores
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.words import Lang, OtherVersions, Pool

SHOWN = 6
"""Languages that a note names, the worst first."""

OTHER_VERSIONS: Mapping[OtherVersions, str] = {
    OtherVersions.WRONG: "right documents in other languages than the answer's count as wrong (other_versions: wrong)",
    OtherVersions.RELEVANT: "right documents in all languages count as right (other_versions: relevant)",
}
"""What these settings make of the modes; by default such documents are taken out of a ranking."""


def postprocessing_note(described: Mapping[str, Any]) -> str:
    """One sentence on how the vectors came about.

    >>> postprocessing_note({"steps": ["lir3"], "by_declared_language": True, "pooled": {"lir3": ["ja"]}})
    "post-processing fitted on this task's documents (transductive), queries by declared language (oracle); \
with statistics of all languages, having too few documents: ja (lir3)"
    """
    pairs = [name.partition("-")[2] for name in described["steps"] if name.startswith("shift-")]
    on_documents = len(described["steps"]) > len(pairs)
    fitted = ["this task's documents (transductive)"] * on_documents + [f"pair set {name}" for name in pairs]
    parts = [f"post-processing fitted on {' and '.join(fitted)}"]
    if described["by_declared_language"]:
        parts.append(", queries by declared language (oracle)")
    if pooled := described["pooled"]:
        parts.append(f"; with statistics of all languages, having too few documents: {_by_step(pooled)}")
    if unpaired := described.get("unpaired"):
        parts.append(f"; left as they are, having no pairs: {_by_step(unpaired)}")
    return "".join(parts)


def _by_step(langs: Mapping[str, Sequence[Lang]]) -> str:
    return "; ".join(f"{', '.join(of)} ({step})" for step, of in langs.items())


def truncation_note(cut: Truncations | None) -> str:
    """One sentence on what is cut off the texts; empty if nothing is.

    >>> en = Truncation(texts=3, texts_cut=2, tokens=900, tokens_lost=400, share_lost=0.444444)
    >>> truncation_note(Truncations(max_tokens=64, documents={"en": en}))
    'texts are cut at 64 tokens: documents en 2 of 3 (44.4 % of all tokens)'
    """
    if cut is None:
        return ""
    kinds = [f"{kind} {found}" for kind, rows in cut.by_kind().items() if (found := _cut_languages(rows))]
    return f"texts are cut at {cut.max_tokens:,} tokens: {'; '.join(kinds)}" if kinds else ""


def _cut_languages(rows: Mapping[Lang, Truncation]) -> str:
    worst = sorted((x for x in rows if rows[x].texts_cut), key=lambda x: -rows[x].share_lost)
    parts = [
        f"{lang} {row.texts_cut:,} of {row.texts:,} ({_share(row.share_lost)} of all tokens)"
        for lang, row in ((lang, rows[lang]) for lang in worst[:SHOWN])
    ]
    return ", ".join([*parts, *([f"and {len(worst) - SHOWN} more languages"] if worst[SHOWN:] else [])])


def _share(share: float) -> str:
    return f"{percent(share)} %" if share >= 0.0005 else "under 0.1 %"


POOL_ALL = "Pool all: right documents in other languages are unjudged and count as wrong."
"""`pool_note` in short, for figures."""


def pool_note(book: ScoreBook) -> str:
    """What numbers with all documents searched are worth where nobody judged other languages; empty elsewhere."""
    share = book.cell(SHARE, Pool.ALL, None, None, JUDGED)
    if share is None:
        return ""
    note = (
        "pool all: languages have different questions, and what other languages have on them is unjudged and counts as "
        "wrong, so cross_lingual is pessimistic; true_cross_lingual needs translated queries. "
        f"{percent(share.value)} % of the first {FIRST} documents are judged"
    )
    wrong, left_out = book.macro(CROSS_LINGUAL), book.cell(CONDENSED, Pool.ALL, None, None)
    if wrong is None or left_out is None:
        return note
    return (
        f"{note}; {book.primary_measure} is {percent(wrong.value)} % with the unjudged wrong, "
        f"{percent(left_out.value)} % with them left out"
    )


def few_note(book: ScoreBook) -> str:
    """Averages with an interval over cells with too few clusters for one of their own; empty where there are none."""
    few: dict[str, int] = {}
    for macro in MACROS:
        found = book.macro(macro)
        for cell in found.cells if found and found.interval else ():
            b, _, a = cell.partition("->")
            row = book.cell(macro.kind, macro.pool, b, a)
            if row and row.n_clusters < MIN_CLUSTERS:
                few[b if a == b else cell] = row.n_clusters
    if not few:
        return ""
    named = [f"{cell} ({n})" for cell, n in list(few.items())[:SHOWN]]
    more = f" and {len(few) - SHOWN} more" if len(few) > SHOWN else ""
    return (
        f"intervals of averages are too narrow: fewer than {MIN_CLUSTERS} clusters of questions stand behind "
        f"{', '.join(named)}{more}, which count as much as the others"
    )


def notes_of(scores: Sequence[Mapping[str, Any] | ScoreBook]) -> dict[str, list[str]]:
    """Model -> what its scores say of its weights, its vectors, the texts it read and what its averages rest on."""
    found = {}
    for book in map(read_scores, scores):
        anew = truncation_note(book.reranker_truncation)
        notes = [
            book.weights,
            OTHER_VERSIONS.get(book.evaluate.other_versions, ""),
            pool_note(book),
            few_note(book),
            *(f"warning: {warning}" for warning in book.warnings),
            book.postprocessing.get("note", ""),
            truncation_note(book.truncation),
            f"re-ranking: {anew}" if anew else "",
        ]
        if notes := [note for note in notes if note]:
            found[book.model] = notes
    return found


def note_lines(notes: Mapping[str, Sequence[str]]) -> list[str]:
    """Model -> notes as lines `MODEL, MODEL: note.`, models with one note together, in the order given."""
    return [f"{line.removesuffix('.')}." for line in said_once(notes)]


def said_once(notes: Mapping[str, Iterable[str]]) -> list[str]:
    """The same lines, without a full stop.

    >>> said_once({"a": ["x"], "b": ["x", "y"]})
    ['a, b: x', 'b: y']
    """
    models: dict[str, list[str]] = {}
    for model, of_model in notes.items():
        for note in of_model:
            models.setdefault(note, []).append(model)
    return [f"{model_names(names)}: {note}" for note, names in models.items()]
