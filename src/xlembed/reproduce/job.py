"""Study reproduce: a model on a public set -> what was published beside what is measured here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xlembed.data.loading import open_task
from xlembed.data.public.entry import find_public_set
from xlembed.data.public.importing import Wish, import_public
from xlembed.data.read_options import ReadOptions
from xlembed.data.task import Task
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import evaluate
from xlembed.files import write_json
from xlembed.hub import NotFetched
from xlembed.models.hub import locate
from xlembed.models.spec import ModelRef
from xlembed.reproduce.recipe import Claim
from xlembed.reproduce.result import Figure, Reproduced
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.stats.scorebook import MACROS, Macro, ScoreBook
from xlembed.words import UserError
from xlembed.workspace import Watch, Workspace, unwatched

RESULT = "reproduced.json"


def prepare(
    claim: Claim, ref: ModelRef, workspace: Workspace, task: str | None = None, *, accepted: bool = False
) -> Task:
    """The recipe's task or `task`, fetched if it is not here, once the model is known to be here too.

    Raises:
        UserError: one sentence names what is missing; or a licence is not accepted.
    """
    found: list[Task] = []

    def take_task() -> None:
        found.append(open_task(workspace, task or _imported(claim, workspace, accepted)))

    def take_model() -> None:
        if not ref.card.lexical:
            locate(ref, workspace.settings.encode.trust_remote_code)

    entry = find_public_set(claim.set)
    missing = _missing(take_task, f"the set {claim.set} ({entry.hub_id}; `xlembed import hub {claim.set}`)")
    missing += _missing(
        take_model, f"the model {ref.slug} ({ref.card.hub_id}; `xlembed models {ref.card.name}`)"
    )
    if missing:
        raise UserError(
            f"{claim.name} needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not on this "
            "machine, and the Hub cannot be reached"
        )
    return found[0]


def _missing(take: Callable[[], None], what: str) -> list[str]:
    try:
        take()
    except NotFetched:
        return [what]
    return []


def _imported(claim: Claim, workspace: Workspace, accepted: bool) -> str:
    data = workspace.root / "data"
    if not (data / claim.task).is_dir():
        wish = Wish(
            langs=claim.langs,
            split=claim.split,
            name=claim.task,
            options=ReadOptions(documents=claim.documents),
            accepted=accepted,
        )
        import_public(find_public_set(claim.set), wish, data)
    return claim.task


def reproduce(
    claim: Claim, task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched, run_id: str = ""
) -> Reproduced:
    """Encode, search and score as `xlembed run` does, in the recipe's mode and measures alone.

    Raises:
        UserError: as the main job; or the task has no units in the recipe's mode.
    """
    folder = workspace.reports("reproduce", claim.name)
    scored = workspace.settings.evaluate.model_copy(
        update={"modes": (claim.mode,), "measures": tuple(claim.expected)}
    )
    own = replace(workspace, settings=workspace.settings.model_copy(update={"evaluate": scored}), out=folder)
    encode(task, ref, own, watch)
    index(task, ref, own, watch, run_id or None)
    evaluate(task, ref, own, watch)
    book = ScoreBook.read(own.run_folder(task.name, ref.slug) / "scores.json", "reproduce it again")
    macro = next(m for m in MACROS if m.kind == claim.mode)
    changed = [f"the model {ref.slug} in place of {claim.model}"] * (ref.slug != claim.model)
    changed += [f"the task {task.name} in place of {claim.task}"] * (task.name != claim.task)
    found = Reproduced(
        name=claim.name,
        published_by=claim.source,
        model=ref.slug,
        task=task.name,
        data=task.source or task.name,
        label=book.label(),
        unsure=claim.unsure,
        changed=tuple(changed),
        figures=tuple(_figure(book, macro, name, claim) for name in claim.expected),
    )
    write_json(folder / RESULT, found.to_json())
    return found


def _figure(book: ScoreBook, macro: Macro, measure: str, claim: Claim) -> Figure:
    row = book.macro(macro, measure)
    if row is None:
        raise UserError(f"{book.task}: no {macro.title} units, so {measure} is not known")
    return Figure(
        measure=measure,
        published=claim.expected[measure],
        digits=claim.digits,
        value=row.value,
        ci_low=row.ci_low,
        ci_high=row.ci_high,
        n_units=row.n_units,
        n_clusters=row.n_clusters,
    )


def reproduced_grid(found: Reproduced) -> Grid:
    """A row per measure, in percent."""
    rows = []
    for f in found.figures:
        interval = (
            "" if f.ci_low is None or f.ci_high is None else f"[{100 * f.ci_low:.2f}, {100 * f.ci_high:.2f}]"
        )
        ours = Cell(f"{100 * f.value:.2f}", interval, found.label)
        rows.append(row(f.measure, f"{100 * f.published:.2f}", ours, f"{f.n_clusters:,}", str(f.agreement)))
    columns = heads(
        "measure", "published, %", "ours, %", "clusters", "published value", words=("published value",)
    )
    title = f"{found.published_by}: {found.model} on {found.task}"
    return Grid("reproduced", title, columns, tuple(rows), notes=(f"Data: {found.data}",))
