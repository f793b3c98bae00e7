"""The recipe of the bundled static model: what is set, and within which limits."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from pydantic import Field, field_validator, model_validator

from xlembed.data.parallel import Source
from xlembed.fields import Amount, Rate, Seed, Share, read_ready
from xlembed.files import Record

BUNDLED_RECIPE = Path(__file__).parent / "static_multilingual.yaml"
"""The recipe of the model that comes with the package."""


class DataRecipe(Record):
    """Which rows are trained on."""

    languages: tuple[str, ...] = Field(min_length=2)
    """The first is the one by which repeated STS sentences are found."""
    ntrex_tail: int = Field(ge=0)
    """Rows at the end of NTREX kept for choosing settings."""
    weights: dict[Source, Amount]
    """How often a row of each source is drawn, relative to the others."""

    @field_validator("languages")
    @classmethod
    def _distinct(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(languages)) < len(languages):
            raise ValueError("a language stands twice")
        return languages

    @field_validator("weights")
    @classmethod
    def _every_source(cls, weights: dict[Source, float]) -> dict[Source, float]:
        missing = [name for name in get_args(Source) if name not in weights]
        if missing:
            raise ValueError(f"no weight for {', '.join(missing)} (0 leaves a source out)")
        if not any(weights.values()):
            raise ValueError("at least one weight must be above 0")
        return weights


class TokenizerRecipe(Record):
    """A Unigram tokenizer, trained on the training texts only."""

    pieces: int = Field(ge=100)
    max_piece_characters: int = Field(ge=2)
    fold_accents: bool
    """Write Latin letters without accents, so that música meets musica."""


class SubwordRecipe(Record):
    """Character n-grams of pieces, which share what is learned between related pieces."""

    min_characters: int = Field(ge=1)
    max_characters: int = Field(ge=1)
    min_pieces: int = Field(ge=1)
    """An n-gram in fewer pieces than this is not used."""

    @model_validator(mode="after")
    def _ordered(self) -> SubwordRecipe:
        if self.min_characters > self.max_characters:
            raise ValueError("min_characters is above max_characters")
        return self


class TrainingRecipe(Record):
    """How the vectors are learned."""

    dimensions: int = Field(ge=2)
    matryoshka: tuple[int, ...] = Field(min_length=1)
    """Numbers of leading dimensions that must work alone; each has its own loss."""
    scale: Rate
    """Cosines are multiplied by it before the softmax."""
    batch: int = Field(ge=2)
    steps: int = Field(ge=1)
    learning_rate: Rate
    """Falls linearly to zero."""
    warmup_steps: int = Field(ge=0)
    second_moment_decay: float = Field(gt=0, lt=1)
    initial_spread: Rate
    """Standard deviation of the first piece vectors; n-gram vectors start at zero."""
    token_dropout: Share
    paragraph_share: Share
    """Share of pairs whose second side is a paragraph around the translation."""
    paragraph_sentences: int = Field(ge=2)
    """The most sentences such a paragraph has."""
    seed: Seed
    threads: int = Field(ge=1)
    """Part of the recipe: another number of threads adds up in another order."""

    @model_validator(mode="after")
    def _matryoshka_fits(self) -> TrainingRecipe:
        if any(size < 2 or size > self.dimensions for size in self.matryoshka):
            raise ValueError(f"matryoshka: every size must lie between 2 and dimensions ({self.dimensions})")
        return self


class StaticRecipe(Record):
    """Everything that decides the weights, beside the data."""

    data: DataRecipe
    tokenizer: TokenizerRecipe
    subwords: SubwordRecipe
    training: TrainingRecipe


def load_recipe(path: Path) -> StaticRecipe:
    """A recipe read from YAML.

    Raises:
        UserError: if the file is missing or not YAML, or a field is missing, unknown or out of range; names file and
            field.
    """
    return read_ready(StaticRecipe, "recipe", str(path), {BUNDLED_RECIPE.stem: BUNDLED_RECIPE})
