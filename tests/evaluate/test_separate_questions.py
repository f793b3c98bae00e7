"""A task in the form of MIRACL, from its files to the note beside its numbers."""

from __future__ import annotations

import json
from pathlib import Path

from cli.command import xlembed

TEXTS = {
    "de": ("Leiser Wasserkocher aus Stahl.", "Fahrradschloss mit Schlüssel.", "leiser Wasserkocher"),
    "tr": ("Çelikten sessiz su ısıtıcı.", "Anahtarlı bisiklet kilidi.", "sessiz su ısıtıcı"),
}


def test_miracl_is_imported_evaluated_and_said_to_be_pessimistic(tmp_path: Path) -> None:
    for lang, (right, wrong, question) in TEXTS.items():
        folder = tmp_path / f"miracl-v1.0-{lang}"
        folder.mkdir()
        topics = f"topics.miracl-v1.0-{lang}-dev.tsv"
        (folder / topics).write_text(f"1\t{question}\n", encoding="utf-8")
        (folder / topics.replace("topics", "qrels")).write_text("1\tQ0\t7#0\t1\n", encoding="utf-8")
        rows = [{"docid": "7#0", "title": "", "text": right}, {"docid": "7#1", "title": "", "text": wrong}]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "docs-0.jsonl").write_text(lines, encoding="utf-8")
    folders = [f"miracl-v1.0-{lang}" for lang in TEXTS]
    imported = xlembed(tmp_path, "import", "miracl", *folders, "--name", "wiki")
    assert imported.code == 0, imported.err
    done = xlembed(tmp_path, "run", "-m", "bm25", "-t", "wiki", "--measures", "accuracy@1", "--out", "res")
    assert done.code == 0, done.err
    said = " ".join(done.out.split())
    assert "so cross_lingual is pessimistic; true_cross_lingual needs translated queries." in said
    assert (
        "100.0 % of the first 10 documents are judged; accuracy@1 is 100.0 % with the unjudged wrong" in said
    )
    found = json.loads((tmp_path / "res/results/wiki/bm25.details.json").read_text(encoding="utf-8"))[
        "scores"
    ]
    assert found["judged_share"]["macro"]["judged@10"]["value"] == 1
    assert found["cross_lingual_condensed"]["macro"]["accuracy@1"]["value"] == 1
    assert "true_cross" not in found
