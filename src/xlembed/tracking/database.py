"""The SQLite file of a local store: made and migrated beside its place, then renamed, so that a kill harms nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from alembic.util.exc import CommandError
from mlflow.store.db import utils
from sqlalchemy import create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from xlembed.files import atomic_path, temporary_folder
from xlembed.words import UserError

PASSING = ("is full", "readonly", "read-only", "locked", "unable to open", "disk I/O")
"""What SQLite says of a disk or a rival, not of the database."""


def prepare_database(database: Path) -> None:
    """Make the database, or bring an older one to this MLflow's layout; hold the store's lock.

    MLflow would do both in place, table by table: killed on the way, it can neither go on nor begin again.

    Raises:
        UserError: the database is damaged, half made, or of a newer MLflow; it is left as it is.
        OSError: there is no room, or no right to write.
    """
    if database.is_dir():
        raise UserError(f"{database}: expected the database of runs, found a folder: move it away")
    found = _layout(database)
    newest = utils._get_latest_schema_revision()  # type: ignore[no-untyped-call]
    if found == newest:
        return
    with temporary_folder(database) as folder:
        made = folder / database.name
        if found is None:
            _upgrade(made)
            made.replace(database)
            return
        with _unchanging(database):
            _copy(database, made)
            try:
                _upgrade(made)
            except (CommandError, SQLAlchemyError, KeyError) as error:
                raise _explained(error, database) from None
            shutil.copymode(database, made)
            with atomic_path(database.with_name(f"{database.name}.{found or 'before'}")) as backup:
                shutil.copyfile(database, backup)
            made.replace(database)


def _layout(database: Path) -> str | None:
    """The layout's name; empty: tables without one; None: there is no database yet."""
    if not database.exists() or not database.stat().st_size:
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)) as store:
            tables = {
                name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            if not tables:
                return None
            if "alembic_version" not in tables:
                return ""
            row = store.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else ""
    except sqlite3.Error as error:
        raise _explained(error, database) from None


def _upgrade(database: Path) -> None:
    """MLflow's own migrations, as `mlflow db upgrade` runs them; on disk at the end, not after each of 67 steps."""
    engine = create_engine(f"sqlite:///{database}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    try:
        if utils._is_empty_database(engine):  # type: ignore[no-untyped-call]
            utils._initialize_tables(engine)  # type: ignore[no-untyped-call]
        else:
            utils._upgrade_db(engine)  # type: ignore[no-untyped-call]
    finally:
        engine.dispose()
    with database.open("rb+") as written:
        os.fsync(written.fileno())


@contextlib.contextmanager
def _unchanging(database: Path) -> Iterator[None]:
    """Nobody writes to the database meanwhile: what they wrote would be lost."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        yield
        store.execute("ROLLBACK")


def _copy(database: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(database)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _explained(error: Exception, database: Path) -> Exception:
    """What is wrong with a database, and the way out."""
    text = str(getattr(error, "orig", None) or error).partition("\n")[0]
    if any(word in text for word in PASSING):
        return error
    if isinstance(error, CommandError):
        return UserError(
            f"{database} was made by another, probably newer MLflow ({text}): install that one, or name another "
            "store in MLFLOW_TRACKING_URI"
        )
    return UserError(
        f"{database} is damaged or half made ({text}), as a kill leaves it while MLflow makes or migrates it in "
        f"place{_contents(database)}. It was left as it is. Move it away (mv {database} {database}.broken), or put "
        "a backup in its place, and run the same command again"
    )


def _contents(database: Path) -> str:
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as store:
        return f"; it holds {store.execute('SELECT COUNT(*) FROM runs').fetchone()[0]:,} runs"
    return ""
