"""Do rankings carry over? Finished evaluations of the same models on two tasks -> Kendall's tau."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlembed.evaluate.compare import Evaluation, read_evaluation
from xlembed.evaluate.evaluated import evaluated_slug
from xlembed.evaluate.rankings_table import rankings_markdown
from xlembed.files import atomic_folder, write_json
from xlembed.measures import Measure, parse_measure
from xlembed.stats.agreement import FEW_MODELS, rank_agreement
from xlembed.stats.comparison import Evaluated
from xlembed.stats.utility import Macros, macro_draws, rank
from xlembed.words import UserError
from xlembed.workspace import Workspace


def compare_rankings(tasks: Sequence[str], models: Sequence[str], workspace: Workspace) -> dict[str, Any]:
    """Rank the same models on two tasks, and write across.json and across.md.

    Models are anything MODEL may be, or slugs of evaluations; those whose card lacks a language of one of the tasks
    are left out and listed.

    Raises:
        UserError: not two tasks, an evaluation is missing, settings differ, or fewer than two models are left.
    """
    if len(tasks) != 2 or tasks[0] == tasks[1]:
        raise UserError(f"--across-tasks compares two tasks, found {', '.join(tasks) or 'none'}")
    measure = parse_measure(workspace.settings.compare.primary_measure)
    slugs = dict.fromkeys(evaluated_slug(workspace, tasks[0], model) for model in models)
    found = {slug: [read_evaluation(f"{task}/{slug}", workspace) for task in tasks] for slug in slugs}
    _check_settings([e for pair in found.values() for e in pair])
    left_out = {model: reason for model, pair in found.items() if (reason := _reason(pair))}
    kept = [pair for model, pair in found.items() if model not in left_out]
    if len(kept) < 2:
        listed = "; ".join(f"{model}: {reason}" for model, reason in left_out.items())
        raise UserError(
            f"a ranking needs at least two models that support both tasks, found {len(kept)}"
            + (f" (left out: {listed})" if listed else "")
        )
    resamples = kept[0][0].book.evaluate.resamples
    first, second = ([Evaluated(pair[i].name, pair[i].units, {}) for pair in kept] for i in range(2))
    report: dict[str, Any] = {
        "tasks": [e.book.task for e in kept[0]],
        "task_digests": [e.book.task_digest for e in kept[0]],
        "measure": measure.name,
        "models": [pair[0].name for pair in kept],
        "left_out": [{"model": model, "reason": reason} for model, reason in left_out.items()],
        "agreement": _marked(
            [a.to_json() for a in rank_agreement(first, second, measure, resamples)],
            (first, second),
            measure,
            resamples,
            workspace.settings.compare.alpha,
        ),
        "note": f"fewer than {FEW_MODELS} models: descriptive only" if len(kept) < FEW_MODELS else "",
    }
    with atomic_folder(rankings_folder(workspace, report["tasks"])) as folder:
        write_json(folder / "across.json", report)
        (folder / "across.md").write_text(rankings_markdown(report), encoding="utf-8")
    return report


def _marked(
    rows: Sequence[dict[str, Any]],
    tasks: Sequence[Sequence[Evaluated]],
    measure: Measure,
    resamples: int,
    alpha: float,
) -> list[dict[str, Any]]:
    """The rows with, per task and model, whether it is not told apart from the best there."""
    macros = [
        {m.name: macro_draws(m.units, sorted(set(m.units["query_lang"])), measure, resamples) for m in models}
        for models in tasks
    ]

    def with_best(of: Mapping[str, Macros], kind: str) -> list[bool | None]:
        found = {r.name: r.with_best for r in rank(of, dict.fromkeys(of, 0.0), {kind: 1.0}, alpha)}
        return [found[name] for name in of]

    return [
        {**row, "with_best": [with_best(of, f"{row['kind']}/{row['pool']}") for of in macros]} for row in rows
    ]


def rankings_folder(workspace: Workspace, tasks: Sequence[str]) -> Path:
    """Where the comparison of two tasks goes."""
    return workspace.reports("compare", f"across-{'-'.join(tasks)}")


def _reason(pair: Sequence[Evaluation]) -> str:
    """Why a model cannot be ranked; empty: it can."""
    lacking = [f"{', '.join(sorted(e.book.labels))} on {e.book.task}" for e in pair if e.book.labels]
    return f"its card lacks {'; '.join(lacking)}" if lacking else ""


def _check_settings(evaluations: Sequence[Evaluation]) -> None:
    """What a score means must not differ between the two tasks."""
    for key in ("measures_version", "other_versions", "depth", "relevance"):
        said = {str({**e.scores, **e.scores["evaluate"], **e.scores["corpus"]}.get(key)) for e in evaluations}
        if len(said) > 1:
            raise UserError(
                f"these evaluations cannot be compared: {key} is {' and '.join(sorted(said))}; evaluate them again "
                "with the same settings"
            )
    digests: dict[str, set[str]] = {}
    for e in evaluations:
        digests.setdefault(e.book.task, set()).add(e.book.task_digest)
    if changed := sorted(task for task, found in digests.items() if len(found) > 1):
        raise UserError(f"{', '.join(changed)} changed between evaluations: evaluate all models on it again")
