"""One file per figure: a module here that has a `FIGURE` is drawn for every run or comparison."""

from xlembed.report.figures.registry import (
    ComparisonFigure,
    RunFigure,
    comparison_figures,
    draw_comparison,
    draw_run,
    run_figures,
)

__all__ = [
    "ComparisonFigure",
    "RunFigure",
    "comparison_figures",
    "draw_comparison",
    "draw_run",
    "run_figures",
]
