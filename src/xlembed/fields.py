"""Kinds of fields that settings and recipes have, and what is wrong with a file of them, all at once."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from xlembed.files import read_yaml
from xlembed.registry import entries
from xlembed.words import Mode, UserError, near_miss

DEVICE = re.compile(r"cpu|cuda(:[0-9]+)?|mps")
SLUG = re.compile(r"[A-Za-z0-9._+-]+")
"""What a model or task may be called where the name becomes a path."""


def _split(value: Any) -> Any:
    """``a,b,a`` -> [``a``, ``b``]: options and MLproject parameters are strings; what is named twice counts once."""
    parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    named = isinstance(parts, list) and all(isinstance(part, str | int) for part in parts)
    return list(dict.fromkeys(parts)) if named else parts


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("expected at least one; leave it out for the default")
    return values


def _is_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError("expected letters, digits, '.', '_' and '-'")
    return text


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Modes = Annotated[tuple[Mode, ...], BeforeValidator(_split)]
Some = AfterValidator(_some)
"""Of a list without which there is no work."""
Name = Annotated[str, AfterValidator(_is_name)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
M = TypeVar("M", bound=BaseModel)


class EntryOf:
    """The name of an entry of a registry: of a file in a folder, so that a new entry is one new file.

    Args:
        folder: of the registry, below the package; what is in it is not imported.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Of all entries, sorted."""
        package = importlib.import_module(f"{__package__}.{self.folder}")
        return list(entries(package))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic checks a field of this kind."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, name: str) -> str:
        if name not in (known := self.names()):
            *most, last = map(repr, known)
            raise PydanticCustomError("literal_error", f"Input should be {', '.join(most)} or {last}")
        return name


class Section(BaseModel):
    """A section of params.yaml; an empty string means unset.

    What stands below a field is the help text of its option, which is called like the field unless the field says
    otherwise (an empty name: there is none).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, values: Any) -> Any:
        return (
            {k: v for k, v in values.items() if v != "" and v is not None}
            if isinstance(values, dict)
            else values
        )


def _numbers(value: Any) -> Any:
    """``128,256`` -> [``128``, ``256``]; one number stands for itself."""
    return [value] if isinstance(value, int) and not isinstance(value, bool) else _split(value)


def read_ready(model: type[M], what: str, source: str, ready: Mapping[str, Path]) -> M:
    """What comes with the package under a name, or stands in any other file.

    Raises:
        UserError: neither (with the near miss), or everything wrong in the file, a line each.
    """
    path = ready.get(source, Path(source))
    try:
        value = read_yaml(path)
    except (FileNotFoundError, IsADirectoryError):
        known = f"neither a file nor ready.{near_miss(source, ready)} Ready: {', '.join(ready)}"
        raise UserError(f"no {what} {source!r}: {known}") from None
    return checked(model, value, path)


def checked(model: type[M], value: Any, path: Path) -> M:
    """A value from a file as a model.

    Raises:
        UserError: every wrong key, type and value, a line each.
    """
    if not isinstance(value, dict):
        fields = ", ".join(model.model_fields)
        raise UserError(f"{path}: expected fields {fields}, found {type(value).__name__}")
    try:
        return model.model_validate(value)
    except pydantic.ValidationError as error:
        raise UserError("\n".join(f"{path}: {line}" for line in explain(error, model, value))) from None


def explain(error: pydantic.ValidationError, model: type[BaseModel], value: Any) -> list[str]:
    """A line per wrong field: its place as in the file, what was expected and found."""
    lines = []
    for problem in error.errors():
        place, known = _place(problem["loc"], model, value)
        kind, found = problem["type"], problem["input"]
        if kind == "too_short" and found:
            continue  # said of a list because its items are wrong, and these are told
        if kind == "extra_forbidden":
            said = f"unknown key.{near_miss(str(problem['loc'][-1]), known)} Known here: {', '.join(known)}"
        elif kind == "missing":
            said = "missing"
        elif kind == "union_tag_invalid":
            tags = [tag.strip(" '") for tag in problem["ctx"]["expected_tags"].split(",")]
            given = str(problem["ctx"]["tag"])
            said = f"kind: expected one of {', '.join(tags)}, found {given!r}.{near_miss(given, tags)}"
        elif kind == "union_tag_not_found":
            said = f"expected a section with `kind`, found {found!r}"
        else:
            told = "" if isinstance(found, dict | list) else f" (found {found!r})"
            said = problem["msg"].removeprefix("Value error, ") + told
        lines.append(f"{place}: {said}" if place else said)
    return lines


def _place(loc: Sequence[int | str], model: type[BaseModel], value: Any) -> tuple[str, list[str]]:
    """`stages.0.loss.scale` without the members of unions that pydantic names, and the keys known beside it."""
    place: list[str] = []
    here, beside = [model], [model]
    for part in loc:
        is_key = isinstance(value, dict) and part in value
        tag = value.get("kind") if isinstance(value, dict) else value
        if isinstance(part, str) and part == tag and not is_key:
            here = [m for m in here if part in get_args(m.model_fields["kind"].annotation)]
            continue
        place.append(str(part))
        beside = here
        is_item = isinstance(value, list) and isinstance(part, int) and part < len(value)
        value = value[part] if is_key or is_item else None
        if isinstance(part, str):
            fields = [m.model_fields[part] for m in beside if part in m.model_fields]
            here = [m for field in fields for m in _models(field.annotation)]
    known = beside[0].model_fields if len(beside) == 1 else {}
    return ".".join(place), [field.alias or name for name, field in known.items()]


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    """Those inside an annotation."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _models(inner)
