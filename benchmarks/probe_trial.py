"""Data of the probe trial (docs/probe.md): EmoBank -> scored texts, and two labels made of its scores.

    python benchmarks/probe_trial.py CORPORA

CORPORA holds emobank/. What is there already is left as it is. `make trial-probes` calls this, then probes.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from xlembed.data.scored import Dimension, ScoredKind, load_scored, write_scored

DATA = Path("data")
XLEMBED = str(Path(sys.executable).with_name("xlembed"))
GLAD, SAD = 3.3, 2.7
"""Valence from which a sentence counts as pleasant, and up to which as unpleasant; 3 is neutral."""
LICENCE = "CC BY-SA 4.0"


def main() -> None:
    file = Path(sys.argv[1]) / "emobank" / "emobank.csv"
    if not (DATA / "scored" / "emobank").exists():
        words = ["--lang", "en", "--columns", "id=id,text=text,split=split", "--dimensions", "V,A,D"]
        words += ["--document-pattern", r"(.+)_\d+_\d+", "--scale", "1,5", "--licence", LICENCE]
        subprocess.run([XLEMBED, "import", "scored", str(file), "--name", "emobank", *words], check=True)
    folder = DATA / "scored" / "emobank_labels"
    if not folder.exists():
        scored = load_scored("emobank", DATA)
        texts = [
            replace(t, scores=(float(t.scores[0] >= GLAD), float(t.scores[0] <= SAD))) for t in scored.texts
        ]
        labelled = replace(
            scored,
            name="emobank_labels",
            kind=ScoredKind.LABELS,
            dimensions=(
                Dimension("pleasant", f"valence of {GLAD} or more"),
                Dimension("unpleasant", f"valence of {SAD} or less"),
            ),
            texts=tuple(texts),
            folder=folder,
            notes=("Labels made of the scores of emobank.",),
        )
        write_scored(labelled)


if __name__ == "__main__":
    main()
