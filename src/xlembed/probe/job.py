"""Stage probe: scored texts and models -> fitted probes, predictions, tests and a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlembed.data.scored import Part, ScoredKind, ScoredSet, load_scored, score_array
from xlembed.files import atomic_folder, rounded, write_json
from xlembed.models.spec import ModelRef
from xlembed.probe.base import FLOOR, Bounds, FitOptions, clipped_note, find_probe
from xlembed.probe.document import write_probe_report
from xlembed.probe.predictions import Predictions, comparison_rows, error_rows
from xlembed.probe.probing import (
    Parts,
    System,
    check_labels,
    encode_parts,
    fitted_system,
    folder_bytes,
    part_texts,
    with_lengths,
)
from xlembed.probe.replaceable import judge, rule
from xlembed.probe.rival_systems import Rival, open_rival, rival_system
from xlembed.probe.splits import SHARES, THRESHOLD, Split, published_split, split_documents
from xlembed.tracking.opening import open_model
from xlembed.words import UserError, counted
from xlembed.workspace import Watch, Workspace, unwatched

FORMAT = 1
PUBLISHED = "+published"
"""Behind the task's name where the published split was used."""


@dataclass(frozen=True, eq=False)
class OpenedProbing:
    """Everything a probe run names, found and checked before any work is done.

    The name is that of the folder: the task's, with the published split marked.
    """

    name: str
    scored: ScoredSet
    split: Split
    parts: Parts
    refs: tuple[ModelRef, ...]
    probes: tuple[str, ...]
    rivals: tuple[Rival, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Probed:
    """What a probe run found. `report` is what report.json holds, `folder` probes/TASK, `pages` reports/probe/TASK."""

    report: dict[str, Any]
    timings: dict[str, Any]
    systems: tuple[System, ...]
    bounds: Bounds
    folder: Path
    pages: Path


def open_probing(
    task: str,
    models: Sequence[str],
    workspace: Workspace,
    *,
    probes: Sequence[str] | None = None,
    rivals: Sequence[str] | None = None,
) -> OpenedProbing:
    """Find the texts, the models, the probes and the rivals; divide the texts.

    Models are given as typed, rivals as names or YAML files; what is not given is that of params.yaml.

    Raises:
        UserError: something is not there, or cannot be probed.
    """
    settings = workspace.settings.probe
    scored = load_scored(task, workspace.root / "data")
    names = tuple(dict.fromkeys(settings.probes if probes is None else probes))
    for name in names:
        find_probe(name)
    refs = [open_probed(name, workspace) for name in (models or settings.models)]
    refs, notes = with_lengths(refs, settings.max_tokens)
    found = [open_rival(r, workspace) for r in (settings.rivals if rivals is None else rivals)]
    if settings.split == "published":
        split = published_split(scored.texts)
    else:
        split = split_documents(scored.texts, settings.split_seed)
    parts = part_texts(scored, split)
    check_labels(parts, scored)
    name = scored.name + (PUBLISHED if split.published else "")
    return OpenedProbing(
        name,
        scored,
        split,
        parts,
        tuple(refs),
        tuple(n for n in names if n != FLOOR),
        tuple(found),
        (*notes, *_split_notes(split)),
    )


def open_probed(name: str, workspace: Workspace) -> ModelRef:
    """A model with plain vectors.

    Raises:
        UserError: it is none, or its vectors depend on a retrieval task.
    """
    ref = open_model(workspace, name)
    if ref.variation.search_suffix or not ref.card.has_vectors:
        raise UserError(
            f"{name}: a probe reads the vector of a text; this says how documents are searched, or has no vectors"
        )
    if ref.variation.steps:
        raise UserError(
            f"{name}: post-processing is fitted on the documents of a task; a probe scales vectors itself"
        )
    return ref


def probe(opened: OpenedProbing, workspace: Workspace, watch: Watch = unwatched) -> Probed:
    """Fit everything, test it, and write probes/TASK, results/probe-TASK.json and reports/probe/TASK.

    Raises:
        UserError: a model cannot be loaded, or a rival not be trained.
    """
    options = FitOptions(opened.scored.kind, workspace.settings.probe.split_seed)
    bounds = _bounds(opened.scored)
    systems = tuple(_inside(system, bounds) for system in _systems(opened, workspace, options, watch))
    found = _predictions(opened, systems)
    watch("tests", 0, 1)
    timings = {s.name: s.timing for s in systems}
    table = _table(opened, systems)
    folder = workspace.out / "probes" / opened.name
    with atomic_folder(folder) as temporary:
        for system in systems:
            place = temporary / "models" / saved_name(system.name)
            system.save(place)
            system.about["probe_bytes"] = folder_bytes(place)
        report = _report(opened, systems, found, workspace)
        write_json(temporary / "report.json", report)
        table.to_parquet(temporary / "predictions.parquet", index=False)
    watch("tests", 1, 1)
    write_json(workspace.out / "results" / f"probe-{opened.name}.json", _headline(report))
    pages = workspace.reports("probe", opened.name)
    watch("report", 0, 1)
    with atomic_folder(pages) as temporary:
        write_probe_report(report, table, timings, temporary)
        write_json(temporary / "timings.json", timings)
    watch("report", 1, 1)
    return Probed(report, timings, systems, bounds, folder, pages)


def saved_name(system: str) -> str:
    """The folder of what was fitted: no colon, which some file systems refuse."""
    return system.replace(":", "/")


def _bounds(scored: ScoredSet) -> Bounds:
    """Ends of the scale of each dimension; probabilities of labels have none that matter."""
    if scored.kind is ScoredKind.LABELS:
        return Bounds(((None, None),) * len(scored.dimensions))
    return Bounds(tuple((d.low, d.high) for d in scored.dimensions))


def _inside(system: System, bounds: Bounds) -> System:
    about = {**system.about, "n_clipped": bounds.n_outside(system.predicted)}
    return replace(system, about=about, predicted=bounds.clip(system.predicted))


def _systems(
    opened: OpenedProbing, workspace: Workspace, options: FitOptions, watch: Watch
) -> Iterator[System]:
    yield fitted_system(FLOOR, None, opened.parts, options)
    n, done = len(opened.refs) * len(opened.probes), 0
    for ref in opened.refs:
        encoded = encode_parts(ref, opened.parts, workspace, watch)
        for name in opened.probes:
            watch("fit probes", done, n)
            yield fitted_system(name, encoded, opened.parts, options)
            done += 1
    watch("fit probes", done, n)
    for rival in opened.rivals:
        yield rival_system(rival, opened.scored, opened.parts, workspace, watch)


def _predictions(opened: OpenedProbing, systems: Sequence[System]) -> Predictions:
    test = opened.parts.test
    labels = opened.scored.kind is ScoredKind.LABELS
    return Predictions(
        truth=score_array(test),
        systems={s.name: s.predicted for s in systems},
        thresholds={s.name: np.array(s.about["thresholds"]) for s in systems} if labels else None,
        dimensions=opened.scored.dimension_names,
        languages=tuple(t.lang for t in test),
        clusters=tuple(t.document for t in test),
    )


def _report(
    opened: OpenedProbing, systems: Sequence[System], found: Predictions, workspace: Workspace
) -> dict[str, Any]:
    scored = opened.scored
    rivals: list[str | None] = [s.name for s in systems if s.about["kind"] == "rival"] or [None]
    probes = [s.name for s in systems if s.about["kind"] == "probe"]
    scores = error_rows(found)
    verdicts = [judge(found, name, FLOOR, rival).to_json() for rival in rivals for name in probes]
    return {
        "format": FORMAT,
        "task": scored.name,
        "task_digest": scored.digest,
        "kind": str(scored.kind),
        "description": scored.description,
        "source": scored.source,
        "licence": scored.licence,
        "dimensions": [asdict(d) for d in scored.dimensions],
        "languages": list(scored.languages),
        "split": _split_row(opened, workspace.settings.probe.split_seed),
        "leakage": {
            "n_found": opened.parts.n_twins,
            "n_dropped": opened.parts.n_twins if opened.parts.dropped else 0,
            "threshold": THRESHOLD,
            "examples": [dict(row) for row in opened.parts.twins],
            "torn_documents": len(opened.split.torn),
        },
        "measures": list(dict.fromkeys(row["measure"] for row in scores)),
        "primary": found.primary.name,
        "systems": [_about(s, scored.dimension_names) for s in systems],
        "scores": scores,
        "comparisons": comparison_rows(found),
        "verdicts": [{**v, "rule": rule(found.primary.name)} for v in verdicts],
        "notes": [
            *opened.notes,
            *_share_notes(systems, len(opened.parts.train)),
            *clipped_note([(s.name, s.about["n_clipped"]) for s in systems], found.truth.size),
        ],
    }


def _about(system: System, dimensions: Sequence[str]) -> dict[str, Any]:
    given = system.about["thresholds"]
    return {**system.about, "thresholds": dict(zip(dimensions, given, strict=True)) if given else {}}


def _split_row(opened: OpenedProbing, seed: int) -> dict[str, Any]:
    published = opened.split.published
    texts = {part: opened.parts.of(part) for part in Part}
    parts = [
        {
            "part": str(part),
            "n_texts": len(of),
            "n_documents": len({t.document for t in of}),
            "languages": dict(sorted(Counter(t.lang for t in of).items())),
        }
        for part, of in texts.items()
    ]
    return {
        "kind": "published" if published else "documents",
        "seed": None if published else seed,
        "shares": None if published else [SHARES[part] for part in Part],
        "parts": parts,
    }


def _split_notes(split: Split) -> list[str]:
    if not split.torn:
        return []
    return [
        f"The published split tears {counted(len(split.torn), 'document')} apart: sentences of one are in training "
        "and in test. Results on it are too good to be true and only serve to compare with others' results on the same "
        "split."
    ]


def _share_notes(systems: Sequence[System], n: int) -> list[str]:
    return [
        f"{s.name} learnt from {s.about['n_train']:,} of the {n:,} texts for training (`share` of its recipe); with "
        "all of them it may do better."
        for s in systems
        if "n_train" in s.about
    ]


def _table(opened: OpenedProbing, systems: Sequence[System]) -> pd.DataFrame:
    """See the columns of predictions.parquet in docs/probe.md."""
    test, truth = opened.parts.test, score_array(opened.parts.test)
    texts = {
        "text_id": [t.text_id for t in test],
        "document": [t.document for t in test],
        "lang": [t.lang for t in test],
        "n_chars": [len(t.text) for t in test],
    }
    columns = list(enumerate(opened.scored.dimension_names))
    frames = [
        {"system": s.name, **texts, "dimension": name, "true": truth[:, d], "predicted": s.predicted[:, d]}
        for s in systems
        for d, name in columns
    ]
    return pd.concat(map(pd.DataFrame, frames), ignore_index=True)


def _headline(report: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into results/: overall scores and verdicts."""
    overall = [r for r in report["scores"] if r["dimension"] is None and r["lang"] is None]
    scores: dict[str, dict[str, Any]] = {}
    for row in overall:
        ends = {key: row[key] for key in ("value", "ci_low", "ci_high", "n")}
        scores.setdefault(row["system"], {})[row["measure"]] = ends
    verdicts = [
        {key: v[key] for key in ("system", "rival", "outcome", "fraction", "ci_low", "ci_high")}
        for v in report["verdicts"]
    ]
    found = {
        "task": report["task"],
        "task_digest": report["task_digest"],
        "split": report["split"]["kind"],
        "scores": scores,
        "verdicts": verdicts,
    }
    return dict(rounded(found, digits=3))
