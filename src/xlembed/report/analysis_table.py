"""Tables of an analysis, and analysis.md with figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from xlembed.files import atomic_writer
from xlembed.report.figures import analyses
from xlembed.report.figures.registry import write_figures
from xlembed.report.tables import Cell, Interval, framed, to_markdown
from xlembed.report.text import interval_text, percent, plain, plain_interval, points

Analysis = Mapping[str, Any]
"""Content of analysis.json."""
Score = Mapping[str, Any]
HEADS = {
    "silhouette": "silhouette",
    "purity": "purity@{k}, %",
    "expected_purity": "expected, %",
    "purity_excess": "purity excess, points",
    "language_accuracy": "language classifier, %",
}
"""Measure -> head of its column."""
UNADJUSTED = "Brackets: 95 % CI, unadjusted; groups of documents resampled."
EXCESS_NOTE = (
    "Purity excess: share of a document's nearest neighbours in its own language, minus that share if languages did "
    "not matter. Separation is a property of the space and no score of quality."
)


def separation_table(reports: Sequence[Analysis]) -> Table | None:
    """A row per model: means over languages; None if no report has two languages."""
    shown = [r for r in reports if r.get("separation")]
    if not shown:
        return None
    sample = shown[0]["sample"]
    measures = _measures(shown)
    chance = percent(1 / len(sample["languages"]))
    table = framed(
        f"{shown[0]['task']}: how languages are kept apart",
        *[
            f"{_sample_words(sample)}. {UNADJUSTED} Classifier: linear, cross-validated by group; chance {chance} %.",
            EXCESS_NOTE,
            *_confounded(shown),
        ],
    )
    table.add_column("model", overflow="fold")
    _add_heads(table, measures)
    for report in shown:
        table.add_row(report["model"], *(_of(report, m, None) for m in measures))
    return table


def language_table(report: Analysis) -> Table | None:
    """A row per language of one model."""
    if not report.get("separation"):
        return None
    measures = _measures([report])
    labels = report["labels"]
    notes = [UNADJUSTED, *_confounded([report])]
    table = framed(f"{report['task']}, {report['model']}: separation by language", *notes)
    table.add_column("language", no_wrap=True)
    _add_heads(table, measures)
    if labels:
        table.add_column("label", overflow="fold")
    for lang in report["sample"]["languages"]:
        label = [labels.get(lang, "")] if labels else []
        table.add_row(lang, *(_of(report, m, lang) for m in measures), *label)
    return table


def cosine_table(report: Analysis, translations: bool = False) -> Table | None:
    """The mean cosines of languages; below, the means over languages and pairs with their intervals.

    Args:
        report: content of analysis.json.
        translations: only of documents that are translations of each other; None if there are none.
    """
    rows = report["translations" if translations else "cosines"]
    if not rows:
        return None
    languages = report["sample"]["languages"]
    found = {(row["a"], row["b"]): row for row in rows}
    means = "; ".join(
        f"{row['a']}: {plain(row['value'])} {plain_interval(_ends(row))}" for row in rows if row["b"] is None
    )
    what = "translations" if translations else "all pairs of different documents"
    table = framed(
        f"{report['task']}, {report['model']}: mean cosine of {what}",
        *[f"Means over languages and pairs: {means}. {UNADJUSTED} Intervals of cells: analysis.json."],
    )
    table.add_column("", no_wrap=True)
    for lang in languages:
        table.add_column(lang, justify="right")
    for i, a in enumerate(languages):
        pairs = [(a, b) if i <= j else (b, a) for j, b in enumerate(languages)]
        table.add_row(a, *(plain(found[pair]["value"]) if pair in found else "" for pair in pairs))
    return table


def space_table(reports: Sequence[Analysis]) -> Table:
    """Isotropy and KMeans(2): descriptive numbers of each model."""
    shown = [r for r in reports if r["vectors"]]
    table = framed(
        f"{shown[0]['task']}: the space as a whole",
        *[
            shown[0]["silhouette_kmeans"]["note"],
            "mean cosine: of all pairs. partition: min / max of the partition function, 1 is isotropic. effective "
            "dimensions: exp of the entropy of the variances. Descriptive, no intervals.",
        ],
    )
    table.add_column("model", overflow="fold")
    for head in ("mean cosine", "partition", "effective dimensions", "dimensions", "silhouette_kmeans"):
        table.add_column(head, justify="right")
    for report in shown:
        found = report["isotropy"]
        table.add_row(
            report["model"],
            plain(found["mean_cosine"]),
            plain(found["partition"]),
            f"{found['effective_dims']:.1f}",
            str(found["dim"]),
            plain(report["silhouette_kmeans"]["value"]),
        )
    return table


def morphology_table(report: Analysis) -> Table:
    """A row per language of the word list."""
    table = framed(
        f"{report['model']}: forms of one word against unrelated words",
        *[
            "P: probability that a pair of forms has a higher cosine than an unrelated pair, ties half; 50 % is "
            "chance. Brackets: 95 % CI, unadjusted. Legacy band: of the mean cosine of forms alone; a space in which "
            "everything is similar gets it for free. Single words, in the document role.",
            *_without_vector(report["morphology"]),
        ],
    )
    labels = any(row["label"] for row in report["morphology"])
    table.add_column("language", no_wrap=True)
    for head in ("P(forms > unrelated), %", "cosine of forms", "cosine of unrelated", "pairs", "legacy band"):
        table.add_column(head, justify="right")
    if labels:
        table.add_column("label", overflow="fold")
    for row in report["morphology"]:
        table.add_row(
            row["lang"],
            _share(row["superiority"]),
            _cosine(row["inflected"]),
            _cosine(row["unrelated"]),
            f"{row['inflected']['n']} + {row['unrelated']['n']}",
            row["legacy_band"],
            *([row["label"]] if labels else []),
        )
    return table


def token_table(report: Analysis) -> Table | None:
    """Tokens of the same text in each language; None without texts in English and another language."""
    rows = report["tokenisation"]["premiums"]
    if not rows:
        return None
    table = framed(
        f"{report['task']}, {report['model']}: tokens of the same text",
        *[
            f"Prompt and special tokens not counted. {UNADJUSTED} Ratio: to the English text of the same group."
        ],
    )
    table.add_column("texts", no_wrap=True)
    table.add_column("language", no_wrap=True)
    for head in ("tokens per text", "times English", "texts compared"):
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(
            row["kind"],
            row["lang"],
            _number(row["tokens_per_text"], 1),
            _number(row["ratio"], 2),
            f"{row['ratio']['n']:,}",
        )
    return table


def truncation_table(report: Analysis) -> Table:
    """What is lost beyond the model's maximum length; one row where nothing is."""
    found = report["tokenisation"]
    limit = found["max_tokens"]
    cut = [row for row in found["truncation"] if row["share_cut"]["value"] > 0]
    words = "none" if limit is None else f"{limit:,} tokens"
    notes = [f"Maximum length: {words}. {UNADJUSTED} Documents: of the sample; queries: all."]
    table = framed(f"{report['task']}, {report['model']}: text lost to truncation", *notes)
    table.add_column("texts", no_wrap=True)
    table.add_column("language", no_wrap=True)
    for head in ("tokens lost, %", "texts cut, %", "texts"):
        table.add_column(head, justify="right")
    for row in cut:
        n = f"{row['share_cut']['n']:,}"
        table.add_row(row["kind"], row["lang"], _share(row["share_lost"]), _share(row["share_cut"]), n)
    if not cut:
        table.add_row(
            "all", "all", "0.0", "0.0", f"{sum(r['share_cut']['n'] for r in found['truncation']):,}"
        )
    return table


def sanity_table(report: Analysis) -> Table:
    """What is wrong with vectors and prompts, a row per check; `ok` or `look` beside each."""
    table = framed(
        f"{report['task']}, {report['model']}: sanity of vectors and prompts",
        *[
            "Self-retrieval: the document's own text in the query role, among all documents; duplicates count as "
            "itself."
        ],
    )
    table.add_column("check", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("", no_wrap=True)
    for name, words, is_fine in _checks(report["sanity"]):
        table.add_row(name, words, "ok" if is_fine else "look")
    return table


def _checks(sanity: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    found: list[tuple[str, str, bool]] = []
    for kind in ("documents", "queries"):
        of = sanity[kind]
        for key, name in (("zero", "zero vectors"), ("not_finite", "NaN or infinite")):
            words = f"{of[key]:,} of {of['n']:,}{_some(of[f'{key}_ids'], of[key])}"
            found.append((f"{name}, {kind}", words, not of[key]))
    same = sanity["duplicate_vectors"]
    first = [" = ".join(group) for group in same["first"][:2]]
    words = f"{same['documents']:,} documents in {same['groups']:,} groups{_some(first, same['groups'])}"
    found.append(("equal vectors", words, not same["groups"]))
    own = sanity["self_retrieval"]
    missed = [f"{m['document']} (rank {m['rank']:,})" for m in own["missed"]]
    words = f"{percent(own['value'])} % {interval_text(_ends(own))} of {own['n']:,}"
    found.append(("document finds itself", f"{words}{_some(missed, len(missed))}", own["value"] == 1))
    for key, name in (("prompts_missing", "prompts missing"), ("prompts_doubled", "prompts doubled")):
        found.append((name, "; ".join(sanity[key]) or "none", not sanity[key]))
    return found


def _some(names: Sequence[str], n: int, most: int = 3) -> str:
    return f" ({', '.join(names[:most])}{', ...' if n > most else ''})" if names else ""


def analysis_tables(reports: Sequence[Analysis]) -> list[Table]:
    """Side by side for several models; everything there is for one."""
    shown = [r for r in reports if r["vectors"]]
    if not shown:
        return []
    found: list[Table | None] = [separation_table(shown)]
    if len(shown) > 1:
        found.append(space_table(shown))
    for report in shown:
        if len(shown) == 1:
            found += [language_table(report), cosine_table(report), cosine_table(report, translations=True)]
            found.append(space_table([report]))
        found += [
            morphology_table(report),
            token_table(report),
            truncation_table(report),
            sanity_table(report),
        ]
    return [t for t in found if t is not None]


def write_analysis_report(reports: Sequence[Analysis], folder: Path) -> None:
    """Write analysis.md and figures/ into `folder`."""
    shown = [r for r in reports if r["vectors"]]
    if shown:
        write_figures(analyses, folder / "figures", shown)
    with atomic_writer(folder / "analysis.md") as file:
        file.write(analysis_markdown(reports, sorted(p.name for p in (folder / "figures").glob("*.png"))))


def analysis_markdown(reports: Sequence[Analysis], figures: Sequence[str] = ()) -> str:
    """All tables as a page.

    Args:
        reports: of one task, one per model.
        figures: names of PNG files in figures/.
    """
    parts = [f"# {reports[0]['task']}: {', '.join(r['model'] for r in reports)}\n"]
    for report in reports:
        if not report["vectors"]:
            parts.append(f"{report['model']} finds texts by their words: there are no vectors to look at.\n")
        for note in report.get("notes", ()):
            parts.append(f"- {report['model']}: {note}\n")
    parts += [to_markdown(table) for table in analysis_tables(reports)]
    parts += [f"![{name.removesuffix('.png').replace('_', ' ')}](figures/{name})\n" for name in figures]
    return "\n".join(parts)


def _measures(reports: Sequence[Analysis]) -> list[str]:
    return list(dict.fromkeys(row["measure"] for r in reports for row in r["separation"]))


def _add_heads(table: Table, measures: Sequence[str]) -> None:
    for measure in measures:
        name, _, k = measure.partition("@")
        table.add_column(HEADS[name].format(k=k), justify="right")


def _of(report: Analysis, measure: str, lang: str | None) -> Cell:
    for row in report["separation"]:
        if (row["measure"], row["lang"]) == (measure, lang):
            if measure == "silhouette":
                return _cosine(row)
            if measure.startswith("expected"):
                return percent(row["value"])
            return _share(row, signed=measure.startswith("purity_excess"))
    return "n/a"


def _share(row: Score, signed: bool = False) -> Interval:
    value = points(row["value"]) if signed else percent(row["value"])
    return Interval(value, interval_text(_ends(row), signed=signed))


def _cosine(row: Score) -> Interval:
    return _number(row, 3)


def _number(row: Score, digits: int) -> Interval:
    return Interval(plain(row["value"], digits), plain_interval(_ends(row), digits))


def _ends(row: Score) -> tuple[float, float] | None:
    return None if row["ci_low"] is None else (row["ci_low"], row["ci_high"])


def _without_vector(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    found = [f"{row['lang']} {row['words_without_vector']}" for row in rows if row["words_without_vector"]]
    return [f"Words without any known token (cosine 0): {', '.join(found)}."] if found else []


def _confounded(reports: Sequence[Analysis]) -> list[str]:
    return ["Topic confounded: documents of different languages are different texts here."] * any(
        r["topic_confounded"] for r in reports
    )


def _sample_words(sample: Mapping[str, Any]) -> str:
    langs = ", ".join(sample["languages"])
    return f"{sample['per_language']:,} documents of each of {langs}; {sample['n_groups']:,} groups"
