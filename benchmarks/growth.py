"""Processor time and memory of the main job as the corpus grows, into benchmarks/; run by hand on an idle machine.

    python benchmarks/growth.py CORPORA [--sizes 10000,30000,100000,300000,1200000] [--place FOLDER]

Each size is a task of its own (growth_corpus.py: real sentences of six languages, 600 questions) that
static_multilingual encodes into an empty store, reads and evaluates to a depth of 1,000 with all modes, both pools and
10,000 resamples, every stage a process of its own. What is measured replaces what growth.csv says of the same sizes;
the table of README.md and growth.png are made anew from all of it; without sizes these alone.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from growth_corpus import write_corpus
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from measuring import kilobytes, write_between

from xlembed.files import atomic_writer
from xlembed.show.page import Panel, Words, page
from xlembed.show.shapes.curves import Curve, curves
from xlembed.show.shapes.scales import round_ticks
from xlembed.show.style import GRID, MODE_LOOKS, save

HERE = Path(__file__).resolve().parent
KEPT = HERE / "growth.csv"
STAGES = ("encode", "index", "evaluate")
MODEL = "static_multilingual"
ON_PAPER = 10_000_000
WATCHED_EVERY = 0.1
WIDTH, HEIGHT = 2.9, 2.4
NOTE = (
    "600 questions in six languages, static_multilingual (256 dimensions), depth 1,000, all modes and both pools, "
    "10,000 resamples; memory is the process's own (anonymous pages), without files that are mapped."
)


class Measured(NamedTuple):
    """One stage of one size."""

    documents: int
    stage: str
    wall_seconds: float
    cpu_seconds: float
    own_mb: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="?", type=Path)
    parser.add_argument("--sizes", default="")
    parser.add_argument("--place", type=Path, help="for 3 GB per million documents")
    told = parser.parse_args()
    for size in map(int, filter(None, told.sizes.split(","))):
        found = [*measure(told.corpora, size, told.place)]
        keep(found)
        for row in found:
            print(row)
    if not (rows := kept()):
        parser.error("nothing was measured yet: name --sizes")
    write_between(HERE / "README.md", "<!-- filled by growth.py -->", report(rows))
    save(figure(rows), HERE, "growth")


def measure(corpora: Path, n_documents: int, place: Path | None) -> list[Measured]:
    """Every stage on a corpus of a size."""
    with tempfile.TemporaryDirectory(dir=place) as temporary:
        root = Path(temporary)
        write_corpus(corpora, root / "data" / "grown", n_documents)
        environment = {**os.environ, "XLEMBED_CACHE": str(root / "cache")}
        environment.pop("MLFLOW_TRACKING_URI", None)
        return [Measured(n_documents, stage, *watched(stage, root, environment)) for stage in STAGES]


def watched(stage: str, root: Path, environment: dict[str, str]) -> tuple[float, float, float, float]:
    """Wall and processor seconds, and megabytes: the most that was the process's own, the most with mapped files."""
    command = [str(Path(sys.executable).with_name("xlembed")), stage, "-m", MODEL, "-t", "grown"]
    started, own, most = time.perf_counter(), 0, 0
    with (root / f"{stage}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT)
        while (done := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            own, most = (
                max(own, kilobytes("RssAnon", process.pid)),
                max(most, kilobytes("VmHWM", process.pid)),
            )
            time.sleep(WATCHED_EVERY)
    _, status, used = done
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit((root / f"{stage}.log").read_text())
    seconds = time.perf_counter() - started
    return seconds, used.ru_utime + used.ru_stime, own / 1e3, most / 1e3


def kept() -> list[Measured]:
    """What was measured, by size and stage."""
    if not KEPT.exists():
        return []
    with KEPT.open(encoding="utf-8", newline="") as file:
        rows = [Measured(int(n), stage, *map(float, rest)) for n, stage, *rest in list(csv.reader(file))[1:]]
    return sorted(rows, key=lambda row: (row.documents, STAGES.index(row.stage)))


def keep(found: Sequence[Measured]) -> None:
    """In place of what is known of the same sizes."""
    sizes = {row.documents for row in found}
    rows = [*(row for row in kept() if row.documents not in sizes), *found]
    lines = [",".join(Measured._fields)]
    lines += [f"{r.documents},{r.stage}," + ",".join(f"{value:.1f}" for value in r[2:]) for r in rows]
    with atomic_writer(KEPT) as file:
        file.write("\n".join(lines) + "\n")


def slope(rows: Sequence[Measured], stage: str, field: str) -> tuple[float, float]:
    """Start and growth per document of the line through the two largest sizes."""
    (n, low), (m, high) = [(r.documents, float(getattr(r, field))) for r in rows if r.stage == stage][-2:]
    each = (high - low) / (m - n)
    return high - each * m, each


def report(rows: Sequence[Measured]) -> str:
    """The table, and what the line through the two largest sizes says of ten millions."""
    lines = [
        "| documents | stage | time | processor time | own memory | with mapped files |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {r.documents:,} | {r.stage} | {r.wall_seconds:,.0f} s | {r.cpu_seconds:,.0f} s "
            f"| {r.own_mb / 1e3:.2f} GB | {r.peak_mb / 1e3:.2f} GB |"
            for r in rows
        ),
        "",
        "![Processor time and memory by documents](growth.png)",
        "",
    ]
    sizes = sorted({row.documents for row in rows})
    if len(sizes) < 2:
        return "\n".join(lines)
    lines += [
        f"On paper, {ON_PAPER:,} documents, by the line through {sizes[-2]:,} and {sizes[-1]:,}:",
        "",
        "| stage | processor time | own memory |",
        "| --- | --- | --- |",
    ]
    for stage in STAGES:
        cells = []
        for field, unit in (("cpu_seconds", "s"), ("own_mb", "MB")):
            start, each = slope(rows, stage, field)
            total = start + each * ON_PAPER
            cells.append(
                f"{round(start):+,} {unit} + {each * 1e6:,.0f} {unit} per million = {total:,.0f} {unit}"
            )
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(lines)


def figure(rows: Sequence[Measured]) -> Figure:
    """Both on logarithmic axes, a line per stage."""
    panels = [
        Panel(WIDTH, HEIGHT, draw, (rows, "cpu_seconds", 1.0, "processor time (s)")),
        Panel(WIDTH, HEIGHT, draw, (rows, "own_mb", 1e-3, "own memory at its peak (GB)")),
    ]
    legend = [line.entry(stage) for stage, line in lines_of(rows, "cpu_seconds", 1.0).items()]
    return page(
        Words("The main job as the corpus grows", f"{MODEL}, 600 questions", [NOTE]), [panels], legend
    )


def lines_of(rows: Sequence[Measured], field: str, unit: float) -> dict[str, Curve]:
    """Stage -> its curve."""
    return {
        stage: Curve(
            look,
            [(r.documents, getattr(r, field) * unit, None) for r in rows if r.stage == stage],
            (f"line {stage}", f"point {stage}"),
        )
        for stage, look in zip(STAGES, (MODE_LOOKS[0], MODE_LOOKS[2], MODE_LOOKS[3]), strict=True)
    }


def draw(axes: Axes, rows: Sequence[Measured], field: str, unit: float, label: str) -> None:
    """One panel."""
    sizes = sorted({r.documents for r in rows})
    values = [getattr(r, field) * unit for r in rows]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(sizes[0] / 1.3, sizes[-1] * 1.3)
    axes.set_ylim(min(values) / 1.4, max(values) * 1.4)
    axes.set_xticks(sizes, [short(n) for n in sizes])
    ticks = round_ticks(*axes.get_ylim())
    axes.set_yticks(ticks, [f"{x:,g}" for x in ticks])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.grid(True, color=GRID, linewidth=0.6)
    axes.set_xlabel("documents")
    axes.set_ylabel(label)
    curves(axes, list(lines_of(rows, field, unit).values()), spread=0.0)


def short(n: int) -> str:
    """10 k, 1.2 M."""
    return f"{n / 1e6:g} M" if n >= 1_000_000 else f"{n / 1e3:g} k"


if __name__ == "__main__":
    main()
