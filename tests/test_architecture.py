"""The rules of the house: imports point one way, without circles; heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
import yaml

from xlembed.cli import COMMANDS
from xlembed.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "xlembed"
CORE = (
    *(
        "words",
        "measures",
        "files",
        "registry",
        "hub",
        "fields",
        "llm_settings",
        "settings",
        "params",
        "workspace",
        "stages",
    ),
    *("data", "models", "training", "embeddings", "search", "stats", "show", "tracking"),
)
"""From the ground up: each may use what stands before it."""
STUDIES = (
    *("evaluate", "analyse", "paradox", "guide", "finetune", "probe", "promote", "tune_index", "publish"),
    *("generate", "check", "judge"),
    "explore",
    "reproduce",
    "report",
)
"""May use the core and the main job, `evaluate`; of another study its job and its result. `report` knows them all."""
COMMAND_OF = {"generate": "generate-queries", "check": "check-queries", "judge": "judge-pairs"}
"""Commands that say more than the name of their study."""
LONGEST = 400
ONLY_IN = {
    "mlflow": {"tracking"},
    "torch": {"models", "training", "embeddings", "finetune", "probe"},
    "sentence_transformers": {"models", "embeddings", "finetune", "probe"},
    "peft": {"models", "finetune", "probe"},
    "lightgbm": {"probe"},
    "datasets": {"data", "finetune", "probe"},
    "faiss": {"search", "analyse"},
    "bm25s": {"search"},
    "Stemmer": {"search"},
    "elasticsearch": {"search"},
    "matplotlib": {"show", *STUDIES},
    "docx": {"show"},
    "click": {"cli"},
    "openai": {"models"},
    "ray": {"embeddings"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


ROOMS = sorted({room_of(file) for file in FILES} - {"__init__"})


@cache
def imported(file: Path) -> frozenset[str]:
    """Modules by their full names, types too; a name that may be a module counts as one if there is such a file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {alias.name for alias in node.names if place_of(f"{node.module}.{alias.name}")}
            names |= {f"{node.module}.{name}" for name in inside}
            if len(inside) < len(node.names):
                names.add(node.module)
    return frozenset(names)


def place_of(name: str) -> Path | None:
    path = PACKAGE.parent / name.replace(".", "/")
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)


def allowed(room: str, target: str, name: str) -> bool:
    """Whether a module of a room may import another room's module `name`."""
    if room == target or room == "cli":
        return True
    if room in CORE:
        return target in CORE[: CORE.index(room)]
    return target in CORE or target == "evaluate" or name.endswith((".job", ".result")) or room == "report"


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way_and_heavy_libraries_stay_in_their_rooms(room: str) -> None:
    wrong = []
    for file in (file for file in FILES if room_of(file) == room):
        for name in imported(file):
            library, _, rest = name.partition(".")
            if room not in ONLY_IN.get(library, {room}):
                wrong.append(f"{file.name} imports {library}")
            target = rest.partition(".")[0]
            if library == "xlembed" and target in ROOMS and not allowed(room, target, name):
                wrong.append(f"{file.name} imports {name}")
    assert not wrong


def test_the_rooms_are_the_ones_we_know() -> None:
    assert set(ROOMS) == {*CORE, *STUDIES, "cli"}


def test_no_circles_not_even_of_types() -> None:
    modules = {".".join(("xlembed", *f.relative_to(PACKAGE).with_suffix("").parts)): f for f in FILES}
    graph = {
        name: imported(file) & modules.keys() for name, file in modules.items() if file.stem != "__init__"
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_the_main_job_knows_no_other_study() -> None:
    others = set(STUDIES) - {"evaluate"}
    used = {name for file in FILES if room_of(file) == "evaluate" for name in imported(file)}
    assert not {name for name in used if name.startswith("xlembed.") and name.split(".")[1] in others}


def test_no_module_is_too_long() -> None:
    lines = {f.relative_to(PACKAGE).as_posix(): f.read_text(encoding="utf-8").count("\n") for f in FILES}
    assert {name: n for name, n in lines.items() if n > LONGEST} == {}


@pytest.mark.parametrize("study", STUDIES)
def test_the_name_of_a_study_finds_its_room_command_and_tests(study: str) -> None:
    name = study.replace("_", "-")
    assert (PACKAGE / study / "job.py").is_file() and (ROOT / "tests" / study).is_dir()
    command = COMMAND_OF.get(study, name)
    assert command in COMMANDS
    assert (ROOT / "docs" / f"{name}.md").is_file()
    if study not in ("guide", "publish"):  # which read what the others left, or move an alias
        assert command in yaml.safe_load((ROOT / "MLproject").read_text(encoding="utf-8"))["entry_points"]


@pytest.mark.parametrize("section", sorted(set(Settings.model_fields) - {"run", "models"}))
def test_a_section_of_params_yaml_is_a_room_or_a_step_of_the_main_job(section: str) -> None:
    rooms = {
        "corpus": "data",
        "encode": "evaluate/encode.py",
        "index": "evaluate/index.py",
        "compare": "evaluate",
        "endpoint": "models/endpoint.py",
        "chat": "models/chat.py",
    }
    assert (PACKAGE / rooms.get(section, section)).exists()


def test_what_is_made_here_is_no_part_of_a_commit_even_as_a_link() -> None:
    """`name/` ignores folders only: a link to a shared .venv got into a commit, and a pull put it over the real one."""
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split("\n")
    assert {".venv", "/mlruns", "/embeddings", "/runs", "/reports", "/probes"} <= set(ignored)
