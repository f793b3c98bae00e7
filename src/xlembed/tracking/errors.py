"""What goes wrong with a tracking store, in words that hold no password."""

from __future__ import annotations

import re

STEPS = {
    "disk is full": "make room, then run the same command again; finished work is kept",
    "readonly database": "make it and its folder writable, or set MLFLOW_TRACKING_URI",
    "unable to open database": "make it and its folder readable and writable, or set MLFLOW_TRACKING_URI",
    "database is locked": "another process is writing to it; wait for it or end it",
}
"""What SQLite says of its surroundings, and the next step."""


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


def store_words(text: str) -> str:
    r"""What a store said, for people: without SQL, and with the next step where SQLite names a known cause.

    >>> store_words("(sqlite3.OperationalError) attempt to write a readonly database\\n[SQL: INSERT INTO runs ...]")
    'attempt to write a readonly database: make it and its folder writable, or set MLFLOW_TRACKING_URI'
    """
    line = re.sub(r"^\((sqlite3|sqlalchemy)[\w.]*\) ", "", text.partition("\n[SQL:")[0].strip())
    for word, step in STEPS.items():
        if word in line:
            return f"{line}: {step}"
    return line
