"""What README.md and docs/ say is true: commands, code, settings, links, the map of the code.

Really run, on a cut of the bundled reviews: every `xlembed` line of the README, every Python block, the jsonl
block, the layout of a task and the message shown in data.md. Parsed only: `make`, `dvc` and `mlflow` lines
(they set up or repeat everything; the check of a clean clone and the tests of stages and tracking do that), `hf`
(needs the Hub), and `xlembed` lines of docs/, whose files are the reader's own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from dvc.cli import DvcParserError
from dvc.cli.parser import get_main_parser

from elastic_node import Node
from xlembed.cli import xlembed
from xlembed.cli.import_ import Import
from xlembed.cli.import_hub import import_hub
from xlembed.cli.options import options_of as setting_options_of
from xlembed.data.card import FLAGS
from xlembed.data.importing import import_files
from xlembed.data.loading import load_task
from xlembed.data.scored import load_scored
from xlembed.finetune.ablation import Ablation
from xlembed.finetune.recipe import Recipe
from xlembed.models.catalogue import catalogue
from xlembed.models.spec import resolve_model
from xlembed.params import UNCHANGED_RESULTS
from xlembed.probe.rival_recipe import RivalRecipe
from xlembed.search.elastic.connection import ENVIRONMENT
from xlembed.settings import Settings
from xlembed.words import Kind, UserError

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "xlembed"
README = REPOSITORY / "README.md"
PAGES = [README, *sorted((REPOSITORY / "docs").glob("*.md"))]
MARKDOWN = [*sorted(REPOSITORY.glob("*.md")), *PAGES[1:], *sorted(PACKAGE.rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"bash", "python", "yaml", "json", "jsonl", "text"}


@dataclass(frozen=True)
class Block:
    place: str
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(REPOSITORY).as_posix()
    return [
        Block(f"{name}:{text.count(chr(10), 0, found.start()) + 1}", found[1], found[2])
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def blocks(language: str) -> Any:
    return pytest.mark.parametrize(
        "block", [b for b in BLOCKS if b.language == language], ids=lambda b: b.place
    )


def command_lines(block: Block) -> list[list[str]]:
    """Words of each command, comments taken off."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line.partition(" > ")[0], comments=True))]


def prose_of(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def code_spans(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose_of(page))


def one_line(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split())


def load_yaml(name: str) -> Any:
    return yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))


BUNDLED = [Path(out["path"]) for out in load_yaml("data.dvc")["outs"]]
TASKS = {path.name for path in BUNDLED if path.parent == Path("data")}
SCORED = {path.name for path in BUNDLED if path.parent.name == "scored"} | {
    "emobank"
}  # docs/scored.md imports it


MADE_THERE = {"shop", "log", "shop_asked", "shop_all", "shop_clean"}
"""Tasks that the commands of a page make."""
API = {"XLEMBED_API_URL", "XLEMBED_API_MODEL"}


# Blocks


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert BLOCKS
    assert [b.place for b in BLOCKS if b.language not in LANGUAGES] == []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("```") == 2 * len(blocks_of(page)), page.name
        hidden = re.findall(
            rf"^ {{4,}}(?:{'|'.join(map(re.escape, CHECKS))}) .*", prose_of(page), re.MULTILINE
        )
        assert hidden == [], f"{page.name}: commands belong into a fenced block"


def check_click(command: click.Command, words: list[str]) -> None:
    """Options, arguments and the types of values, without running anything; paths need not exist."""
    context = click.Context(command)
    if isinstance(command, Import) and words[:1] == ["hub"]:
        return check_click(import_hub, words[1:])
    if isinstance(command, click.Group):
        chosen = command.get_command(context, words[0])
        assert chosen is not None, f"no command {words[0]!r}"
        return check_click(chosen, words[1:])
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    assert rest == []
    for param in command.params:
        given = any(word in param.opts for word in words) or (
            isinstance(param, click.Argument) and isinstance(values[param.name or ""], str | tuple)
        )
        assert given or not param.required, f"{param.name} is missing"
        if given and not isinstance(param.type, click.Path):
            param.type_cast_value(context, values[param.name or ""])
    return None


def check_xlembed(words: list[str]) -> None:
    check_click(xlembed, words)
    for option, value in pairwise(words):
        if option == "-m":
            for name in value.split(","):
                if not name.startswith(("models:/", "vectors:")):  # in the reader's own registry or folder
                    resolve_model(name)
        if option == "-t":
            assert value in (SCORED if words[0] == "probe" else {*TASKS, *MADE_THERE})
    if words[0] == "models" and words[1:]:
        resolve_model(words[1])


def check_mlflow(words: list[str]) -> None:
    from mlflow.cli import cli

    check_click(cli, words)
    if words[0] == "run":
        assert words[1] == "."
        given = dict(b.split("=", 1) for a, b in pairwise(words) if a == "-P")
        entry = next((b for a, b in pairwise(words) if a == "-e"), "main")
        assert set(given) <= set(load_yaml("MLproject")["entry_points"][entry]["parameters"])
        resolve_model(given.get("model", "static_multilingual"))
        assert given.get("task", "reviews_sample") in (SCORED if entry == "probe" else TASKS)


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    target, *variables = words
    assert target in targets
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert all(f"$({variable.partition('=')[0]})" in makefile for variable in variables)


def check_dvc(words: list[str]) -> None:
    parsed = get_main_parser().parse_args(words)  # exits for what it does not know
    for target in getattr(parsed, "targets", None) or ():
        assert target in load_yaml("dvc.yaml")["stages"] or (REPOSITORY / target).suffix == ".dvc"
        assert (REPOSITORY / target).exists() or not target.endswith(".dvc")


def check_activate(words: list[str]) -> None:
    assert words in ([".venv/bin/activate"], ["./.env"])


def check_hf(words: list[str]) -> None:
    """As the card pins it; the message of a missing model prints the same line."""
    action, repository, *options = words
    folder = options[-1]
    card = catalogue()[folder]
    assert (action, repository) == ("download", card.hub_id)
    assert options == ["--revision", card.revision, "--local-dir", folder]


def check_docker(words: list[str]) -> None:
    assert words[0] == "compose"
    services = load_yaml("docker-compose.yml")["services"]
    assert all(word in services for word in words[2:] if not word.startswith("-"))


def check_shell(words: list[str]) -> None:
    """Tools of every system; what they are given is the reader's own."""
    assert words


def check_export(words: list[str]) -> None:
    assert {word.partition("=")[0] for word in words} <= {*ENVIRONMENT, *API, "MLFLOW_TRACKING_URI"}


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "xlembed": check_xlembed,
    "mlflow": check_mlflow,
    "make": check_make,
    "dvc": check_dvc,
    ".": check_activate,
    "hf": check_hf,
    "docker": check_docker,
    "export": check_export,
    "umask": check_shell,
    "printf": check_shell,
    "curl": check_shell,
}


@blocks("bash")
def test_commands_exist(block: Block) -> None:
    lines = command_lines(block)
    assert lines
    for first, *words in lines:
        CHECKS[first.removeprefix(".venv/bin/")](words)


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("xlembed", "rnu -t reviews_sample"),
        ("xlembed", "run -t reviews_sample --modles monolingual"),
        ("xlembed", "run -t reviews_samples"),
        ("xlembed", "search -t reviews_sample -m static_multilingual"),
        ("xlembed", "search -t reviews_sample -m static_multilingual a -k five"),
        ("xlembed", "compare --task"),
        ("xlembed", "models bge_m4"),
        ("mlflow", "run . -P modle=static_multilingual"),
        ("mlflow", "run . --experiment reviews_sample"),
        ("make", "demos"),
        ("dvc", "repro encodes"),
        ("dvc", "pull other.dvc"),
        ("dvc", "repros"),
        ("hf", "download intfloat/multilingual-e5-base --revision main --local-dir e5_base"),
    ],
)
def test_a_wrong_command_is_found(program: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((AssertionError, click.ClickException, UserError, DvcParserError)):
        CHECKS[program](line.split())


@blocks("yaml")
def test_settings_shown_are_valid(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = yaml.safe_load(block.text)
    kinds = {"stages": Recipe, "variants": Ablation, "warmup_share": RivalRecipe}
    if kind := next((kind for key, kind in kinds.items() if key in content), None):
        assert kind.model_validate(content)
        return
    entries = Settings.model_validate(content).models
    assert entries  # all other examples are of `models:`
    monkeypatch.chdir(tmp_path)
    for name, entry in entries.items():
        folder = tmp_path / entry["source"].removeprefix("vectors:")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").touch()
        (folder / "manifest.json").write_text('{"dim": 3, "files": {}}', encoding="utf-8")  # of vectors
        card = resolve_model(name, entries).card
        for field, value in entry.items():
            if field not in ("source", "card"):
                shown = card.model_dump(mode="json")[field]
                shown = {key: shown[key] for key in value} if isinstance(value, dict) else shown
                assert shown == (value if field != "languages" else list(value)), field


@blocks("jsonl")
def test_rows_shown_can_be_imported(block: Block, tmp_path: Path) -> None:
    for i, rows in enumerate(block.text.strip().split("\n\n")):
        source = tmp_path / f"rows{i}.jsonl"
        source.write_text(rows + "\n", encoding="utf-8")
        task = import_files("jsonl", [source], f"rows{i}", tmp_path / f"task{i}").task
        n_rows = rows.count("\n") + 1
        assert len(task.documents) + len(task.queries) == max(n_rows, 2)  # a pair is one row of both


@blocks("json")
def test_json_shown_is_valid(block: Block) -> None:
    assert json.loads(block.text)


# Blocks of text: each has its own check, found by how it begins


def check_layout(text: str, tmp_path: Path) -> None:
    """A task written as shown loads."""
    lines = dict(line.split(None, 1) for line in text.splitlines()[1:])
    example = {"name": "shown", "languages": ["de", "tr"], "alignment": "comparable"}
    fields = lines["task.yaml"].split(", ")
    contents = {
        "task.yaml": json.dumps({f: example.get(f, f in FLAGS or "words") for f in fields}),
        "corpus.jsonl": lines["corpus.jsonl"],
        "queries.jsonl": lines["queries.jsonl"],
        "qrels/test.tsv": re.split(",", lines["qrels/test.tsv"])[0].replace(" <TAB> ", "\t")
        + "\nn1-tr\tr1\t1",
    }
    assert set(contents) == set(lines)
    for name, content in contents.items():
        path = tmp_path / "shown" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n", encoding="utf-8")
    task = load_task(str(tmp_path / "shown"))
    assert (task.name, len(task.documents), len(task.queries)) == ("shown", 1, 1)
    assert not any("misspelt" in note or "mean" in note for note in task.notes)


def check_synopsis(text: str, tmp_path: Path) -> None:
    command = xlembed.get_command(click.Context(xlembed), "import")
    assert command is not None
    known = {option for param in command.params if isinstance(param, click.Option) for option in param.opts}
    assert set(re.findall(r"--[a-z-]+", text)) == {option for option in known if "_" not in option}
    form, files = (str(param.metavar) for param in command.params[:2])
    assert text.split()[2:4] == [form, files]
    with pytest.raises(UserError) as told:
        import_files("csv", [tmp_path], "x", tmp_path / "x")
    assert all(name in str(told.value) for name in form.split("|") if name not in ("pairs", "scored"))


def check_message(text: str, tmp_path: Path) -> None:
    """The same mistakes give the same words."""
    folder = tmp_path / "data" / "demo"
    (folder / "qrels").mkdir(parents=True)
    langs = ["en", "en", "eng", *["en"] * 5]
    ids = ["d1", *(f"r{i}" for i in range(2, 9))]
    documents = [
        {"_id": name, "text": f"text {name}", "lang": lang} for name, lang in zip(ids, langs, strict=True)
    ]
    queries = [{"_id": f"q{i}", "text": f"question {i}", "lang": "en"} for i in range(1, 9)]
    for name, rows in (("corpus", documents), ("queries", queries)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    judged = [f"q{i}\t{name}\t1" for i, name in enumerate([*ids[:7], "d12"], 1)]
    (folder / "qrels" / "test.tsv").write_text(
        "\n".join(["query-id\tcorpus-id\tscore", *judged]) + "\n", encoding="utf-8"
    )
    told = CliRunner().invoke(xlembed, ["tasks", "demo"])
    assert isinstance(told.exception, UserError)
    assert str(told.exception).strip() == text.strip()


def check_scored_layout(text: str, tmp_path: Path) -> None:
    """A set written as shown loads."""
    lines = dict(line.split(None, 1) for line in text.splitlines()[1:])
    assert set(lines) == {"scored.yaml", "texts.jsonl"}
    row = json.loads(lines["texts.jsonl"])
    example = {"name": "shown", "kind": "scores", "languages": ["en"], "dimensions": list(row["scores"])}
    fields = lines["scored.yaml"].split(", ")
    folder = tmp_path / "scored" / "shown"
    folder.mkdir(parents=True)
    card = json.dumps({f: example.get(f, "words") for f in fields})
    (folder / "scored.yaml").write_text(card, encoding="utf-8")
    (folder / "texts.jsonl").write_text(lines["texts.jsonl"], encoding="utf-8")
    found = load_scored("shown", tmp_path)
    assert found.notes == () and found.texts[0].document == row["document"]


def check_scored_message(text: str, tmp_path: Path) -> None:
    """The same mistakes give the same words."""
    rows = ["nr,body,joy,fear", "1,a,1,1", '2,b,"3,5",1', "3,c,1,", "4,,1,1", "1,d,1,1"]
    Path("moods.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    words = "import scored moods.csv --name moods --lang en --columns id=nr,text=body --dimensions joy,fear"
    told = CliRunner().invoke(xlembed, words.split())
    assert isinstance(told.exception, UserError)
    assert str(told.exception).strip() == text.strip()


def write_tables(text: str, folder: Path) -> str:
    """The files that a block begins with, written; what follows them."""
    *files, said, first_rows = text.strip().split("\n\n")
    for file in files:
        name, _, content = file.partition("\n")
        (folder / name).write_text(content + "\n", encoding="utf-8")
    return f"{said}\n\n{first_rows}"


def check_tables(text: str, tmp_path: Path) -> None:
    """The tables that are shown are understood as shown."""
    shown = write_tables(text, tmp_path)
    words = "import table products.csv queries.csv --name shop --dry-run"
    runner = CliRunner(env={"COLUMNS": "120"})
    said = runner.invoke(xlembed, words.split(), catch_exceptions=False).output
    assert said.startswith(shown) and not (tmp_path / "data").exists()


TEXT_CHECKS = {
    "data/TASK/\n": check_layout,
    "xlembed import squad|": check_synopsis,
    "products.csv\n": check_tables,
    "data/scored/NAME/\n": check_scored_layout,
    "scored texts from ": check_scored_message,
    "demo: 2 errors ": check_message,
}


@blocks("text")
def test_text_shown_is_true(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (check,) = [c for start, c in TEXT_CHECKS.items() if block.text.startswith(start)]
    check(block.text, tmp_path)


# The README's commands, run

PYTHON = [block for block in BLOCKS if block.language == "python"]
SERVER_BLOCKS = [block for block in PYTHON if block.place.startswith("docs/elasticsearch.md")]
README_PYTHON = [block for block in PYTHON if block not in SERVER_BLOCKS]
SAID = {
    "run": r"reviews_sample: macro averages(.|\n)*static_multilingual\+dim64 ",
    "compare": r"paired differences in accuracy@1(.|\n)*\nwritten to reports/compare/reviews_sample$",
    "report": r"real-time chatbot: static_multilingual(.|\n)*\ncross-lingual RAG: ",
    "explore": r"why queries fail: monolingual(.|\n)*Queries that static_multilingual \(A\) finds(.|\n)*index\.html",
    "analyse": r"sanity of vectors(.|\n)*document finds itself",
    "paradox": r"Verdict over 1 base model: ",
    "guide": r"(Take|has the most points)(.|\n)*\nwritten to reports/guide/reviews_sample/multilingual$",
    "probe": r"Take static_multilingual:ridge(.|\n)*\nServe static_multilingual:ridge: ",
    "search": r"rank .* all_minilm_l6_v2(.|\n)*r0224 \(right, en\)(.|\n)*all_minilm_l6_v2: right at rank 1",
    "models": r"name +bge_m3\n(.|\n)*query prompt +\"\"\n",
    "tasks": r"reviews_sample: (.|\n)* licence +CC0-1.0\n(.|\n)* ja +\d+",
    "finetune": r"reviews_sample: accuracy@1 before and after(.|\n)*Paired changes",
    "promote": r"Attempt 1 against this champion",
    "ablate": r"shop_small: nothing trained",
    "import table": r"Nothing was written|Wrote data/shop\. Next: xlembed run -t shop",
    "run -t": r"shop: macro averages(.|\n)*static_multilingual ",
    "import": r"Wrote data/xquad\. Next: xlembed run -t xquad\n",
}
"""Command -> what its output must hold."""
ALL_LINES = [words[1:] for b in blocks_of(README) for words in command_lines(b) if words[0] == "xlembed"]
SERVER_LINES = [words for words in ALL_LINES if {"elasticsearch", "publish", "--alias"} & set(words)]
README_LINES = [words for words in ALL_LINES if words not in SERVER_LINES]
RUNNER = """
import json, os, sys
from xlembed.cli import xlembed
for place, words in json.load(sys.stdin):
    os.chdir(place)
    print("$", *words, flush=True)
    try:
        xlembed(words, standalone_mode=False)
    except SystemExit:
        if words[0] != "promote":  # a refusal is an answer
            raise
"""


def small_squad(path: Path, context: str, question: str, answer: str) -> None:
    answers = [{"text": answer, "answer_start": context.index(answer)}]
    paragraph = {"context": context, "qas": [{"id": "56beb434", "question": question, "answers": answers}]}
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [paragraph]}]}), encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout where the README's `xlembed` lines have been run in their order."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("reviews_sample", "pairs", "scored"):
        shutil.copytree(REPOSITORY / "data" / name, root / "data" / name)
    params = load_yaml("params.yaml")
    runs = [words for words in README_LINES if words[0] == "run" and "reviews_sample" in words]
    params["run"]["models"] = [m for words in runs for m in given(words, "-m")]
    params["evaluate"]["resamples"] = 200
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (tables,) = [b.text for b in blocks_of(REPOSITORY / "docs" / "spreadsheets.md") if b.language == "text"]
    write_tables(tables, root)
    small_squad(root / "xquad.en.json", "The mill is old.", "What is old?", "The mill")
    small_squad(root / "xquad.tr.json", "Değirmen eskidir.", "Eski olan nedir?", "Değirmen")
    english_part(root / "data" / "reviews_sample", root / "english" / "data" / "reviews_sample")
    (root / "said.txt").write_text(run_lines(README_LINES, root), encoding="utf-8")
    return root


def english_part(folder: Path, target: Path) -> None:
    """Of a task the English documents, the needs that they answer, and those needs' questions in all languages."""
    shutil.copytree(folder, target)
    rows = {
        name: [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("corpus.jsonl", "queries.jsonl")
    }
    documents = [row for row in rows["corpus.jsonl"] if row["lang"] == "en"]
    left = {row["_id"] for row in documents}
    head, *lines = (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    judged = [line for line in lines if line.split("\t")[1] in left]
    asked = {line.split("\t")[0] for line in judged}
    needs = {row["need_id"] for row in rows["queries.jsonl"] if row["_id"] in asked}
    questions = [row for row in rows["queries.jsonl"] if row["need_id"] in needs]
    for name, kept in (("corpus.jsonl", documents), ("queries.jsonl", questions)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        (target / name).write_text(text, encoding="utf-8")
    (target / "qrels" / "test.tsv").write_text("\n".join([head, *judged]) + "\n", encoding="utf-8")


def run_lines(lines: list[list[str]], root: Path, **more: str) -> str:
    """What they print, one after the other in one process."""
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "DVC_", "XLEMBED_"))}
    surroundings |= {
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONIOENCODING": "utf-8",
        "XLEMBED_CACHE": str(root / "cache"),
        **more,
    }
    surroundings["COLUMNS"] = "120"  # what is looked for stands on one line
    # Who looks among English documents has no others to encode.
    places = [str(root / "english" if given(words, "--lang") == ["en"] else root) for words in lines]
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        cwd=root,
        env=surroundings,
        input=json.dumps(list(zip(places, lines, strict=True))),
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def promoted(finished: Path) -> dict[str, str]:
    """Output of each line of the pages on fine-tuning and promotion, run after the README's in their order."""
    params = finished / "params.yaml"
    settings = yaml.safe_load(params.read_text(encoding="utf-8"))
    settings["evaluate"]["resamples"] = 10_000  # the pages state intervals
    params.write_text(yaml.safe_dump(settings), encoding="utf-8")
    pages = [REPOSITORY / "docs" / name for name in ("finetune.md", "promote.md")]
    lines = [
        words[1:]
        for page in pages
        for b in blocks_of(page)
        for words in command_lines(b)
        if words[0] == "xlembed"
    ]
    served = [words for words in lines if "--alias" not in words and words[:2] != ["import", "hub"]]
    said = f"\n{run_lines(served, finished)}".split("\n$ ")[1:]
    assert len(said) == len(served)
    return {
        f"{i} {words}": output
        for i, (words, _, output) in enumerate(answer.partition("\n") for answer in said)
    }


def given(words: list[str], option: str) -> list[str]:
    return [b for a, b in pairwise(words) if a == option]


def test_the_readme_shows_every_command_of_daily_use() -> None:
    assert {words[0] for words in README_LINES} == {start.split()[0] for start in SAID}


@pytest.mark.parametrize("i", range(len(README_LINES)), ids=lambda i: README_LINES[i][0])
def test_the_commands_of_the_readme_run(finished: Path, i: int) -> None:
    outputs = ("\n" + (finished / "said.txt").read_text(encoding="utf-8")).split("\n$ ")[1:]
    first, _, output = outputs[i].partition("\n")
    assert first == " ".join(README_LINES[i])
    expected = SAID.get(" ".join(README_LINES[i][:2])) or SAID[README_LINES[i][0]]
    assert re.search(expected, output), output


def test_an_evaluation_writes_what_is_in_git(finished: Path) -> None:
    """On any machine: results/ holds the digits that agree, so that neither `make demo` nor `dvc repro` changes it."""
    place = Path("results") / "reviews_sample" / "static_multilingual.json"
    found, kept = (json.loads((root / place).read_text(encoding="utf-8")) for root in (finished, REPOSITORY))
    assert found.keys() == kept.keys() == {"measure", "mono", "cross", "true_all", "true_target"}
    for name in found.keys() - {"measure"}:  # with fewer resamples than in Git
        assert found[name]["value"] == kept[name]["value"] == round(kept[name]["value"], 4)
        assert kept[name]["ci_low"] < kept[name]["value"] < kept[name]["ci_high"]


@pytest.mark.slow
def test_the_pages_on_promotion_run_after_the_readme(promoted: dict[str, str]) -> None:
    """In a fresh clone, one page after the other: no line spoils the attempt of a later one."""
    outcomes = [
        "champion" if re.search(r"^champion of ", said, re.MULTILINE) else "refused"
        for line, said in promoted.items()
        if " promote" in line
    ]
    assert outcomes == ["champion", "refused", "refused", "refused", "champion", "champion"], promoted
    first, second = [said for line, said in promoted.items() if line.endswith("promote --mode monolingual")]
    assert "Attempt 1 against this champion" in first and "Attempt 1 against this champion" in second
    assert "no champion yet" in first and "refused: falls by more than 3 points" in second


@pytest.mark.slow
def test_the_numbers_of_the_page_are_those_of_its_commands(finished: Path, promoted: dict[str, str]) -> None:
    page = one_line(REPOSITORY / "docs" / "finetune.md")
    first, second = [said for line, said in promoted.items() if line.endswith("promote --mode monolingual")]
    readme = ("\n" + (finished / "said.txt").read_text(encoding="utf-8")).split("\n$ promote")[1]
    before, after, change, low, high, p = re.search(
        r"rises from ([\d.]+) to ([\d.]+) % \(paired difference \+([\d.]+) points, 95 % CI ([+−\d.]+) to ([+−\d.]+), "
        r"p = ([\d.]+); attempt 1 needs 0.025\)",
        page,
    ).groups()  # type: ignore[union-attr]
    row = next(line for line in first.splitlines() if line.split()[:1] == ["macro"])
    assert row.split()[1:7] == [after, before, f"+{change}", f"[{low},", f"{high}]", p]
    small = re.search(r"the same candidate is refused: (\+[\d.]+) points", page)[1]  # type: ignore[index]
    large = re.search(r"is refused: -([\d.]+) points against the champion, and all six", page)[1]  # type: ignore[index]
    assert re.search(rf"macro .*{re.escape(small)} ", readme) and re.search(rf"macro .*−{large} ", second)


def test_the_files_that_are_promised_are_there(finished: Path) -> None:
    spans = [s for page in (README, REPOSITORY / "docs" / "evaluate.md") for s in code_spans(page)]
    named = {s for s in spans if re.match(r"(runs|reports|results)/.", s)}
    assert len(named) >= 8
    for name in named:
        pattern = name.replace("TASK", "reviews_sample").replace("MODEL", "static_multilingual")
        assert list(finished.glob(pattern.rstrip("/"))), name


@pytest.mark.slow
def test_what_needs_a_server_runs(
    finished: Path, node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's lines for Elasticsearch, then the programs of docs/elasticsearch.md that ask the alias."""
    said = run_lines(SERVER_LINES, finished, XLEMBED_ES_URL=node.url)
    assert "index not exercised" in said
    assert re.search(r"\$ search --alias shop .*\n(.|\n)*\n10 ", said)
    monkeypatch.setenv("XLEMBED_ES_URL", node.url)
    monkeypatch.setenv("XLEMBED_ES_PASSWORD", "")
    monkeypatch.chdir(REPOSITORY)
    address = '"http://localhost:9200", basic_auth=("elastic", os.environ["XLEMBED_ES_PASSWORD"])'
    for block in SERVER_BLOCKS:
        capsys.readouterr()
        exec(compile(block.text.replace(address, repr(node.url)), block.place, "exec"), {})
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) >= 3 and " de " in "\n".join(lines), block.place


@pytest.mark.parametrize("block", README_PYTHON, ids=lambda b: b.place)
def test_python_runs(
    block: Block, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished)
    exec(compile(block.text, block.place, "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    names = ["bm25", *(f"static_multilingual{suffix}" for suffix in ("+center", "+dim64", ""))]
    assert [line.split()[0] for line in lines] == names
    for line in lines:
        value, low, high = map(float, line.split()[1:])
        assert 0 <= low <= value <= high <= 1


# Words in the prose


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_and_options_in_the_prose_exist(page: Path) -> None:
    every = {name: xlembed.get_command(click.Context(xlembed), name) for name in xlembed.list_commands(None)}
    options = {
        n: {"--help", *(o for p in c.params for o in (*p.opts, *p.secondary_opts))}
        for n, c in every.items()
        if c
    }
    options["import"] |= {o for p in import_hub.params for o in p.opts}
    for span in code_spans(page):
        words = span.split()
        if words[0] == "xlembed" and len(words) > 1:
            assert words[1] in options, span
            assert {w for w in words if w.startswith("-")} <= options[words[1]], span
        elif words[0].startswith("--"):
            assert words[0] in set().union(*options.values()), span
        elif words[0] == "dvc":
            check_dvc_words(words[1:])
        elif words[0] == "make":
            check_make(words[1:])
        elif re.match(r"(src|tests|docs|benchmarks)/", words[-1]):
            assert (REPOSITORY / words[-1]).exists(), span


def check_dvc_words(words: list[str]) -> None:
    """Commands and options exist; arguments may be left out."""
    parser = get_main_parser()
    for word in words:
        if word.startswith("-"):
            assert word in parser._option_string_actions, words
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                assert word in action.choices, words
                parser = action.choices[word]


def test_the_table_of_settings() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in prose_of(REPOSITORY / "docs" / "settings.md").splitlines()
        if line.startswith("| `")
    ]
    settings = Settings()
    expected = []
    for section, values in settings.model_dump(mode="json").items():
        fields = type(getattr(settings, section)).model_fields if section != "models" else {}
        options = (
            {}
            if not fields or section in ("run", "finetune")
            else {key: name for name, key, _ in setting_options_of(section)}
        )
        for key, field in fields.items():
            value = values[key]
            shown = "" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
            shown = shown.lower() if isinstance(value, bool) else shown
            spelt = f"`--{options[key].replace('_', '-')}`" if key in options else ""
            expected.append([f"`{section}.{key}`", shown, spelt, field.description])
    assert rows == expected


def test_settings_that_leave_every_number_as_it_is() -> None:
    (said,) = re.findall(
        r"only ([^.]*) leave every number as it is", one_line(REPOSITORY / "docs" / "settings.md")
    )
    assert set(re.findall(r"`(\w+)`", said)) == {key.split(".")[1] for key in UNCHANGED_RESULTS}


# The README's facts and its map


def test_what_is_bundled() -> None:
    (said,) = re.findall(r"What is bundled: (.*?)\. The texts", one_line(README))
    rows = {
        (task, name): [json.loads(line) for line in path.open(encoding="utf-8")]
        for task in TASKS
        for name in ("corpus", "queries")
        for path in [REPOSITORY / "data" / task / f"{name}.jsonl"]
    }
    reviews, questions = rows["reviews_sample", "corpus"], rows["reviews_sample", "queries"]
    langs = sorted({row["lang"] for row in reviews})
    n_products, n_needs = len({r["group"] for r in reviews}), len({q["need_id"] for q in questions})
    assert len(langs) == 6 and len(questions) == 6 * n_needs
    card = resolve_model("static_multilingual")
    assert card.folder is not None
    megabytes = sum(p.stat().st_size for p in card.folder.rglob("*") if p.is_file()) / 1e6
    assert len(card.card.languages) == 8
    assert said == (
        f"`reviews_sample` ({len(reviews)} short reviews of {n_products} invented products in {', '.join(langs)}, "
        f"and {n_needs} shopping questions, each in all six languages), `medical_qa_tr` "
        f"({len(rows['medical_qa_tr', 'queries'])} Turkish questions and answers), and the model "
        f"`static_multilingual` ({megabytes:.0f} MB, eight languages)"
    )
    n_models = sum(not card.lexical and card.kind is not Kind.CAUSAL for card in catalogue().values())
    assert f"A catalogue of {n_models} embedding models" in one_line(REPOSITORY / "CHANGELOG.md")


def test_make_demo_evaluates_the_models_of_params() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    line, with_server = re.findall(r"xlembed (run [^>\n]*)", makefile)
    check_xlembed(with_server.split())
    models = given(line.split(), "-m")
    assert sorted(models) == sorted(load_yaml("params.yaml")["run"]["models"])
    assert len(models) == 4 and "evaluates three models and a remedy" in README.read_text(encoding="utf-8")
    check_xlembed(line.split())


def test_the_map_of_the_code() -> None:
    (section,) = re.findall(r"^## Map of the code\n(.*)", README.read_text(encoding="utf-8"), re.M | re.S)
    named = set(re.findall(r"`([\w/]+(?:/|\.py))`", section))
    rooms = {f"{p.parent.name}/" for p in PACKAGE.glob("*/__init__.py")}
    modules = {p.name for p in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert rooms | modules <= named
    for name in named - rooms - modules - {"job.py"}:
        assert (REPOSITORY / name).exists() or list(PACKAGE.glob(f"*/{name}")), name


def test_every_page_is_in_the_index() -> None:
    linked = set(
        re.findall(r"\]\(([\w-]+\.md)\)", (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8"))
    )
    assert linked == {page.name for page in PAGES[1:]} - {"index.md"}


# Links


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda p: p.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert anchors(page)
    for words, link in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", prose_of(page)):
        if re.match(r"https?://", link):
            continue  # no network here
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        assert words == name or not words.endswith(".md"), f"[{words}] leads to {link}"
        assert not anchor or anchor in anchors(target), link
