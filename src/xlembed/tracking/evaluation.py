"""What the run of one evaluated model records, so that the MLflow UI compares models with no extra work."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from xlembed.models.spec import ModelRef
from xlembed.settings import Settings
from xlembed.show.notes import pool_note
from xlembed.stats.scorebook import MACROS, ScoreBook
from xlembed.tracking.log import Inputs, describe, log_result, log_table

SECTIONS = ("corpus", "encode", "index", "evaluate")
TABLE = "scores_table.json"


class Named(Protocol):
    """A task, or what is known of one that need not be read."""

    @property
    def name(self) -> str:
        """Of the task."""

    @property
    def digest(self) -> str:
        """Of its texts and judgements."""


def run_tags(ref: ModelRef, task: Named) -> dict[str, str]:
    """Tags known before any work is done."""
    return {"task": task.name, "model": ref.slug, "english_only": str(ref.english_only).lower()}


def evaluation_inputs(settings: Settings, ref: ModelRef, task: Named, task_folder: Path) -> Inputs:
    """Settings, model card and data of an evaluation."""
    names = {"model.slug": ref.slug, "model.suffix": ref.variation.suffix, "task.name": task.name}
    card = {"card": ref.card.model_dump(mode="json", exclude_defaults=True)}
    return Inputs(settings, SECTIONS, task.name, task_folder, task.digest, params=names, notes=card)


def log_evaluation(run_folder: Path) -> dict[str, float]:
    """Tags, headline metrics, which are returned, the table of all scores, and all files of runs/TASK/MODEL."""
    book = ScoreBook.read(run_folder / "scores.json", "evaluate the model again")
    log_result(book, run_folder)
    describe(_description(book))
    log_table([row.model_dump(mode="json", exclude={"cells"}) for row in book.scores], TABLE)
    return book.metrics()


def _description(book: ScoreBook) -> str:
    """Markdown: the macro averages with their intervals, labels, and where to go on."""
    lines = [f"**{book.model}** on **{book.task}**, {book.primary_measure} in % with 95 % intervals", ""]
    lines += ["| mode | score | interval | questions |", "|---|---|---|---|"]
    for macro in MACROS:
        if (row := book.macro(macro)) is not None:
            ends = (
                "too few clusters"
                if row.interval is None
                else "[{:.1f}, {:.1f}]".format(*(100 * end for end in row.interval))
            )
            lines.append(f"| {macro.title} | {100 * row.value:.1f} | {ends} | {row.n_needs:,} |")
    said = [book.footnote(), pool_note(book), book.weights, *book.warnings]
    lines += ["", *(f"- {text}" for text in said if text), ""]
    lines.append(
        f"All scores: `{TABLE}`, `scores.json`, `figures/` among the artifacts. Models side by side, with tests: "
    )
    lines.append(f"`xlembed compare`; the page that says which to take: `xlembed report -t {book.task}`.")
    return "\n".join(lines)
