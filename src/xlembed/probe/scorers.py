"""Systems of a probe run as scorers: text in, scores out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlembed.embeddings.encoding import open_encoding
from xlembed.probe.figures_data import LOWER_IS_BETTER
from xlembed.probe.job import Probed, saved_name
from xlembed.probe.served import columns, write_scorer
from xlembed.words import Choice
from xlembed.workspace import Workspace


class Logged(Choice):
    """Which systems become MLflow models."""

    BEST = "best"
    """The probe with the best primary measure."""
    ALL = "all"
    """Every probe and rival."""
    NONE = "none"


def chosen_systems(report: Mapping[str, Any], wanted: Logged) -> tuple[str, ...]:
    """Names; the floor is never among them."""
    if wanted is Logged.NONE:
        return ()
    if wanted is Logged.ALL:
        return tuple(s["name"] for s in report["systems"] if s["kind"] != "floor")
    probes = {s["name"] for s in report["systems"] if s["kind"] == "probe"}
    rows = [
        r
        for r in report["scores"]
        if r["system"] in probes
        and r["measure"] == report["primary"]
        and r["lang"] is None
        and r["dimension"] is None
    ]
    sign = 1 if report["primary"] in LOWER_IS_BETTER else -1
    return tuple(r["system"] for r in sorted(rows, key=lambda r: (sign * r["value"], r["system"]))[:1])


def put_together(name: str, found: Probed, workspace: Workspace, folder: Path) -> list[tuple[str, str]]:
    """Write the scorer of a system into a new folder.

    Args:
        name: of the system.
        found: with its fitted files.
        workspace: that finds the model's files.
        folder: is made; holds links to files that lie elsewhere.

    Returns:
        Name and type of each column that it gives.
    """
    system = next(s for s in found.systems if s.name == name)
    dimensions = [d["name"] for d in found.report["dimensions"]]
    thresholds = system.about["thresholds"]
    if system.ref is None:
        whole = folder.with_name(folder.name + "-rival")
        system.save_whole(whole)
        write_scorer(
            folder, dimensions=dimensions, thresholds=thresholds, bounds=found.bounds, parts={"rival": whole}
        )
    else:
        parts = {
            "encoder": open_encoding(system.ref, workspace).folder,
            "probe": found.folder / "models" / saved_name(name),
        }
        instruction = workspace.settings.encode.instruction
        write_scorer(
            folder,
            dimensions=dimensions,
            thresholds=thresholds,
            bounds=found.bounds,
            parts=parts,
            ref=system.ref,
            instruction=instruction,
        )
    return columns(dimensions, labels=thresholds is not None)
