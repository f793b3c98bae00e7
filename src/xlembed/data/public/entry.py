"""One public set: where it is, how it is laid out, in which languages, under which licence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from xlembed.data.languages import is_language, suggest_language
from xlembed.data.pairs import Kind
from xlembed.data.task import Alignment
from xlembed.files import Record, read_yaml
from xlembed.words import Lang, UserError, near_miss

ENTRIES = Path(__file__).parent / "entries"

Names = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
]
"""One name, or several of which the first that is there is taken."""


class Part(Record):
    """Where one kind of rows is; what is not said is as the layout says."""

    hub_id: str | None = None
    revision: str | None = None
    config: Names = ()
    """Configurations, the first that is there; `{subset}` is replaced."""
    split: str | None = None
    columns: Mapping[str, Names] = Field(default_factory=dict)
    """Our field -> the column of the rows, the first that is there."""


class PublicSet(Record):
    """One entry of the catalogue of public sets (a YAML file under entries/)."""

    name: str
    description: str
    hub_id: str
    revision: str | None = None
    """A commit; None: nobody has pinned one, the newest is taken and written down."""
    layout: str
    """A module of layouts/."""
    kind: Kind | None = None
    """Of the training rows; None: it becomes a task."""
    languages: Mapping[Lang, str]
    """Language -> its subset; a list of languages: a subset each of that name, or, if it is one, none."""
    varieties: Mapping[str, Lang] = Field(default_factory=dict)
    """Further subset -> its language, perhaps with script or region; taken by the subset's own name."""
    pivot: Lang | None = None
    """The language that every subset has beside its own."""
    default: tuple[Lang, ...] = ()
    """Languages that are taken where none are named; empty: all."""
    split: str
    """What is read where no other split is named."""
    sets: Mapping[str, str] = Field(default_factory=dict)
    """Split -> the name of the pair set that is made of it; empty: one set of `split`, called like the entry."""
    held_out: float = 0.0
    """Share of the queries (by their hash) that are the split `dev` and not `train`, where the set has no dev rows."""
    parts: Mapping[str, Part] = Field(default_factory=dict)
    alignment: Alignment = Alignment.COMPARABLE
    licence: str
    noncommercial: bool = False
    """Whether the licence must be accepted before anything is fetched."""
    citation: str
    """A key of references.bib, or an address."""
    size: str
    instead: str = ""
    """Copy to take where the repository turns out to need a loading script."""
    unconfirmed: tuple[str, ...] = ()
    """Fields that were not checked against the repository."""
    notes: tuple[str, ...] = ()

    @field_validator("languages", mode="before")
    @classmethod
    def _are_subsets(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {lang: lang if len(value) > 1 else "" for lang in value}
        return value

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, value: Mapping[Lang, str]) -> Mapping[Lang, str]:
        if wrong := [lang for lang in value if not is_language(lang)]:
            raise ValueError(f"expected ISO 639-1 codes, found {', '.join(wrong)}")
        return value

    @field_validator("unconfirmed")
    @classmethod
    def _are_fields(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := sorted({*fields} - cls.model_fields.keys()):
            raise ValueError(f"no fields of an entry: {', '.join(wrong)}")
        return fields

    @property
    def gives(self) -> str:
        """What `xlembed import hub` makes of it."""
        return "task" if self.kind is None else str(self.kind)

    def part(self, name: str, fallback: Part) -> Part:
        """Where one kind of rows is: as the entry says, else as the layout does."""
        said = self.parts.get(name, Part())
        values = {field: getattr(said, field) or getattr(fallback, field) for field in Part.model_fields}
        values["columns"] = {**fallback.columns, **said.columns}
        return Part(**values)

    def choose(self, wanted: tuple[str, ...]) -> dict[Lang, str]:
        """Language -> subset of what the user named: languages, or subsets by their own names.

        Raises:
            UserError: a name that is not there, a language twice, or one without a two-letter code.
        """
        if not wanted:
            return {lang: self.languages[lang] for lang in self.default or self.languages}
        known = {subset: lang for lang, subset in self.languages.items() if subset}
        of_variety = {lang: subset for subset, lang in self.varieties.items()}
        chosen: dict[Lang, str] = {}
        for name in (of_variety.get(name, name) for name in wanted):
            lang = name if name in self.languages else known.get(name)
            subset = self.languages[lang] if lang else name
            if lang is None and (said := self.varieties.get(name)):
                lang = next((code for code in (said, said.partition("-")[0]) if is_language(code)), None)
                if lang is None:
                    raise UserError(
                        f"--lang: the language of {name!r} has no two-letter code; such are not served"
                    )
            if lang is None or lang == self.pivot:
                raise UserError(self._unknown(name))
            if lang in chosen:
                raise UserError(
                    f"--lang: {chosen[lang]!r} and {name!r} are both {lang!r} here: take one, or import them apart"
                )
            chosen[lang] = subset
        return chosen

    def _unknown(self, name: str) -> str:
        meant = suggest_language(name)
        hint = f" Did you mean {meant!r}?" if meant in self.languages else near_miss(name, self.languages)
        varieties = (f"{subset} ({lang})" for subset, lang in self.varieties.items())
        more = f" and the varieties {', '.join(varieties)}" if self.varieties else ""
        pivot = f" ({self.pivot} comes with each of them)" if self.pivot else ""
        return f"--lang: {self.name} has no {name!r}.{hint} It has {', '.join(self.languages)}{pivot}{more}"


def public_sets() -> Mapping[str, PublicSet]:
    """Name -> entry, in alphabetical order; read once per process.

    Raises:
        UserError: names the file and the field that is wrong.
    """
    return _read_all(ENTRIES)


def find_public_set(name: str) -> PublicSet:
    """The entry of that name.

    Raises:
        UserError: there is none; with the near miss.
    """
    known = public_sets()
    if name not in known:
        raise UserError(
            f"no public set {name!r}: `xlembed import hub` lists the {len(known)} there are.{near_miss(name, known)}"
        )
    return known[name]


@lru_cache(maxsize=4)
def _read_all(folder: Path) -> Mapping[str, PublicSet]:
    every = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    return MappingProxyType(
        {
            name: PublicSet.from_json({"name": name, **read_yaml(path)}, str(path), "correct the entry")
            for name, path in every.items()
        }
    )
