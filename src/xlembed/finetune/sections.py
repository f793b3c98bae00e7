"""What sections of a recipe share: frozen models, and fields that many of them have."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from xlembed.data.languages import is_language

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


def _is_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError("expected letters, digits, '.', '_' and '-'")
    return text


def _is_language(text: str) -> str:
    if not is_language(text):
        raise ValueError("expected an ISO 639 code (en, ceb, zh-Hant)")
    return text


Name = Annotated[str, AfterValidator(_is_name)]
Language = Annotated[str, AfterValidator(_is_language)]


def named(value: Any) -> Any:
    """A word alone stands for the section with that kind and nothing else said."""
    return {"kind": value} if isinstance(value, str) else value


class Section(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
