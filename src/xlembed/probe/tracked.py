"""What the run of a probe comparison records: a child run per system, its scores and costs, scorers as models."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from xlembed.data.scored import ScoredSet
from xlembed.embeddings.encoding import open_encoding
from xlembed.probe.figures_data import LOWER_IS_BETTER
from xlembed.probe.job import Probed, saved_name
from xlembed.probe.served import columns, write_scorer
from xlembed.settings import Settings
from xlembed.tracking.log import Inputs, log_file, log_folder, log_metrics, log_tags
from xlembed.tracking.runs import child_run
from xlembed.tracking.scorers import log_scorer
from xlembed.words import Choice
from xlembed.workspace import Workspace

SECTIONS = ("encode", "probe")
WriteScorer = Callable[[Path], list[tuple[str, str]]]
"""Writes a scorer into a new folder; gives name and type of each column that comes out of it."""


def probe_inputs(settings: Settings, scored: ScoredSet, models: Iterable[str]) -> Inputs:
    """Settings and texts of a comparison of probes; `models` are those that are probed, whatever params.yaml lists."""
    asked = settings.probe.model_copy(update={"tasks": (scored.name,), "models": tuple(models)})
    settings = settings.model_copy(update={"probe": asked})
    params, tags = {"task.name": scored.name}, {"kind": "probe", "task_digest": scored.digest}
    return Inputs(settings, SECTIONS, scored.name, scored.folder, scored.digest, params, tags)


def log_probed(
    report: Mapping[str, Any],
    timings: Mapping[str, Any],
    files: Iterable[Path],
    scorers: Mapping[str, WriteScorer],
) -> dict[str, str]:
    """Files of the active run, and a child run for each system.

    Systems that have a writer in `scorers` become models of their runs.

    Returns:
        System -> URI of its model.
    """
    for place in files:
        (log_folder if place.is_dir() else log_file)(place)
    uris = {}
    for row in report["systems"]:
        name = row["name"]
        with child_run(name), tempfile.TemporaryDirectory() as temporary:
            log_tags(system_tags(row, report))
            log_metrics(system_metrics(name, report, timings.get(name, {})))
            if name in scorers:
                folder = Path(temporary) / "scorer"
                outputs = scorers[name](folder)
                metadata = {"task": report["task"], "system": name, "english_only": row["english_only"]}
                uris[name] = log_scorer(folder, model_name(name), outputs, metadata)
    return uris


def model_name(system: str) -> str:
    """MLflow allows neither colons nor dots in the name of a logged model."""
    return re.sub(r"[^\w-]", "_", system)


def system_tags(row: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, str]:
    """What the UI can filter by."""
    verdicts = [v for v in report["verdicts"] if v["system"] == row["name"]]
    return {
        "task": report["task"],
        "system_kind": row["kind"],
        "model": row["model"] or "",
        "probe": row["probe"] or "",
        "english_only": str(row["english_only"]).lower(),
        **{f"verdict.{v['rival'] or 'no_rival'}": v["outcome"] for v in verdicts},
    }


def system_metrics(name: str, report: Mapping[str, Any], timing: Mapping[str, Any]) -> dict[str, float]:
    """`mae`, `mae/ci_low`, `mae/dimension/joy`, `mae/fr`, `mae/fr/joy`, ...; `speed/ms_per_text`, `size/...`."""
    metrics: dict[str, float] = {}
    for row in report["scores"]:
        if row["system"] != name or row["value"] is None:
            continue
        parts = [row["measure"].lower(), row["lang"], row["dimension"] and f"dimension/{row['dimension']}"]
        key = "/".join(part for part in parts if part)
        metrics[key] = row["value"]
        if row["dimension"] is None:
            metrics |= {f"{key}/{end}": row[end] for end in ("ci_low", "ci_high") if row[end] is not None}
    for key in ("fit_seconds", "ms_per_text"):
        if timing.get(key) is not None:
            metrics[f"speed/{key}"] = float(timing[key])
    about = next(row for row in report["systems"] if row["name"] == name)
    for key in ("trainable_parameters", "total_parameters", "model_bytes", "probe_bytes"):
        if about.get(key) is not None:
            metrics[f"size/{key}"] = float(about[key])
    return metrics


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
    whole = (report["primary"], None, None)
    rows = [r for r in report["scores"] if (r["measure"], r["lang"], r["dimension"]) == whole]
    rows = [r for r in rows if r["system"] in probes]
    sign = 1 if report["primary"] in LOWER_IS_BETTER else -1
    return tuple(r["system"] for r in sorted(rows, key=lambda r: (sign * r["value"], r["system"]))[:1])


def put_together(name: str, found: Probed, workspace: Workspace, folder: Path) -> list[tuple[str, str]]:
    """Write the scorer of a system into a new folder.

    Returns:
        Name and type of each column that it gives.
    """
    system = next(s for s in found.systems if s.name == name)
    dimensions = [d["name"] for d in found.report["dimensions"]]
    thresholds = system.about["thresholds"]
    if system.ref is None:
        parts = {"rival": folder.with_name(folder.name + "-rival")}
        system.save_whole(parts["rival"])
    else:
        encoder = open_encoding(system.ref, workspace).folder
        parts = {"encoder": encoder, "probe": found.folder / "models" / saved_name(name)}
    write_scorer(
        folder,
        dimensions=dimensions,
        thresholds=thresholds,
        bounds=found.bounds,
        parts=parts,
        ref=system.ref,
        instruction=workspace.settings.encode.instruction,
    )
    return columns(dimensions, labels=thresholds is not None)
