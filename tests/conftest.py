from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public corpora that are not in the repository; a test that asks for them is skipped without them."""
    told = os.environ.get("XLEMBED_SHARED")
    folder = Path(told) if told else REPOSITORY.parent / "shared" / "data"
    if not (folder / "xquad").is_dir():
        pytest.skip(
            f"no public corpora in {folder} (set XLEMBED_SHARED to a folder with xquad/, tatoeba/, tquad/)"
        )
    return folder
