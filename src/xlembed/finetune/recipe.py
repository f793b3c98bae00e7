"""What a fine-tuning recipe may say: a base model, what is put on it, and a list of training stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BeforeValidator, Field, FiniteFloat, model_validator

from xlembed.data.languages import Language
from xlembed.fields import Amount, Name, Positive, Rate, Seed, Share
from xlembed.files import Record
from xlembed.finetune.head import Head, head_classes
from xlembed.finetune.loss import Loss, loss_classes


def _named(value: Any) -> Any:
    """A word alone stands for the section with that kind and nothing else said."""
    return {"kind": value} if isinstance(value, str) else value


# ---- what is put on the base model


class SimplePooling(Record):
    """One of the poolings that sentence-transformers has."""

    kind: Literal["mean", "cls", "lasttoken", "max", "mean_sqrt_len_tokens"]
    """`mean_sqrt_len_tokens` is sum / sqrt(length); under cosine it is mean unless a non-linear head follows."""


class WeightedPooling(Record):
    """Weighted sum of several poolings: a * mean + b * max + ..."""

    kind: Literal["weighted"]
    weights: dict[Literal["mean", "cls", "lasttoken", "max"], FiniteFloat] = Field(min_length=1)
    learned: bool = False
    """Train the weights."""


class AttentionPooling(Record):
    """Softmax over the tokens of their product with a learned query vector."""

    kind: Literal["attention"]


PoolingRecipe = Annotated[
    Annotated[SimplePooling | WeightedPooling | AttentionPooling, Field(discriminator="kind")],
    BeforeValidator(_named),
]


class LoraRecipe(Record):
    """Low-rank adapters (Hu et al. 2022) by peft; the rest of the body stays as it is."""

    r: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.0
    targets: tuple[str, ...] = ("query", "value")
    """`query`, `key`, `value`, `output`, `all-linear`, or names of the body's own modules (`q_proj`)."""
    last_layers: Positive | None = None
    """Only in the last n layers."""
    per_family: bool = False
    """One adapter per language family, chosen by the script of the text; else merged into the body when saved."""


class Student(Record):
    """Same body, new vocabulary: a tokenizer trained on the stages' texts; new token vectors are means of old ones."""

    pieces: Annotated[int, Field(ge=100)]
    languages: tuple[Language, ...] = Field(min_length=1)


# ---- heads and losses: a file each in heads/ and losses/

if TYPE_CHECKING:
    HeadRecipe = Head
    LossRecipe = Loss
else:
    HeadRecipe = Annotated[Union[tuple(head_classes().values())], Field(discriminator="kind")]  # noqa: UP007
    LossRecipe = Annotated[
        Annotated[Union[tuple(loss_classes().values())], Field(discriminator="kind")],  # noqa: UP007
        BeforeValidator(_named),
    ]


# ---- data and stages


class Data(Record):
    """One set of training rows."""

    pairs: str = Field(min_length=1)
    """Name under data/pairs, or a folder in the same layout."""
    weight: Rate = 1.0
    """How often a row is drawn, relative to the other sets' rows; all 1: every row once per epoch."""
    languages: tuple[Language, ...] = ()
    """Only rows whose texts are all in these languages."""
    limit: Positive | None = None
    """At most so many rows, chosen by seed."""


class Negatives(Record):
    """Negatives added to pairs that bring none."""

    kind: Literal["random", "hard"]
    per_row: Positive = 1
    margin: Share = 0.05
    """hard: a negative's cosine must be below (1 - margin) x that of the positive."""
    skip: Annotated[int, Field(ge=0)] = 0
    """hard: so many of the nearest are skipped."""
    deepest: Positive = 50
    """hard: rank up to which negatives are looked for."""

    @model_validator(mode="after")
    def _are_within_reach(self) -> Negatives:
        if self.kind == "hard" and self.deepest < self.skip + self.per_row:
            wanted = f"skip + per_row, {self.skip} + {self.per_row}"
            raise ValueError(f"deepest: expected at least {wanted}, found {self.deepest}")
        return self


class Dev(Record):
    """What early stopping looks at; never the gate's task."""

    pairs: str = Field(min_length=1)
    """Name under data/pairs: scored rows give Spearman, others retrieval of the positive."""
    metric: Literal["spearman", "accuracy@1", "MRR@10", "nDCG@10"]


class EarlyStopping(Record):
    """Stop when the dev metric has not risen by `min_delta` for `patience` looks; the best weights are kept."""

    patience: Positive = 3
    min_delta: Amount = 0.0


class Stage(Record):
    """One training on one kind of rows."""

    name: Name
    data: tuple[Data, ...] = Field(min_length=1)
    loss: LossRecipe
    negatives: Negatives | None = None
    batch: Annotated[int, Field(ge=2)] = 32
    """Rows per update and device, which are each other's negatives."""
    accumulate: Positive = 1
    """Batches whose gradients are added up before an update."""
    max_tokens: Positive | None = None
    """Texts are cut here in this stage only; None: as the model. Short texts train much faster."""
    epochs: Rate = 1.0
    max_steps: Positive | None = None
    """Updates at most."""
    learning_rate: Rate = 2e-5
    head_learning_rate: Rate | None = None
    """Of pooling and head; None: the same."""
    token_learning_rate: Rate | None = None
    """Of the token vectors; None: the same. A new language needs larger steps there than the body stands."""
    warmup: Share = 0.1
    """Share of the updates in which the rate rises."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: Amount = 0.01
    max_gradient_norm: Rate = 1.0
    dev: Dev | None = None
    looks: Positive = 10
    """How often per stage dev is measured and a checkpoint is written."""
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Stage:
        problems = []
        if self.early_stopping and not self.dev:
            problems.append("early_stopping needs `dev`")
        if self.negatives and self.loss.labels:
            problems.append(f"the loss {self.loss.kind} takes no negatives")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Evaluation(Record):
    """What is measured before the first stage and after each."""

    tasks: tuple[str, ...] = ()
    """Tasks, with all modes and paired tests."""
    sts: tuple[str, ...] = ()
    """Scored sets under data/pairs: Spearman of cosine and score."""


class Recipe(Record):
    """A whole fine-tuning."""

    name: Name
    description: str = ""
    base: str = Field(min_length=1)
    """MODEL: catalogue name, folder, Hub id, models:/name/3."""
    languages: tuple[Language, ...] = ()
    """What the result is for, added to the base's; () leaves the base's card as it is."""
    licence: str = ""
    seed: Seed = 42
    dtype: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: automatic mixed precision; weights are kept and saved in float32."""
    max_tokens: Positive | None = None
    """Texts are cut here while training and in the model that is saved; None: as the base."""
    body: Literal["train", "freeze"] = "train"
    pooling: PoolingRecipe | None = None
    """None: as the base."""
    head: HeadRecipe | None = None
    adapter: LoraRecipe | None = None
    student: Student | None = None
    stages: tuple[Stage, ...] = Field(min_length=1)
    evaluate: Evaluation = Evaluation()
    register_as: Name | Literal[""] = ""
    """Registered model that a version is added to, with the alias `candidate`; "" registers nothing."""

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        problems = []
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            problems.append("stages: a name stands twice")
        if self.adapter and self.body == "freeze":
            problems.append("adapter: trains the body, which `body: freeze` forbids")
        if self.body == "freeze" and not self.head and not self.pooling:
            problems.append("body: freeze leaves nothing to train without a head or a learned pooling")
        if self.student and self.adapter:
            problems.append("student: its new token vectors need training, which an adapter forbids")
        if problems:
            raise ValueError("; ".join(problems))
        return self
