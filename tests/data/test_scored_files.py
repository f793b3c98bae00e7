"""Files of others -> scored texts, and every way in which a file can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xlembed.data.read_options import ReadOptions
from xlembed.data.scored import Dimension, Part, ScoredKind, ScoredSet, load_scored
from xlembed.data.scored_files import (
    import_scored,
    parse_dimensions,
    parse_document_pattern,
    parse_scale,
    parse_scored_columns,
)
from xlembed.words import UserError

OURS = {"_id": "a", "text": "Hello.", "lang": "en", "scores": {"joy": 7, "fear": 1.5}}
FLAT = {"key": 5, "body": "Hello.", "joy": 7, "fear": 1.5}


def imported(tmp_path: Path, file: str, content: str | bytes | list[Any], **options: Any) -> ScoredSet:
    """One file under our options; a list is written as jsonl."""
    if isinstance(content, list):
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
    path = tmp_path / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    given = {"langs": ("en",), **options}
    if "columns" in given:
        given["columns"] = parse_scored_columns(given["columns"])
    found = import_scored([path], "n", tmp_path / "scored" / "n", ReadOptions(**given), force=True)
    assert load_scored("n", tmp_path).digest == found.digest
    return found


def told(tmp_path: Path, file: str, content: str | bytes | list[Any], **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        imported(tmp_path, file, content, **options)
    assert not (tmp_path / "scored").exists()
    return str(caught.value)


def cells(found: ScoredSet) -> list[tuple[str, str, tuple[float, ...]]]:
    return [(t.text_id, t.text, t.scores) for t in found.texts]


# Tables


def test_a_table_with_quotes_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    content = '\ufeffid,split,V,A,text\r\nx_1,dev,3.5,-1,"a, ""b""\r\nc"\r\nx_2,test,.5,1e1,d\r\n'
    found = imported(
        tmp_path, "x.csv", content, columns="id=id,text=text,split=split", dimensions=("V", "A"),
        document_pattern=parse_document_pattern(r"(.+)_\d+"),
    )  # fmt: skip
    assert cells(found) == [("x_1", 'a, "b"\nc', (3.5, -1.0)), ("x_2", "d", (0.5, 10.0))]
    assert [(t.document, t.split) for t in found.texts] == [("x", Part.VALIDATION), ("x", Part.TEST)]
    assert [("byte order" in n, "CRLF" in n) for n in found.notes] == [(True, False), (False, True)]
    assert found.source == "x.csv"


def test_columns_of_other_names(tmp_path: Path) -> None:
    content = "nr\tbody\tl\tarticle\tjoy\tyear\n7\tBonjour\tfr\td\t3\t1999\n8\tHello\ten\te\t4\t1999\n"
    columns = "id=nr,text=body,lang=l,document=article"
    found = imported(
        tmp_path, "x.tsv", content, columns=columns, dimensions=("joy",), langs=(), scale=(1.0, 5.0)
    )
    assert cells(found) == [("7", "Bonjour", (3.0,)), ("8", "Hello", (4.0,))]
    assert [(t.lang, t.document) for t in found.texts] == [("fr", "d"), ("en", "e")]
    assert found.dimensions == (Dimension("joy", low=1.0, high=5.0),) and found.languages == ("en", "fr")


def test_without_dimensions_the_columns_left_over_are_scores_where_they_hold_numbers(tmp_path: Path) -> None:
    content = "text,joy,fear\nHello,1,2\n"
    assert imported(tmp_path, "x.csv", content).dimension_names == ("joy", "fear")


def test_missing_ids_are_numbered_over_all_files(tmp_path: Path) -> None:
    for name in ("a.en.csv", "b.fr.csv"):
        (tmp_path / name).write_text("text,joy\nx,1\ny,2\n", encoding="utf-8")
    files = [tmp_path / "a.en.csv", tmp_path / "b.fr.csv"]
    found = import_scored(files, "n", tmp_path / "n", ReadOptions())
    assert [(t.text_id, t.lang) for t in found.texts] == [
        ("r000001", "en"),
        ("r000002", "en"),
        ("r000003", "fr"),
        ("r000004", "fr"),
    ]
    assert found.source == "a.en.csv, b.fr.csv"


def test_the_language_is_that_of_the_row_then_of_the_option_then_of_the_name(tmp_path: Path) -> None:
    content = "text,lang,joy\nx,tr,1\n"
    assert imported(tmp_path, "x.fr.csv", content).languages == ("tr",)
    assert imported(tmp_path, "x.fr.csv", "text,joy\nx,1\n").languages == ("en",)
    assert imported(tmp_path, "x.fr.csv", "text,joy\nx,1\n", langs=()).languages == ("fr",)
    rows = [{**OURS, "lang": None}, {**OURS, "_id": "b", "lang": "fr"}]
    assert [t.lang for t in imported(tmp_path, "x.jsonl", rows).texts] == ["en", "fr"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "x.csv: the file holds no rows."),
        ("text,joy\n", {"dimensions": ("joy",)}, "x.csv: the file holds no rows"),
        ("a\nx\n", {}, "x.csv: no column 'text'. the first line has a. Say which is which: --columns text="),
        ("txt,joy\nx,1\n", {}, "no column 'text'. Did you mean 'txt'? the first line has txt, joy"),
        ("id;text;V\n1;x;3,5\n", {"dimensions": ("V",)}, "row 2: V: expected a finite number, found '3,5'. Fix: write"),
        ("text,V\nx,1\n", {"dimensions": ("V", "A")}, "x.csv: no column 'A'"),
        ("text,V\nx,1\n", {"columns": "text=txt"}, "x.csv: no column 'txt'. Did you mean 'text'?"),
        ("text,V,V\nx,1,1\n", {"dimensions": ("V",)}, "the column 'V' is there twice"),
        ("text,V\nx,1\n", {"columns": "text=V", "dimensions": ("V",)}, "'V' is said to be a score by"),
        (
            "text,V,note,A\nx,1,y,2\n",
            {},
            "x.csv: which columns are scores? It has text, V, note, A; of the others, note hold no numbers in the "
            "first row. Name them: --dimensions V,A",
        ),
        ("text\nx\n", {}, "no others are left in the first row. Name them: --dimensions V,A,D"),
        ("text,V\nx,1,2\n", {}, "x.csv, row 2: 3 columns, the header has 2. Fix: correct the row, or quote"),
        ('text,V\n"x,1\n', {}, "x.csv, row 2: this row cannot be read"),
        (b"text,V\n\xff,1\n", {}, "x.csv: the file is not UTF-8, and has too few foreign letters"),
        ("text,V\nx,1\n", {"langs": ()}, "which language is it?"),
        ("text,V\nx,1\n", {"langs": ("en", "fr")}, "--lang: 2 languages for 1 files"),
        ("text,V\nx,1\n", {"langs": ("english",)}, "--lang: 'english' is not an ISO 639 language code"),
        ("text,V\nx,2\n", {"kind": ScoredKind.LABELS}, "x.csv, row 2: V: expected 0 or 1, found 2.0"),
        ("text,V\nx,1\n", {"kind": ScoredKind.LABELS, "scale": (0.0, 1.0)}, "--scale is for --kind scores"),
        ("text,V\nx,6\n", {"scale": (1.0, 5.0)}, "x.csv, row 2: V: 6 is outside the scale from 1 to 5"),
        (
            "text,document,V\nx,d,1\n",
            {"columns": "document=document", "document_pattern": parse_document_pattern("(.)")},
            "--document-pattern and --columns document=...: say one of them",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_tables_and_wrong_usage(
    tmp_path: Path, content: str | bytes, options: dict[str, Any], message: str
) -> None:
    assert message in told(tmp_path, "x.csv", content, **options)


def test_every_wrong_cell_is_told_at_once_with_line_and_column(tmp_path: Path) -> None:
    content = (
        "nr,split,val,body\n"
        'a,train,1,"x\ny"\n'
        ",train,1,x\n"
        'b,train,"3,5",x\n'
        "c,train,,x\n"
        "d,,1,x\n"
        "e,tset,high,\n"
        "f,train,nan,x\n"
        "a,train,1,x\n"
        "g h,train,9,x\n"
    )
    said = told(tmp_path, "x.csv", content, columns="id=nr,text=body", dimensions=("val",), scale=(1.0, 5.0))
    assert said.startswith("scored texts from x.csv: 11 errors (")
    for part in (
        "x.csv, row 3: nr: the id is empty",
        "x.csv, row 4: val: expected a finite number, found '3,5'. Fix: write decimals with a point: 3.5",
        "x.csv, row 5: val: expected a finite number, found nothing",
        "x.csv, row 6: split: expected one of train, dev, validation, test, found ''",
        "x.csv, row 7: split: expected one of train, dev, validation, test, found 'tset'",
        "x.csv, row 7: val: expected a finite number, found 'high'",
        "x.csv, row 7: body: the text is empty",
        "x.csv, row 8: val: expected a finite number, found 'nan'",
        "x.csv, row 9: nr: the id 'a' stands in ",
        "x.csv, row 2 too",
        "x.csv, row 10: nr: the id 'g h' holds white space",
        "x.csv, row 10: val: 9 is outside the scale from 1 to 5",
    ):
        assert part in said


def test_a_repeated_id_names_the_other_file(tmp_path: Path) -> None:
    for name, score in (("a.csv", 1), ("b.csv", 2)):
        (tmp_path / name).write_text(f"id,text,joy\n7,x,{score}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"b\.csv, row 2: id: the id '7' stands in .*a\.csv, row 2 too"):
        import_scored(
            [tmp_path / "a.csv", tmp_path / "b.csv"], "n", tmp_path / "n", ReadOptions(langs=("en",))
        )


def test_files_that_differ_in_their_scores(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,joy\nx,1\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("text,fear\nx,1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"b\.csv: no column 'joy'\. the first line has text, fear"):
        import_scored(
            [tmp_path / "a.csv", tmp_path / "b.csv"], "n", tmp_path / "n", ReadOptions(langs=("en",))
        )


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    assert "x.ods: expected .jsonl, .csv, .json, .parquet, .tsv or .xlsx, found .ods" in told(
        tmp_path, "x.ods", b"PK"
    )


# jsonl


def test_our_own_layout(tmp_path: Path) -> None:
    rows = [
        {**OURS, "document": "d", "split": "train"},
        {"text": "Hi.", "lang": "fr", "scores": {"fear": 0, "joy": 1}},
    ]
    found = imported(tmp_path, "x.jsonl", rows, langs=())
    assert cells(found) == [("a", "Hello.", (7.0, 1.5)), ("r000002", "Hi.", (1.0, 0.0))]
    assert [(t.document, t.split) for t in found.texts] == [("d", Part.TRAIN), ("r000002", None)]
    assert found.dimension_names == ("joy", "fear")


def test_what_was_written_can_be_imported(tmp_path: Path) -> None:
    found = imported(tmp_path, "x.jsonl", [{**OURS, "document": "d"}, {**OURS, "_id": "b", "split": "dev"}])
    again = import_scored([found.folder / "texts.jsonl"], "m", tmp_path / "scored" / "m", ReadOptions())
    assert again.digest == found.digest


def test_some_of_the_scores(tmp_path: Path) -> None:
    found = imported(tmp_path, "x.jsonl", [OURS], dimensions=("fear",))
    assert found.dimension_names == ("fear",) and found.texts[0].scores == (1.5,)


def test_flat_fields(tmp_path: Path) -> None:
    found = imported(tmp_path, "x.jsonl", [FLAT], columns="id=key,text=body", dimensions=("joy", "fear"))
    assert cells(found) == [("5", "Hello.", (7.0, 1.5))]
    assert imported(tmp_path, "x.jsonl", [FLAT], columns="id=key,text=body").digest == found.digest
    single = imported(tmp_path, "x.jsonl", [{"text": "x", "scores": 3}], dimensions=("scores",))
    assert single.dimension_names == ("scores",) and single.texts[0].scores == (3.0,)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "x.jsonl: the file holds no rows"),
        ([[1]], {}, "x.jsonl:1: expected an object {...}, found list"),
        ([OURS, {**OURS, "_id": "b", "scores": {"joy": 1}}], {}, "x.jsonl:2: scores.fear: expected a finite"),
        ([OURS, {"text": "x"}], {}, "x.jsonl:2: scores: expected an object, found nothing"),
        ([OURS, {**OURS, "_id": "b", "scores": {"joy": 1, "fear": 1, "joi": 1}}], {}, "Did you mean 'joy'?"),
        ([FLAT], {"columns": "id=key,text=bod"}, "no field 'bod'. Did you mean 'body'? the first row has key"),
        ([FLAT, {**FLAT, "key": True}], {"columns": "id=key,text=body"}, "x.jsonl:2: key: expected a text"),
        ([FLAT, {"body": "x", "joy": 1, "fear": 1}], {"columns": "id=key,text=body"}, "x.jsonl:2: key: the"),
        (
            [FLAT, {**FLAT, "key": 6, "joy": "3.5"}],
            {"columns": "id=key,text=body"},
            "x.jsonl:2: joy: expected a finite number, found '3.5'. Fix: write it without quotation marks: 3.5",
        ),
        (
            [FLAT],
            {"columns": "id=key,text=body,document=boddy"},
            "x.jsonl: boddy: no row has the field that --columns names. Did you mean 'body'?",
        ),
        ([{**FLAT, "on": True}], {"columns": "id=key,text=body"}, "of the others, on hold no numbers"),
        ([{"text": "x", "": 1}], {}, "'' is no name for a dimension"),
        ([{**OURS, "lang": None}], {"langs": ()}, "lang: the text has no language"),
        ([{"text": "x", "joy": 1}], {"langs": ()}, "which language is it?"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_rows(tmp_path: Path, rows: list[Any], options: dict[str, Any], message: str) -> None:
    assert message in told(tmp_path, "x.jsonl", rows, **options)


# Documents, repetitions, labels, limits


def test_the_pattern_names_documents_and_counts_who_stands_alone(tmp_path: Path) -> None:
    ids = ["wsj_0006_1_20", "wsj_0006_30_9", "SemEval_12", "x_1_2_", "_1_2"]
    content = "id,text,document,joy\n" + "".join(f"{name},t{name},ignored,1\n" for name in ids)
    found = imported(
        tmp_path, "x.csv", content, document_pattern=parse_document_pattern(r"(.+)_\d+_\d+"), dimensions=("joy",)
    )  # fmt: skip
    assert [t.document for t in found.texts] == ["wsj_0006", "wsj_0006", "SemEval_12", "x_1_2_", "_1_2"]
    assert found.notes[0] == (
        r"3 of 5 ids do not match (.+)_\d+_\d+ and stand for themselves: SemEval_12, x_1_2_, _1_2"
    )
    optional = parse_document_pattern(r"(?:(\w+)_)?0006_\d+_\d+")
    found = imported(
        tmp_path, "x.csv", "id,text,joy\n0006_1_2,x,1\nwsj_0006_1_2,y,2\n", document_pattern=optional
    )
    assert [t.document for t in found.texts] == ["0006_1_2", "wsj"] and len(found.notes) == 0


def test_repetitions_are_kept_and_told(tmp_path: Path) -> None:
    long = "z" * 70
    content = "text,lang,joy\n" + f"x,en,1\nx,en,2\nx,fr,1\n{long},en,1\n{long},en,1\n{long},en,1\n"
    found = imported(tmp_path, "x.csv", content)
    assert len(found.texts) == 6
    assert found.notes == (
        f"repeat an earlier text word for word and are kept: 3; most often '{'z' * 57}...' (3 times)",
    )
    assert imported(tmp_path, "x.csv", content, limit=1).notes == (
        "all scores are 0 or 1: if they are labels, import with --kind labels",
    )


def test_labels(tmp_path: Path) -> None:
    found = imported(tmp_path, "x.csv", "text,spam\nx,1\ny,0\n", kind=ScoredKind.LABELS)
    assert found.kind is ScoredKind.LABELS and found.notes == () and cells(found)[1][2] == (0.0,)
    assert "if they are labels" in imported(tmp_path, "x.csv", "text,spam\nx,1\ny,0\n").notes[0]


def test_limit_comes_after_the_checks(tmp_path: Path) -> None:
    content = "text,lang,joy\nx,en,1\ny,fr,2\n"
    found = imported(tmp_path, "x.csv", content, limit=1)
    assert len(found.texts) == 1 and found.languages == ("en",)
    with pytest.raises(UserError, match=r"x\.csv, row 4: joy: expected a finite number"):
        imported(tmp_path, "x.csv", content + "z,en,high\n", limit=1)


# What is typed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(.+", "'(.+' is no regular expression: missing )"),
        (".+", "expected one group, the document, found 0 in '.+'"),
        ("(a)(b)", "expected one group, the document, found 2"),
    ],
)
def test_bad_patterns(text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_document_pattern(text)
    assert message in str(caught.value) and "--document-pattern" in str(caught.value)


@pytest.mark.parametrize("text", ["1", "5,1", "1,1", "1,2,3", "a,b", "1;5", "1,nan"])
def test_bad_scales(text: str) -> None:
    with pytest.raises(
        UserError, match=r"--scale: expected the lower and the upper end, found .*--scale 1,5"
    ):
        parse_scale(text)


def test_what_is_typed_rightly() -> None:
    assert parse_scale("-1, 2.5") == (-1.0, 2.5)
    assert parse_dimensions("V, A,D") == ("V", "A", "D") and parse_dimensions("") == ()
    with pytest.raises(UserError, match="--dimensions: 'V' is said twice"):
        parse_dimensions("V,A,V")
    with pytest.raises(UserError, match=r"'textt' is none of id, text.*Did you mean 'text'"):
        parse_scored_columns("textt=x")


def test_a_pattern_that_runs_away_is_stopped(tmp_path: Path) -> None:
    """Every way of parting 60 letters into ones and twos: about 10^12 of them."""
    pattern = parse_document_pattern("((?:a|aa)+)_1")
    with pytest.raises(UserError, match=r"--document-pattern: '.*' runs away on 'a+': stopped after"):
        imported(tmp_path, "x.csv", f"id,text,joy\n{60 * 'a'},x,1\n", document_pattern=pattern)


def test_a_row_that_says_its_language_beside_rows_that_do_not(tmp_path: Path) -> None:
    rows = [{"text": "x", "scores": {"joy": 1}}, {"text": "y", "scores": {"joy": 2}, "lang": "fr"}]
    assert "x.en.jsonl:2: lang: the row says its language" in told(tmp_path, "x.en.jsonl", rows, langs=())
    assert [t.lang for t in imported(tmp_path, "x.en.jsonl", rows).texts] == ["en", "fr"]


def test_fields_that_the_first_row_lacks_are_read(tmp_path: Path) -> None:
    rows = [
        {"_id": "a", "text": "x", "scores": {"joy": 1}},
        {"_id": "b", "text": "y", "scores": {"joy": 2}, "document": "d", "split": "test"},
    ]
    assert [(t.text_id, t.document, t.split) for t in imported(tmp_path, "x.jsonl", rows).texts] == [
        ("a", "a", None),
        ("b", "d", Part.TEST),
    ]


def test_languages_are_checked_against_the_texts(tmp_path: Path) -> None:
    rows = (
        "text,joy\nSu ısıtıcısı suyu kaynatır.,1\nBu kilit çelikten yapılmıştır.,2\nBisiklet evin önünde.,3\n"
    )
    message = "en: of 3 sampled texts, 3 tell their language, 3 of them another one: tr (Turkish) 3"
    assert message in told(tmp_path, "x.csv", rows)
    assert imported(tmp_path, "x.csv", rows, believe=True).notes == (message,)
