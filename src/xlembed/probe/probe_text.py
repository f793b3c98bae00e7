"""What was done and what is not known, for reports of probes."""

from __future__ import annotations

from collections.abc import Iterator

from xlembed.probe.figures_data import FLOOR, ProbeBook
from xlembed.probe.probe_errors import truncation_series
from xlembed.show.text import percent
from xlembed.stats.scores import FEW_CLUSTERS, MIN_CLUSTERS
from xlembed.words import counted

SMALL_LANGUAGE = 30
"""Documents of a language under which its row is descriptive."""


def method_lines(book: ProbeBook) -> tuple[str, ...]:
    """How it was measured, a line each."""
    return (
        _split(book),
        _leakage(book),
        "Systems: a text is embedded once by a model that stays as it is; a probe (ridge, MLP, LightGBM) is fitted on "
        "the vectors of the training part, and whatever is chosen is chosen on the validation part. The test part is "
        "used once. The floor predicts "
        + ("the share of the training part." if book.are_labels else "the mean of the training part."),
        _measures(book),
        "Intervals: 95 %, bootstrap over documents of the test part, the same resamples for all systems; unadjusted. "
        f"Under {MIN_CLUSTERS} documents there is none.",
        f"Tests: two-sided sign flips of the sums of documents, all pairs of systems in {book.primary} over all "
        "texts, Holm over all pairs. Everything by dimension, language, score or length is described, not tested.",
        *_rules(book),
        "Published figures stand in a table of their own and enter no verdict.",
    )


def unknown_lines(book: ProbeBook) -> tuple[str, ...]:
    """What these results cannot say, the gravest first."""
    return (
        *_size(book),
        *_rival(book),
        *_labels(book),
        *_torn(book),
        *_times(book),
        "One split with one seed: another one would move every number by about its interval.",
        f"One set of texts: on texts unlike those of {book.task} the order of the systems may be another one.",
        *book.report.get("notes", ()),
    )


def _split(book: ProbeBook) -> str:
    split = book.report["split"]
    if split["kind"] == "documents":
        shares = " / ".join(percent(x, 0) for x in split["shares"])
        return (
            f"Split: by document, {shares} % for training, validation and test, seed {split['seed']}; texts of one "
            "document are never in two parts."
        )
    return "Split: the published one of this set, kept as it is; texts of one document may be in two parts."


def _leakage(book: ProbeBook) -> str:
    found = book.report.get("leakage") or {}
    n = found.get("n_dropped", 0)
    said = (
        "Leakage: training and validation texts that are near copies of a test text (similarity from "
        f"{found.get('threshold', 'n/a')}) "
    )
    return said + (f"were dropped: {n:,}." if n else "are dropped; there were none.")


def _measures(book: ProbeBook) -> str:
    if book.are_labels:
        return (
            "Measures: F1, precision and recall of the label 1, and accuracy, in %; the threshold of each system and "
            "dimension was chosen on validation."
        )
    return (
        "Measures: MAE, the mean distance from the true score; RMSE, which weighs large errors more; Spearman, "
        "whether the order of the texts is right. MAE and RMSE are in points of the scale."
    )


def _rules(book: ProbeBook) -> Iterator[str]:
    for rule in dict.fromkeys(str(v["rule"]) for v in book.verdicts if v.get("rule")):
        yield f"Rule of the verdicts: {rule}"


def _size(book: ProbeBook) -> Iterator[str]:
    n = book.n_test[1]
    if n < MIN_CLUSTERS:
        yield f"Only {n} test documents: too few for any interval; every number is descriptive."
    elif n < FEW_CLUSTERS:
        yield f"Only {n} test documents: intervals are too narrow below {FEW_CLUSTERS}."
    name = book.systems[0].name if book.systems else ""
    scores = {x: book.score(name, lang=x) for x in book.languages}
    few = [
        f"{x} ({s.n_clusters})" for x, s in scores.items() if s is not None and s.n_clusters < SMALL_LANGUAGE
    ]
    if few and len(book.languages) > 1:
        yield f"Few test documents in {', '.join(few)}: these languages are described only."


def _rival(book: ProbeBook) -> Iterator[str]:
    if book.rival is None:
        yield "No fine-tuned model was trained on this split: whether one would be better is not known."
    else:
        yield (
            f"The rival is one recipe ({book.rival.name}): a larger model or a longer training may do better, so a "
            "verdict is against this rival and no other."
        )


def _labels(book: ProbeBook) -> Iterator[str]:
    for line in book.label_notes():
        yield f"{line.removeprefix('* ').removesuffix(': invalid for a decision.')}: its numbers enter no advice."
    english = [s.model for s in book.systems if s.facts.get("english_only") and not s.label]
    if english:
        names = ", ".join(map(str, dict.fromkeys(english)))
        yield f"English-only, and valid here only since all texts are English: {names}."


def _torn(book: ProbeBook) -> Iterator[str]:
    n = (book.report.get("leakage") or {}).get("torn_documents", 0)
    if n:
        torn = counted(n, "document has", "documents have")
        yield f"{torn} texts in more than one part of the split: errors on the test part look too small."


def _times(book: ProbeBook) -> Iterator[str]:
    untimed = [s.name for s in book.systems if s.kind != FLOOR and book.time(s.name) is None]
    if untimed:
        yield f"Not timed: {', '.join(untimed)}."
    if len(untimed) < len([s for s in book.systems if s.kind != FLOOR]):
        yield "Times are of one machine, one run and this batch size."


def has_study(book: ProbeBook) -> bool:
    """Whether some model comes in several lengths."""
    return bool(truncation_series(book))
