"""`xlembed import-run`: rankings that another system made, evaluated like any model's."""

from __future__ import annotations

import click

from xlembed.cli.study import Asked, show_tables, study, told


@click.command("import-run")
@study(
    *("corpus", "evaluate"),
    task="Task that was searched.",
    required=("task",),
    json_help="Print what results/TASK/NAME.details.json holds.",
)
@click.argument("files", metavar="[LANG=]FILE...", nargs=-1, required=True)
@click.option("--name", required=True, help="What to call the system.")
@click.option("--languages", default="", help="That it is made for; numbers in others are labelled: de,en.")
@click.option("--complete", is_flag=True, help="Nothing is below the rankings: they hold all that was found.")
@click.option("--force", is_flag=True, help="Replace an earlier import.")
def import_run(
    asked: Asked, files: tuple[str, ...], name: str, languages: str, complete: bool, force: bool
) -> None:
    """Evaluate TREC run files (or MTEB predictions, .json) of another system: runs/TASK/NAME/, as `evaluate` writes it.

    FILE holds rankings of all documents; rankings within a language are filtered out of them, or come in a file of
    their own: de=FILE. What the rankings are too short for is left out and told.
    """
    from xlembed.cli import echo_json
    from xlembed.cli.console import open_console, print_warning
    from xlembed.cli.options import listed
    from xlembed.cli.progress import Bars
    from xlembed.data.languages import require_language
    from xlembed.evaluate.imported import check_name, imported_ref
    from xlembed.evaluate.importing_runs import import_rankings
    from xlembed.evaluate.tables import scores_table
    from xlembed.files import rounded
    from xlembed.stats.scorebook import ScoreBook
    from xlembed.tracking.evaluation import evaluation_inputs, log_evaluation, run_tags
    from xlembed.tracking.log import log_inputs
    from xlembed.tracking.runs import open_run

    workspace, task = asked.workspace, asked.task
    check_name(task, name, workspace, force)
    ref = imported_ref(name, [require_language(lang, "--languages") for lang in listed([languages])])
    tags = run_tags(ref, task)
    with (
        open_run(workspace.root, task=task.name, experiment=asked.experiment, name=name, tags=tags),
        Bars(name) as bars,
    ):
        log_inputs(evaluation_inputs(workspace.settings, ref, task, asked.task_folder), workspace.root)
        result, notes = import_rankings(task, ref, files, workspace, bars, complete=complete)
        log_evaluation(workspace.run_folder(task.name, name))
    for note in notes:
        print_warning(open_console(stderr=True), note)
    if asked.as_json:
        echo_json(rounded(result))
        return
    book = ScoreBook.read(workspace.run_folder(task.name, name) / "scores.json", "import it again")
    show_tables([scores_table([book])])
    told(str(workspace.result_file(task.name, name)))
