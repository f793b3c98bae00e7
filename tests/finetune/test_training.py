"""Whole stages on small random models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense

from finetune import killed_training as killed
from small_model import DIM, small_model
from xlembed.finetune.dev import DevData, dev_evaluator
from xlembed.finetune.recipe import Stage
from xlembed.finetune.training import DevLook, StageData, train_stage
from xlembed.words import Role, UserError, Vectors

TESTS = Path(__file__).resolve().parent.parent
BUNDLED = TESTS.parent / "src" / "xlembed" / "models" / "bundled" / "static_multilingual"
N = 40
ANCHORS = [f"w{i}" for i in range(N)]
POSITIVES = [f"v{i}" for i in range(N)]
PAIRS = [
    {"anchor": anchor, "positive": positive} for anchor, positive in zip(ANCHORS, POSITIVES, strict=True)
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def model(tmp_path: Path) -> SentenceTransformer:
    return small_model(tmp_path / "model", [*ANCHORS, *POSITIVES])


def stage(loss: Any = "mnrl", **settings: Any) -> Stage:
    toy = {
        "name": "toy",
        "data": [{"pairs": "p"}],
        "batch": 8,
        "epochs": 1,
        "learning_rate": 5e-3,
        "looks": 3,
    }
    return Stage.model_validate(toy | {"loss": loss} | settings)


def shuffled(epoch: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(epoch).permutation(N)


def pairs(**settings: Any) -> StageData:
    return StageData({"anchor": ANCHORS, "positive": POSITIVES}, shuffled, **settings)


def weights(model: SentenceTransformer) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


# ---- it learns


def test_loss_falls_and_dev_rises(
    model: SentenceTransformer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logged: list[tuple[Mapping[str, float], int]] = []
    watched: list[tuple[str, int, int]] = []
    result = train_stage(
        model,
        stage(epochs=20, looks=4, dev={"pairs": "d", "metric": "accuracy@1"}),
        pairs(dev=DevData(PAIRS, "accuracy@1")),
        tmp_path / "work",
        seed=1,
        watch=lambda *told: watched.append(told),
        log=lambda values, step: logged.append((values, step)),
    )
    assert (result.steps, result.epochs, result.rows, result.stopped_early) == (100, 20, 800, False)
    assert [look.step for look in result.dev] == [25, 50, 75, 100]
    losses = [values["loss"] for values, _ in logged if "loss" in values]
    assert len(losses) == 100 and losses[0] > 2 and result.last_loss < 0.5
    assert result.last_loss == pytest.approx(np.mean(losses[-10:]))
    assert result.dev[-1].value > 0.9 and result.best_step is not None
    assert {key for values, _ in logged for key in values} == {
        "loss", "learning_rate", "gradient_norm", "rows_per_second", "dev/accuracy@1",
    }  # fmt: skip
    assert [step for values, step in logged if "dev/accuracy@1" in values] == [25, 50, 75, 100]
    assert watched[-1] == ("training toy", 100, 100)
    assert result.took_seconds > 0 and result.peak_memory_mb is None
    assert {path.name for path in tmp_path.iterdir()} == {"model", "work"}
    assert not list((tmp_path / "work").rglob("*.bin"))
    said = capfd.readouterr()
    assert "loss" not in said.out + said.err and "it/s" not in said.out + said.err
    assert not model.training and all(p.grad is None for p in model.parameters())


def test_warmup_and_schedule(model: SentenceTransformer, tmp_path: Path) -> None:
    result = train_stage(
        model, stage(epochs=2, warmup=0.2, learning_rate=1e-3), pairs(), tmp_path / "work", seed=1
    )
    rates = [row["learning_rate"] for row in result.curve]  # of the update before it
    assert rates == pytest.approx([0, 5e-4, 1e-3, *(1e-3 * (1 - i / 8) for i in range(1, 8))])


def test_rows_come_exactly_in_the_given_order(model: SentenceTransformer, tmp_path: Path) -> None:
    seen: list[tuple[list[str], str | None]] = []
    preprocess = model.preprocess

    def spy(texts: list[str], prompt: str | None = None, **settings: Any) -> Any:
        seen.append((list(texts), prompt))
        return preprocess(texts, prompt=prompt, **settings)

    model.preprocess = spy  # type: ignore[method-assign]
    data = StageData(
        {"anchor": ["w0", "w1", "w2", "w3", "w4"], "positive": ["v0", "v1", "v2", "v3", "v4"]},
        lambda epoch: np.roll(np.arange(5), -epoch),
        prompts={"anchor": "query: "},
    )
    train_stage(model, stage(batch=2, epochs=2), data, tmp_path / "work", seed=1)
    assert [texts for texts, prompt in seen if prompt == "query: "] == [
        ["w0", "w1"], ["w2", "w3"], ["w1", "w2"], ["w3", "w4"],
    ]  # fmt: skip
    assert [texts for texts, prompt in seen if not prompt] == [
        ["v0", "v1"], ["v2", "v3"], ["v1", "v2"], ["v3", "v4"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "loss",
    [
        {"kind": "cached_mnrl", "mini_batch": 3, "matryoshka": [DIM, 4]},
        {"kind": "mnrl", "symmetric": True},
        "circle",
        "triplet",
        {"kind": "cosent", "matryoshka": [DIM, 4]},
        {"kind": "distillation", "matryoshka": [DIM, 4]},
    ],
    ids=str,
)
def test_every_loss_trains(tmp_path: Path, loss: Any) -> None:
    model = small_model(tmp_path / "model", [*ANCHORS, *POSITIVES], dropout=0)
    columns = {"anchor": ANCHORS, "positive": POSITIVES}
    settings: dict[str, Any] = {}
    match stage(loss).loss.kind:
        case "cosent":
            settings["scores"] = [float(i % 3) for i in range(N)]
        case "distillation":
            settings["teacher"] = np.random.default_rng(0).normal(size=(N, DIM)).astype(np.float32)
        case _:  # two negatives per row
            columns |= {
                "negative": POSITIVES[1:] + POSITIVES[:1],
                "negative_1": POSITIVES[2:] + POSITIVES[:2],
            }
    result = train_stage(
        model, stage(loss, epochs=8), StageData(columns, shuffled, **settings), tmp_path / "work", seed=1
    )
    assert result.last_loss < 0.8 * result.curve[0]["loss"]


def test_distillation_brings_both_sides_to_the_teacher(tmp_path: Path) -> None:
    teacher = np.random.default_rng(0).normal(size=(N, DIM)).astype(np.float32)
    model = small_model(tmp_path / "model", [*ANCHORS, *POSITIVES], dropout=0)
    rates = {"epochs": 60, "learning_rate": 1e-2, "looks": 1}
    train_stage(model, stage("distillation", **rates), pairs(teacher=teacher), tmp_path / "work", seed=1)
    for texts in (ANCHORS, POSITIVES):
        nearest = np.argmax(
            model.encode(texts, normalize_embeddings=True) @ teacher.T / np.linalg.norm(teacher, axis=1),
            axis=1,
        )
        assert (nearest == np.arange(N)).mean() > 0.9


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl", {"kind": "mnrl", "matryoshka": [256, 64]}], ids=str)
def test_the_bundled_static_model_trains(tmp_path: Path, loss: Any) -> None:
    model = SentenceTransformer(str(BUNDLED), device="cpu")
    if loss == "mnrl":
        with pytest.raises(ValueError, match="must be float32"):  # stored as float16
            train_stage(model, stage(), pairs(), tmp_path / "half", seed=1)
    model.float()
    dim = model.get_embedding_dimension()
    if isinstance(loss, dict):
        loss |= {"matryoshka": [dim, 64]}
    words = ["kedi", "köpek", "kuş", "balık", "ev", "araba", "su", "ateş"]
    other = ["mountain", "paper", "night", "sugar", "music", "winter", "garden", "bread"]
    data = StageData({"anchor": words, "positive": other}, lambda epoch: np.arange(8))
    result = train_stage(model, stage(loss, epochs=10, learning_rate=0.1), data, tmp_path / "work", seed=1)
    assert result.last_loss < 0.3 * result.curve[0]["loss"]
    assert (np.argmax(model.encode(words) @ model.encode(other).T, axis=1) == np.arange(8)).all()


def test_accumulated_batches_make_one_update(model: SentenceTransformer, tmp_path: Path) -> None:
    result = train_stage(model, stage(accumulate=2, epochs=2), pairs(), tmp_path / "work", seed=1)
    assert (result.steps, result.rows) == (6, 80)  # 5 batches: updates of 16, 16 and 8 rows


def test_max_steps(model: SentenceTransformer, tmp_path: Path) -> None:
    result = train_stage(model, stage(epochs=9, max_steps=7), pairs(), tmp_path / "work", seed=1)
    assert (result.steps, result.epochs, result.stopped_early) == (7, 1.4, False)


# ---- what is trained, and how


def test_head_has_its_own_rate(tmp_path: Path) -> None:
    model = small_model(tmp_path / "model", [*ANCHORS, *POSITIVES], modules=[Dense(DIM, 8)])
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    settings = {"learning_rate": 1e-12, "head_learning_rate": 1e-2, "weight_decay": 0}
    train_stage(model, stage(**settings), pairs(), tmp_path / "work", seed=1)
    moved = {name: (p - before[name]).abs().max().item() for name, p in model.named_parameters()}
    assert all((moved[name] > 1e-3) == name.startswith("2.") for name in moved)


def test_a_head_rate_without_a_head_is_refused(model: SentenceTransformer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing behind the body"):
        train_stage(model, stage(head_learning_rate=1e-2), pairs(), tmp_path / "work", seed=1)


def test_what_is_frozen_stays(tmp_path: Path) -> None:
    model = small_model(tmp_path / "model", [*ANCHORS, *POSITIVES], modules=[Dense(DIM, 8)])
    model[0].requires_grad_(False)
    before = weights(model)
    train_stage(model, stage(), pairs(), tmp_path / "work", seed=1)
    changed = {name for name, value in weights(model).items() if value != before[name]}
    assert changed == {"2.linear.weight", "2.linear.bias"}


def test_bfloat16_casts_in_every_stage_and_leaves_float32(model: SentenceTransformer, tmp_path: Path) -> None:
    seen: set[torch.dtype] = set()
    query = model[0].auto_model.encoder.layer[0].attention.self.query  # type: ignore[union-attr, operator, index]
    query.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))  # type: ignore[union-attr]
    for i, (dtype, loss) in enumerate(
        [("float32", "mnrl"), ("bfloat16", "mnrl"), ("bfloat16", "cached_mnrl"), ("float32", "mnrl")]
    ):
        seen.clear()
        train_stage(model, stage(loss), pairs(), tmp_path / f"work{i}", seed=1, dtype=dtype)  # type: ignore[arg-type]
        assert seen == {getattr(torch, dtype)}
        seen.clear()
        model.encode(["w1"])
        assert seen == {torch.float32}
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_seed_decides(tmp_path: Path) -> None:
    made = []
    for i, seed in enumerate([1, 1, 2]):
        np.random.seed(i)
        torch.manual_seed(i)
        model = small_model(tmp_path / f"model{i}", [*ANCHORS, *POSITIVES], dropout=0.2)
        train_stage(model, stage(), pairs(), tmp_path / f"work{i}", seed=seed)
        made.append(weights(model))
    assert made[0] == made[1] != made[2]


# ---- early stopping


def test_early_stopping_keeps_the_best(model: SentenceTransformer, tmp_path: Path) -> None:
    # the first look has learnt what it can; the dev rows say the opposite of the training
    swapped = [
        {"text1": a, "text2": p, "score": float(a[1:] != p[1:])} for a in ANCHORS[:6] for p in POSITIVES[:6]
    ]
    settings = {
        "epochs": 20, "looks": 20, "dev": {"pairs": "d", "metric": "spearman"}, "early_stopping": {"patience": 3},
    }  # fmt: skip
    data = pairs(dev=DevData(swapped, "spearman"))
    result = train_stage(model, stage(**settings), data, tmp_path / "work", seed=1)
    values = [look.value for look in result.dev]
    best = max(range(len(values)), key=values.__getitem__)
    assert result.stopped_early and result.best_step == 5 * (best + 1)
    assert len(values) == best + 4 and result.steps == 5 * (best + 4)
    kept = {path.name for path in (tmp_path / "work").glob("checkpoint-*")}
    assert kept == {f"checkpoint-{step}" for step in (result.best_step, result.steps - 5, result.steps)}

    measured = dev_evaluator(DevData(swapped, "spearman"))(model)["dev"]
    assert measured == pytest.approx(values[best], abs=1e-6)

    # again: nothing is trained, the same comes back
    again = small_model(tmp_path / "again", [*ANCHORS, *POSITIVES])
    calls: list[int] = []
    second = train_stage(
        again, stage(**settings), data, tmp_path / "work", seed=1, watch=lambda *told: calls.append(told[1])
    )
    assert replace(second, took_seconds=result.took_seconds) == result
    assert not calls and weights(again) == weights(model)


# ---- interruptions


def test_killed_trainings_end_with_the_same_bytes(tmp_path: Path) -> None:
    words = [*killed.ANCHORS, *killed.POSITIVES]
    whole = small_model(tmp_path / "model", words, dropout=0.2)
    expected = train_stage(whole, killed.STAGE, killed.data(), tmp_path / "whole", seed=5)
    assert [look.step for look in expected.dev] == [4, 7, 10, 13, 16]
    moments = ("log@6", "weights@10", "seal@16")
    done = subprocess.run(
        [sys.executable, killed.__file__, tmp_path / "work", tmp_path / "model", *moments],
        env={**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(moments), done.stderr
    steps = []
    resumed = small_model(tmp_path / "model", words, dropout=0.2)
    result = train_stage(
        resumed,
        killed.STAGE,
        killed.data(),
        tmp_path / "work",
        seed=5,
        watch=lambda *told: steps.append(told[1]),
    )
    assert steps == [14, 15, 16]  # from the last whole checkpoint
    assert weights(resumed) == weights(whole)
    assert result.dev == expected.dev and result.curve == expected.curve
    assert result.last_loss == expected.last_loss


@pytest.mark.parametrize("at", [3, 5, 6])  # inside an epoch, at its end, at the beginning of the next
def test_control_c_leaves_a_state_to_go_on_from(tmp_path: Path, at: int) -> None:
    def trained(name: str, watch: Callable[[str, int, int], None]) -> SentenceTransformer:
        model = small_model(tmp_path / "model", [*ANCHORS, *POSITIVES], dropout=0.2)
        train_stage(
            model, stage("cached_mnrl", epochs=2, looks=10), pairs(), tmp_path / name, seed=1, watch=watch
        )
        return model

    def press(what: str, done: int, total: int) -> None:
        if done == at + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained("work", press)
    steps: list[int] = []
    resumed = trained("work", lambda *told: steps.append(told[1]))
    assert steps[0] == at + 1
    assert weights(resumed) == weights(trained("whole", lambda *told: None))


# ---- errors


@pytest.mark.parametrize(
    ("loss", "data", "message"),
    [
        ("mnrl", StageData({"anchor": ["a", "b"], "positive": ["c"]}, shuffled), "different lengths"),
        ("mnrl", StageData({"anchor": ["a", "b"]}, shuffled), "needs 2 columns"),
        ("triplet", pairs(), "needs 3 columns of texts, found anchor, positive"),
        ("cosent", pairs(), "needs labels"),
        ("cosent", pairs(scores=[1.0]), "different lengths"),
        ("distillation", pairs(teacher=np.zeros((N, 8), np.float32)), "8 dimensions, the model's 16"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    model: SentenceTransformer, tmp_path: Path, loss: str, data: StageData, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        train_stage(model, stage(loss), data, tmp_path / "work", seed=1)


def test_a_loss_that_is_no_number_is_said(model: SentenceTransformer, tmp_path: Path) -> None:
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match="update 1: the loss is nan"):
        train_stage(model, stage(), pairs(), tmp_path / "work", seed=1)
    assert not list((tmp_path / "work").glob("checkpoint-*"))


# ---- teacher


class Lengths:
    """A text's vector is (its length, batches so far)."""

    dim = 2
    device = "cpu"
    max_tokens = None
    batches = 0

    def token_counts(self, texts: Any, role: Role) -> list[int]:
        raise AssertionError

    def encode_batch(self, texts: Any, role: Role) -> Vectors:
        assert role is Role.DOCUMENT and len(texts) <= 2
        self.batches += 1
        return np.array([[len(text), self.batches] for text in texts], np.float32)


def test_dev_looks_are_plain_values() -> None:
    assert DevLook(3, 0.5) == DevLook(3, 0.5)
