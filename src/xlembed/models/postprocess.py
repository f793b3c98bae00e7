"""Taking language out of vectors: statistics of documents or of translations, subtracted from documents and queries.

Steps are composed in the order given, each fitted on what the one before leaves; vectors are brought to unit length
again after the last one only. A zero vector has no direction: it teaches nothing and stays zero.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlembed.models.removal import ROUNDING, Floats, Removal, Step, Sums, check_steps, parse_step
from xlembed.words import Lang, UserError, Vectors, base_language


@dataclass(frozen=True, eq=False)
class Parallel:
    """Vectors of texts and of their translations into one language, the pivot.

    Attributes:
        vectors: float32, shape (n, dim), unit length or zero.
        langs: language of each; those of the pivot itself are not among them.
        pivots: likewise, of the translations.
        pivot: their language.
    """

    vectors: NDArray[np.floating]
    langs: Sequence[Lang]
    pivots: NDArray[np.floating]
    pivot: Lang


Chunks = Callable[[], Iterable[NDArray[np.floating]]]
"""Gives the rows of a table in order, part by part, anew each time it is called."""


@dataclass(frozen=True, eq=False)
class FittedStep:
    """One step with its statistics.

    `everyone` is nothing for a step that is fitted on pairs, `own` empty for one that knows no languages.
    """

    step: Step
    everyone: Removal
    own: Mapping[Lang, Removal]

    def __call__(self, block: Floats, langs: NDArray[np.str_]) -> Floats:
        """Rows after this step; `langs` has the language of each."""
        if not self.own:
            return self.everyone(block)
        left = np.empty_like(block)
        for lang in np.unique(langs):
            rows = langs == lang
            of_base = self.own.get(base_language(str(lang)), self.everyone)
            left[rows] = self.own.get(str(lang), of_base)(block[rows])
        return left


@dataclass(frozen=True, eq=False)
class Fitted:
    """Steps with the statistics of some documents. Zero vectors are not counted in `n_documents`."""

    steps: tuple[FittedStep, ...]
    n_documents: int

    def apply(self, vectors: NDArray[np.floating], langs: Sequence[Lang]) -> Vectors:
        """Vectors after all steps, of unit length again.

        One without statistics of its own takes those of all documents.

        Returns:
            float32, shape (n, dim). Rows of zeros stay zeros, and so become rows of which only rounding is left.

        Raises:
            ValueError: if there is not one language per row.
        """
        if len(vectors) != len(langs):
            raise ValueError(f"{len(vectors)} vectors and {len(langs)} languages must be one each")
        left = self._left(np.asarray(vectors, dtype=np.float64), _as_array(langs))
        length = np.sqrt(np.square(left).sum(axis=1, keepdims=True))
        directed = vectors.any(axis=1, keepdims=True) & (length > ROUNDING)
        return np.where(directed, left / np.where(directed, length, 1), 0).astype(np.float32)

    def _left(self, block: Floats, langs: NDArray[np.str_]) -> Floats:
        for step in self.steps:
            block = step(block, langs)
        return block

    def pooled(self, langs: Iterable[Lang], on_pairs: bool = False) -> dict[str, list[Lang]]:
        """Name of a step -> languages among `langs`, sorted, that take the statistics of all documents.

        Steps that know no languages are left out, and so are steps for which every language has its own. With
        `on_pairs` those that a step fitted on pairs leaves as they are, having none.
        """
        wanted = sorted(set(langs))
        found = {
            s.step.name: [x for x in wanted if not {x, base_language(x)} & s.own.keys()]
            for s in self.steps
            if s.step.by_language and s.step.method.on_pairs == on_pairs
        }
        return {name: lacking for name, lacking in found.items() if lacking}


def fit(
    chunks: Chunks, langs: Sequence[Lang], steps: Sequence[Step], pairs: Mapping[str, Parallel] | None = None
) -> Fitted:
    """Statistics of documents, or of parallel texts; one pass over their vectors per step, a part in memory at a time.

    Args:
        chunks: documents' vectors, shape (n, dim) in all, unit length or zero.
        langs: language of each document.
        steps: in the order of application.
        pairs: set -> its vectors, for the steps that are fitted on pairs.

    Returns:
        Fitted: a language with fewer than 5 documents per component (5 for a mean) has no statistics of its own.

    Raises:
        UserError: a step removes as many components as there are dimensions, or all documents together are fewer
            than one language should have.
        ValueError: if there is not one language per row.
    """
    fitted = Fitted((), 0)
    languages = _as_array(langs)
    for step in steps:
        if step.pairs:
            fitted = Fitted(
                (*fitted.steps, _on_pairs(step, (pairs or {})[step.pairs], fitted)), fitted.n_documents
            )
            continue
        sums = _sums(chunks, languages, fitted, squares=step.components > 0)
        everyone = sum(sums.values(), Sums())
        check_steps((step,), len(everyone.total) or None)
        if everyone.n < step.least_documents:
            raise UserError(
                f"+{step.name} needs the vectors of {step.least_documents} documents at least (zero vectors do not "
                f"count), found {everyone.n}: take fewer components, or the model without +{step.name}"
            )
        own = {x: s for x, s in sums.items() if step.by_language and s.n >= step.least_documents}
        removals = {lang: step.method.fit(found, step.components) for lang, found in sorted(own.items())}
        of_all = step.method.fit(everyone, step.components)
        fitted = Fitted((*fitted.steps, FittedStep(step, of_all, removals)), n_documents=everyone.n)
    return fitted


def _on_pairs(step: Step, found: Parallel, before: Fitted) -> FittedStep:
    """A step fitted on what sets texts apart from their translations, as the steps before leave them."""
    langs = _as_array(found.langs)
    vectors = before._left(np.asarray(found.vectors, dtype=np.float64), langs)
    pivots = before._left(np.asarray(found.pivots, dtype=np.float64), np.full(len(langs), found.pivot))
    directed = found.vectors.any(axis=1) & found.pivots.any(axis=1)
    none = Removal(np.zeros(vectors.shape[1]), np.zeros((vectors.shape[1], 0)))
    own = {found.pivot: none}
    for lang in np.unique(langs):
        rows = directed & (langs == lang)
        if (n := int(rows.sum())) >= step.least_documents:
            own[str(lang)] = step.method.fit(Sums(n, (vectors - pivots)[rows].sum(axis=0)), 0)
    return FittedStep(step, none, own)


def _sums(chunks: Chunks, langs: NDArray[np.str_], before: Fitted, *, squares: bool) -> dict[Lang, Sums]:
    """Sums by language over what the steps before leave."""
    found: dict[Lang, Sums] = defaultdict(Sums)
    start = 0
    for chunk in chunks():
        of_chunk = langs[start : start + len(chunk)]
        start += len(chunk)
        if len(of_chunk) < len(chunk):
            raise ValueError(f"vectors and languages must be one each: more than {len(langs)} vectors")
        directed = chunk.any(axis=1)
        block = before._left(chunk[directed].astype(np.float64), of_chunk[directed])
        for lang in np.unique(of_chunk[directed]):
            rows = block[of_chunk[directed] == lang]
            found[str(lang)] += Sums(
                len(rows), rows.sum(axis=0), rows.T @ rows if squares else np.zeros((1, 1))
            )
    if start < len(langs):
        raise ValueError(f"vectors and languages must be one each: {start} vectors, {len(langs)} languages")
    return dict(found)


def _as_array(langs: Sequence[Lang]) -> NDArray[np.str_]:
    return np.asarray(langs, dtype=np.str_)


def fitted_json(fitted: Fitted | None) -> list[dict[str, Any]]:
    """Each step with its statistics, in order of application; numbers as base64 of little-endian float64."""
    return [
        {
            "step": of.step.name,
            "everyone": _removal_json(of.everyone),
            "own": {lang: _removal_json(removal) for lang, removal in of.own.items()},
        }
        for of in (fitted.steps if fitted else ())
    ]


def read_fitted(steps: Sequence[Mapping[str, Any]]) -> Fitted | None:
    """What `fitted_json` wrote; None without steps.

    Raises:
        UserError: it is damaged, or a step is not known here.
    """
    try:
        found = []
        for of in steps:
            step = parse_step(str(of["step"]))
            if step is None:
                raise UserError(f"post-processing +{of['step']} is not known here")
            own = {str(lang): _read_removal(removal) for lang, removal in of["own"].items()}
            found.append(FittedStep(step, _read_removal(of["everyone"]), own))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"the manifest's post-processing is damaged: {error}") from None
    return Fitted(tuple(found), 0) if found else None


def _removal_json(removal: Removal) -> dict[str, Any]:
    return {
        "mean": _text(removal.mean),
        "directions": _text(removal.directions),
        "n": removal.directions.shape[1],
    }


def _read_removal(content: Mapping[str, Any]) -> Removal:
    mean = _numbers(content["mean"])
    return Removal(mean, _numbers(content["directions"]).reshape(len(mean), int(content["n"])))


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, dtype="<f8").tobytes()).decode("ascii")


def _numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8").astype(np.float64)
