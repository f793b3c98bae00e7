"""Tables of an analysis, and analysis.md with figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from xlembed.analyse import figures as analyses
from xlembed.analyse.result import Analysed, Analysis, Sanity, confounded
from xlembed.evaluate.tables import pictures_markdown, to_markdown, write_page
from xlembed.show.cells import plain_estimate, share_cell
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.figures.registry import write_figures
from xlembed.show.notes import note_lines
from xlembed.show.text import interval_text, percent, plain, plain_interval

HEADS = {
    "silhouette": "silhouette",
    "purity": "purity@{k}, %",
    "expected_purity": "expected, %",
    "purity_excess": "purity excess, points",
    "language_accuracy": "language classifier, %",
}
"""Measure -> head of its column."""
LANGUAGE = ("language",)
UNADJUSTED = "Brackets: 95 % CI, unadjusted; groups of documents resampled."
EXCESS_NOTE = (
    "Purity excess: share of a document's nearest neighbours in its own language, minus that share if languages did "
    "not matter. Separation is a property of the space and no score of quality."
)


def separation_table(reports: Sequence[Analysis]) -> Grid | None:
    """A row per model: means over languages; None if no report has two languages."""
    shown = [r for r in reports if r.separation]
    if not shown:
        return None
    sample, task = shown[0].sample, shown[0].task
    measures = _measures(shown)
    chance = percent(1 / len(sample.languages))
    langs = ", ".join(sample.languages)
    notes = (
        f"{sample.per_language:,} documents of each of {langs}; {sample.n_groups:,} groups. {UNADJUSTED} Classifier: "
        f"linear, cross-validated by group; chance {chance} %.",
        EXCESS_NOTE,
        *confounded(shown),
        *_weights(shown),
    )
    rows = tuple(row(report.model, *(_of(report, m, None) for m in measures)) for report in shown)
    title = f"{task}: how languages are kept apart"
    return Grid("analysis-separation", title, heads("model", *map(_head, measures)), rows, notes=notes)


def language_table(report: Analysis) -> Grid | None:
    """A row per language of one model."""
    if not report.separation:
        return None
    measures, labels = _measures([report]), report.labels
    rows = tuple(
        row(lang, *(_of(report, m, lang) for m in measures), *([labels.get(lang, "")] if labels else []))
        for lang in report.sample.languages
    )
    columns = heads("language", *map(_head, measures), *(["label"] if labels else []), words=("label",))
    notes = (UNADJUSTED, *confounded([report]), *_weights([report]))
    return Grid("analysis-languages", _title(report, "separation by language"), columns, rows, notes=notes)


def cosine_table(report: Analysis, translations: bool = False) -> Grid | None:
    """The mean cosines of languages (or of translations only; None without any), and means over them with intervals."""
    given = report.translations if translations else report.cosines
    if not given:
        return None
    languages = report.sample.languages
    found = {(of.a, of.b): of.value for of in given}
    means = "; ".join(
        f"{of.a}: {plain(of.value)} {plain_interval(of.interval)}" for of in given if of.b is None
    )
    rows = []
    for i, a in enumerate(languages):
        pairs = [(a, b) if i <= j else (b, a) for j, b in enumerate(languages)]
        rows.append(row(a, *(plain(found[pair]) if pair in found else "" for pair in pairs)))
    what = "translations" if translations else "all pairs of different documents"
    note = f"Means over languages and pairs: {means}. {UNADJUSTED} Intervals of cells: analysis.json."
    title = _title(report, f"mean cosine of {what}")
    return Grid("analysis-cosines", title, heads("", *languages), tuple(rows), notes=(note,))


def space_table(reports: Sequence[Analysis]) -> Grid:
    """Isotropy and KMeans(2): descriptive numbers of each model."""
    rows = tuple(
        row(
            report.model,
            plain(report.isotropy.mean_cosine),
            plain(report.isotropy.partition),
            f"{report.isotropy.effective_dims:.1f}",
            str(report.isotropy.dim),
            plain(report.silhouette_kmeans.value),
        )
        for report in reports
    )
    columns = ("model", "mean cosine", "partition", "effective dimensions", "dimensions", "silhouette_kmeans")
    notes = (
        reports[0].silhouette_kmeans.note,
        "mean cosine: of all pairs. partition: min / max of the partition function, 1 is isotropic. effective "
        "dimensions: exp of the entropy of the variances. Descriptive, no intervals.",
    )
    return Grid(
        "analysis-space", f"{reports[0].task}: the space as a whole", heads(*columns), rows, notes=notes
    )


def morphology_table(report: Analysis) -> Grid:
    """A row per language of the word list."""
    labels = any(of.label for of in report.morphology)
    unknown = [f"{of.lang} {of.words_without_vector}" for of in report.morphology if of.words_without_vector]
    rows = tuple(
        row(
            of.lang,
            share_cell(dict(of.superiority)),
            plain_estimate(dict(of.inflected)),
            plain_estimate(dict(of.unrelated)),
            f"{of.inflected.n} + {of.unrelated.n}",
            of.legacy_band,
            *([of.label] if labels else []),
        )
        for of in report.morphology
    )
    columns = ("P(forms > unrelated), %", "cosine of forms", "cosine of unrelated", "pairs", "legacy band")
    notes = (
        "P: probability that a pair of forms has a higher cosine than an unrelated pair, ties half; 50 % is "
        "chance. Brackets: 95 % CI, unadjusted. Legacy band: of the mean cosine of forms alone; a space in which "
        "everything is similar gets it for free. Single words, in the document role.",
        *([f"Words without any known token (cosine 0): {', '.join(unknown)}."] if unknown else []),
    )
    return Grid(
        "analysis-morphology",
        f"{report.model}: forms of one word against unrelated words",
        heads("language", *columns, *(["label"] if labels else []), words=("label",)),
        rows,
        notes=notes,
    )


def token_table(report: Analysis) -> Grid | None:
    """Tokens of the same text in each language; None without texts in English and another language."""
    rows = []
    for of in report.tokenisation.premiums:
        numbers = (plain_estimate(dict(of.tokens_per_text), 1), plain_estimate(dict(of.ratio), 2))
        rows.append(row(of.kind, of.lang, *numbers, f"{of.ratio.n:,}"))
    columns = heads("texts", "language", "tokens per text", "times English", "texts compared", words=LANGUAGE)
    note = (
        f"Prompt and special tokens not counted. {UNADJUSTED} Ratio: to the English text of the same group."
    )
    title = _title(report, "tokens of the same text")
    return Grid("analysis-tokens", title, columns, tuple(rows), notes=(note,)) if rows else None


def truncation_table(report: Analysis) -> Grid:
    """What is lost beyond the model's maximum length; one row where nothing is."""
    found, limit = report.tokenisation.truncation, report.tokenisation.max_tokens
    texts = f"{sum(of.share_cut.n for of in found):,}"
    rows = []
    for of in (of for of in found if of.share_cut.value > 0):
        shares = (share_cell(dict(of.share_lost)), share_cell(dict(of.share_cut)))
        rows.append(row(of.kind, of.lang, *shares, f"{of.share_cut.n:,}"))
    rows = rows or [row("all", "all", "0.0", "0.0", texts)]
    words = "none" if limit is None else f"{limit:,} tokens"
    note = f"Maximum length: {words}. {UNADJUSTED} Documents: of the sample; queries: all."
    columns = heads("texts", "language", "tokens lost, %", "texts cut, %", "texts", words=LANGUAGE)
    title = _title(report, "text lost to truncation")
    return Grid("analysis-truncation", title, columns, tuple(rows), notes=(note,))


def sanity_table(report: Analysis) -> Grid:
    """What is wrong with vectors and prompts, a row per check; `ok` or `look` beside each."""
    checks = _checks(report.sanity)
    rows = tuple(row(name, words, "ok" if is_fine else "look") for name, words, is_fine in checks)
    note = "Self-retrieval: the document's own text in the query role, among all documents; duplicates count as itself."
    title = _title(report, "sanity of vectors and prompts")
    columns = heads("check", "found", "", words=("found", ""))
    return Grid("analysis-sanity", title, columns, rows, notes=(note,))


def _checks(sanity: Sanity) -> list[tuple[str, str, bool]]:
    found: list[tuple[str, str, bool]] = []
    for kind, of in (("documents", sanity.documents), ("queries", sanity.queries)):
        zero = ("zero vectors", of.zero, of.zero_ids)
        for name, n, ids in (zero, ("NaN or infinite", of.not_finite, of.not_finite_ids)):
            found.append((f"{name}, {kind}", f"{n:,} of {of.n:,}{_some(ids, n)}", not n))
    same, own = sanity.duplicate_vectors, sanity.self_retrieval
    first = [" = ".join(group) for group in same.first[:2]]
    words = f"{same.documents:,} documents in {same.groups:,} groups{_some(first, same.groups)}"
    found.append(("equal vectors", words, not same.groups))
    missed = [f"{m.document} (rank {m.rank:,})" for m in own.missed]
    words = f"{percent(own.value)} % {interval_text(own.interval)} of {own.n:,}"
    found.append(("document finds itself", f"{words}{_some(missed, len(missed))}", own.value == 1))
    for how, lines in (("missing", sanity.prompts_missing), ("doubled", sanity.prompts_doubled)):
        found.append((f"prompts {how}", "; ".join(lines) or "none", not lines))
    return found


def _some(names: Sequence[str], n: int, most: int = 3) -> str:
    return f" ({', '.join(names[:most])}{', ...' if n > most else ''})" if names else ""


def with_vectors(reports: Sequence[Analysed]) -> list[Analysis]:
    """Those that there is something to look at."""
    return [r for r in reports if isinstance(r, Analysis)]


def analysis_tables(reports: Sequence[Analysed]) -> list[Grid]:
    """Side by side for several models; everything there is for one."""
    shown = with_vectors(reports)
    if not shown:
        return []
    found: list[Grid | None] = [separation_table(shown)]
    if len(shown) > 1:
        found.append(space_table(shown))
    for report in shown:
        if len(shown) == 1:
            found += [language_table(report), cosine_table(report), cosine_table(report, translations=True)]
            found.append(space_table([report]))
        found += [morphology_table(report), token_table(report)]
        found += [truncation_table(report), sanity_table(report)]
    return [t for t in found if t is not None]


def write_analysis_report(reports: Sequence[Analysed], folder: Path) -> None:
    """Write analysis.md and figures/ into `folder`."""
    if shown := with_vectors(reports):
        write_figures(analyses, folder / "figures", shown)
    write_page(folder / "analysis.md", partial(analysis_markdown, reports))


def notes_lines(reports: Sequence[Analysed]) -> tuple[list[str], list[str]]:
    """Notes of the analyses, and which models have no vectors; all with the model's name."""
    notes = note_lines({r.model: r.notes for r in with_vectors(reports)})
    lexical = [r.model for r in reports if not r.vectors]
    return notes, [f"{name} has no vector of a whole text: there is nothing to look at" for name in lexical]


def analysis_markdown(reports: Sequence[Analysed], figures: Sequence[str] = ()) -> str:
    """All tables of one task as a page; `figures`: names of PNG files in figures/."""
    parts = [f"# {reports[0].task}: {', '.join(r.model for r in reports)}\n"]
    for report in reports:
        notes, lexical = notes_lines([report])
        parts += [*(f"{line}.\n" for line in lexical), *(f"- {line}\n" for line in notes)]
    parts += [to_markdown(table) for table in analysis_tables(reports)]
    parts += [f"{line}\n" for line in pictures_markdown(figures)]
    return "\n".join(parts)


def _measures(reports: Sequence[Analysis]) -> list[str]:
    return list(dict.fromkeys(of.measure for r in reports for of in r.separation))


def _head(measure: str) -> str:
    name, _, k = measure.partition("@")
    return HEADS[name].format(k=k)


def _title(report: Analysis, what: str) -> str:
    return f"{report.task}, {report.model}: {what}"


def _of(report: Analysis, measure: str, lang: str | None) -> Cell:
    for of in report.separation:
        if (of.measure, of.lang) == (measure, lang):
            if measure == "silhouette":
                return plain_estimate(dict(of))
            if measure.startswith("expected"):
                return Cell(percent(of.value))
            return share_cell(dict(of), signed=measure.startswith("purity_excess"))
    return Cell("n/a")


def _weights(reports: Sequence[Analysis]) -> list[str]:
    return note_lines({r.model: [r.weights] for r in reports if r.weights})
