"""Stage guide: finished evaluations of one task -> which model to take for a use of retrieval, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

from xlembed.analyse.result import Estimate
from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation, check_comparable, read_evaluation
from xlembed.evaluate.evaluated import check_languages
from xlembed.evaluate.tables import write_page
from xlembed.files import atomic_folder, write_json
from xlembed.guide.figures import guides
from xlembed.guide.parts import KINDS, Measured, Wish, excluded_by, measure, time_queries
from xlembed.guide.result import Guide, Limits, Standing, Timing, Weighed
from xlembed.guide.scenarios import QUALITY, Part
from xlembed.guide.tables import excluded_lines, guide_markdown
from xlembed.measures import parse_measure
from xlembed.models.spec import ModelRef
from xlembed.search.chance import monolingual_chance
from xlembed.show.figures.registry import write_figures
from xlembed.show.notes import notes_of, said_once
from xlembed.show.text import model_names, percent
from xlembed.stats.comparison import Evaluated
from xlembed.stats.conditions import Margins
from xlembed.stats.scores import MIN_CLUSTERS
from xlembed.stats.standing import YARDSTICK, standings
from xlembed.stats.utility import Macros, Ranked, macro_draws, rank
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, Mode, UserError, counted
from xlembed.workspace import Watch, Workspace, unwatched

FINE_TUNE_BELOW, FINE_TUNE_EXAMPLES = 0.1, 1000
"""MRR under which, and training pairs from which, fine-tuning is the better next step."""


def guide(
    task: Task,
    models: Sequence[str],
    wish: Wish,
    workspace: Workspace,
    watch: Watch = unwatched,
    timing: bool = True,
) -> Guide:
    """Rank evaluated models (anything MODEL may be, or a slug) for a use, and write reports/guide/TASK/SCENARIO/.

    The points of a model are the weighted sum of its parts. A part that is not known of every model left counts for
    none of them and is said to be unknown. Limits and languages exclude; they are never weighed. With `timing` some of
    the task's queries are encoded one at a time with every model, on this machine.

    Raises:
        UserError: no model is left, an evaluation is missing, or the evaluations cannot be compared.
    """
    check_languages(wish.languages, task, "--languages")
    refs = dict(_opened(model, task, workspace) for model in models)
    evaluations = [read_evaluation(f"{task.name}/{slug}", workspace) for slug in refs]
    yardstick = _stored_yardstick(task, evaluations, workspace)
    found = weigh(task, evaluations, wish, workspace, refs if timing else None, watch, yardstick=yardstick)
    with atomic_folder(workspace.reports("guide", task.name, wish.name)) as folder:
        write_json(folder / "guide.json", found.to_json())
        write_figures(guides, folder / "figures", found)
        write_page(folder / "guide.md", partial(guide_markdown, found))
    return found


def _opened(model: str, task: Task, workspace: Workspace) -> tuple[str, ModelRef | None]:
    """The slug of its evaluation, and the model itself if the name opens one."""
    try:
        ref = open_model(workspace, model)
    except UserError:
        if not workspace.run_folder(task.name, model).is_dir():
            raise
        return model, None
    return ref.slug, ref


def _stored_yardstick(
    task: Task, evaluations: Sequence[Evaluation], workspace: Workspace
) -> Evaluation | None:
    """The finished evaluation of bm25, if it was made on the same task in the same way."""
    try:
        found = read_evaluation(f"{task.name}/{YARDSTICK}", workspace)
        check_comparable([*[e for e in evaluations if e.name != YARDSTICK][:1], found])
    except UserError:
        return None
    return found


def weigh(
    task: Task,
    evaluations: Sequence[Evaluation],
    wish: Wish,
    workspace: Workspace,
    refs: Mapping[str, ModelRef | None] | None = None,
    watch: Watch = unwatched,
    across_indices: bool = False,
    yardstick: Evaluation | None = None,
) -> Guide:
    """The ranking that `guide` writes; nothing is written here.

    Models of `refs`, by slug, are timed; None: no timing. With `across_indices` they may have been searched by
    different engines. `yardstick` is the evaluation of bm25, where it is not one of the models.

    Raises:
        UserError: no model is left, or the evaluations cannot be compared.
    """
    if not evaluations:
        raise UserError(
            f"no model was evaluated on {task.name} yet: xlembed run -t {task.name} -m MODEL,MODEL"
        )
    check_comparable(evaluations, across_indices)
    excluded: dict[str, list[str]] = {e.name: reasons for e in evaluations if (reasons := _labels(e, wish))}
    found = [measure(e, wish, workspace) for e in evaluations if e.name not in excluded]
    timing = time_queries(task, found, refs, wish, workspace, watch) if refs is not None else None
    excluded |= {m.name: reasons for m in found if (reasons := excluded_by(m, wish))}
    left = {m.name: m for m in found if m.name not in excluded}
    if not left:
        raise UserError("no model is left; " + " | ".join(excluded_lines(excluded)))
    used = _used(left, wish)
    places, vetoed = _ranked(left, used, workspace.settings.compare.alpha)
    yardstick = next((e for e in evaluations if e.name == YARDSTICK), yardstick)
    standing, lacking = _standing(task, wish, left, yardstick, workspace)
    return Guide(
        task=task.name,
        task_digest=task.digest,
        scenario=wish.name,
        title=wish.scenario.title,
        why=wish.scenario.why,
        measure=wish.scenario.measure,
        languages=wish.languages,
        limits=Limits(ms_per_query=wish.max_ms, bytes_per_vector=wish.max_bytes),
        weights=used,
        models=[_weighed(place, left[place.name], used, vetoed.get(place.name, "")) for place in places],
        excluded=excluded,
        unknown=[*lacking, *_unknown(task, wish, left, used, timing)],
        timing=timing,
        advice=_advice(left[places[0].name], wish),
        model_notes=notes_of([e.scores for e in evaluations if e.name in left]),
        standing=standing,
        documents=left[places[0].name].documents,
        demonstration=task.demonstration,
    )


def _labels(evaluation: Evaluation, wish: Wish) -> list[str]:
    """Wanted languages that the model's card does not have."""
    labels = evaluation.book.labels
    by_label: dict[str, list[Lang]] = {}
    for lang in wish.languages:
        if lang in labels:
            by_label.setdefault(labels[lang], []).append(lang)
    return [f"{label} ({', '.join(langs)})" for label, langs in by_label.items()]


def _used(left: Mapping[str, Measured], wish: Wish) -> dict[Part, float]:
    """Shares of the parts that are known of every model.

    Raises:
        UserError: more than half of the quality is not known: what is left would speak of another use.
    """
    shares = wish.scenario.shares()
    used = {
        part: weight
        for part, weight in shares.items()
        if weight > 0 and all(m.points(part) is not None for m in left.values())
    }
    quality = {part: weight for part, weight in shares.items() if weight > 0 and part in QUALITY}
    lacking = [part for part in quality if part not in used]
    if not quality:
        raise UserError("no quality to weigh: the weights name none")
    if sum(quality[part] for part in lacking) > sum(quality.values()) / 2:
        most = "most of it, " if len(lacking) < len(quality) else ""
        raise UserError(
            f"no quality to weigh: {most}{', '.join(lacking)} was not measured in {', '.join(wish.languages)} "
            "(one language alone has no cross-lingual cells; a run may have been cut by --modes)"
        )
    total = sum(used.values())
    return {part: weight / total for part, weight in used.items()}


def _ranked(
    left: Mapping[str, Measured], used: Mapping[Part, float], alpha: float
) -> tuple[list[Ranked], dict[str, str]]:
    """By quality, which the resampled queries change, and by the other parts, which they do not.

    What is cheap makes up for no quality that is shown to be lost (paired tests, Holm): such models stand last, and the
    second mapping says of each what it loses.
    """
    fixed = {
        name: sum(w * (m.points(part) or 0.0) for part, w in used.items() if part not in QUALITY)
        for name, m in left.items()
    }
    quality = {KINDS[part]: w for part, w in used.items() if part in QUALITY}
    macros = {name: m.macros for name, m in left.items()}
    worse = _worse(macros, quality, alpha)
    kept = rank({name: of for name, of in macros.items() if name not in worse}, fixed, quality, alpha)
    first = kept[0]
    pairs = [rank({m: macros[m] for m in (first.name, name)}, fixed, quality, alpha) for name in worse]
    others = sorted((r for pair in pairs for r in pair if r.name != first.name), key=lambda r: -r.points)
    vetoed = {r.name: worse[r.name] for r in others if r.points > first.points}
    last = [_last(r, place, r.name in vetoed) for place, r in enumerate(others, len(kept) + 1)]
    return [*kept, *last], vetoed


def _worse(macros: Mapping[str, Macros], quality: Mapping[str, float], alpha: float) -> dict[str, str]:
    """Models that are told apart from the best by quality alone, with what they lose."""
    best, *others = rank(macros, dict.fromkeys(macros, 0.0), quality, alpha)
    total = sum(quality.values())
    return {
        r.name: f"quality {percent(r.points / total)} % against {percent(best.points / total)} % of {best.name}"
        for r in others
        if r.with_best is False
    }


def _last(r: Ranked, place: int, vetoed: bool) -> Ranked:
    """A worse model at its place; of one that only the veto keeps from the first place the distance says nothing."""
    found = replace(r, place=place, with_best=False, first=None if r.first is None else 0.0)
    return replace(found, behind=0.0, behind_low=None, behind_high=None) if vetoed else found


def _weighed(place: Ranked, model: Measured, used: Mapping[Part, float], vetoed: str) -> Weighed:
    def quality(part: Part) -> Estimate:
        kind = KINDS[part]
        low, high = model.macros.ends[kind] or (None, None)
        return Estimate(value=model.macros.values[kind], ci_low=low, ci_high=high)

    ranked = asdict(place)
    return Weighed(
        model=ranked.pop("name"),
        **ranked,
        parts={part: model.points(part) or 0.0 for part in used},
        quality={part: quality(part) for part in used if part in QUALITY},
        ms_per_query=model.ms,
        bytes_per_vector=model.size,
        n_clusters=model.macros.n_clusters,
        vetoed=vetoed,
    )


def _standing(
    task: Task, wish: Wish, left: Mapping[str, Measured], bm25: Evaluation | None, workspace: Workspace
) -> tuple[dict[str, Standing], list[str]]:
    """Does each model find more than chance, and not far less than a search for words, within the wanted languages?

    Also what is not known of this.
    """
    every = {name: _monolingual(m.evaluation, wish) for name, m in left.items() if name != YARDSTICK}
    own = [m for m in every.values() if not m.units.empty]
    if not own:
        return {}, []
    settings, wanted = workspace.settings, parse_measure(wish.scenario.measure)
    yardstick = _monolingual(bm25, wish) if bm25 and wanted.column in bm25.units else None
    yardstick = None if yardstick and yardstick.units.empty else yardstick
    found = standings(
        own,
        yardstick,
        wanted,
        monolingual_chance(task, own[0].units, wanted),
        Margins(bm25=settings.paradox.margin_bm25),
        alpha=settings.compare.alpha,
        n_resamples=next(iter(left.values())).evaluation.book.evaluate.resamples,
    )
    lacking = (
        f"whether they find more than a search for words: {YARDSTICK} was not evaluated on it with the same "
        f"settings; to know: xlembed run -t {task.name} -m {YARDSTICK}"
    )
    standing = {}
    for name, of in found.items():
        few = of.monolingual.ci_low is None
        beats, shortfall = (None, "") if few else (of.beats_chance, of.shortfall)
        standing[name] = Standing(beats_chance=beats, shortfall=shortfall)
    return standing, [] if yardstick else [lacking]


def _monolingual(evaluation: Evaluation, wish: Wish) -> Evaluated:
    units = evaluation.units
    inside = (units["mode"] == Mode.MONOLINGUAL) & units["doc_lang"].isin(wish.languages)
    return Evaluated(evaluation.name, units[inside], {})


def _unknown(
    task: Task, wish: Wish, left: Mapping[str, Measured], used: Mapping[Part, float], timing: Timing | None
) -> list[str]:
    """What nobody should think was measured."""
    found = []
    for part in (p for p, weight in wish.scenario.shares().items() if weight > 0 and p not in used):
        lacking = [name for name, m in left.items() if m.points(part) is None]
        hint = " (xlembed analyse)" if part == "morphology" else ""
        found.append(f"{part} counts for none, since it is not known of {model_names(lacking)}{hint}")
    found += said_once({name: m.unknown for name, m in left.items()})
    clusters = min(m.macros.n_clusters for m in left.values())
    if clusters < MIN_CLUSTERS:
        few = counted(clusters, "cluster of queries is", "clusters of queries are")
        found.append(f"how sure the order is: {few} too few for an interval")
    if rest := sorted(set(task.languages) - set(wish.languages)):
        found.append(
            f"a corpus without {', '.join(rest)}: pools of all documents hold them too, as {task.name} was evaluated"
        )
    if timing and timing.spread:
        found.append(
            "speed on other devices, with other texts and in batches: timed were exact search by one query and the "
            f"encoding of {timing.queries} queries one at a time on {timing.where}"
        )
    found.append(f"quality on texts unlike those of {task.name}")
    return found


def _advice(best: Measured, wish: Wish) -> list[str]:
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
        f"MRR {lowest:.3f} of {best.name} is below {FINE_TUNE_BELOW:g} in a mode that counts here: "
        f"{condition}{amount} training pairs, fine-tune rather than choose (docs/finetune.md)"
    ]
