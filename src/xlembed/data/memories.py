"""Translation memories (TMX 1.4b of LISA): a unit is a row, with a column for each language that it is in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, iterparse

from xlembed.data.checks import Place, Problems, Row
from xlembed.data.lines import DAMAGED, find_file, tell_damaged, unpacked
from xlembed.data.tables import Table

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
CODES = {"bpt", "ept", "it", "ph", "ut"}
"""Inside them stand codes of the program that the text was made in, no text."""


def read_memory(file: Path, problems: Problems) -> Table:
    """Units may be in different languages, and XML says its encoding."""
    return Table((), _units(file, problems), is_text=False, name=str(file))


def _units(file: Path, problems: Problems) -> Iterator[Row]:
    if (there := find_file(file, problems)) is None:
        return
    number = 0
    try:
        with unpacked(there) as stream:
            for _, element in iterparse(stream):
                if _name(element) == "tu":
                    number += 1
                    place = Place(str(file), number, in_table=True)
                    yield Row(_texts(element, place, problems), place, problems)
                    element.clear()
    except (*DAMAGED, ParseError) as error:
        tell_damaged(there, str(file), error, problems)


def _texts(unit: Element, place: Place, problems: Problems) -> dict[str, str]:
    """Language -> text, the first where a unit has several, which is told."""
    found: dict[str, str] = {}
    for variant in (element for element in unit.iter() if _name(element) == "tuv"):
        lang = variant.get(LANG) or variant.get("lang") or ""
        for segment in (element for element in variant if _name(element) == "seg"):
            text = re.sub(r"\s+", " ", _text(segment)).strip()
            if found.setdefault(lang, text) != text:
                message = f"the unit has several texts in {lang}"
                problems.warn(place, lang, "several texts", message, "the first is taken")
    return found


def _text(element: Element) -> str:
    within = [element.text or ""] if _name(element) not in CODES else []
    for child in element:
        within += [_text(child), child.tail or ""]
    return "".join(within)


def _name(element: Element) -> str:
    """The tag without its namespace."""
    return element.tag.rpartition("}")[2]
