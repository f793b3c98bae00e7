"""Gradient boosted trees by LightGBM (Ke et al. 2017), one model per dimension, stopped early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlembed.data.scored import ScoredKind, Scores
from xlembed.probe.base import Batch, FitOptions, read_about, write_probe
from xlembed.words import Vectors

if TYPE_CHECKING:
    import lightgbm

MAX_TREES = 500
PATIENCE = 30
"""Trees without a better validation loss until it stops."""
SETTINGS = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, eq=False)
class FittedTrees:
    """Attributes: boosters: one per dimension."""

    boosters: tuple[lightgbm.Booster, ...]

    @property
    def n_parameters(self) -> int:
        """A threshold per inner node and a value per leaf."""
        leaves = [tree["num_leaves"] for b in self.boosters for tree in b.dump_model()["tree_info"]]
        return sum(2 * n - 1 for n in leaves)

    @property
    def details(self) -> Mapping[str, Any]:
        """How many trees were kept."""
        return {"trees": [b.num_trees() for b in self.boosters]}

    def predict(self, vectors: Vectors) -> Scores:
        """Scores, or probabilities."""
        # One thread: so many small calls come from a server, and threads would change nothing but the load.
        columns = [b.predict(vectors, num_threads=1) for b in self.boosters]
        return np.column_stack(columns).astype(np.float64)

    def save(self, folder: Path) -> None:
        """LightGBM's own text format."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, booster in enumerate(self.boosters):
            booster.save_model(folder / f"trees.{number}.txt")
        write_probe(folder, "lightgbm", {"n_dimensions": len(self.boosters)}, {})

    @classmethod
    def fit(cls, train: Batch, validation: Batch, options: FitOptions) -> FittedTrees:
        """Squared error of scores, cross-entropy of labels. As many trees as do best on the validation part."""
        n = train.scores.shape[1]
        return cls(tuple(_fit_one(train, validation, d, options) for d in range(n)))

    @classmethod
    def load(cls, folder: Path) -> FittedTrees:
        """What `save` wrote."""
        import lightgbm

        n = read_about(folder)["n_dimensions"]
        return cls(tuple(lightgbm.Booster(model_file=folder / f"trees.{number}.txt") for number in range(n)))


def _fit_one(train: Batch, validation: Batch, dimension: int, options: FitOptions) -> lightgbm.Booster:
    import lightgbm

    labels = options.kind is ScoredKind.LABELS
    settings = {
        **SETTINGS,
        "objective": "binary" if labels else "regression",
        "metric": "binary_logloss" if labels else "l2",
        "seed": options.seed,
    }
    seen = lightgbm.Dataset(train.vectors, train.scores[:, dimension])
    unseen = lightgbm.Dataset(validation.vectors, validation.scores[:, dimension], reference=seen)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    booster = lightgbm.train(settings, seen, MAX_TREES, valid_sets=[unseen], callbacks=[stop])
    # Only the best trees are kept, so that what is saved is what was measured.
    return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))


PROBE = FittedTrees
