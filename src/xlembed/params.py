"""params.yaml: read with care, options over it; the one reader of that file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pydantic

from xlembed.files import read_yaml, yaml_line
from xlembed.settings import Settings
from xlembed.words import UserError, near_miss

PARAMS_FILE = Path("params.yaml")
UNCHANGED_RESULTS = frozenset(
    {
        "encode.device",
        "encode.batch_tokens",
        "encode.backend",
        "encode.workers",
        "encode.address",
        "encode.int8_margin",
        "encode.trust_remote_code",
        "index.replicas",
        "index.ignore_forecast",
    }
)
"""Settings that leave every vector and score as they are."""


def load_settings(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Defaults, then params.yaml, then `overrides` (``section.key`` -> value; None and "" are unset).

    Args:
        path: a params file that must exist; None takes ./params.yaml if there is one.
        overrides: from command-line options.

    Raises:
        UserError: names the file, every wrong section and key, and the allowed ones.
    """
    values: dict[str, Any] = {}
    source = path or PARAMS_FILE
    if path is not None or source.is_file():
        values = _read_yaml(source)
    for key, value in (overrides or {}).items():
        if value is not None and value != "":
            section, _, name = key.partition(".")
            values[section] = {**(values.get(section) or {}), name: value}
    try:
        return Settings.model_validate(values)
    except pydantic.ValidationError as error:
        raise UserError(_explain(error, source, overrides or {})) from None


def result_overrides(settings: Settings, base: Settings) -> list[str]:
    """Keys in which `settings` differs from `base` so that results may differ under the same file name."""
    changed = []
    for section in ("corpus", "encode", "index", "evaluate", "analyse"):
        ours, theirs = getattr(settings, section), getattr(base, section)
        changed += [
            f"{section}.{k}" for k in type(ours).model_fields if getattr(ours, k) != getattr(theirs, k)
        ]
    return [key for key in changed if key not in UNCHANGED_RESULTS]


def flatten(settings: Settings, sections: Iterable[str]) -> dict[str, str]:
    """`section.key` -> value in words, for run parameters."""
    flat = {}
    for section in sections:
        for key, value in getattr(settings, section).model_dump(mode="json").items():
            words = ",".join(map(str, value)) if isinstance(value, list) else value
            flat[f"{section}.{key}"] = "" if words is None else str(words)
    return flat


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected sections (key: value), found {type(values).__name__}")
    return values


def _explain(error: pydantic.ValidationError, source: Path, overrides: Mapping[str, Any]) -> str:
    typed = [key for key, value in overrides.items() if value is not None and value != ""]
    lines = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        by_option = [key for key in typed if f"{place}.".startswith(f"{key}.") or key.startswith(f"{place}.")]
        if not place:  # of several sections together, which the message names
            by_option = [key for key in typed if key in problem["msg"]]
        line = yaml_line(source, problem["loc"]) if source.is_file() else None
        in_file = f"{source}:{line}: {place}" if line else f"{source}: {place}".removesuffix(": ")
        where = f"option {', '.join(by_option)}" if by_option else in_file
        if problem["type"] == "extra_forbidden":
            known = _fields_beside(problem["loc"])
            lines.append(
                f"{where}: unknown; known here: {', '.join(known)}.{near_miss(str(problem['loc'][-1]), known)}"
            )
        else:
            found = "" if isinstance(problem["input"], dict) else f" (found {problem['input']!r})"
            lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}{found}")
    return "\n".join(lines)


def _fields_beside(place: tuple[int | str, ...]) -> list[str]:
    model: Any = Settings
    for part in place[:-1]:
        model = model.model_fields[part].annotation
    return list(model.model_fields)
