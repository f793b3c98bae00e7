"""A folder with a cross-encoder -> a model that scores pairs of texts, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xlembed.models.encoder import refuse_no_numbers
from xlembed.models.hub import locate, usable
from xlembed.models.limits import length_limit
from xlembed.models.loading import choose_device
from xlembed.models.report import refuse_bad_report, reports
from xlembed.models.safety import refuse_unsafe
from xlembed.models.spec import ModelRef
from xlembed.words import Role, UserError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH_PAIRS = 32


class PairModel:
    """A loaded cross-encoder, which reads query and document at once (Nogueira and Cho 2019, "Passage Re-ranking")."""

    def __init__(self, model: CrossEncoder, prompts: dict[Role, str], name: str) -> None:
        self._model, self._prompts, self._name = model, prompts, name

    def score_pairs(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """How well each document fits: the head's output before any activation, shape (n,); higher is better.

        Raises:
            UserError: the model computes something that is no number.
        """
        if not documents:
            return np.empty(0)
        asked = self._prompts[Role.QUERY] + query
        pairs = [(asked, self._prompts[Role.DOCUMENT] + document) for document in documents]
        found = self._model.predict(pairs, batch_size=BATCH_PAIRS, show_progress_bar=False)
        refuse_no_numbers(found, self._name)
        return np.asarray(found, dtype=np.float64).reshape(len(documents))


def load_cross_encoder(
    ref: ModelRef,
    *,
    device: str = "",
    trust_remote_code: bool = False,
    instruction: str = "",
    folder: Path | None = None,
) -> PairModel:
    """Load a cross-encoder under the same rules as any model. Arguments are those of `load_encoder`.

    Raises:
        UserError: the files are missing or damaged, need code that was not allowed, do not fit (a head that is
            missing would be random), or score several classes.
    """
    import torch
    from sentence_transformers import CrossEncoder

    folder = usable(ref.card, folder) if folder else locate(ref, trust_remote_code)
    refuse_unsafe(ref, folder, trust_remote_code)
    try:
        with reports() as found:
            model = CrossEncoder(
                str(folder),
                device=choose_device(device),
                trust_remote_code=trust_remote_code,
                local_files_only=True,
                model_kwargs={"dtype": getattr(torch, ref.dtype.loaded_as), "use_safetensors": True},
                config_kwargs=dict(ref.card.config_overrides),
                max_length=length_limit(folder, ref.max_tokens, ref.card.config_overrides),
                activation_fn=torch.nn.Identity(),  # a sigmoid would make the best ones equal
            )
    except Exception as error:  # odd files make the libraries raise anything, plain Exception too
        raise UserError(
            f"{ref.slug}: cannot be loaded from {folder} as a cross-encoder: {type(error).__name__}: {error}"
        ) from error
    # A head may well read the pooler, so that it is never harmless here.
    for report in found:
        refuse_bad_report(ref.slug, folder, report, ref.card.unused_weights, uses_pooler=True)
    if model.num_labels != 1:
        raise UserError(
            f"{ref.slug}: {folder} scores {model.num_labels} classes; expected a cross-encoder with one output"
        )
    prompts = {role: ref.card.prompt(role, instruction) for role in Role}
    if any(prompts.values()):
        model.default_prompt_name = None  # the folder's own is not put before the card's
    return PairModel(model.eval(), prompts, ref.slug)
