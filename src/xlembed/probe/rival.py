"""Fine-tuned rivals: what a probe on frozen vectors is measured against."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from xlembed.data.scored import ScoredKind, Scores
from xlembed.files import Record, atomic_folder, write_json
from xlembed.models.digest import folder_digest
from xlembed.models.folder import read_json
from xlembed.models.hub import locate
from xlembed.models.limits import length_limit
from xlembed.models.loading import choose_device
from xlembed.models.pickled import with_safetensors
from xlembed.models.selfcheck import unknown_share
from xlembed.models.spec import ModelRef, resolve_model
from xlembed.probe.base import Scaling
from xlembed.probe.rival_model import (
    ADAPTER_CONFIG,
    build_rival,
    count_parameters,
    load_adapter,
    load_whole,
    open_tokenizer,
    padding_id,
    save_adapter,
    save_whole,
)
from xlembed.probe.rival_recipe import RivalRecipe, load_rival_recipe, ready_rivals
from xlembed.probe.rival_training import Rows, best_look, fine_tune, forward_all, sigmoid
from xlembed.training.checkpoints import prune
from xlembed.words import UserError
from xlembed.workspace import Watch, unwatched

__all__ = ["FittedRival", "load_rival", "load_rival_recipe", "open_base", "ready_rivals", "train_rival"]

log = logging.getLogger(__name__)

CARD, JOB = "rival.json", "job.json"
LOOKED_AT = 200
"""Training texts whose tokens are looked at: half of them unknown means a tokenizer that does not fit."""


class RivalCard(Record):
    """What is written of a rival beside its weights."""

    format: Literal[1] = 1
    recipe: RivalRecipe
    kind: ScoredKind
    n_outputs: int
    mean: list[float]
    """Of each output in training; with `spread` the scale that is learnt on."""
    spread: list[float]
    max_tokens: int
    """Texts are cut here."""
    padding: int
    weights: Literal["adapter", "whole"]
    base: dict[str, str | None]
    """`source` and `revision` of the recipe, `digest` of its files (`folder_digest`)."""
    n_trainable: int
    n_parameters: int
    """Of body, adapters and head."""
    details: dict[str, Any]
    """What happened, for reports."""


@dataclass(frozen=True, eq=False)
class FittedRival:
    """A rival that has learnt."""

    card: RivalCard
    model: nn.Module
    tokenizer: Any

    @property
    def scale(self) -> Scaling:
        """Of the outputs."""
        return Scaling(np.array(self.card.mean), np.array(self.card.spread))

    def predict(self, texts: Sequence[str], watch: Watch = unwatched) -> Scores:
        """Scores on their own scale, or probabilities of labels: float64, shape (n, n_outputs).

        Raises:
            UserError: the model computed something that is no number.
        """
        card = self.card
        if not texts:
            return np.zeros((0, card.n_outputs))
        logits = forward_all(
            self.model,
            _tokens(self.tokenizer, texts, card.max_tokens, card.padding),
            padding=card.padding,
            dtype=card.recipe.dtype,
            watch=lambda done: watch(f"predicting with {card.recipe.name}", done, len(texts)),
        )
        if not np.isfinite(logits).all():
            raise UserError(f"{card.recipe.name}: the model computed values that are no numbers")
        return sigmoid(logits) if card.kind is ScoredKind.LABELS else self.scale.restore(logits)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text with its special tokens, before it is cut."""
        return [len(ids) for ids in _tokens(self.tokenizer, texts, None, self.card.padding)]

    def save(self, folder: Path, *, merge: bool = False) -> None:
        """Everything `load_rival` needs, as safetensors and JSON; an adapter comes without its base.

        With `merge` an adapter is merged into the body, so that the folder is complete.
        """
        weights = "whole" if merge or self.card.recipe.adapter is None else "adapter"
        with atomic_folder(folder) as temporary:
            if weights == "whole":
                save_whole(copy.deepcopy(self.model).cpu().float(), temporary)
            else:
                save_adapter(self.model, temporary)
            self.token_counts([""])  # a tokenizer saves where it cut last
            self.tokenizer.save_pretrained(str(temporary))
            for name in ("config.json", ADAPTER_CONFIG, "tokenizer_config.json"):
                _forget_places(temporary / name, self.card.recipe)
            write_json(temporary / CARD, {**self.card.to_json(), "weights": weights})


def open_base(recipe: RivalRecipe, resolve: Callable[[str], ModelRef] = resolve_model) -> Path:
    """The folder with the recipe's base; fetched from the Hub if it is not on this machine.

    `resolve` finds models without vectors too: a workspace's `open_model`.

    Raises:
        UserError: unknown, or it cannot be had; the message says how to fetch it elsewhere.
    """
    ref = resolve(recipe.base)
    if recipe.revision and ref.folder is None:
        ref = replace(ref, card=ref.card.model_copy(update={"revision": recipe.revision}))
    try:
        return locate(ref)
    except UserError as error:
        if ref.folder is not None or ref.card.hub_id is None:
            raise
        advice = f"For a rival: write the folder as `base:` into a copy of the recipe {recipe.name}."
        raise UserError(f"{error}\n{advice}") from None


def train_rival(
    recipe: RivalRecipe,
    base_folder: Path,
    train_texts: Sequence[str],
    train_scores: Scores,
    val_texts: Sequence[str],
    val_scores: Scores,
    *,
    kind: ScoredKind,
    work: Path,
    device: str = "",
    watch: Watch = unwatched,
) -> FittedRival:
    """Fine-tune the recipe's base; go on where an earlier call with the same arguments was cut off.

    Args:
        recipe: what is trained and how.
        base_folder: see `open_base`; a sentence-transformers or a bare transformers folder.
        train_texts: what is learnt from.
        train_scores: shape (n_train, n_outputs); labels are 0 or 1.
        val_texts: decide which epoch's weights are kept.
        val_scores: shape (n_val, n_outputs).
        kind: scores are regressed after standardising by training means and spreads; labels are classified, each on
            its own.
        work: takes checkpoints; those of another training are removed.
        device: cpu, cuda or mps; empty takes the best there is.
        watch: told (what, updates done, updates in all).

    Raises:
        UserError: the base cannot be used (see `build_rival`), there is nothing to learn from or to validate on, the
            loss is no longer a number, memory ran out.
    """
    _check(recipe, train_texts, train_scores, val_texts, val_scores)
    where = _device(device)
    base_folder = with_safetensors(base_folder)
    digest = folder_digest(base_folder)
    tokenizer = open_tokenizer(recipe.name, base_folder)
    _check_words(recipe, tokenizer, train_texts)
    model = build_rival(recipe, base_folder, tokenizer, train_scores.shape[1], kind).to(where)
    padding = padding_id(tokenizer, model.config)
    limit = min(recipe.max_tokens, length_limit(base_folder, recipe.max_tokens, {}) or recipe.max_tokens)
    n = train_scores.shape[1]
    # Each output is learnt on a scale of its own; labels stay as they are.
    scale = Scaling(np.zeros(n), np.ones(n)) if kind is ScoredKind.LABELS else Scaling.of(train_scores)
    train, validation = (
        Rows(_tokens(tokenizer, texts, limit, padding), scale.standardise(scores))
        for texts, scores in ((train_texts, train_scores), (val_texts, val_scores))
    )
    _begin(work, _job(recipe, digest, kind, train, validation, where))
    looks = fine_tune(
        model, recipe, train, validation, kind=kind, padding=padding, work=work, device=where, watch=watch
    )
    best = best_look(looks, kind)
    trained, total = count_parameters(model)
    counts = [len(ids) for ids in _tokens(tokenizer, train_texts, None, padding)]
    details = {
        "base": recipe.base,
        "epochs_run": len(looks),
        "best_epoch": best.epoch,
        "updates": looks[-1].step,
        "training_loss": [look.training_loss for look in looks],
        "validation_loss": [look.loss for look in looks],
        "validation_mae": [look.mae for look in looks],
        "max_tokens": limit,
        "truncated_share": float(np.mean([count > limit for count in counts])),
        "tokens_median": float(np.median(counts)),
    }
    card = RivalCard(
        recipe=recipe,
        kind=kind,
        n_outputs=len(scale.mean),
        mean=scale.mean.tolist(),
        spread=scale.spread.tolist(),
        max_tokens=limit,
        padding=padding,
        weights="adapter" if recipe.adapter else "whole",
        base={"source": recipe.base, "revision": recipe.revision, "digest": digest},
        n_trainable=trained,
        n_parameters=total,
        details=details,
    )
    return FittedRival(card, model, tokenizer)


def load_rival(
    folder: Path,
    *,
    base_folder: Path | None = None,
    resolve: Callable[[str], ModelRef] = resolve_model,
    device: str = "",
) -> FittedRival:
    """What `FittedRival.save` wrote.

    An adapter's base is looked for as by `open_base` unless its folder is given; complete folders need none.

    Raises:
        UserError: no such folder, or the base is not the one that it was trained on.
    """
    if not (folder / CARD).is_file():
        raise UserError(f"{folder} holds no rival: there is no {CARD}")
    card = RivalCard.read(folder / CARD, "train the rival again")
    recipe = card.recipe
    tokenizer = open_tokenizer(recipe.name, folder)
    if card.weights == "whole":
        model = load_whole(recipe.name, folder, card.n_outputs)
    else:
        base = with_safetensors(base_folder) if base_folder else open_base(recipe, resolve)
        if (digest := folder_digest(base)) != (wanted := str(card.base["digest"])):
            raise UserError(
                f"{folder} is an adapter for {recipe.base} with digest {wanted[:12]}; the files in {base} have "
                f"{digest[:12]}: another model or another version of it"
            )
        model = build_rival(recipe, base, tokenizer, card.n_outputs, card.kind)
        load_adapter(model, folder)
    return FittedRival(card, model.to(_device(device)).eval(), tokenizer)


def _check(
    recipe: RivalRecipe,
    train_texts: Sequence[str],
    train_scores: Scores,
    val_texts: Sequence[str],
    val_scores: Scores,
) -> None:
    for name, texts, scores in (("train", train_texts, train_scores), ("validation", val_texts, val_scores)):
        if scores.ndim != 2 or len(scores) != len(texts) or scores.shape[1] != train_scores.shape[1]:
            raise ValueError(f"{name}: {len(texts)} texts, scores of shape {scores.shape}")
        if not texts:
            raise UserError(f"{recipe.name}: no texts of the part {name}; a rival needs both")


def _check_words(recipe: RivalRecipe, tokenizer: Any, texts: Sequence[str]) -> None:
    share = float(np.mean([unknown_share(tokenizer, text) for text in texts[:LOOKED_AT]]))
    if share > 0.5:
        raise UserError(
            f"{recipe.name}: {share:.0%} of the tokens of the first texts are unknown to the tokenizer of "
            f"{recipe.base}: its files name a class that does not fit, or it was not made for these languages"
        )


def _device(device: str) -> str:
    found = choose_device(device)
    if found not in ("cpu", "mps", "cuda", "cuda:0"):
        raise UserError(
            f"device {found!r}: a rival is trained on the first visible GPU; set CUDA_VISIBLE_DEVICES="
            f"{found.removeprefix('cuda:')} and say cuda"
        )
    return found


def _tokens(tokenizer: Any, texts: Sequence[str], limit: int | None, padding: int) -> list[list[int]]:
    """Ids of each text, cut at `limit`; a text without any gets the padding token."""
    if not texts:
        return []
    cut = {"truncation": True, "max_length": limit} if limit else {"truncation": False}
    found = tokenizer(list(texts), padding=False, return_attention_mask=False, verbose=False, **cut)
    return [list(ids) or [padding] for ids in found["input_ids"]]


def _job(
    recipe: RivalRecipe, digest: str, kind: ScoredKind, train: Rows, validation: Rows, device: str
) -> str:
    """Hash of everything that determines the weights."""
    told = recipe.model_dump(mode="json", exclude={"name", "description", "base", "revision", "languages"})
    hasher = hashlib.sha256(json.dumps([told, digest, str(kind), device], sort_keys=True).encode())
    for rows in (train, validation):
        hasher.update(json.dumps(rows.tokens).encode())
        hasher.update(np.ascontiguousarray(rows.targets).tobytes())
    return hasher.hexdigest()


def _begin(work: Path, job: str) -> None:
    """Checkpoints of another training are of no use."""
    if read_json(work / JOB).get("job") != job:
        if (work / JOB).is_file():
            log.info("%s holds another training; it begins anew", work)
        prune(work, set())
        write_json(work / JOB, {"job": job})


def _forget_places(path: Path, recipe: RivalRecipe) -> None:
    """Where the base lay on this machine is nobody's business; and what peft keeps as a set gets an order."""
    config = read_json(path)
    if not config:
        return
    for key in ("_name_or_path", "name_or_path", "is_local", "local_files_only"):
        config.pop(key, None)
    if path.name == ADAPTER_CONFIG:
        config["base_model_name_or_path"] = recipe.base
        config["revision"] = recipe.revision
        for key in ("target_modules", "modules_to_save"):
            config[key] = sorted(set(config[key]))
    write_json(path, config)
