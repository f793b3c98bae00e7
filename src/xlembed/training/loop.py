"""The transformers trainer with our batches, checkpoints and messages; what is trained and its loss come from outside.

Every random choice follows from the seed and the state in the checkpoints; on one thread of a CPU a training that was
killed ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import DefaultFlowCallback

from xlembed.training.checkpoints import (
    WEIGHTS,
    checkpoint_folder,
    kept_steps,
    load_weights,
    newest,
    prune,
    save_weights,
    seal,
)
from xlembed.words import UserError
from xlembed.workspace import Watch, unwatched

Log = Callable[[Mapping[str, float], int], None]
"""Told (values, update)."""
History = Sequence[Mapping[str, float]]
"""The log of a trainer."""
ARGUMENTS: dict[str, Any] = {
    **dict.fromkeys(("logging_strategy", "eval_strategy", "save_strategy"), "no"),  # the plan says when
    "logging_nan_inf_filter": False,  # a loss that is no number must be seen
    "optim": "adamw_torch",
    "report_to": "none",
    "disable_tqdm": True,
}
"""Of every trainer in a loop."""


def unlogged(values: Mapping[str, float], step: int) -> None:
    """For callers that keep no curves."""


WATCHED = {"loss": "loss", "grad_norm": "gradient norm", "eval_loss": "loss on validation"}
"""Key of the log -> what must stay a number."""


class EpochBatches(BatchSampler):
    """Batches of row numbers; `epoch` is set from outside before each pass."""

    epoch = 0


@dataclass(frozen=True)
class Plan:
    """What happens at which update (counted from 1)."""

    per_epoch: int
    """Updates."""
    total: int
    looks: frozenset[int]
    """What is held out is measured and a checkpoint written after these."""
    curve: frozenset[int]
    """The loss is logged after these, the looks among them."""
    rows_per_epoch: int
    rows_per_update: int

    def rows_at(self, step: int) -> int:
        """Rows seen by all processes until then."""
        epochs, rest = divmod(step, self.per_epoch)
        return epochs * self.rows_per_epoch + min(rest * self.rows_per_update, self.rows_per_epoch)


@dataclass(frozen=True, eq=False)
class Loop:
    """A training, but for the model and its loss.

    Attributes:
        name: shown while it goes on: ``training retrieval``.
        rows: what the batches pick from.
        batches: of each epoch.
        plan: what happens when.
        where: folder of the checkpoints of this training and nothing else.
        is_over: whether the log asks for no further update.
        best_step: of the best measurement in the log, if there is one; its checkpoint is kept.
        keeps_best: whether the model ends with the weights of that step, not of the last one.
        advice: what to do when the loss is no number.
        has_dev: whether something is held out to be measured.
        names: key of the log -> its name in the curves that `log` is told.
        watch: told (what, updates done, updates in all).
        log: told ({"loss", "learning_rate", "gradient_norm", "rows_per_second"} or a measurement, update).
    """

    name: str
    rows: Dataset[Any]
    batches: EpochBatches
    plan: Plan
    where: Path
    is_over: Callable[[History], bool]
    best_step: Callable[[History], int | None]
    keeps_best: bool
    advice: str
    has_dev: bool = True
    names: Mapping[str, str] | None = None
    watch: Watch = unwatched
    log: Log = unlogged


class ResumableTrainer(Trainer):
    """Mixed into a trainer of the libraries: trains by a loop and seals its checkpoints."""

    def __init__(self, *, loop: Loop, model: nn.Module, **settings: Any) -> None:
        self._loop, self._net = loop, model
        self._began = time.perf_counter()
        super().__init__(model=model, train_dataset=loop.rows, **settings)
        self.remove_callback(DefaultFlowCallback)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Flow(loop))
        self.add_callback(_Messages(loop))

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Our batches; the library's would shuffle."""
        self.accelerator.even_batches = False
        loader = DataLoader(
            self._loop.rows,
            batch_sampler=self._loop.batches,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """With the seconds since the training's very beginning."""
        if not hasattr(self, "_before"):  # the state of a checkpoint has been read by now
            self._before = max(
                (entry.get("took_seconds", 0.0) for entry in self.state.log_history), default=0.0
            )
        took = self._before + time.perf_counter() - self._began
        super().log({**logs, "took_seconds": took}, start_time)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Weights only: everything else does not change, and the body may be large."""
        folder = Path(output_dir or self._loop.where)
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self._net, folder / WEIGHTS)

    def _load_from_checkpoint(self, checkpoint_path: str, model: Any = None) -> None:
        load_weights(self._net, Path(checkpoint_path) / WEIGHTS)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()  # every process writes its random state
        if not self.args.should_save:
            return
        where = self._loop.where
        seal(checkpoint_folder(where, self.state.global_step))
        prune(where, kept_steps(where, self._loop.best_step(self.state.log_history)))


def train(model: nn.Module, loop: Loop, make: Callable[[], ResumableTrainer]) -> History:
    """Train what requires a gradient, in place; go on where an earlier call on the same folder was cut off.

    The model ends with the weights that the loop wants; `make` is called if there is something left to do.

    Returns:
        The log, of the parts before an interruption too.

    Raises:
        UserError: the loss is no longer a number, or the folder holds another model's weights.
        KeyboardInterrupt: passed on; the last checkpoint stays.
    """
    start = newest(loop.where)
    own_forward = model.__dict__.get("forward")
    try:
        if start and _is_over(start, loop):
            load_weights(model, start / WEIGHTS)
            history = _history(start)
        else:
            trainer = make()
            trainer.train(resume_from_checkpoint=str(start) if start else None)
            history = trainer.state.log_history
            trainer.accelerator.free_memory()
        best = loop.best_step(history) if loop.keeps_best else None
        if best is not None and best != max(entry["step"] for entry in history):
            load_weights(model, checkpoint_folder(loop.where, best) / WEIGHTS)
    finally:
        _bare(model, own_forward)
    return history


def _history(folder: Path) -> History:
    return list(json.loads((folder / "trainer_state.json").read_text("utf-8"))["log_history"])


def _is_over(folder: Path, loop: Loop) -> bool:
    step = int(folder.name.split("-")[1])
    return step >= loop.plan.total or loop.is_over(_history(folder))


def _bare(model: nn.Module, own_forward: Any) -> None:
    """Take off what the trainer left: the casting `forward`, gradients, the mode.

    Also accelerate's mark of a prepared model, which would keep the next training from getting its own `forward`.
    """
    for name in ("_original_forward", "_is_accelerate_prepared", "forward"):
        model.__dict__.pop(name, None)
    if own_forward is not None:
        model.__dict__["forward"] = own_forward
    model.zero_grad(set_to_none=True)
    model.eval()


class _Flow(TrainerCallback):
    """Logs, looks, checkpoints and the end, as the plan says."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def on_epoch_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        # Not the library's set_epoch: it does not reach a sampler inside two others (resumed and distributed).
        self._loop.batches.epoch = state.global_step // self._loop.plan.per_epoch

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        step, plan = state.global_step, self._loop.plan
        control.should_log = step in plan.curve
        control.should_save = step in plan.looks
        control.should_evaluate = control.should_save and self._loop.has_dev
        control.should_training_stop = step >= plan.total
        if state.is_world_process_zero:
            self._loop.watch(self._loop.name, step, plan.total)
        return control

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> TrainerControl:
        if self._loop.is_over(state.log_history):
            control.should_training_stop = True
        return control


class _Messages(TrainerCallback):
    """Passes the curves on; refuses a loss that is no number."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._since = (0, 0.0)

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._restart(state)

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._restart(state)  # after measuring and writing, which are no training

    def on_log(
        self,
        args: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        logs, step = logs or {}, state.global_step
        self._check(logs, step)
        if "loss" in logs:
            before, at = self._since
            seconds = max(time.perf_counter() - at, 1e-9)
            self._restart(state)
            rows = self._loop.plan.rows_at(step) - self._loop.plan.rows_at(before)
            told = {"loss": logs["loss"], "learning_rate": logs["learning_rate"]}
            gradient = {"gradient_norm": logs.get("grad_norm", 0.0)}
            self._tell(state, {**told, **gradient, "rows_per_second": rows / seconds})
        measured = {name: logs[key] for key, name in (self._loop.names or {}).items() if key in logs}
        if measured:
            self._tell(state, measured)

    def _check(self, logs: Mapping[str, float], step: int) -> None:
        wrong = [
            f"the {words} is {logs[key]}"
            for key, words in WATCHED.items()
            if not math.isfinite(logs.get(key, 0.0))
        ]
        if wrong:
            raise UserError(f"{self._loop.name}, update {step}: {', '.join(wrong)}; try {self._loop.advice}")

    def _tell(self, state: TrainerState, values: Mapping[str, float]) -> None:
        if state.is_world_process_zero:
            self._loop.log(values, state.global_step)

    def _restart(self, state: TrainerState) -> None:
        self._since = (state.global_step, time.perf_counter())
