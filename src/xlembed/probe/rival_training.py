"""Fine-tuning by the transformers trainer: batches in a given order, a look and a checkpoint after each epoch.

Every random choice follows from the seed and the state in the checkpoints; on one thread of a CPU a training that was
killed ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from xlembed.corpus.scored import ScoredKind, Scores
from xlembed.models.report import quiet_transformers
from xlembed.models.sentence_encoder import is_out_of_memory
from xlembed.probe.rival_recipe import RivalRecipe
from xlembed.types import UserError

Watch = Callable[[str, int, int], None]
"""Told (what, done, total) as long work goes on."""
Tokens = Sequence[Sequence[int]]
"""Ids of each text, special tokens included, at least one."""

WEIGHTS, STATE = "weights.safetensors", "trainer_state.json"
SLAB = 16
"""Batches whose texts are sorted by length together: less padding, and still another mix in each epoch."""
PREDICT_TOKENS = 4096
"""Padded tokens that go through the model at once when it predicts."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Tokenised texts and what is learnt from them.

    Attributes:
        tokens: of each text.
        targets: float64, shape (n, n_outputs): standardised scores, or labels.
    """

    tokens: Tokens
    targets: Scores


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

    Args:
        model: gives `logits`, shape (n, n_outputs); ends with the weights of the best epoch.
        recipe: rates, epochs, batches, seed.
        train: seen `epochs` times.
        validation: looked at after each epoch.
        kind: squared error or cross entropy.
        padding: id of the padding token.
        work: takes the checkpoints, of this training and nothing else.
        device: cpu, cuda or mps.
        watch: told (what, updates done, updates in all).

    Raises:
        UserError: memory ran out, or the loss is no longer a number.
    """
    work.mkdir(parents=True, exist_ok=True)
    start = newest_checkpoint(work)
    looks = _looks(_history(start)) if start else []
    own_forward = model.__dict__.get("forward")
    try:
        if not is_over(looks, recipe, kind):
            trainer = _RivalTrainer(model, recipe, train, validation, kind, padding, work, device, watch)
            with quiet_transformers():
                trainer.train(resume_from_checkpoint=str(start) if start else None)
            looks = _looks(trainer.state.log_history)
            trainer.accelerator.free_memory()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"{recipe.name}: the memory of {device} ran out; lower `batch` (now {recipe.batch}) and raise "
            f"`accumulation` (now {recipe.accumulation}) in the same measure, or lower `max_tokens`"
        ) from None
    finally:
        _bare(model, own_forward)
    best = work / f"checkpoint-{best_look(looks, kind).step}" / WEIGHTS
    _put_weights(model, best)
    return looks


def forward_all(
    model: nn.Module,
    tokens: Tokens,
    *,
    padding: int,
    dtype: str,
    watch: Callable[[int], None] = lambda done: None,
) -> Scores:
    """What the model says of each text, before any activation.

    Args:
        model: in any mode; it is left in evaluation mode.
        tokens: of each text.
        padding: id of the padding token.
        dtype: bfloat16 computes in automatic mixed precision.
        watch: told how many texts are done.

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


def newest_checkpoint(work: Path) -> Path | None:
    """The newest whole one; the trainer writes its state last, so that a checkpoint with a readable one is whole."""
    for step in sorted(_steps(work), reverse=True):
        folder = work / f"checkpoint-{step}"
        try:
            _history(folder)
            return folder
        except (OSError, ValueError):
            shutil.rmtree(folder)
    return None


def remove_checkpoints(work: Path) -> None:
    """Begin anew."""
    for step in _steps(work):
        (work / f"checkpoint-{step}" / STATE).unlink(
            missing_ok=True
        )  # first: what is half removed is not whole
        shutil.rmtree(work / f"checkpoint-{step}")


def _steps(work: Path) -> list[int]:
    names = (path.name.removeprefix("checkpoint-") for path in work.glob("checkpoint-*"))
    return [int(name) for name in names if name.isdigit()]


def _history(folder: Path) -> list[dict[str, float]]:
    return list(json.loads((folder / STATE).read_text(encoding="utf-8"))["log_history"])


def _looks(history: Sequence[Mapping[str, float]]) -> list[Look]:
    losses = [entry["loss"] for entry in history if "loss" in entry]
    evaluated = [entry for entry in history if "eval_loss" in entry]
    return [
        Look(number, int(entry["step"]), losses[number - 1], entry["eval_loss"], entry["eval_mae"])
        for number, entry in enumerate(evaluated, start=1)
    ]


def _trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Shared tensors come once."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _put_weights(model: nn.Module, path: Path) -> None:
    stored, wanted = load_file(path), _trainable(model)
    if {name: t.shape for name, t in stored.items()} != {name: t.shape for name, t in wanted.items()}:
        raise UserError(f"{path} holds the weights of another model; remove its folder to begin anew")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(stored[name])


def _bare(model: nn.Module, own_forward: Any) -> None:
    """Take off what the trainer left: the casting `forward`, gradients, the mode."""
    for name in ("_original_forward", "_is_accelerate_prepared", "forward"):
        model.__dict__.pop(name, None)
    if own_forward is not None:
        model.__dict__["forward"] = own_forward
    model.zero_grad(set_to_none=True)
    model.eval()


class _TokenRows(Dataset[int]):
    """The trainer wants a dataset; rows are picked by the collator."""

    def __init__(self, rows: Rows) -> None:
        self._n = len(rows.tokens)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, row: int) -> int:
        return row


class ShuffledBatches(BatchSampler):
    """Every text once, in an order that follows from seed and epoch alone; texts of similar length go together."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        super().__init__(range(len(lengths)), batch, drop_last=False)
        self.epoch = 0
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


class _RivalTrainer(Trainer):
    """Our batches and loss; a look and a checkpoint after each epoch."""

    def __init__(
        self,
        model: nn.Module,
        recipe: RivalRecipe,
        train: Rows,
        validation: Rows,
        kind: ScoredKind,
        padding: int,
        work: Path,
        device: str,
        watch: Watch,
    ) -> None:
        self._net, self._recipe = model, recipe
        self._train_rows, self._validation = train, validation
        self._kind, self._padding, self._work = kind, padding, work
        self._batches = ShuffledBatches([len(ids) for ids in train.tokens], recipe.batch, recipe.seed)
        super().__init__(
            model=model,
            args=_arguments(recipe, len(self._batches), work, device),
            train_dataset=_TokenRows(train),
            data_collator=self._collate,
        )
        self.loss_is_scaled_for_ga = False  # a mean per batch, whatever the model's own forward may take
        self.remove_callback(PrinterCallback)
        self.add_callback(_Flow(self, watch))

    def _collate(self, rows: Sequence[int]) -> dict[str, torch.Tensor]:
        batch = padded([self._train_rows.tokens[row] for row in rows], self._padding)
        targets = torch.tensor(self._train_rows.targets[list(rows)], dtype=torch.float32)
        return {**batch, "labels": targets}

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Our batches; the library's would shuffle."""
        loader = DataLoader(
            _TokenRows(self._train_rows),
            batch_sampler=self._batches,
            collate_fn=self._collate,
            pin_memory=False,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

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
        return found

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """What is trained, nothing else: the body may be large."""
        folder = Path(output_dir or self._work)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {n: p.detach().cpu().contiguous() for n, p in _trainable(self._net).items()}, folder / WEIGHTS
        )

    def _load_from_checkpoint(self, checkpoint_path: str, model: Any = None) -> None:
        _put_weights(self._net, Path(checkpoint_path) / WEIGHTS)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        best = best_look(_looks(self.state.log_history), self._kind).step
        for step in _steps(self._work):
            if step not in (best, self.state.global_step):
                folder = self._work / f"checkpoint-{step}"
                (folder / STATE).unlink(missing_ok=True)
                shutil.rmtree(folder)


def sigmoid(logits: Scores) -> Scores:
    """Probabilities, float64."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))), dtype=np.float64)


def _arguments(recipe: RivalRecipe, n_batches: int, work: Path, device: str) -> TrainingArguments:
    updates = math.ceil(n_batches / recipe.accumulation) * recipe.epochs
    try:
        settings = TrainingArguments(
            output_dir=str(work),
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch,
            gradient_accumulation_steps=recipe.accumulation,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=math.ceil(recipe.warmup_share * updates),
            weight_decay=recipe.weight_decay,
            optim="adamw_torch",
            bf16=recipe.dtype == "bfloat16",
            use_cpu=device == "cpu",
            seed=recipe.seed,
            logging_strategy="no",  # the callback says when
            eval_strategy="no",
            save_strategy="no",
            logging_nan_inf_filter=False,  # a loss that is no number must be seen
            remove_unused_columns=False,
            report_to="none",
            disable_tqdm=True,
        )
    except ValueError as error:  # bfloat16 on a GPU that has none
        raise UserError(f"{recipe.name}: {error}") from None
    settings._n_gpu = min(settings.n_gpu, 1)  # else torch's DataParallel
    return settings


class _Flow(TrainerCallback):
    """Log, look and save after each epoch; stop when that is over or goes wrong."""

    def __init__(self, trainer: _RivalTrainer, watch: Watch) -> None:
        self._trainer, self._watch = trainer, watch

    def on_epoch_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        # From the updates done, since the library's set_epoch does not reach a sampler inside a resumed loader.
        self._trainer._batches.epoch = round(state.global_step / state.max_steps * state.num_train_epochs)

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._watch(f"fine-tuning {self._trainer._recipe.name}", state.global_step, state.max_steps)

    def on_epoch_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        control.should_log = control.should_evaluate = control.should_save = True
        return control

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        for name in ("loss", "eval_loss"):
            if not math.isfinite((logs or {}).get(name, 0.0)):
                raise UserError(
                    f"{self._trainer._recipe.name}: after {state.global_step} updates the loss is {logs[name]}; try a "
                    "lower learning_rate, a longer warmup_share or dtype float32"
                )

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> TrainerControl:
        if is_over(_looks(state.log_history), self._trainer._recipe, self._trainer._kind):
            control.should_training_stop = True
        return control
