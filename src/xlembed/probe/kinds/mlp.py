"""A multilayer perceptron, 256 -> 128 -> one output per dimension, stopped early."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlembed.data.scored import ScoredKind, Scores
from xlembed.probe.base import (
    Batch,
    FitOptions,
    Scaling,
    one_torch_thread,
    read_about,
    read_arrays,
    write_probe,
)
from xlembed.words import Vectors

if TYPE_CHECKING:
    import torch

HIDDEN = (256, 128)
PATIENCE = 10
"""Epochs without a better validation loss until it stops."""
MAX_EPOCHS = 500
BATCH = 128
LEARNING_RATE = 1e-3
DROPOUT = 0.2
WEIGHT_DECAY = 1e-2


@dataclass(frozen=True, eq=False)
class FittedMlp:
    """The network of the best epoch, with the scaling around it.

    Outputs for labels are logits, whose scaling is None.
    """

    net: torch.nn.Module
    vectors: Scaling
    scores: Scaling | None
    epochs: int
    best_epoch: int
    validation_loss: float

    @property
    def n_parameters(self) -> int:
        """Of the network."""
        return sum(p.numel() for p in self.net.parameters())

    @property
    def details(self) -> Mapping[str, Any]:
        """When it stopped."""
        loss = round(self.validation_loss, 6)
        return {"epochs": self.epochs, "best_epoch": self.best_epoch, "validation_loss": loss}

    def predict(self, vectors: Vectors) -> Scores:
        """Scores on their own scale, or probabilities."""
        import torch

        with torch.inference_mode(), one_torch_thread():
            out = self.net(_tensor(self.vectors.standardise(vectors)))
            if self.scores is None:
                out = torch.sigmoid(out)
        values: Scores = out.numpy().astype(np.float64)
        return values if self.scores is None else self.scores.restore(values)

    def save(self, folder: Path) -> None:
        """Weights and scalings as arrays."""
        arrays = {f"net.{name}": value.numpy() for name, value in self.net.state_dict().items()}
        arrays |= {"vectors.mean": self.vectors.mean, "vectors.spread": self.vectors.spread}
        if self.scores is not None:
            arrays |= {"scores.mean": self.scores.mean, "scores.spread": self.scores.spread}
        about = {**self.details, "hidden": list(HIDDEN)}
        write_probe(folder, "mlp", about, arrays)

    @classmethod
    def fit(cls, train: Batch, validation: Batch, options: FitOptions) -> FittedMlp:
        """AdamW on mini-batches; squared error of standardised scores, cross-entropy of labels.

        The weights with the least validation loss.
        """
        import torch

        labels = options.kind is ScoredKind.LABELS
        vectors = Scaling.of(train.vectors)
        scores = None if labels else Scaling.of(train.scores)
        loss = torch.nn.BCEWithLogitsLoss() if labels else torch.nn.MSELoss()
        seen, unseen = (_tensors(batch, vectors, scores) for batch in (train, validation))
        with torch.random.fork_rng(devices=[]), one_torch_thread():
            torch.manual_seed(options.seed)
            net = _network(train.vectors.shape[1], train.scores.shape[1])
            epochs, best_epoch, best_loss = _train(net, loss, seen, unseen)
        return cls(net.eval(), vectors, scores, epochs, best_epoch, best_loss)

    @classmethod
    def load(cls, folder: Path) -> FittedMlp:
        """What `save` wrote."""
        import torch

        about, arrays = read_about(folder), read_arrays(folder)
        state = {
            n.removeprefix("net."): torch.from_numpy(a) for n, a in arrays.items() if n.startswith("net.")
        }
        last = max(state)
        net = _network(len(arrays["vectors.mean"]), len(state[last]), tuple(about["hidden"]))
        net.load_state_dict(state)
        vectors = Scaling(arrays["vectors.mean"], arrays["vectors.spread"])
        known = "scores.mean" in arrays
        scores = Scaling(arrays["scores.mean"], arrays["scores.spread"]) if known else None
        return cls(
            net.eval(), vectors, scores, about["epochs"], about["best_epoch"], about["validation_loss"]
        )


def _network(dim: int, n_out: int, hidden: tuple[int, ...] = HIDDEN) -> torch.nn.Module:
    from torch import nn

    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(dim, width), nn.ReLU(), nn.Dropout(DROPOUT)]
        dim = width
    return nn.Sequential(*layers, nn.Linear(dim, n_out))


def _train(
    net: torch.nn.Module,
    loss: torch.nn.Module,
    train: tuple[torch.Tensor, torch.Tensor],
    validation: tuple[torch.Tensor, torch.Tensor],
) -> tuple[int, int, float]:
    """Until patience ends; the network is left with its best weights. Epochs run, the best one, its loss."""
    import torch

    optimiser = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    best, best_loss, best_epoch, epoch = copy.deepcopy(net.state_dict()), float("inf"), 0, 0
    for epoch in range(1, MAX_EPOCHS + 1):
        net.train()
        for rows in torch.split(torch.randperm(len(train[0])), BATCH):
            optimiser.zero_grad()
            loss(net(train[0][rows]), train[1][rows]).backward()
            optimiser.step()
        net.eval()
        with torch.inference_mode():
            now = float(loss(net(validation[0]), validation[1]))
        if now < best_loss:
            best, best_loss, best_epoch = copy.deepcopy(net.state_dict()), now, epoch
        elif epoch - best_epoch >= PATIENCE:
            break
    net.load_state_dict(best)
    return epoch, best_epoch, best_loss


def _tensors(batch: Batch, vectors: Scaling, scores: Scaling | None) -> tuple[torch.Tensor, torch.Tensor]:
    wanted = batch.scores if scores is None else scores.standardise(batch.scores)
    return _tensor(vectors.standardise(batch.vectors)), _tensor(wanted)


def _tensor(values: Any) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


PROBE = FittedMlp
