"""paper/main.tex -> paper/main.pdf with whichever LaTeX is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 300
SAFELY = ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "main.tex")
PDFLATEX = ("pdflatex", *SAFELY)
TOOLS: dict[str, Sequence[Sequence[str]]] = {
    "latexmk": [("latexmk", "-pdf", *SAFELY)],
    "pdflatex": [PDFLATEX, ("bibtex", "main"), PDFLATEX, PDFLATEX],
    "tectonic": [("tectonic", "--untrusted", "main.tex")],
}
"""Tool -> its commands, in the order in which the tools are tried; the paper holds texts of others: no shell escape."""


@dataclass(frozen=True)
class Built:
    """Whether main.pdf is there, whether there was a LaTeX to try, and what happened, in a sentence."""

    made: bool
    tried: bool
    text: str


def build_pdf(paper: Path, which: Callable[[str], str | None] = shutil.which) -> Built:
    """Build the paper of a folder with main.tex; that there is no LaTeX is an answer, not an error."""
    tool = next((name for name in TOOLS if which(name)), None)
    if tool is None:
        text = (
            f"no PDF: none of {', '.join(TOOLS)} is installed (Debian: apt install latexmk texlive-latex-extra); "
            "paper/main.tex is ready to be built elsewhere"
        )
        return Built(False, False, text)
    # The same sources give the same bytes.
    surroundings = os.environ | {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
    for command in TOOLS[tool]:
        if which(command[0]) is None:
            continue  # without BibTeX the paper has question marks instead of references
        try:
            done = subprocess.run(
                command, cwd=paper, env=surroundings, capture_output=True, text=True, errors="replace",
                timeout=TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Built(False, True, f"no PDF: {command[0]} took more than {TIMEOUT_S} s")
        if done.returncode and command[0] != "bibtex":
            return Built(False, True, f"no PDF: {command[0]} failed: {_reason(done.stdout + done.stderr)}")
    if not (paper / "main.pdf").is_file():
        return Built(False, True, f"no PDF: {tool} ended without error and wrote none")
    return Built(True, True, f"paper/main.pdf built with {tool}")


def _reason(output: str) -> str:
    """The first error that LaTeX names, else the last lines."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("!", "error:"))]
    return errors[0] if errors else " | ".join(lines[-3:]) or "it said nothing"
