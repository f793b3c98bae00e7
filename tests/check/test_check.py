from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from xlembed.check.job import apply_verdicts, check_queries, read_verdicts
from xlembed.check.result import Checked, CheckedQuery, Doubt, Verdict
from xlembed.check.tables import check_grids
from xlembed.check.texts import copied_run, far_lengths, overlap, shingles
from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.settings import Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

DOCUMENTS = (
    Document("d1", "This kettle is so quiet that nobody in the office looks up when the water boils.", "en"),
    Document("d2", "This kettle is so quiet that nobody in the office looks up while the water boils!", "en"),
    Document("d3", "The backpack stays dry inside even after two hours of pouring rain on my bicycle.", "en"),
    Document("d4", "Diese Lampe ist abends so schwach, dass meine Frau beim Lesen nicht wach wird.", "de"),
)
QUERIES = (
    Query("good", "Which bag protects my laptop when cycling in a storm?", "en", "n1", doc_id="d3"),
    Query("good-de", "Welche Tasche schützt meinen Laptop beim Radfahren im Sturm?", "de", "n1", None, "d3", False),
    Query("copied", "Does the backpack stay dry, even after two hours of pouring rain on my bicycle?", "en", "n2",
          doc_id="d3"),
    Query("quiet", "What can boil water at work without disturbing people?", "en", "n3", doc_id="d1"),
    Query("again", "which bag  protects my laptop when cycling in a storm?", "en", "n4", doc_id="d3"),
    Query("french", "Quelle lampe de chevet ne réveille pas mon mari pendant la nuit ?", "de", "n5", doc_id="d4"),
    Query("french-en", "Which bedside lamp does not wake my husband up at night?", "en", "n5", None, "d4", False),
    Query("bad-de", "Wie viel kostet ein neues Auto in der Stadt mit Winterreifen?", "de", "n3", None, "d1", False),
)  # fmt: skip
QRELS = {q.query_id: {q.doc_id: 1} for q in QUERIES if q.doc_id}
TASK = Task("shop", ("de", "en", "fr"), Alignment.COMPARABLE, DOCUMENTS, QUERIES, QRELS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("check")


@pytest.fixture(scope="module")
def checked(place: Path) -> Checked:
    workspace = Workspace(Settings(), place, place)
    return check_queries(TASK, open_model(workspace, "static_multilingual"), workspace)


def of(checked: Checked) -> dict[str, CheckedQuery]:
    return {q.query_id: q for q in checked.queries}


def test_each_fault_is_found_and_a_good_question_passes(checked: Checked) -> None:
    found = {name: (q.verdict, set(q.doubts)) for name, q in of(checked).items()}
    assert found["good"] == found["good-de"] == (Verdict.ACCEPT, set())
    assert found["copied"] == (Verdict.REVIEW, {Doubt.COPIED})
    assert found["quiet"] == (Verdict.REVIEW, {Doubt.NEAR_COPIES})
    assert found["again"] == (Verdict.REJECT, {Doubt.DUPLICATE})
    assert found["french"] == (Verdict.REJECT, {Doubt.LANGUAGE})
    assert found["french-en"] == (Verdict.REJECT, {Doubt.ORIGINAL})
    assert found["bad-de"] == (Verdict.REVIEW, {Doubt.NEAR_COPIES, Doubt.TRANSLATION})
    assert "is in French, not in German" in of(checked)["french"].reasons


def test_varieties_are_named(place: Path) -> None:
    queries = tuple(replace(q, lang="de-AT") for q in QUERIES if q.query_id == "french")
    qrels = {q.query_id: QRELS[q.query_id] for q in queries}
    task = replace(TASK, languages=("de", "de-AT", "en", "fr"), queries=queries, qrels=qrels)
    workspace = Workspace(Settings(), place, place / "varieties")
    found = check_queries(task, open_model(workspace, "static_multilingual"), workspace)
    assert "is in French, not in German, AT" in of(found)["french"].reasons


def test_the_numbers_behind_a_verdict(checked: Checked) -> None:
    queries = of(checked)
    assert queries["copied"].copied == pytest.approx(10 / 15, abs=1e-6)
    assert queries["good"].rank == 1 and queries["good"].similarity is None
    assert queries["quiet"].near_copies == ("d2",)
    assert queries["good-de"].copied is None and queries["good-de"].original_rank == 1
    assert (queries["good-de"].similarity or 0) > (queries["bad-de"].similarity or 0)


def test_a_language_that_the_model_lacks_is_not_measured_by_it(place: Path) -> None:
    workspace = Workspace(Settings(), place, place / "english")
    found = check_queries(TASK, open_model(workspace, "all_minilm_l6_v2"), workspace)
    assert found.unmeasured == ("de", "fr")
    assert of(found)["good"].rank == 1 and of(found)["good-de"].rank is None
    notes = check_grids(found)[0].notes
    assert "Not measured by all_minilm_l6_v2, whose card lacks them: de, fr." in notes


def test_tables_count_what_the_rows_say(checked: Checked, place: Path) -> None:
    languages, reasons, examples = check_grids(checked)
    cells = [[cell.text for cell in row.cells] for row in languages.rows]
    assert cells == [["en", "1", "2", "2", "100.0%"], ["de", "1", "1", "1", "100.0%"]]
    assert ["stands in the task already, in the same language", "0", "1"] in [
        [cell.text for cell in row.cells] for row in reasons.rows
    ]
    assert [row.cells[1].text for row in examples.rows] == ["reject"] * 3 + ["review"] * 3
    report = (place / "reports" / "check" / "shop" / "report.md").read_text(encoding="utf-8")
    assert report.count("**") == 6 and "| again | reject |" in report


def edited(place: Path, changes: dict[str, str], name: str = "edited.csv") -> Path:
    source = Workspace(Settings(), place, place).reports("check", "shop") / "queries.csv"
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["verdict"] = changes.get(row["query_id"], row["verdict"])
    path = place / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_edited_verdicts_are_applied(checked: Checked, place: Path) -> None:
    verdicts = read_verdicts(
        edited(place, {"quiet": " Accept", "copied": "reject", "bad-de": "reject"}), TASK
    )
    clean = apply_verdicts(TASK, verdicts, "edited.csv", "clean", "")
    assert [q.query_id for q in clean.queries] == ["good", "good-de", "quiet"] == list(clean.qrels)
    assert clean.name == "clean" and clean.documents == TASK.documents
    assert clean.notes == ("5 of 8 queries left out after checks of their texts",)


def test_what_is_still_open_must_be_decided(checked: Checked, place: Path) -> None:
    verdicts = read_verdicts(edited(place, {}), TASK)
    with pytest.raises(
        UserError, match="3 queries still to review, the first is copied: write accept or reject"
    ):
        apply_verdicts(TASK, verdicts, "edited.csv", "clean", "")
    kept, dropped = (
        len(apply_verdicts(TASK, verdicts, "edited.csv", "clean", review).queries)
        for review in ("keep", "drop")
    )
    assert (kept, dropped) == (5, 2)
    with pytest.raises(UserError, match="no query is left"):
        apply_verdicts(replace(TASK, queries=QUERIES[4:5]), verdicts, "edited.csv", "clean", "drop")


def test_wrong_rows_are_told_by_line(checked: Checked, place: Path) -> None:
    path = edited(place, {"good": "acept"}, "wrong.csv")
    path.write_text(
        path.read_text(encoding="utf-8").replace("good-de,accept", "god-de,accept"), encoding="utf-8"
    )
    with pytest.raises(UserError) as error:
        read_verdicts(path, TASK)
    said = str(error.value)
    assert "wrong.csv, row 2: verdict: 'acept' is no verdict" in said and "Did you mean 'accept'?" in said
    assert (
        "wrong.csv, row 3: query_id: shop has no query 'god-de'" in said and "Did you mean 'good-de'?" in said
    )
    short = place / "marks.jsonl"
    short.write_text('{"query_id": "again", "verdict": "reject"}\n')
    assert read_verdicts(short, TASK) == {"again": Verdict.REJECT}


@pytest.mark.parametrize(
    ("text", "document", "run"),
    [
        ("静かなケトルは", "とても静かなケトルです", (6, 7)),
        ("Quiet?", "It is quiet.", (1, 1)),
        ("?!", "Text", (0, 0)),
    ],
)
def test_copied_words(text: str, document: str, run: tuple[int, int]) -> None:
    assert copied_run(text, document) == run


@pytest.mark.parametrize(("lengths", "far"), [([40] * 20 + [400], [20]), ([40] * 18 + [400], [])])
def test_lengths_that_stand_out(lengths: Sequence[int], far: list[int]) -> None:
    assert [i for i, is_far in enumerate(far_lengths(lengths, 3)) if is_far] == far


def test_overlap() -> None:
    assert overlap(shingles("abcdef"), shingles("ABCDE x")) == pytest.approx(1 / 4)
