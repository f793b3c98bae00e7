"""Data of the Turkish trial (docs/finetune.md): public corpora -> pair sets and tasks of a checkout.

    python benchmarks/turkish_trial.py CORPORA

CORPORA holds stsb/, tquad/, parallel/ and xquad/. What is there already is left as it is. `make trial` calls this, then
fine-tunes and compares.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from xlembed.data.pairs import Kind, PairSet, load_pairs, write_pairs

DATA = Path("data")
XLEMBED = str(Path(sys.executable).with_name("xlembed"))
NTREX_DEV = 200
"""Rows at the end of NTREX that nothing trains on."""
TQUAD_DEV_SHARE = 0.1
STSB_TR = ("--columns", "text1=sentence1,text2=sentence2,score=score")


def main() -> None:
    corpora = Path(sys.argv[1])
    for split in ("train", "dev", "test"):
        run("pairs", corpora / f"stsb/stsb-tr-{split}.tsv", f"stsb_tr_{split}", *STSB_TR)
    run("pairs", corpora / "stsb/stsb-en-test.csv", "stsb_en_test", "--columns", "text1=1,text2=2,score=3")
    run("pairs", corpora / "tquad/train-v0.1.json", "tquad_all", "--lang", "tr")
    split_tquad()
    translations(
        "stsb_en_tr", stsb_rows(corpora), "STS benchmark, train split, English and Turkish row by row"
    )
    ntrex = ntrex_rows(corpora)
    translations("ntrex_en_tr", ntrex[:-NTREX_DEV], "NTREX-128, all but the last 200 rows")
    translations("ntrex_en_tr_dev", ntrex[-NTREX_DEV:], "NTREX-128, the last 200 rows")
    translations("cldr_en_tr", cldr_rows(corpora), "Unicode CLDR, names of characters")
    languages = [corpora / f"xquad/xquad.{lang}.json" for lang in ("en", "de", "es", "tr", "zh", "ru")]
    if not (DATA / "xquad").exists():
        subprocess.run([XLEMBED, "import", "squad", *map(str, languages), "--name", "xquad"], check=True)


def run(form: str, file: Path, name: str, *more: str) -> None:
    if not (DATA / "pairs" / name).exists():
        subprocess.run([XLEMBED, "import", form, str(file), "--name", name, *more], check=True)


def write(
    name: str, kind: Kind, languages: Sequence[str], rows: Sequence[dict[str, str]], source: str
) -> None:
    folder = DATA / "pairs" / name
    if not folder.exists():
        found = PairSet(
            name=name, kind=kind, languages=tuple(languages), rows=tuple(rows), folder=folder, source=source
        )
        write_pairs(found)


def translations(name: str, pairs: Sequence[tuple[str, str]], source: str) -> None:
    rows = [
        {"anchor": en, "positive": tr, "anchor_lang": "en", "positive_lang": "tr"}
        for en, tr in dict.fromkeys(pairs)
        if en.strip() and tr.strip()
    ]
    write(name, Kind.TRANSLATIONS, ("en", "tr"), rows, source)


def split_tquad() -> None:
    """The last tenth of the paragraphs is dev: no paragraph is on both sides."""
    rows = load_pairs("tquad_all", DATA).rows
    groups = list(dict.fromkeys(row["group"] for row in rows))
    dev = set(groups[round(len(groups) * (1 - TQUAD_DEV_SHARE)) :])
    write(
        "tquad",
        Kind.PAIRS,
        ("tr",),
        [dict(r) for r in rows if r["group"] not in dev],
        "TQuAD train, first 90 %",
    )
    write(
        "tquad_dev",
        Kind.PAIRS,
        ("tr",),
        [dict(r) for r in rows if r["group"] in dev],
        "TQuAD train, last 10 %",
    )


def stsb_rows(corpora: Path) -> list[tuple[str, str]]:
    with (corpora / "stsb/stsb-en-train.csv").open(encoding="utf-8", newline="") as file:
        english = [row[:2] for row in csv.reader(file)]
    with (corpora / "stsb/stsb-tr-train.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        turkish = [[row["sentence1"], row["sentence2"]] for row in rows]
    if len(english) != len(turkish):
        raise SystemExit(
            f"stsb: {len(english)} English rows, {len(turkish)} Turkish ones; expected the same number"
        )
    return [(e, t) for en, tr in zip(english, turkish, strict=True) for e, t in zip(en, tr, strict=True)]


def ntrex_rows(corpora: Path) -> list[tuple[str, str]]:
    lines = (corpora / "parallel/ntrex.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["en"], row["tr"]) for row in map(json.loads, lines)]


def cldr_rows(corpora: Path) -> list[tuple[str, str]]:
    lines = (corpora / "parallel/cldr_annotations.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        (row["en"]["name"], row["tr"]["name"]) for row in map(json.loads, lines) if {"en", "tr"} <= row.keys()
    ]


if __name__ == "__main__":
    main()
