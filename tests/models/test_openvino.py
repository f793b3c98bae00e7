"""Bodies computed by OpenVINO: the same vectors at float32, near ones in 8 bits, and what is refused."""

from __future__ import annotations

import ctypes
import gc
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.conftest import Build, ref_of
from xlembed.models.fingerprint import base_fingerprint
from xlembed.models.loading import load_encoder
from xlembed.models.spec import ModelRef, Variation, resolve_model
from xlembed.words import DType, Pooling, Role, UserError, Vectors

openvino = pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
TEXTS = ["the cat", "the cat sat on a mat the dog sat on the cat", "a", ""]


def vectors(ref: ModelRef, texts: list[str] = TEXTS) -> Vectors:
    return load_encoder(ref, device="cpu").encode_batch(texts, Role.DOCUMENT)


def computed(ref: ModelRef, dtype: DType) -> ModelRef:
    return replace(ref, variation=Variation(dtype=dtype))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "qwen3", "modernbert"])
def test_same_vectors_as_torch(build: Build, kind: str) -> None:
    ref = ref_of(build(kind), pooling=Pooling.MEAN)
    expected = vectors(ref)
    np.testing.assert_allclose(vectors(computed(ref, DType.OPENVINO)), expected, atol=2e-6)
    # A batch of another shape, longer than the texts that the body was converted with.
    alone = vectors(computed(ref, DType.OPENVINO), TEXTS[1:2])
    np.testing.assert_allclose(alone, expected[1:2], atol=2e-6)


class SignalStack(ctypes.Structure):
    """stack_t of Linux."""

    _fields_ = (("at", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def signal_stack() -> tuple[int | None, int]:
    found = SignalStack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found)) == 0
    return found.at, found.flags


@pytest.mark.skipif(sys.platform != "linux", reason="stacks for signals are looked at as Linux keeps them")
def test_models_that_come_and_go_leave_the_stack_for_signals_alone(build: Build) -> None:
    """Where it was freed with one of them, the next Ctrl-C crashed the process, without a word."""
    refs = [computed(ref_of(build(kind), pooling=Pooling.MEAN), DType.OPENVINO) for kind in ("bert", "qwen3")]
    first = load_encoder(refs[0], device="cpu")
    before = signal_stack()
    second = load_encoder(refs[1], device="cpu")
    assert signal_stack() == before
    del first
    gc.collect()
    assert signal_stack() == before
    del second
    gc.collect()
    assert signal_stack() == before


def test_eight_bits_are_near_and_converted_once(build: Build, tmp_path: Path) -> None:
    ref = ref_of(build(), pooling=Pooling.MEAN)
    eight = computed(ref, DType.INT8)
    first = vectors(eight)
    cosines = (first * vectors(ref)).sum(axis=1)
    assert 0.99 < cosines[:3].min() < 1 and not np.array_equal(first, vectors(ref))
    (kept,) = (tmp_path / "cache" / "models").glob("openvino-*[!k]")
    made = (kept / "model.bin").stat().st_mtime_ns
    np.testing.assert_array_equal(vectors(eight), first)
    assert (kept / "model.bin").stat().st_mtime_ns == made


def test_each_has_its_own_store(build: Build) -> None:
    ref = ref_of(build(), pooling=Pooling.MEAN)
    digests = {
        base_fingerprint(of, ref.folder or Path(), storage_dtype="float32").digest
        for of in (ref, computed(ref, DType.OPENVINO), computed(ref, DType.INT8))
    }
    assert len(digests) == 3


def test_names() -> None:
    assert resolve_model("all_minilm_l6_v2+int8+dim64").slug == "all_minilm_l6_v2+dim64+int8"
    assert resolve_model("all_minilm_l6_v2", dtype="openvino").slug == "all_minilm_l6_v2+ov"
    with pytest.raises(UserError, match="two suffixes set dtype"):
        resolve_model("all_minilm_l6_v2+ov+bf16")


def test_refusals(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="only transformers are computed by OpenVINO"):
        load_encoder(resolve_model("static_multilingual+ov"))
    ref = computed(ref_of(build(), pooling=Pooling.MEAN), DType.OPENVINO)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(UserError, match=r"compute on the processor: leave out device 'cuda'"):
        load_encoder(ref, device="cuda")

    def missing(name: str) -> str:
        from importlib.metadata import PackageNotFoundError

        raise PackageNotFoundError(name)

    monkeypatch.setattr("xlembed.models.fingerprint.version", missing)
    with pytest.raises(UserError, match=r"pip install 'xlembed\[openvino\]'"):
        vectors(ref)


def test_nothing_is_sent(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries would tell their makers of each conversion."""
    sent: list[object] = []
    monkeypatch.setattr("openvino_telemetry.main.TelemetrySender.send", lambda *a, **k: sent.append(a))
    monkeypatch.delenv("CI", raising=False)
    vectors(computed(ref_of(build(), pooling=Pooling.MEAN), DType.INT8))
    assert not sent
