"""Sets of rows under data/ (pairs, scored texts): a folder with a card in YAML and its rows in JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xlembed.data.card import is_task_name
from xlembed.data.checks import Place, Problems
from xlembed.data.folders import absent_folders, check_new, find_folder, folders_with
from xlembed.data.languages import is_language
from xlembed.files import YamlError, atomic_folder, read_yaml
from xlembed.words import Choice, Lang, UserError, near_miss

OwnCheck = Callable[[Mapping[str, Any], Place, Problems], None]
"""Tells what is wrong with the values of a card's own keys."""

WORDS = ("source", "licence", "description")


@dataclass(frozen=True, kw_only=True)
class SetCard:
    """What the card of a set says.

    Attributes:
        name: as it is typed, and as recipes call it.
        kind: what its rows are.
        languages: of its texts, in the order of the card.
        folder: where it was read from, or is written to.
    """

    name: str
    kind: Choice
    languages: tuple[Lang, ...]
    folder: Path
    source: str = ""
    licence: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetStore:
    """Where sets of one form are, and what their files are called.

    Attributes:
        form: the folder under data/, and the word of `xlembed import`.
        noun: one of them.
        subject: the noun before a name, where errors are listed.
        card: file name of the card.
        rows: file name of the rows.
        kinds: choices of `kind`.
        own_keys: keys of the card that other sets do not have; they stand behind `languages`.
        example: of a right list of languages.
    """

    form: str
    noun: str
    subject: str
    card: str
    rows: str
    kinds: type[Choice]
    own_keys: tuple[str, ...] = ()
    example: str = "[en, tr]"

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the card, in order."""
        return ("name", "kind", "languages", *self.own_keys, *WORDS, "notes")

    def names(self, data_dir: Path) -> list[str]:
        """Of the sets that are there, in alphabetical order."""
        return folders_with(self.card, data_dir / self.form)

    def absent(self, data_dir: Path) -> dict[str, Path]:
        """Name -> .dvc file of the sets that DVC tracks and that are not there."""
        return absent_folders(self.card, data_dir / self.form, data_dir)

    def find(self, name: str, data_dir: Path) -> Path:
        """The folder of a set given by its name under `data_dir`, or by its path.

        Raises:
            UserError: with the known sets and the near miss; or with the `dvc pull` that brings the folder.
        """
        parent = data_dir / self.form
        found, known = find_folder(name, self.card, parent, data_dir, self.noun)
        if found:
            return found
        listed = f"there are {', '.join(known)}" if known else "there are none yet"
        raise UserError(
            f"no {self.noun} {name!r}: neither a name under {parent} nor a folder with {self.card}; {listed}."
            f"{near_miss(name, known)} Make one: xlembed import {self.form} FILE --name {Path(name).name}"
        )

    def read_card(
        self, folder: Path, name: str, check_own: OwnCheck | None = None
    ) -> tuple[SetCard, dict[str, Any]]:
        """The card of the set called `name`, and the values of `own_keys`, which `check_own` checks.

        Raises:
            UserError: lists everything wrong in it.
        """
        place, problems = Place(str(folder / self.card)), Problems()
        content: Any = None
        try:
            if not isinstance(content := read_yaml(Path(place.file)), dict):
                fix = f"fields: {', '.join(self.keys)}"
                problems.error(place, "", "invalid YAML", "expected fields (key: value)", fix)
        except YamlError as error:
            at = Place(place.file, error.line)
            problems.error(at, "", "invalid YAML", error.problem, "correct the file")
        own = {key: content.get(key) for key in self.own_keys} if isinstance(content, dict) else {}
        if not problems.n_errors:
            self._check(content, place, problems)
            if check_own:
                check_own(own, place, problems)
        problems.raise_errors(f"{self.subject} {name}")
        card = SetCard(
            name=content.get("name") or folder.name,
            kind=self.kinds(content["kind"]),
            languages=tuple(content["languages"]),
            folder=folder,
            notes=tuple(content.get("notes") or ()),
            **{key: content.get(key) or "" for key in WORDS},
        )
        return card, own

    def tell_empty(self, folder: Path, problems: Problems) -> None:
        """An error where rows were read without one, and there are none."""
        if not problems.n_errors:
            place = Place(str(folder / self.rows))
            problems.error(place, "", "no rows", "the file holds no rows", "import it again")

    def check_target(self, name: str, folder: Path, force: bool = False) -> None:
        """Nothing when a set called `name` may be written to `folder`.

        Raises:
            UserError: as `check_new`.
        """
        check_new(name, folder, self.card, self.noun, force)

    def write(
        self, found: SetCard, lines: Iterable[str], own: Mapping[str, Any] | None = None, force: bool = False
    ) -> None:
        """The folder of a set, whole or not at all; `own` are the values of `own_keys`.

        Raises:
            UserError: as `check_target`.
        """
        self.check_target(found.name, found.folder, force)
        values = {"kind": str(found.kind), **(own or {})}
        card = {key: values.get(key) or getattr(found, key) for key in self.keys}
        card = {key: list(v) if isinstance(v, tuple) else v for key, v in card.items() if v}
        with atomic_folder(found.folder) as temporary:
            text = yaml.safe_dump(card, allow_unicode=True, sort_keys=False)
            (temporary / self.card).write_text(text, encoding="utf-8")
            with (temporary / self.rows).open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)

    def _check(self, content: Mapping[str, Any], place: Place, problems: Problems) -> None:

        def wrong(key: str, kind: str, message: str, fix: str) -> None:
            problems.error(place, key, kind, message, fix)

        for key in map(str, content):
            if key not in self.keys:
                message = f"no field of {self.card}.{near_miss(key, self.keys)}"
                wrong(key, "unknown key", message, f"fields: {', '.join(self.keys)}")
        kind, languages, name, notes = (content.get(key) for key in ("kind", "languages", "name", "notes"))
        if kind not in list(self.kinds):
            wrong(
                "kind",
                "unknown kind",
                f"expected one of {', '.join(self.kinds)}, found {kind!r}",
                "choose one",
            )
        if not isinstance(languages, list) or not languages or not all(map(is_language, languages)):
            quoted = isinstance(languages, list) and False in languages
            fix = 'write "no" in quotes' if quoted else f"for example {self.example}"
            wrong(
                "languages", "unknown language", f"expected a list of ISO 639 codes, found {languages!r}", fix
            )
        elif len(set(languages)) < len(languages):
            message = f"a language twice: {', '.join(languages)}"
            wrong("languages", "repeated language", message, "list it once")
        if "name" in content and not (isinstance(name, str) and is_task_name(name)):
            message = f"expected letters, digits, '.', '_', '+', '-', found {name!r}"
            wrong("name", "bad name", message, "write the name of the folder")
        for key in WORDS:
            if not isinstance(content.get(key) or "", str):
                wrong(
                    key,
                    "mistyped field",
                    f"expected a text, found {content[key]!r}",
                    "write a text in quotes",
                )
        if notes is not None and not (isinstance(notes, list) and all(isinstance(n, str) for n in notes)):
            fix = "write each note behind a hyphen"
            wrong("notes", "mistyped field", f"expected a list of texts, found {notes!r}", fix)
