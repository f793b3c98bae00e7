"""Parquet: a row per text with `id`, `vector` (a list of numbers) and, where both roles are in one file, `role`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xlembed.embeddings.layout import ROLE_NAMES, Layout, Names, Table, stacked
from xlembed.files import atomic_path
from xlembed.words import Role, UserError


def read(source: str, role: Role, names: Names) -> Table:
    """The rows of a role, or all where no column tells roles."""
    try:
        file = pq.ParquetFile(source)
        there = file.schema_arrow.names
        of_role = next((name for name in ROLE_NAMES if name in there), None)
        columns = [names.choose_id(there, source), names.choose_vector(there, source)]
        table = file.read(columns=[*columns, *([of_role] if of_role else [])])
    except FileNotFoundError:
        raise UserError(f"{source} does not exist") from None
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{source}: cannot be read as parquet ({error})") from None
    if of_role:
        found = sorted({str(value) for value in pc.unique(table[of_role]).to_pylist()})
        if role.value not in found:
            raise UserError(
                f"{source}: no row has {of_role} {role.value!r}; found {', '.join(map(repr, found[:5]))}"
            )
        table = table.filter(pc.equal(table[of_role], role.value))
    ids = list(map(str, table[columns[0]].to_pylist()))
    vectors = table[columns[1]].combine_chunks()
    if pa.types.is_fixed_size_list(vectors.type) and not vectors.null_count:
        flat = vectors.flatten().to_numpy(zero_copy_only=False)
        return Table(ids, flat.reshape(len(ids), vectors.type.list_size))
    return Table(ids, stacked(vectors.to_pylist(), ids, source))


def write(path: Path, tables: Mapping[Role, Table]) -> None:
    """Documents, then queries."""
    parts = []
    for role, of in tables.items():
        numbers = pa.array(np.ascontiguousarray(of.vectors).reshape(-1))
        vectors = pa.FixedSizeListArray.from_arrays(numbers, of.vectors.shape[1])
        roles = pa.array([role.value] * len(of.ids), pa.string())
        parts.append(pa.table({"role": roles, "id": pa.array(of.ids, pa.string()), "vector": vectors}))
    with atomic_path(path) as temporary:
        pq.write_table(pa.concat_tables(parts), temporary, compression="zstd")


LAYOUT = Layout("FILE.parquet", lambda source: source.endswith(".parquet"), read, write)
