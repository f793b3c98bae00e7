"""Texts cut at a model's limit (case 63 of the collection): told beside the scores, cold and warm alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.command import Answer, make_checkout, xlembed
from xlembed.files import rounded

pytestmark = pytest.mark.usefixtures("sketches")

MODEL = "toy+max1"
CUT = {
    "max_tokens": 1,
    "documents": {
        lang: {"texts": 3, "texts_cut": 0, "share_cut": 0, "tokens": 3, "tokens_lost": 0, "share_lost": 0}
        for lang in ("de", "en")
    },
    "queries": {
        "de": {"texts": 3, "texts_cut": 0, "share_cut": 0, "tokens": 3, "tokens_lost": 0, "share_lost": 0},
        "en": {
            "texts": 3, "texts_cut": 1, "share_cut": 0.333333, "tokens": 4, "tokens_lost": 1, "share_lost": 0.25
        },
    },
}  # fmt: skip
"""Of "boat qqq" the second word is cut; all other texts are one word."""
NOTE = f"{MODEL}: texts are cut at 1 tokens: queries en 1 of 3 (25.0 % of all tokens)."


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    root = make_checkout(tmp_path_factory.mktemp("checkout"))
    return root, xlembed(root, "run", "-m", f"{MODEL},toy", "-t", "toy")


def unwrapped(answer: Answer) -> str:
    """What was printed, lines of a table's notes put together again."""
    return " ".join(answer.out.split())


def result(root: Path, model: str = MODEL) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (root / f"results/toy/{model}.details.json").read_text(encoding="utf-8")
    )
    return found


def test_results_table_and_metrics_tell_it(cold: tuple[Path, Answer]) -> None:
    root, answer = cold
    assert answer.code == 0, answer.err
    assert NOTE in unwrapped(answer)
    assert result(root)["truncation"] == rounded(CUT)
    scores = json.loads((root / f"runs/toy/{MODEL}/scores.json").read_text(encoding="utf-8"))
    assert scores["truncation"] == CUT


def test_a_model_without_a_limit_says_nothing(cold: tuple[Path, Answer]) -> None:
    assert "truncation" not in result(cold[0], "toy")


def test_a_warm_store_says_the_same(cold: tuple[Path, Answer]) -> None:
    """Also one of an older version, which remembers no tokens."""
    root, _ = cold
    for out in ("warm", "old"):
        answer = xlembed(root, "run", "-m", MODEL, "-t", "toy", "--out", out)
        assert answer.code == 0, answer.err
        assert f"{MODEL}: 0 texts encoded" in answer.err and NOTE in unwrapped(answer)
        assert result(root / out) == result(root)
        for path in (root / "cache").rglob("*.npz"):
            path.unlink()


def test_what_ranks_anew_is_told_too(cold: tuple[Path, Answer]) -> None:
    name = "toy+rerank-short"
    with (cold[0] / "params.yaml").open("a", encoding="utf-8") as file:
        file.write("  short: {source: toy_model, max_tokens: 1}\n")
    text = (cold[0] / "params.yaml").read_text(encoding="utf-8").replace("{toy: {source: toy_model}}", "")
    (cold[0] / "params.yaml").write_text(
        text.replace("models: \n", "models:\n  toy: {source: toy_model}\n"), encoding="utf-8"
    )
    answer = xlembed(cold[0], "run", "-m", name, "-t", "toy", "--out", "anew")
    assert answer.code == 0, answer.err
    assert result(cold[0] / "anew", name)["reranker_truncation"] == rounded(CUT)
    assert f"{name}: re-ranking: texts are cut at 1 tokens: queries en 1 of 3" in unwrapped(answer)


def test_compare_and_report_tell_it(cold: tuple[Path, Answer]) -> None:
    root, _ = cold
    compared = xlembed(root, "compare", f"toy/{MODEL}", "toy/toy")
    assert compared.code == 0 and NOTE in unwrapped(compared), compared.err
    reported = xlembed(root, "report", "-t", "toy", "-m", f"{MODEL},toy")
    assert reported.code == 0, reported.err
    page = (root / "reports/report/toy/report.md").read_text(encoding="utf-8")
    assert NOTE in page and "What models do not read" in page
    assert f"| en | queries | {MODEL} | 1 | 33.3 | 25.0 |" in page
    assert "What models do not read" in (root / "reports/report/toy/report.html").read_text(encoding="utf-8")
