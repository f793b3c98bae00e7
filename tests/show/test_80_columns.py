"""Every kind of table on a terminal of 80 columns: no line is wider, no word and no number is torn, no head is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from analyse.test_analysis_figures import analysis
from fakes.document_fakes import guide, inputs
from fakes.report_fakes import MODELS, comparisons, several
from finetune.finetuning_fakes import ablation, finetuning
from probe.probe_fakes import DIMENSIONS, fake
from probe.probe_fakes import MODELS as PROBED
from tune_index.test_tune_index import ROWS, report
from xlembed.analyse.tables import analysis_tables
from xlembed.cli.finetune import _recipes
from xlembed.cli.guide import _scenarios
from xlembed.cli.models import _table
from xlembed.evaluate.tables import comparison_table, language_table, scores_table
from xlembed.finetune.ablation_tables import ablation_tables
from xlembed.finetune.tables import before_after_table, change_table, learned_table, stages_table, sts_table
from xlembed.guide.tables import guide_table
from xlembed.models.catalogue import catalogue
from xlembed.probe.document import probe_tables
from xlembed.report.assemble import assemble
from xlembed.show.console import grid_lines
from xlembed.show.content import Grid
from xlembed.show.folding import text_width
from xlembed.tune_index.tables import tuning_table

WIDTH = 80


def _finetuned() -> Iterable[Grid]:
    found = finetuning()
    yield from (stages_table(found), change_table(found), learned_table(found), sts_table(found))
    yield from (before_after_table(found, task) for task in found["evaluations"][0]["tasks"])


def _probed() -> Iterable[Grid]:
    found = fake(n_texts=90, study=True, dimensions=DIMENSIONS[:1], models=PROBED[:2])
    return probe_tables(found.report, found.timings)


GRIDS: dict[str, Callable[[], Iterable[Grid]]] = {
    "models": lambda: [_table(list(catalogue().values()))],
    "recipes": lambda: [_recipes()],
    "scenarios": lambda: [_scenarios()],
    "run": lambda: [scores_table(several(9)), language_table(several(9)[0])],
    "compare": lambda: [comparison_table(comparisons(MODELS[:4]), several(4))],
    "guide": lambda: [guide_table(guide(MODELS[:4])), guide_table(guide(("a+very+long" * 6, "b")))],
    "analyse": lambda: analysis_tables([analysis()]),
    "finetune": _finetuned,
    "ablate": lambda: ablation_tables(ablation(seeds=2)),
    "probe": _probed,
    "tune-index": lambda: [tuning_table(report(ROWS))],
    "report": lambda: assemble(
        inputs()
    ).grids(),  # tables with a dozen columns, which the terminal never sees
}


@pytest.mark.parametrize("command", GRIDS)
def test_tables_fit(command: str) -> None:
    grids = list(GRIDS[command]())
    assert grids
    for grid in grids:
        lines = [line for line, _ in grid_lines(grid, WIDTH)]
        said = " ".join(lines).split()
        texts = [grid.title, *(head.text for head in grid.heads), *grid.notes]
        texts += [cell.text for row in grid.lines for cell in row.cells]
        torn = {word for text in texts for word in text.split() if not any(word in of for of in said)}
        assert not torn, (grid.title, torn)
        for row in grid.lines:
            for cell in row.cells:
                assert any(cell.interval in line for line in lines), (grid.title, cell.interval)
        longest = max(text_width(word) for text in [*texts, ""] for word in text.split() or [""])
        assert max(map(text_width, lines)) <= max(WIDTH, longest), grid.title
