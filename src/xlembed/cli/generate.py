"""`xlembed generate-queries` and `translate-queries`: a task whose questions a language model writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from xlembed.cli.study import Asked, run_job, study, told

if TYPE_CHECKING:
    from xlembed.data.task import Task
    from xlembed.generate.job import Plan, Written
    from xlembed.models.chat import Chat
    from xlembed.workspace import Watch

ASKING = ("endpoint", "chat")


def writes_task(function: Callable[..., None]) -> Callable[..., None]:
    """The options of commands that ask a language model and write a task."""
    for option in (
        click.option("--force", is_flag=True, help="Replace a task of that name."),
        click.option(
            "--dry-run", is_flag=True, help="Say what would be asked, with the first prompt; ask nothing."
        ),
        click.option(
            "--show-prompt", is_flag=True, help="Print the prompt, to be edited and given by --prompt."
        ),
        click.option("--name", default="", metavar="NAME", help="Of the new task, written to data/NAME."),
    ):
        function = option(function)
    return function


@click.command()
@study(
    *ASKING,
    "generate",
    task="Task or folder with documents, judged or not. [default: the first of params.yaml]",
    json_help="Print the numbers for scripts.",
)
@click.option(
    "--languages", default="", metavar="de,en", help="Languages of documents asked about. [default: all]"
)
@writes_task
def generate_queries(asked: Asked, languages: str, **options: Any) -> None:
    """Let a language model write questions about sampled documents, as a new task of the same documents.

    \b
    export XLEMBED_API_URL=http://localhost:8000/v1 XLEMBED_API_MODEL=MODEL
    xlembed generate-queries -t reviews_sample --name asked --dry-run
    xlembed generate-queries -t shop --name asked --requests-per-minute 60

    Each question is in its document's language. Answers are kept in the cache: the same command again, after an
    interruption too, pays for nothing twice. The key, if the endpoint wants one, is XLEMBED_API_KEY.
    """  # noqa: D301 (\b keeps click from joining the examples' lines)
    from xlembed.cli.options import listed
    from xlembed.data.loading import load_corpus
    from xlembed.generate import job
    from xlembed.models.chat import read_prompt

    settings = asked.workspace.settings
    prompt = read_prompt(settings.generate.prompt, job.QUESTIONS, job.QUESTION_BLANKS, ("document",))
    if options["show_prompt"]:
        click.echo(prompt.text)
        return
    corpus = load_corpus(asked.workspace, asked.task_name)
    documents = job.sampled(corpus, settings, listed((languages,)))
    plan = job.plan_questions(documents, prompt, settings)

    def work(chat: Chat, watch: Watch) -> tuple[Task, Written]:
        return job.generate_queries(corpus, documents, plan, chat, settings, options["name"], watch)

    _write(asked, corpus, plan, work, "Questions", "translate-queries", **options)


@click.command()
@study(
    *ASKING,
    task="Task whose questions are translated. [default: the first of params.yaml]",
    json_help="Print the numbers for scripts.",
)
@click.option("--to", "languages", default="", metavar="en,fr", help="Languages. [default: all of the task]")
@click.option("--prompt", default="", metavar="FILE", help="Prompt. [default: the package's]")
@writes_task
def translate_queries(asked: Asked, languages: str, prompt: str, **options: Any) -> None:
    """Let a language model put a task's questions into the other languages, as a new task.

    \b
    xlembed translate-queries -t asked --name asked_all
    xlembed translate-queries -t medical_qa_tr --to en,de --name medical_qa_many

    A translation shares need, judgements and document with its original, so that modes across languages know it.
    """  # noqa: D301
    from xlembed.cli.options import listed
    from xlembed.data.languages import require_language
    from xlembed.data.loading import load_whole
    from xlembed.generate import job
    from xlembed.models.chat import read_prompt

    read = read_prompt(prompt, job.TRANSLATE, job.TRANSLATE_BLANKS, ("question",))
    if options["show_prompt"]:
        click.echo(read.text)
        return
    task = load_whole(asked.workspace, asked.task_name)
    wanted = [require_language(code, "--to") for code in listed((languages,))] or task.languages
    plan, originals = job.plan_translations(task, read, wanted)

    def work(chat: Chat, watch: Watch) -> tuple[Task, Written]:
        return job.translate_queries(task, plan, originals, chat, options["name"], watch)

    _write(asked, task, plan, work, "Translations", "check-queries", **options)


def _write(
    asked: Asked,
    source: Task,
    plan: Plan,
    work: Callable[[Chat, Watch], tuple[Task, Written]],
    what: str,
    following: str,
    *,
    name: str,
    force: bool,
    dry_run: bool,
    show_prompt: bool,
) -> None:
    """From the questions that are wanted to the task in its folder."""
    from xlembed.data.writing import check_target, write_task
    from xlembed.generate.job import written_grid
    from xlembed.models.chat import open_chat
    from xlembed.tracking.log import Inputs
    from xlembed.words import UserError

    workspace = asked.workspace
    if dry_run:
        say_plan(plan.messages)
        return
    if not name:
        raise UserError("--name: what shall the new task be called?")
    folder = workspace.root / "data" / name
    check_target(name, folder, force)
    chat = open_chat(workspace)

    def written(watch: Watch, run_id: str) -> Written:
        try:
            task, result = work(chat, watch)
        finally:
            told(chat.endpoint.usage.told())
        write_task(task, folder, force)
        return result

    kind = f"{'generate' if what == 'Questions' else 'translate'}-queries"
    sections = (*ASKING, "generate") if what == "Questions" else ASKING
    task_folder = asked.task_folder
    run_job(
        asked,
        written,
        kind=kind,
        folder=folder / "queries.jsonl",
        task=name,
        inputs=Inputs(workspace.settings, sections, source.name, task_folder, source.digest),
        tables=lambda result: [written_grid(result, what)],
        lines=lambda result: [f"Next: xlembed {following} -t {name}, or look at {folder / 'queries.jsonl'}"],
    )


def say_plan(messages: Sequence[list[dict[str, str]]]) -> None:
    """How much would be asked, and the first of it."""
    from xlembed.cli.console import say
    from xlembed.words import counted

    characters = sum(len(message["content"]) for of in messages for message in of)
    say(f"{counted(len(messages), 'request')} with {characters:,} characters would be sent; the first:\n")
    for message in messages[0]:
        say(f"[{message['role']}]\n{message['content']}\n")
