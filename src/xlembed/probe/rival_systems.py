"""Fine-tuned rivals as systems of a probe run: trained once, kept in the cache, resumed after a kill."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.data.scored import ScoredSet, ScoredText, score_array
from xlembed.files import read_record, write_json
from xlembed.models.digest import folder_digest
from xlembed.models.spec import ModelRef
from xlembed.probe.probing import Parts, System, folder_bytes, milliseconds, model_row, thresholds
from xlembed.probe.rival import FittedRival, load_rival, open_base, train_rival
from xlembed.probe.rival_recipe import RivalRecipe, load_rival_recipe
from xlembed.tracking.opening import open_model
from xlembed.workspace import Watch, Workspace

SAVED, COST = "rival", "cost.json"


@dataclass(frozen=True)
class Rival:
    """A recipe with its base found. `folder` has the base's files."""

    recipe: RivalRecipe
    ref: ModelRef
    folder: Path


def open_rival(source: str, workspace: Workspace) -> Rival:
    """A ready rival or a YAML file, and its base.

    Raises:
        UserError: no such recipe, everything wrong in it, or its base cannot be had.
    """
    recipe = load_rival_recipe(source)
    folder = open_base(recipe, partial(open_model, workspace))
    ref = open_model(workspace, recipe.base)
    if recipe.languages:
        ref = replace(ref, card=ref.card.model_copy(update={"languages": recipe.languages}))
    return Rival(recipe, ref, folder)


def rival_system(rival: Rival, scored: ScoredSet, parts: Parts, workspace: Workspace, watch: Watch) -> System:
    """Train, or take what was trained on the very same texts before, and predict the test part."""
    texts = [t.text for t in parts.test]
    learnt = drawn_parts(parts, rival.recipe)
    fitted, cost = _fitted(rival, scored, learnt, workspace, watch)
    predicted = fitted.predict(texts, watch)
    ms = milliseconds(lambda text: fitted.predict([text]), texts)
    validation = [t.text for t in parts.validation]
    timing = {"fit_seconds": cost["seconds"], "encode_ms_per_text": None, "predict_ms_per_text": ms,
              "ms_per_text": ms, "device": cost["device"]}  # fmt: skip
    about = {
        **_about(rival, fitted, parts),
        **({"n_train": len(learnt.train)} if rival.recipe.share < 1 else {}),
        "thresholds": thresholds(
            lambda: fitted.predict(validation), score_array(parts.validation), scored.kind
        ),
    }
    return System(about, predicted, timing, fitted.save, partial(fitted.save, merge=True))


def drawn_parts(parts: Parts, recipe: RivalRecipe) -> Parts:
    """The parts with the recipe's share of the texts for training and validation, in their order."""
    if recipe.share == 1:
        return parts
    rng = np.random.default_rng(recipe.seed)

    def drawn(texts: Sequence[ScoredText]) -> tuple[ScoredText, ...]:
        chosen = rng.permutation(len(texts))[: max(1, round(recipe.share * len(texts)))]
        return tuple(texts[i] for i in sorted(chosen))

    return replace(parts, train=drawn(parts.train), validation=drawn(parts.validation))


def _about(rival: Rival, fitted: FittedRival, parts: Parts) -> dict[str, Any]:
    card, details = fitted.card, fitted.card.details
    return {
        "name": rival.recipe.name,
        "kind": "rival",
        "probe": None,
        **model_row(rival.ref, parts),
        "trainable_parameters": card.n_trainable,
        "total_parameters": card.n_parameters,
        "model_bytes": folder_bytes(rival.folder),
        "max_tokens": card.max_tokens,
        "truncated_share": details["truncated_share"],
        "tokens_median": details["tokens_median"],
        "details": {k: details[k] for k in ("epochs_run", "best_epoch", "validation_mae")},
    }


def _fitted(
    rival: Rival, scored: ScoredSet, parts: Parts, workspace: Workspace, watch: Watch
) -> tuple[FittedRival, Mapping[str, Any]]:
    """The rival and what its training cost; a training that was finished here before is not repeated."""
    place = workspace.cache / "rivals" / _key(rival, scored, parts)
    device = workspace.settings.encode.device
    if (place / COST).is_file():
        fitted = load_rival(place / SAVED, base_folder=rival.folder, device=device)
        return fitted, read_record(place / COST, f"remove {place} and run the same command again")
    work = place / "work"
    resumed, started = work.is_dir(), time.perf_counter()
    fitted = train_rival(
        rival.recipe,
        rival.folder,
        [t.text for t in parts.train],
        score_array(parts.train),
        [t.text for t in parts.validation],
        score_array(parts.validation),
        kind=scored.kind,
        work=work,
        device=device,
        watch=watch,
    )
    # How long the first part of a resumed training took is not known here.
    seconds = None if resumed else time.perf_counter() - started
    fitted.save(place / SAVED)
    cost = {"seconds": seconds, "device": str(next(fitted.model.parameters()).device)}
    write_json(place / COST, cost)
    shutil.rmtree(work)
    return fitted, cost


def _key(rival: Rival, scored: ScoredSet, parts: Parts) -> str:
    """Everything that decides the weights: recipe, base, texts and their parts."""
    told = {
        "recipe": rival.recipe.model_dump(mode="json"),
        "base": folder_digest(rival.folder),
        "texts": scored.digest,
        "parts": [[t.text_id for t in texts] for texts in (parts.train, parts.validation)],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
