"""What the stages of dvc.yaml can be changed by: all code and data of the package that a stage's job reaches.

`make deps` writes it into dvc.yaml, below the line `MARK` of each stage; tests/test_dvc.py fails when they disagree.
A stage starts from its job, src/xlembed/STAGE/job.py or what `JOBS` names. The command line around it reads options,
tracks and prints, which changes no output, and is no dep.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from xlembed.finetune.recipe_loading import read_recipe, set_names
from xlembed.params import load_settings
from xlembed.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
MARK = "      # below: make deps\n"
JOBS = {
    **{stage: (f"xlembed.evaluate.{stage}",) for stage in ("encode", "index", "compare")},
    "finetune": ("xlembed.finetune.job", "xlembed.finetune.recipe_loading"),
}
"""Stage -> modules to start from, where the job is not all: --register-as changes the recipe."""
OPENING = ("xlembed.data.loading", "xlembed.tracking.opening")
"""What opens the inputs of every stage but compare, before its job begins."""
OWN_FILE = {("finetune", "src/xlembed/finetune/recipes"): "src/xlembed/finetune/recipes/${item.recipe}.yaml"}
"""A folder of which each item of the stage's matrix reads its own file."""


# The import closure


def find_module(name: str, src: Path) -> Path | None:
    """The file of a module of ours."""
    place = src / name.replace(".", "/")
    return next((f for f in (place / "__init__.py", place.with_suffix(".py")) if f.is_file()), None)


def executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that can run: what is under `if TYPE_CHECKING` cannot."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from executed(node)


def imports(tree: ast.AST, file: Path, src: Path) -> Iterator[tuple[str, bool]]:
    """(module, whether its whole folder counts), wherever in the file it is imported.

    A package that is imported as such (`from xlembed.probe import kinds`) or named by a string
    (`"xlembed.models.modules."`) is a registry: what is in it is found at run time.
    """
    for node in executed(tree):
        whole: list[str] = []
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports are not followed"
            yield str(node.module), False
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and re.fullmatch(r"xlembed(\.\w+)+\.?", str(node.value)):
            whole = [str(node.value).rstrip(".")]
        for name in whole:
            found = find_module(name, src)
            if found is not None:
                yield name, found.name == "__init__.py"


def data_files(tree: ast.AST, file: Path) -> Iterator[Path]:
    """Files and folders beside the code that it names by `__file__`."""
    done: set[ast.AST] = set()
    for node in ast.walk(tree):  # outer expressions come first
        if not isinstance(node, ast.expr) or node in done:
            continue
        if not any(isinstance(part, ast.Name) and part.id == "__file__" for part in ast.walk(node)):
            continue
        try:
            names = {"__builtins__": {}, "Path": Path, "__file__": str(file)}
            found = eval(compile(ast.Expression(node), str(file), "eval"), names)
        except (NameError, AttributeError):
            continue  # a larger expression around the path
        done.update(ast.walk(node))
        assert isinstance(found, Path) and found.exists() and not (found / "__init__.py").exists(), (
            f"{file}: {ast.unparse(node)} must name a file, or a folder that holds no code"
        )
        yield found


@cache
def looked_at(file: Path, src: Path) -> tuple[tuple[tuple[str, bool], ...], tuple[Path, ...]]:
    """Imports and data of one file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = tuple(sorted({i for i in imports(tree, file, src) if i[0].split(".")[0] == "xlembed"}))
    return found, tuple(data_files(tree, file))


def closure(*starts: str, src: Path = ROOT / "src") -> tuple[set[Path], set[Path]]:
    """Everything that modules reach by imports, also inside functions.

    Returns:
        Code files, and files and folders that are taken whole.
    """
    todo, code, whole = [(name, False) for name in starts], set(), set()
    assert all(find_module(name, src) for name in starts), f"no module of {starts}"
    while todo:
        name, registry = todo.pop()
        file = find_module(name, src)
        if file is None:
            continue  # a name inside a module
        if registry and file.parent not in whole:
            whole.add(file.parent)
            todo += [(f"{name}.{entry.stem}", False) for entry in file.parent.glob("[!_]*.py")]
        if file in code:
            continue
        code.add(file)
        names, data = looked_at(file, src)
        whole.update(data)
        todo += [*names, (name.rpartition(".")[0], False)]  # importing a module runs the packages around it
    return code, whole


# The deps of dvc.yaml


def code_deps(stage: str, root: Path = ROOT) -> list[str]:
    """Code and data of the package that a stage reaches: a folder where it reaches all of it, else single files."""
    jobs = JOBS.get(stage, (f"xlembed.{stage}.job",))
    opening = () if stage == "compare" else OPENING
    code, whole = closure(*jobs, *opening, src=root / "src")
    reached = {path for path in (*code, *whole) if not any(folder in path.parents for folder in whole)}
    own = {root / name for of, name in OWN_FILE if of == stage}
    assert own <= reached, f"{stage} does not reach {own - reached}"
    reached -= own  # so that no folder around it is taken whole
    for folder in sorted(folders(root / "src" / "xlembed"), reverse=True):  # the deepest first
        inside = {path for path in folder.iterdir() if path.name != "__pycache__"}
        if inside and inside <= reached:
            reached = reached - inside | {folder}
    names = sorted(path.relative_to(root).as_posix() for path in reached | own)
    return [OWN_FILE.get((stage, name), name) for name in names]


def folders(top: Path) -> Iterator[Path]:
    """All folders of code and data below a folder."""
    return (path for path in top.rglob("*") if path.is_dir() and path.name != "__pycache__")


def input_deps(stage: str, settings: Settings, root: Path = ROOT) -> list[str]:
    """What the lists in params.yaml make a stage read; DVC takes no lists among deps."""
    run = settings.run
    pairs = [f"{task}/{model}" for task in run.tasks for model in run.models]
    found: list[str] = []
    if stage in ("encode", "analyse"):
        suffixes = [suffix for model in run.models for suffix in model.split("+")[1:]]
        sets = [name for suffix in suffixes if (name := suffix.removeprefix("shift-")) != suffix]
        found += [f"data/pairs/{name}" for name in sets]
    if stage in ("compare", "report"):
        found += [f"runs/{pair}" for pair in pairs]
    if stage == "compare":
        found += [f"results/{pair}.details.json" for pair in pairs]
    if stage == "report":
        found += [f"analysis/{pair}" for pair in pairs] + [f"data/{task}" for task in run.tasks]
    if stage == "finetune":
        for name in settings.finetune.recipes:
            recipe = read_recipe(root / "src/xlembed/finetune/recipes" / f"{name}.yaml")
            found += [f"data/pairs/{pair_set}" for pair_set in set_names(recipe)]
            found += [f"data/{task}" for task in recipe.evaluate.tasks]
    named = [] if stage == "compare" else [str(entry.get("source", "")) for entry in settings.models.values()]
    named += [settings.analyse.word_pairs] if stage == "analyse" else []
    named += settings.probe.rivals if stage == "probe" else ()
    found += [path for path in named if path and (root / path).exists()]  # files of the user's own
    return list(dict.fromkeys(found))


def rewritten(text: str, root: Path = ROOT) -> str:
    """dvc.yaml with the deps below each `MARK` as they should be; everything else stays, comments too."""
    settings = load_settings(root / "params.yaml")
    for stage in yaml.safe_load(text)["stages"]:
        deps = [*input_deps(stage, settings, root), *code_deps(stage, root)]
        lines = "".join(f"      - {dep}\n" for dep in deps)
        pattern = rf"(?ms)(^  {stage}:\n(?:(?!^  \w).)*?{re.escape(MARK)})(?:      - [^\n]*\n)*"
        text, n = re.subn(pattern, lambda match, lines=lines: match[1] + lines, text)
        assert n == 1, f"dvc.yaml: stage {stage} needs the line {MARK.strip()!r} at the end of its deps"
    return text


if __name__ == "__main__":
    DVC = ROOT / "dvc.yaml"
    DVC.write_text(rewritten(DVC.read_text(encoding="utf-8")), encoding="utf-8")
