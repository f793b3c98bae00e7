"""One stage of a recipe: training by the sentence-transformers trainer, in a given order, resumable to the byte.

Every random choice follows from the seed and the state in the checkpoints; on one thread of a CPU a
training that was killed ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from transformers.training_args import ParallelMode

from xlembed.finetune.checkpoints import WEIGHTS, checkpoint_folder, load_weights, newest
from xlembed.finetune.dev import DevData, dev_evaluator
from xlembed.finetune.history import DevLook, best_look, dev_looks, is_stale, last_loss, loss_curve
from xlembed.finetune.losses import build_loss
from xlembed.finetune.ordered import Integers, OrderedBatches, Rows
from xlembed.finetune.recipe import Stage
from xlembed.finetune.trainable import token_vectors
from xlembed.finetune.trainer import Log, Plan, StageTrainer, Watch, unlogged, unwatched
from xlembed.types import UserError, Vectors

__all__ = ["DevData", "DevLook", "StageData", "StageResult", "check_stage", "train_stage"]

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

    Args:
        stage: what the recipe says.
        data: the rows.
        model: float32 weights, on the device to train on; what has no `requires_grad` stays as it is.
        where: folder of the checkpoints of this stage and nothing else; one finished stage is not
            trained again. The caller removes it.
        seed: of Python, NumPy, torch and CUDA.
        dtype: bfloat16 computes in automatic mixed precision, on a CPU too.
        watch: told (what, updates done, updates in all).
        log: told ({"loss", "learning_rate", "gradient_norm", "rows_per_second"} or {"dev/METRIC"}, update).

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
    plan = Plan.of(stage, batches, settings.world_size)
    settings.max_steps = plan.total
    settings.warmup_steps = math.ceil(stage.warmup * plan.total)
    own_forward = model.__dict__.get("forward")
    if model.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(model.device)
    start = newest(where)
    try:
        if start and _is_over(start, stage, plan):
            load_weights(model, start / WEIGHTS)
            history = _history(start)
        else:
            trainer = _trainer(model, stage, data, settings, batches, plan, watch, log)
            trainer.train(resume_from_checkpoint=str(start) if start else None)
            history = trainer.state.log_history
            trainer.accelerator.free_memory()
        result = _result(history, stage, plan, model)
        if stage.early_stopping and result.best_step not in (None, result.steps):
            load_weights(model, checkpoint_folder(where, result.best_step or 0) / WEIGHTS)
    finally:
        _bare(model, own_forward)
    return result


def check_stage(
    stage: Stage, model: SentenceTransformer, columns: Sequence[str], teacher_dim: int | None = None
) -> None:
    """What of a stage does not fit the model it trains; no row is looked at.

    Args:
        stage: what the recipe says.
        model: as the stage starts on it.
        columns: of the rows, negatives included.
        teacher_dim: of the teacher's vectors; None without a teacher.

    Raises:
        UserError: columns, teacher, learning rates or Matryoshka sizes do not fit.
    """
    least = {"triplet": 3}.get(stage.loss.kind, 2)
    if len(columns) < least:
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
    labels = {"cosent": data.scores, "distillation": data.teacher}.get(stage.loss.kind)
    if labels is not None:
        counts["labels"] = len(labels)
    if len(set(counts.values())) != 1:
        raise UserError(f"stage {stage.name}: columns of different lengths: {counts}")
    if stage.loss.kind in ("cosent", "distillation") and labels is None:
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
        optim="adamw_torch",
        bf16=dtype == "bfloat16",
        use_cpu=model.device.type == "cpu",
        seed=seed,
        prompts={f"c{i}": data.prompts.get(name, "") for i, name in enumerate(data.columns)},
        logging_strategy="no",  # the plan says when
        eval_strategy="no",
        save_strategy="no",
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        dataloader_pin_memory=model.device.type == "cuda",
        report_to="none",
        disable_tqdm=True,
    )
    if settings.parallel_mode != ParallelMode.DISTRIBUTED and settings.n_gpu > 1:
        settings._n_gpu = 1  # else torch's DataParallel, which splits a batch and with it its negatives
    return settings


def _head_rate(model: SentenceTransformer, stage: Stage) -> dict[str, float]:
    """Pattern of parameter names -> rate, for all modules after the body."""
    if stage.head_learning_rate is None:
        return {}
    names = [
        name for name, module in list(model.named_children())[1:] if any(True for _ in module.parameters())
    ]
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
    names = [
        name
        for name, parameter in model.named_parameters()
        if id(parameter) in tokens and parameter.requires_grad
    ]
    if not names:
        raise UserError(f"stage {stage.name}: token_learning_rate, but no token vectors are trained")
    return {rf"^model\.({'|'.join(map(re.escape, names))})$": stage.token_learning_rate}


def _trainer(
    model: SentenceTransformer,
    stage: Stage,
    data: StageData,
    settings: SentenceTransformerTrainingArguments,
    batches: OrderedBatches,
    plan: Plan,
    watch: Watch,
    log: Log,
) -> StageTrainer:
    labels = {"cosent": data.scores, "distillation": data.teacher}.get(stage.loss.kind)
    rows = Rows(list(data.columns.values()), None if labels is None else np.asarray(labels, np.float32))
    return StageTrainer(
        model=model,
        args=settings,
        rows=rows,
        where=Path(settings.output_dir or ""),
        loss=build_loss(stage.loss, model),
        evaluator=dev_evaluator(data.dev) if data.dev else None,
        data_collator=SentenceTransformerDataCollator(
            preprocess_fn=model.preprocess, prompts=settings.prompts
        ),
        stage=stage,
        batches=batches,
        plan=plan,
        metric=data.dev.metric if data.dev else "",
        watch=watch,
        log=log,
    )


def _history(folder: Path) -> list[dict[str, float]]:
    state = json.loads((folder / "trainer_state.json").read_text("utf-8"))
    return list(state["log_history"])


def _is_over(folder: Path, stage: Stage, plan: Plan) -> bool:
    step = int(folder.name.split("-")[1])
    return step >= plan.total or is_stale(dev_looks(_history(folder)), stage.early_stopping)


def _result(
    history: Sequence[Mapping[str, float]], stage: Stage, plan: Plan, model: SentenceTransformer
) -> StageResult:
    curve = loss_curve(history)
    steps = int(curve[-1]["step"])
    looks = dev_looks(history)
    best = best_look(looks)
    cuda = model.device.type == "cuda"
    return StageResult(
        steps=steps,
        epochs=steps / plan.per_epoch,
        rows=plan.rows_at(steps),
        took_seconds=max(entry.get("took_seconds", 0.0) for entry in history),
        last_loss=last_loss(curve),
        dev=looks,
        best_step=best.step if best else None,
        stopped_early=steps < plan.total,
        curve=curve,
        peak_memory_mb=torch.cuda.max_memory_allocated(model.device) / 1e6 if cuda else None,
    )


def _bare(model: SentenceTransformer, own_forward: Any) -> None:
    """Take off what the trainer left: the casting `forward`, gradients, the mode.

    Also accelerate's mark of a prepared model, which would keep the next stage from getting its own `forward`.
    """
    for name in ("_original_forward", "_is_accelerate_prepared", "forward"):
        model.__dict__.pop(name, None)
    if own_forward is not None:
        model.__dict__["forward"] = own_forward
    model.zero_grad(set_to_none=True)
    model.eval()
