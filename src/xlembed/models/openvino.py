"""Bodies of transformers computed by OpenVINO on the processor: at float32, or with weights and activations in 8 bits.

In 8 bits, weights are compressed per channel and asymmetrically (nncf), and activations are quantised per token in
groups of 32 while the model runs. A vector's numbers then differ by up to about 1e-3 with the shape of its batch.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutput

from xlembed.files import default_cache, made_once
from xlembed.models.fingerprint import base_fingerprint
from xlembed.models.spec import ModelRef
from xlembed.words import DType, UserError

PADDED = ["a", "a and b"]
"""Texts of unlike lengths, so that the traced body heeds the attention mask."""
GROUP = 32
"""Activations that share a scale."""
SAME = 0.9999
"""Least cosine of each token between torch's float32 output and OpenVINO's."""


def compute_on_openvino(model: Any, ref: ModelRef, folder: Path) -> None:
    """From now on OpenVINO computes the model's transformer body; what comes after it stays as it is.

    The body is converted once and kept in the cache of models.

    Args:
        model: a loaded sentence-transformers model in float32, on the processor.
        ref: the model as asked for; `ref.dtype` is one of OpenVINO's.
        folder: its files.

    Raises:
        UserError: OpenVINO is not installed, or the body cannot be converted.
    """
    body = getattr(model[0], "model", None)
    if not isinstance(body, torch.nn.Module):
        raise UserError(f"{ref.slug}: only transformers are computed by OpenVINO, and this model has none")
    digest = base_fingerprint(ref, folder, storage_dtype="float32").digest[
        :16
    ]  # refuses where OpenVINO is missing
    given = model.preprocess(PADDED)
    names = [name for name, value in given.items() if isinstance(value, torch.Tensor)]
    kept = default_cache() / "models" / f"openvino-{digest}"
    try:
        made_once(kept, lambda made: _convert(body, {name: given[name] for name in names}, ref, made))
        compiled = _core().compile_model(
            kept / "model.xml",
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP if ref.dtype is DType.INT8 else 0,
            },
        )
    except UserError:
        raise
    except Exception as error:  # a body that it does not know makes it raise anything
        raise UserError(
            f"{ref.slug}: OpenVINO cannot compute this model: {type(error).__name__}: {error}. Leave out +ov and +int8."
        ) from error
    request = compiled.create_infer_request()

    def forward(**features: Any) -> BaseModelOutput:
        found = request.infer([features[name].numpy() for name in names])
        return BaseModelOutput(last_hidden_state=torch.from_numpy(np.array(found[0])))

    body.forward = forward


@cache
def _core() -> Any:
    """The one of this process, to its end.

    On processors with large registers each gives the thread that makes it a stack for signals, and at its end puts back
    the one before: where two end in another order than they began, that one is gone, and Ctrl-C is a crash.
    """
    import openvino

    return openvino.Core()


class _Traced(torch.nn.Module):
    """The body as a function of its tensors in order."""

    def __init__(self, body: torch.nn.Module, names: list[str]) -> None:
        super().__init__()
        self.body, self.names = body, names

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(**dict(zip(self.names, given, strict=True)))[0]
        return found


def _convert(body: torch.nn.Module, given: Mapping[str, torch.Tensor], ref: ModelRef, folder: Path) -> None:
    """model.xml and model.bin, checked at float32 against the body itself."""
    example = tuple(given.values())
    traced = _Traced(body, list(given)).eval()
    with _quietly():
        import openvino

        with torch.inference_mode():
            expected = traced(*example)
        made = openvino.convert_model(traced, example_input=example)
        found = torch.from_numpy(
            _core().compile_model(made, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(
                [value.numpy() for value in example]
            )[0]
        )
        lowest = float(torch.cosine_similarity(expected, found, dim=-1).min())
        if not lowest >= SAME:
            raise UserError(
                f"{ref.slug}: OpenVINO computes something else than torch (cosine {lowest:.4f}); leave out +ov "
                "and +int8"
            )
        if ref.dtype is DType.INT8:
            import nncf

            made = nncf.compress_weights(made, mode=nncf.CompressWeightsMode.INT8_ASYM)
        openvino.save_model(made, folder / "model.xml", compress_to_fp16=False)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without bars and warnings, and without news to the makers: neither library sends any where ``CI`` is set."""
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before
