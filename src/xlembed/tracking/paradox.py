"""What the run of a paradox test records: numbers per model, correlations, the verdict, all files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlembed.tracking.log import log_folder, log_metrics, log_params, log_tags

PER_MODEL = ("separation", "monolingual", "true_cross_all", "true_cross_target", "loss_weak", "loss_strong")


def log_paradox(report: Mapping[str, Any], folder: Path) -> None:
    """Write the report into the active run."""
    margins = report["margins"]
    log_params(
        {
            "paradox.models": ",".join(row["model"] for row in report["models"])[:6000],
            "paradox.measure": str(report["measure"]),
            "paradox.alpha": str(report["alpha"]),
            **{f"paradox.margin_{name}": str(value) for name, value in margins.items()},
        }
    )
    log_tags({"task_digest": str(report["task_digest"]), "verdict": str(report["verdict"]["outcome"])})
    log_metrics(paradox_metrics(report))
    log_folder(folder)


def paradox_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """`MODEL/separation`, `MODEL/loss_strong` ..., `rho/loss_strong` and its adjusted p; unknown ones are left out."""
    found: dict[str, float | None] = {}
    for row in report["models"]:
        found |= {f"{row['model']}/{key}": row[key]["value"] for key in PER_MODEL if row[key] is not None}
    for row in report["correlations"]:
        found[f"rho/{row['against']}"] = row["rho"]
        found[f"rho/{row['against']}/p_adjusted"] = row["p_adjusted"]
    for row in report["loss_changes"]:
        found[f"{row['variant']}_minus_{row['base']}/{row['kind']}"] = row["difference"]
    return {key: value for key, value in found.items() if value is not None}
