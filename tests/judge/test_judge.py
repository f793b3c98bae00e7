from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from llm_stub import Stub, chat
from xlembed.cli import xlembed
from xlembed.data.loading import load_task
from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.data.writing import write_task
from xlembed.judge.job import BLANKS, READY, found_by, judge_pairs, pooled, prompts_of, read_people
from xlembed.judge.result import Judged
from xlembed.judge.tables import judge_grids
from xlembed.models.chat import open_chat, read_prompt
from xlembed.settings import Settings
from xlembed.words import UserError
from xlembed.workspace import Workspace

N = 24
SUBJECTS = [f"{colour} {thing}" for colour in ("red", "blue", "green", "black", "white", "golden")
            for thing in ("kettle", "lamp", "rucksack", "bicycle")]  # fmt: skip
DOCUMENTS = tuple(
    Document(f"d{i}", f"A review that praises the {what}.", "en") for i, what in enumerate(SUBJECTS)
)
QUERIES = tuple(Query(f"q{i}", f"Which {what} is good?", "en", f"n{i}") for i, what in enumerate(SUBJECTS))
TASK = Task(
    "shop", ("en",), Alignment.COMPARABLE, DOCUMENTS, QUERIES, {f"q{i}": {f"d{i}": 1} for i in range(N)}
)
RANKINGS = {
    "good": {f"q{i}": [f"d{i}", f"d{(i + 1) % N}"] for i in range(N)},
    "bad": {f"q{i}": [f"d{(i + 2) % N}", f"d{(i + 1) % N}"] for i in range(N)},
}


def grade(body: dict[str, Any]) -> dict[str, Any]:
    """Right is the thing that was asked for, in any colour for kettles: a judge that calls too much right."""
    text = body["messages"][-1]["content"]
    asked, told = re.findall(r"(?:Which|the) (\w+ (?:kettle|lamp|rucksack|bicycle))", text)
    right = asked == told or (asked.endswith("kettle") and told.endswith("kettle"))
    return chat(json.dumps({"grade": 2 if right else 0}))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judge")


@pytest.fixture
def stub(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.chdir(place)
    monkeypatch.setenv("XLEMBED_CACHE", str(place / "cache"))
    monkeypatch.setenv("XLEMBED_API_MODEL", "judge")
    shutil.rmtree("data", ignore_errors=True)
    stub = Stub(grade)
    with stub.serving() as url:
        monkeypatch.setenv("XLEMBED_API_URL", url)
        yield stub


def judged(
    place: Path, people: dict[tuple[str, str], int] | None = None, task: Task = TASK, **settings: Any
) -> tuple[Judged, Task]:
    workspace = Workspace(Settings.model_validate({"judge": {"pooled": 2, **settings}}), place, place)
    pairs = pooled(task, RANKINGS, workspace)
    messages = prompts_of(task, pairs, read_prompt("", READY, BLANKS, BLANKS), 100)
    return judge_pairs(task, RANKINGS, pairs, messages, open_chat(workspace), workspace, people)


def test_a_pair_is_judged_once_and_held_against_people(stub: Stub, place: Path) -> None:
    found, task = judged(place)
    assert len(found.pairs) == len(stub.asked) == 3 * N
    (agreement,) = [of for name, of in found.agreement.items() if name == "all"]
    assert (agreement.both, agreement.only_first, agreement.only_second) == (N, 0, 0) and agreement.kappa == 1
    assert task.machine_judged and task.qrels["q1"] == {"d1": 2, "d2": 0, "d3": 0}
    good, bad = found.precision
    assert good.machine.value == good.human.value == 0.5 and bad.machine.value == 0  # type: ignore[union-attr]
    assert good.powered is None  # people judged all of it
    grids = judge_grids(found)
    assert [grid.key for grid in grids] == ["agreement", "precision"]
    assert all(row.cells[1].label == "machine judgements" for row in grids[1].rows)
    report = (place / "reports" / "judge" / "shop" / "report.md").read_text(encoding="utf-8")
    assert "(machine judgements)" in report and "Judged by the language model judge." in report


def test_a_few_grades_by_people_correct_the_machine(stub: Stub, place: Path) -> None:
    judged(place)
    file = place / "reports" / "judge" / "shop" / "pairs.csv"
    rows = list(csv.DictReader(file.open(encoding="utf-8-sig", newline="")))
    assert rows[0]["question"] and rows[0]["document"]
    for row in rows:  # people looked at half of the questions, and call the second document right as well
        i = int(row["need_id"][1:])
        row["human"] = "" if i % 2 else "1" if row["doc_id"] in (f"d{i}", f"d{(i + 1) % N}") else "0"
    edited = place / "people.csv"
    with edited.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    n = len(stub.asked)
    found, _ = judged(place, read_people(edited))
    assert len(stub.asked) == n  # all grades came from the cache
    good = found.precision[0]
    assert good.machine.value == 0.5 and good.human is not None and good.human.value == 1.0
    assert good.powered is not None and good.powered.value == 1.0 and good.powered.units == N
    assert found.agreement["all"].only_second == N / 2
    with pytest.raises(UserError, match="none of the 1 grade by people is of a pair"):
        judged(place, {("n1", "D1"): 1})
    text = edited.read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if line.endswith(",1"))
    edited.write_text(f"{text}{first[:-1]}0\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"row \d+: human: n\d+ and d\d+ have 0 here and 1 before"):
        read_people(edited)
    edited.write_text(text.replace(",1\n", ",yes\n", 1), encoding="utf-8")
    with pytest.raises(UserError, match=r"people.csv, row \d+: human: 'yes' is no grade"):
        read_people(edited)


def test_fewer_questions_and_grades_that_are_none(
    stub: Stub, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, task = judged(place, needs=5)
    assert found.needs == 5 and len(task.queries) == 5
    stub.answer = lambda body: chat('{"grade": 7}')
    monkeypatch.setenv("XLEMBED_API_MODEL", "another")
    with pytest.raises(UserError, match="the first 5 requests have no usable answer: 7 is no grade"):
        judged(place)


def test_the_rankings_of_evaluated_models_are_pooled(stub: Stub, place: Path) -> None:
    write_task(TASK, place / "data" / "shop", force=True)
    words = ["-t", "shop", "-m", "static_multilingual"]
    CliRunner().invoke(xlembed, ["run", *words], catch_exceptions=False)
    told = (
        CliRunner().invoke(xlembed, ["judge-pairs", *words, "--pooled", "2"], catch_exceptions=False).output
    )
    assert "kappa" in told and len(stub.asked) == 2 * N
    workspace = Workspace(Settings.model_validate({"judge": {"pooled": 2}}), place, place)
    found = found_by(load_task("shop"), ["static_multilingual"], workspace)["static_multilingual"]
    assert {len(docs) for docs in found.values()} == {2}
    assert sum(f"d{i}" in found[f"q{i}"] for i in range(N)) > N / 2


def test_a_log_without_judgements_becomes_a_task_that_says_who_judged_it(stub: Stub, place: Path) -> None:
    log = Task("log", ("en",), Alignment.COMPARABLE, DOCUMENTS, QUERIES, {}, unjudged=True)
    write_task(log, place / "data" / "log")
    workspace = Workspace(Settings(), place, place)
    with pytest.raises(UserError, match="-m: which models"):
        found_by(log, [], workspace)
    words = ("judge-pairs", "-t", "log", "-m", "static_multilingual", "--pooled", "2", "--name", "log_judged")
    shown = CliRunner().invoke(xlembed, [*words, "--dry-run"], catch_exceptions=False).output
    assert "requests with" in shown and not stub.asked
    told = CliRunner().invoke(xlembed, words, catch_exceptions=False).output
    assert "machine judgements" in told and "kappa" not in told
    task = load_task("log_judged")
    assert task.machine_judged and not task.unjudged
    assert "machine_judged: true" in (place / "data" / "log_judged" / "task.yaml").read_text()
    run = CliRunner().invoke(
        xlembed, ["run", "-t", "log_judged", "-m", "static_multilingual"], catch_exceptions=False
    )
    assert "a language model, and no person, said which documents are right" in " ".join(run.output.split())
    shown = CliRunner().invoke(xlembed, ["tasks", "log_judged"], catch_exceptions=False).output
    assert "machine judged: a language model, and no person" in shown
