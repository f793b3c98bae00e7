"""Mr. TyDi: built like MIRACL, its languages called by their names."""

from __future__ import annotations

from xlembed.data.importers.miracl import read

__all__ = ["read"]
