"""Data of the remedy trial (docs/paradox.md): XQuAD in six languages, and NTREX for the offsets of +shift-ntrex.

    python benchmarks/remedy_trial.py CORPORA

CORPORA holds xquad/ and parallel/ntrex.jsonl. What is there already is left as it is. `make trial-remedies` calls this.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from xlembed.data.pairs import Kind, PairSet, write_pairs

DATA = Path("data")
XLEMBED = str(Path(sys.executable).with_name("xlembed"))
XQUAD = ("de", "en", "es", "ru", "tr", "zh")
NTREX = ("de", "es", "fr", "ja", "pt", "tr", "zh")


def main() -> None:
    corpora = Path(sys.argv[1])
    if not (DATA / "xquad6").exists():
        files = [str(corpora / "xquad" / f"xquad.{lang}.json") for lang in XQUAD]
        subprocess.run([XLEMBED, "import", "squad", *files, "--name", "xquad6"], check=True)
    folder = DATA / "pairs" / "ntrex"
    if not folder.exists():
        lines = (corpora / "parallel" / "ntrex.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [
            {"anchor": of[lang], "anchor_lang": lang, "positive": of["en"], "positive_lang": "en"}
            for of in map(json.loads, lines)
            for lang in NTREX
        ]
        write_pairs(
            PairSet(
                name="ntrex",
                folder=folder,
                kind=Kind.TRANSLATIONS,
                languages=("en", *NTREX),
                rows=tuple(rows),
                source="NTREX-128, MicrosoftTranslator/NTREX",
                licence="CC BY-SA 4.0",
                description="News sentences, translated by professionals; every language beside English.",
            )
        )


if __name__ == "__main__":
    main()
