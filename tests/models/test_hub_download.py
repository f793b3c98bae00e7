"""The real client of the Hub against a Hub on this machine: what is fetched, checked, converted, and then loads."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from sentence_transformers import SentenceTransformer

from fakes.toy import write_toy
from hub_stub import Hub, client_of
from models.catalogue_models import (
    DIM,
    LAYOUTS,
    NEEDS_CODE,
    copy_of,
    make_repository,
    save_model,
    store_weights,
    write,
)
from xlembed.embeddings.encoding import Encoding, open_encoding
from xlembed.models.catalogue import catalogue
from xlembed.models.encoder import Encoder
from xlembed.models.fingerprint import base_fingerprint
from xlembed.models.hub import locate
from xlembed.models.loading import load_encoder
from xlembed.models.pickled import read_tensors
from xlembed.models.spec import resolve_model
from xlembed.params import load_settings
from xlembed.tracking.opening import open_model
from xlembed.words import Role, UserError, Vectors
from xlembed.workspace import Workspace

TEXTS = ["a cat sat on the mat", "the dog"]
WAYS = ["safe", "pickled", "legacy", "both", "safe shards", "pickled shards", "both shards"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Every card's repository, and `org/WAY` with the same model, its weights stored in each way."""
    found = Hub(tmp_path_factory.mktemp("hub"))
    for name in LAYOUTS:
        make_repository(found.repository(str(catalogue()[name].hub_id)), name)
    plain = found.repository("org/safe")
    save_model(plain, "xlm-r", "xlm-r", ("cls", "Dense", "Normalize"))
    store_weights(plain, "safe")
    for way in WAYS[1:]:
        copy_of(plain, found.repository(f"org/{_name(way)}"), way)
    with client_of(found):
        yield found


@pytest.fixture(autouse=True)
def _online(hub: Hub, _offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the folder's own fixture: a client that may go out, empty caches, and a Hub in order."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    hub.fetched.clear()
    hub.cut.clear()
    hub.told_sha256.clear()


def _name(way: str) -> str:
    return way.replace(" ", "-")


def _go_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def _encode(encoder: Encoder) -> Vectors:
    return np.concatenate([encoder.encode_batch(TEXTS, role) for role in Role])


def _load(model: str) -> Vectors:
    return _encode(load_encoder(resolve_model(model), device="cpu"))


def _fingerprint(model: str) -> str:
    ref = resolve_model(model)
    return base_fingerprint(ref, locate(ref), storage_dtype="float32").digest


@pytest.fixture(scope="module")
def expected(hub: Hub) -> Vectors:
    """By sentence-transformers alone, from the safetensors."""
    plain = SentenceTransformer(str(hub.repository("org/safe")), device="cpu", local_files_only=True)
    return np.concatenate([plain.encode(TEXTS), plain.encode(TEXTS)])


# Every card


def _open(name: str, tmp_path: Path) -> tuple[Encoding, Any]:
    """As `xlembed run -m NAME` opens a model, with the small one's dimension."""
    entry = {"source": name, "dim": DIM, "matryoshka_dims": []}
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump({"models": {name: entry}, "encode": {"device": "cpu"}})
    )
    workspace = Workspace(load_settings(tmp_path / "params.yaml"))
    ref = replace(open_model(workspace, name), folder=None)  # from the Hub, whichever packages are installed
    return open_encoding(ref, workspace), ref


def test_every_card_of_a_hub_is_tried() -> None:
    assert {*LAYOUTS, *NEEDS_CODE} == {name for name, card in catalogue().items() if card.hub_id}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_card_loads_from_its_repository(hub: Hub, tmp_path: Path, name: str) -> None:
    encoding, ref = _open(name, tmp_path)
    repo = str(ref.card.hub_id)
    encoder = encoding.encoder()
    vectors = _encode(encoder)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for role, found in zip(Role, (vectors[:2], vectors[2:]), strict=True):
        np.testing.assert_allclose(
            found, _plainly(hub.repository(repo), ref, role), atol=5e-3 if _half(ref) else 2e-5
        )
    fetched = {path.removeprefix(f"{repo}/") for path in hub.fetched}
    pickled = {path for path in fetched if path.endswith((".bin", ".pt"))}
    heads = {"2_Dense/pytorch_model.bin"} if name == "labse" else set()
    assert pickled == ({"pytorch_model.bin", *heads} if LAYOUTS[name][3] == "pickled" else set())
    assert not any("onnx" in path for path in fetched)
    assert encoding.notes == ()


def _half(ref: Any) -> bool:
    return bool(ref.dtype.value == "float16")


def _plainly(folder: Path, ref: Any, role: Role) -> Vectors:
    """By sentence-transformers alone: prompt, body, pooling as the repository or the card says; layer norm by hand."""
    safe = folder.parent / f"{folder.name}-safe"
    if not (folder / "modules.json").is_file():  # an adapter per role over a plain body, mean pooling
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        body = Transformer(str(folder), processor_kwargs={"padding_side": "right"})
        body.model.load_adapter(str(folder / str(ref.card.adapter(role))))
        model = SentenceTransformer(modules=[body, Pooling(DIM, "mean")], device="cpu")
    else:
        if LAYOUTS[ref.card.name][3] == "pickled" and not safe.is_dir():
            _as_published_elsewhere(folder, safe)
        source = safe if safe.is_dir() else folder
        kwargs = {"padding_side": ref.card.padding_side}
        model = SentenceTransformer(
            str(source), device="cpu", local_files_only=True, processor_kwargs=kwargs
        ).float()
    prompt = ref.card.prompt(role)
    found = np.asarray(model.encode([prompt + text for text in TEXTS], prompt="", convert_to_numpy=True))
    if ref.card.layer_norm:
        found = (found - found.mean(axis=1, keepdims=True)) / found.std(axis=1, keepdims=True)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def _as_published_elsewhere(folder: Path, target: Path) -> None:
    """The same model as safetensors, converted by torch and safetensors alone."""
    from safetensors.torch import save_file

    shutil.copytree(folder, target)
    for path in target.rglob("pytorch_model.bin"):
        save_file(
            torch.load(path, weights_only=True),
            path.with_name("model.safetensors"),
            metadata={"format": "pt"},
        )
        path.unlink()


@pytest.mark.parametrize("name", NEEDS_CODE)
def test_cards_that_need_code_are_refused_and_nothing_is_fetched(hub: Hub, name: str) -> None:
    with pytest.raises(UserError, match=rf"{name}: needs Python code .*--trust-remote-code true"):
        locate(resolve_model(name))
    assert hub.fetched == []


@pytest.mark.parametrize("name", NEEDS_CODE)
def test_their_repositories_are_refused_without_a_card_too(hub: Hub, tmp_path: Path, name: str) -> None:
    folder = copy_of(hub.repository("org/safe"), tmp_path / name, "safe")
    config = json.loads((folder / "config.json").read_text()) | NEEDS_CODE[name]
    write(folder / "config.json", config)
    with pytest.raises(UserError, match="--trust-remote-code true"):
        _load(str(folder))


# Every way of storing weights


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_storing_weights_gives_the_same_vectors(
    hub: Hub, expected: Vectors, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    repo = f"org/{_name(way)}"
    np.testing.assert_allclose(_load(repo), expected, atol=2e-5)
    pickled = way.startswith(("pickled", "legacy"))
    assert any(path.endswith(".bin") for path in hub.fetched) == pickled
    assert caplog.text.count("converted once to safetensors") == pickled
    first, fetched = _fingerprint(repo), list(hub.fetched)
    caplog.clear()
    np.testing.assert_array_equal(_load(repo), _load(repo))
    assert _fingerprint(repo) == first and hub.fetched == fetched and "converted" not in caplog.text


def test_one_fingerprint_whatever_file_the_tensors_came_in(hub: Hub, tmp_path: Path) -> None:
    """That of the safetensors which the conversion writes: a copy of them elsewhere has it too."""
    found = {_fingerprint(f"org/{way}") for way in ("safe", "both", "pickled", "legacy")}
    ref = resolve_model("org/pickled")
    converted = shutil.copytree(locate(ref), tmp_path / "elsewhere")
    found.add(base_fingerprint(ref, converted, storage_dtype="float32").digest)
    original = hub.repository("org/pickled")
    found.add(base_fingerprint(ref, original, storage_dtype="float32").digest)
    assert len(found) == 1


def test_offline_afterwards_and_from_the_folder_alone(
    hub: Hub, expected: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _load("org/pickled")
    _go_offline(monkeypatch)
    np.testing.assert_allclose(_load("org/pickled"), expected, atol=2e-5)
    folder = shutil.copytree(hub.repository("org/pickled-shards"), tmp_path / "mine")
    torch.save({"x": 1}, folder / "training_args.bin")
    (folder / "optimizer.pt").write_bytes(b"of a training that is over")
    np.testing.assert_allclose(_load(str(folder)), expected, atol=2e-5)
    converted = locate(resolve_model(str(folder)))
    assert sorted(p.name for p in converted.glob("*model*")) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]


def test_tied_and_transposed_weights_are_kept(tmp_path: Path) -> None:
    table = torch.arange(6.0).reshape(2, 3)
    torch.save({"a": table, "tied": table, "turned": table.T, "row": table[1]}, tmp_path / "w.bin")
    found = read_tensors(tmp_path / "w.bin")
    assert found["turned"].tolist() == [[0, 3], [1, 4], [2, 5]] and found["row"].tolist() == [3, 4, 5]
    assert torch.equal(found["a"], found["tied"]) and found["a"].data_ptr() != found["tied"].data_ptr()


# What is refused


class _Touch:
    """A pickle that makes a file when it is opened without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("form", ["torch", "plain pickle"])
@pytest.mark.parametrize("place", ["pytorch_model.bin", "2_Dense/pytorch_model.bin"])
def test_a_pickle_with_code_is_refused_and_runs_nothing(
    hub: Hub, tmp_path: Path, form: str, place: str
) -> None:
    folder, mark = copy_of(hub.repository("org/safe"), tmp_path / "evil", "pickled"), tmp_path / "mark"
    content = {"weight": torch.zeros(2), "evil": _Touch(mark)}
    if form == "torch":
        torch.save(content, folder / place)
    else:
        (folder / place).write_bytes(pickle.dumps(content))
    what = r"(posix|os)\.system" if form == "torch" else "code"
    with pytest.raises(UserError, match=rf"{place}: needs more than tensors \({what}\)") as caught:
        _load(str(folder))
    assert "weights_only" not in str(caught.value)  # the reader's own advice is to open it without protection
    assert not mark.exists() and not list((tmp_path / "cache").rglob("*.safetensors"))
    if form == "torch":  # the file is a real one: opened without care, it runs
        torch.load(folder / place, weights_only=False)
    else:
        pickle.loads((folder / place).read_bytes())  # noqa: S301
    assert mark.exists()


def test_a_pickle_beside_safetensors_is_never_fetched_or_opened(
    hub: Hub, expected: Vectors, tmp_path: Path
) -> None:
    folder = copy_of(hub.repository("org/safe"), tmp_path / "both", "safe")
    for place in ("pytorch_model.bin", "2_Dense/pytorch_model.bin"):
        torch.save(_Touch(tmp_path / "mark"), folder / place)
    np.testing.assert_allclose(_load(str(folder)), expected, atol=2e-5)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"epoch": 3, "weight": torch.zeros(1)}, r"needs more than tensors \(epoch: int\)"),
        ([torch.zeros(1)], r"needs more than tensors \(: list\)"),
        ({"weight": torch.zeros(2, 2).to_sparse()}, r"needs more than tensors \(weight: Tensor\)"),
        (b"", "damaged or incomplete"),
        (b"<!DOCTYPE html>", "damaged or incomplete"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
    ],
    ids=["number", "list", "sparse", "empty", "page", "pointer"],
)
def test_other_content_is_refused_in_words(tmp_path: Path, content: Any, words: str) -> None:
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(UserError, match=rf"pytorch_model\.bin: .*{words}"):
        read_tensors(path)


def test_a_cut_pickle_is_refused(hub: Hub, tmp_path: Path) -> None:
    folder = copy_of(hub.repository("org/safe"), tmp_path / "cut", "pickled")
    whole = (folder / "pytorch_model.bin").read_bytes()
    (folder / "pytorch_model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="damaged or incomplete"):
        _load(str(folder))
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


@pytest.mark.parametrize("names", [["../x.bin"], ["gone.bin"], []])
def test_an_odd_list_of_shards_is_refused(hub: Hub, tmp_path: Path, names: list[str]) -> None:
    folder = copy_of(hub.repository("org/safe"), tmp_path / "odd", "pickled shards")
    write(
        folder / "pytorch_model.bin.index.json",
        {"weight_map": {str(i): name for i, name in enumerate(names)}},
    )
    with pytest.raises(UserError, match=r"index\.json: names"):
        _load(str(folder))


@pytest.mark.parametrize("way", ["safe", "pickled"])
def test_another_sha256_than_the_hub_tells_is_refused(hub: Hub, tmp_path: Path, way: str) -> None:
    file = "2_Dense/" + ("model.safetensors" if way == "safe" else "pytorch_model.bin")
    hub.told_sha256[f"org/{way}/{file}"] = "f" * 64
    with pytest.raises(
        UserError, match=rf"{file}: its sha256 is [0-9a-f]{{64}}, the Hub's is f{{64}}.*fetch it again"
    ):
        locate(resolve_model(f"org/{way}"))
    assert not (tmp_path / "cache").exists()


def test_another_sha256_than_the_card_says_is_refused(hub: Hub) -> None:
    ref = resolve_model("org/pickled")
    card = ref.card.model_copy(update={"sha256": {"pytorch_model.bin": "0" * 64}})
    with pytest.raises(UserError, match=r"the card's is 0{64}"):
        locate(replace(ref, card=card))
    locate(replace(ref, card=ref.card.model_copy(update={"sha256": {"model.safetensors": "0" * 64}})))


# Downloads that break off


@pytest.mark.parametrize(("way", "file"), [("safe", "model.safetensors"), ("pickled", "pytorch_model.bin")])
def test_a_transfer_that_breaks_once_goes_on(hub: Hub, expected: Vectors, way: str, file: str) -> None:
    hub.cut[f"org/{way}/{file}"] = 2
    np.testing.assert_allclose(_load(f"org/{way}"), expected, atol=2e-5)


@pytest.mark.parametrize(("way", "file"), [("safe", "model.safetensors"), ("pickled", "pytorch_model.bin")])
def test_a_transfer_that_stays_broken_leaves_nothing_half_used(
    hub: Hub, expected: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, file: str
) -> None:
    hub.cut[f"org/{way}/{file}"] = 100
    with pytest.raises(UserError, match=r"the transfer broke off.*run the same command again") as caught:
        _load(f"org/{way}")
    assert f"hf download org/{way}" in str(caught.value)
    with monkeypatch.context() as offline:
        _go_offline(offline)
        with pytest.raises(UserError, match="only a part of it is there"):
            _load(f"org/{way}")
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    hub.cut.clear()
    np.testing.assert_allclose(_load(f"org/{way}"), expected, atol=2e-5)


def test_a_conversion_that_was_killed_is_made_anew(hub: Hub, expected: Vectors, tmp_path: Path) -> None:
    target = locate(resolve_model("org/pickled"))
    half = target.with_name(f".{target.name}.killed")
    target.rename(half)
    (half / "model.safetensors").write_bytes(b"half")
    np.testing.assert_allclose(_load("org/pickled"), expected, atol=2e-5)
    assert not half.exists() and target.is_dir()


def test_a_converted_copy_that_is_damaged_is_made_anew(
    hub: Hub, expected: Vectors, caplog: pytest.LogCaptureFixture
) -> None:
    ref = resolve_model("org/pickled")
    first = _fingerprint("org/pickled")
    (locate(ref) / "model.safetensors").write_bytes(b"")
    caplog.clear()
    np.testing.assert_allclose(_load("org/pickled"), expected, atol=2e-5)
    assert caplog.text.count("converted once") == 1 and _fingerprint("org/pickled") == first


# The advice, by real processes


def test_the_printed_advice_leads_to_a_folder_that_loads(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message for bge_m3, its command as it stands, and its entry of params.yaml."""
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as offline:
        _go_offline(offline)
        with pytest.raises(UserError) as caught:
            locate(resolve_model("bge_m3"))
    lines = [line.strip() for line in str(caught.value).splitlines()]
    from huggingface_hub import constants

    command = next(line for line in lines if line.startswith("hf download")).split()
    script = str(Path(sys.executable).with_name("hf"))
    environment = {**os.environ, "HF_ENDPOINT": constants.ENDPOINT, "HF_HOME": str(tmp_path / "home")}
    subprocess.run([script, *command[1:]], env=environment, check=True, capture_output=True)
    assert (tmp_path / "bge_m3" / "colbert_linear.pt").is_file()
    entries = yaml.safe_load(next(line for line in lines if line.startswith("models:")))["models"]
    entries["bge_m3"]["dim"] = DIM
    found = _encode(load_encoder(resolve_model("bge_m3", entries), device="cpu"))
    fetched = _encode(
        load_encoder(resolve_model("bge_m3", {"bge_m3": {"source": "bge_m3", "dim": DIM}}), device="cpu")
    )
    np.testing.assert_array_equal(found, fetched)
    damaged = tmp_path / "bge_m3" / "pytorch_model.bin"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="the Hub's is"):
        locate(resolve_model("bge_m3", entries))


def test_the_users_own_command_on_bge_m3(hub: Hub, tmp_path: Path) -> None:
    """A process that knows the Hub by its environment alone; the small model only needs its own dimension."""
    from huggingface_hub import constants

    write_toy(tmp_path / "data" / "toy")
    (tmp_path / "params.yaml").write_text(f"models: {{bge_m3: {{source: bge_m3, dim: {DIM}}}}}\n")
    environment = {**os.environ, "HF_ENDPOINT": constants.ENDPOINT, "HF_HOME": str(tmp_path / "home")}
    environment["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    code = "from xlembed.cli import main; main()"
    words = [sys.executable, "-c", code, "encode", "-t", "toy", "-m", "bge_m3"]
    done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("converted once to safetensors") == 1 and "encoded" in done.stderr
    vectors = np.load(tmp_path / "embeddings" / "toy" / "bge_m3" / "documents.npy")
    assert vectors.shape == (6, DIM) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
