"""task.yaml: what a task is called, its languages, where it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xlembed.data.checks import Place, Problems
from xlembed.data.languages import is_language, language_help
from xlembed.data.lines import read_lines
from xlembed.data.task import Alignment, Task
from xlembed.words import Lang, near_miss

CARD_FILE = "task.yaml"
WORDS = ("name", "alignment", "source", "licence", "citation", "description")
LISTS = ("languages", "notes")
FLAGS = ("demonstration", "leave_out_self", "unjudged", "machine_judged")
KEYS = ("name", "languages", *WORDS[1:], *FLAGS, "notes")
"""In the order of a card."""


@dataclass(frozen=True)
class Card:
    """What task.yaml says, or an importer knows; `languages` is None until the rows told them."""

    name: str
    languages: tuple[Lang, ...] | None = None
    alignment: Alignment = Alignment.COMPARABLE
    source: str = ""
    licence: str = ""
    citation: str = ""
    description: str = ""
    demonstration: bool = False
    notes: tuple[str, ...] = ()
    leave_out_self: bool = False
    unjudged: bool = False
    machine_judged: bool = False


def is_task_name(name: str) -> bool:
    """Whether `name` can be a folder under data/: letters, digits and ``._+-``, not a dot or hyphen first."""
    return re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9._+-]*", name) is not None


def slugify(name: str) -> str:
    """`name`, with every run of other characters replaced by one ``_`` where it is none for a folder.

    >>> slugify("My data (v2)"), slugify("_data_")
    ('My_data_v2', '_data_')
    """
    return name if is_task_name(name) else re.sub(r"[^A-Za-z0-9._+-]+", "_", name).strip("_.-") or "task"


def read_card(folder: Path, problems: Problems) -> Card | None:
    """The card of a task folder, with what is wrong told by line; None when the folder has none."""
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    values: dict[str, Any] = {"name": slugify(folder.resolve().name)}
    try:
        # All scalars are strings: YAML's own rules would read the language code `no` as false.
        node = yaml.compose("\n".join(line for _, line in read_lines(path, problems)), Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"invalid YAML: {getattr(error, 'problem', None) or error}"
        at = Place(str(path), mark.line + 1 if mark else None)
        problems.error(at, "", "invalid YAML", message, "write key: value lines")
        return Card(**values)
    if node is None:
        return Card(**values)
    if not isinstance(node, yaml.MappingNode):
        fix = "write e.g. languages: [de, en]"
        problems.error(Place(str(path)), "", "invalid YAML", "expected key: value lines", fix)
        return Card(**values)
    lines: dict[str, int] = {}
    for name, value in node.value:
        key, place = str(name.value), Place(str(path), name.start_mark.line + 1)
        if lines.setdefault(key, name.start_mark.line + 1) != place.line:
            message = f"the key stands in line {lines[key]} already"
            problems.error(place, key, "repeated key", message, "keep one of them")
        if key not in KEYS:
            done = f"ignored.{near_miss(key, KEYS)}"
            problems.warn(place, key, "unknown key", f"{key!r} is no key of a task card", done)
        elif _is_sound(key, value, place, problems):
            values[key] = _value(key, value)
    return Card(**values)


def card_text(task: Task) -> str:
    """task.yaml of a task; equal tasks give equal text, empty entries are left out."""
    values = {key: value for key in KEYS if (value := getattr(task, key))} | {
        "alignment": str(task.alignment)
    }
    values = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, default_flow_style=False)


def _is_sound(key: str, node: yaml.Node, place: Place, problems: Problems) -> bool:
    """Whether the value of a key is one of its kind, with what is wrong told."""
    errors = problems.n_errors
    found = f"found {node.value!r}"
    if key in LISTS and not isinstance(node, yaml.SequenceNode):
        problems.error(place, key, "mistyped field", f"expected a list, {found}", f"write {key}: [...]")
    elif key in FLAGS and not (isinstance(node, yaml.ScalarNode) and node.value in ("true", "false")):
        problems.error(place, key, "mistyped field", f"expected true or false, {found}", f"write {key}: true")
    elif key in WORDS and not isinstance(node, yaml.ScalarNode):
        problems.error(place, key, "mistyped field", "expected a text", f"write {key}: one text")
    elif key == "languages":
        _check_languages([str(item.value) for item in node.value], place, problems)
    elif key == "name" and not is_task_name(node.value):
        message = f"{node.value!r} is no name for a folder (letters, digits, '.', '_', '+', '-')"
        problems.error(place, key, "bad task name", message, f"call it {slugify(node.value)!r}")
    elif key == "alignment" and node.value not in list(Alignment):
        fix = f"choose one of {', '.join(Alignment)}.{near_miss(node.value, Alignment)}"
        problems.error(place, key, "bad alignment", f"{node.value!r} is no alignment", fix)
    return problems.n_errors == errors


def _value(key: str, node: yaml.Node) -> Any:
    if key in LISTS:
        return tuple(str(item.value) for item in node.value)
    if key in FLAGS:
        return node.value == "true"
    return Alignment(node.value) if key == "alignment" else str(node.value)


def _check_languages(codes: list[str], place: Place, problems: Problems) -> None:
    for code in codes:
        if not is_language(code):
            message = f"{code!r} is not an ISO 639 language code"
            problems.error(place, "languages", "unknown language", message, language_help(code))
    for code in sorted({c for c in codes if codes.count(c) > 1}):
        problems.error(place, "languages", "repeated language", f"{code!r} is listed twice", "list it once")
    if not codes:
        fix = "list the task's languages"
        problems.error(place, "languages", "unknown language", "the list is empty", fix)
