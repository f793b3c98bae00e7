"""Stage guide: finished evaluations of one task -> which model to take for a use of retrieval, and how sure that is."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlembed.corpus.task import Task
from xlembed.files import atomic_folder, write_json
from xlembed.metrics.measures import parse_measure
from xlembed.models.spec import ModelRef
from xlembed.report.analysed import read_analysis
from xlembed.report.figures import guides
from xlembed.report.figures.registry import write_figures
from xlembed.report.guide_table import guide_markdown
from xlembed.report.scenarios import QUALITY, Part, Scenario, bytes_points, speed_points
from xlembed.stages.compare import Evaluation, check_comparable, read_evaluation
from xlembed.stages.encoding import open_encoding
from xlembed.stages.workspace import Watch, Workspace, unwatched
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.stats.utility import Macros, Place, macro_draws, rank
from xlembed.types import Lang, Role, UserError

FORMAT = 1
KINDS: Mapping[str, str] = {
    "monolingual": "monolingual/target",
    "cross_lingual": "cross_lingual/all",
    "true_cross_all": "true_cross_lingual/all",
    "true_cross_target": "true_cross_lingual/target",
}
"""Part of quality -> macro average."""
ITEM_BYTES = {"float32": 4.0, "float16": 2.0}
INDEX_BYTES = {"int8_hnsw": 1.0, "int4_hnsw": 0.5, "bbq_hnsw": 0.125}
"""Of a dimension, in the memory of a server that searches quantised vectors."""
QUERIES, ROUNDS, WARM = 20, 5, 3
FINE_TUNE_BELOW, FINE_TUNE_EXAMPLES = 0.1, 1000
"""MRR under which, and training pairs from which, fine-tuning is the better next step."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    Attributes:
        languages: both of query and document; all of them in the task.
        max_ms: hard limit of milliseconds for encoding one query.
        max_bytes: hard limit of bytes of one vector.
        examples: training pairs at hand; None if not said.
    """

    name: str
    scenario: Scenario
    languages: tuple[Lang, ...]
    max_ms: float | None = None
    max_bytes: float | None = None
    examples: int | None = None


@dataclass
class _Measured:
    """One model's parts; None: not known."""

    evaluation: Evaluation
    macros: Macros
    ms: float | None = None
    size: float | None = None
    morphology: float | None = None
    unknown: list[str] = field(default_factory=list)

    def known(self, part: Part) -> bool:
        if part in QUALITY:
            return KINDS[part] in self.macros.values
        return {"speed": self.ms, "bytes": self.size, "morphology": self.morphology}[part] is not None


def guide_folder(workspace: Workspace, task: str, scenario: str) -> Path:
    """Where the guide goes."""
    return workspace.out / "reports" / "guide" / task / scenario


def evaluated_models(workspace: Workspace, task: str) -> list[str]:
    """Slugs of all models with a finished evaluation of the task."""
    return sorted(path.parent.name for path in (workspace.out / "runs" / task).glob("[!.]*/units.parquet"))


def guide(
    task: Task,
    models: Sequence[str],
    wish: Wish,
    workspace: Workspace,
    watch: Watch = unwatched,
    timing: bool = True,
) -> dict[str, Any]:
    """Rank evaluated models for a use, and write reports/guide/TASK/SCENARIO/.

    The points of a model are the weighted sum of its parts. A part that is not known of every model left counts for
    none of them and is said to be unknown. Limits and languages exclude; they are never weighed.

    Args:
        task: that all were evaluated on.
        models: anything MODEL may be, or the slug of an evaluation; see `evaluated_models`.
        wish: scenario, languages and limits.
        workspace: with runs/TASK/MODEL.
        watch: told of the timing.
        timing: encode some of the task's queries one at a time with every model, on this machine.

    Returns:
        What guide.json holds.

    Raises:
        UserError: no model is left, an evaluation is missing, or the evaluations cannot be compared.
    """
    if missing := sorted(set(wish.languages) - set(task.languages)):
        raise UserError(
            f"--languages: {task.name} has no {', '.join(missing)}; its languages are {', '.join(task.languages)}"
        )
    refs = dict(_opened(model, task, workspace) for model in models)
    evaluations = [read_evaluation(f"{task.name}/{slug}", workspace) for slug in refs]
    report = weigh(task, evaluations, wish, workspace, refs if timing else None, watch)
    with atomic_folder(guide_folder(workspace, task.name, wish.name)) as folder:
        write_json(folder / "guide.json", report)
        write_figures(guides, folder / "figures", report)
        names = sorted(path.name for path in (folder / "figures").glob("*.png"))
        (folder / "guide.md").write_text(guide_markdown(report, names), encoding="utf-8")
    return report


def weigh(
    task: Task,
    evaluations: Sequence[Evaluation],
    wish: Wish,
    workspace: Workspace,
    refs: Mapping[str, ModelRef | None] | None = None,
    watch: Watch = unwatched,
    across_indices: bool = False,
) -> dict[str, Any]:
    """The ranking that `guide` writes; nothing is written here.

    Args:
        task: that all were evaluated on.
        evaluations: of the models.
        wish: as in `guide`.
        workspace: settings.
        refs: slug -> model, to be timed; None: no timing.
        watch: told of the timing.
        across_indices: they may have been searched by different engines.

    Raises:
        UserError: no model is left, or the evaluations cannot be compared.
    """
    if not evaluations:
        raise UserError(
            f"no model was evaluated on {task.name} yet: xlembed run -t {task.name} -m MODEL,MODEL"
        )
    check_comparable(evaluations, across_indices)
    excluded: dict[str, list[str]] = {e.name: reasons for e in evaluations if (reasons := _labels(e, wish))}
    found = [_measure(e, wish, workspace) for e in evaluations if e.name not in excluded]
    times = _times(task, found, refs, wish, workspace, watch) if refs is not None else {}
    for model in found:
        if reasons := _limits(model, wish):
            excluded[model.evaluation.name] = reasons
    left = {m.evaluation.name: m for m in found if m.evaluation.name not in excluded}
    if not left:
        lines = [f"{name}: {'; '.join(reasons)}" for name, reasons in excluded.items()]
        raise UserError("no model is left; " + " | ".join(lines))
    return _report(task, wish, left, excluded, times)


def _opened(model: str, task: Task, workspace: Workspace) -> tuple[str, ModelRef | None]:
    """The slug of its evaluation, and the model itself if the name opens one."""
    try:
        ref = workspace.open_model(model)
    except UserError:
        if not workspace.run_folder(task.name, model).is_dir():
            raise
        return model, None
    return ref.slug, ref


def _labels(evaluation: Evaluation, wish: Wish) -> list[str]:
    """Wanted languages that the model's card does not have."""
    labels: Mapping[Lang, str] = evaluation.scores.get("labels", {})
    by_label: dict[str, list[Lang]] = {}
    for lang in wish.languages:
        if lang in labels:
            by_label.setdefault(labels[lang], []).append(lang)
    return [f"{label} ({', '.join(langs)})" for label, langs in by_label.items()]


def _measure(evaluation: Evaluation, wish: Wish, workspace: Workspace) -> _Measured:
    measure = parse_measure(wish.scenario.measure)
    if measure.column not in evaluation.units:
        raise UserError(
            f"{evaluation.name} was evaluated without {measure.name}, which the scenario {wish.name} asks for: "
            f"xlembed run -t {evaluation.scores['task']} -m {evaluation.name}"
        )
    resamples = evaluation.scores["evaluate"]["resamples"]
    macros = macro_draws(evaluation.units, wish.languages, measure, resamples)
    measured = _Measured(evaluation, macros, size=_vector_bytes(evaluation, workspace))
    if "morphology" in wish.scenario.weights:
        measured.morphology = _morphology(measured, wish, workspace)
    return measured


def _morphology(model: _Measured, wish: Wish, workspace: Workspace) -> float | None:
    """Mean of P(forms of one word nearer than unrelated words) over the wanted languages that have word pairs."""
    evaluation = model.evaluation
    folder = workspace.analysis_folder(str(evaluation.scores["task"]), evaluation.name)
    try:
        report = read_analysis(folder)
    except UserError:
        return None
    if report.get("fingerprint") != evaluation.scores["fingerprint"]:
        model.unknown.append("morphology: its analysis is of other vectors; run xlembed analyse again")
        return None
    rows = [row for row in report["morphology"] if row["lang"] in wish.languages]
    if lacking := sorted(set(wish.languages) - {row["lang"] for row in rows}):
        model.unknown.append(f"morphology in {', '.join(lacking)}: no word pairs")
    return statistics.fmean(row["superiority"]["value"] for row in rows) if rows else None


def _vector_bytes(evaluation: Evaluation, workspace: Workspace) -> float | None:
    """In the memory of what searches them; a lexical model has none."""
    index = evaluation.scores["index"]
    if not index.get("dim"):
        return None
    stored = ITEM_BYTES[str(workspace.settings.encode.storage_dtype)]
    return float(index["dim"]) * INDEX_BYTES.get(str(index.get("type")), stored)


def _limits(model: _Measured, wish: Wish) -> list[str]:
    """Hard limits that the model breaks, or of which it is not known whether it does."""
    found = []
    for limit, value, unit in (
        (wish.max_ms, model.ms, "ms per query"),
        (wish.max_bytes, model.size, "bytes per vector"),
    ):
        if limit is None:
            continue
        if value is None:
            found.append(f"{unit} not known, the limit is {limit:g}")
        elif value > limit:
            found.append(f"{value:,.1f} {unit}, the limit is {limit:g}")
    return found


def _times(
    task: Task,
    found: Sequence[_Measured],
    refs: Mapping[str, ModelRef | None],
    wish: Wish,
    workspace: Workspace,
    watch: Watch,
) -> dict[str, Any]:
    """Encode queries one at a time, model after model; fills in `ms`."""
    texts = [q.text for q in task.queries if q.lang in wish.languages][:QUERIES]
    devices, spread = set(), {}
    for number, model in enumerate(found):
        watch("time queries", number, len(found))
        ref = refs[model.evaluation.name]
        if ref is None:
            model.unknown.append("speed: its name opens no model; give its folder with -m")
            continue
        if ref.searches_words or ref.reranker is not None:
            model.unknown.append("speed: searching words and ranking anew are not timed here")
            continue
        encoder = open_encoding(ref, workspace).encoder()
        rounds = list(_rounds(lambda text, e=encoder: e.encode_batch([text], Role.QUERY), texts))
        model.ms = statistics.median(rounds)
        spread[model.evaluation.name] = {"low": round(min(rounds), 4), "high": round(max(rounds), 4)}
        devices.add(encoder.device)
    watch("time queries", len(found), len(found))
    return {
        "device": ", ".join(sorted(devices)),
        "machine": platform.machine(),
        "queries": len(texts),
        "rounds": ROUNDS,
        "spread": spread,
    }


def _rounds(encode: Any, texts: Sequence[str]) -> Iterator[float]:
    """Milliseconds per text of each round, after a few that are not counted."""
    for text in texts[:WARM]:
        encode(text)
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for text in texts:
            encode(text)
        yield 1000 * (time.perf_counter() - start) / len(texts)


def _report(
    task: Task,
    wish: Wish,
    left: Mapping[str, _Measured],
    excluded: Mapping[str, Sequence[str]],
    times: Mapping[str, Any],
) -> dict[str, Any]:
    shares = wish.scenario.shares()
    used = {part: w for part, w in shares.items() if w > 0 and all(m.known(part) for m in left.values())}
    if not any(part in QUALITY for part in used):
        wanted = ", ".join(part for part in shares if part in QUALITY)
        raise UserError(
            f"no quality to weigh: {wanted or 'the weights name none'} was not measured in {', '.join(wish.languages)} "
            "(one language alone has no cross-lingual cells; a run may have been cut by --modes)"
        )
    total = sum(used.values())
    used = {part: weight / total for part, weight in used.items()}
    places = _ranked(left, used)
    return {
        "format": FORMAT,
        "task": task.name,
        "task_digest": task.digest,
        "scenario": wish.name,
        "title": wish.scenario.title,
        "why": wish.scenario.why,
        "measure": wish.scenario.measure,
        "languages": list(wish.languages),
        "limits": {"ms_per_query": wish.max_ms, "bytes_per_vector": wish.max_bytes},
        "weights": {part: round(weight, 6) for part, weight in used.items()},
        "models": [_row(place, left[place.name], used) for place in places],
        "excluded": {name: list(reasons) for name, reasons in excluded.items()},
        "unknown": _unknown(task, wish, left, shares, used, times),
        "timing": dict(times),
        "advice": _advice(left[places[0].name], wish),
    }


def _ranked(left: Mapping[str, _Measured], used: Mapping[Part, float]) -> list[Place]:
    fixed = {name: sum(w * _points(m, part) for part, w in used.items()) for name, m in left.items()}
    quality = {KINDS[part]: w for part, w in used.items() if part in QUALITY}
    return rank({name: m.macros for name, m in left.items()}, fixed, quality)


def _points(model: _Measured, part: Part) -> float:
    """Points that no resample of queries changes."""
    if part == "speed" and model.ms is not None:
        return speed_points(model.ms)
    if part == "bytes" and model.size is not None:
        return bytes_points(model.size)
    if part == "morphology" and model.morphology is not None:
        return model.morphology
    return 0.0


def _row(place: Place, model: _Measured, used: Mapping[Part, float]) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 6)

    return {
        "model": place.name,
        "points": rounded(place.points),
        "first": rounded(place.first),
        "behind": rounded(place.behind),
        "behind_low": rounded(place.behind_low),
        "behind_high": rounded(place.behind_high),
        "parts": {
            part: rounded(model.macros.values[KINDS[part]] if part in QUALITY else _points(model, part))
            for part in used
        },
        "quality": {part: _quality(model.macros, KINDS[part]) for part in used if part in QUALITY},
        "ms_per_query": rounded(model.ms),
        "bytes_per_vector": model.size,
        "n_clusters": model.macros.n_clusters,
    }


def _quality(macros: Macros, kind: str) -> dict[str, float | None]:
    """A macro average with its unadjusted 95 % interval, if there is one."""
    low, high = macros.ends[kind] or (None, None)
    found = {"value": macros.values[kind], "ci_low": low, "ci_high": high}
    return {key: None if x is None else round(x, 6) for key, x in found.items()}


def _unknown(
    task: Task,
    wish: Wish,
    left: Mapping[str, _Measured],
    shares: Mapping[Part, float],
    used: Mapping[Part, float],
    times: Mapping[str, Any],
) -> list[str]:
    """What nobody should think was measured."""
    found = []
    for part in (p for p, weight in shares.items() if weight > 0 and p not in used):
        lacking = [name for name, m in left.items() if not m.known(part)]
        hint = " (xlembed analyse)" if part == "morphology" else ""
        found.append(f"{part} counts for none, since it is not known of {', '.join(lacking)}{hint}")
    found += [f"{name}: {line}" for name, m in left.items() for line in m.unknown]
    clusters = min(m.macros.n_clusters for m in left.values())
    if clusters < MIN_CLUSTERS:
        found.append(f"how sure the order is: {clusters} clusters of queries are too few for an interval")
    if set(task.languages) - set(wish.languages):
        rest = ", ".join(sorted(set(task.languages) - set(wish.languages)))
        found.append(
            f"a corpus without {rest}: pools of all documents hold them too, as {task.name} was evaluated"
        )
    if times:
        found.append(
            "speed on other devices, with other texts, in batches, and of the search itself: timed was the encoding of "
            f"{times['queries']} queries one at a time on {times['device'] or 'no device'}"
        )
    found.append(f"quality on texts unlike those of {task.name}")
    return found


def _advice(best: _Measured, wish: Wish) -> list[str]:
    """Fine-tune instead, where even the best finds little."""
    measures = [m for m in map(parse_measure, ("MRR", "MRR@10")) if m.column in best.evaluation.units]
    if not measures:
        return []
    mrr = macro_draws(best.evaluation.units, wish.languages, measures[0], 2).values
    weighed = [KINDS[part] for part in wish.scenario.weights if part in QUALITY and KINDS[part] in mrr]
    lowest = min((mrr[key] for key in weighed), default=1.0)
    if lowest >= FINE_TUNE_BELOW:
        return []
    have = wish.examples is not None and wish.examples >= FINE_TUNE_EXAMPLES
    condition = "you have" if have else f"with {FINE_TUNE_EXAMPLES:,} or more"
    amount = f" {wish.examples:,}" if have and wish.examples else ""
    return [
        f"MRR {lowest:.3f} of {best.evaluation.name} is below {FINE_TUNE_BELOW:g} in a mode that counts here: "
        f"{condition}{amount} training pairs, fine-tune rather than choose (docs/finetune.md)"
    ]
