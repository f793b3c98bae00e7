"""Our scores as a result file of MTEB, and MTEB's result files as rows beside ours."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlembed.data.subsets import long_codes
from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation
from xlembed.evaluate.mteb_task import MAIN
from xlembed.files import read_record, write_json
from xlembed.measures import Measure, parse_measure
from xlembed.stats.scorebook import MONOLINGUAL, TRUE_CROSS_TARGET, Macro
from xlembed.words import Pool, UserError

NAMES = {"accuracy": "hit_rate", "recall": "recall", "precision": "precision", "nDCG": "ndcg", "MRR": "mrr"}
"""Our family of measures -> MTEB's."""
DIGITS = 6


def mteb_name(measure: Measure) -> str | None:
    """What MTEB calls a measure; it knows none of the whole ranking.

    >>> mteb_name(parse_measure("nDCG@10"))
    'ndcg_at_10'
    """
    return None if measure.cutoff is None else f"{NAMES[measure.family]}_at_{measure.cutoff}"


def write_mteb(task: Task, evaluation: Evaluation, folder: Path) -> Path:
    """folder/MODEL/REVISION/TASK.json and its model_meta.json, as `mteb` writes them and loads them.

    A language is its monolingual score, a pair `en-de` its true_cross_lingual one with pool = target; what MTEB has no
    words for (pool = all) is left out.

    Raises:
        UserError: the evaluation lacks nDCG@10, MTEB's main score of retrieval, or has none of these modes.
    """
    measures = [m for name in evaluation.book.evaluate.measures if mteb_name(m := parse_measure(name))]
    if MAIN not in map(mteb_name, measures):
        raise UserError(f"{evaluation.source} was evaluated without nDCG@10, MTEB's main score of retrieval")
    codes = long_codes(task)
    units = evaluation.units[evaluation.units["pool"] == str(Pool.TARGET)]
    rows = []
    for langs_of, part in units.groupby(["query_lang", "doc_lang"], sort=True):
        query_lang, doc_lang = map(str, langs_of)
        scores = {str(mteb_name(m)): round(float(part[m.column].mean()), DIGITS) for m in measures}
        name = doc_lang if query_lang == doc_lang else f"{query_lang}-{doc_lang}"
        langs = list(dict.fromkeys((codes[query_lang], codes[doc_lang])))
        rows.append({**scores, "main_score": scores[MAIN], "hf_subset": name, "languages": langs})
    if not rows:
        raise UserError(
            f"{evaluation.source} has no scores within one language of documents, the only ones MTEB has"
        )
    revision = evaluation.book.fingerprint[:16]
    target = folder / evaluation.name / revision / f"{task.name}.json"
    write_json(
        target,
        {
            "dataset_revision": task.digest[:16],
            "task_name": task.name,
            "mteb_version": None,
            "scores": {"test": rows},
            "evaluation_time": None,
            "kg_co2_emissions": None,
        },
    )
    write_json(target.parent / "model_meta.json", {"name": evaluation.name, "revision": revision})
    return target


@dataclass(frozen=True)
class Foreign:
    """Scores from a result file of MTEB, for people to look at; no units, so nothing can be tested.

    Attributes:
        name: of the model, and what it was measured on.
        subsets: name -> MTEB's name of a measure -> value.
    """

    name: str
    subsets: dict[str, dict[str, Any]]

    def macro(self, macro: Macro, measure: str) -> float | None:
        """Mean of the single languages, or of the pairs; None where MTEB has no such thing."""
        wanted = mteb_name(parse_measure(measure))
        if macro not in (MONOLINGUAL, TRUE_CROSS_TARGET) or wanted is None:
            return None
        crossed = macro == TRUE_CROSS_TARGET
        values = [
            of.get(wanted) for of in self.subsets.values() if (len(set(of["languages"])) > 1) == crossed
        ]
        numbers = [value for value in values if isinstance(value, int | float)]
        return statistics.fmean(numbers) if numbers and len(numbers) == len(values) else None


def read_mteb(path: Path) -> Foreign:
    """The test split of a result file, or its only one; the model is told by model_meta.json or the folders.

    Raises:
        UserError: it is no result file of MTEB.
    """
    found = read_record(path, "give a TASK.json that mteb wrote", {"task_name": str, "scores": dict})
    splits = found["scores"]
    rows = splits.get("test") or (next(iter(splits.values())) if len(splits) == 1 else None)
    if not isinstance(rows, list) or not all(
        isinstance(r, dict) and isinstance(r.get("languages"), list) for r in rows
    ):
        raise UserError(
            f"{path}: expected scores of one split, each with its `languages`, as mteb writes them"
        )
    meta = path.parent / "model_meta.json"
    told = read_record(meta, "remove it").get("name") if meta.is_file() else None
    model = told or path.parent.parent.name.replace("__", "/") or path.stem
    return Foreign(f"{model} (MTEB: {found['task_name']})", {str(r.get("hf_subset")): r for r in rows})
