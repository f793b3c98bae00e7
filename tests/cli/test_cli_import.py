from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from xlembed.cli.import_ import import_task
from xlembed.cli.study import Asked
from xlembed.cli.tasks import tasks
from xlembed.data.loading import load_task, open_task
from xlembed.settings import Settings
from xlembed.words import UserError
from xlembed.workspace import Workspace

ROWS = [
    {"_id": "d1", "query_id": "q1", "query": "Rückgabe?", "text": "30 Tage.", "lang": "de"},
    {"_id": "d2", "query_id": "q2", "query": "Shipping?", "text": "Two days.", "lang": "en"},
    {"query": "Unanswered?", "lang": "en"},
]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def _import(*args: str) -> Result:
    return CliRunner().invoke(import_task, ["jsonl", "faq.jsonl", *args], catch_exceptions=False)


def test_import_writes_under_data_and_reports(workplace: Path) -> None:
    result = _import("--name", "faq")
    assert result.exit_code == 0
    assert "Wrote data/faq. Next: xlembed run -t faq" in result.output
    assert "1 query without judgements left out: en-q0003" in result.output
    assert sorted(p.name for p in (workplace / "data/faq").iterdir()) == [
        "corpus.jsonl",
        "qrels",
        "queries.jsonl",
        "task.yaml",
    ]


def test_import_elsewhere_and_again(workplace: Path) -> None:
    assert "Next: xlembed run -t elsewhere/faq" in _import("--name", "faq", "--out", "elsewhere/faq").output
    with pytest.raises(UserError, match="elsewhere/faq exists already"):
        _import("--name", "faq", "--out", "elsewhere/faq")
    assert _import("--name", "faq", "--out", "elsewhere/faq", "--force").exit_code == 0
    assert not (workplace / "data").exists()


def test_documents_is_a_closed_choice(workplace: Path) -> None:
    with pytest.raises(UserError, match="'titles' is not a DocumentUnit: choose one of contexts, answers"):
        _import("--name", "faq", "--documents", "titles")
    with pytest.raises(UserError, match="--documents answers is for squad files"):
        _import("--name", "faq", "--documents", "answers")


def test_doubtful_rows_are_chosen_or_believed(workplace: Path) -> None:
    rows = [
        {"query": "Is it quiet?", "text": "Suyu sessizce kaynatır.", "label": 1},
        {"query": "Is it made of steel?", "text": "Bu kilit çelikten yapılmıştır.", "label": 1},
        {"query": "Is it made of steel?", "text": "Bisiklet evin önünde duruyor.", "label": 0},
    ]
    (workplace / "faq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match="'label' may say"):
        _import("--name", "faq", "--lang", "en")
    with pytest.raises(
        UserError, match=r"en: of 3 sampled documents, 3 tell their language, 3 of them another one: tr"
    ):
        _import("--name", "faq", "--lang", "en", "--where", "label=1")
    output = _import("--name", "faq", "--lang", "en", "--where", "label=1", "--believe").output
    assert "1 of 3 rows left out by --where label=1" in output and "3 of them another one" in output
    assert "queries     2 (2 needs" in output and "documents   3" in output


def _tables(folder: Path, queries: str) -> list[str]:
    (folder / "products.csv").write_text(
        "sku;title;lang\n01;A quiet kettle for the office;en\n02;Ein leiser Wasserkocher für das Büro;de\n",
        encoding="utf-8",
    )
    (folder / "log.csv").write_text(queries, encoding="utf-8")
    return ["table", "products.csv", "log.csv", "--name", "shop"]


def test_a_dry_run_shows_and_writes_nothing(workplace: Path) -> None:
    words = _tables(workplace, "query,sku,lang\nquiet kettle,01|02,en\n")
    said = CliRunner().invoke(import_task, [*words, "--dry-run"], catch_exceptions=False).output
    output = " ".join(said.split())
    assert "id = A (sku), title = B (title), lang = C (lang)" in output
    assert "q00001 [en] quiet kettle -> 01, 02" in output and "queries 1 (1 needs, 2 judgements)" in output
    assert "Nothing was written" in output and not (workplace / "data").exists()
    assert "read as:" in CliRunner().invoke(import_task, words, catch_exceptions=False).output
    assert (workplace / "data" / "shop" / "qrels" / "test.tsv").read_text().endswith("q00001\t02\t1\n")


def test_a_log_without_judgements_is_searched_and_not_evaluated(workplace: Path) -> None:
    words = _tables(workplace, "query,lang\nquiet kettle,en\nquiet kettle,en\n")
    with pytest.raises(UserError, match=r"log\.csv: no column says which documents are right .* --unjudged"):
        CliRunner().invoke(import_task, words, catch_exceptions=False)
    output = CliRunner().invoke(import_task, [*words, "--unjudged"], catch_exceptions=False).output
    assert (
        "nothing can be evaluated" in output
        and 'Next: xlembed search -m static_multilingual "..." -t shop' in output
    )
    workspace = Workspace(Settings(), workplace, workplace)
    assert [q.text for q in open_task(workspace, "shop", unjudged=True).queries] == ["quiet kettle"]
    with pytest.raises(
        UserError, match=r"the task 'shop' has no judgements, so nothing can be evaluated on it"
    ):
        _ = Asked(workspace, (), "shop", None, as_json=False, variation={}).task  # of every study but analyse
    (workplace / "data/shop/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq00001\t01\t1\n")
    with pytest.raises(UserError, match=r"shop: called unjudged, but 1 query has judgements \(q00001\)"):
        load_task("shop", workplace / "data")


def test_options_of_other_formats_are_refused(workplace: Path) -> None:
    runner = CliRunner()
    for form, option, value in (
        ("squad", "--where", ["a=b"]),
        ("scored", "--where", ["a=b"]),
        ("pairs", "--leave-out-self", []),
        ("scored", "--leave-out-self", []),
        ("pairs", "--dry-run", []),
        ("jsonl", "--detect-lang", []),
        ("squad", "--encoding", ["utf-8"]),
        ("table", "--limit", ["3"]),
    ):
        with pytest.raises(
            UserError, match=f"{option}: for `xlembed import .*` only; {form} has no such choice"
        ):
            runner.invoke(
                import_task, [form, "faq.jsonl", "--name", "n", option, *value], catch_exceptions=False
            )


def test_tasks_lists_what_is_there_and_what_can_be_pulled(workplace: Path) -> None:
    runner = CliRunner()
    assert "No tasks under data/ yet" in runner.invoke(tasks, []).output
    _import("--name", "faq")
    (workplace / "data.dvc").write_text("outs:\n- path: data/faq\n- path: data/far\n")
    lines = runner.invoke(tasks, []).output.splitlines()
    assert lines[3].split() == ["faq", "2", "2", "de,", "en", "(comparable)"]
    assert lines[4].split() == ["far", "not", "here", "yet:", "dvc", "pull", "data.dvc"]
    listed = json.loads(runner.invoke(tasks, ["--json"]).output)
    assert [entry["name"] for entry in listed] == ["faq", "far"]
    assert (listed[0]["documents"], listed[0]["languages"], listed[1]["fetch"]) == (
        2,
        ["de", "en"],
        "dvc pull data.dvc",
    )


def test_one_task(workplace: Path) -> None:
    _import("--name", "faq")
    runner = CliRunner()
    shown = json.loads(runner.invoke(tasks, ["faq", "--json"]).output)
    assert (shown["documents"], shown["queries"], shown["needs"], shown["judgements"]) == (2, 2, 2, 2)
    assert shown["per_language"]["de"] == {
        "documents": 1,
        "queries": 1,
        "relevant_same_language": 1,
        "relevant_other_languages": 0,
    }
    assert shown["notes"] == ["1 query without judgements left out: en-q0003"]
    text = runner.invoke(tasks, ["data/faq"]).output
    assert shown["digest"][:16] in text and "1 query without judgements" in text
    with pytest.raises(UserError, match=r"no task 'fag'.*Did you mean 'faq'"):
        runner.invoke(tasks, ["fag"], catch_exceptions=False)


def test_the_commands_import_nothing_heavy() -> None:
    modules = "xlembed.cli.import_, xlembed.cli.tasks"
    heavy = "('yaml', 'pycountry', 'torch', 'mlflow')"
    code = f"import sys, {modules}; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
