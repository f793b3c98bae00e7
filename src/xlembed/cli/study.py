"""What every study's command does the same way: its options, its MLflow run, what it prints and where it says it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xlembed.cli.options import (
    is_setting,
    listed,
    open_ref,
    open_workspace,
    settings_options,
    skip,
    variation_options,
    workspace_options,
)

if TYPE_CHECKING:
    from xlembed.data.task import Task
    from xlembed.models.spec import ModelRef
    from xlembed.show.content import Grid
    from xlembed.tracking.log import Inputs, Loggable
    from xlembed.workspace import Watch, Workspace

    R = TypeVar("R", bound=Loggable)

MODEL = "Catalogue name, folder, Hub id or models:/name/1"
VARIATION = ("dim", "max_tokens", "dtype")


@dataclass(frozen=True)
class Asked:
    """What the shared options say.

    Attributes:
        workspace: settings and places.
        given: values of -m as they were given.
        task_name: value of -t; the first task of params.yaml where there is none.
        experiment: MLflow experiment, if one was named.
        as_json: whether the result is printed for scripts.
        variation: values of --dim, --max-tokens and --dtype.
        unjudged: whether a task without judgements is served.
    """

    workspace: Workspace
    given: tuple[str, ...]
    task_name: str
    experiment: str | None
    as_json: bool
    variation: Mapping[str, str | None]
    unjudged: bool = False

    @property
    def models(self) -> list[str]:
        """Names of models, without repetition."""
        return list(dict.fromkeys(listed(self.given)))

    @cached_property
    def task(self) -> Task:
        """The task, read."""
        from xlembed.data.loading import open_task

        return open_task(self.workspace, self.task_name, unjudged=self.unjudged)

    @property
    def task_folder(self) -> Path:
        """Where it was read from."""
        from xlembed.data.folders import find_task

        return find_task(self.task_name, self.workspace.root / "data")

    def refs(self, models: Sequence[str] = ()) -> list[ModelRef]:
        """The named models, or `models`; all are resolved before any work starts: a typo in the third costs no hour.

        What is named twice, be it in two ways, counts once.

        Raises:
            UserError: an unknown model or a bad value, no model, or two models of one name.
        """
        from xlembed.words import UserError

        if not (names := self.models or list(models)):
            raise UserError("-m: expected at least one model")
        found: dict[str, ModelRef] = {}
        for name in names:
            ref = open_ref(self.workspace, name, *map(self.variation.get, VARIATION))
            if found.setdefault(ref.slug, ref) != ref:
                raise UserError(
                    f"{name}: another of these models has the name {ref.slug} too; give one an entry under `models:`"
                )
        return list(found.values())

    @property
    def one(self) -> str:
        """What a command that takes one model was given.

        Raises:
            UserError: nothing.
        """
        from xlembed.words import UserError

        if not self.given:
            raise UserError("-m: expected a model")
        return self.given[0]

    @property
    def ref(self) -> ModelRef:
        """The model of a command that takes one.

        Raises:
            UserError: none is named, it is unknown, or a value is bad.
        """
        return open_ref(self.workspace, self.one, *map(self.variation.get, VARIATION))

    def unskipped(self, place: Callable[[ModelRef], Path], models: Sequence[str] = ()) -> list[ModelRef]:
        """The same without models that this machine cannot have; `place` is a stage's output, where that is said."""
        return [ref for ref in self.refs(models) if not skip(ref, place(ref))]


def study(
    *sections: str,
    models: str | None = None,
    one: bool = False,
    task: str | None = "Task under data/, or a folder.",
    required: Sequence[str] = (),
    variation: bool = False,
    tracked: bool = True,
    json_help: str = "Print the result for scripts.",
    named: tuple[str, ...] = (),
    unjudged: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A click command of a study: its function takes `Asked` and its own options, by name.

    Options of settings are used up by the workspace; all other options reach the function.

    Args:
        *sections: of params.yaml, whose keys become options; or single keys, ``index.shards``.
        models: what the help of -m says after what MODEL may be; None: there is no -m.
        one: -m takes one model.
        task: help of -t; None: there is no -t.
        required: of ``model`` and ``task``.
        variation: whether --dim, --max-tokens and --dtype are there.
        tracked: whether --experiment is there.
        json_help: of --json; empty: there is no --json.
        named: sections whose options change nothing that is written under the model's name.
        unjudged: whether it needs no judgements, so that tasks without them are served.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def command(params: str | None, out: str | None = None, **options: Any) -> None:
            given = options.pop("given", ())
            said: dict[str, Any] = {
                "unjudged": unjudged,
                "given": ((given,) if given else ()) if one else given,
                "experiment": options.pop("experiment", None),
                "as_json": options.pop("as_json", False),
                "variation": {name: options.pop(name) for name in VARIATION} if variation else {},
            }
            asked_task = options.pop("asked_task", None)
            settings = {name: options.pop(name) for name in [*options] if is_setting(name)}
            workspace = open_workspace(params, out, settings, named=named)
            asked = Asked(workspace, task_name=asked_task or workspace.settings.run.tasks[0], **said)
            function(asked, **options)

        command = workspace_options(command)
        command = settings_options(*sections)(command)
        if variation:
            command = variation_options(command)
        if json_help:
            command = click.option("--json", "as_json", is_flag=True, help=json_help)(command)
        if tracked:
            text = "MLflow experiment (default: TASK, of a study TASK/STUDY)."
            command = click.option("--experiment", default=None, metavar="NAME", help=text)(command)
        if task is not None:
            must = "task" in required
            command = click.option("-t", "--task", "asked_task", required=must, metavar="TASK", help=task)(
                command
            )
        if models is not None:
            many: dict[str, Any] = {} if one else {"multiple": True}
            command = click.option(
                "-m",
                "--model",
                "given",
                required="model" in required,
                metavar="MODEL",
                help=f"{MODEL}{models}",
                **many,
            )(command)
        return command

    return decorate


def run_job(
    asked: Asked,
    work: Callable[[Watch, str], R],
    *,
    kind: str,
    folder: Path,
    task: str = "",
    name: str = "",
    tags: Mapping[str, str] | None = None,
    inputs: Inputs | None = None,
    tables: Callable[[R], Iterable[Grid]] = lambda result: (),
    lines: Callable[[R], Iterable[str]] = lambda result: (),
) -> R:
    """One study from its MLflow run to what is printed.

    Args:
        asked: the shared options.
        work: given progress bars and the run's id; writes its files and returns the result.
        kind: of the study, for the tag.
        folder: with the files, which are logged; a file: that one.
        task: its name (default: of the task that was asked for).
        name: of the run (default: the kind).
        tags: of the run, beside `task` and `kind`.
        inputs: settings and data that are logged before the work.
        tables: of the result, printed in order.
        lines: printed below them.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.progress import Bars
    from xlembed.tracking.log import log_inputs, log_result
    from xlembed.tracking.runs import open_run

    task, name = task or asked.task.name, name or kind
    root = asked.workspace.root
    known = {"task": task, "kind": kind, **(tags or {})}
    models = asked.models or [known[key] for key in ("model",) if key in known]
    with (
        open_run(root, task=task, experiment=asked.experiment, name=name, tags=known) as run_id,
        Bars(name) as bars,
    ):
        if inputs is not None:
            log_inputs(inputs, root)
        result = work(bars, run_id)
        log_result(result, folder)
        printed, said = list(tables(result)), list(lines(result))
        describe_run(task, models, printed, said, folder)
    if not asked.as_json:
        show_tables(printed, said)
    else:
        echo_json(result.to_json())
    told(f"MLflow run {run_id}, {folder}")
    return result


def describe_run(
    task: str, models: Iterable[str], tables: Iterable[Grid], lines: Iterable[str], place: Path
) -> None:
    """The description of the active MLflow run: what was asked of whom, the headline, sentences, and where the rest is.

    Args:
        task: its name.
        models: names; none: those of the tables.
        tables: the first is the headline; further ones stand last, as far as a description holds them.
        lines: printed below the tables.
        place: with the files.
    """
    from xlembed.cli import COMMANDS
    from xlembed.show.markdown import escape, grid_lines
    from xlembed.tracking.log import describe

    name = click.get_current_context().info_name or ""
    named = ", ".join(f"`{model}`" for model in models)
    asked = f"**xlembed {name}** on **{escape(task)}**{f': {named}' if named else ''}. {COMMANDS[name][1]}"
    first, *others = ["\n\n".join(grid_lines(table)) for table in tables] or [""]
    files = f"Files: `{place}`, and among the artifacts of this run."
    describe("\n\n".join(part for part in (asked, first, *map(escape, lines), files, *others) if part))


def show_tables(
    tables: Iterable[Grid], lines: Iterable[str] = (), warnings: Iterable[str] = (), *, err: bool = False
) -> None:
    """Tables, sentences and warnings; a note that stands below one table is not said again below the next.

    Args:
        tables: in order, with an empty line between them.
        lines: below the tables.
        warnings: below the sentences, each once.
        err: on stderr, where JSON takes stdout.
    """
    from dataclasses import replace

    from xlembed.cli.console import open_console, print_line, print_table, print_warning

    console, said = open_console(stderr=err), set[str]()
    for i, table in enumerate(tables):
        if i:
            print_line(console, "")
        print_table(console, replace(table, notes=tuple(note for note in table.notes if note not in said)))
        said.update(table.notes)
    for line in lines:
        print_line(console, line)
    for warning in dict.fromkeys(warnings):
        print_warning(console, warning)


def show_choice(table: Grid, lines: Iterable[str] = (), *, as_json: bool) -> None:
    """What a command can be given where it was given nothing; for scripts an object per row."""
    from xlembed.cli import echo_json

    if not as_json:
        return show_tables([table], lines)
    names = [head.text for head in table.heads]
    labels = [[cell.label for cell in row.cells if cell.label] for row in table.rows]
    texts = [[cell.text for cell in row.cells] for row in table.rows]
    return echo_json(
        [
            {**dict(zip(names, of, strict=True)), "labels": said}
            for of, said in zip(texts, labels, strict=True)
        ]
    )


def told(text: str) -> None:
    """A message about the work itself, on stderr."""
    from xlembed.cli.console import say

    say(text, err=True)
