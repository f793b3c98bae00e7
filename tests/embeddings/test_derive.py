from pathlib import Path

import numpy as np
import pytest

from xlembed.embeddings import derive as module
from xlembed.embeddings.derive import derive
from xlembed.words import UserError

ROWS = np.array([[3, 4, 12], [0, 0, 5], [0, 0, 0]], dtype=np.float32)


def test_truncated_rows_have_unit_length_and_zeros_stay() -> None:
    derived = derive(ROWS, 2)
    assert derived.dtype == np.float32
    np.testing.assert_allclose(derived, [[0.6, 0.8], [0, 0], [0, 0]], rtol=1e-7)


def test_all_dimensions_are_kept_without_dim() -> None:
    np.testing.assert_allclose(
        derive(ROWS, None), [[3 / 13, 4 / 13, 12 / 13], [0, 0, 1], [0, 0, 0]], rtol=1e-7
    )


def test_half_precision_comes_back_as_float32_of_unit_length() -> None:
    derived = derive(ROWS[:2].astype(np.float16), None)
    assert derived.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(derived, axis=1), 1, rtol=1e-6)


def test_chunks_of_a_memory_map_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(25, 6)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors)
    whole = derive(vectors, 4)
    monkeypatch.setattr(module, "CHUNK_ROWS", 7)
    np.testing.assert_array_equal(derive(np.load(tmp_path / "v.npy", mmap_mode="r"), 4), whole)


def test_no_rows() -> None:
    assert derive(np.empty((0, 5), dtype=np.float32), 3).shape == (0, 3)


@pytest.mark.parametrize("dim", [0, 4])
def test_impossible_dimension(dim: int) -> None:
    with pytest.raises(UserError, match=f"cannot keep {dim} dimensions: the model's vectors have 3"):
        derive(ROWS, dim)
