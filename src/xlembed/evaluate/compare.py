"""Stage compare: finished evaluations -> paired tests, tables and figures."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from xlembed.evaluate.figures import comparisons
from xlembed.evaluate.language_tables import language_aware_table, language_comparison_table
from xlembed.evaluate.order import order_grid
from xlembed.evaluate.remedy_grid import remedy_grid
from xlembed.evaluate.tables import (
    Beside,
    comparison_table,
    index_table,
    labelled_table,
    scores_table,
    to_markdown,
)
from xlembed.fields import SLUG
from xlembed.files import atomic_folder, atomic_path, read_record, write_json
from xlembed.measures import parse_measure, parse_measures
from xlembed.search.imported import ENGINE
from xlembed.search.kinds import MEASURES
from xlembed.search.language_measures import read_queries
from xlembed.search.table import read_units
from xlembed.show.figures.registry import write_figures
from xlembed.show.notes import notes_of
from xlembed.stats.comparison import Comparisons, Evaluated, compare_models
from xlembed.stats.language_comparison import compare_queries
from xlembed.stats.order import orders
from xlembed.stats.scorebook import ScoreBook, read_scores
from xlembed.words import UserError
from xlembed.workspace import Workspace

SAME = ("task_digest", "measures_version", "corpus")
"""Parts of the header that must be equal between compared runs."""
SAME_SETTINGS = ("depth", "other_versions")
HEADER: Mapping[str, type] = {
    **dict.fromkeys(("task", "model", "task_digest", "primary_measure", "fingerprint"), str),
    **dict.fromkeys(("evaluate", "corpus", "index"), dict),
    **{"evaluate.depth": int, "evaluate.resamples": int, "evaluate.other_versions": str},
    **{"evaluate.measures": list, "index.engine": str, "languages": list, "scores": list},
}
"""What every scores.json says."""
RESULT: Mapping[str, type] = {
    **dict.fromkeys(("task", "model", "fingerprint"), str),
    **{"english_only": bool, "labels": dict, "scores": dict},
}
"""What every results/TASK/MODEL.json says."""


@dataclass(frozen=True)
class Evaluation:
    """One finished evaluation read back.

    Attributes:
        source: as the user named it.
        units: units.parquet.
        scores: scores.json.
        queries: queries.parquet; None where it was not written.
    """

    source: str
    units: pd.DataFrame
    scores: Mapping[str, Any]
    queries: pd.DataFrame | None = None

    @cached_property
    def book(self) -> ScoreBook:
        """The scores as a typed value."""
        return read_scores(self.scores)

    @property
    def name(self) -> str:
        """The model's slug."""
        return self.book.model

    def evaluated(self) -> Evaluated:
        """As the statistics take it."""
        return Evaluated(self.name, self.units, self.book.labels)


def read_evaluation(source: str, workspace: Workspace) -> Evaluation:
    """Read runs/TASK/MODEL (as a folder or TASK/MODEL), results/TASK/MODEL.json, or an MLflow run id.

    Raises:
        UserError: if there is no evaluation to be found under that name.
    """
    folder = _run_folder(source, workspace)
    if folder is not None:
        return read_folder(source, folder)
    from xlembed.tracking.registry import RUN_ID, fetch_run  # MLflow only when asked for

    if RUN_ID.fullmatch(source):
        with tempfile.TemporaryDirectory() as temporary:
            names = ["units.parquet", "scores.json"]
            fetch_run(source, workspace.root, names, Path(temporary), ["queries.parquet"])
            return read_folder(source, Path(temporary))
    raise UserError(
        f"{source!r}: expected a folder runs/TASK/MODEL, TASK/MODEL, results/TASK/MODEL.json or an MLflow run id "
        "(32 hexadecimal digits); nothing of that kind is there. Evaluate first: xlembed run -m MODEL -t TASK"
    )


def _run_folder(source: str, workspace: Workspace) -> Path | None:
    path = Path(source)
    if path.suffix == ".json" and path.is_file():  # results/TASK/MODEL.json stands beside runs/TASK/MODEL
        path = path.parents[2] / "runs" / path.parent.name / path.stem
    for folder in (path, workspace.out / "runs" / source):
        if (folder / "units.parquet").is_file():
            return folder
    return None


def read_folder(source: str, folder: Path) -> Evaluation:
    """Read an evaluation from a folder with units.parquet and scores.json, and queries.parquet where it is.

    Raises:
        UserError: one of them is missing or damaged, or they do not belong together.
    """
    units = read_units(folder / "units.parquet")
    path, again = folder / "scores.json", "evaluate the model again (xlembed run or xlembed evaluate)"
    scores = read_record(path, again, HEADER)
    found = Evaluation(source, units, scores, read_queries(folder / "queries.parquet"))
    try:
        measures = [parse_measure(name) for name in found.book.evaluate.measures if name != "MRR"]
    except UserError as error:
        raise UserError(f"{path} is damaged ({error}): {again}") from None
    if lacking := [m.name for m in measures if m.column not in units]:  # MRR may be cut at the depth
        raise UserError(f"{folder / 'units.parquet'} lacks {', '.join(lacking)} of scores.json: {again}")
    return found


def compare(
    evaluations: Sequence[Evaluation],
    workspace: Workspace,
    target: Path,
    *,
    intersect: bool = False,
    across_indices: bool = False,
    pdf: bool = False,
    beside: Sequence[Beside] = (),
) -> dict[str, Any]:
    """Compare evaluations of one task and write comparison.json, comparison.md and figures to `target`.

    What was measured elsewhere, `beside`, stands in the table of scores and is never tested.

    Raises:
        UserError: unequal tasks, settings or units; one model twice.
    """
    if across_indices:
        evaluations = [name_by_index(e) for e in evaluations]
    check_comparable(evaluations, across_indices)
    settings = workspace.settings.compare
    measures = [m for m in _common_measures(evaluations) if parse_measure(m).cutoff in (None, 1, 10)]
    primary = parse_measure(settings.primary_measure)
    outcome = compare_models(
        [e.evaluated() for e in evaluations],
        parse_measures(measures),
        primary,
        alpha=settings.alpha,
        intersect=intersect,
        n_resamples=evaluations[0].book.evaluate.resamples,
    )
    report = _report(evaluations, outcome, primary.name, settings.alpha)
    report |= _language_aware(evaluations, settings.alpha)
    books = [e.book for e in evaluations]
    with atomic_folder(target) as folder:
        write_json(folder / "comparison.json", report)
        text = [f"# Comparison on {report['task']}", to_markdown(scores_table(books, beside=beside))]
        grids = (order_grid(report), comparison_table(report), labelled_table(report))
        mixed = (language_aware_table(books), language_comparison_table(report))
        text += [to_markdown(grid) for grid in (*grids, *mixed) if grid]
        text += [to_markdown(index_table(book)) for book in books if book.index_fidelity]
        if remedied := remedy_grid(books, [*report["primary"], *report["exploratory"]]):
            text.append(to_markdown(remedied))
        (folder / "comparison.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
        scores = [e.scores for e in evaluations]
        write_figures(comparisons, folder / "figures", scores, report["primary"], pdf=pdf)
    return report


def name_by_index(evaluation: Evaluation) -> Evaluation:
    """A run that a server searched, under a name that says so: `MODEL@elasticsearch-hnsw`."""
    index = evaluation.book.index
    if index["engine"] in ("exact", ENGINE) or "@" in evaluation.name:
        return evaluation
    where = "-".join(str(index[key]) for key in ("engine", "type") if index.get(key))
    return replace(evaluation, scores={**evaluation.scores, "model": f"{evaluation.name}@{where}"})


def check_comparable(evaluations: Sequence[Evaluation], across_indices: bool = False) -> None:
    """Nothing, if all were made on the same task in the same way.

    Raises:
        UserError: names two that were not, and what differs.
    """
    names = [e.name for e in evaluations]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        engines = {e.book.index["engine"] for e in evaluations if e.name in twice}
        hint = "; --across-indices tells apart what different engines searched" if len(engines) > 1 else ""
        raise UserError(f"{', '.join(twice)} is given more than once{hint}")
    first = evaluations[0]
    for other in evaluations[1:]:
        both, a, b = f"{first.source} and {other.source} cannot be compared", first.book, other.book
        for key in SAME:
            if getattr(a, key) != getattr(b, key):
                found = f"{_short(first.scores.get(key))} and {_short(other.scores.get(key))}"
                raise UserError(f"{both}: {key} differs ({found}). Evaluate both again on the same task.")
        for key in SAME_SETTINGS:
            if (one := getattr(a.evaluate, key)) != (two := getattr(b.evaluate, key)):
                raise UserError(f"{both}: evaluate.{key} is {one} and {two}")
        engines = {a.index["engine"], b.index["engine"]} - {ENGINE}  # what another system did is all its own
        if not across_indices and len(engines) > 1:
            one, two = a.index["engine"], b.index["engine"]
            raise UserError(
                f"{both}: they were searched by {one} and {two}; --across-indices compares them all the same"
            )


def _short(value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, str) else value
    return text if len(text) <= 60 else text[:16] + "..."


def _common_measures(evaluations: Sequence[Evaluation]) -> list[str]:
    """Those that every evaluation has under this name: MRR is cut at the depth where the full ranking is unknown."""
    names = evaluations[0].book.evaluate.measures
    return [name for name in names if all(parse_measure(name).column in e.units for e in evaluations)]


def _report(
    evaluations: Sequence[Evaluation], outcome: Comparisons, primary: str, alpha: float
) -> dict[str, Any]:
    rows = [row.to_json() for row in outcome.rows]
    return {
        "task": evaluations[0].book.task,
        "task_digest": evaluations[0].book.task_digest,
        "models": [e.name for e in evaluations],
        "labels": {e.name: dict(e.book.labels) for e in evaluations},
        **({"model_notes": notes} if (notes := notes_of([e.book for e in evaluations])) else {}),
        "primary_measure": primary,
        "alpha": alpha,
        "primary": [r for r in rows if r["family"] == "primary"],
        "exploratory": [r for r in rows if r["family"] != "primary"],
        "order": [o.to_json() for o in orders(outcome.rows, [e.evaluated() for e in evaluations])],
        "untested": list(outcome.untested),
        **({"labelled": [row.to_json() for row in outcome.labelled]} if outcome.labelled else {}),
        "dropped_units": dict(outcome.dropped),
    }


def _language_aware(evaluations: Sequence[Evaluation], alpha: float) -> dict[str, Any]:
    """Tests of the language-aware measures, and what is left out of them; nothing where no model has them."""
    there = [e for e in evaluations if e.queries is not None]
    if not there:
        return {}
    left_out = [
        f"{e.name} (evaluated within languages only, or before there were these measures)"
        for e in evaluations
        if e.queries is None
    ]
    gains = sorted({e.book.evaluate.other_language_gain for e in there})
    unlike = [name for name in MEASURES["lang_ndcg"] if len(gains) > 1]
    left_out += [f"{name} (other_language_gain is {', '.join(map(str, gains))})" for name in unlike]
    tables = [
        Evaluated(e.name, e.queries.drop(columns=unlike, errors="ignore"), e.book.labels)
        for e in there
        if e.queries is not None
    ]
    rows = compare_queries(tables, alpha=alpha, n_resamples=there[0].book.evaluate.resamples)
    return {
        "language_aware": [row.to_json() for row in rows],
        "language_aware_left_out": left_out,
    }


def write_summary(results: Sequence[Mapping[str, Any]], path: Path) -> None:
    """results/summary.csv: one flat row per task and model."""
    rows = []
    for result in results:
        row: dict[str, Any] = {
            "task": result["task"],
            "model": result["model"],
            "label": "; ".join(filter(None, (_label(result), result.get("weights", "")))),
            "fingerprint": result["fingerprint"],
        }
        row |= _flat(result["scores"])
        rows.append(row)
    table = pd.DataFrame(rows).sort_values(["task", "model"], kind="stable")
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _label(result: Mapping[str, Any]) -> str:
    return (
        "English-only model" if result["english_only"] else "; ".join(sorted(set(result["labels"].values())))
    )


def _flat(scores: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """`mono.macro.accuracy@1` -> value, and its `.ci_low` and `.ci_high`."""
    flat: dict[str, float] = {}
    for key, value in scores.items():
        name = f"{prefix}{key}"
        if "value" in value:
            flat |= {
                name: value["value"],
                f"{name}.ci_low": value["ci_low"],
                f"{name}.ci_high": value["ci_high"],
            }
        else:
            flat |= _flat(value, f"{name}.")
    return flat


def read_results(workspace: Workspace, task: str, models: Sequence[str]) -> list[dict[str, Any]]:
    """The files with details of some models.

    Raises:
        UserError: names the first that is missing and the command that makes it.
    """
    found = []
    for model in models:
        if not SLUG.fullmatch(model):
            raise UserError(f"{model!r} is no name of a result")
        path = workspace.details_file(task, model)
        if not path.is_file():
            raise UserError(f"{path} is missing: run xlembed run -m {model} -t {task} (or dvc repro)")
        again = f"run xlembed run -m {model} -t {task} (or dvc repro)"
        result = read_record(path, again, RESULT)
        try:
            _flat(result["scores"])
        except (KeyError, TypeError):
            raise UserError(f"{path} is damaged: its scores are not ours: {again}") from None
        found.append(result)
    return found
