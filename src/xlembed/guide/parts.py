"""What a guide weighs of each model: scores, milliseconds, bytes, morphology; and what of it is not known."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from xlembed.analyse.result import Analysis, read_analysis
from xlembed.data.task import Task
from xlembed.embeddings.encoding import open_encoding
from xlembed.evaluate.compare import Evaluation
from xlembed.guide.result import Spread, Timing
from xlembed.guide.scenarios import QUALITY, Part, Scenario, bytes_points, speed_points
from xlembed.measures import parse_measure
from xlembed.models.encoder import Encoder
from xlembed.models.spec import ModelRef
from xlembed.stats.utility import Macros, macro_draws
from xlembed.words import Lang, Role, UserError
from xlembed.workspace import Watch, Workspace

KINDS: Mapping[Part, str] = {
    "monolingual": "monolingual/target",
    "cross_lingual": "cross_lingual/all",
    "true_cross_all": "true_cross_lingual/all",
    "true_cross_target": "true_cross_lingual/target",
}
"""Part of quality -> macro average."""
ITEM_BYTES = {"float32": 4.0, "float16": 2.0}
INDEX_BYTES = {"int8_hnsw": 1.0, "int4_hnsw": 0.5, "bbq_hnsw": 0.125}
"""Of a dimension, in the memory of a server that searches quantised vectors."""
QUERIES, ROUNDS, WARM = 20, 5, 3
SCAN_BYTES = 64_000_000
"""Of the vectors that a search is timed on: more than a processor's cache holds."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for, by the name of a scenario.

    Attributes:
        languages: both of query and document; all of them in the task.
        max_ms: hard limit of milliseconds for one query.
        max_bytes: hard limit of bytes of one vector.
        examples: training pairs at hand; None if not said.
        documents: that the corpus is planned to have; None: as many as the task has.
    """

    name: str
    scenario: Scenario
    languages: tuple[Lang, ...]
    max_ms: float | None = None
    max_bytes: float | None = None
    examples: int | None = None
    documents: int | None = None


@dataclass
class Measured:
    """One model's parts, for a corpus of `documents`; None: not known."""

    evaluation: Evaluation
    macros: Macros
    documents: int
    ms: float | None = None
    size: float | None = None
    morphology: float | None = None
    unknown: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Of the model."""
        return self.evaluation.name

    def points(self, part: Part) -> float | None:
        """In [0, 1]; None: not known."""
        if part in QUALITY:
            return self.macros.values.get(KINDS[part])
        if part == "speed":
            return None if self.ms is None else speed_points(self.ms)
        if part == "bytes":
            return None if self.size is None else bytes_points(self.size, self.documents)
        return self.morphology


def measure(evaluation: Evaluation, wish: Wish, workspace: Workspace) -> Measured:
    """Everything but the time.

    Raises:
        UserError: it was evaluated without the scenario's measure.
    """
    wanted = parse_measure(wish.scenario.measure)
    if wanted.column not in evaluation.units:
        raise UserError(
            f"{evaluation.name} was evaluated without {wanted.name}, which the scenario {wish.name} asks for: "
            f"xlembed run -t {evaluation.book.task} -m {evaluation.name}"
        )
    macros = macro_draws(evaluation.units, wish.languages, wanted, evaluation.book.evaluate.resamples)
    documents = wish.documents or int(evaluation.book.index.get("documents", 0))
    measured = Measured(evaluation, macros, documents, size=_vector_bytes(evaluation, workspace))
    if "morphology" in wish.scenario.weights:
        measured.morphology = _morphology(measured, wish, workspace)
    return measured


def _morphology(model: Measured, wish: Wish, workspace: Workspace) -> float | None:
    """Mean of P(forms of one word nearer than unrelated words) over the wanted languages that have word pairs."""
    book = model.evaluation.book
    folder = workspace.analysis_folder(book.task, model.name)
    if not (folder / "analysis.json").is_file():
        return None
    try:
        report = read_analysis(folder)
    except UserError as error:
        model.unknown.append(f"morphology: {error}")
        return None
    if not isinstance(report, Analysis) or report.fingerprint != book.fingerprint:
        model.unknown.append("morphology: its analysis is of other vectors; run xlembed analyse again")
        return None
    rows = [row for row in report.morphology if row.lang in wish.languages]
    if lacking := sorted(set(wish.languages) - {row.lang for row in rows}):
        model.unknown.append(f"morphology in {', '.join(lacking)}: no word pairs")
    return statistics.fmean(row.superiority.value for row in rows) if rows else None


def _vector_bytes(evaluation: Evaluation, workspace: Workspace) -> float | None:
    """In the memory of what searches them; a lexical model has none."""
    index = evaluation.book.index
    if not index.get("dim"):
        return None
    stored = ITEM_BYTES[str(workspace.settings.encode.storage_dtype)]
    return float(index["dim"]) * INDEX_BYTES.get(str(index.get("type")), stored)


def time_queries(
    task: Task,
    found: Sequence[Measured],
    refs: Mapping[str, ModelRef | None],
    wish: Wish,
    workspace: Workspace,
    watch: Watch,
) -> Timing:
    """Encode queries one at a time, model after model, and search vectors by vectors; fills in `ms`."""
    texts = [q.text for q in task.queries if q.lang in wish.languages][:QUERIES]
    devices, spread = set(), {}
    for number, model in enumerate(found):
        watch("time queries", number, len(found))
        ref = refs[model.name]
        if ref is None:
            model.unknown.append("speed: its name opens no model; give its folder with -m")
            continue
        if ref.variation.search_suffix or not (ref.card.has_vectors and ref.card.has_files):
            model.unknown.append("speed: only encoding a vector per text is timed here")
            continue
        encoder = open_encoding(ref, workspace).encoder()
        _ms(encoder, texts[:WARM])  # not counted
        rounds = [_ms(encoder, texts) for _ in range(ROUNDS)]
        searching = _search_ms(model)
        if searching is None:
            model.unknown.append("speed: of the search in its index; only encoding is timed")
        model.ms = statistics.median(rounds) + (searching or 0.0)
        spread[model.name] = Spread(low=round(min(rounds), 4), high=round(max(rounds), 4))
        devices.add(encoder.device)
    watch("time queries", len(found), len(found))
    sizes = {"queries": len(texts), "rounds": ROUNDS}
    return Timing(device=", ".join(sorted(devices)), machine=platform.machine(), spread=spread, **sizes)


def _ms(encoder: Encoder, texts: Sequence[str]) -> float:
    """Milliseconds per text."""
    start = time.perf_counter()
    for text in texts:
        encoder.encode_batch([text], Role.QUERY)
    return 1000 * (time.perf_counter() - start) / len(texts)


def _search_ms(model: Measured) -> float | None:
    """Milliseconds that exact search takes for one query among all documents; None for an index, or without vectors.

    Measured on as many random vectors as fit a slice of 64 MB, and taken as proportional.
    """
    index = model.evaluation.book.index
    if not index.get("exact") or not index.get("dim"):
        return None
    dim = int(index["dim"])
    n = min(model.documents, SCAN_BYTES // (4 * dim))
    vectors = np.random.default_rng(0).standard_normal((n, dim), dtype=np.float32)
    took = []
    for row in vectors[:1].repeat(ROUNDS + 1, axis=0):
        start = time.perf_counter()
        vectors @ row
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took[1:]) * model.documents / n


def excluded_by(model: Measured, wish: Wish) -> list[str]:
    """Hard limits that the model breaks, or of which it is not known whether it does."""
    found = []
    size = (wish.max_bytes, model.size, "bytes per vector")
    for limit, value, unit in ((wish.max_ms, model.ms, "ms per query"), size):
        if limit is not None and (value is None or value > limit):
            said = f"{unit} not known" if value is None else f"{value:,.1f} {unit}"
            found.append(f"{said}, the limit is {limit:g}")
    return found
