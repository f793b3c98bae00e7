"""Sets of scored texts: the folder and everything that can be wrong with it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from xlembed.data.scored import (
    SCORED,
    Dimension,
    Part,
    ScoredKind,
    ScoredSet,
    ScoredText,
    load_scored,
    score_array,
    write_scored,
)
from xlembed.data.scored_summary import summarise_scored
from xlembed.words import UserError

CARD: dict[str, Any] = {
    "name": "s",
    "kind": "scores",
    "languages": ["en"],
    "dimensions": [{"name": "joy", "low": 0, "high": 10}, "fear"],
}
ROW: dict[str, Any] = {"_id": "a", "text": "Hello.", "scores": {"joy": 7, "fear": -1.5}}


def write_set(
    data: Path, rows: Sequence[Any] = (ROW,), card: Any = None, more: str = "", name: str = "s"
) -> None:
    folder = data / "scored" / name
    folder.mkdir(parents=True, exist_ok=True)
    text = card if isinstance(card, str) else yaml.safe_dump({**CARD, **(card or {})}, allow_unicode=True)
    (folder / "scored.yaml").write_text(text + more, encoding="utf-8")
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "texts.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def told(data: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_scored("s", data)
    return str(caught.value)


def test_a_set_is_read(tmp_path: Path) -> None:
    rows = [
        ROW,
        {**ROW, "_id": "b", "text": "Bonjour.", "lang": "fr", "document": "d", "split": "dev"},
        {**ROW, "_id": "c", "lang": "en", "document": "d", "split": "test", "topic": "unused"},
    ]
    write_set(tmp_path, [{**rows[0], "lang": "en"}, *rows[1:]], {"languages": ["fr", "en"], "licence": "CC0"})
    found = load_scored("s", tmp_path)
    assert (found.name, found.kind, found.languages, found.licence) == (
        "s",
        ScoredKind.SCORES,
        ("fr", "en"),
        "CC0",
    )
    assert found.dimensions == (Dimension("joy", "", 0.0, 10.0), Dimension("fear"))
    assert [(t.text_id, t.lang, t.document, t.split) for t in found.texts] == [
        ("a", "en", "a", None),
        ("b", "fr", "d", Part.VALIDATION),
        ("c", "en", "d", Part.TEST),
    ]
    assert score_array(found.texts).tolist() == [[7.0, -1.5]] * 3
    assert score_array(found.texts).dtype == np.float64
    assert load_scored(str(tmp_path / "scored" / "s"), Path("elsewhere")).digest == found.digest
    assert found.notes == ()


def test_the_only_language_may_be_left_out(tmp_path: Path) -> None:
    write_set(tmp_path)
    assert load_scored("s", tmp_path).texts[0].lang == "en"
    write_set(tmp_path, card={"languages": ["en", "fr"]})
    assert "texts.jsonl:1: lang: the text has no language. Fix: write its ISO 639 code" in told(tmp_path)


WRONG_ROWS = [
    ("{", "invalid JSON at column 2"),
    ("[1]", "expected an object {...}, found list"),
    ({"text": "x", "scores": ROW["scores"]}, "_id: the field is missing; the row has 'text', 'scores'"),
    ({**ROW, "_id": ""}, "_id: the id is empty"),
    ({**ROW, "_id": "a b"}, "_id: the id 'a b' holds white space"),
    ({**ROW, "_id": 7.5}, '_id: expected a text, found a number. Fix: write it as "7.5"'),
    ({"_id": "r", "scores": ROW["scores"]}, "text: the field is missing"),
    ({**ROW, "text": " "}, "text: the text is empty"),
    ({**ROW, "text": "x\0"}, "text: the text holds a NUL character"),
    (
        '{"_id": "z", "text": "\\ud800", "scores": {"joy": 1, "fear": 1}}',
        "text: character 1 is half of a surrogate",
    ),
    ({**ROW, "lang": "eng"}, "lang: 'eng' is not an ISO 639 language code. Fix: write 'en' (English)"),
    ({**ROW, "lang": ""}, "lang: '' is not an ISO 639 language code"),
    ({**ROW, "lang": 3}, "lang: expected a text, found a number"),
    (
        {**ROW, "lang": "fr"},
        "lang: 'fr' is not among the task's languages (en). Fix: add it to `languages` in scored.yaml",
    ),
    ({**ROW, "document": ""}, "document: the document has no name"),
    (
        '{"_id": "z", "text": "x", "document": "\\udc00", "scores": {"joy": 1, "fear": 1}}',
        "document: '\\udc00' holds an",
    ),
    ({**ROW, "document": 4.5}, "document: expected a text, found a number"),
    (
        {**ROW, "split": "tset"},
        "split: expected one of train, dev, validation, test, found 'tset'. Fix: correct it",
    ),
    ({**ROW, "split": ""}, "split: expected one of train, dev, validation, test, found ''"),
    ({"_id": "r", "text": "x"}, "scores: expected an object, found nothing"),
    (
        {**ROW, "scores": [1, 2]},
        'scores: expected an object, found list. Fix: write {"joy": 1.0, "fear": 1.0}',
    ),
    ({**ROW, "scores": {"joy": 1}}, "scores.fear: expected a finite number, found nothing. Fix: every text"),
    (
        {**ROW, "scores": {"joy": 1, "fear": 2, "feer": 2}},
        "scores.feer: no dimension of the set. Did you mean 'fear'?",
    ),
    ({**ROW, "scores": {"joy": True, "fear": 2}}, "scores.joy: expected a finite number, found True"),
    (
        {**ROW, "scores": {"joy": "7", "fear": 2}},
        "scores.joy: expected a finite number, found '7'. Fix: write it without",
    ),
    (
        {**ROW, "scores": {"joy": "7,5", "fear": 2}},
        "found '7,5'. Fix: write decimals with a point: 7.5",
    ),
    ({**ROW, "scores": {"joy": 1, "fear": float("nan")}}, "scores.fear: expected a finite number, found nan"),
    (
        {**ROW, "scores": {"joy": 1, "fear": float("inf")}},
        "scores.fear: expected a finite number, found inf",
    ),
    ({**ROW, "scores": {"joy": 1, "fear": 10**400}}, "scores.fear: expected a finite number, found 1000"),
    ({**ROW, "scores": {"joy": 10.5, "fear": 2}}, "scores.joy: 10.5 is outside the scale from 0 to 10"),
    ({**ROW, "scores": {"joy": -1, "fear": 2}}, "scores.joy: -1 is outside the scale from 0 to 10"),
]


@pytest.mark.parametrize(("row", "message"), WRONG_ROWS, ids=lambda value: str(value)[:40])
def test_a_wrong_row(tmp_path: Path, row: Any, message: str) -> None:
    write_set(tmp_path, [{**ROW, "_id": "first"}, row])
    said = told(tmp_path)
    assert said.startswith("scored texts s: 1 error (") and "texts.jsonl:2: " in said and message in said


def test_all_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    write_set(tmp_path, [row for row, _ in WRONG_ROWS])
    said = told(tmp_path)
    assert said.startswith(f"scored texts s: {len(WRONG_ROWS)} errors (")
    for number, (_, message) in enumerate(WRONG_ROWS, 1):
        (line,) = [line for line in said.splitlines() if f"texts.jsonl:{number}: " in line]
        assert message in line


def test_several_things_wrong_in_one_row_are_all_told(tmp_path: Path) -> None:
    row = {"_id": "a b", "text": "", "lang": "xx", "split": "?", "scores": {"joy": 11, "hope": 1}}
    write_set(tmp_path, [row])
    said = told(tmp_path)
    assert said.startswith("scored texts s: 7 errors (")
    for field in ("_id", "text", "lang", "split", "scores.joy", "scores.hope", "scores.fear"):
        assert f"texts.jsonl:1: {field}: " in said


def test_repeated_ids(tmp_path: Path) -> None:
    write_set(tmp_path, [ROW, {**ROW, "_id": "b"}, {**ROW, "text": "Other."}])
    said = told(tmp_path)
    assert "texts.jsonl:3: _id: the id 'a' stands in " in said and "texts.jsonl:1 too. Fix: give each" in said


def test_no_rows(tmp_path: Path) -> None:
    write_set(tmp_path, [])
    assert "texts.jsonl: the file holds no rows" in told(tmp_path)


def test_a_misspelt_field_is_a_note(tmp_path: Path) -> None:
    write_set(tmp_path, [{**ROW, "documnet": "d"}])
    (note,) = load_scored("s", tmp_path).notes
    assert "there is no field 'documnet'. Ignored. Did you mean 'document'?" in note


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"kind": "score"}, "kind: expected one of scores, labels, found 'score'"),
        ({"kind": None}, "kind: expected one of scores, labels, found None"),
        ({"languages": "en"}, "languages: expected a list of ISO 639 codes, found 'en'"),
        ({"languages": []}, "languages: expected a list of ISO 639 codes, found []"),
        ({"languages": ["english"]}, "languages: expected a list of ISO 639 codes, found ['english']"),
        ({"languages": ["en", False]}, "found ['en', False]. Fix: write \"no\" in quotes"),
        ({"languages": ["en", "en"]}, "languages: a language twice: en, en. Fix: list it once"),
        ({"dimensions": []}, "dimensions: expected a list of names, or of objects with name, description"),
        ({"dimensions": "joy"}, "found 'joy'"),
        ({"dimensions": [1]}, "dimensions: expected a list of names, or of objects"),
        ({"dimensions": ["joy", "joy"]}, "found a name twice: joy, joy"),
        ({"dimensions": [{"low": 1}]}, "found {'low': 1}"),
        ({"dimensions": [{"name": "joy", "lo": 1}]}, "found 'lo'. Did you mean 'low'?"),
        ({"dimensions": [{"name": "joy", "low": "1"}]}, "found a scale from '1' to None"),
        ({"dimensions": [{"name": "joy", "low": float("nan")}]}, "found a scale from nan to None"),
        ({"dimensions": [{"name": "joy", "low": 5, "high": 1}]}, "found a scale from 5 to 1"),
        ({"dimensions": [{"name": "joy", "description": ["x"]}]}, "found the description ['x']"),
        ({"license": "CC0"}, "license: no field of scored.yaml. Did you mean 'licence'?"),
        ({"name": "../s"}, "name: expected letters, digits, '.', '_', '+', '-', found '../s'"),
        ({"name": "other"}, "calls itself 'other', so its results would be filed there. Fix: write name: s"),
        ({"notes": "one"}, "notes: expected a list of texts, found 'one'"),
        ({"licence": ["CC0"]}, "licence: expected a text, found ['CC0']"),
        ("- 1\n", "expected fields (key: value)"),
    ],
    ids=str,
)
def test_a_wrong_card(tmp_path: Path, card: Any, message: str) -> None:
    write_set(tmp_path, card=card)
    said = told(tmp_path)
    assert said.startswith("scored texts s: 1 error (") and "scored.yaml: " in said and message in said


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ("a: [\n", r"scored\.yaml:2: not valid YAML"),
        ("name: s\nkind: scores\nname: t\n", r"scored\.yaml:3: .*the key 'name' stands in line 1 already"),
    ],
)
def test_a_card_that_is_no_yaml_is_one_error(tmp_path: Path, card: str, said: str) -> None:
    write_set(tmp_path, card=card)
    assert re.search(said, told(tmp_path))


def test_a_card_wrong_in_several_ways_tells_all(tmp_path: Path) -> None:
    card = {"kind": "x", "languages": [], "dimensions": [], "licence": 1, "notes": 2}
    write_set(tmp_path, card=card, more="colour: red\n")
    assert told(tmp_path).startswith("scored texts s: 6 errors (")


def test_labels_are_0_or_1(tmp_path: Path) -> None:
    card = {"kind": "labels", "dimensions": ["spam"]}
    rows = [{"_id": str(i), "text": "x", "scores": {"spam": label}} for i, label in enumerate((0, 1, 1.0))]
    write_set(tmp_path, rows, card)
    assert score_array(load_scored("s", tmp_path).texts).tolist() == [[0], [1], [1]]
    write_set(tmp_path, [{"_id": "a", "text": "x", "scores": {"spam": 0.5}}], card)
    assert "texts.jsonl:1: scores.spam: expected 0 or 1, found 0.5" in told(tmp_path)


def test_the_digest_follows_texts_and_scores_only(tmp_path: Path) -> None:
    def digest(rows: Sequence[Any] = (ROW,), **card: Any) -> str:
        write_set(tmp_path, rows, card)
        return load_scored("s", tmp_path).digest

    first = digest()
    write_set(tmp_path, card={"name": "t"}, name="t")
    assert load_scored("t", tmp_path).digest == first
    assert digest(licence="CC0", description="words", notes=["n"]) == first
    assert (
        digest([{**ROW, "scores": {"fear": -1.5, "joy": 7.0}}]) == first
    )  # the order and 7 or 7.0 are the same
    others = [
        digest([{**ROW, "text": "Hello!"}]),
        digest([{**ROW, "scores": {"joy": 7, "fear": -1.4}}]),
        digest([{**ROW, "_id": "b"}]),
        digest([{**ROW, "document": "d"}]),
        digest([{**ROW, "split": "test"}]),
        digest(languages=["en", "fr"], rows=[{**ROW, "lang": "fr"}]),
        digest([ROW, {**ROW, "_id": "b"}]),
        digest([{**ROW, "scores": {"joy": 7, "dread": -1.5}}], dimensions=["joy", "dread"]),
    ]
    assert len({first, *others}) == len(others) + 1


def full_set(folder: Path) -> ScoredSet:
    return ScoredSet(
        name="full",
        kind=ScoredKind.SCORES,
        languages=("no", "tr"),
        dimensions=(Dimension("güzel", "ne kadar: çok", 0.0, None), Dimension("b")),
        texts=(
            ScoredText("1", 'Bir "söz"\nve\u2028son', "tr", "1", (0.1, 1e-9), Part.VALIDATION),
            ScoredText("2", " Hei ", "no", "d 2", (3.0, -4.0)),
        ),
        folder=folder,
        source="here",
        licence="CC0-1.0",
        description="two: texts",
        notes=("a note",),
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    given = full_set(tmp_path / "scored" / "full")
    write_scored(given)
    found = load_scored("full", tmp_path)
    white = next(note for note in found.notes if "white space" in note)
    assert dataclasses.replace(found, notes=given.notes) == given and found.notes == ("a note", white)
    assert found.digest == given.digest
    files = {p.name: p.read_bytes() for p in given.folder.iterdir()}
    assert set(files) == {"scored.yaml", "texts.jsonl"}
    write_scored(dataclasses.replace(found, notes=given.notes), force=True)
    assert {p.name: p.read_bytes() for p in given.folder.iterdir()} == files


def test_writing_refuses_to_overwrite(tmp_path: Path) -> None:
    given = full_set(tmp_path / "scored" / "full")
    write_scored(given)
    with pytest.raises(UserError, match="replace it with --force"):
        write_scored(given)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(UserError, match=r"it has no scored\.yaml"):
        write_scored(dataclasses.replace(given, folder=tmp_path / "other"), force=True)
    with pytest.raises(UserError, match=r"--name: 'a/b' is no name for a set of scored texts"):
        write_scored(dataclasses.replace(given, name="a/b", folder=tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_names_are_found_with_their_near_miss(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there are none yet"):
        SCORED.find("s", tmp_path)
    write_set(tmp_path, name="mood")
    assert (
        SCORED.names(tmp_path) == ["mood"] and SCORED.find("mood", tmp_path) == tmp_path / "scored" / "mood"
    )
    with pytest.raises(
        UserError, match=r"no set of scored texts 'mod'.*there are mood. Did you mean 'mood'\?"
    ):
        SCORED.find("mod", tmp_path)


def test_what_dvc_would_bring_is_told(tmp_path: Path) -> None:
    (tmp_path / "data.dvc").write_text(
        "outs:\n- path: data/scored/far\n- path: data/far2\n", encoding="utf-8"
    )
    data = tmp_path / "data"
    assert SCORED.absent(data) == {"far": tmp_path / "data.dvc"}
    with pytest.raises(UserError, match=r"not here yet; fetch it with: dvc pull .*data\.dvc"):
        SCORED.find("far", data)
    write_set(data, name="far", card={"name": "far"})
    assert SCORED.absent(data) == {} and load_scored("far", data).name == "far"


def test_the_ends_of_a_scale_are_on_it_and_differ(tmp_path: Path) -> None:
    rows = [{**ROW, "_id": str(joy), "scores": {"joy": joy, "fear": 0}} for joy in (0, 10)]
    write_set(tmp_path, rows)
    assert [t.scores[0] for t in load_scored("s", tmp_path).texts] == [0, 10]
    write_set(tmp_path, rows, {"dimensions": [{"name": "joy", "low": 1, "high": 1}, "fear"]})
    assert "found a scale from 1 to 1. Fix: for example" in told(tmp_path)


def test_a_set_in_numbers(tmp_path: Path) -> None:
    rows = [
        {**ROW, "_id": "a", "document": "d", "split": "train"},
        {**ROW, "_id": "b", "document": "d", "split": "test", "scores": {"joy": 1, "fear": 0}},
        {**ROW, "_id": "c", "split": "test", "scores": {"joy": 4, "fear": 0}},
        {**ROW, "_id": "e", "scores": {"joy": 0, "fear": 0}},
    ]
    write_set(tmp_path, rows, {"licence": "CC0", "description": "Moods."})
    found = summarise_scored(load_scored("s", tmp_path))
    summary = found.to_json()
    assert (summary["texts"], summary["documents"], summary["torn_documents"]) == (4, 3, 1)
    assert summary["largest_document"] == {"document": "d", "texts": 2}
    assert summary["split"] == {"train": 1, "test": 2} and summary["without_part"] == 1
    joy, fear = summary["dimensions"]
    assert (joy["mean"], joy["min"], joy["max"], joy["low"], joy["high"]) == (3.0, 0.0, 7.0, 0.0, 10.0)
    assert (fear["mean"], fear["low"]) == (-0.375, None)
    assert joy["sd"] == pytest.approx((30 / 4) ** 0.5)  # (16 + 4 + 1 + 9) / 4
    text = found.text()
    assert text.startswith("s: Moods.\n  licence     CC0\n  kind        scores\n  texts       4 (en 4)\n")
    assert "documents   3 (largest: d, 2 texts)" in text
    assert "split       train 1, test 2, none 1; tears 1 document apart" in text
    assert [line.split() for line in text.splitlines() if " joy " in line] == [
        ["joy", "3", "2.74", "0", "7", "0", "to", "10"]
    ]


def test_labels_in_numbers(tmp_path: Path) -> None:
    rows = [{"_id": str(i), "text": "x", "scores": {"spam": int(i < 3)}} for i in range(4)]
    write_set(tmp_path, rows, {"kind": "labels", "dimensions": ["spam"]})
    text = summarise_scored(load_scored("s", tmp_path)).text()
    assert "spam            0.750" in text and "share of 1" in text and "split       none published" in text
