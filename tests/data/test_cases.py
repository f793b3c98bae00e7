"""Files as people have them: each folder of the shared cases, its command run as it stands, against the right answer.

The table says what is right, not what happened once; phrases are patterns, so that a sentence may be reworded. What
`xlembed run` and `search` lines would add is only run where a score is the point.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from cli.command import xlembed
from conftest import REPOSITORY

pytestmark = pytest.mark.usefixtures("sketches")


@dataclass(frozen=True)
class Task:
    """What a written task must hold; None: no matter."""

    languages: str | None = None
    documents: int | None = None
    queries: int | None = None
    qrels: Mapping[tuple[str, str], int] | None = None


@dataclass(frozen=True)
class Right:
    """What is right for a case.

    Attributes:
        codes: of the `xlembed` commands in cmd.sh, in order; "02": either taken and told, or refused.
        says: patterns that must be found in what the commands printed.
        never: patterns that must not.
        tasks: folder -> what the task in it holds; None: nothing may be there.
        runs: whether `xlembed run` and `search` lines are run as well.
        top1: units whose first document is right, by results file, when they are.
    """

    codes: tuple[str, ...] = ("0",)
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    tasks: Mapping[str, Task | None] = field(default_factory=dict)
    runs: bool = False
    top1: Mapping[str, float] = field(default_factory=dict)


def taken(*says: str, never: tuple[str, ...] = (), runs: bool = False, **facts: object) -> Right:
    """One import that succeeds."""
    top1 = facts.pop("top1", {})
    return Right(("0",), says, never, {"out": Task(**facts)}, runs, top1)  # type: ignore[arg-type]


def refused(*says: str, never: tuple[str, ...] = (), errors: int | None = None, commands: int = 1) -> Right:
    """Imports that are refused; `errors`: that many are told, in all commands alike."""
    counted = () if errors is None else (rf"(?<!\d){errors} errors? \(",)
    return Right(("2",) * commands, (*counted, *says), (*never, "Traceback"), {"out": None})


ONE_TO_ONE = {("q1", "d1"): 1, ("q2", "d2"): 1, ("q3", "d3"): 1}
NO_CASCADE = ("there is no (query|document)",)
BY_NAME = r"told by the (file|folder)'s name|which language"

RIGHT = {
    "01-numeric-ids-json-int": taken(
        r"whole number", qrels={("1", "1"): 1, ("2", "2"): 1, ("3", "3"): 1}, documents=4
    ),
    "02-query-id-equals-doc-id": taken(never=("leave-out-self",), documents=4, queries=3),
    "03-qrels-trec-4col": taken("TREC", qrels=ONE_TO_ONE),
    "04-qrels-trec-space": taken("TREC", "white space", qrels=ONE_TO_ONE),
    "05-qrels-no-header": taken("not a header", qrels=ONE_TO_ONE),
    "06-qrels-header-other": taken("qid.*docid.*relevance", qrels=ONE_TO_ONE),
    "07-qrels-float-grades": taken(
        r"whole", never=("3 times.*3 times",), qrels={("q1", "d1"): 1, ("q2", "d2"): 2, ("q3", "d3"): 1}
    ),
    "08-corpus-gz": taken(r"corpus\.jsonl\.gz", documents=4, qrels=ONE_TO_ONE),
    "09-crlf-bom": taken("byte order mark", "CRLF", documents=4, qrels=ONE_TO_ONE),
    "10-windows-1254": refused("cp1254", "iconv -f", r"corpus\.jsonl", never=NO_CASCADE, errors=2),
    "11-duplicate-docs": Right(("0", "0"), ("identical to an earlier one.*d9 = d1",)),
    "12-duplicate-ids-identical-rows": taken(r"corpus\.jsonl:5.*d1", documents=4),
    "13-queries-unjudged": taken("30 queries without judgements left out", queries=3),
    "14-dangling-qrels": refused("no document 'd77'", "no query 'q99'", "--drop-unknown", errors=2),
    "15-very-long-doc": taken("330,000 characters", documents=5),
    "16-language-tags": refused(
        "'zh_TW'",
        "'und'",
        never=("'ceb' is not", "'yue' is not", "mean 'ce'", "mean 'fi'", "mean 'ml'", "mean 'nd'"),
    ),
    "17-two-varieties": taken(languages="pt-BR pt-PT zh-Hans zh-Hant", documents=4),
    "18-ids-spaces-slashes": refused("Ev aletleri", "white space", never=("example.org", "etc/x"), errors=1),
    "19-miracl": refused(
        r"import trec in\n", "no queries.*import trec", never=("check its name",), commands=2
    ),
    "20-tatoeba-three-columns": refused("two or more", r"\btabs?\b|column", commands=2),
    "21-csv-reviews": refused("CSV", never=("invalid JSON",), commands=2),
    "22-graded-negative": taken(
        qrels={
            ("q1", "d1"): 3,
            ("q1", "d2"): 0,
            ("q2", "d2"): 2,
            ("q2", "d1"): 1,
            ("q3", "d3"): 1,
            ("q3", "d4"): -1,
        }
    ),
    "23-squad2": Right(
        ("0", "0"), ("1 unanswerable question",), tasks={"out": Task("en", 2, 1), "out2": Task("en", 1, 1)}
    ),
    "23b-squad-empty-answers": Right(
        ("0", "0"),
        (r"en-a2", "unanswer|no answer|without (an )?answer"),
        tasks={"out": Task("en", 2, 1), "out2": Task("en", 1, 1)},
    ),
    # The second and third command find the first one's task.
    "24-squad-hf-rows": Right(("0", "2", "2"), (), ("expected a list",), tasks={"out": Task("en", 1, 1)}),
    "25-parquet": Right(
        ("0", "2"), (), ("NUL", "check its name"), tasks={"out": Task("tr", 4, 1, {("q1", "d1"): 1})}
    ),
    "26-mixed-emoji-rtl-html": taken("holds HTML tags", documents=4),
    "27-line-separators": taken(documents=4),
    "28-json-array": taken(documents=4, qrels=ONE_TO_ONE),
    "29-qrels-dev-only": refused(r"dev\.tsv", "--split dev", errors=1),
    "30-tatoeba-ceb": taken(never=("mean 'ce'",), languages="ceb en", documents=4),
    "31-query-is-document": taken("2 (of 2 )?quer.*document", "leave-out-self", queries=2),
    "32-null-title": taken(documents=3, queries=3),
    "33-empty-docs": taken("1 document without text left out: d7", documents=5),
    "34-id-trailing-space": refused(
        "'q1 '", never=(*NO_CASCADE, "Kept as it is", "white space around"), errors=1
    ),
    "35-id-nan-001": Right(
        ("0", "0"),
        tasks={"out": Task("tr", 4, 3, {("nan", "NA"): 1, ("null", "001"): 1, ("007", "1e5"): 1})},
        runs=True,
        top1={"bm25": 2 / 3},
    ),
    "36-hf-lang-names": Right(
        ("0", "0", "0", "02", "2"),
        ("paragraphs in vi, questions in de", "several language codes", BY_NAME),
        tasks={"o0": Task("zh", 2, 1), "o1": Task("vi de", 2, 1), "o2": Task("tr", 1, 1), "o4": None},
    ),
    "37-filename-region": taken(languages="pt zh fr", documents=6),
    "38-filename-words": Right(("02", "02", "02"), (rf"hr_faq.*({BY_NAME})", rf"may_2024.*({BY_NAME})")),
    "40-tatoeba-export-columns": refused("tab|column"),
    "41-bitext-tsv-two-columns": refused("two or more", "tab|column|same|equal", commands=2),
    "42-bitext-repeated": Right(
        ("0", "0"), ("more than once", "2 documents are identical"), tasks={"out": Task("de en", 8)}
    ),
    "43-bitext-blank": refused(r"a\.de\.txt has 4, b\.en\.txt has 3", "text is empty"),
    "44-pairs-snli-dash": refused("--kind", commands=2),
    "45-pairs-semicolon": refused("semicolons", "'3,8'", "with a point", errors=2),
    "46-pairs-scores": refused("'nan'", errors=2),
    "47-pairs-parquet": Right(says=("3 rows of kind triplets",)),
    "48-scored-messy": refused("text is empty", "'NaN'", errors=3),
    "49-same-file-two-languages": Right(("02",), (r"2 of 2|(same|equal|identical) (texts?|files?)",)),
    "50-wrong-language": Right(("02",), (r"\b(looks?|language)\b[^\n]*\b(tr|Turkish)\b",)),
    "51-nfc-nfd": Right(
        ("0", "0"), (r"3 documents differ.*(Unicode|NFC|NFD)",), tasks={"out": Task("tr", 6)}
    ),
    "52-cjk-one-character": Right(
        ("0", "0"), tasks={"out": Task("ja ko zh", 5, 5)}, runs=True, top1={"bm25": 1.0}
    ),
    "53-invisible-characters": Right(
        ("0", "0"), (r"entit",), tasks={"out": Task("de fr tr uk", 5)}, runs=True, top1={"bm25": 1.0}
    ),
    "54-zero-vector-query": Right(("0", "0", "0"), runs=True, top1={"static_multilingual": 0.5}),
    "55-qrels-csv": taken("comma", qrels={("q1", "d1"): 1}),
    "56-qrels-quoted": taken("quot", never=("whole number",), qrels={("q1", "d1"): 1}),
    "57-qrels-columns-swapped": taken(
        "corpus-id.*query-id", qrels={("1", "2"): 1, ("2", "1"): 1}, documents=2
    ),
    "58-qrels-ranx-json": taken(never=("check its name",), qrels={("q", "1"): 1}),
    "59-beir-folder-per-language": Right(("2", "0"), ("--equal-ids translations", "--equal-ids apart")),
    "60-same-ids-in-two-languages": refused("--equal-ids translations", "--equal-ids apart", errors=1),
    "61-negative-similarity-scores": Right(("0",), ("3 rows of kind scored",)),
    "62-nli-undecided-label": refused("gold_label", never=("found None",)),
    "63-long-texts-cut": Right(("0", "0"), (r"cut|truncat",), tasks={"out": Task("en", 3, 3)}, runs=True),
    "64-trailing-slash": Right(("0", "0", "0"), tasks={"out": Task("en", 1, 1)}),
    "65-replacement-characters": taken(
        r"in\.tr\.jsonl:1: text: [^\n]*U\+FFFD", r"in\.tr\.jsonl:2: text: [^\n]*encoding", documents=3
    ),
    "66-nli-labels-ignored": refused("gold_label", "--where"),
    "67-pairs-language-from-file-name": Right(("0", "0"), ("en-en 1.*en-en 1",)),
    "69-answers-in-all-passages": refused("paragraphs are in tr and questions in de", "leave out --lang"),
    "73-no-lang-guess-two-letter-words": refused(r"id_mapping\.jsonl", "no language", errors=1),
    "74-folder-corpus-prompt": Right(("0",), (r'document prompt\s+"C: "',)),
}
"""Case -> what is right."""

OWN_TESTS = {"70-dvc-bm25-stale": "a clone of the project and dvc: see the tests of dvc.yaml"}
"""Cases that other tests stand for."""


@pytest.fixture(scope="session")
def cases() -> Path:
    told = os.environ.get("XLEMBED_SHARED")
    folder = (Path(told).resolve().parent if told else REPOSITORY.parent / "shared") / "cases"
    if not folder.is_dir():
        pytest.skip(f"no field cases in {folder} (XLEMBED_SHARED names the data folder beside it)")
    return folder


def test_every_case_has_an_expectation(cases: Path) -> None:
    assert {p.parent.name for p in cases.glob("*/cmd.sh")} == RIGHT.keys() | OWN_TESTS.keys()


@pytest.mark.parametrize("name", RIGHT)
def test_case(name: str, cases: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    right = RIGHT[name]
    folder = tmp_path / "case"
    shutil.copytree(cases / name, folder)
    script = (folder / "cmd.sh").read_text(encoding="utf-8")
    stores = tmp_path_factory.getbasetemp()  # one cache and one tracking store for all cases: quicker
    env = {"XLEMBED_CACHE": f"{stores}/cache", "MLFLOW_TRACKING_URI": f"sqlite:///{stores}/mlflow.db"}
    if name == "74-folder-corpus-prompt":  # the only one whose script makes its input
        codes, printed = _in_bash(folder, env)
    else:
        codes, printed = [], ""
        for words in commands(script):
            if right.runs or words[0] not in ("run", "search"):
                answer = xlembed(folder, *words, **env)
                codes.append(str(answer.code))
                printed += answer.out + answer.err
    assert len(codes) == len(right.codes), printed
    assert all(code in allowed for code, allowed in zip(codes, right.codes, strict=True)), (codes, printed)
    for pattern in right.says:
        assert re.search(pattern, printed, re.I | re.S), f"not said: {pattern}\n{printed}"
    for pattern in right.never:
        assert not re.search(pattern, printed, re.I | re.S), f"said: {pattern}\n{printed}"
    for out, task in right.tasks.items():
        _check_task(folder / out, task)
    for model, share in right.top1.items():
        results = json.loads((folder / f"res/results/t/{model}.details.json").read_text(encoding="utf-8"))
        cells = [cell["accuracy@1"] for key, cell in results["scores"]["mono"].items() if key != "macro"]
        units = sum(cell["n_units"] for cell in cells)
        assert sum(c["value"] * c["n_units"] for c in cells) / units == pytest.approx(share, abs=1e-4), (
            printed
        )


def commands(script: str) -> list[list[str]]:
    """The `xlembed` commands of a script, without their first word; what only shows files is left out.

    >>> commands("echo '## a'; xlembed tasks out | head -3")
    [['tasks', 'out']]
    """
    found: list[list[str]] = []
    for line in re.sub(r"(?ms)^python .*?^P$", "", script).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for token in [*lexer, ";"]:
            if token in (";", "|"):
                if words[:1] == ["xlembed"]:
                    found.append(words[1:])
                words = []
            else:
                words.append(token)
    return found


def _in_bash(folder: Path, env: Mapping[str, str]) -> tuple[list[str], str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "cmd.sh"], cwd=folder, env={**os.environ, **env, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [str(done.returncode)], done.stdout + done.stderr


def _check_task(folder: Path, right: Task | None) -> None:
    if right is None:
        assert not folder.exists()
        return
    lines = {
        name: (folder / name).read_text(encoding="utf-8").split("\n")[:-1]
        for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")
    }
    qrels = {(q, d): int(grade) for q, d, grade in (row.split("\t") for row in lines["qrels/test.tsv"][1:])}
    card = yaml.load((folder / "task.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    found = Task(" ".join(card["languages"]), len(lines["corpus.jsonl"]), len(lines["queries.jsonl"]), qrels)
    for fact in ("languages", "documents", "queries", "qrels"):
        wanted = getattr(right, fact)
        assert wanted is None or getattr(found, fact) == wanted, fact
