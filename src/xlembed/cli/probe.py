"""`xlembed probe`: is a frozen embedding with a small model on top good enough?"""

from __future__ import annotations

from typing import Any

import click

from xlembed.cli.options import listed, open_workspace, settings_options, workspace_options
from xlembed.cli.study import describe_run, show_tables


@click.command()
@click.option("-t", "--task", default="", help="Scored texts under data/scored, or a folder.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="Catalogue name, folder, Hub id or models:/name/1; repeatable, comma-separated.",
)
@click.option(
    "--log-model",
    default="",
    help="Which systems become MLflow models that take texts and give scores: best (default), all or none.",
)
@click.option("--experiment", default=None, help="MLflow experiment (default: TASK/probe).")
@click.option("--json", "as_json", is_flag=True, help="Print what probes/TASK/report.json holds.")
@settings_options("encode", "probe")
@workspace_options
def probe(
    task: str,
    models: tuple[str, ...],
    log_model: str,
    experiment: str | None,
    as_json: bool,
    params: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Predict scores of texts from frozen vectors, and compare with fine-tuned rivals and with a mean predictor.

    Every model's vectors get every probe. Writes probes/TASK/ and the report under reports/probe/TASK/.
    """
    from functools import partial

    from xlembed.cli import echo_json
    from xlembed.cli.progress import Bars
    from xlembed.probe.document import probe_tables, verdict_lines
    from xlembed.probe.job import open_probing
    from xlembed.probe.job import probe as stage
    from xlembed.probe.tracked import Logged, chosen_systems, log_probed, probe_inputs, put_together
    from xlembed.tracking.log import log_inputs
    from xlembed.tracking.runs import open_run
    from xlembed.words import UserError

    workspace = open_workspace(params, out, options, named=("encode",))
    wanted = Logged(log_model or Logged.BEST)
    if not (names := [task] if task else list(workspace.settings.probe.tasks)):
        raise UserError(
            "-t: expected scored texts under data/scored, or a folder; probe.tasks of params.yaml names none"
        )
    opened = open_probing(names[0], listed(models), workspace)
    tags = {"task": opened.name, "kind": "probe"}
    with (
        open_run(
            workspace.root, task=opened.name, experiment=experiment, name=f"probe {opened.name}", tags=tags
        ) as run_id,
        Bars("probe") as bars,
    ):
        slugs = [ref.slug for ref in opened.refs]
        log_inputs(probe_inputs(workspace.settings, opened.scored, slugs), workspace.root)
        found = stage(opened, workspace, bars)
        scorers = {
            name: partial(put_together, name, found, workspace)
            for name in chosen_systems(found.report, wanted)
        }
        files = [found.pages, found.folder / "report.json", found.folder / "predictions.parquet"]
        uris = log_probed(found.report, found.timings, files, scorers)
        tables = probe_tables(found.report, found.timings)
        said = [*verdict_lines(found.report, found.timings), *found.report["notes"]]
        describe_run(opened.name, slugs, tables, said, found.pages)
    if as_json:
        echo_json(found.report)
        return
    lines = [
        *said,
        f"Report: {found.pages / 'report.html'}, report.md, report.docx; MLflow run {run_id}",
        *(
            f"Serve {system}: mlflow models serve -m {uri} --env-manager local"
            for system, uri in uris.items()
        ),
    ]
    show_tables(tables, lines)
