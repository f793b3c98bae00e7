"""NumPy's .npz: `document_ids`, `documents`, `query_ids`, `queries`; or the ids and vectors of one role."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.embeddings.layout import Layout, Names, Table
from xlembed.files import atomic_path
from xlembed.words import Role, UserError

ARRAYS = {Role.DOCUMENT: ("document_ids", "documents"), Role.QUERY: ("query_ids", "queries")}


def read(source: str, role: Role, names: Names) -> Table:
    """The arrays of a role by their names, else the only ones there are; nothing pickled is read."""
    try:
        with np.load(source, allow_pickle=False) as file:
            ids, vectors = ARRAYS[role]
            if names.id or ids not in file or vectors not in file:
                ids, vectors = names.choose_id(file.files, source), names.choose_vector(file.files, source)
            return Table(list(map(str, file[ids].tolist())), file[vectors])
    except FileNotFoundError:
        raise UserError(f"{source} does not exist") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, UserError):
            raise
        what = (
            "arrays of Python objects: save ids as strings and vectors as numbers"
            if "pickle" in str(error)
            else error
        )
        raise UserError(f"{source}: cannot be read as .npz ({what})") from None


def write(path: Path, tables: Mapping[Role, Table]) -> None:
    """All four arrays, uncompressed."""
    arrays: dict[str, Any] = {}
    for role, (ids, vectors) in ARRAYS.items():
        arrays |= {ids: np.array(tables[role].ids, dtype=np.str_), vectors: tables[role].vectors}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


LAYOUT = Layout("FILE.npz", lambda source: source.endswith(".npz"), read, write)
