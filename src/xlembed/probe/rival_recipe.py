"""What a rival's recipe may say: a base model, how it is fine-tuned, and reading it from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from xlembed.data.languages import Language
from xlembed.fields import Amount, Name, Positive, Rate, Seed, Share, read_ready
from xlembed.files import Record

READY = Path(__file__).parent / "rivals"
ALL_LINEAR = "all-linear"


def _targets(value: Any) -> Any:
    """`all-linear` alone, or names; a single other word is no list."""
    if value == ALL_LINEAR:
        return value
    if not (isinstance(value, list | tuple) and value and all(isinstance(v, str) and v for v in value)):
        what = "a list of names of linear layers, at least 1 item, as [q_proj, v_proj]"
        raise ValueError(f"expected {ALL_LINEAR!r} or {what}")
    return tuple(value)


class RivalAdapter(Record):
    """Low-rank adapters (LoRA, Hu et al. 2022) by peft; the rest of the body stays as it is."""

    r: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.05
    targets: Annotated[str | tuple[str, ...], PlainValidator(_targets)] = ALL_LINEAR
    """All linear layers of the body, or those with these names."""


class RivalRecipe(Record):
    """How one rival is made."""

    name: Name
    description: str = ""
    base: str = Field(min_length=1)
    """Catalogue name, entry of `models:`, folder, Hub id."""
    revision: str | None = None
    """Commit of a Hub id; None: main, or the one that the base's card pins."""
    languages: tuple[Language, ...] = ()
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
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of the texts to learn from and to validate on: below 1, so many are drawn by the seed, where there is no time for
    all. Every text is tested on."""
    patience: Positive = 2
    """Training stops after so many epochs without a lower validation loss; the best epoch's weights are kept."""
    warmup_share: Share = 0.1
    """Share of the updates in which the rate rises; then it falls to 0."""
    weight_decay: Amount = 0.01
    dtype: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: automatic mixed precision, and a body that is not trained is held in it; what is trained is float32."""
    seed: Seed = 42


def ready_rivals() -> dict[str, Path]:
    """Name -> file of the recipes that come with the package."""
    return {path.stem: path for path in sorted(READY.glob("*.yaml"))}


def load_rival_recipe(source: str) -> RivalRecipe:
    """A recipe by the name of a ready one, or by file.

    Raises:
        UserError: neither (with the near miss), or every wrong key, type and value in the file, a line each.
    """
    return read_ready(RivalRecipe, "rival", source, ready_rivals())
