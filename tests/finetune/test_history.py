"""What a training's log says, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xlembed.finetune.blending import OrderedBatches
from xlembed.finetune.recipe import EarlyStopping, Stage
from xlembed.finetune.training import DevLook, best_look, dev_looks, is_stale, last_loss, loss_curve, plan_of
from xlembed.training.loop import Plan
from xlembed.words import UserError


def looks(*values: float) -> list[DevLook]:
    return [DevLook(10 * i, value) for i, value in enumerate(values, 1)]


def test_log_is_read() -> None:
    history = [
        {"step": 2, "loss": 0.5, "learning_rate": 0.1, "grad_norm": 3.0, "took_seconds": 1.0},
        {"step": 2, "eval_dev": 0.7, "eval_runtime": 1.0},
        {"step": 2, "train_loss": 0.4},
    ]
    assert dev_looks(history) == [DevLook(2, 0.7)]
    assert loss_curve(history) == [{"step": 2, "loss": 0.5, "learning_rate": 0.1, "gradient_norm": 3.0}]


def test_best_is_the_first_of_the_highest() -> None:
    assert best_look(looks(0.1, 0.5, 0.3, 0.5)) == DevLook(20, 0.5)
    assert best_look([]) is None


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "stale"),
    [
        ((), 1, 0.0, False),
        ((0.5,), 1, 0.0, False),
        ((0.5, 0.5), 1, 0.0, True),
        ((0.5, 0.4), 2, 0.0, False),
        ((0.5, 0.4, 0.5), 2, 0.0, True),
        ((0.5, 0.4, 0.6, 0.5), 2, 0.0, False),
        ((0.5, 0.55, 0.58), 2, 0.1, True),
        ((0.5, 0.55, 0.61), 2, 0.1, False),
    ],
)
def test_patience(values: tuple[float, ...], patience: int, min_delta: float, stale: bool) -> None:
    assert is_stale(looks(*values), EarlyStopping(patience=patience, min_delta=min_delta)) is stale
    assert is_stale(looks(*values), None) is False


def test_last_loss_is_the_mean_of_the_last_tenth() -> None:
    each = [{"step": step, "loss": float(step)} for step in range(1, 21)]
    assert last_loss(each) == 19.5
    some = [(10, 4.0), (18, 9.0), (19, 1.0), (20, 2.0)]
    assert last_loss([{"step": step, "loss": loss} for step, loss in some]) == 1.5
    assert last_loss([{"step": 4, "loss": 4.0}]) == 4.0


def batches(n: int, batch: int, processes: int = 1) -> OrderedBatches:
    return OrderedBatches(n, batch, lambda epoch: np.roll(np.arange(n), epoch), processes)


def test_batches_are_consecutive_slices_of_the_epochs_order() -> None:
    made = batches(5, 2)
    assert len(made) == 2 and made.rows == 4 and list(made) == [[0, 1], [2, 3]]
    made.epoch = 2
    assert list(made) == [[3, 4], [0, 1]]


def test_a_short_last_batch_stays_if_it_has_two_rows() -> None:
    assert list(batches(5, 3)) == [[0, 1, 2], [3, 4]]
    assert list(batches(4, 3)) == [[0, 1, 2]]
    assert list(batches(2, 3)) == [[0, 1]]


def test_every_process_gets_as_many_full_batches() -> None:
    made = batches(11, 2, processes=2)
    assert len(made) == 4 and made.rows == 8
    with pytest.raises(UserError, match="each of 4 processes"):
        batches(7, 2, processes=4)
    with pytest.raises(UserError, match="at least 2, found 1"):
        batches(1, 2)


def test_an_order_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 3 rows from 0 to 2, found 3 from 1 to 3"):
        list(OrderedBatches(3, 2, lambda epoch: np.array([1, 2, 3])))


def plan(n: int, **settings: object) -> Plan:
    stage = Stage.model_validate({"name": "s", "data": [{"pairs": "p"}], "loss": "mnrl", **settings})
    return plan_of(stage, batches(n, stage.batch))


def test_plan_counts_updates() -> None:
    made = plan(11, batch=4, epochs=2.5, looks=3)  # batches of 4, 4, 3; 7.5 updates
    assert (made.per_epoch, made.total, made.looks) == (3, 8, {3, 6, 8})
    assert [made.rows_at(step) for step in (0, 1, 3, 4, 8)] == [0, 4, 11, 15, 30]
    made = plan(11, batch=4, accumulate=2, epochs=2, looks=99)  # updates of 8 and 3 rows
    assert (made.per_epoch, made.total, made.looks) == (2, 4, {1, 2, 3, 4})
    assert [made.rows_at(step) for step in (1, 2, 3)] == [8, 11, 19]
    assert plan(11, batch=4, epochs=2, max_steps=5).total == 5
