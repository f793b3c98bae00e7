"""Who is evaluated for the paradox test: models, their variants, bm25; and which evaluations there are already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation, read_folder
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import MEASURES_VERSION
from xlembed.evaluate.searching import open_search
from xlembed.models.folder import fine_tuned_from
from xlembed.models.safety import check_kinds
from xlembed.models.spec import ModelRef, Variation
from xlembed.paradox.automatic import is_of_scores, variants_of
from xlembed.stats.standing import YARDSTICK
from xlembed.tracking.opening import open_model
from xlembed.words import Mode, UserError
from xlembed.workspace import Watch, Workspace, unwatched


@dataclass(frozen=True)
class Subject:
    """A model to be evaluated.

    Attributes:
        ref: the model.
        variant_of: slug of the model it is set against before and after; None: of none that is evaluated.
        left_out: why it does not enter the paradox test; empty for a base model that does.
    """

    ref: ModelRef
    variant_of: str | None
    left_out: str

    @property
    def name(self) -> str:
        """The slug."""
        return self.ref.slug


def plan_subjects(names: Sequence[str], task: Task, workspace: Workspace) -> tuple[list[Subject], list[str]]:
    """Every model, each followed by its variants, then bm25 as the yardstick; and notes on variants that cannot be.

    Nothing is evaluated yet: a typo in the last name costs no hour.

    Args:
        names: anything that MODEL may be.
        task: whose languages a base model's card must have.
        workspace: settings name the variants.

    Raises:
        UserError: an unknown model or suffix, no model, no second language, or a mode that is not evaluated.
    """
    _check_task(task, workspace)
    notes: list[str] = []
    given = {ref.slug: (name, ref) for name in names for ref in [open_model(workspace, name)]}
    if not given:
        raise UserError("the paradox test needs models: -m MODEL -m MODEL")
    subjects: dict[str, Subject] = {}
    for name, ref in given.values():
        subjects[ref.slug] = _given(ref, given, task)
        suffixes = variants_of(ref, task, workspace)
        if not ref.card.has_vectors:
            unfit = [suffix for suffix in suffixes if not is_of_scores(suffix)]
            suffixes = [suffix for suffix in suffixes if suffix not in unfit]
            notes += [f"{ref.slug} has no vectors, so there is no +{suffix} of it" for suffix in unfit]
        for suffix in suffixes:
            variant = open_model(workspace, f"{name}+{suffix}")
            if variant.slug == ref.slug:
                notes.append(f"+{suffix} changes nothing of {ref.slug}")
            elif variant.slug not in given:
                subjects[variant.slug] = Subject(variant, ref.slug, f"variant of {ref.slug}")
    if YARDSTICK not in subjects:
        subjects[YARDSTICK] = _given(open_model(workspace, YARDSTICK), given, task)
    for subject in subjects.values():
        check_kinds(subject.ref)
    return list(subjects.values()), notes


def _check_task(task: Task, workspace: Workspace) -> None:
    if len(task.languages) < 2:
        raise UserError(f"{task.name} has one language ({task.languages[0]}); the paradox needs at least two")
    if lacking := [str(mode) for mode in Mode if mode not in workspace.settings.evaluate.modes]:
        raise UserError(f"the paradox test needs all modes; evaluate.modes lacks {', '.join(lacking)}")


def _given(ref: ModelRef, given: Mapping[str, Any], task: Task) -> Subject:
    """A model as the user named it: a base model, or a variant of one that was named too."""
    if ref.variation != Variation():
        base = ref.slug.partition("+")[0]
        return Subject(ref, base if base in given else None, f"variant of {base}")
    if ref.folder is not None and (base_name := fine_tuned_from(ref.folder)) is not None:
        return Subject(ref, base_name if base_name in given else None, f"fine-tuned from {base_name}")
    return Subject(ref, None, _not_a_base(ref, task))


def _not_a_base(ref: ModelRef, task: Task) -> str:
    """Why a model as it is does not enter; empty: it does."""
    if ref.card.lexical:
        return "finds words, has no embedding space" + (
            "; what models are measured against" * (ref.slug == YARDSTICK)
        )
    if not ref.card.has_vectors:
        return "a vector per token, no space of whole texts"
    if not ref.card.languages:
        return "its card names no languages"
    lacking = [lang for lang in task.languages if ref.card.label(lang)]
    kind = "English-only model: " if ref.card.english_only else ""
    return f"{kind}its card lacks {', '.join(lacking)}" if lacking else ""


def stored_evaluation(
    task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched
) -> Evaluation | None:
    """Encode and index, then the finished evaluation of exactly these vectors, task and settings, if there is one.

    An evaluation by a server is never taken over: the server may have changed.
    """
    encode(task, ref, workspace, watch)
    if index(task, ref, workspace, watch)["engine"] != "exact":
        return None
    folder = workspace.run_folder(task.name, ref.slug)
    try:
        found = read_folder(ref.slug, folder)
    except UserError:
        return None
    settings, search = workspace.settings, open_search(task, ref, workspace)
    wanted = {
        "task_digest": task.digest,
        "measures_version": MEASURES_VERSION,
        "fingerprint": search.fingerprint,
        "index": search.description,
        "primary_measure": settings.compare.primary_measure,
        "evaluate": settings.evaluate.model_dump(mode="json"),
        "corpus": settings.corpus.model_dump(mode="json"),
    }
    return found if all(found.scores.get(key) == value for key, value in wanted.items()) else None


def one_per_base(subjects: Sequence[Subject], evaluations: Mapping[str, Evaluation]) -> list[Subject]:
    """One entry per base model: a second name of the same vectors is left out."""
    seen: dict[str, str] = {}
    result = []
    for subject in subjects:
        if not subject.left_out:
            fingerprint = evaluations[subject.name].book.fingerprint
            first = seen.setdefault(fingerprint, subject.name)
            if first != subject.name:
                subject = Subject(subject.ref, subject.variant_of, f"the same vectors as {first}")
        result.append(subject)
    return result
