"""`xlembed store`: vectors encoded on one machine for another."""

from __future__ import annotations

import click


@click.group()
def store() -> None:
    """Carry the store of vectors to another machine (docs/remote.md).

    URL is a folder, or any address that fsspec knows: ssh://, s3://, gs:// (their packages must be installed).
    """


@store.command()
@click.argument("url")
def push(url: str) -> None:
    """Copy what URL lacks of this machine's store."""
    _move(url, "push")


@store.command()
@click.argument("url")
def pull(url: str) -> None:
    """Copy what this machine's store lacks of URL's."""
    _move(url, "pull")


def _move(url: str, direction: str) -> None:
    from xlembed.cli.console import say
    from xlembed.cli.progress import Bars
    from xlembed.embeddings import moving
    from xlembed.files import default_cache
    from xlembed.words import counted

    folder = default_cache() / "vectors"
    with Bars(f"store {direction}") as watch:
        done = (moving.push if direction == "push" else moving.pull)(folder, url, watch)
    where = f"{folder} to {url}" if direction == "push" else f"{url} to {folder}"
    say(
        f"{counted(done.files, 'file')} ({done.size / 1e6:,.1f} MB) copied from {where}; {done.present:,} were there"
    )
