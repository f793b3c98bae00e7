"""What a rival's recipe may say: a base model, how it is fine-tuned, and reading it from YAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from xlembed.data.languages import is_language
from xlembed.files import read_yaml
from xlembed.words import UserError, near_miss

READY = Path(__file__).parent / "rivals"
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Part = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[float, Field(gt=0)]


def _is_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError("expected letters, digits, '.', '_' and '-'")
    return text


def _is_language(text: str) -> str:
    if not is_language(text):
        raise ValueError("expected an ISO 639 code (en, ceb, zh-Hant)")
    return text


def _are_targets(value: Any) -> Any:
    """`all-linear` alone, or a list of names; a single other word is no list."""
    if isinstance(value, str) and value != ALL_LINEAR:
        raise ValueError(f"expected {ALL_LINEAR!r} or a list of names of linear layers, as [q_proj, v_proj]")
    return value


ALL_LINEAR = "all-linear"
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class Section(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RivalAdapter(Section):
    """Low-rank adapters (LoRA, Hu et al. 2022) by peft; the rest of the body stays as it is."""

    r: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.05
    targets: Annotated[Literal["all-linear"] | Names, BeforeValidator(_are_targets)] = "all-linear"
    """All linear layers of the body, or those with these names."""


class RivalRecipe(Section):
    """How one rival is made."""

    name: Annotated[str, AfterValidator(_is_name)]
    description: str = ""
    base: str = Field(min_length=1)
    """Catalogue name, entry of `models:`, folder, Hub id."""
    revision: str | None = None
    """Commit of a Hub id; None: main, or the one that the base's card pins."""
    languages: tuple[Annotated[str, AfterValidator(_is_language)], ...] = ()
    """What the base can read, for bases without a card; results in other languages are labelled."""
    adapter: RivalAdapter | None = None
    """None: every weight is trained."""
    learning_rate: Rate = 5e-5
    epochs: Positive = 3
    batch: Positive = 32
    """Texts that go through the model together."""
    accumulation: Positive = 1
    """Batches whose gradients are averaged before an update."""
    max_tokens: Positive = 128
    """Texts are cut here, special tokens included; never above what the base can read."""
    share: Part = 1.0
    """Of the texts to learn from and to validate on: below 1, so many are drawn by the seed, where there is no time for
    all. Every text is tested on."""
    patience: Positive = 2
    """Training stops after so many epochs without a lower validation loss; the best epoch's weights are kept."""
    warmup_share: Share = 0.1
    """Share of the updates in which the rate rises; then it falls to 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    dtype: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: automatic mixed precision, and a body that is not trained is held in it; what is trained is float32."""
    seed: int = 42


def ready_rivals() -> dict[str, Path]:
    """Name -> file of the recipes that come with the package."""
    return {path.stem: path for path in sorted(READY.glob("*.yaml"))}


def load_rival_recipe(source: str) -> RivalRecipe:
    """A recipe by the name of a ready one, or by file.

    Raises:
        UserError: neither (with the near miss), or every wrong key, type and value in the file, a line each.
    """
    known = ready_rivals()
    path = known.get(source, Path(source))
    try:
        value = read_yaml(path)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(
            f"no rival {source!r}: neither a file nor ready.{near_miss(source, known)} Ready: {', '.join(known)}"
        ) from None
    if not isinstance(value, dict):
        known_keys = ", ".join(RivalRecipe.model_fields)
        raise UserError(f"{path}: expected fields {known_keys}, found {type(value).__name__}")
    try:
        return RivalRecipe.model_validate(value)
    except ValidationError as error:
        raise UserError("\n".join(f"{path}: {line}" for line in _explain(error))) from None


def _explain(error: ValidationError) -> list[str]:
    """A line per wrong field, each once: its place as in the file, what was expected and found."""
    lines: dict[str, None] = {}
    for problem in error.errors():
        # pydantic names the member of a union behind the field
        loc = [str(part) for part in problem["loc"] if not str(part).startswith(("literal", "tuple["))]
        place, found = ".".join(loc), problem["input"]
        known = (RivalAdapter if loc[0] == "adapter" and len(loc) > 1 else RivalRecipe).model_fields
        if problem["type"] == "extra_forbidden":
            lines[f"{place}: unknown key.{near_miss(loc[-1], known)} Known here: {', '.join(known)}"] = None
        elif problem["type"] == "missing":
            lines[f"{place}: missing"] = None
        elif problem["type"] != "literal_error" or "targets" not in loc:
            told = "" if isinstance(found, dict | list) else f" (found {found!r})"
            lines[f"{place}: {problem['msg'].removeprefix('Value error, ')}{told}"] = None
    return list(lines)
