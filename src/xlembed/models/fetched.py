"""What of the Hub lies on this machine already; nothing is asked of the Hub."""

from __future__ import annotations

from pathlib import Path


def fetched_folder(hub_id: str) -> Path | None:
    """The snapshot of a repository's main revision in the Hub's cache; None if it was not fetched."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub_id, "config.json") or try_to_load_from_cache(hub_id, "modules.json")
    return Path(found).parent if isinstance(found, str) else None
