"""`xlembed report` on models of which it is known how many queries they answer."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from cli.command import xlembed
from fakes.promotable import PARAMS, TASK, N, make_checkout, save_model
from xlembed.evaluate.compare import Evaluation
from xlembed.report.job import _tested
from xlembed.report.pdf import TOOLS, build_pdf

GOOD = {"en": 30, "de": 20}
WEAK = 10
HOSTILE = "<script>alert(1)</script> \\input{x} 50 % & more_of #1"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which `weak` (10 of 40 in both languages) and `good` (30 and 20) were evaluated and reported."""
    made = make_checkout(tmp_path_factory.mktemp("checkout"))
    evaluate = PARAMS.splitlines()[1]
    names = ", ".join(f"{name}: {{source: {name}}}" for name in ("weak", "good"))
    run = f"run: {{tasks: [{TASK}], models: [weak, good]}}"
    (made / "params.yaml").write_text(f"{run}\n{evaluate}\nmodels: {{{names}}}\n", encoding="utf-8")
    card = made / "data" / TASK / "task.yaml"
    written = card.read_text(encoding="utf-8") if card.is_file() else f"name: {TASK}\nlanguages: [en, de]\n"
    kept = [line for line in written.splitlines() if not line.startswith("description")]
    card.write_text("\n".join([*kept, f"description: {json.dumps(HOSTILE)}"]) + "\n", encoding="utf-8")
    save_model(made / "good", (GOOD["en"], GOOD["de"]))
    answer = xlembed(made, "run", "-t", TASK, "-m", "weak,good")
    assert answer.code == 0, answer.err
    answer = xlembed(made, "report", "-t", TASK)
    assert answer.code == 0, answer.err
    (made / "said.txt").write_text(answer.out, encoding="utf-8")
    shutil.copytree(folder_of(made), made / "first")
    return made


@pytest.fixture
def only_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figures but these: drawing is most of a report's time."""
    monkeypatch.setattr("xlembed.evaluate.compare.write_figures", lambda *_, **__: None)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch, only_profiles: None) -> None:
    """For tests of a report's words."""
    monkeypatch.setattr("xlembed.report.job.write_figures", lambda *_, **__: None)


def folder_of(root: Path) -> Path:
    """Of the last report; the first one lies in `root / "first"`."""
    return root / "reports" / "report" / TASK


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_report_names_the_better_model_and_its_score(root: Path) -> None:
    page = (root / "first" / "report.html").read_text(encoding="utf-8")
    assert f"{100 * (GOOD['en'] + GOOD['de']) / 2 / N:.1f}" in page and f"{100 * WEAK / N:.1f}" in page
    said = (root / "said.txt").read_text(encoding="utf-8")
    assert "real-time chatbot: good (clear)" in said
    text = (root / "first" / "report.md").read_text(encoding="utf-8")
    assert text.index("| good | 62.5 ") < text.index("| weak | 25.0 ")
    assert "good better" in text


def test_the_files_are_there(root: Path) -> None:
    found = set(contents(root / "first"))
    assert {"report.html", "report.md", "paper/main.tex", "paper/references.bib"} <= found
    assert {
        f"tables/{n}.tex" for n in ("headline", "languages", "tests", "published", "groups", "data")
    } <= found
    assert {"paper/figures/forest.pdf", "paper/figures/tradeoff.pdf", "paper/figures/forest.png"} <= found
    main = (root / "first" / "paper" / "main.tex").read_text(encoding="utf-8")
    for name in re.findall(r"\\input\{\\tables/([^}]+)\}", main):
        assert f"tables/{name}.tex" in found
    for name in re.findall(r"\{figures/([^}]+)\}", main):
        assert f"paper/figures/{name}.png" in found


def test_models_are_tested_before_their_variants() -> None:
    stored = {"task": TASK, "languages": [], "primary_measure": "accuracy@1", "scores": []}
    evaluations = [
        Evaluation(name, pd.DataFrame(), stored | {"model": name})
        for name in (*"abc", *(f"a+dim{i}" for i in range(9)))
    ]
    few = evaluations[:8]
    assert _tested(few) == few
    assert [e.name for e in _tested(evaluations[::-1])] == [f"a+dim{i}" for i in (8, 7, 6, 5, 4)] + list(
        "cba"
    )


def test_a_hostile_description_stays_text_everywhere(root: Path) -> None:
    found = contents(root / "first")
    page = found["report.html"].decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and page.count("<script") == 1
    assert "<script" not in found["report.md"].decode()
    main = found["paper/main.tex"].decode()
    assert r"\textless{}script" in main and r"50 \% \& more\_" in main and r"\input{x}" not in main


def test_again_gives_the_same_bytes_and_an_mlflow_run(root: Path) -> None:
    assert xlembed(root, "report").code == 0  # the tasks and models of params.yaml
    assert contents(folder_of(root)) == contents(root / "first")
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == f"{TASK}/report"]
    runs = [r for r in client.search_runs([experiment.experiment_id]) if r.data.tags.get("kind") == "report"]
    assert {r.info.status for r in runs} == {"FINISHED"} and len(runs) >= 2
    assert runs[0].data.tags["verdict.chatbot"] == "good (clear)"
    assert {f.path for f in client.list_artifacts(runs[0].info.run_id)} == {
        "report.html",
        "report.md",
        "tables",
        "paper",
    }


@pytest.mark.usefixtures("undrawn")
def test_one_model_is_reported_without_tests(root: Path) -> None:
    answer = xlembed(root, "report", "-t", TASK, "-m", "good", "--out", "alone")
    assert answer.code == 2 and "no model was evaluated" not in answer.err  # nothing lies under that folder
    answer = xlembed(root, "report", "-t", TASK, "-m", "good")
    assert answer.code == 0 and "no choice: one model left" in answer.out
    page = (folder_of(root) / "report.html").read_text(encoding="utf-8")
    assert "Not measured here: paired tests, which need two models" in page
    assert "xlembed paradox -t forty -m good" in page


@pytest.mark.usefixtures("undrawn")
def test_models_of_one_index_have_one_name_everywhere(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "copy")
    for path in (tmp_path / "copy" / "runs").rglob("scores.json"):
        scores = json.loads(path.read_text(encoding="utf-8"))
        scores["index"] |= {"engine": "elasticsearch", "type": "hnsw"}
        path.write_text(json.dumps(scores), encoding="utf-8")
    answer = xlembed(tmp_path / "copy", "report", "-t", TASK)
    assert answer.code == 0, answer.err
    page = (folder_of(tmp_path / "copy") / "report.md").read_text(encoding="utf-8")
    assert "mono: good;" in page and "@elasticsearch" not in page


@pytest.mark.usefixtures("undrawn")
def test_files_of_other_texts_are_left_out_and_said_to_be(root: Path) -> None:
    file = root / "reports" / "paradox" / TASK / "paradox.json"
    file.parent.mkdir(parents=True)
    scores = json.loads((root / "runs" / TASK / "good" / "scores.json").read_text(encoding="utf-8"))
    verdict = {"text": "Some model breaks the paradox: rand"}
    old = json.dumps({"format": 1, "task_digest": scores["task_digest"], "verdict": verdict})
    for content, said in (
        ("{", "cannot be read"),
        ('{"task_digest": "x"}', "is about other texts"),
        (old, "judges by an older rule"),
    ):
        file.write_text(content, encoding="utf-8")
        assert xlembed(root, "report", "-t", TASK).code == 0
        page = (folder_of(root) / "report.html").read_text(encoding="utf-8")
        assert f"Left out: paradox.json of {TASK} {said}" in page and "breaks the paradox" not in page
        assert "xlembed paradox -t forty" in page
    file.unlink()


@pytest.mark.usefixtures("undrawn")
def test_what_explore_found_is_shown_and_its_page_linked(root: Path) -> None:
    answer = xlembed(root, "explore", "-t", TASK, "-m", "good,weak", "--reference", "weak")
    assert answer.code == 0, answer.err
    assert xlembed(root, "report", "-t", TASK).code == 0
    page = (folder_of(root) / "report.html").read_text(encoding="utf-8")
    (link,) = re.findall(r'<a href="([^"#]+)">Every query with the rankings of good, weak side by side', page)
    assert (folder_of(root) / link).resolve().is_file()
    assert "Queries that good (A) finds and weak (B) does not" in page
    assert f"side by side](<{link}>)" in (folder_of(root) / "report.md").read_text(encoding="utf-8")
    file = root / "reports" / "explore" / TASK / "explore.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"n_units"', '"n_unit"'), encoding="utf-8")
    assert xlembed(root, "report", "-t", TASK).code == 0
    page = (folder_of(root) / "report.html").read_text(encoding="utf-8")
    assert f"Left out: explore.json of {TASK} is damaged" in page and "xlembed explore -t forty" in page
    shutil.rmtree(file.parent)


@pytest.mark.usefixtures("only_profiles")
def test_a_stage_of_dvc_reads_only_what_it_can_depend_on(root: Path) -> None:
    """DVC knows no optional dependencies: what paradox and guide left would change the report behind its back."""
    assert xlembed(root, "report", "-t", TASK, DVC_STAGE="report").code == 0
    before = contents(folder_of(root))
    file = root / "reports" / "paradox" / TASK / "paradox.json"
    timed = root / "reports" / "guide" / TASK / "chatbot" / "guide.json"
    timed.parent.mkdir(parents=True)
    file.write_text("{", encoding="utf-8")
    rows = [{"model": name, "ms_per_query": ms} for name, ms in (("good", 50.0), ("weak", 1.0))]
    timed.write_text(json.dumps({"models": rows}), encoding="utf-8")
    assert xlembed(root, "report", "-t", TASK, DVC_STAGE="report").code == 0
    file.unlink()
    shutil.rmtree(timed.parents[1])
    assert contents(folder_of(root)) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-t", "fourty"], "fourty"),
        (["-t", TASK, "-m", "nope"], "unknown model 'nope'"),
        (["-t", TASK, "--pdf", "yes"], "--pdf: expected true or false, found 'yes'"),
        (["-t", TASK, "--out", "empty"], "no model was evaluated on forty yet: xlembed run -t forty"),
    ],
)
def test_mistakes(root: Path, words: list[str], message: str) -> None:
    before = contents(folder_of(root))
    answer = xlembed(root, "report", *words)
    assert answer.code == 2 and message in answer.err
    assert contents(folder_of(root)) == before


def test_changed_texts_are_refused(root: Path) -> None:
    queries = root / "data" / TASK / "queries.jsonl"
    before = queries.read_bytes()
    queries.write_bytes(before.replace(b'enq3"', b'other"'))
    try:
        answer = xlembed(root, "report", "-t", TASK)
    finally:
        queries.write_bytes(before)
    assert answer.code == 2 and "was evaluated on other texts or judgements" in answer.err


# The paper


def program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\necho "$0 $@" >> log\n{body}\n', encoding="utf-8")
    (folder / name).chmod(0o755)


def test_without_latex_it_says_so(root: Path, tmp_path: Path) -> None:
    built = build_pdf(tmp_path, which=lambda name: None)
    assert not built.made and not built.tried
    assert all(tool in built.text for tool in TOOLS) and "main.tex is ready" in built.text


@pytest.mark.usefixtures("undrawn")
def test_latex_is_used_where_it_is(root: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "latexmk", "test -f ../tables/headline.tex && echo %PDF > main.pdf")
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    answer = xlembed(root, "report", "-t", TASK, "--pdf", PATH=path)
    assert answer.code == 0 and "paper/main.pdf built with latexmk" in answer.out, answer.err
    paper = folder_of(root) / "paper"
    assert (paper / "main.pdf").is_file() and "-no-shell-escape main.tex" in (paper / "log").read_text(
        encoding="utf-8"
    )


@pytest.mark.usefixtures("undrawn")
def test_a_failure_of_latex_is_told_and_the_report_stays(root: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "latexmk", "echo; echo '! Undefined control sequence.'; exit 12")
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    answer = xlembed(root, "report", "-t", TASK, "--pdf", PATH=path)
    assert answer.code == 1 and "latexmk failed: ! Undefined control sequence." in answer.out
    assert (folder_of(root) / "report.html").is_file() and not (
        folder_of(root) / "paper" / "main.pdf"
    ).is_file()


@pytest.mark.usefixtures("only_profiles")
def test_profiles_are_drawn_with_the_times_of_a_guide(root: Path) -> None:
    radar = Path("paper") / "figures" / "profile_radar.png"
    without = (root / "first" / radar).read_bytes()
    page = (root / "first" / "report.md").read_text(encoding="utf-8")
    assert "## Profiles of the models" in page and "(paper/figures/profile_radar.png)" in page
    folder = root / "reports" / "guide" / TASK / "chatbot"
    folder.mkdir(parents=True)
    digest = json.loads((root / "runs" / TASK / "good" / "scores.json").read_text("utf-8"))["task_digest"]
    rows = [{"model": name, "ms_per_query": ms} for name, ms in (("good", 50.0), ("weak", 1.0))]
    for models, changed in (([], False), (rows, True)):
        guide = {"models": models, "task_digest": digest}
        (folder / "guide.json").write_text(json.dumps(guide), encoding="utf-8")
        assert xlembed(root, "report", "-t", TASK).code == 0
        assert ((folder_of(root) / radar).read_bytes() != without) is changed
    (folder / "guide.json").unlink()
