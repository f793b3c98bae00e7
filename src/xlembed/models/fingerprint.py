"""The hash of everything that determines a vector; cheap, so that a fully stored run loads no model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xlembed.models.card import ModelCard
from xlembed.models.digest import file_digest, folder_digest
from xlembed.models.folder import folder_modules, heeds_roles, remote_classes, stored_dim, with_folder_prompts
from xlembed.models.hub import locate_code
from xlembed.models.limits import length_limit
from xlembed.models.pickled import with_safetensors
from xlembed.models.removal import Step
from xlembed.models.spec import ModelRef
from xlembed.words import DType, Kind, Role, UserError

LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers")
COMPUTED_BY = {DType.OPENVINO: ("openvino",), DType.INT8: ("openvino", "nncf")}
SCHEME = 1
"""Raised when the same ingredients come to mean other vectors."""


@dataclass(frozen=True)
class Fingerprint:
    """What made the vectors."""

    description: dict[str, Any]

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over the description as sorted JSON."""
        text = json.dumps(self.description, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def base_fingerprint(
    ref: ModelRef, folder: Path, *, storage_dtype: str, instruction: str = "", trust_remote_code: bool = False
) -> Fingerprint:
    """What determines the stored vectors of a model.

    Batch size, device, threads, name, revision and the folder's place are no part of it, and neither are
    the truncation dimension and post-processing (see `derived_fingerprint`). Pickled weights count as the safetensors
    that they are converted to.

    Raises:
        UserError: if the folder holds no weights, or more than tensors in them, or its remote code cannot be found.
    """
    card = with_folder_prompts(ref.card, folder)
    description = {
        "scheme": SCHEME,
        "files": folder_digest(with_safetensors(folder)),
        "prompts": {role.value: card.prompt(role, instruction) for role in Role},
        "adapters": {role.value: card.adapter(role) for role in Role},
        "title_template": card.title_template,
        "modules": _modules(card, folder),
        "layer_norm": card.layer_norm,
        "normalised": True,
        "max_tokens": length_limit(folder, ref.max_tokens, card.config_overrides),
        "padding_side": card.padding_side,
        "config_overrides": card.config_overrides,
        "remote_code": _code_digests(card, folder) if trust_remote_code and remote_classes(folder) else None,
        "backend": "openvino" if ref.dtype.on_openvino else "torch",
        "attention": "sdpa",
        "dtype": ref.dtype.value,
        "storage_dtype": storage_dtype,
        **({"kind": str(card.kind)} if card.kind is Kind.LATE_INTERACTION else {}),
        **({"cut": dim} if (dim := stored_dim(folder)) else {}),
        **({"roles": "by modules"} if heeds_roles(folder) else {}),
        "libraries": {name: _version(name) for name in (*LIBRARIES, *COMPUTED_BY.get(ref.dtype, ()))},
    }
    return Fingerprint(description)


def derived_fingerprint(
    base_digest: str,
    dim: int | None,
    steps: Sequence[Step] = (),
    documents_digest: str = "",
    pair_digests: Mapping[str, str] | None = None,
) -> str:
    """Hash of the base vectors and of all that is done to them.

    The documents are an ingredient only of steps that are fitted on them; sets of translations go by name.
    """
    description: dict[str, Any] = {"base": base_digest, "dim": dim}
    if steps:
        description["steps"] = [step.ingredient for step in steps]
    if not all(step.pairs for step in steps):
        description["documents"] = documents_digest
    if pair_digests:
        description["pairs"] = dict(pair_digests)
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _version(library: str) -> str:
    try:
        return ".".join(version(library).split(".")[:2])
    except PackageNotFoundError:
        raise UserError(f"+ov and +int8 need {library}: pip install 'xlembed[openvino]'") from None


def _modules(card: ModelCard, folder: Path) -> list[str]:
    if modules := folder_modules(folder):
        return [module.type for module in modules]
    return ["Transformer", f"Pooling {card.pooling.value if card.pooling else ''}".strip(), "Normalize"]


def _code_digests(card: ModelCard, folder: Path) -> dict[str, str]:
    """File -> digest of all Python code that may run: the folder's own and that of repositories it names."""
    sources = {"": folder, **locate_code(card, folder)}
    return {
        f"{repository}:{path.relative_to(root).as_posix()}": file_digest(path)
        for repository, root in sources.items()
        for path in sorted(root.rglob("*.py"))
    }
