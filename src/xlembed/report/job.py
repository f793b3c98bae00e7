"""Stage report: everything known about the models on a task -> one report as HTML, Markdown, LaTeX and a paper."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from xlembed.data.summary import summarise
from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation, check_comparable, compare, name_by_index
from xlembed.evaluate.evaluated import read_evaluated
from xlembed.explore.result import Explored
from xlembed.files import atomic_folder
from xlembed.guide.figures import profiles as profile_figures
from xlembed.guide.job import weigh
from xlembed.guide.parts import Wish
from xlembed.guide.profiles import profiles
from xlembed.guide.result import Guide, Refused
from xlembed.guide.scenarios import scenarios
from xlembed.paradox import figures as paradox_figures
from xlembed.report.assemble import assemble
from xlembed.report.inputs import Inputs
from xlembed.report.pdf import Built, build_pdf
from xlembed.search.imported import ENGINE
from xlembed.show.content import Document, Picture
from xlembed.show.figures.registry import write_figures
from xlembed.show.style import numbered
from xlembed.show.writing import write_document
from xlembed.stats.scorebook import CROSS_LINGUAL, MONOLINGUAL
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, UserError
from xlembed.workspace import Watch, Workspace, unwatched

CARD_FIELDS = ("objective", "training_data", "parameters", "year", "licence", "citation")
CAPTIONS = {
    "forest": "Paired differences between all pairs of models with 95 % CIs, unadjusted.",
    "tradeoff": "Within languages against across languages, with 95 % CIs, unadjusted.",
    "preference": "Whether the first right document is in the query's language, with 95 % CIs, unadjusted.",
    "first_place": "What stands first when all languages are searched: right or wrong, own or other language.",
    "profile_bars": "MRR, recall@1, morphology and silhouette of languages, which is no quality score.",
    "profile_radar": "Profiles: modes of retrieval, morphology and speed, each from 0 to 1, of at most six models.",
    "separation": "Separation of languages against scores and losses.",
    "variants": "Every model before and after post-processing.",
}
"""Figure -> what it shows, in the order of the report."""
PROJECTED = 4
"""Models whose documents are shown as a map."""
TESTED = 8
"""Models that are tested in pairs: more give hundreds of tests that take an hour and find little."""


@dataclass(frozen=True)
class Written:
    """The report that was written, and what came of the paper; None: not asked for."""

    document: Document
    pdf: Built | None


def report(
    task: Task,
    models: Sequence[str],
    workspace: Workspace,
    watch: Watch = unwatched,
    pdf: bool = False,
) -> Written:
    """Read what was measured, test it, and write reports/report/TASK/.

    Tests and verdicts are computed anew from the units, so that they always fit the scores beside them. No models, by
    slug, are all of the task. With `pdf` the paper is built where LaTeX is installed.

    Raises:
        UserError: nothing was evaluated, or the evaluations cannot stand in one report.
    """
    evaluations = _read(task, models, workspace)
    with (
        numbered([e.name for e in evaluations]),
        atomic_folder(workspace.reports("report", task.name)) as folder,
    ):
        inputs = gather(task, evaluations, workspace, watch)
        document = assemble(inputs)
        write_document(document, list(inputs.pictures.get("paper", ())), folder)
        built = build_pdf(folder / "paper") if pdf else None
    return Written(document, built)


def gather(
    task: Task, evaluations: Sequence[Evaluation], workspace: Workspace, watch: Watch = unwatched
) -> Inputs:
    """Everything that the report is made of."""
    watch("report", 0, 3)
    comparison, pictures = _compared(evaluations, workspace)
    watch("report", 1, 3)
    languages = supported_languages(task, evaluations)
    wishes = [Wish(name, scenario, languages) for name, scenario in scenarios().items()]
    guides = {wish.name: _guide(wish, task, evaluations, workspace) for wish in wishes}
    watch("report", 2, 3)
    warnings: list[str] = []
    # DVC cannot depend on a file that may be missing, so its stage reads no results of commands that are no stages.
    others = "DVC_STAGE" not in os.environ
    paradox_file = workspace.reports("paradox", task.name) / "paradox.json"
    analysed = workspace.out / "analysis" / task.name
    paradox = _read_json(paradox_file, task, warnings) if others else None
    if paradox is not None and "standings" not in paradox:
        older = "judges by an older rule: run xlembed paradox again"
        warnings.append(f"{paradox_file.name} of {task.name} {older}")
        paradox = None
    read = {e.name: _read_json(analysed / e.name / "analysis.json", task, warnings) for e in evaluations}
    analyses = {name: found for name, found in read.items() if found}
    explored = _explored(task, workspace, warnings) if others else None
    times = _times(task, workspace, warnings) if others else {}
    watch("report", 3, 3)
    return Inputs(
        task=summarise(task),
        scores=[e.book for e in evaluations],
        cards={e.name: card for e in evaluations if (card := _card(e.name, workspace))},
        comparison=comparison,
        guides=guides,
        paradox=paradox,
        explored=explored,
        analyses=analyses,
        pictures={
            "tests": [p for p in pictures if p.name == "forest"],
            "mixed": [p for p in pictures if p.name in ("preference", "first_place")],
            "paper": pictures,
            "profiles": _drawn(profile_figures, profiles([e.scores for e in evaluations], analyses, times)),
            "paradox": _drawn(paradox_figures, paradox) if paradox else [],
            "analysis": _projections(list(analyses), analysed),
        },
        warnings=warnings,
    )


def _read(task: Task, models: Sequence[str], workspace: Workspace) -> list[Evaluation]:
    found = read_evaluated(task, models, workspace)
    if len({e.book.index["engine"] for e in found} - {ENGINE}) > 1:
        found = [name_by_index(e) for e in found]
    check_comparable(found, across_indices=True)
    return sorted(found, key=_place)


def _place(evaluation: Evaluation) -> tuple[int, float, str]:
    """Models that have more of the languages come first, then the better one across languages."""
    book = evaluation.book
    macro = book.macro(CROSS_LINGUAL) or book.macro(MONOLINGUAL)
    return len(book.labels), -macro.value if macro else 0.0, book.model


def _compared(
    evaluations: Sequence[Evaluation], workspace: Workspace
) -> tuple[dict[str, Any] | None, list[Picture]]:
    """Paired tests and their forest plot; none for a model alone."""
    if len(evaluations) < 2:
        return None, []
    tested = _tested(evaluations)
    names = {e.name for e in tested}
    left_out = [e.name for e in evaluations if e.name not in names]
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) / "compare"
        # By their indices, as `_read` calls them where these differ.
        named = any("@" in e.name for e in evaluations)
        found = compare(tested, workspace, target, across_indices=named, pdf=True)
        if left_out:
            reason = f"no more than {TESTED} models; -m chooses them, and xlembed paradox tests variants"
            found["untested"] = [*found["untested"], f"{', '.join(left_out)} ({reason})"]
            found["left_out"] = left_out
        return found, _pictures(target / "figures")


def _tested(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """All where they are few; else models before their variants, each in the order given."""
    if len(evaluations) <= TESTED:
        return list(evaluations)
    order = sorted(range(len(evaluations)), key=lambda i: ("+" in evaluations[i].name, i))
    return [evaluations[i] for i in sorted(order[:TESTED])]


def _drawn(kind: ModuleType, result: Any) -> list[Picture]:
    """Figures of a kind, drawn here, so that a model has its number and colour of this report in them too."""
    with tempfile.TemporaryDirectory() as temporary:
        write_figures(kind, Path(temporary), result, pdf=True)
        return _pictures(Path(temporary))


def _times(task: Task, workspace: Workspace, warnings: list[str]) -> dict[str, float]:
    """Milliseconds per query from one guide, so that all were timed together: the one that timed most models."""
    folder = workspace.reports("guide", task.name)
    guides = [_read_json(path, task, warnings) for path in sorted(folder.glob("[!.]*/guide.json"))]
    timed = [
        {r["model"]: float(r["ms_per_query"]) for r in guide.get("models", ()) if r.get("ms_per_query")}
        for guide in guides
        if guide
    ]
    return max(timed, key=len, default={})


def _pictures(folder: Path, captions: Mapping[str, str] = CAPTIONS) -> list[Picture]:
    """The figures of a folder whose names have a caption."""
    return [
        Picture(name, png.read_bytes(), pdf.read_bytes() if pdf.is_file() else b"", caption)
        for name, caption in captions.items()
        for png, pdf in [(folder / f"{name}.png", folder / f"{name}.pdf")]
        if png.is_file()
    ]


def _projections(models: Sequence[str], folder: Path) -> list[Picture]:
    """The map of each model's documents, for a few models: a page is to stay small."""
    return [
        replace(picture, name=f"projection-{i}")
        for i, model in enumerate(models[:PROJECTED], 1)
        for caption in [{"projection": f"{model}: documents by t-SNE, coloured by language."}]
        for picture in _pictures(folder / model / "figures", caption)
    ]


def supported_languages(task: Task, evaluations: Sequence[Evaluation]) -> tuple[Lang, ...]:
    """Languages of the task that at least one model has; all of them if none has any.

    A language that nobody has would leave no model for any use.
    """
    found = tuple(x for x in task.languages if any(x not in e.book.labels for e in evaluations))
    return found or tuple(task.languages)


def _guide(
    wish: Wish, task: Task, evaluations: Sequence[Evaluation], workspace: Workspace
) -> Guide | Refused:
    """The ranking for one use, without timing; why there is none, where no model is left."""
    try:
        return weigh(task, evaluations, wish, workspace, across_indices=True)
    except UserError as error:
        return Refused(title=wish.scenario.title, refused=str(error))


def _card(name: str, workspace: Workspace) -> dict[str, Any] | None:
    """Fields of the model's card, if its name opens one."""
    try:
        ref = open_model(workspace, name.partition("@")[0])
    except UserError:
        return None
    card = ref.card.model_dump(mode="json")
    return {**{key: card[key] for key in CARD_FIELDS}, "dim": ref.variation.dim or card["dim"]}


def _explored(task: Task, workspace: Workspace, warnings: list[str]) -> Explored | None:
    """What `xlembed explore` left; a damaged file is left out, with a warning."""
    path = workspace.reports("explore", task.name) / "explore.json"
    if (found := _read_json(path, task, warnings)) is None:
        return None
    try:
        return Explored.from_json(found, f"{path.name} of {task.name}", "run xlembed explore again")
    except UserError as error:
        warnings.append(str(error))
        return None


def _read_json(path: Path, task: Task, warnings: list[str]) -> dict[str, Any] | None:
    """A file of another command; one that is unreadable or of other texts is left out, with a warning."""
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        wrong = f"cannot be read ({type(error).__name__})"
    else:
        named = isinstance(found, dict) and "task_digest" in found
        if named and found["task_digest"] == task.digest:
            return dict(found)
        wrong = "is about other texts or judgements" if named else "is damaged: it names no task_digest"
    warnings.append(f"{path.name} of {path.parent.name} {wrong}")
    return None
