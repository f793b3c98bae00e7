"""The parts of an analysis: arrays and texts in, sections of analysis.json out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xlembed.analyse import result as analysed
from xlembed.analyse.estimates import estimate
from xlembed.analyse.isotropy import isotropy
from xlembed.analyse.morphology import MIN_PAIRS, legacy_band, superiority
from xlembed.analyse.points import Points
from xlembed.analyse.projection import UMAP_DISTANCE, UMAP_NEIGHBOURS, tsne, umap
from xlembed.analyse.sampling import BalancedSample
from xlembed.analyse.self_retrieval import duplicate_rows, self_ranks
from xlembed.analyse.separation import (
    cosine_silhouette,
    expected_purity,
    kmeans_silhouette,
    language_hits,
    neighbourhood_purity,
)
from xlembed.analyse.similarity import cosine_parts, translation_cosines
from xlembed.analyse.tokenisation import ratio_parts, token_premiums
from xlembed.analyse.word_pairs import KINDS, WordPairs
from xlembed.embeddings.truncation import truncation
from xlembed.settings import AnalyseSettings
from xlembed.stats.layout import Floats, Ints
from xlembed.stats.scores import Score
from xlembed.words import Lang, UserError, Vectors

BASE = "en"
"""Language that tokens are compared with."""
EXAMPLES = 20
"""Ids that are listed; counts are of all."""
KMEANS_NOTE = (
    "silhouette_kmeans says how well documents fall into two clumps, whatever these are; with more than two languages "
    "it is no measure of language."
)


def separation_section(
    points: Points, settings: AnalyseSettings
) -> tuple[list[analysed.LanguageMean], list[str]]:
    """Every measure over and in each language; notes on what is left out."""
    vectors, langs = points.vectors, points.sample.langs
    if len(points.sample.languages) < 2:
        return [], ["One language in the sample: there is nothing to separate."]
    k = settings.neighbours
    purity, expected = neighbourhood_purity(vectors, langs, k), expected_purity(langs)
    columns = {
        "silhouette": cosine_silhouette(vectors, langs),
        f"purity@{k}": purity,
        f"expected_purity@{k}": expected,
        f"purity_excess@{k}": purity - expected,
    }
    notes = []
    try:
        columns["language_accuracy"] = language_hits(
            vectors, langs, points.group_codes, settings.folds, settings.sampling_seed
        )
    except UserError as error:
        notes.append(str(error))
    table = estimate(
        langs,
        np.stack(list(columns.values()), axis=1),
        points.groups,
        len(points.sample.languages),
        binary=[name == "language_accuracy" for name in columns],
    )
    rows = []
    for i, name in enumerate(columns):
        cells: list[tuple[Lang | None, Score | None]] = [(None, table.macros["all"][i])]
        cells += [(lang, table.cells[c][i]) for c, lang in enumerate(points.sample.languages)]
        rows += [analysed.LanguageMean.of(score, measure=name, lang=lang) for lang, score in cells if score]
    return rows, notes


def cosine_section(points: Points) -> list[analysed.PairMean]:
    """Means over languages (``same``) and over pairs (``different``), then of each."""
    languages = points.sample.languages
    parts = cosine_parts(points.vectors, points.sample.langs, len(languages))
    pairs = list(parts)
    rows = np.concatenate([rows for rows, _ in parts.values()])
    table = estimate(
        np.repeat(np.arange(len(pairs)), [len(values) for _, values in parts.values()]),
        np.concatenate([values for _, values in parts.values()]),
        [points.groups[row] for row in rows.tolist()],
        len(pairs),
        macros={
            "same": [i for i, (a, b) in enumerate(pairs) if a == b],
            "different": [i for i, (a, b) in enumerate(pairs) if a != b],
        },
        all_clusters=points.groups,
    )
    return _pair_rows(
        pairs, languages, [cells[0] for cells in table.cells], {n: s[0] for n, s in table.macros.items()}
    )


def translation_section(points: Points) -> list[analysed.PairMean]:
    """Of translations: the mean over all pairs, then of each."""
    languages = points.sample.languages
    found = translation_cosines(points.vectors, points.sample.langs, points.groups)
    if not found:
        return []
    pairs = list(found)
    table = estimate(
        np.repeat(np.arange(len(pairs)), [len(values) for _, values in found.values()]),
        np.concatenate([values for _, values in found.values()]),
        [group for groups, _ in found.values() for group in groups],
        len(pairs),
        all_clusters=points.groups,
    )
    macros = {"translations": table.macros["all"][0]}
    return _pair_rows(pairs, languages, [cells[0] for cells in table.cells], macros)


def _pair_rows(
    pairs: Sequence[tuple[int, int]],
    languages: Sequence[Lang],
    scores: Sequence[Score | None],
    macros: Mapping[str, Score | None],
) -> list[analysed.PairMean]:
    rows = [analysed.PairMean.of(score, a=name, b=None) for name, score in macros.items() if score]
    return rows + [
        analysed.PairMean.of(score, a=languages[a], b=languages[b])
        for (a, b), score in zip(pairs, scores, strict=True)
        if score
    ]


def space_section(points: Points, seed: int) -> tuple[analysed.Clumps, analysed.Space]:
    """KMeans(2) with its note, and isotropy; descriptive, without intervals."""
    clumps = analysed.Clumps(value=kmeans_silhouette(points.vectors, seed), note=KMEANS_NOTE)
    return clumps, analysed.Space(**asdict(isotropy(points.vectors)))


def morphology_section(
    pairs: Mapping[Lang, WordPairs], vectors: Mapping[tuple[Lang, str], Floats], labels: Mapping[Lang, str]
) -> list[analysed.Morphology]:
    """A row per language: P(inflected > unrelated), both mean cosines, the legacy band.

    Args:
        pairs: of each language.
        vectors: unit vector of each language's words, or zeros.
        labels: of languages that the model does not support.
    """
    cosines = {
        (lang, kind): np.array([float(vectors[lang, a] @ vectors[lang, b]) for a, b in getattr(of, kind)])
        for lang, of in pairs.items()
        for kind in KINDS
    }
    cells = np.repeat(np.arange(len(cosines)), [len(c) for c in cosines.values()])
    names = [f"{lang} {kind} {i}" for (lang, kind), c in cosines.items() for i in range(len(c))]
    table = estimate(cells, np.concatenate(list(cosines.values())), names, len(cosines), macros={})
    means = dict(zip(cosines, (score for (score,) in table.cells), strict=True))
    rows = []
    for lang, of in pairs.items():
        found = superiority(cosines[lang, "inflected"], cosines[lang, "unrelated"])
        both = {kind: _mean_of_pairs(score) for kind in KINDS if (score := means[lang, kind])}
        words = {word for pair in (*of.inflected, *of.unrelated) for word in pair}
        rows.append(
            analysed.Morphology(
                lang=lang,
                label=labels.get(lang, ""),
                superiority=analysed.Estimate(value=found.value, ci_low=found.ci_low, ci_high=found.ci_high),
                inflected=both["inflected"],
                unrelated=both["unrelated"],
                legacy_band=legacy_band(both["inflected"].value),
                words_without_vector=sum(not vectors[lang, word].any() for word in words),
            )
        )
    return rows


def _mean_of_pairs(score: Score) -> analysed.Mean:
    """Without an interval where there are few pairs."""
    found = analysed.Mean.of(score)
    if found.n >= MIN_PAIRS:
        return found
    method = f"none: fewer than {MIN_PAIRS} pairs"
    return found.model_copy(update={"ci_low": None, "ci_high": None, "ci_method": method})


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token counts of texts of one role.

    Attributes:
        kind: ``queries`` or ``documents``.
        counts: with prompt and special tokens, before truncation; int64, shape (n,).
        overhead: tokens of prompt and special tokens alone.
        langs: of each text.
        keys: what translations of one text share; None if the texts are no translations.
        clusters: what is resampled together.
    """

    kind: str
    counts: Ints
    overhead: int
    langs: tuple[Lang, ...]
    keys: tuple[str, ...] | None
    clusters: tuple[str, ...]


def premium_section(tokens: Tokens) -> list[analysed.Premium]:
    """Of each language, on the texts that it shares with English."""
    if tokens.keys is None:
        return []
    own = np.maximum(tokens.counts - tokens.overhead, 0)
    cluster_of = dict(zip(tokens.keys, tokens.clusters, strict=True))
    found = token_premiums(own, tokens.langs, tokens.keys, BASE)
    if len(found) < 2:  # English alone has nothing to be compared with
        return []
    cells = np.repeat(np.arange(len(found)), [len(p.keys) for p in found])
    values = np.concatenate([np.stack([p.tokens, p.parts], axis=1) for p in found])
    table = estimate(cells, values, [cluster_of[key] for p in found for key in p.keys], len(found), macros={})
    rows = []
    for premium, (count, ratio) in zip(found, table.cells, strict=True):
        if count and ratio:
            both = {"tokens_per_text": analysed.Mean.of(count), "ratio": analysed.Mean.of(ratio)}
            rows.append(analysed.Premium(kind=tokens.kind, lang=premium.lang, **both))
    return rows


def truncation_section(tokens: Tokens, max_tokens: int | None) -> list[analysed.Truncated]:
    """Of each language, what is lost beyond the maximum length."""
    lost, whole = truncation(tokens.counts, tokens.overhead, max_tokens)
    languages = sorted(set(tokens.langs))
    cells = np.array([languages.index(lang) for lang in tokens.langs], dtype=np.int64)
    shares = np.zeros(len(cells))
    for code in range(len(languages)):
        shares[cells == code] = ratio_parts(lost[cells == code], whole[cells == code])
    values = np.stack([shares, lost > 0], axis=1)
    table = estimate(cells, values, tokens.clusters, len(languages), binary=[False, True], macros={})
    rows = []
    for lang, (share, cut) in zip(languages, table.cells, strict=True):
        if share and cut:
            both = {"share_lost": analysed.Mean.of(share), "share_cut": analysed.Mean.of(cut)}
            rows.append(analysed.Truncated(kind=tokens.kind, lang=lang, **both))
    return rows


def self_section(
    queries: Vectors, rows: Ints, documents: Vectors, ids: Sequence[str]
) -> analysed.SelfRetrieval:
    """Share of documents that come first when their own text is asked, and those that do not."""
    ranks = self_ranks(queries, rows, documents)
    names = [ids[row] for row in rows.tolist()]
    table = estimate(np.zeros(len(rows), dtype=np.int64), ranks == 1, names, 1, binary=[True])
    score = table.macros["all"][0]
    if score is None:  # the sample is of these documents
        raise RuntimeError("no document to ask for")
    missed = [
        analysed.Missed(document=n, rank=r) for n, r in zip(names, ranks.tolist(), strict=True) if r > 1
    ]
    return analysed.SelfRetrieval.of(score, missed=missed[:EXAMPLES])


def duplicate_section(documents: Vectors, rows: Ints, ids: Sequence[str]) -> analysed.Equal:
    """Documents whose vectors are equal."""
    groups = duplicate_rows(documents, rows)
    return analysed.Equal(
        groups=len(groups),
        documents=sum(map(len, groups)),
        first=[[ids[row] for row in group[:EXAMPLES]] for group in groups[:EXAMPLES]],
    )


def tsne_map(
    vectors: Vectors, sample: BalancedSample, ids: Sequence[str], perplexity: float, seed: int
) -> analysed.Map:
    """A point per document, by t-SNE."""
    places = _places(tsne(vectors, perplexity, seed), sample, ids)
    return analysed.Map(perplexity=min(perplexity, (len(vectors) - 1) / 3), seed=seed, **places)


def umap_map(vectors: Vectors, sample: BalancedSample, ids: Sequence[str], seed: int) -> analysed.Map:
    """A point per document, by UMAP.

    Raises:
        UserError: umap-learn is not installed.
    """
    return analysed.Map(
        method="UMAP",
        metric="cosine",
        neighbours=min(UMAP_NEIGHBOURS, len(vectors) - 1),
        min_distance=UMAP_DISTANCE,
        seed=seed,
        **_places(umap(vectors, seed), sample, ids),
    )


def _places(places: Floats, sample: BalancedSample, ids: Sequence[str]) -> dict[str, Any]:
    rows = zip(sample.rows.tolist(), sample.langs.tolist(), places.tolist(), strict=True)
    return {
        "per_language": sample.per_language,
        "languages": list(sample.languages),
        "points": [
            analysed.Place(document=ids[row], lang=sample.languages[code], x=x, y=y)
            for row, code, (x, y) in rows
        ],
    }
