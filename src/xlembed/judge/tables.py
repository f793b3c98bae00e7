"""Agreement with people, and what models find by either judge."""

from __future__ import annotations

from xlembed.judge.result import Judged
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.text import estimate_text, percent, plain, plain_interval
from xlembed.stats.kappa import Kappa
from xlembed.stats.prediction_powered import FEWEST, Mean
from xlembed.words import counted


def judge_grids(judged: Judged) -> list[Grid]:
    """Agreement where there are human judgements, then precision of each model."""
    return [*([_agreement(judged)] if judged.agreement else []), _precision(judged)]


def _agreement(judged: Judged) -> Grid:
    rows = [
        row(name, f"{_pairs(of):,}", f"{of.clusters:,}", percent(of.agreed), _kappa(of), f"{of.only_first:,}",
            f"{of.only_second:,}", strong=name == "all")
        for name, of in judged.agreement.items()
    ]  # fmt: skip
    notes = (
        f"People: {judged.people}. Right is a grade of 1 or more.",
        "kappa: 0 as by chance, 1 always agreed; 95 % CI by resampling questions; n/a: both judges say the same of "
        "all pairs.",
    )
    columns = heads(
        "questions in", "pairs", "questions", "agreed %", "kappa", "right by machine alone", "by people alone"
    )
    return Grid("agreement", f"{judged.judge} and people", columns, tuple(rows), notes=notes)


def _precision(judged: Judged) -> Grid:
    with_people = any(of.human for of in judged.precision)
    rows = [
        row(
            of.model,
            Cell(_mean(of.machine), label="machine judgements"),
            *([_mean(of.human), _mean(of.powered)] if with_people else []),
        )
        for of in judged.precision
    ]
    questions = {of.machine.units for of in judged.precision}
    notes = [
        f"In %, mean over {counted(max(questions, default=0), 'question')}, 95 % CI. "
        f"Judged by the language model {judged.judge}."
    ]
    if with_people:
        people = max((of.human.units for of in judged.precision if of.human), default=0)
        notes.append(
            f"by people: the {counted(people, 'question')} of which they judged all documents found. corrected: "
            "prediction-powered (Angelopoulos et al. 2023), right if those questions were drawn at random; n/a with "
            f"fewer than {FEWEST} questions judged by people or by the machine alone."
        )
    columns = heads("model", "by machine", *(["by people", "corrected"] if with_people else []))
    title = f"{judged.task}: right among the first {judged.depth}"
    failed = [f"Without a usable grade: {n:,}, {reason}." for reason, n in list(judged.failures.items())[:3]]
    return Grid("precision", title, columns, tuple(rows), notes=(*notes, *failed))


def _pairs(of: Kappa) -> int:
    return of.both + of.only_first + of.only_second + of.neither


def _kappa(of: Kappa) -> str:
    if of.kappa is None:
        return "n/a"
    ends = None if of.low is None or of.high is None else (of.low, of.high)
    return f"{plain(of.kappa, 2)} {plain_interval(ends, 2)}"


def _mean(of: Mean | None) -> str:
    if of is None:
        return "n/a"
    return estimate_text(of.value, None if of.low is None or of.high is None else (of.low, of.high))
