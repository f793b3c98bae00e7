"""Post-processing as JSON, so that a published index tells an application what to do to a query's vector."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xlembed.models.postprocess import Fitted, FittedStep
from xlembed.models.removal import Removal
from xlembed.models.steps import parse_step
from xlembed.words import UserError


def fitted_json(fitted: Fitted | None) -> list[dict[str, Any]]:
    """Each step with its statistics, in order of application; numbers as base64 of little-endian float64."""
    return [
        {
            "step": of.step.name,
            "everyone": _removal_json(of.everyone),
            "own": {lang: _removal_json(removal) for lang, removal in of.own.items()},
        }
        for of in (fitted.steps if fitted else ())
    ]


def read_fitted(steps: Sequence[Mapping[str, Any]]) -> Fitted | None:
    """What `fitted_json` wrote; None without steps.

    Raises:
        UserError: it is damaged, or a step is not known here.
    """
    try:
        found = []
        for of in steps:
            step = parse_step(str(of["step"]))
            if step is None:
                raise UserError(f"post-processing +{of['step']} is not known here")
            own = {str(lang): _read_removal(removal) for lang, removal in of["own"].items()}
            found.append(FittedStep(step, _read_removal(of["everyone"]), own))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"the manifest's post-processing is damaged: {error}") from None
    return Fitted(tuple(found), 0) if found else None


def _removal_json(removal: Removal) -> dict[str, Any]:
    return {
        "mean": _text(removal.mean),
        "directions": _text(removal.directions),
        "n": removal.directions.shape[1],
    }


def _read_removal(content: Mapping[str, Any]) -> Removal:
    mean = _numbers(content["mean"])
    return Removal(mean, _numbers(content["directions"]).reshape(len(mean), int(content["n"])))


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, dtype="<f8").tobytes()).decode("ascii")


def _numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8").astype(np.float64)
