"""The files of a saved probe: probe.json and arrays as safetensors; never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from xlembed.files import read_record, write_json
from xlembed.words import UserError

ABOUT, ARRAYS = "probe.json", "probe.safetensors"
FORMAT = 1


def write_probe(
    folder: Path, kind: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """`probe.json` with the kind of probe and what else it needs, and its arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    if arrays:
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, folder / ARRAYS)
    write_json(folder / ABOUT, {**about, "format": FORMAT, "kind": kind})


def read_about(folder: Path) -> dict[str, Any]:
    """Content of `probe.json`.

    Raises:
        UserError: it is not there, damaged, or of another format.
    """
    about = read_record(folder / ABOUT, f"{folder} holds no saved probe")
    if about.get("format") != FORMAT:
        raise UserError(f"{folder / ABOUT}: format {about.get('format')!r}; this version reads {FORMAT}")
    return about


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays by name."""
    return dict(load_file(folder / ARRAYS))
