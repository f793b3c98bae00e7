"""`xlembed publish`: an alias that applications query, moved only to an index that has been checked."""

from __future__ import annotations

import click

from xlembed.cli.study import Asked, study


@click.command()
@study(
    *("corpus", "encode", "index"),
    models=".",
    one=True,
    task=None,
    variation=True,
    tracked=False,
    json_help="Print what was done for scripts.",
    named=("index",),
)
@click.option("-t", "--task", default=None, metavar="TASK", help="Task under data/, or a folder.")
@click.option("--alias", required=True, help="The name that applications query.")
@click.option(
    "--recall", default=None, help="Wanted recall of the exact nearest 10 documents (default 0.95)."
)
@click.option(
    "--rollback", is_flag=True, help="Point the alias back to the index before; needs only --alias."
)
@click.option("--force", is_flag=True, help="Take the alias from an index that this tool did not build.")
def publish(
    asked: Asked, task: str | None, alias: str, recall: str | None, rollback: bool, force: bool
) -> None:
    """Check an index (complete, counted, compared with exact search), then move an alias to it in one step."""
    from xlembed.cli import echo_json
    from xlembed.cli.console import say
    from xlembed.cli.progress import Bars
    from xlembed.data.loading import open_task
    from xlembed.publish.job import RECALL_K, WANTED_RECALL, roll_back_alias
    from xlembed.publish.job import publish as stage

    workspace = asked.workspace
    if rollback:
        if asked.given or task:
            raise click.UsageError("--rollback needs only --alias; the index before is known to the server")
        index, before = roll_back_alias(workspace, alias)
        if asked.as_json:
            echo_json({"alias": alias, "index": index, "replaced": before})
        else:
            say(f"{alias} -> {index} (was {before})")
        return
    if not asked.given or not task:
        raise click.UsageError("--model and --task say which index to publish")
    opened = open_task(workspace, task, unjudged=True)
    (ref,) = asked.refs()
    with Bars(ref.slug) as bars:
        done = stage(
            opened, ref, workspace, alias, wanted=_share(recall, WANTED_RECALL), force=force, watch=bars
        )
    if asked.as_json:
        echo_json(done.to_json())
        return
    scanned = "" if done.exercised else "; index not exercised: the server scans all documents"
    say(
        f"{done.index}: {done.documents:,} documents, recall@{RECALL_K} {done.recall:.4f} "
        f"({done.queries} queries{scanned})"
    )
    if done.replaced == done.index:
        say(f"{alias} -> {done.index} (as before)")
    else:
        say(f"{alias} -> {done.index}" + (f" (was {done.replaced})" if done.replaced else ""))


def _share(value: str | None, default: float) -> float:
    if not value:
        return default
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.UsageError(f"--recall: expected a number from 0 to 1, found {value!r}")
    return share
