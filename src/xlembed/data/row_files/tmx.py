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


def read(file: Path, problems: Problems, numbered: bool, encoding: str) -> list[Table]:
    """Units may be in different languages; there are no columns to number, and XML says its encoding."""
    return [Table((), _units(file, problems), is_text=False, name=str(file))]


def _units(file: Path, problems: Problems) -> Iterator[Row]:
    if (there := find_file(file, problems)) is None:
        return
    number = 0
    try:
        with unpacked(there) as stream:
            for _, element in iterparse(stream):
                if element.tag == "tu":
                    number += 1
                    yield Row(_texts(element), Place(str(file), number, in_table=True), problems)
                    element.clear()
    except (*DAMAGED, ParseError) as error:
        tell_damaged(there, str(file), error, problems)


def _texts(unit: Element) -> dict[str, str]:
    """Language -> text, the first where a unit has several."""
    found: dict[str, str] = {}
    for variant in unit.iter("tuv"):
        segment = variant.find("seg")
        lang = variant.get(LANG) or variant.get("lang") or ""
        if segment is not None:
            found.setdefault(lang, re.sub(r"\s+", " ", _text(segment)).strip())
    return found


def _text(element: Element) -> str:
    within = [element.text or ""] if element.tag not in CODES else []
    for child in element:
        within += [_text(child), child.tail or ""]
    return "".join(within)
