"""The sentence-transformers trainer with our batches, checkpoints and messages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformerTrainer
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import DefaultFlowCallback

from xlembed.finetune.checkpoints import (
    WEIGHTS,
    checkpoint_folder,
    kept_steps,
    load_weights,
    prune,
    save_weights,
    seal,
)
from xlembed.finetune.dev import DEV
from xlembed.finetune.history import best_look, dev_looks, is_stale
from xlembed.finetune.ordered import OrderedBatches, Rows
from xlembed.finetune.recipe import Stage
from xlembed.types import UserError

Watch = Callable[[str, int, int], None]
"""Told (what, done, total) as long work goes on."""

Log = Callable[[Mapping[str, float], int], None]
"""Told (values, update)."""

CURVE_POINTS = 200


def unwatched(what: str, done: int, total: int) -> None:
    """For callers that do not look."""


def unlogged(values: Mapping[str, float], step: int) -> None:
    """For callers that keep no curves."""


@dataclass(frozen=True)
class Plan:
    """What happens at which update (counted from 1)."""

    per_epoch: int
    """Updates."""
    total: int
    looks: frozenset[int]
    """Dev is measured and a checkpoint written after these."""
    curve: frozenset[int]
    """The loss is logged after these, the looks among them."""
    rows_per_epoch: int
    rows_per_update: int

    @classmethod
    def of(cls, stage: Stage, batches: OrderedBatches, processes: int = 1) -> Plan:
        """The plan of a stage over the batches of an epoch."""
        per_epoch = math.ceil(len(batches) / processes / stage.accumulate)
        total = math.ceil(stage.epochs * per_epoch)
        total = min(total, stage.max_steps or total)
        looks = _evenly(total, stage.looks)
        return cls(
            per_epoch=per_epoch,
            total=total,
            looks=looks,
            curve=looks | _evenly(total, CURVE_POINTS),
            rows_per_epoch=batches.rows,
            rows_per_update=batches.batch_size * processes * stage.accumulate,
        )

    def rows_at(self, step: int) -> int:
        """Rows seen by all processes until then."""
        epochs, rest = divmod(step, self.per_epoch)
        return epochs * self.rows_per_epoch + min(rest * self.rows_per_update, self.rows_per_epoch)


def _evenly(total: int, n: int) -> frozenset[int]:
    return frozenset(math.ceil(total * i / n) for i in range(1, n + 1))


class StageTrainer(SentenceTransformerTrainer):
    """Trains one stage by its plan and seals its checkpoints."""

    def __init__(
        self,
        *,
        stage: Stage,
        rows: Rows,
        where: Path,
        batches: OrderedBatches,
        plan: Plan,
        metric: str,
        watch: Watch,
        log: Log,
        **settings: Any,
    ) -> None:
        super().__init__(train_dataset=rows, **settings)
        self._rows = rows
        self._batches = batches
        self._where = where
        self._began = time.perf_counter()
        self.remove_callback(DefaultFlowCallback)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Flow(stage, plan, batches, watch, has_dev=bool(metric)))
        self.add_callback(_Messages(plan, metric, log))

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: our card is written by the stage, and the library's reads the whole data."""

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Our batches; the library's would shuffle."""
        self.accelerator.even_batches = False
        loader = DataLoader(
            self._rows,
            batch_sampler=self._batches,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """With the seconds since the stage's very beginning."""
        if not hasattr(self, "_before"):  # the state of a checkpoint has been read by now
            self._before = max(
                (entry.get("took_seconds", 0.0) for entry in self.state.log_history), default=0.0
            )
        took = self._before + time.perf_counter() - self._began
        super().log({**logs, "took_seconds": took}, start_time)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Weights only: modules and tokenizer do not change, and the base may be large."""
        folder = Path(output_dir or self._where)
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.model, folder / WEIGHTS)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:  # type: ignore[override]
        load_weights(self.model, Path(checkpoint_path) / WEIGHTS)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()  # every process writes its random state
        if not self.args.should_save:
            return
        seal(checkpoint_folder(self._where, self.state.global_step))
        best = best_look(dev_looks(self.state.log_history))
        prune(self._where, kept_steps(self._where, best.step if best else None))


class _Flow(TrainerCallback):
    """Logs, looks, checkpoints and the end, as the plan says."""

    def __init__(
        self, stage: Stage, plan: Plan, batches: OrderedBatches, watch: Watch, *, has_dev: bool
    ) -> None:
        self._stage = stage
        self._plan = plan
        self._batches = batches
        self._watch = watch
        self._has_dev = has_dev

    def on_epoch_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        # Not the library's set_epoch: it does not reach a sampler inside two others (resumed and distributed).
        self._batches.epoch = state.global_step // self._plan.per_epoch

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        step = state.global_step
        control.should_log = step in self._plan.curve
        control.should_save = step in self._plan.looks
        control.should_evaluate = control.should_save and self._has_dev
        control.should_training_stop = step >= self._plan.total
        if state.is_world_process_zero:
            self._watch(f"training {self._stage.name}", step, self._plan.total)
        return control

    def on_evaluate(
        self, args: Any, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        if is_stale(dev_looks(state.log_history), self._stage.early_stopping):
            control.should_training_stop = True
        return control


class _Messages(TrainerCallback):
    """Passes the curves on; refuses a loss that is no number."""

    def __init__(self, plan: Plan, metric: str, log: Log) -> None:
        self._plan = plan
        self._metric = metric
        self._log = log
        self._since = (0, 0.0)

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._restart(state)

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._restart(state)  # after dev and writing, which are no training

    def on_log(
        self,
        args: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        logs = logs or {}
        step = state.global_step
        if "loss" in logs:
            norm = logs.get("grad_norm", 0.0)
            if not math.isfinite(logs["loss"]) or not math.isfinite(norm):
                raise UserError(
                    f"update {step}: the loss is {logs['loss']}, the gradient norm {norm}; "
                    "try a lower learning_rate, a longer warmup or dtype float32"
                )
            before, at = self._since
            seconds = max(time.perf_counter() - at, 1e-9)
            self._restart(state)
            values = {"loss": logs["loss"], "learning_rate": logs["learning_rate"], "gradient_norm": norm}
            speed = (self._plan.rows_at(step) - self._plan.rows_at(before)) / seconds
            self._tell(state, values | {"rows_per_second": speed})
        if f"eval_{DEV}" in logs:
            self._tell(state, {f"dev/{self._metric}": logs[f"eval_{DEV}"]})

    def _tell(self, state: TrainerState, values: Mapping[str, float]) -> None:
        if state.is_world_process_zero:
            self._log(values, state.global_step)

    def _restart(self, state: TrainerState) -> None:
        self._since = (state.global_step, time.perf_counter())
