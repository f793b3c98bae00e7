"""The store carried from one folder to another, as from one machine to another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from xlembed.cli import xlembed
from xlembed.embeddings import moving
from xlembed.embeddings.store import VectorStore, text_keys
from xlembed.words import Role, UserError

TEXTS = [f"text {i}" for i in range(7)]


def filled(root: Path, texts: list[str] = TEXTS) -> VectorStore:
    store = VectorStore(root, "f" * 64, "float32", {"model": "toy"})
    with store.lock():
        vectors = np.arange(len(texts) * 4, dtype=np.float32).reshape(-1, 4)
        store.write(Role.DOCUMENT, text_keys(texts), vectors, np.ones((len(texts), 3), dtype=np.int32))
    return store


def silent(what: str, done: int, total: int) -> None: ...


def test_what_one_machine_encoded_another_reads(tmp_path: Path) -> None:
    first = filled(tmp_path / "gpu")
    moved = moving.push(tmp_path / "gpu", str(tmp_path / "between"), silent)
    assert moved.files == 4 and moved.present == 0 and moved.size > 0
    moving.pull(tmp_path / "here", (tmp_path / "between").as_uri(), silent)
    second = VectorStore(tmp_path / "here", "f" * 64, "float32", {"model": "toy"})
    assert not len(second.locate(Role.DOCUMENT, text_keys(TEXTS)).missing)
    expected = first.read(Role.DOCUMENT, TEXTS).load()
    np.testing.assert_array_equal(second.read(Role.DOCUMENT, TEXTS).load(), expected)


def test_only_what_is_new_is_copied(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    moving.push(tmp_path / "a", str(tmp_path / "b"), silent)
    filled(tmp_path / "a", ["another"])
    seen: list[tuple[int, int]] = []
    moved = moving.push(
        tmp_path / "a", str(tmp_path / "b"), lambda what, done, total: seen.append((done, total))
    )
    assert (moved.files, moved.present) == (3, 4) and seen[-1] == (3, 3)
    assert moving.pull(tmp_path / "a", str(tmp_path / "b"), silent).files == 0


def test_a_copy_that_breaks_off_is_gone_on_with(tmp_path: Path) -> None:
    filled(tmp_path / "a")

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    moving.push(tmp_path / "a", str(tmp_path / "b"), silent)
    with pytest.raises(KeyboardInterrupt):
        moving.pull(tmp_path / "c", str(tmp_path / "b"), stop)
    store = VectorStore(tmp_path / "c", "f" * 64, "float32", {"model": "toy"})
    assert len(store.locate(Role.DOCUMENT, text_keys(TEXTS)).missing) == len(TEXTS)  # no index yet
    assert moving.pull(tmp_path / "c", str(tmp_path / "b"), silent).present == 2
    assert not len(store.locate(Role.DOCUMENT, text_keys(TEXTS)).missing)


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no vectors: encode something first"):
        moving.push(tmp_path / "none", str(tmp_path / "b"), silent)
    with pytest.raises(UserError, match="holds no vectors: push them there first"):
        moving.pull(tmp_path / "a", str(tmp_path / "none"), silent)
    with pytest.raises(UserError, match=r"nowhere://x: .*nowhere"):
        moving.pull(tmp_path / "a", "nowhere://x", silent)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    filled(tmp_path / "cache" / "vectors")
    answer = CliRunner().invoke(xlembed, ["store", "push", str(tmp_path / "b")])
    assert answer.exit_code == 0, answer.output
    said = " ".join(answer.output.split())
    assert "4 files" in said and "0 were there" in said
