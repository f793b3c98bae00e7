"""Options that commands share, made from the settings' own fields, and turning them into settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from xlembed.fields import EntryOf
from xlembed.settings import Settings

if TYPE_CHECKING:
    from xlembed.models.spec import ModelRef
    from xlembed.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])
SHORT = {"task": "-t"}
BETWEEN = "__"
"""Between section and key in the name of an option's value."""
KINDS = {bool: "true|false", int: "INTEGER", float: "NUMBER", str: "TEXT"}


def options_of(section: str) -> Iterator[tuple[str, str, FieldInfo]]:
    """Option, key and field of every setting that has an option, of a section or of one key of it: ``index.shards``."""
    section, _, only = section.partition(".")
    for key, field in type(getattr(Settings(), section)).model_fields.items():
        extra = field.json_schema_extra
        name = str(extra["option"]) if isinstance(extra, dict) and "option" in extra else key
        if name and only in ("", key):
            yield name, key, field


def settings_options(*sections: str) -> Callable[[F], F]:
    """Options for the keys of some sections; empty means unset, so that MLproject can pass everything on.

    What they are called in the program is section and key, so that no other option of a command is taken for them.
    """

    def decorate(command: F) -> F:
        if any(section.partition(".")[0] == "index" for section in sections):
            text = "Elasticsearch server (default: XLEMBED_ES_URL)."
            command = click.option("--es-url", default=None, metavar="URL", help=text)(command)
        for section in reversed(sections):
            for name, key, field in reversed(list(options_of(section))):
                place = f"{section.partition('.')[0]}{BETWEEN}{key}"
                command = _option(name, place, field)(command)
        return command

    return decorate


def is_setting(name: str) -> bool:
    """Whether what a command was given under this name is for the workspace."""
    return BETWEEN in name or name == "es_url"


def _option(name: str, place: str, field: FieldInfo) -> Callable[[F], F]:
    """Takes any string: pydantic checks it together with params.yaml."""
    names = [f"--{name.replace('_', '-')}", *([SHORT[name]] if name in SHORT else [])]
    # The bare name of a switch means true.
    bare: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if field.annotation is bool else {}
    text = f"{field.description}{_default(field)}"
    entries = next((mark.names() for mark in field.metadata if isinstance(mark, EntryOf)), None)
    metavar = "|".join(entries) if entries else _metavar(field.annotation)
    return click.option(*names, place, default=None, metavar=metavar, help=text, **bare)


def _metavar(kind: Any) -> str:
    """``INTEGER``, ``true|false``, ``hnsw|flat``, ``TEXT,...``."""
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "|".join(kind)
    if get_origin(kind) is tuple:
        return f"{_metavar(get_args(kind)[0])},..."
    inner = [part for part in get_args(kind) if part is not type(None)]
    return KINDS[kind] if kind in KINDS else _metavar(inner[0])


def _default(field: FieldInfo) -> str:
    if field.default in (None, "", ()) or field.annotation is bool:
        return ""
    values = field.default if isinstance(field.default, tuple) else (field.default,)
    return f" [default: {', '.join(map(str, values))}]"


def workspace_options(command: F) -> F:
    """--params and --out."""
    command = click.option(
        "--out", default=None, metavar="FOLDER", help="Write results here instead of into the checkout."
    )(command)
    text = "Settings that go before the defaults shown here (default: ./params.yaml if there is one)."
    return click.option("--params", default=None, metavar="FILE", help=text)(command)


def variation_options(command: F) -> F:
    """Options that become part of the model's name."""
    for name, kind, text in (
        (
            "--dtype",
            "float32|bfloat16|float16|openvino|int8",
            "Number format of the computation (name: +bf16, +fp16, +ov, +int8).",
        ),
        ("--max-tokens", "INTEGER", "Cut texts at N tokens (name: +maxN)."),
        ("--dim", "INTEGER", "Cut vectors to N dimensions (name: +dimN)."),
    ):
        command = click.option(name, default=None, metavar=kind, help=text)(command)
    return command


def open_workspace(
    params: str | None, out: str | None, options: Mapping[str, Any], *, named: tuple[str, ...] = ()
) -> Workspace:
    """Settings from file and options.

    Args:
        params: settings file.
        out: folder for results.
        options: what `settings_options` gave, by name.
        named: sections whose options change nothing that is written under the model's name.

    Raises:
        UserError: for a bad value, or when an option would change results under a name that does not say so.
    """
    from xlembed.params import load_settings, result_overrides
    from xlembed.words import UserError
    from xlembed.workspace import Workspace

    path = Path(params) if params else None
    if path and path.is_dir():
        raise UserError(f"--params: expected a file, found the folder {path}")
    if out and Path(out).exists() and not Path(out).is_dir():
        raise UserError(f"--out: expected a folder, found the file {out}")
    overrides = {name.replace(BETWEEN, "."): value for name, value in options.items() if BETWEEN in name}
    settings = load_settings(path, overrides)
    changed = [
        key for key in result_overrides(settings, load_settings(path)) if key.partition(".")[0] not in named
    ]
    if changed and not out:
        raise UserError(
            f"{', '.join(changed)}: differs from params.yaml, and results/TASK/MODEL.json would not say so. "
            "Set it in params.yaml, or give --out FOLDER for results of their own."
        )
    es_url = str(options.get("es_url") or "") or None
    return Workspace(settings, Path(), Path(out) if out else Path(), es_url)


def undeclared_runs(workspace: Workspace) -> str:
    """In a stage of DVC: how dvc.yaml and params.yaml disagree about the runs to compare; elsewhere nothing."""
    from xlembed.evaluate.declared import undeclared

    dvc_file = workspace.root / "dvc.yaml"
    return undeclared(workspace.settings.run, dvc_file) if os.environ.get("DVC_STAGE") else ""


def check_declared(workspace: Workspace) -> None:
    """Nothing, unless DVC runs this stage by a list that no longer fits params.yaml.

    Raises:
        UserError: names what is missing or too much.
    """
    from xlembed.words import UserError

    if problem := undeclared_runs(workspace):
        raise UserError(problem)


def skip(ref: ModelRef, *places: Path) -> bool:
    """Whether this machine cannot have the model; then it is told, and written in place of a stage's outputs."""
    from xlembed.cli.console import say
    from xlembed.evaluate.skipping import why_skipped, write_skipped

    if (reason := why_skipped(ref)) is None:
        return False
    write_skipped(ref.slug, reason, places)
    say(f"{ref.slug} is skipped: {reason}", err=True)
    return True


def without_skipped(workspace: Workspace, task: str, models: Sequence[str]) -> list[str]:
    """Models of params.yaml that were not skipped on the task; the others are told."""
    from xlembed.cli.console import say
    from xlembed.evaluate.skipping import split_skipped

    kept, skipped = split_skipped(workspace, task, models)
    if skipped:
        say(f"left out, skipped on this machine: {', '.join(skipped)}", err=True)
    return kept


def listed(given: Sequence[str]) -> list[str]:
    """Repeated options of comma-separated names, in order: ``-m a,b -m c``."""
    return [name.strip() for words in given for name in words.split(",") if name.strip()]


def open_ref(
    workspace: Workspace, model: str, dim: str | None, max_tokens: str | None, dtype: str | None
) -> ModelRef:
    """A model with the variation that `variation_options` ask for.

    Raises:
        UserError: an unknown model, or a bad value.
    """
    from xlembed.tracking.opening import open_model

    return open_model(
        workspace,
        model,
        dim=whole_number("dim", dim),
        max_tokens=whole_number("max-tokens", max_tokens),
        dtype=dtype or None,
    )


def whole_number(name: str, value: str | None) -> int | None:
    """An optional positive integer option; empty is unset."""
    if not value:
        return None
    if not value.isdigit() or int(value) < 1:
        from xlembed.words import UserError

        raise UserError(f"--{name}: expected a positive whole number, found {value!r}")
    return int(value)
