"""task.yaml: what a task is called, its languages, where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xlembed.data.checks import Place, Problems
from xlembed.data.languages import is_language, language_help
from xlembed.data.task import Alignment, Task
from xlembed.files import YamlError, read_yaml, yaml_line
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


def name_fix(folder: Path, name: str) -> str:
    """What to do about a folder that is not called like what is in it; a name that it may not have is no way out."""
    return f"write name: {folder.name}" if is_task_name(folder.name) else f"rename the folder to {name}"


def read_card(folder: Path, problems: Problems) -> Card | None:
    """The card of a task folder, with what is wrong told by line; None when the folder has none."""
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    values: dict[str, Any] = {"name": slugify(folder.resolve().name)}
    content: Any = None
    try:
        if not isinstance(content := read_yaml(path, texts=True), dict | None):
            fix = "write e.g. languages: [de, en]"
            problems.error(Place(str(path)), "", "invalid YAML", "expected key: value lines", fix)
    except YamlError as error:
        fix = "write key: value lines"
        problems.error(Place(str(path), error.line), "", "invalid YAML", error.problem, fix)
    for key, value in content.items() if isinstance(content, dict) else ():
        place, errors = Place(str(path), yaml_line(path, [key])), problems.n_errors
        if key not in KEYS:
            done = f"ignored.{near_miss(key, KEYS)}"
            problems.warn(place, key, "unknown key", f"{key!r} is no key of a task card", done)
            continue
        for kind, message, fix in _wrong(key, value):
            problems.error(place, key, kind, message, fix)
        if problems.n_errors == errors:
            value = value == "true" if key in FLAGS else value
            values[key] = tuple(value) if key in LISTS else Alignment(value) if key == "alignment" else value
    return Card(**values)


def card_text(task: Task) -> str:
    """task.yaml of a task; equal tasks give equal text, empty entries are left out."""
    values = {key: value for key in KEYS if (value := getattr(task, key))} | {
        "alignment": str(task.alignment)
    }
    values = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, default_flow_style=False)


def _wrong(key: str, value: Any) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the value of a key: kind, message and fix; every scalar is a text."""
    if key in LISTS and not isinstance(value, list):
        yield "mistyped field", f"expected a list, found {value!r}", f"write {key}: [...]"
    elif key in FLAGS and value not in ("true", "false"):
        yield "mistyped field", f"expected true or false, found {value!r}", f"write {key}: true"
    elif key in WORDS and not isinstance(value, str):
        yield "mistyped field", "expected a text", f"write {key}: one text"
    elif key == "languages":
        for code in value:
            if not is_language(code):
                yield (
                    "unknown language",
                    f"{code!r} is not an ISO 639 language code",
                    language_help(str(code)),
                )
        for code in sorted({str(c) for c in value if value.count(c) > 1}):
            yield "repeated language", f"{code!r} is listed twice", "list it once"
        if not value:
            yield "unknown language", "the list is empty", "list the task's languages"
    elif key == "name" and not is_task_name(value):
        message = f"{value!r} is no name for a folder (letters, digits, '.', '_', '+', '-')"
        yield "bad task name", message, f"call it {slugify(value)!r}"
    elif key == "alignment" and value not in list(Alignment):
        fix = f"choose one of {', '.join(Alignment)}.{near_miss(value, Alignment)}"
        yield "bad alignment", f"{value!r} is no alignment", fix
