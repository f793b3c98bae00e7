"""`xlembed judge-pairs`: what models find, graded by a language model, and whether it judges as people do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlembed.cli.generate import ASKING, say_plan
from xlembed.cli.study import Asked, run_job, study, told

if TYPE_CHECKING:
    from xlembed.judge.result import Judged
    from xlembed.workspace import Watch


@click.command()
@study(
    *ASKING,
    "judge",
    models="; repeatable, or several with commas: whose documents are judged. [default: all evaluated]",
    unjudged=True,
    json_help="Print the numbers for scripts.",
)
@click.option(
    "--people", default="", metavar="FILE", help="pairs.csv whose column human a person filled in, in part."
)
@click.option(
    "--name", default="", metavar="NAME", help="Write the task that these grades make to data/NAME."
)
@click.option("--force", is_flag=True, help="Replace a task of that name.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, with the first prompt; ask nothing.")
@click.option("--show-prompt", is_flag=True, help="Print the prompt, to be edited and given by --prompt.")
def judge_pairs(asked: Asked, people: str, name: str, force: bool, dry_run: bool, show_prompt: bool) -> None:
    """Let a language model grade the first documents of several models, and compare its grades with people's.

    \b
    xlembed judge-pairs -t reviews_sample -m static_multilingual,bm25 --needs 50
    xlembed judge-pairs -t log -m bm25 --name log_judged  # a log of queries
    xlembed judge-pairs -t log -m bm25 --people reports/judge/log/pairs.csv

    A task written by --name is marked as judged by a machine, and so are all numbers on it.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from dataclasses import replace

    from xlembed.data.loading import card_notes
    from xlembed.data.writing import check_target, write_task
    from xlembed.judge import job
    from xlembed.judge.tables import judge_grids
    from xlembed.models.chat import open_chat, read_prompt
    from xlembed.tracking.log import Inputs

    workspace, settings = asked.workspace, asked.workspace.settings.judge
    prompt = read_prompt(settings.prompt, job.READY, job.BLANKS, job.BLANKS)
    if show_prompt:
        click.echo(prompt.text)
        return
    task = replace(asked.task, notes=card_notes(workspace, asked.task_name))
    target = workspace.root / "data" / name
    if name:
        check_target(name, target, force)
    graded = job.read_people(Path(people)) if people else None
    rankings = job.found_by(task, asked.models, workspace)
    pairs = job.pooled(task, rankings, workspace)
    messages = job.prompts_of(task, pairs, prompt, settings.longest)
    if dry_run:
        say_plan(messages)
        return
    chat = open_chat(workspace)

    def work(watch: Watch, run_id: str) -> Judged:
        try:
            result, judged = job.judge_pairs(task, rankings, pairs, messages, chat, workspace, graded, watch)
        finally:
            told(chat.endpoint.usage.told())
        if name:
            write_task(replace(judged, name=name), target, force)
        return result

    folder = workspace.reports("judge", task.name)
    run_job(
        asked,
        work,
        kind="judge-pairs",
        folder=folder,
        inputs=Inputs(workspace.settings, (*ASKING, "judge"), task.name, asked.task_folder, task.digest),
        tables=judge_grids,
        lines=lambda result: [
            f"Fill in the column human of {folder / job.FILE}, of questions drawn at random, and give it by --people.",
            *([f"Wrote {target}. Next: xlembed run -t {name}"] if name else []),
        ],
    )
