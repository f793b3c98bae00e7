"""Settings and paths of one job: where everything lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xlembed.files import default_cache
from xlembed.settings import Settings

Watch = Callable[[str, int, int], None]
"""Told (what, done, total) as long work goes on."""


def unwatched(what: str, done: int, total: int) -> None:
    """For callers that do not look."""


@dataclass(frozen=True)
class Workspace:
    """Settings and paths of one job.

    Attributes:
        settings: of all stages.
        root: the checkout: data/, params.yaml, mlflow.db.
        out: where results are written; the checkout itself unless the user said otherwise.
        es_url: Elasticsearch server instead of the environment's; never among the settings, which are recorded.
    """

    settings: Settings
    root: Path = Path()
    out: Path = Path()
    es_url: str | None = None

    @property
    def cache(self) -> Path:
        """The store of vectors, shared by every checkout of this user."""
        return default_cache()

    def embeddings(self, task: str, model: str) -> Path:
        """Export of one model's vectors of one task."""
        return self.out / "embeddings" / task / model

    def index_file(self, task: str, model: str) -> Path:
        """What was indexed where."""
        return self.out / "indices" / task / f"{model}.json"

    def run_folder(self, task: str, model: str) -> Path:
        """Units, scores, run files and figures."""
        return self.out / "runs" / task / model

    def evaluation(self, task: str, model: str) -> dict[str, Path]:
        """All that the stages from encode to evaluate write of a model: folders and single files, by what they hold."""
        return {
            "embeddings": self.embeddings(task, model),
            "index": self.index_file(task, model),
            "runs": self.run_folder(task, model),
            "result": self.result_file(task, model),
            "details": self.details_file(task, model),
        }

    def analysis_folder(self, task: str, model: str) -> Path:
        """Geometry, morphology and tokens of one model on one task."""
        return self.out / "analysis" / task / model

    def result_file(self, task: str, model: str) -> Path:
        """The headline, a file of metrics."""
        return self.out / "results" / task / f"{model}.json"

    def details_file(self, task: str, model: str) -> Path:
        """Macros and languages with all that they depend on."""
        return self.out / "results" / task / f"{model}.details.json"

    def reports(self, kind: str, *names: str) -> Path:
        """What a kind of study writes; `names` are the task's and what else tells one from another."""
        return self.out.joinpath("reports", kind, *names)
