"""Any MODEL, registered ones too."""

from __future__ import annotations

from xlembed.models.spec import Fetched, ModelRef, resolve_model
from xlembed.workspace import Workspace


def open_model(
    workspace: Workspace,
    spec: str,
    *,
    dim: int | None = None,
    max_tokens: int | None = None,
    dtype: str | None = None,
) -> ModelRef:
    """A model by anything MODEL may be; registered ones are fetched.

    Args:
        workspace: names the entries of params.yaml, the store and the cache.
        spec: name, folder, Hub id or models:/ URI, with suffixes.
        dim: same as the suffix ``+dimN``.
        max_tokens: same as ``+maxN``.
        dtype: same as ``+bf16``, ``+fp16``, ``+ov`` or ``+int8``.

    Raises:
        UserError: unknown name (with the near miss and the list), bad suffix, unusable folder.
    """

    def fetch(uri: str) -> Fetched:
        from xlembed.tracking.registry import fetch_model  # MLflow only when asked for

        return fetch_model(uri, workspace.root, workspace.cache)

    return resolve_model(spec, workspace.settings.models, fetch, dim=dim, max_tokens=max_tokens, dtype=dtype)
