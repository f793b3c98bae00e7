"""Who is evaluated for the paradox test: models, their variants, bm25; and which evaluations there are already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlembed.data.pairs import PAIRS, Kind
from xlembed.data.task import Task
from xlembed.evaluate.compare import Evaluation, read_folder
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.job import MEASURES_VERSION
from xlembed.evaluate.searching import open_search
from xlembed.models.folder import fine_tuned_from
from xlembed.models.removal import Step
from xlembed.models.removal import methods as removals
from xlembed.models.rescoring import TRANSLATED, parse_rescored
from xlembed.models.rescoring import methods as rescorings
from xlembed.models.safety import check_kinds
from xlembed.models.spec import ModelRef, Variation
from xlembed.search.units import build_units
from xlembed.stats.standing import YARDSTICK
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, Mode, OtherVersions, UserError
from xlembed.workspace import Watch, Workspace, unwatched

AUTO = "auto"
"""In place of a suffix: all remedies that fit."""
COMPONENTS = 3
"""Of a removal whose name needs a number."""


@dataclass(frozen=True)
class Subject:
    """A model to be evaluated.

    Attributes:
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

    Nothing is evaluated yet: a typo in the last name costs no hour. A base model's card must have the task's languages.

    Raises:
        UserError: an unknown model or suffix, no model, no second language, no question in two languages, or a mode
            that is not evaluated.
    """
    if len(task.languages) < 2:
        raise UserError(f"{task.name} has one language ({task.languages[0]}); the paradox needs at least two")
    if lacking := [str(mode) for mode in Mode if mode not in workspace.settings.evaluate.modes]:
        raise UserError(f"the paradox test needs all modes; evaluate.modes lacks {', '.join(lacking)}")
    if not _has_losses(task, workspace.settings.evaluate.other_versions):
        raise UserError(
            f"{task.name} has no loss across languages to test: no question is asked in two languages (need_id joins "
            "translations) and has a right document in one of them, or evaluate.other_versions is relevant"
        )
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


def _has_losses(task: Task, other_versions: OtherVersions) -> bool:
    asked: dict[str, set[Lang]] = {}
    for query in task.queries:
        asked.setdefault(query.need_id, set()).add(query.lang)
    units = build_units(task, other_versions)
    return any(len(of := asked[task.queries[u.query].need_id]) > 1 and u.doc_lang in of for u in units)


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
        yardstick = "; what models are measured against" if ref.slug == YARDSTICK else ""
        return f"finds words, has no embedding space{yardstick}"
    if not ref.card.has_vectors:
        return "a vector per token, no space of whole texts"
    if not ref.card.languages:
        return "its card names no languages"
    lacking = [lang for lang in task.languages if ref.card.label(lang)]
    kind = "English-only model: " if ref.card.english_only else ""
    return f"{kind}its card lacks {', '.join(lacking)}" if lacking else ""


def variants_of(ref: ModelRef, task: Task, workspace: Workspace) -> list[str]:
    """Suffixes that are set against a model: those of the settings, with `auto` spelled out."""
    found: list[str] = []
    for suffix in workspace.settings.paradox.variants:
        found += automatic(ref, task, workspace) if suffix == AUTO else [suffix]
    return list(dict.fromkeys(found))


def automatic(ref: ModelRef, task: Task, workspace: Workspace) -> list[str]:
    """Every remedy of the registries that fits, and those of vectors that move a language's place, interleaved.

    `+translated` is not among them: with it all translations of a question have one ranking, which judges nothing.
    """
    n_languages = len({d.lang for d in task.documents})
    on_scores = []
    for method in rescorings().values():
        numbers = [method.number] if method.number is not None else range(method.least, 11)
        fit = next((n for n in numbers if not method.check(n, n_languages)), None)
        on_scores += [] if fit is None else [f"{method.name}{fit or ''}"]
    on_vectors = []
    for name, removal in removals().items():
        if removal.on_pairs:
            on_vectors += [f"{name}-{pairs}" for pairs in _translations(task, workspace)]
            continue
        step = Step(removal, COMPONENTS if removal.components is None else removal.components)
        if step.least_documents <= len(task.documents):
            on_vectors.append(step.name)
    if not ref.card.has_vectors:
        return on_scores
    both = [f"{suffix}+interleave" for suffix in on_vectors if suffix.startswith(("center", "shift"))]
    return [*on_vectors, *on_scores, *both]


def is_of_scores(suffix: str) -> bool:
    """Whether a suffix changes no vector, so that a model without any can have it."""
    return all(part == TRANSLATED or parse_rescored(part) is not None for part in suffix.split("+"))


def _translations(task: Task, workspace: Workspace) -> list[str]:
    """Sets of translations between two languages of the task at least."""
    data = workspace.root / "data"
    found = []
    for name in PAIRS.names(data):
        try:
            card, _ = PAIRS.read_card(PAIRS.find(name, data), name)
        except UserError:
            continue  # a set that is damaged is told of where it is asked for by name
        if card.kind is Kind.TRANSLATIONS and len(set(card.languages) & set(task.languages)) > 1:
            found.append(name)
    return found


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
