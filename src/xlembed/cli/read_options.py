"""Options of `xlembed import`, made from the fields of `ReadOptions`, and what its two commands say alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
from annotated_types import Ge
from pydantic.fields import FieldInfo

from xlembed.data.read_options import DocumentUnit, EqualIds, ReadOptions

if TYPE_CHECKING:
    from xlembed.data.pairs import PairSet

F = TypeVar("F", bound=Callable[..., Any])


def read_options(command: F) -> F:
    """An option for every field of `ReadOptions` that has one; what is not said is None, empty or false."""
    fields: dict[str, FieldInfo] = vars(ReadOptions)["__pydantic_fields__"]
    for name, field in reversed(fields.items()):
        extra: dict[str, Any] = (
            {**field.json_schema_extra} if isinstance(field.json_schema_extra, dict) else {}
        )
        if said := extra.pop("option", name):
            option = f"--{str(said).replace('_', '-')}"
            command = click.option(option, name, help=field.description, **_kind(field), **extra)(command)
    return command


def _kind(field: FieldInfo) -> dict[str, Any]:
    """What click checks; where a field says how it is written, words are taken, and its parser checks them."""
    if field.annotation is bool:
        return {"is_flag": True}
    kind = next(part for part in (*get_args(field.annotation), field.annotation) if part is not NoneType)
    if kind is int:
        return {"type": click.IntRange(1) if Ge(1) in field.metadata else int}
    return {"type": click.Choice([*map(str, kind)])} if kind is EqualIds else {}


def parsed(form: str, given: Mapping[str, Any]) -> ReadOptions:
    """Options as typed, for a format.

    Raises:
        UserError: one is not written as it should be.
    """
    from xlembed.cli.options import listed
    from xlembed.data import pair_readers, scored_files
    from xlembed.data.cells import parse_grades
    from xlembed.data.choosing import parse_where
    from xlembed.data.headers import parse_table_columns
    from xlembed.data.pairs import Kind
    from xlembed.data.scored import ScoredKind

    parsers: dict[str, Callable[[Any], Any]] = {
        "langs": listed,
        "documents": DocumentUnit,
        "equal_ids": EqualIds,
        "where": parse_where,
        "kind": Kind if form == "pairs" else ScoredKind,
        "columns": {"pairs": pair_readers.parse_columns, "scored": scored_files.parse_scored_columns}.get(
            form, parse_table_columns
        ),
        "grades": parse_grades,
        "dimensions": scored_files.parse_dimensions,
        "document_pattern": scored_files.parse_document_pattern,
        "scale": scored_files.parse_scale,
    }
    said = {name: parsers.get(name, lambda it: it)(value) for name, value in given.items() if value}
    return ReadOptions(**said)


def tell_pairs(found: PairSet) -> None:
    """What a new set of pairs is, and what to do with it."""
    from xlembed.cli.console import say
    from xlembed.data.pairs import describe_pairs

    say(describe_pairs(found))
    for note in found.notes:
        say(f"  - {note}")
    say(f"Wrote {found.folder}. Next: name it in a recipe (`pairs: {found.name}`), see docs/finetune.md")
