"""Remedies that are tried when the user leaves the choice to us: all that fit the model and the corpus."""

from __future__ import annotations

from xlembed.data.pairs import PAIRS, Kind
from xlembed.data.task import Task
from xlembed.models.removal import methods as removals
from xlembed.models.rescoring import TRANSLATED, parse_rescored
from xlembed.models.rescoring import methods as rescorings
from xlembed.models.spec import ModelRef
from xlembed.words import UserError
from xlembed.workspace import Workspace

AUTO = "auto"
"""In place of a suffix: all remedies that fit."""
COMPONENTS = 3
"""Of a removal whose name needs a number."""


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
        else:
            number = COMPONENTS if removal.components is None else removal.components
            on_vectors.append(f"{name}{number or ''}")
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
