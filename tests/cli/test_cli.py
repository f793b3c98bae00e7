"""The command line as a user meets it: answers on stdout, everything else on stderr, mistakes leave no trace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.command import Answer, make_checkout, xlembed
from fakes.toy import digests
from xlembed import cli
from xlembed.show.folding import text_width

pytestmark = pytest.mark.usefixtures("sketches")

HEAVY = ("torch", "mlflow", "transformers", "sentence_transformers", "pandas", "scipy", "matplotlib", "faiss")
RESULTS = ("results", "runs", "embeddings", "indices", "reports")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """A checkout and what `run --json` of two models said in it."""
    root = make_checkout(tmp_path_factory.mktemp("checkout"))
    return root, xlembed(root, "run", "-m", "toy", "-m", "toy+dim3", "-t", "toy", "--json")


@pytest.fixture(scope="module")
def checkout(first_run: tuple[Path, Answer]) -> Path:
    root, answer = first_run
    assert answer.code == 0, answer.err
    return root


def result_text(root: Path, model: str) -> str:
    return (root / "results" / "toy" / f"{model}.details.json").read_text(encoding="utf-8")


# Help


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["compare", "-h"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom xlembed.cli import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert "xlembed" in done.stdout or "Usage" in done.stdout
    assert done.stderr == "[]\n"


def test_help_names_every_command() -> None:
    listed = CliRunner().invoke(cli.xlembed, ["--help"]).output
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in [*cli.COMMANDS, *cli.COMMANDS]:  # once more: a command must bear being asked for twice
            assert f"\n  {name} " in listed
            shown = CliRunner().invoke(cli.xlembed, [name, "--help"], catch_exceptions=False)
            assert shown.exit_code == 0 and shown.output.startswith(f"Usage: xlembed {name} ")


# Answers


def test_run_json_prints_what_the_result_files_hold(first_run: tuple[Path, Answer]) -> None:
    root, answer = first_run
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert all(of.pop("speed")["seconds"]["total"] > 0 for of in found)
    assert found == [json.loads(result_text(root, m)) for m in ("toy", "toy+dim3")]
    for model in ("toy", "toy+dim3"):
        assert f"results/toy/{model}.json" in answer.err


def test_run_again_prints_tables_on_stdout_and_changes_no_byte(checkout: Path) -> None:
    before = digests(checkout, *RESULTS)
    answer = xlembed(checkout, "run", "-m", "toy", "-t", "toy")
    assert answer.code == 0, answer.err
    assert "toy: macro averages" in answer.out and "83.3" in answer.out
    assert "MLflow run" not in answer.out
    assert "toy: reused, nothing has changed since it was evaluated; MLflow run" in answer.err
    assert digests(checkout, *RESULTS) == before


def test_search_prints_the_nearest_document_first(checkout: Path) -> None:
    hits = json.loads(xlembed(checkout, "search", "katze", "-m", "toy", "-t", "toy", "-k", "2", "--json").out)
    assert [(hit["rank"], hit["doc_id"]) for hit in hits] == [(1, "d-de-2"), (2, "d-de-3")]


def test_compare_two_folders(checkout: Path) -> None:
    """Only q2-de finds another document first: 1/3 of one of two cells (see evaluate/test_stages.py)."""
    before = digests(checkout, "results", "runs")
    answer = xlembed(
        checkout, "compare", "runs/toy/toy", "results/toy/toy+dim3.json", "--json", "--out", "elsewhere"
    )
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    found = {(row["kind"], row["pool"]): row["difference"] for row in report["primary"]}
    assert found.pop(("true_cross_lingual", "all")) == pytest.approx(-1 / 6, abs=1e-6)
    assert set(found.values()) == {0}
    places = {
        (o["kind"], o["pool"]): [(m["model"], m["place"], m["with_best"]) for m in o["models"]]
        for o in report["order"]
    }
    assert places["monolingual", "target"] == [("toy", 1, True), ("toy+dim3", 1, True)]
    assert places["true_cross_lingual", "all"] == [("toy+dim3", 1, True), ("toy", 2, True)]
    (folder,) = (checkout / "elsewhere" / "reports" / "compare").iterdir()
    assert json.loads((folder / "comparison.json").read_text(encoding="utf-8")) == report
    assert f"written to {folder.relative_to(checkout)}" in answer.err
    assert digests(checkout, "results", "runs") == before and not (checkout / "reports").exists()


def test_compare_by_task_and_model_needs_data_and_runs_alone(checkout: Path, tmp_path: Path) -> None:
    for folder in ("data", "runs"):
        shutil.copytree(checkout / folder, tmp_path / folder)
    answer = xlembed(tmp_path, "compare", "-t", "toy", "-m", "toy,toy+dim3")
    assert answer.code == 0 and "written to reports/compare/toy\n" in answer.out, answer.err
    assert "toy − toy+dim3" in answer.out and not (tmp_path / "results").exists()
    every = xlembed(tmp_path, "compare", "-t", "data/toy", "--json")
    assert json.loads(every.out)["models"] == ["toy", "toy+dim3"]
    with (tmp_path / "data" / "toy" / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"_id": "new", "text": "neu", "lang": "de"}\n')
    stale = xlembed(tmp_path, "compare", "-t", "toy")
    assert stale.code == 2 and "evaluated on other texts" in stale.err


NARROW: list[list[str]] = [
    *(["models"], ["models", "toy"], ["models", "bge_m3"], ["tasks"], ["tasks", "toy"], ["guide"]),
    *(
        ["finetune"],
        ["ablate"],
        ["run", "-m", "toy,toy+dim3", "-t", "toy"],
        ["compare", "-t", "toy"],
    ),
    ["guide", "--scenario", "chatbot", "-t", "toy", "--no-timing"],
    ["search", "katze", "-m", "toy", "-t", "toy"],
    ["encode", "-m", "a_model_that_nobody_has_ever_heard_of", "-t", "toy"],
]


@pytest.fixture(scope="module")
def narrow(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(checkout, tmp_path_factory.mktemp("narrow") / "copy")


def test_help_fits_80_columns() -> None:
    for words in (*([name] for name in cli.COMMANDS), ["import", "table"]):
        told = CliRunner().invoke(cli.xlembed, [*words, "--help"], terminal_width=80)
        assert told.exit_code == 0 and [x for x in told.output.splitlines() if text_width(x) > 80] == [], (
            words
        )


@pytest.mark.parametrize("words", NARROW, ids=" ".join)
def test_80_columns_are_enough(narrow: Path, words: list[str]) -> None:
    answer = xlembed(narrow, *words, COLUMNS="80")
    lines = [*answer.out.splitlines(), *answer.err.splitlines()]
    assert answer.code == (2 if words[0] == "encode" else 0) and lines
    for line in lines:
        assert text_width(line) <= 80 or " " not in line.strip(), line
    if words[0] in ("run", "compare"):  # a note below two tables is said once
        notes = [line for line in lines if line.endswith(".")]
        assert len(notes) == len(set(notes))


def test_lists_are_quick_since_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    lists = (["models"], ["models", "bge_m3"], ["tasks"], ["guide"], ["finetune"], ["ablate"], ["reproduce"])
    program = (
        f"import sys\nfrom xlembed.cli import main\nfor words in {lists}:\n    sys.argv = ['xlembed', *words]\n"
        f"    main()\n    heavy = {set(HEAVY)} & set(sys.modules)\n    assert not heavy, (words, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_encoding_that_lacks_characters_costs_no_result(tmp_path: Path) -> None:
    def said(*words: str, encoding: str) -> str:
        program = f"import sys\nfrom xlembed.cli import main\nsys.argv = ['xlembed', *{words}]\nmain()"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode(encoding)

    (tmp_path / "params.yaml").write_text(
        "models: {ours: {source: bge_m3, notes: [für 犬 −5]}}\n", encoding="utf-8"
    )
    assert "für ? -5" in said("models", "ours", encoding="latin-1")
    for encoding in ("latin-1", "utf-8"):
        assert json.loads(said("models", "ours", "--json", encoding=encoding))["notes"] == ["für 犬 −5"]


def test_compare_without_names_takes_params_yaml_and_writes_the_summary(
    checkout: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(checkout, tmp_path / "copy")
    answer = xlembed(root, "compare", "")  # as `mlflow run -e compare` passes that no run is named
    assert answer.code == 0, answer.err
    assert "written to reports/compare/toy" in answer.out
    header, *rows = (root / "results" / "summary.csv").read_text(encoding="utf-8").splitlines()
    assert {"mono.macro.accuracy@1", "true_cross.all.macro.accuracy@1"} <= set(header.split(","))
    assert len(rows) == 2 and "toy+dim3" in rows[1]


def test_a_stage_of_dvc_is_told_when_dvc_yaml_and_params_yaml_disagree(
    checkout: Path, tmp_path: Path
) -> None:
    """params.yaml has toy and toy+dim3: `compare` would not be run again when toy+dim3 changes."""
    root = shutil.copytree(checkout, tmp_path / "copy")
    (root / "dvc.yaml").write_text("stages: {compare: {deps: [runs/toy/toy]}}\n", encoding="utf-8")
    answer = xlembed(root, "compare", DVC_STAGE="compare")
    assert answer.code == 2 and "compare lacks runs/toy/toy+dim3" in answer.err and "make deps" in answer.err
    answer = xlembed(root, "evaluate", "-m", "toy", "-t", "toy", DVC_STAGE="evaluate@toy-toy")
    assert answer.code == 0 and "Warning: dvc.yaml: stage compare lacks runs/toy/toy+dim3" in answer.err
    assert xlembed(root, "compare").code == 0


def test_code_of_another_checkout_is_told_and_refused_in_stages(tmp_path: Path) -> None:
    (tmp_path / "src" / "xlembed").mkdir(parents=True)
    (tmp_path / "src" / "xlembed" / "__init__.py").touch()
    assert xlembed(tmp_path, "tasks").err == ""  # no checkout of ours
    (tmp_path / "MLproject").write_text("name: xlembed\n", encoding="utf-8")
    answer = xlembed(tmp_path, "tasks")
    assert answer.code == 0 and answer.err.startswith(
        f"Warning: this checkout has its own code in {tmp_path}"
    )
    for variable in ("MLFLOW_RUN_ID", "DVC_STAGE"):
        answer = xlembed(tmp_path, "tasks", **{variable: "x"})
        assert answer.code == 2 and "PYTHONPATH=src" in answer.err
    assert xlembed(Path(cli.__file__).parents[3], "tasks").err == ""  # its own code


def test_models_and_tasks_know_what_the_checkout_adds(checkout: Path) -> None:
    card = json.loads(xlembed(checkout, "models", "toy+dim3", "--json").out)
    assert (card["name"], card["folder"], card["variation"]["dim"]) == ("toy+dim3", "toy_model", 3)
    assert "bge_m3" in xlembed(checkout, "models").out
    assert xlembed(checkout, "tasks").out.splitlines()[3].split() == [
        *("toy", "6", "6", "en,", "de", "(comparable)")
    ]
    assert json.loads(xlembed(checkout, "tasks", "toy", "--json").out)["documents"] == 6


# Mistakes

RUN = ("run", "-m", "toy", "-t", "toy")


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (("run", "-m", "bge_m", "-t", "toy"), ["unknown model 'bge_m'", "Did you mean 'bge_m3'"]),
        (("run", "-m", "toi", "-t", "toy"), ["Did you mean 'toy'", "xlembed models"]),
        (("run", "-m", "toy,bge_m", "-t", "toy"), ["Did you mean 'bge_m3'"]),
        (("run", "-m", "./toy_modle", "-t", "toy"), ["unknown model './toy_modle'", "no folder here"]),
        (("run", "-m", "toy", "-t", "toi"), ["there is no task 'toi'", "Did you mean 'toy'"]),
        (("run", "-m", "toy", "-t", "./data/toi"), ["there is no task './data/toi'", "known tasks: toy"]),
        (("run", "--modle", "toy"), ["No such option '--modle'", "--model"]),
        (("evalute", "-m", "toy"), ["no command 'evalute'", "Did you mean 'evaluate'"]),
        (("evaluate", "-m", "", "-t", "toy"), ["-m: expected a model"]),
        (("evaluate", "-m", "toy"), ["Missing option '-t' / '--task'"]),
        ((*RUN, "toy"), ["unexpected extra argument"]),
        ((*RUN, "--dim", "many"), ["--dim: expected a positive whole number, found 'many'"]),
        ((*RUN, "--modes", "both", "--out", "new"), ["option evaluate.modes", "'both'", "monolingual"]),
        ((*RUN, "--params", "absent.yaml"), ["absent.yaml does not exist"]),
        ((*RUN, "--params", "data"), ["--params: expected a file, found the folder data"]),
        ((*RUN, "--out", "params.yaml"), ["--out: expected a folder, found the file params.yaml"]),
        (("compare", "toy/toy", "toy/absent"), ["'toy/absent'", "Evaluate first: xlembed run"]),
        (("compare", "toy/toy", "toy/toy+dim3", "--alpha", "2"), ["option compare.alpha", "less than 1"]),
        (("compare", "-t", "toi"), ["there is no task 'toi'"]),
        (
            ("compare", "-t", "toy", "-m", "bm25,toy"),
            ["not evaluated on toy yet: xlembed run -t toy -m bm25"],
        ),
        (("compare", "toy/toy", "-m", "toy"), ["RUNs say what to compare"]),
        (("models", "e5_bas"), ["Did you mean 'e5_base'"]),
        (("models", "models:/toy"), ["expected models:/NAME/VERSION or models:/NAME@ALIAS"]),
        (("tasks", "toi"), ["no task 'toi'", "Did you mean 'toy'"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_explained_on_stderr_and_changes_nothing(
    checkout: Path, words: tuple[str, ...], messages: list[str]
) -> None:
    before = digests(checkout)
    answer = xlembed(checkout, *words)
    assert (answer.code, answer.out) == (2, "")
    for message in messages:
        assert message in answer.err
    assert digests(checkout) == before


@pytest.mark.parametrize("command", ["encode", "run"])
def test_a_hub_model_that_is_not_here(checkout: Path, command: str) -> None:
    """Found out only when its files are needed; `run` has opened its MLflow run by then."""
    before = digests(checkout, *RESULTS)
    answer = xlembed(checkout, command, "-m", "e5_base", "-t", "toy")
    assert (answer.code, answer.out) == (2, "")
    assert "intfloat/multilingual-e5-base (revision d13f1b27" in answer.err
    assert "hf download intfloat/multilingual-e5-base --revision d13f1b27" in answer.err
    assert digests(checkout, *RESULTS) == before
    assert [path for path in checkout.rglob(".*") if path.name != ".gitignore"] == []


def test_the_process_itself_exits_with_the_code(checkout: Path) -> None:
    code = "from xlembed.cli import main; main()"
    for words, status in ((["rnu"], 2), (["tasks"], 0)):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], cwd=checkout, capture_output=True, text=True, check=False
        )
        assert done.returncode == status and "Traceback" not in done.stderr
        assert bool(done.stdout) != bool(done.stderr)


def test_search_says_what_is_judged_right_and_takes_two_models(checkout: Path) -> None:
    """The toy's query "boat" is one of the task's; another one is nobody's, so nothing is said of it."""
    words = ("search", "boat", "-t", "toy", "-k", "2")
    alone = xlembed(checkout, *words, "-m", "toy", "--json")
    assert alone.code == 0, alone.err
    hits = json.loads(alone.out)
    assert all(isinstance(hit["right"], bool) for hit in hits)
    both = xlembed(checkout, *words, "-m", "toy", "-m", "toy+dim3")
    assert "toy+dim3" in both.out.splitlines()[1] and "judged right" in both.out
    assert any(f"{hit['doc_id']} ({'right' if hit['right'] else 'wrong'}" in both.out for hit in hits)
    other = xlembed(checkout, "search", "no such question", "-t", "toy", "-m", "toy")
    assert other.code == 0 and "judged" not in other.out and "right" not in other.out.splitlines()[1]
