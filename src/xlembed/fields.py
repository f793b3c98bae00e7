"""Kinds of fields that settings have, and what a section of params.yaml is."""

from __future__ import annotations

import importlib
import re
from typing import Annotated, Any

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from xlembed.registry import entries
from xlembed.words import Mode

DEVICE = re.compile(r"cpu|cuda(:[0-9]+)?|mps")
SLUG = re.compile(r"[A-Za-z0-9._+-]+")
"""What a model or task may be called where the name becomes a path."""


def _split(value: Any) -> Any:
    """``a,b`` -> [``a``, ``b``]: options and MLproject parameters are strings."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Modes = Annotated[tuple[Mode, ...], BeforeValidator(_split)]


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
