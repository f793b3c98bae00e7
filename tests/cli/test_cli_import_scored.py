"""`xlembed import scored` and `xlembed tasks` through the command line: what is said, what is written, exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.command import Answer, xlembed
from xlembed.data.scored import load_scored

TABLE = "id,lang,joy,fear,text\npage1_1,en,1,-2,Hello.\npage1_2,en,4.5,0,Hello.\npage2_1,fr,5,1,Salut.\n"
PATTERN = r"(.+)_\d+"


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    (tmp_path / "moods.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path


def imported(folder: Path, *words: str) -> Answer:
    return xlembed(folder, "import", "scored", *words)


def test_what_is_written_and_said(workplace: Path) -> None:
    answer = imported(
        workplace, "moods.csv", "--name", "moods", "--document-pattern", PATTERN, "--dimensions", "joy,fear",
        "--scale", "-5,5", "--licence", "CC0-1.0", "--source", "our own",
    )  # fmt: skip
    assert (answer.code, answer.err) == (0, "")
    assert (
        "texts       3 (en 2, fr 1)" in answer.out and "documents   2 (largest: page1, 2 texts)" in answer.out
    )
    assert "repeat an earlier text word for word and are kept: 1; most often 'Hello.' (2 times)" in answer.out
    assert "Wrote data/scored/moods." in answer.out
    found = load_scored("moods", workplace / "data")
    assert [(t.text_id, t.document, t.scores) for t in found.texts] == [
        ("page1_1", "page1", (1.0, -2.0)),
        ("page1_2", "page1", (4.5, 0.0)),
        ("page2_1", "page2", (5.0, 1.0)),
    ]
    assert (found.source, found.licence) == ("our own", "CC0-1.0")
    assert [(d.low, d.high) for d in found.dimensions] == [(-5.0, 5.0)] * 2


def test_tasks_lists_and_shows_it(workplace: Path) -> None:
    imported(workplace, "moods.csv", "--name", "moods")
    (workplace / "data.dvc").write_text("outs:\n- path: data/scored/far\n", encoding="utf-8")
    lines = xlembed(workplace, "tasks").out.splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("─")]
    assert rows[:2] == [["Scored", "texts"], ["scored", "texts", "texts", "languages", "dimensions"]]
    assert "dvc pull data.dvc" in " ".join(rows[2]) and rows[2][0] == "far"
    assert rows[3] == ["moods", "3", "en,", "fr", "scores", "joy,", "fear"]
    listed = json.loads(xlembed(workplace, "tasks", "--json").out)
    assert listed[1] == {
        "name": "moods",
        "kind": "scores",
        "languages": ["en", "fr"],
        "dimensions": ["joy", "fear"],
        "texts": 3,
        "fetch": None,
    }
    for name in ("moods", "data/scored/moods"):
        assert "documents   3\n" in xlembed(workplace, "tasks", name).out
    shown = json.loads(xlembed(workplace, "tasks", "moods", "--json").out)
    assert (shown["texts"], shown["dimensions"][0]["mean"]) == (3, 3.5)
    near = xlembed(workplace, "tasks", "mods")
    assert near.code == 2 and "Among the scored texts: Did you mean 'moods'?" in near.err
    assert "--lang is for plain BEIR folders" in xlembed(workplace, "tasks", "moods", "--lang", "en").err
    absent = xlembed(workplace, "tasks", "far")
    assert absent.code == 2 and "dvc pull data.dvc" in absent.err


def test_a_task_and_a_set_of_one_name(workplace: Path) -> None:
    (workplace / "faq.jsonl").write_text('{"query": "Q?", "text": "A.", "lang": "en"}\n', encoding="utf-8")
    assert xlembed(workplace, "import", "jsonl", "faq.jsonl", "--name", "moods").code == 0
    imported(workplace, "moods.csv", "--name", "moods")
    lines = xlembed(workplace, "tasks").out.splitlines()
    first = [line.split()[0] for line in lines if line and not line.startswith("─")]
    assert first == ["Tasks", "task", "moods", "Scored", "scored", "moods"]
    said = xlembed(workplace, "tasks", "moods").out
    assert "  queries     1 " in said and "xlembed tasks data/scored/moods" in said
    assert "  texts       3 " in xlembed(workplace, "tasks", "data/scored/moods").out


def test_a_set_with_a_wrong_card_is_listed_all_the_same(workplace: Path) -> None:
    imported(workplace, "moods.csv", "--name", "moods")
    card = workplace / "data" / "scored" / "moods" / "scored.yaml"
    card.write_text("kind: x\n", encoding="utf-8")
    answer = xlembed(workplace, "tasks")
    assert answer.code == 0 and "its card is wrong: xlembed tasks moods" in answer.out
    assert xlembed(workplace, "tasks", "moods").code == 2


def test_what_is_there_stays_without_force(workplace: Path) -> None:
    assert imported(workplace, "moods.csv", "--name", "m").code == 0
    again = imported(workplace, "moods.csv", "--name", "m", "--limit", "1")
    assert again.code == 2 and "data/scored/m exists already: choose another name, or" in again.err
    assert len(load_scored("m", workplace / "data").texts) == 3
    assert imported(workplace, "moods.csv", "--name", "m", "--limit", "1", "--force").code == 0
    assert len(load_scored("m", workplace / "data").texts) == 1
    assert imported(workplace, "moods.csv", "--name", "m", "--out", "elsewhere").code == 0
    assert load_scored(str(workplace / "elsewhere"), Path()).name == "m"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["moods.csv"], "Missing option '--name'"),
        (["absent.csv", "--name", "m"], "absent.csv: the file does not exist"),
        (["moods.csv", "--name", "a/b"], "--name: 'a/b' is no name for a set of scored texts"),
        (["moods.csv", "--name", "m", "--kind", "score"], "'score' is not a ScoredKind: choose one of scores"),
        (["moods.csv", "--name", "m", "--columns", "body=text"], "'body' is none of id, text, lang"),
        (["moods.csv", "--name", "m", "--dimensions", "joi"], "no column 'joi'. Did you mean 'joy'?"),
        (["moods.csv", "--name", "m", "--document-pattern", "("], "is no regular expression"),
        (["moods.csv", "--name", "m", "--document-pattern", "(a)(b)"], "expected one group, the document, found 2"),
        (["moods.csv", "--name", "m", "--scale", "1-5"], "--scale: expected the lower and the upper end"),
        (["moods.csv", "--name", "m", "--scale", "1,5"], "moods.csv, row 2: fear: -2 is outside the scale"),
        (["moods.csv", "--name", "m", "--kind", "labels"], "moods.csv, row 3: joy: expected 0 or 1, found 4.5"),
        (["moods.csv", "--name", "m", "--documents", "answers"], "for `xlembed import squad|reviews|pairs`"),
        (["moods.csv", "--name", "m", "--limit", "0"], "--limit"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_usage_ends_with_2_and_writes_nothing(workplace: Path, words: list[str], message: str) -> None:
    answer = imported(workplace, *words)
    assert answer.code == 2 and message in answer.err
    assert not (workplace / "data").exists()


@pytest.mark.parametrize("form", ["squad", "jsonl", "pairs"])
def test_its_options_are_refused_elsewhere(workplace: Path, form: str) -> None:
    answer = xlembed(
        workplace, "import", form, "moods.csv", "--name", "m", "--scale", "1,5", "--dimensions", "joy"
    )
    assert answer.code == 2
    assert f"--dimensions, --scale: for `xlembed import scored` only; {form} has no such choice" in answer.err


def test_a_misspelt_format_is_guessed(workplace: Path) -> None:
    answer = xlembed(workplace, "import", "score", "moods.csv", "--name", "m")
    assert answer.code == 2 and "no format 'score'. Did you mean 'scored'?" in answer.err


def test_emobank(shared_data: Path, tmp_path: Path) -> None:
    """The published file, with its documents counted by cutting ids at their underscores."""
    file = shared_data / "emobank" / "emobank.csv"
    if not file.is_file():
        pytest.skip(f"no {file}")
    answer = xlembed(
        tmp_path, "import", "scored", str(file), "--name", "emobank", "--lang", "en", "--columns",
        "id=id,text=text,split=split", "--dimensions", "V,A,D", "--document-pattern", r"(.+)_\d+_\d+", "--scale", "1,5",
        "--licence", "CC BY-SA 4.0",
    )  # fmt: skip
    assert (answer.code, answer.err) == (0, "")
    ids = [line.split(",")[0] for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    ids = [name for name in ids if re.match(r"[\w'-]+_\d+$", name)]
    assert len(ids) == 10_062  # no text spans lines
    pieces = [name.split("_") for name in ids]
    headlines = [p for p in pieces if p[0] == "SemEval"]
    assert all(len(p) == 2 for p in headlines) and len(headlines) == 1_192
    passages = {"_".join(p[:-2]) for p in pieces if p[0] != "SemEval"}
    assert len(passages) == 135 and {"wsj_0006", "110CYL068", "20000415_apw_eng-NEW"} <= passages

    found = load_scored("emobank", tmp_path / "data")
    documents = {text.document for text in found.texts}
    assert len(found.texts) == 10_062 and len(documents) == 1_192 + 135
    assert documents - passages == {f"SemEval_{p[1]}" for p in headlines}
    assert [sum(t.split == part for t in found.texts) for part in ("train", "validation", "test")] == [
        8062,
        1000,
        1000,
    ]
    first = found.texts[0]
    assert (first.text_id, first.document) == ("110CYL068_1036_1079", "110CYL068")
    assert (first.text, first.scores) == ('Remember what she said in my last letter? "', (3.0, 3.0, 3.2))
    assert found.languages == ("en",) and found.dimension_names == ("V", "A", "D")
    for words in (
        "texts       10,062 (en 10,062)",
        "documents   1,327 (largest: Nathans_Bylichka, 925 texts)",
        "tears 125 documents apart",
        "1,192 of 10,062 ids do not match",
        "repeat an earlier text word for word and are kept: 156; most often 'Sincerely,' (26 times)",
    ):
        assert words in answer.out
