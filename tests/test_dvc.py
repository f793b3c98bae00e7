"""dvc.yaml tells the truth: what changes a stage's output is among its deps and params, and nothing else is."""

from __future__ import annotations

import ast
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from dvc.stage import Stage

from closure import JOBS, MARK, ROOT, closure, rewritten
from xlembed.evaluate.declared import undeclared
from xlembed.settings import RunSettings, Settings

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
TASKS, MODELS = ("reviews_sample", "other"), ("bm25",)
PAIRS = [f"{task}-{model}" for task in TASKS for model in MODELS]
OTHERS = {"finetune": ["shop_static"], "probe": ["moods"]}


def test_dvc_yaml_names_exactly_what_its_stages_reach() -> None:
    """In both directions, and the runs of the models in params.yaml."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert rewritten(text) == text, "run make deps"
    lines = text.splitlines(keepends=True)
    here = lines.index("      - src/xlembed/search/exact.py\n")
    assert rewritten("".join(lines[:here] + lines[here + 1 :])) == text
    assert rewritten(text.replace(MARK, MARK + "      - src/xlembed/show/docx.py\n")) == text


def test_the_closure_follows_what_can_run_and_what_is_read(tmp_path: Path) -> None:
    package = tmp_path / "xlembed"
    files = {
        "__init__.py": "",
        "job.py": "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from xlembed import types_only\n"
        "from xlembed.room import words\nfrom xlembed.kinds import one\n"
        "def work():\n    from xlembed import inside\n    return inside, one, words\n",
        "inside.py": "from xlembed import kinds_of_things\nOWN = 'xlembed.modules.'\n",
        "types_only.py": "",
        "unused.py": "",
        "room/__init__.py": "words = 1\n",
        "room/words.yaml": "",
        "kinds/__init__.py": "",
        "kinds/one.py": "from pathlib import Path\nHERE = Path(__file__).with_suffix('.yaml')\n",
        "kinds/one.yaml": "",
        "kinds/two.py": "",
        "kinds_of_things/__init__.py": "",
        "kinds_of_things/first.py": "import xlembed.deep.below\n",
        "modules/__init__.py": "",
        "modules/head.py": "from pathlib import Path\nT = Path(__file__).parent.parent / 'room' / 'words.yaml'\n",
        "deep/__init__.py": "",
        "deep/below.py": "",
    }
    for name, content in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(content, encoding="utf-8")
    code, whole = closure("xlembed.job", src=tmp_path)
    assert {path.relative_to(package).as_posix() for path in code} == {
        *("__init__.py", "job.py", "inside.py", "room/__init__.py", "kinds/__init__.py", "kinds/one.py"),
        *(
            "kinds_of_things/__init__.py",
            "kinds_of_things/first.py",
            "modules/__init__.py",
            "modules/head.py",
        ),
        *("deep/__init__.py", "deep/below.py"),
    }
    assert {path.resolve().relative_to(package).as_posix() for path in whole} == {
        *("kinds/one.yaml", "kinds_of_things", "modules", "room/words.yaml")
    }


def test_every_import_by_name_is_one_the_closure_knows() -> None:
    """Registries import a package as such; loading takes `models.modules` by its name; the command line is no dep."""
    found = {
        path.relative_to(ROOT / "src/xlembed").as_posix()
        for path in (ROOT / "src/xlembed").rglob("*.py")
        if "import_module(" in path.read_text(encoding="utf-8")
    }
    assert found == {
        *("cli/__init__.py", "fields.py", "registry.py", "models/loading.py"),
    }


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_the_sections_of_params_yaml_that_its_code_reads(stage: str) -> None:
    code, _ = closure(*JOBS.get(stage, (f"xlembed.{stage}.job",)))
    read = {
        node.attr
        for path in code
        if path.name != "workspace.py"  # opens tasks by `corpus` and models by `models` for those who ask
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in Settings.model_fields
        and ast.unparse(node.value).split(".")[-1] == "settings"
    }
    read |= {"corpus"} if stage not in ("compare", "probe") else set()
    read |= {"models"} if stage != "compare" else set()
    read |= {"run"} if stage in ("compare", "report") else set()
    assert {parameter.partition(".")[0] for parameter in STAGES[stage]["params"]} == read


# What `dvc status` says in a checkout


def fill(path: Path, content: str = "{}") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """This package and dvc.yaml, small data, and outputs as if everything had run."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(
        ROOT / "src",
        root / "src",
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.safetensors"),
    )
    shutil.copy(ROOT / ".dvcignore", root)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"run": {"tasks": [*TASKS], "models": [*MODELS]}, "finetune": {"recipes": ["shop_static"]}}
    params["probe"]["tasks"] = ["moods"]
    fill(root / "params.yaml", yaml.safe_dump(params))
    for name in (
        *TASKS,
        "scored/moods",
        "pairs/shop_pairs",
        "pairs/shop_translations",
        "pairs/shop_dev",
        "pairs/mine",
    ):
        fill(root / "data" / name / "rows.jsonl")
    fill(root / "dvc.yaml", rewritten((ROOT / "dvc.yaml").read_text(encoding="utf-8"), root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site")))
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.chdir(root)
        with Repo.init(str(root), no_scm=True) as repo:
            for stage in repo.index.stages:
                for out in stage.outs:
                    path = Path(out.fs_path)
                    fill(path if path.suffix in (".json", ".csv") else path / "made.txt")
            repo.commit(force=True)
        with Repo(str(root)) as repo:
            assert repo.status() == {}
            yield Checkout(root, list(repo.index.stages))


@dataclass(frozen=True)
class Checkout:
    """A checkout and its stages, read once: parsing dvc.yaml takes longer than judging it."""

    root: Path
    stages: list[Stage]

    def status(self) -> set[str]:
        """Stages that `dvc status` names."""
        with self.stages[0].repo.lock:
            return {stage.addressing for stage in self.stages if stage.status()}


def stages(*names: str, of: list[str] = PAIRS) -> set[str]:
    """`encode` -> encode of every task and model in `of`; compare and report are one stage each."""
    return {
        stage
        for name in names
        for stage in (
            [name] if name in ("compare", "report") else [f"{name}@{item}" for item in OTHERS.get(name, of)]
        )
    }


EVERY = ("encode", "index", "evaluate", "analyse", "finetune", "probe", "compare", "report")
CODE = "src/xlembed"
EDITS = {
    # code
    f"{CODE}/search/exact.py": stages("index", "evaluate", "finetune"),
    f"{CODE}/stats/mcnemar.py": stages("compare", "report", "finetune"),
    f"{CODE}/analyse/isotropy.py": stages("analyse"),
    f"{CODE}/files.py": stages(*EVERY),
    # writers, figures, templates, files of registries
    f"{CODE}/show/docx.py": stages("probe"),
    f"{CODE}/show/templates/latex/main.tex.j2": stages("report"),
    f"{CODE}/show/templates/html/report.css": stages("probe", "report"),
    f"{CODE}/evaluate/figures/runs/language_bars.py": stages("evaluate", "finetune"),
    f"{CODE}/evaluate/figures/comparisons/a_new_one.py": stages("compare", "report", "finetune"),
    f"{CODE}/paradox/figures/variants.py": stages("report"),
    f"{CODE}/probe/kinds/a_new_one.py": stages("probe"),
    f"{CODE}/models/modules/residual_head.py": stages(*EVERY),
    # cards and recipes
    f"{CODE}/models/cards/bm25.yaml": stages(*EVERY),
    f"{CODE}/finetune/recipes/shop_static.yaml": stages("finetune"),
    # data
    "data/other/rows.jsonl": stages("encode", "index", "evaluate", "analyse", of=PAIRS[1:])
    | stages("report"),
    "data/pairs/shop_dev/rows.jsonl": stages("finetune"),
    "data/scored/moods/rows.jsonl": stages("probe"),
    # results: of the models that are compared, and of others
    "runs/reviews_sample/bm25/made.txt": stages("compare", "report") | {"evaluate@reviews_sample-bm25"},
}


NOTHING = (
    f"{CODE}/tracking/log.py",
    f"{CODE}/data/importers/tatoeba.py",
    f"{CODE}/finetune/recipes/turkish_static.yaml",
    "data/pairs/mine/rows.jsonl",
    "runs/reviews_sample/leftover/units.parquet",
    "analysis/reviews_sample/leftover/analysis.json",
    f"{CODE}/index/__pycache__/exact.cpython-311.pyc",
    f"{CODE}/report/figures/runs/__pycache__/forest.cpython-311.pyc",
    "docs/index.md",
    "tests/test_dvc.py",
)
"""Files that no stage of this params.yaml can be changed by."""


@contextlib.contextmanager
def edited(path: Path) -> Iterator[None]:
    """A line more, or a new file; afterwards as before."""
    before = path.read_bytes() if path.exists() else None
    fill(path, (before or b"").decode("utf-8") + "\n# edited\n")
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_reruns_exactly_the_stages_that_it_can_change(checkout: Checkout, name: str) -> None:
    with edited(checkout.root / name):
        assert checkout.status() == EDITS[name]


def test_an_edit_elsewhere_reruns_nothing(checkout: Checkout) -> None:
    with contextlib.ExitStack() as edits:
        for name in NOTHING:
            edits.enter_context(edited(checkout.root / name))
        with Repo(str(checkout.root)) as repo:
            assert repo.status() == {}


SETTINGS = {
    "paradox.margin_mono": (0.1, ()),
    "encode.batch_tokens": (512, ()),
    "corpus.max_documents_per_language": (
        30,
        ("encode", "index", "evaluate", "analyse", "finetune", "report"),
    ),
    "encode.instruction": ("Find it", ("encode", "evaluate", "analyse", "finetune", "probe")),
    "index.engine": ("elasticsearch", ("index", "evaluate", "finetune")),
    "index.replicas": (1, ("index",)),
    "evaluate.depth": (500, ("evaluate", "finetune")),
    "compare.alpha": (0.01, ("compare", "report", "finetune")),
    "analyse.folds": (3, ("analyse",)),
    "probe.split_seed": (7, ("probe",)),
    "models.mine": (
        {"source": "somewhere", "languages": ["en"]},
        ("encode", "index", "evaluate", "analyse", "finetune", "probe", "report"),
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_reruns_exactly_the_stages_that_read_it(checkout: Checkout, name: str) -> None:
    path = checkout.root / "params.yaml"
    before = path.read_text(encoding="utf-8")
    section, _, key = name.partition(".")
    params = yaml.safe_load(before)
    params[section][key] = SETTINGS[name][0]
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    try:
        assert checkout.status() == stages(*SETTINGS[name][1])
    finally:
        path.write_text(before, encoding="utf-8")


# The lists that follow from params.yaml


def test_runs_that_dvc_yaml_lacks_or_has_too_many_are_told(checkout: Checkout) -> None:
    told = undeclared(RunSettings(tasks=TASKS, models=("e5_small",)), checkout.root / "dvc.yaml")
    assert "compare lacks runs/other/e5_small; lacks runs/reviews_sample/e5_small" in told
    assert "names runs/other/bm25, which params.yaml does not" in told and "make deps" in told
    assert undeclared(RunSettings(tasks=TASKS, models=MODELS), checkout.root / "dvc.yaml") == ""
    assert undeclared(RunSettings(), checkout.root / "no_such.yaml") == ""
