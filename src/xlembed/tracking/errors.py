"""What goes wrong with a tracking store, in words that hold no password."""

from __future__ import annotations

import re


class TrackingError(RuntimeError):
    """The tracking store failed while something was being recorded; the work itself may be fine."""


def hide_secrets(text: str) -> str:
    """Text with the credentials of every address in it replaced by stars.

    >>> hide_secrets("postgresql://ana:pa@ss@db/runs?sslmode=require is not reachable")
    'postgresql://***@db/runs?sslmode=require is not reachable'
    >>> hide_secrets("https://db/runs?password=abc&x=1")
    'https://db/runs?password=***&x=1'
    """
    text = re.sub(r"(?<=://)[^\s'\"]*@", "***@", text)
    return re.sub(r"(?i)\b(\w*(?:password|passwd|token|secret))=[^&\s'\"]+", r"\1=***", text)
