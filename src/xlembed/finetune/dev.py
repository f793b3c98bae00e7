"""What early stopping looks at, measured by the evaluators of sentence-transformers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.sentence_transformer.evaluation import (
    EmbeddingSimilarityEvaluator,
    InformationRetrievalEvaluator,
)
from sentence_transformers.util import SimilarityFunction

from xlembed.words import UserError

DEV = "dev"
"""Under this key the evaluator gives its value."""

RETRIEVAL = {"accuracy@1": "cosine_accuracy@1", "MRR@10": "cosine_mrr@10", "nDCG@10": "cosine_ndcg@10"}
"""Metric -> the library's name."""


@dataclass(frozen=True)
class DevData:
    """The rows that dev is measured on, and what is put before their texts.

    Attributes:
        rows: `text1`, `text2`, `score`; or `anchor`, `positive` and perhaps `group`.
        metric: spearman, accuracy@1, MRR@10 or nDCG@10.
        query_prompt: before anchors.
        document_prompt: before positives and scored texts.
    """

    rows: Sequence[Mapping[str, Any]]
    metric: str
    query_prompt: str = ""
    document_prompt: str = ""


class _Similarity(EmbeddingSimilarityEvaluator):
    """With a prompt, which the library's lacks."""

    prompt = ""

    def embed_inputs(self, model: SentenceTransformer, sentences: Any, **kwargs: Any) -> Any:
        return super().embed_inputs(model, sentences, prompt=self.prompt, **kwargs)


class DevEvaluator(BaseEvaluator):
    """One number per look, higher is better."""

    def __init__(self, inner: BaseEvaluator, key: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._inner = inner
        self._key = key

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """{"dev": value}; nothing is written.

        Raises:
            UserError: if there is no such number, as when all vectors are equal.
        """
        measured: Any = self._inner(model)
        value = float(measured[self._key])
        if not math.isfinite(value):
            raise UserError(
                "the dev metric is not a number: the model gives all dev texts the same vectors; "
                "try a lower learning_rate"
            )
        return {DEV: value}


def dev_evaluator(dev: DevData, batch: int = 32) -> DevEvaluator:
    """The evaluator of a dev set.

    Retrieval: a query per distinct anchor, the corpus is the distinct positives; right are the positives of
    all rows with the same anchor or the same group.

    Raises:
        UserError: if the rows do not fit the metric, or are too few to tell models apart.
    """
    if not dev.rows:
        raise UserError("dev: the set has no rows")
    if dev.metric == "spearman":
        return DevEvaluator(_similarity(dev, batch), "spearman_cosine")
    return DevEvaluator(_retrieval(dev, batch), RETRIEVAL[dev.metric])


def _similarity(dev: DevData, batch: int) -> BaseEvaluator:
    _check_columns(dev, "text1", "text2", "score")
    scores = [float(row["score"]) for row in dev.rows]
    if len(set(scores)) < 2:
        raise UserError("dev: spearman needs at least two different scores; all rows have the same one")
    evaluator = _Similarity(
        [row["text1"] for row in dev.rows],
        [row["text2"] for row in dev.rows],
        scores,
        batch_size=batch,
        main_similarity=SimilarityFunction.COSINE,
        similarity_fn_names=["cosine"],
        write_csv=False,
    )
    evaluator.prompt = dev.document_prompt
    return evaluator


def _retrieval(dev: DevData, batch: int) -> BaseEvaluator:
    _check_columns(dev, "anchor", "positive")
    relevant = relevant_positives(dev.rows)
    positives = {text: f"d{i}" for i, text in enumerate(dict.fromkeys(row["positive"] for row in dev.rows))}
    if len(positives) < 2:
        raise UserError("dev: retrieval needs at least two different positives; all rows have the same one")
    queries: dict[str, Any] = {f"q{i}": anchor for i, anchor in enumerate(relevant)}
    corpus: dict[str, Any] = {doc_id: text for text, doc_id in positives.items()}
    return InformationRetrievalEvaluator(
        queries,
        corpus,
        {query_id: {positives[text] for text in relevant[anchor]} for query_id, anchor in queries.items()},
        accuracy_at_k=[1],
        precision_recall_at_k=[10],
        mrr_at_k=[10],
        ndcg_at_k=[10],
        map_at_k=[10],
        batch_size=batch,
        write_csv=False,
        main_score_function=SimilarityFunction.COSINE,
        score_functions={"cosine": SimilarityFunction.to_similarity_fn("cosine")},
        query_prompt=dev.query_prompt,
        corpus_prompt=dev.document_prompt,
    )


def relevant_positives(rows: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Distinct anchor -> the positives that are right for it: of rows with its text or with its group."""
    of_group: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.get("group"):
            of_group[row["group"]].add(row["positive"])
    relevant: dict[str, set[str]] = {}
    for row in rows:
        right = relevant.setdefault(row["anchor"], set())
        right.add(row["positive"])
        right |= of_group.get(row.get("group") or "", set())
    return relevant


def _check_columns(dev: DevData, *columns: str) -> None:
    missing = [name for name in columns if name not in dev.rows[0]]
    if missing:
        raise UserError(
            f"dev: {dev.metric} needs rows with {', '.join(columns)}; found {', '.join(dev.rows[0])}"
        )
