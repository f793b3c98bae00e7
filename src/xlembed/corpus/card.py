"""task.yaml: what a task is called, its languages, where it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from xlembed.corpus.checks import Place, Problems
from xlembed.corpus.languages import is_language, language_help
from xlembed.corpus.lines import read_lines
from xlembed.corpus.task import Alignment, Task
from xlembed.types import Lang, near_miss

CARD_FILE = "task.yaml"
WORDS = ("name", "alignment", "source", "licence", "description")
LISTS = ("languages", "notes")
FLAGS = ("leave_out_self",)


@dataclass
class Card:
    """What task.yaml says, or an importer knows; `languages` is None until the rows told them."""

    name: str
    languages: tuple[Lang, ...] | None = None
    alignment: Alignment = Alignment.COMPARABLE
    source: str = ""
    licence: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()
    leave_out_self: bool = False


def is_task_name(name: str) -> bool:
    """Whether `name` can be a folder under data/: letters, digits and ``._+-``, not a dot or hyphen first."""
    return re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9._+-]*", name) is not None


def slugify(name: str) -> str:
    """`name` with every run of other characters replaced by one ``_``.

    >>> slugify("My data (v2)")
    'My_data_v2'
    """
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("_.-") or "task"


def read_card(folder: Path, problems: Problems) -> Card | None:
    """The card of a task folder, with what is wrong told by line; None when the folder has none."""
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    place = Place(str(path))
    card = Card(slugify(folder.resolve().name))
    try:
        # All scalars are strings: YAML's own rules would read the language code `no` as false.
        node = yaml.compose("\n".join(line for _, line in read_lines(path, problems)), Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = Place(str(path), mark.line + 1) if mark else place
        message = f"invalid YAML: {getattr(error, 'problem', None) or error}"
        problems.error(at, "", "invalid YAML", message, "write key: value lines")
        return card
    if node is None:
        return card
    if not isinstance(node, yaml.MappingNode):
        problems.error(
            place, "", "invalid YAML", "expected key: value lines", "write e.g. languages: [de, en]"
        )
        return card
    for key, value in node.value:
        _take(card, str(key.value), value, Place(str(path), key.start_mark.line + 1), problems)
    return card


def card_text(task: Task) -> str:
    """task.yaml of a task; equal tasks give equal text, empty entries are left out."""
    values = {
        "name": task.name,
        "languages": list(task.languages),
        "alignment": str(task.alignment),
        "source": task.source,
        "licence": task.licence,
        "description": task.description,
        "leave_out_self": task.leave_out_self,
        "notes": list(task.notes),
    }
    return yaml.safe_dump(
        {k: v for k, v in values.items() if v}, allow_unicode=True, sort_keys=False, default_flow_style=False
    )


def _take(card: Card, key: str, node: yaml.Node, place: Place, problems: Problems) -> None:
    if key in LISTS:
        if not isinstance(node, yaml.SequenceNode):
            message = f"expected a list, found {node.value!r}"
            problems.error(place, key, "mistyped field", message, f"write {key}: [...]")
            return
        items = [str(item.value) for item in node.value]
        if key == "notes":
            card.notes = tuple(items)
        elif _are_languages(items, place, problems):
            card.languages = tuple(items)
    elif key in FLAGS:
        if not isinstance(node, yaml.ScalarNode) or node.value not in ("true", "false"):
            message = f"expected true or false, found {node.value!r}"
            problems.error(place, key, "mistyped field", message, f"write {key}: true")
            return
        setattr(card, key, node.value == "true")
    elif key not in WORDS:
        guess = near_miss(key, (*WORDS, *LISTS, *FLAGS))
        problems.warn(place, key, "unknown key", f"{key!r} is no key of a task card", f"ignored.{guess}")
    elif not isinstance(node, yaml.ScalarNode):
        problems.error(place, key, "mistyped field", "expected a text", f"write {key}: one text")
    else:
        _take_word(card, key, str(node.value), place, problems)


def _take_word(card: Card, key: str, value: str, place: Place, problems: Problems) -> None:
    if key == "name" and not is_task_name(value):
        message = f"{value!r} is no name for a folder (letters, digits, '.', '_', '+', '-')"
        problems.error(place, key, "bad task name", message, f"call it {slugify(value)!r}")
    elif key == "alignment":
        if value in list(Alignment):
            card.alignment = Alignment(value)
        else:
            choices = [str(choice) for choice in Alignment]
            fix = f"choose one of {', '.join(choices)}.{near_miss(value, choices)}"
            problems.error(place, key, "bad alignment", f"{value!r} is no alignment", fix)
    else:
        setattr(card, key, value)


def _are_languages(codes: list[str], place: Place, problems: Problems) -> bool:
    n_errors = problems.n_errors
    for code in codes:
        if not is_language(code):
            message = f"{code!r} is not an ISO 639-1 language code"
            problems.error(place, "languages", "unknown language", message, language_help(code))
    for code in sorted({c for c in codes if codes.count(c) > 1}):
        problems.error(place, "languages", "repeated language", f"{code!r} is listed twice", "list it once")
    if not codes:
        problems.error(
            place, "languages", "unknown language", "the list is empty", "list the task's languages"
        )
    return problems.n_errors == n_errors
