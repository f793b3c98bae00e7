"""Weights that are published as pickled files only: read as tensors and nothing else, converted once to safetensors."""

from __future__ import annotations

import json
import logging
import pickle
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlembed.files import default_cache, made_once
from xlembed.models.digest import check_weights, content_files, folder_digest, lfs_pointer
from xlembed.models.folder import PICKLED_INDEX, pickled_weights, read_json
from xlembed.words import UserError

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)


def with_safetensors(folder: Path) -> Path:
    """The folder itself; where weights are only pickled, a copy in the cache that has them as safetensors.

    The copy is named by the content of the original, so that it is made once, and it is what fingerprints are taken
    of: equal tensors give equal bytes, whatever file they came in.

    Raises:
        UserError: a file is damaged, or holds more than tensors; no code of it has run then.
    """
    pickled = pickled_weights(folder)
    if not pickled:
        return folder
    target = default_cache() / "converted" / folder_digest(folder)
    if made_once(target, lambda made: _convert(folder, pickled, made), _is_whole):
        names = ", ".join(path.relative_to(folder).as_posix() for path in pickled)
        log.warning("%s: %s converted once to safetensors, in %s", folder, names, target)
    return target


def _is_whole(folder: Path) -> bool:
    try:
        check_weights(folder)
    except UserError:
        return False
    return True


def _convert(folder: Path, pickled: list[Path], made: Path) -> None:
    from safetensors.torch import save_file

    for path in pickled:
        target = made / path.relative_to(folder).with_name(_safe_name(path.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        save_file(read_tensors(path), target, metadata={"format": "pt"})
    for path in sorted({*content_files(folder), *folder.glob("xlembed_*")} - set(pickled)):
        target = made / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.name == PICKLED_INDEX and any(shard.parent == path.parent for shard in pickled):
            target.with_name("model.safetensors.index.json").write_text(_safe_index(path), encoding="utf-8")
        else:
            shutil.copyfile(path, target)


def _safe_name(name: str) -> str:
    """As transformers names it: `pytorch_model-00001-of-00002.bin` -> `model-00001-of-00002.safetensors`."""
    return f"{Path(name).stem.removeprefix('pytorch_')}.safetensors"


def _safe_index(path: Path) -> str:
    index = read_json(path)
    index["weight_map"] = {key: _safe_name(str(name)) for key, name in index["weight_map"].items()}
    return json.dumps(index, indent=2, sort_keys=True)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a pickled file, by the reader of torch that builds tensors and cannot call anything else.

    Raises:
        UserError: if the file is damaged or needs more than tensors.
    """
    import torch

    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except PermissionError:
        raise
    except Exception as error:  # a damaged or hostile file may make the reader raise anything
        # Not the reader's own words: they advise to open the file without protection.
        if "TorchScript" in str(error) or (isinstance(error, pickle.UnpicklingError) and _is_pickle(path)):
            what = re.search(r"GLOBAL (\S+)", str(error))
            raise UserError(_more_than_tensors(path, what[1] if what else "code")) from None
        damaged = "not readable as weights: damaged or incomplete. Delete it and fetch it again."
        raise UserError(f"{path}: {lfs_pointer(path) or damaged}") from None
    values = found.items() if isinstance(found, dict) else [("", found)]
    for name, value in values:
        if not isinstance(name, str) or not _is_plain(value):
            raise UserError(_more_than_tensors(path, f"{name}: {type(value).__name__}"))
    taken: set[int] = set()
    return {name: _own(tensor.detach(), taken) for name, tensor in values}


def _is_pickle(path: Path) -> bool:
    """Whether it begins as pickles and zip files of pickles do; a web page or an empty file does not."""
    with path.open("rb") as file:
        return file.read(2) in (b"PK", *(bytes((0x80, protocol)) for protocol in range(2, 6)))


def _more_than_tensors(path: Path, what: str) -> str:
    return (
        f"{path}: needs more than tensors ({what}). A pickled file can run code when it is opened, so this one is not "
        "opened. Look for a revision with model.safetensors, or convert it where you trust it "
        "(model.save_pretrained(FOLDER)) and pass that folder."
    )


def _is_plain(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_quantized


def _own(tensor: Tensor, taken: set[int]) -> Tensor:
    """With memory of its own: safetensors holds no two views of one memory (tied weights)."""
    memory = tensor.untyped_storage()
    alone = memory.data_ptr() not in taken and memory.nbytes() == tensor.nbytes and tensor.is_contiguous()
    taken.add(memory.data_ptr())
    return tensor if alone else tensor.contiguous().clone()
