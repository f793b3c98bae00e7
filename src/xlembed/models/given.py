"""Vectors that were made elsewhere as a MODEL: ``vectors:FOLDER``, as `import-vectors` or `encode` writes it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from xlembed.files import read_record
from xlembed.models.card import ModelCard

SPELLING = "vectors:"
"""Before the folder."""
AGAIN = "xlembed import-vectors writes such a folder (docs/vectors.md)"


def given_card(folder: Path) -> ModelCard:
    """The card of the vectors in a folder, under the folder's name and a mark of their content.

    Raises:
        UserError: the folder holds no vectors.
    """
    manifest = read_record(folder / "manifest.json", AGAIN, {"files": dict, "dim": int})
    content = json.dumps(manifest["files"], sort_keys=True)
    name = re.sub(r"[^A-Za-z0-9._-]", "-", folder.resolve().name)
    mark = hashlib.sha256(content.encode()).hexdigest()[:8]
    languages = tuple(manifest.get("languages", ()))
    return ModelCard(name=f"{name}-{mark}", given=True, dim=manifest["dim"], languages=languages)
