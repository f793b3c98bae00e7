"""`xlembed reproduce`: published figures, measured again."""

from __future__ import annotations

import click

from xlembed.cli.study import Asked, run_job, show_choice, study


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-t", "--task", "local", metavar="TASK", help="A task in place of the recipe's set.")
@click.option(
    "--accept-licence",
    default="",
    is_flag=False,
    flag_value="true",
    help="You keep to a licence that allows no commercial use (true or false).",
)
@study("encode", models=" in place of the recipe's.", one=True, task=None)
def reproduce(asked: Asked, name: str | None, local: str | None, accept_licence: str) -> None:
    """Measure a published figure again, and say whether it lies within our interval; without NAME, list the recipes.

    Model and data are fetched if they are not here; what is written goes to reports/reproduce/NAME.
    """
    from xlembed.reproduce.recipe import claims, claims_grid, find_claim
    from xlembed.words import UserError

    if accept_licence not in ("", "true", "false"):
        raise UserError(f"--accept-licence: expected true or false, found {accept_licence!r}")
    if name in (None, "", "list"):
        return show_choice(claims_grid(claims().values()), as_json=asked.as_json)
    from xlembed.data.folders import find_task
    from xlembed.models.safety import check_kinds
    from xlembed.reproduce.job import RESULT, prepare, reproduced_grid
    from xlembed.reproduce.job import reproduce as stage
    from xlembed.tracking.log import Inputs

    claim, workspace = find_claim(str(name)), asked.workspace
    (ref,) = asked.refs([claim.model])
    check_kinds(ref, workspace.settings.index.engine)
    task = prepare(claim, ref, workspace, local or None, accepted=accept_licence == "true")
    data = find_task(local or task.name, workspace.root / "data")
    run_job(
        asked,
        lambda watch, run_id: stage(claim, task, ref, workspace, watch, run_id),
        kind="reproduce",
        folder=workspace.reports("reproduce", claim.name) / RESULT,
        task=task.name,
        name=claim.name,
        inputs=Inputs(workspace.settings, ("corpus", "encode"), task.name, data, task.digest),
        tables=lambda found: [reproduced_grid(found)],
        lines=lambda found: found.headline(),
    )
    return None
