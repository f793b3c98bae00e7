"""What stages need of post-processing, beside the export that applies it: statistics for texts that come later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from xlembed.data.pairs import Kind, PairSet, load_pairs
from xlembed.data.task import Task
from xlembed.data.text_digest import text_digest
from xlembed.embeddings.derive import derive
from xlembed.embeddings.document_vectors import document_vectors
from xlembed.embeddings.encoding import Encoding, open_encoding
from xlembed.embeddings.export import fit_stored
from xlembed.embeddings.texts import document_text
from xlembed.models.fingerprint import derived_fingerprint
from xlembed.models.postprocess import Fitted, Parallel
from xlembed.models.spec import ModelRef
from xlembed.words import Lang, Role, UserError, Vectors
from xlembed.workspace import Watch, Workspace, unwatched

MOST_PAIRS = 2000
"""Of each language, the first ones of a set: a mean does not move with more."""


def vectors_fingerprint(base_digest: str, ref: ModelRef, task: Task, sets: Sequence[PairSet]) -> str:
    """Fingerprint of a model's vectors of a task.

    Post-processed ones depend on the task's documents, or on `pair_sets`.
    """
    digests = {found.name: found.digest for found in sets}
    chosen = ref.variation
    return derived_fingerprint(base_digest, chosen.dim, chosen.steps, task.documents_digest, digests)


def pair_sets(ref: ModelRef, task: Task, workspace: Workspace) -> list[PairSet]:
    """The sets of translations that a model's post-processing is fitted on.

    Raises:
        UserError: one is not there, holds no translations, or texts of the task.
    """
    names = dict.fromkeys(step.pairs for step in ref.variation.steps if step.pairs)
    sets = [load_pairs(name, workspace.root / "data") for name in names]
    texts = [d.text for d in task.documents] + [q.text for q in task.queries] if sets else []
    seen = set(map(text_digest, texts))
    for found in sets:
        if found.kind is not Kind.TRANSLATIONS:
            raise UserError(
                f"{ref.slug}: pair set {found.name} is of kind {found.kind}; offsets between languages need kind "
                f"{Kind.TRANSLATIONS}"
            )
        if shared := seen & found.text_digests():
            raise UserError(
                f"{ref.slug}: {len(shared):,} texts of pair set {found.name} are texts of task {task.name} too: "
                "offsets must be fitted on other texts than those they are judged by"
            )
    return sets


def parallel_vectors(
    ref: ModelRef,
    task: Task,
    sets: Sequence[PairSet],
    encoding: Encoding,
    workspace: Workspace,
    watch: Watch = unwatched,
) -> dict[str, Parallel]:
    """Vectors of a model's `pair_sets`, cut as the model's own are; encoded if the store lacks them.

    Texts count as documents; languages that the task has not are left out. The pivot is English where the set has it,
    else the language of most rows.
    """
    langs = {d.lang for d in task.documents} | {q.lang for q in task.queries}
    return {found.name: _parallel(found, ref, langs, encoding, workspace, watch) for found in sets}


def _parallel(
    found: PairSet,
    ref: ModelRef,
    langs: Collection[Lang],
    encoding: Encoding,
    workspace: Workspace,
    watch: Watch,
) -> Parallel:
    sides = [(row["anchor"], row["anchor_lang"], row["positive"], row["positive_lang"]) for row in found.rows]
    counts = Counter(lang for _, first, _, second in sides for lang in {first, second})
    pivot = "en" if "en" in counts else min(counts, key=lambda lang: (-counts[lang], lang))
    turned = [side if side[3] == pivot else (*side[2:], *side[:2]) for side in sides]
    used: Counter[Lang] = Counter()
    rows = []
    for text, lang, other, other_lang in turned:
        if other_lang == pivot != lang and lang in langs and used[lang] < MOST_PAIRS:
            used[lang] += 1
            rows.append((text, lang, other))
    texts = [of for text, _, other in rows for of in (text, other)]
    vectors = document_vectors(encoding, texts, ref, watch, f"encode pairs {found.name}")
    return Parallel(vectors[::2], [lang for _, lang, _ in rows], vectors[1::2], pivot)


def fit_documents(task: Task, ref: ModelRef, workspace: Workspace) -> Fitted | None:
    """Statistics of a task's documents, all of them encoded before; None for a model without post-processing.

    Raises:
        UserError: a document is not in the store, or the steps cannot be fitted.
    """
    if not ref.variation.steps:
        return None
    texts = [document_text(ref.card, d) for d in task.documents]
    encoding = open_encoding(ref, workspace)
    return fit_stored(
        encoding.store.read(Role.DOCUMENT, texts),
        [d.lang for d in task.documents],
        ref.variation.dim,
        ref.variation.steps,
        parallel_vectors(ref, task, pair_sets(ref, task, workspace), encoding, workspace),
    )


def derive_more(
    vectors: NDArray[np.floating], langs: Sequence[Lang], ref: ModelRef, fitted: Fitted | None
) -> Vectors:
    """Base vectors of further texts as the task's own vectors are: cut, post-processed, of unit length.

    Args:
        vectors: shape (n, width).
        langs: language of each; not looked at without post-processing.
        ref: says to how many dimensions.
        fitted: from `fit_documents`.

    Returns:
        float32, shape (n, dim).
    """
    cut = derive(vectors, ref.variation.dim)
    return cut if fitted is None else fitted.apply(cut, langs)
