"""One stage of a recipe: training by the sentence-transformers trainer, in a given order, resumable to the byte.

Every random choice follows from the seed and the state in the checkpoints; on one thread of a CPU a
training that was killed ends with the same weights as one that was not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from transformers.training_args import ParallelMode

from xlembed.finetune.blending import Integers, OrderedBatches, Rows
from xlembed.finetune.building import token_vectors
from xlembed.finetune.dev import DEV, DevData, dev_evaluator
from xlembed.finetune.loss import build_loss
from xlembed.finetune.recipe import EarlyStopping, Stage
from xlembed.training.loop import ARGUMENTS, History, Log, Loop, Plan, ResumableTrainer, train, unlogged
from xlembed.words import UserError, Vectors
from xlembed.workspace import Watch, unwatched


@dataclass(frozen=True)
class DevLook:
    """One measurement of dev."""

    step: int
    value: float


def dev_looks(history: Sequence[Mapping[str, float]]) -> list[DevLook]:
    """The dev values of a trainer's log, in order."""
    key = f"eval_{DEV}"
    return [DevLook(int(entry["step"]), float(entry[key])) for entry in history if key in entry]


def best_look(looks: Sequence[DevLook]) -> DevLook | None:
    """The first of the highest."""
    return max(looks, key=lambda look: look.value, default=None)


def is_stale(looks: Sequence[DevLook], rule: EarlyStopping | None) -> bool:
    """Whether the last `patience` looks brought no rise of more than `min_delta` over the best until then."""
    if not rule or not looks:
        return False
    best, waited = looks[0].value, 0
    for look in looks[1:]:
        if look.value > best + rule.min_delta:
            best, waited = look.value, 0
        else:
            waited += 1
    return waited >= rule.patience


def loss_curve(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """`step`, `loss` (mean since the entry before), `learning_rate`, `gradient_norm` of a trainer's log."""
    names = {"step": "step", "loss": "loss", "learning_rate": "learning_rate", "grad_norm": "gradient_norm"}
    return [
        {name: entry[key] for key, name in names.items() if key in entry}
        for entry in history
        if "loss" in entry
    ]


def last_loss(curve: Sequence[Mapping[str, float]]) -> float:
    """Mean loss of the last tenth of the steps: of the curve's entries that end there, by their length."""
    begin = 0.9 * curve[-1]["step"]
    before = [0.0, *(entry["step"] for entry in curve)]
    parts = [
        (entry["step"] - start, entry["loss"])
        for start, entry in zip(before, curve, strict=False)
        if entry["step"] > begin
    ]
    return sum(n * loss for n, loss in parts) / sum(n for n, _ in parts)


__all__ = ["DevData", "DevLook", "StageData", "StageResult", "check_stage", "train_stage"]

CURVE_POINTS = 200
SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


@dataclass(frozen=True)
class StageData:
    """The rows of one stage, all in memory, and the order in which they are seen.

    Attributes:
        columns: column -> texts, row by row, in the order the loss reads them: anchor, positive, negative,
            negative_1, ...; or text1, text2.
        order: epoch (from 0) -> rows in their order, integers; the same number in every epoch. A row may come
            more than once or not at all.
        prompts: column -> what is put before its texts.
        scores: per row, for cosent.
        teacher: per row, float32, shape (rows, dim), for distillation; may be memory-mapped.
        dev: what is measured at each look.
    """

    columns: Mapping[str, Sequence[str]]
    order: Callable[[int], Integers]
    prompts: Mapping[str, str] = field(default_factory=dict)
    scores: Sequence[float] | None = None
    teacher: Vectors | None = None
    dev: DevData | None = None

    def labels(self, stage: Stage) -> Any:
        """What the stage's loss reads beside the texts; None: nothing."""
        return {"scores": self.scores, "teacher": self.teacher}.get(stage.loss.labels)


@dataclass(frozen=True)
class StageResult:
    """What a stage did; `took_seconds` and the lists cover the parts before an interruption too."""

    steps: int
    """Updates done."""
    epochs: float
    rows: int
    """Rows seen, repeats included."""
    took_seconds: float
    last_loss: float
    """Mean over the last tenth of the updates."""
    dev: list[DevLook]
    best_step: int | None
    """Of the best dev value; the weights are those of this step if the stage has `early_stopping`."""
    stopped_early: bool
    curve: list[dict[str, float]]
    """`step`, `loss` (mean since the row before), `learning_rate`, `gradient_norm`."""
    peak_memory_mb: float | None
    """CUDA only; 10^6 bytes."""


def train_stage(
    model: SentenceTransformer,
    stage: Stage,
    data: StageData,
    where: Path,
    *,
    seed: int,
    dtype: Literal["float32", "bfloat16"] = "float32",
    watch: Watch = unwatched,
    log: Log = unlogged,
) -> StageResult:
    """Train `model` in place; go on where an earlier call on the same folder was cut off.

    The model has float32 weights on the device to train on; what has no `requires_grad` stays as it is. `where` takes
    the checkpoints of this stage and nothing else; a finished stage is not trained again, and the caller removes it.
    bfloat16 computes in automatic mixed precision, on a CPU too; `log` is told ({"loss", "learning_rate",
    "gradient_norm", "rows_per_second"} or {"dev/METRIC"}, update).

    Raises:
        UserError: if rows, loss and model do not fit together, or the loss is no longer a number.
        KeyboardInterrupt: passed on; the last checkpoint stays.
    """
    _check(stage, data, model)
    where.mkdir(parents=True, exist_ok=True)
    settings = _arguments(model, stage, data, where, seed, dtype)
    batches = OrderedBatches(
        len(data.columns[next(iter(data.columns))]), stage.batch, data.order, settings.world_size
    )
    plan = plan_of(stage, batches, settings.world_size)
    settings.max_steps = plan.total
    settings.warmup_steps = math.ceil(stage.warmup * plan.total)
    if model.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(model.device)
    labels = data.labels(stage)
    rows = Rows(list(data.columns.values()), None if labels is None else np.asarray(labels, np.float32))
    loop = Loop(
        name=f"training {stage.name}",
        rows=rows,
        batches=batches,
        plan=plan,
        where=where,
        is_over=lambda history: is_stale(dev_looks(history), stage.early_stopping),
        best_step=_best_step,
        keeps_best=stage.early_stopping is not None,
        advice="a lower learning_rate, a longer warmup or dtype float32",
        has_dev=data.dev is not None,
        names={f"eval_{DEV}": f"dev/{data.dev.metric}"} if data.dev else {},
        watch=watch,
        log=log,
    )
    return _result(train(model, loop, lambda: _trainer(model, stage, data, settings, loop)), plan, model)


def plan_of(stage: Stage, batches: OrderedBatches, processes: int = 1) -> Plan:
    """The plan of a stage over the batches of an epoch."""
    per_epoch = math.ceil(len(batches) / processes / stage.accumulate)
    total = math.ceil(stage.epochs * per_epoch)
    total = min(total, stage.max_steps or total)
    looks = _evenly(total, stage.looks)
    return Plan(
        per_epoch=per_epoch,
        total=total,
        looks=looks,
        curve=looks | _evenly(total, CURVE_POINTS),
        rows_per_epoch=batches.rows,
        rows_per_update=batches.batch_size * processes * stage.accumulate,
    )


def _evenly(total: int, n: int) -> frozenset[int]:
    return frozenset(math.ceil(total * i / n) for i in range(1, n + 1))


class StageTrainer(ResumableTrainer, SentenceTransformerTrainer):
    """The sentence-transformers trainer in our loop."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: our card is written by the stage, and the library's reads the whole data."""


def check_stage(
    stage: Stage, model: SentenceTransformer, columns: Sequence[str], teacher_dim: int | None = None
) -> None:
    """What of a stage does not fit the model it trains; no row is looked at.

    Raises:
        UserError: columns, teacher, learning rates or Matryoshka sizes do not fit.
    """
    if len(columns) < (least := stage.loss.columns):
        raise UserError(
            f"stage {stage.name}: the loss {stage.loss.kind} needs {least} columns of texts, "
            f"found {', '.join(columns)}"
        )
    dim = model.get_embedding_dimension()
    if teacher_dim is not None and teacher_dim != dim:
        raise UserError(
            f"stage {stage.name}: the teacher's vectors have {teacher_dim} dimensions, the model's {dim}; "
            f"put a head with `out: {teacher_dim}` on the model"
        )
    _head_rate(model, stage)
    _token_rate(model, stage)
    build_loss(stage.loss, model)


def _check(stage: Stage, data: StageData, model: SentenceTransformer) -> None:
    counts = {name: len(texts) for name, texts in data.columns.items()}
    if (labels := data.labels(stage)) is not None:
        counts["labels"] = len(labels)
    if len(set(counts.values())) != 1:
        raise UserError(f"stage {stage.name}: columns of different lengths: {counts}")
    if stage.loss.labels and labels is None:
        raise UserError(
            f"stage {stage.name}: the loss {stage.loss.kind} needs labels for its rows; found none"
        )
    if any(p.dtype != torch.float32 for p in model.parameters() if p.requires_grad):
        raise ValueError("weights that are trained must be float32: half precision loses small updates")
    check_stage(stage, model, list(data.columns), None if data.teacher is None else data.teacher.shape[1])


def _arguments(
    model: SentenceTransformer, stage: Stage, data: StageData, where: Path, seed: int, dtype: str
) -> SentenceTransformerTrainingArguments:
    settings = SentenceTransformerTrainingArguments(
        output_dir=str(where),
        per_device_train_batch_size=stage.batch,
        gradient_accumulation_steps=stage.accumulate,
        learning_rate=stage.learning_rate,
        learning_rate_mapping={**_head_rate(model, stage), **_token_rate(model, stage)},
        lr_scheduler_type=SCHEDULES[stage.schedule],
        weight_decay=stage.weight_decay,
        max_grad_norm=stage.max_gradient_norm,
        bf16=dtype == "bfloat16",
        use_cpu=model.device.type == "cpu",
        seed=seed,
        prompts={f"c{i}": data.prompts.get(name, "") for i, name in enumerate(data.columns)},
        dataloader_pin_memory=model.device.type == "cuda",
        **ARGUMENTS,
    )
    if settings.parallel_mode != ParallelMode.DISTRIBUTED and settings.n_gpu > 1:
        settings._n_gpu = 1  # else torch's DataParallel, which splits a batch and with it its negatives
    return settings


def _head_rate(model: SentenceTransformer, stage: Stage) -> dict[str, float]:
    """Pattern of parameter names -> rate, for all modules after the body."""
    if stage.head_learning_rate is None:
        return {}
    behind = list(model.named_children())[1:]
    names = [name for name, module in behind if any(True for _ in module.parameters())]
    if not names:
        raise UserError(
            f"stage {stage.name}: head_learning_rate, but nothing behind the body can be trained; "
            "put a head or a learned pooling on the model"
        )
    return {rf"^model\.({'|'.join(names)})\.": stage.head_learning_rate}


def _token_rate(model: SentenceTransformer, stage: Stage) -> dict[str, float]:
    """Pattern of the names of the token vectors -> rate."""
    if stage.token_learning_rate is None:
        return {}
    tokens = token_vectors(model)
    names = [name for name, p in model.named_parameters() if id(p) in tokens and p.requires_grad]
    if not names:
        raise UserError(f"stage {stage.name}: token_learning_rate, but no token vectors are trained")
    return {rf"^model\.({'|'.join(map(re.escape, names))})$": stage.token_learning_rate}


def _trainer(
    model: SentenceTransformer,
    stage: Stage,
    data: StageData,
    settings: SentenceTransformerTrainingArguments,
    loop: Loop,
) -> StageTrainer:
    return StageTrainer(
        loop=loop,
        model=model,
        args=settings,
        loss=build_loss(stage.loss, model),
        evaluator=dev_evaluator(data.dev) if data.dev else None,
        data_collator=SentenceTransformerDataCollator(
            preprocess_fn=model.preprocess, prompts=settings.prompts
        ),
    )


def _best_step(history: History) -> int | None:
    best = best_look(dev_looks(history))
    return best.step if best else None


def _result(history: History, plan: Plan, model: SentenceTransformer) -> StageResult:
    curve = loss_curve(history)
    steps = int(curve[-1]["step"])
    looks = dev_looks(history)
    cuda = model.device.type == "cuda"
    return StageResult(
        steps=steps,
        epochs=steps / plan.per_epoch,
        rows=plan.rows_at(steps),
        took_seconds=max(entry.get("took_seconds", 0.0) for entry in history),
        last_loss=last_loss(curve),
        dev=looks,
        best_step=_best_step(history),
        stopped_early=steps < plan.total,
        curve=curve,
        peak_memory_mb=torch.cuda.max_memory_allocated(model.device) / 1e6 if cuda else None,
    )
