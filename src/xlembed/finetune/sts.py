"""Semantic textual similarity: does a model's cosine order scored pairs of texts as people do?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlembed.data.task import Task
from xlembed.embeddings.derive import derive
from xlembed.embeddings.document_vectors import document_vectors
from xlembed.embeddings.encoding import open_encoding
from xlembed.models.spec import ModelRef
from xlembed.search.table import read_units
from xlembed.stats.layout import Floats
from xlembed.stats.spearman import Correlation, neighbourhood_gain, rank_gain, spearman, spearman_change
from xlembed.words import Role, UserError
from xlembed.workspace import Watch, Workspace, unwatched

if TYPE_CHECKING:
    from xlembed.data.pairs import PairSet

KEY = ["query_id", "doc_lang", "pool"]


@dataclass(frozen=True, eq=False)
class StsResult:
    """Cosines of one model on one scored set.

    Attributes:
        name: of the set.
        digest: of the set; only results of one digest can be compared.
        cosines: float64, shape (n_pairs,), in the order of the rows; 0 where a text has no known token.
        scores: float64, shape (n_pairs,), as given.
        clusters: of each pair: its group, or the pair itself.
        correlation: Spearman's rho of cosines and scores.
    """

    name: str
    digest: str
    cosines: Floats
    scores: Floats
    clusters: tuple[str, ...]
    correlation: Correlation

    def to_json(self) -> dict[str, Any]:
        """`spearman`, `ci_low`, `ci_high`, `n`, `n_clusters`."""
        return self.correlation.to_json()


def measure_sts(ref: ModelRef, pairs: PairSet, workspace: Workspace, watch: Watch = unwatched) -> StsResult:
    """Encode both texts of every pair and correlate their cosines with the scores.

    Both texts are encoded in the document role, since neither asks for the other. A model whose prompts differ by role
    or that has a prompt for similarity alone (E5, EmbeddingGemma, nomic) may do better with another one.

    Raises:
        UserError: a lexical model, or a set without scores.
    """
    if ref.card.lexical:
        raise UserError(f"{ref.slug} finds texts by their words: it has no vectors to compare")
    scores, clusters = _scores(pairs), _clusters(pairs)
    cosines = _cosines(*_vectors(ref, pairs, workspace, watch))
    return StsResult(pairs.name, pairs.digest, cosines, scores, clusters, spearman(cosines, scores, clusters))


def sts_change(before: StsResult, after: StsResult) -> dict[str, Any]:
    """Change of rho from one model to another: `difference`, `ci_low`, `ci_high`, `p_value`, `n`, `n_clusters`.

    Raises:
        ValueError: if the results are not of the same set.
    """
    if before.digest != after.digest:
        raise ValueError(f"results of {before.name} and {after.name} are not of the same pairs")
    return spearman_change(before.cosines, after.cosines, before.scores, before.clusters).to_json()


def retrieval_against_sts(
    task: Task,
    pairs: PairSet,
    before: ModelRef,
    after: ModelRef,
    workspace: Workspace,
    watch: Watch = unwatched,
) -> dict[str, Any]:
    """Do queries gain where similarity gains?

    For each query: the mean gain (`stats.spearman.rank_gain`) of its ten nearest pairs, by cosine of the query's
    vector to the mean vector of the pair in the model before; against it the mean change of the query's reciprocal
    rank over its units. Spearman's rho of the two over all queries, positive where they rise and fall together;
    clusters of queries are resampled, the pairs are taken as they are.

    Returns:
        `spearman`, `ci_low`, `ci_high`, `n_queries`, `n_clusters`.

    Raises:
        UserError: an evaluation is missing.
    """
    change = _reciprocal_rank_change(task, before, after, workspace)
    left, right = _vectors(before, pairs, workspace, watch)
    first, second = _cosines(left, right), _cosines(*_vectors(after, pairs, workspace, watch))
    gain = neighbourhood_gain(
        _query_vectors(task, change["query_id"], before, workspace),
        (left + right) / 2,
        rank_gain(first, second, _scores(pairs)),
    )
    found = spearman(gain, change["change"], [str(c) for c in change["cluster"]]).to_json()
    return {**{k: v for k, v in found.items() if k != "n"}, "n_queries": found["n"]}


def _reciprocal_rank_change(
    task: Task, before: ModelRef, after: ModelRef, workspace: Workspace
) -> dict[str, Any]:
    """Columns query_id, cluster, change: one entry per query, sorted by id."""
    tables = []
    for ref in (before, after):
        units = read_units(workspace.run_folder(task.name, ref.slug) / "units.parquet")
        # A relevant document that was not found counts as rank infinity.
        units["rr"] = (1.0 / units["rank_first_relevant"].astype("Float64")).fillna(0.0).astype(float)
        tables.append(units.set_index(KEY).sort_index())
    joined = tables[0][["cluster"]].assign(change=tables[1]["rr"] - tables[0]["rr"]).dropna()
    grouped = joined.groupby(level="query_id", sort=True).agg({"cluster": "first", "change": "mean"})
    return {
        "query_id": list(grouped.index),
        "cluster": list(grouped["cluster"]),
        "change": grouped["change"].to_numpy(dtype=np.float64).round(12),  # rounding makes no ranks
    }


def _query_vectors(task: Task, ids: Sequence[str], ref: ModelRef, workspace: Workspace) -> Floats:
    texts = {q.query_id: q.text for q in task.queries}
    stored = open_encoding(ref, workspace).store.read(Role.QUERY, [texts[i] for i in ids]).load()
    return derive(stored, ref.variation.dim).astype(np.float64)


def _vectors(ref: ModelRef, pairs: PairSet, workspace: Workspace, watch: Watch) -> tuple[Floats, Floats]:
    """Unit vectors of the first and of the second texts, float64, shape (n_pairs, dim) each."""
    texts = [row[key] for key in ("text1", "text2") for row in pairs.rows]
    encoding = open_encoding(ref, workspace)
    unit = document_vectors(encoding, texts, ref, watch, f"encode {pairs.name}").astype(np.float64)
    half = len(pairs.rows)
    return unit[:half], unit[half:]


def _cosines(left: Floats, right: Floats) -> Floats:
    """Of each row, to 1e-6 as in a search: rounding makes no ranks, as among pairs of one text twice."""
    found: Floats = np.einsum("ij,ij->i", left, right).round(6)
    return found


def _scores(pairs: PairSet) -> Floats:
    if str(pairs.kind) != "scored" or not pairs.rows:
        raise UserError(f"{pairs.name}: expected scored rows (text1, text2, score), found {pairs.kind}")
    return np.array([float(row["score"]) for row in pairs.rows])


def _clusters(pairs: PairSet) -> tuple[str, ...]:
    return tuple(str(row.get("group") or f"pair {i:09d}") for i, row in enumerate(pairs.rows))
