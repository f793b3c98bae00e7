"""`xlembed guide` on models of which it is known how many queries they answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cli.command import xlembed
from fakes.promotable import PARAMS, TASK, N, make_checkout, save_model
from xlembed.guide.scenarios import PARTS, parse_weights, scenarios
from xlembed.words import UserError

pytestmark = pytest.mark.usefixtures("sketches")

GOOD = {"en": 30, "de": 20}
WEAK = "weak"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which `weak` (10 of 40 in both languages) and `good` (30 and 20) were evaluated."""
    made = make_checkout(tmp_path_factory.mktemp("checkout"))
    names = ", ".join(f"{name}: {{source: {name}}}" for name in ("weak", "good", "twin", "blind"))
    (made / "params.yaml").write_text(PARAMS.splitlines()[1] + f"\nmodels: {{{names}}}\n", encoding="utf-8")
    save_model(made / "good", (GOOD["en"], GOOD["de"]))
    answer = xlembed(made, "run", "-t", TASK, "-m", "weak,good")
    assert answer.code == 0, answer.err
    return made


def guided(root: Path, *words: str) -> dict[str, Any]:
    answer = xlembed(root, "guide", "-t", TASK, "--json", *words)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)  # type: ignore[no-any-return]


def test_points_are_what_was_measured(root: Path) -> None:
    report = guided(root, "--scenario", "rag-mono", "--weights", "monolingual=3,bytes=1", "--no-timing")
    first, second = report["models"]
    assert (first["model"], second["model"]) == ("good", "weak")
    assert report["weights"] == {"monolingual": 0.75, "bytes": 0.25}
    assert first["bytes_per_vector"] == 64 * 4
    size = 1 / (1 + 64 * 4 * report["documents"] / 2**32)
    assert first["parts"]["bytes"] == pytest.approx(size, abs=1e-6)
    units = json.loads((root / "runs" / TASK / "good" / "scores.json").read_text(encoding="utf-8"))
    recall = next(
        r["value"]
        for r in units["scores"]
        if r["kind"] == "monolingual" and r["measure"] == "recall@5" and r["query_lang"] is None
    )
    assert first["parts"]["monolingual"] == pytest.approx(recall, abs=1e-6)
    assert first["points"] == pytest.approx(0.75 * recall + 0.25 * size, abs=1e-6)
    assert first["first"] == 1.0 and second["behind_low"] > 0


def test_no_saving_makes_up_for_a_loss_of_quality(root: Path) -> None:
    """`weak` cut to 8 dimensions costs an eighth, and finds less than `good` by paired tests; a limit forces it."""
    cheap = f"{WEAK}+dim8"
    assert xlembed(root, "run", "-t", TASK, "-m", cheap).code == 0
    words = [
        "--scenario",
        "rag-mono",
        "--no-timing",
        "--weights",
        "monolingual=1,bytes=9",
        "-m",
        f"good,{cheap}",
    ]
    planned = ["--documents", "20000000"]
    first, second = guided(root, *words, *planned)["models"]
    assert first["model"] == "good" and second["points"] > first["points"], "the cheap one has more points"
    assert second["vetoed"].endswith("% of good") and second["with_best"] is False and second["place"] == 2
    page = (root / "reports" / "guide" / TASK / "rag-mono" / "guide.md").read_text(encoding="utf-8")
    assert "vetoed" in page and "no saving makes up for that" in page and "20,000,000 documents" in page
    here = guided(root, *words)["models"]
    assert not any(row["vetoed"] for row in here), "in so small a corpus bytes weigh next to nothing"
    report = guided(root, *words, *planned, "--max-bytes-per-vector", "100")
    assert [row["model"] for row in report["models"]] == [cheap] and "good" in report["excluded"]
    shutil.rmtree(root / "runs" / TASK / cheap)


def test_what_a_killed_evaluation_left_is_no_model(root: Path) -> None:
    folder = root / "runs" / TASK
    shutil.copytree(folder / "good", folder / ".good.half-written")
    try:
        assert {row["model"] for row in guided(root, "--scenario", "multilingual")["models"]} == {
            "weak",
            "good",
        }
    finally:
        shutil.rmtree(folder / ".good.half-written")


def test_a_language_alone(root: Path) -> None:
    report = guided(
        root, "--scenario", "chatbot", "--languages", "de", "--no-timing", "--weights", "monolingual=1"
    )
    assert report["models"][0]["parts"]["monolingual"] == GOOD["de"] / N
    assert any(line.startswith("a corpus without en") for line in report["unknown"])


def test_limits_exclude_and_say_why(root: Path) -> None:
    report = guided(root, "--scenario", "shop", "-m", "weak,good", "--max-ms-per-query", "10000")
    assert report["excluded"] == {}
    assert all(0 < m["ms_per_query"] < 10_000 for m in report["models"])
    assert set(report["weights"]) == {"cross_lingual", "bytes", "speed"}  # no morphology was measured
    assert any(line.startswith("morphology counts for none") for line in report["unknown"])
    nothing = xlembed(root, "guide", "-t", TASK, "--scenario", "shop", "--max-bytes-per-vector", "255")
    assert nothing.code == 2 and "weak: 256.0 bytes per vector, the limit is 255" in nothing.err
    untimed = xlembed(
        root, "guide", "-t", TASK, "--scenario", "shop", "--max-ms-per-query", "9", "--no-timing"
    )
    assert untimed.code == 2 and "ms per query not known" in untimed.err


def test_a_model_may_be_given_by_its_folder(root: Path) -> None:
    save_model(root / "elsewhere", (1, 1))
    assert xlembed(root, "run", "-t", TASK, "-m", "elsewhere").code == 0
    folder = guided(root, "--scenario", "rag-mono", "-m", "elsewhere")["models"][0]
    slug = guided(root, "--scenario", "rag-mono", "-m", folder["model"])
    assert folder["model"].startswith("elsewhere-") and folder["ms_per_query"] > 0
    assert slug["models"][0]["ms_per_query"] is None
    assert any("give its folder with -m" in line for line in slug["unknown"])


def test_two_timed_models_are_drawn_with_the_intervals_of_their_scores(root: Path) -> None:
    words = ("--scenario", "rag-mono", "--weights", "monolingual=1", "-m", "weak", "-m", "good")
    report = guided(root, *words)
    folder = root / "reports" / "guide" / TASK / "rag-mono"
    assert {p.name for p in (folder / "figures").iterdir()} == {"quality_speed.png"}
    assert "figures/quality_speed.png" in (folder / "guide.md").read_text(encoding="utf-8")
    for row in report["models"]:
        scores = json.loads((root / "runs" / TASK / row["model"] / "scores.json").read_text(encoding="utf-8"))
        (found,) = [
            r
            for r in scores["scores"]
            if (r["kind"], r["measure"], r["query_lang"]) == ("monolingual", "recall@5", None)
        ]
        for key, value in row["quality"]["monolingual"].items():
            assert value == pytest.approx(found[key], abs=1e-6), key
    guided(root, *words, "--no-timing")
    assert not (folder / "figures").exists()


def test_the_page_names_the_model_first_and_what_is_not_known(root: Path) -> None:
    answer = xlembed(root, "guide", "-t", TASK, "--scenario", "multilingual", "--no-timing")
    assert answer.code == 0 and answer.out.startswith("Take good: first in 100.0 %")
    page = (root / "reports" / "guide" / TASK / "multilingual" / "guide.md").read_text(encoding="utf-8")
    assert page.index("Take good") < page.index("| good |") < page.index("## Not known")


def test_equal_models_cannot_be_told_apart(root: Path) -> None:
    save_model(root / "twin", (GOOD["en"], GOOD["de"]))
    assert xlembed(root, "run", "-t", TASK, "-m", "twin").code == 0
    answer = xlembed(
        root, "guide", "-t", TASK, "--scenario", "rag-mono", "-m", "good,twin,weak", "--no-timing"
    )
    said = " ".join(answer.out.split())
    assert "good and twin share the first place: they cannot be told apart on these queries." in said
    report = guided(root, "--scenario", "rag-mono", "-m", "twin,good,weak", "--no-timing")
    found = [(row["model"], row["place"], row["with_best"]) for row in report["models"]]
    assert found == [("good", 1, True), ("twin", 1, True), ("weak", 3, False)]
    assert report["models"][0]["first"] == report["models"][1]["first"] == 0.5


def test_models_that_find_nothing_should_be_trained(root: Path) -> None:
    save_model(root / "blind", (0, 0))
    assert xlembed(root, "run", "-t", TASK, "-m", "blind").code == 0
    words = (
        "--scenario", "rag-mono", "-m", "blind", "--no-timing", "--languages", "en", "--weights", "monolingual=1",
    )  # fmt: skip
    (line,) = guided(root, *words, "--examples", "2000")["advice"] or [""]
    assert "you have 2,000 training pairs, fine-tune" in line
    assert guided(root, "--scenario", "rag-mono", "-m", "good", "--no-timing")["advice"] == []


def test_a_model_is_taken_only_if_it_finds_more_than_chance(root: Path) -> None:
    """Without bm25 the guide says what is missing; a model that finds nothing is not recommended even when alone."""
    save_model(root / "blind", (0, 0))
    assert xlembed(root, "run", "-t", TASK, "-m", "blind").code == 0
    words = ("--scenario", "rag-mono", "--no-timing", "--weights", "monolingual=1")
    report = guided(root, *words, "-m", "good,blind")
    assert report["unknown"][0].startswith(
        "whether they find more than a search for words: bm25 was not evaluated"
    )
    assert report["standing"]["good"] == {"beats_chance": True, "shortfall": ""}
    assert report["standing"]["blind"]["beats_chance"] is False
    alone = xlembed(root, "guide", "-t", TASK, *words, "-m", "blind")
    said = " ".join(alone.out.split())
    assert (
        "blind is the only model that is left. But nothing is recommended: its monolingual score 7.5 %"
        in said
    )


def test_bm25_is_the_yardstick_though_not_asked_for(root: Path) -> None:
    """The toy's texts share no word with its questions or all: only what was evaluated is compared with."""
    assert xlembed(root, "run", "-t", TASK, "-m", "bm25").code == 0
    words = ("--scenario", "rag-mono", "--no-timing", "--weights", "monolingual=1", "-m", "good,weak")
    report = guided(root, *words)
    assert set(report["standing"]) == {row["model"] for row in report["models"]} == {"good", "weak"}
    assert not any("bm25" in line for line in report["unknown"])


def test_scenarios_are_listed_and_sum_to_one(root: Path) -> None:
    answer = xlembed(root, "guide")
    assert answer.code == 0 and "rag-cross       cross-lingual RAG" in answer.out
    for scenario in scenarios().values():
        assert sum(scenario.shares().values()) == pytest.approx(1) and set(scenario.weights) <= set(PARTS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scenario", "chatbt"], "Did you mean 'chatbot'?"),
        (["--scenario", "shop", "--languages", "tr"], f"{TASK} has no tr; its languages are en, de"),
        (["--scenario", "shop", "-m", "nope"], "unknown model 'nope'"),
        (
            [
                "--scenario",
                "shop",
                "--languages",
                "en",
                "--weights",
                "true_cross_all=1",
                "--no-timing",
            ],
            "true_cross_all was not measured in en",
        ),
        (
            ["--scenario", "shop", "--weights", "speed=1", "--no-timing"],
            "no quality to weigh: the weights name none\n",
        ),
        (
            ["--scenario", "rag-cross", "--languages", "en", "--no-timing"],
            "no quality to weigh: most of it, true_cross_all, true_cross_target was not measured in en",
        ),
    ],
)
def test_mistakes(root: Path, words: list[str], message: str) -> None:
    answer = xlembed(root, "guide", "-t", TASK, *words)
    assert answer.code == 2 and message in answer.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speeed=1", "Did you mean 'speed'?"),
        ("speed", "expected a number from 0 up"),
        ("speed=-1", "expected a number from 0 up"),
        ("speed=inf", "expected a number from 0 up"),
        ("speed=0", "at least one weight above 0"),
        ("", "at least one weight above 0"),
    ],
)
def test_weights(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_weights(text)
    assert message in str(caught.value)
