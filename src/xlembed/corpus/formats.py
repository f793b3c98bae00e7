"""Which formats can be read: found in readers/, so that a new one is one new file.

Apart from readers/__init__.py, so that who reads a finished task does not load (and depend on) every importer.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from xlembed.corpus import readers
from xlembed.corpus.reading import Reader
from xlembed.types import UserError, near_miss


@cache
def reader_names() -> tuple[str, ...]:
    """All formats, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(readers.__path__)))


def find_reader(form: str) -> Reader:
    """The reader of a format.

    Raises:
        UserError: lists the formats.
    """
    names = reader_names()
    if form not in names:
        raise UserError(f"no format {form!r}: choose one of {', '.join(names)}.{near_miss(form, names)}")
    reader: Reader = importlib.import_module(f"{readers.__name__}.{form}").read
    return reader
