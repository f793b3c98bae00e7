import json
import os
from pathlib import Path

import numpy as np
import pytest

from embeddings.hashing_encoder import HashingEncoder, sentences
from xlembed.embeddings.crew import alone
from xlembed.embeddings.derive import derive
from xlembed.embeddings.encode import encode_texts
from xlembed.embeddings.export import TextList, export, load_export
from xlembed.embeddings.store import StorageDType, StoredVectors, VectorStore
from xlembed.models.postprocess import fit
from xlembed.models.removal import Step, methods
from xlembed.words import Role, UserError

TEXTS = sentences(40)
DOCUMENTS = TextList([f"d{i}" for i in range(41)], [*TEXTS, TEXTS[0]])
QUERIES = TextList(["q\n1", "ö2"], ["who", "where is it"])
MANIFEST = {"fingerprint": "f+dim4", "task_digest": "t", "languages": ("en",)}


def filled(root: Path, storage_dtype: StorageDType = "float32", shard_size: int = 16) -> VectorStore:
    store = VectorStore(root, f"f-{storage_dtype}", storage_dtype)
    encode_texts(alone(HashingEncoder), DOCUMENTS.texts, Role.DOCUMENT, store, shard_size=shard_size)
    encode_texts(alone(HashingEncoder), QUERIES.texts, Role.QUERY, store)
    return store


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return filled(tmp_path / "cache")


def states(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}


def test_round_trip(store: VectorStore, tmp_path: Path) -> None:
    folder = tmp_path / "embeddings" / "task" / "model"
    assert export(folder, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    loaded = load_export(folder)
    assert isinstance(loaded.documents, np.memmap) and isinstance(loaded.queries, np.memmap)
    np.testing.assert_array_equal(loaded.documents, store.read(Role.DOCUMENT, DOCUMENTS.texts).load())
    np.testing.assert_array_equal(loaded.queries, store.read(Role.QUERY, QUERIES.texts).load())
    assert loaded.doc_ids == tuple(DOCUMENTS.ids) and loaded.query_ids == ("q\n1", "ö2")
    assert loaded.manifest["fingerprint"] == "f+dim4" and loaded.manifest["base_fingerprint"] == "f-float32"
    assert (loaded.manifest["dim"], loaded.manifest["dtype"]) == (8, "float32")
    assert sorted(p.name for p in folder.iterdir()) == [
        "document_ids.json", "documents.npy", "manifest.json", "queries.npy", "query_ids.json"
    ]  # fmt: skip
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("storage_dtype", ["float32", "float16"])
def test_truncated_dimension(tmp_path: Path, storage_dtype: StorageDType) -> None:
    store = filled(tmp_path / "cache", storage_dtype)
    export(tmp_path / "out", DOCUMENTS, QUERIES, store, dim=4, manifest=MANIFEST)
    documents = load_export(tmp_path / "out").documents
    assert documents.shape == (41, 4) and documents.dtype == storage_dtype
    expected = derive(store.read(Role.DOCUMENT, DOCUMENTS.texts).load(), 4).astype(storage_dtype)
    np.testing.assert_array_equal(documents, expected)
    np.testing.assert_allclose(np.linalg.norm(documents.astype(float), axis=1), 1, atol=1e-3)


def with_langs(texts: TextList) -> TextList:
    """German where the number is odd."""
    return TextList(texts.ids, texts.texts, ["de" if i % 2 else "en" for i in range(len(texts.ids))])


@pytest.mark.parametrize("storage_dtype", ["float32", "float16"])
def test_post_processed_after_the_cut(tmp_path: Path, storage_dtype: StorageDType) -> None:
    store = filled(tmp_path / "cache", storage_dtype)
    documents, queries = with_langs(DOCUMENTS), with_langs(QUERIES)
    steps = (Step(methods()["center"]), Step(methods()["lir"], 1))
    assert export(tmp_path / "out", documents, queries, store, dim=4, steps=steps, manifest=MANIFEST)
    assert not export(tmp_path / "out", documents, queries, store, dim=4, steps=steps, manifest=MANIFEST)
    assert export(tmp_path / "out", documents, queries, store, dim=4, steps=steps[::-1], manifest=MANIFEST)
    loaded = load_export(tmp_path / "out")
    assert loaded.documents.shape == (41, 4) and loaded.documents.dtype == storage_dtype
    assert loaded.manifest["postprocessing"] == {
        "steps": ["lir1", "center"], "documents": 41, "by_declared_language": True, "pooled": {}
    }  # fmt: skip
    cut = derive(store.read(Role.DOCUMENT, DOCUMENTS.texts).load(), 4)
    fitted = fit(lambda: [cut], documents.langs, steps[::-1])
    np.testing.assert_array_equal(loaded.documents, fitted.apply(cut, documents.langs).astype(storage_dtype))
    asked = derive(store.read(Role.QUERY, QUERIES.texts).load(), 4)
    np.testing.assert_array_equal(loaded.queries, fitted.apply(asked, ["en", "de"]).astype(storage_dtype))


def test_tables_of_many_chunks_keep_rows_and_languages_together(
    store: VectorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, queries = with_langs(DOCUMENTS), with_langs(QUERIES)
    export(tmp_path / "whole", documents, queries, store, steps=(Step(methods()["center"]),), manifest={})
    chunks = StoredVectors.chunks
    monkeypatch.setattr(StoredVectors, "chunks", lambda self: chunks(self, 7))
    export(tmp_path / "parts", documents, queries, store, steps=(Step(methods()["center"]),), manifest={})
    found = [load_export(tmp_path / name) for name in ("whole", "parts")]
    np.testing.assert_allclose(found[0].documents, found[1].documents, atol=1e-6)
    np.testing.assert_allclose(found[0].queries, found[1].queries, atol=1e-6)


def test_without_post_processing_the_manifest_does_not_speak_of_it(
    store: VectorStore, tmp_path: Path
) -> None:
    export(tmp_path / "out", with_langs(DOCUMENTS), QUERIES, store, manifest=MANIFEST)
    assert "postprocessing" not in load_export(tmp_path / "out").manifest
    with pytest.raises(ValueError, match="vectors and languages must be one each"):
        export(tmp_path / "x", DOCUMENTS, QUERIES, store, steps=(Step(methods()["center"]),), manifest={})


def test_same_inputs_give_the_same_bytes(store: VectorStore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(tmp_path / name, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    a, b = states(tmp_path / "a"), states(tmp_path / "b")
    assert {name: state[2] for name, state in a.items()} == {name: state[2] for name, state in b.items()}


def test_identical_export_is_left_untouched(store: VectorStore, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(folder, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    before = states(folder)
    for path in folder.iterdir():
        path.chmod(0o444)
    assert not export(folder, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    assert states(folder) == before


def test_other_manifest_or_texts_replace_and_spare_linked_files(store: VectorStore, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(folder, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    linked = tmp_path / "linked.npy"
    os.link(folder / "documents.npy", linked)
    linked.chmod(0o444)
    before = linked.read_bytes()
    assert export(folder, DOCUMENTS, QUERIES, store, manifest={**MANIFEST, "task_digest": "u"})
    turned = TextList(DOCUMENTS.ids, DOCUMENTS.texts[::-1])
    assert export(folder, turned, QUERIES, store, manifest={**MANIFEST, "task_digest": "u"})
    np.testing.assert_array_equal(np.load(linked), load_export(folder).documents[::-1])
    assert linked.read_bytes() == before


def test_altered_export_is_refused_and_made_again(store: VectorStore, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(folder, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    path = folder / "documents.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(UserError, match=r"documents.npy was altered .*xlembed encode"):
        load_export(folder)
    path.write_bytes(raw[:-4])
    with pytest.raises(UserError, match=r"documents.npy is truncated or overwritten"):
        load_export(folder)
    path.unlink()
    with pytest.raises(UserError, match=r"documents.npy is missing"):
        load_export(folder)
    assert export(folder, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    load_export(folder)


def test_missing_export(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no finished embeddings .*run xlembed encode"):
        load_export(tmp_path / "out")
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {}}))
    with pytest.raises(UserError, match=r"does not list documents.npy"):
        load_export(tmp_path)


def test_failure_half_way_leaves_the_old_export(store: VectorStore, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export(folder, DOCUMENTS, QUERIES, store, manifest=MANIFEST)
    before = states(folder)
    more = TextList([*QUERIES.ids, "q3"], [*QUERIES.texts, "not encoded"])
    with pytest.raises(UserError, match="1 of 3 query texts have no vector"):
        export(folder, DOCUMENTS, more, store, manifest=MANIFEST)
    with pytest.raises(UserError, match="cannot keep 9 dimensions"):
        export(folder, DOCUMENTS, QUERIES, store, dim=9, manifest=MANIFEST)
    assert states(folder) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "out"]


def test_no_queries(store: VectorStore, tmp_path: Path) -> None:
    export(tmp_path / "out", DOCUMENTS, TextList([], []), store, manifest={})
    loaded = load_export(tmp_path / "out")
    assert loaded.queries.shape == (0, 8) and loaded.query_ids == ()


def test_callers_mistakes(store: VectorStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 ids and 2 texts"):
        TextList(["a"], ["x", "y"])
    with pytest.raises(ValueError, match="different from each other"):
        TextList(["a", "a"], ["x", "y"])
    with pytest.raises(ValueError, match=r"\['dim'\] are written by the export itself"):
        export(tmp_path / "out", DOCUMENTS, QUERIES, store, manifest={"dim": 3})
