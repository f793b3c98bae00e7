"""Does dvc.yaml name the inputs that the lists in params.yaml ask for? DVC takes no lists among deps."""

from __future__ import annotations

from pathlib import Path

import yaml

from xlembed.settings import RunSettings


def undeclared(run: RunSettings, dvc_file: Path) -> str:
    """What is wrong with the runs that `compare` and `report` depend on in dvc.yaml; empty if nothing is.

    Args:
        run: tasks and models of params.yaml.
        dvc_file: dvc.yaml; one that is not there, or lacks a stage, says nothing wrong.
    """
    stages = yaml.safe_load(dvc_file.read_text(encoding="utf-8"))["stages"] if dvc_file.is_file() else {}
    wanted = {f"runs/{task}/{model}" for task in run.tasks for model in run.models}
    for name in ("compare", "report"):
        deps = stages.get(name, {}).get("deps", [])
        named = {dep for dep in deps if isinstance(dep, str) and dep.startswith("runs/")}
        if name in stages and named != wanted:
            found = [f"lacks {path}" for path in sorted(wanted - named)]
            found += [f"names {path}, which params.yaml does not" for path in sorted(named - wanted)]
            return (
                f"dvc.yaml: stage {name} {'; '.join(found)}. DVC would not know when to run it again: "
                "make deps writes these lists from params.yaml"
            )
    return ""
