"""Fine-tuning a model with a head by the one training loop: a look and a checkpoint after each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import TrainingArguments

from xlembed.data.scored import ScoredKind, Scores
from xlembed.models.report import quiet_transformers
from xlembed.models.sentence_encoder import is_out_of_memory
from xlembed.probe.rival_recipe import RivalRecipe
from xlembed.training.loop import ARGUMENTS, EpochBatches, Loop, Plan, ResumableTrainer
from xlembed.training.loop import train as run
from xlembed.words import UserError
from xlembed.workspace import Watch

Tokens = Sequence[Sequence[int]]
"""Ids of each text, special tokens included, at least one."""

SLAB = 16
"""Batches whose texts are sorted by length together: less padding, and still another mix in each epoch."""
PREDICT_TOKENS = 4096
"""Padded tokens that go through the model at once when it predicts."""


@dataclass(frozen=True, eq=False)
class Rows(Dataset[tuple[Sequence[int], Any]]):
    """Tokenised texts and what is learnt from them, row by row.

    Targets are float64, shape (n, n_outputs): standardised scores, or labels.
    """

    tokens: Tokens
    targets: Scores

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, row: int) -> tuple[Sequence[int], Any]:
        return self.tokens[row], self.targets[row]


@dataclass(frozen=True)
class Look:
    """What one epoch ended with: means over texts and outputs, on the scale that is learnt."""

    epoch: int
    """From 1."""
    step: int
    training_loss: float
    loss: float
    """Of validation: squared error of standardised scores, or cross entropy of labels."""
    mae: float
    """Of validation."""

    def worth(self, kind: ScoredKind) -> float:
        """What is to be lowest: the error that is reported in the end, or the loss for labels."""
        return self.mae if kind is ScoredKind.SCORES else self.loss


def best_look(looks: Sequence[Look], kind: ScoredKind) -> Look:
    """The first of the lowest."""
    return min(looks, key=lambda look: look.worth(kind))


def is_over(looks: Sequence[Look], recipe: RivalRecipe, kind: ScoredKind) -> bool:
    """Whether all epochs are done, or the last `patience` of them brought nothing better."""
    if not looks:
        return False
    return len(looks) >= recipe.epochs or len(looks) - best_look(looks, kind).epoch >= recipe.patience


def fine_tune(
    model: nn.Module,
    recipe: RivalRecipe,
    train: Rows,
    validation: Rows,
    *,
    kind: ScoredKind,
    padding: int,
    work: Path,
    device: str,
    watch: Watch,
) -> list[Look]:
    """Train what requires a gradient, in place; go on where an earlier call on the same folder was cut off.

    The model gives `logits`, shape (n, n_outputs), and ends with the weights of the best epoch; `work` takes the
    checkpoints of this training and nothing else.

    Raises:
        UserError: memory ran out, or the loss is no longer a number.
    """
    work.mkdir(parents=True, exist_ok=True)
    batches = ShuffledBatches([len(ids) for ids in train.tokens], recipe.batch, recipe.seed)
    per_epoch = math.ceil(len(batches) / recipe.accumulation)
    ends = frozenset(per_epoch * epoch for epoch in range(1, recipe.epochs + 1))
    loop = Loop(
        name=f"fine-tuning {recipe.name}",
        rows=train,
        batches=batches,
        plan=Plan(per_epoch, max(ends), ends, ends, len(train.tokens), recipe.batch * recipe.accumulation),
        where=work,
        is_over=lambda history: is_over(_looks(history), recipe, kind),
        best_step=lambda history: best_look(found, kind).step if (found := _looks(history)) else None,
        keeps_best=True,
        advice="a lower learning_rate, a longer warmup_share or dtype float32",
        watch=watch,
    )

    try:
        with quiet_transformers():
            trainer = partial(_RivalTrainer, model, recipe, validation, kind, padding, loop, device)
            return _looks(run(model, loop, trainer))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"{recipe.name}: the memory of {device} ran out; lower `batch` (now {recipe.batch}) and raise "
            f"`accumulation` (now {recipe.accumulation}) in the same measure, or lower `max_tokens`"
        ) from None


def forward_all(
    model: nn.Module,
    tokens: Tokens,
    *,
    padding: int,
    dtype: str,
    watch: Callable[[int], None] = lambda done: None,
) -> Scores:
    """What the model says of each text, before any activation.

    The model is left in evaluation mode; bfloat16 computes in automatic mixed precision.

    Returns:
        float64, shape (n, n_outputs), in the order of `tokens`; texts of similar length go together.
    """
    device = next(model.parameters()).device
    order = sorted(range(len(tokens)), key=lambda i: -len(tokens[i]))
    mixed = torch.autocast(device.type, torch.bfloat16) if dtype == "bfloat16" else nullcontext()
    found: list[tuple[int, Scores]] = []
    model.eval()
    with torch.inference_mode(), mixed:
        while len(found) < len(order):
            size = max(1, PREDICT_TOKENS // len(tokens[order[len(found)]]))
            chosen = order[len(found) : len(found) + size]
            batch = padded([tokens[i] for i in chosen], padding)
            logits = model(**{name: value.to(device) for name, value in batch.items()}).logits
            found += zip(chosen, logits.float().cpu().double().numpy(), strict=True)
            watch(len(found))
    return np.stack([row for _, row in sorted(found, key=lambda item: item[0])])


def padded(tokens: Tokens, padding: int) -> dict[str, torch.Tensor]:
    """One batch, padded on the right whatever the tokenizer prefers: behind the text no position moves."""
    width = max(map(len, tokens))
    ids = torch.full((len(tokens), width), padding)
    mask = torch.zeros((len(tokens), width), dtype=torch.long)
    for row, text in enumerate(tokens):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def loss_of(kind: ScoredKind, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over texts and outputs, in float32."""
    if kind is ScoredKind.SCORES:
        return nn.functional.mse_loss(logits.float(), targets)
    return nn.functional.binary_cross_entropy_with_logits(logits.float(), targets)


def _looks(history: Sequence[Mapping[str, float]]) -> list[Look]:
    losses = [entry["loss"] for entry in history if "loss" in entry]
    evaluated = [entry for entry in history if "eval_loss" in entry]
    return [
        Look(number, int(entry["step"]), losses[number - 1], entry["eval_loss"], entry["eval_mae"])
        for number, entry in enumerate(evaluated, start=1)
    ]


class ShuffledBatches(EpochBatches):
    """Every text once, in an order that follows from seed and epoch alone; texts of similar length go together."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        super().__init__(range(len(lengths)), batch, drop_last=False)
        self._lengths = np.asarray(lengths)
        self._seed = seed

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self._seed, self.epoch])
        order = rng.permutation(len(self._lengths))
        batches: list[list[int]] = []
        for i in range(0, len(order), self.batch_size * SLAB):
            slab = order[i : i + self.batch_size * SLAB]
            slab = slab[np.argsort(self._lengths[slab], kind="stable")]
            batches += [slab[j : j + self.batch_size].tolist() for j in range(0, len(slab), self.batch_size)]
        for number in rng.permutation(len(batches)):
            yield batches[number]


class _RivalTrainer(ResumableTrainer):
    """The transformers trainer in our loop, with our loss."""

    def __init__(
        self,
        model: nn.Module,
        recipe: RivalRecipe,
        validation: Rows,
        kind: ScoredKind,
        padding: int,
        loop: Loop,
        device: str,
    ) -> None:
        self._recipe, self._validation = recipe, validation
        self._kind, self._padding = kind, padding
        super().__init__(
            loop=loop, model=model, args=_arguments(recipe, loop, device), data_collator=self._collate
        )
        self.loss_is_scaled_for_ga = False  # a mean per batch, whatever the model's own forward may take

    def _collate(self, rows: Sequence[tuple[Sequence[int], Any]]) -> dict[str, torch.Tensor]:
        targets = torch.tensor(np.array([target for _, target in rows]), dtype=torch.float32)
        return {**padded([tokens for tokens, _ in rows], self._padding), "labels": targets}

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Ours, in float32, for every architecture alike."""
        targets = inputs.pop("labels")
        found = model(**inputs)
        loss = loss_of(self._kind, found.logits, targets)
        return (loss, found) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Loss and error on validation."""
        rows = self._validation
        logits = forward_all(self._net, rows.tokens, padding=self._padding, dtype=self._recipe.dtype)
        loss = loss_of(self._kind, torch.tensor(logits), torch.tensor(rows.targets, dtype=torch.float32))
        said = logits if self._kind is ScoredKind.SCORES else sigmoid(logits)
        found = {"eval_loss": float(loss), "eval_mae": float(np.abs(said - rows.targets).mean())}
        self.log(dict(found))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found


def sigmoid(logits: Scores) -> Scores:
    """Probabilities, float64."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))), dtype=np.float64)


def _arguments(recipe: RivalRecipe, loop: Loop, device: str) -> TrainingArguments:
    try:
        settings = TrainingArguments(
            output_dir=str(loop.where),
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch,
            gradient_accumulation_steps=recipe.accumulation,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=math.ceil(recipe.warmup_share * loop.plan.total),
            weight_decay=recipe.weight_decay,
            bf16=recipe.dtype == "bfloat16",
            use_cpu=device == "cpu",
            seed=recipe.seed,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            **ARGUMENTS,
        )
    except ValueError as error:  # bfloat16 on a GPU that has none
        raise UserError(f"{recipe.name}: {error}") from None
    settings._n_gpu = min(settings.n_gpu, 1)  # else torch's DataParallel
    return settings
