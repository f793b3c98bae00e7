"""Readers by the name of their format; a new format is one new module here with a function `read`."""

from __future__ import annotations

import importlib
import pkgutil

from xlembed.corpus.reading import Reader
from xlembed.types import UserError, near_miss

READERS: dict[str, Reader] = {
    module.name: importlib.import_module(f"{__name__}.{module.name}").read
    for module in pkgutil.iter_modules(__path__)
}
"""Format -> reader."""


def find_reader(form: str) -> Reader:
    """The reader of a format.

    Raises:
        UserError: lists the formats.
    """
    if form not in READERS:
        known = f"choose one of {', '.join(READERS)}."
        raise UserError(f"no format {form!r}: {known}{near_miss(form, READERS)}")
    return READERS[form]
