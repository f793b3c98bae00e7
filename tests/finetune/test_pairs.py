"""Pair sets: the folder, what is wrong with it, importing files of other formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlembed.data.pair_readers import import_pairs, parse_columns
from xlembed.data.pairs import PAIRS, Kind, PairSet, describe_pairs, load_pairs, write_pairs
from xlembed.data.read_options import DocumentUnit, ReadOptions
from xlembed.data.text_digest import text_digest
from xlembed.words import UserError


def write_set(
    data: Path, name: str, kind: str, rows: Sequence[Any], languages: Sequence[str] = ("en",)
) -> None:
    folder = data / "pairs" / name
    folder.mkdir(parents=True)
    card = {"name": name, "kind": kind, "languages": list(languages)}
    (folder / "pairs.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


PAIR = {"anchor": "where?", "positive": "here"}


def test_a_set_is_read_with_a_language_beside_each_text(tmp_path: Path) -> None:
    rows = [{**PAIR, "group": 7}, {**PAIR, "positive": "burada", "positive_lang": "tr"}]
    write_set(tmp_path, "p", "pairs", rows)
    found = load_pairs("p", tmp_path)
    assert found.kind is Kind.PAIRS and found.columns == ("anchor", "positive")
    assert [(r["anchor_lang"], r["positive_lang"], r.get("group")) for r in found.rows] == [
        ("en", "en", "7"),
        ("en", "tr", None),
    ]
    assert found.text_digests() == {text_digest(t) for t in ("where?", "here", "burada")}
    assert found.texts(["tr"]) == {"burada"}
    assert describe_pairs(found) == "p: 2 rows of kind pairs; en-en 1, en-tr 1"
    assert load_pairs(str(tmp_path / "pairs" / "p"), Path("elsewhere")).digest == found.digest


@pytest.mark.parametrize(("n_pairs", "more"), [(8, ""), (9, " and 1 more")])
def test_the_eight_most_frequent_pairs_of_languages_are_shown(
    n_pairs: int, more: str, tmp_path: Path
) -> None:
    langs = ["de", "en", "es", "fr", "it", "nl", "pl", "sv", "tr"][:n_pairs]
    rows = tuple({**PAIR, "anchor_lang": lang, "positive_lang": "en"} for lang in langs)
    found = PairSet(name="p", kind=Kind.PAIRS, languages=tuple(langs), rows=rows, folder=tmp_path)
    assert describe_pairs(found).endswith(f"; {', '.join(f'{lang}-en 1' for lang in langs[:8])}{more}")


def test_everything_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    rows = [
        {"anchor": "", "positive": "x"},
        {"anchor": "a"},
        "not json",
        {"anchor": "a", "positive": 3, "anchor_lang": "eng"},
    ]
    write_set(tmp_path, "p", "pairs", rows)
    with pytest.raises(UserError) as caught:
        load_pairs("p", tmp_path)
    message = str(caught.value)
    assert message.startswith("pair set p: 5 errors")
    for part in (
        "rows.jsonl:1: anchor: the text is empty",
        "rows.jsonl:2: positive: expected a text, found nothing",
        "rows.jsonl:3: invalid JSON",
        "rows.jsonl:4: positive: expected a text, found int",
        "rows.jsonl:4: anchor_lang: expected an ISO 639 code, found 'eng'",
    ):
        assert part in message


@pytest.mark.parametrize("score", [None, "4", float("nan"), True])
def test_a_score_is_a_finite_number(tmp_path: Path, score: object) -> None:
    write_set(tmp_path, "s", "scored", [{"text1": "a", "text2": "b", "score": score}])
    with pytest.raises(UserError, match="score: expected a finite number"):
        load_pairs("s", tmp_path)


def test_wrong_cards_are_named(tmp_path: Path) -> None:
    write_set(tmp_path, "p", "pair", [PAIR], ["english"])
    card = tmp_path / "pairs" / "p" / "pairs.yaml"
    card.write_text(card.read_text(encoding="utf-8") + "license: mit\n", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_pairs("p", tmp_path)
    for part in (
        "kind: expected one of pairs, triplets",
        "found 'pair'",
        "['english']",
        "Did you mean 'licence'?",
    ):
        assert part in str(caught.value)


def test_an_unknown_name_gets_the_near_miss(tmp_path: Path) -> None:
    write_set(tmp_path, "tquad", "pairs", [PAIR])
    assert PAIRS.names(tmp_path) == ["tquad"]
    with pytest.raises(UserError, match=r"no pair set 'tqaud'.*there are tquad. Did you mean 'tquad'\?"):
        load_pairs("tqaud", tmp_path)


def test_what_dvc_tracks_is_fetched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "data.dvc").write_text("outs:\n- path: data/pairs/far\n")
    with pytest.raises(UserError, match=r"the pair set 'far' is tracked by DVC .*: dvc pull .*data\.dvc"):
        load_pairs("far", data)


def test_writing_refuses_to_overwrite(tmp_path: Path) -> None:
    row = {**PAIR, "anchor_lang": "en", "positive_lang": "en"}
    folder = tmp_path / "pairs" / "p"
    found = PairSet(name="p", kind=Kind.PAIRS, languages=("en",), rows=(row, dict(row)), folder=folder)
    write_pairs(found)
    assert len(load_pairs("p", tmp_path).rows) == 1  # twice the same is once
    with pytest.raises(UserError, match="replace it with --force"):
        write_pairs(found)
    write_pairs(found, force=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(UserError, match=r"it has no pairs\.yaml"):
        write_pairs(replace(found, folder=tmp_path / "other"), force=True)


# Importing


def imported(tmp_path: Path, file: str, text: str, **options: Any) -> PairSet:
    path = tmp_path / file
    path.write_text(text, encoding="utf-8")
    return import_pairs([path], "n", tmp_path / "pairs" / "n", ReadOptions(**options), force=True)


def test_csv_by_number_and_tsv_by_name(tmp_path: Path) -> None:
    columns = parse_columns("text1=1,text2=2,score=3")
    found = imported(tmp_path, "x-en.csv", '"a, b",c,4.5\na,c,0\n', columns=columns)
    assert found.kind is Kind.SCORED and found.languages == ("en",)
    assert [(r["text1"], r["text2"], r["score"]) for r in found.rows] == [("a, b", "c", 4.5), ("a", "c", 0.0)]
    columns = parse_columns("text1=s1,text2=s2,score=y")
    found = imported(tmp_path, "x-tr.tsv", 'y\ts1\ts2\n2\t"a\tb\n', columns=columns)
    assert [(r["text1"], r["score"]) for r in found.rows] == [('"a', 2.0)]  # a quotation mark is one


def test_columns_called_like_languages_are_in_them(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        "n.jsonl",
        '{"en": "mill", "tr": "değirmen", "de": "Mühle"}\n',
        kind=Kind.TRANSLATIONS,
        columns=parse_columns("anchor=en,positive=tr"),
    )
    assert found.rows[0] == {
        "anchor": "mill",
        "anchor_lang": "en",
        "positive": "değirmen",
        "positive_lang": "tr",
    }


def test_repeated_rows_are_dropped_and_counted_and_limit_cuts(tmp_path: Path) -> None:
    lines = "".join(f'{{"anchor": "q{i % 3}", "positive": "p"}}\n' for i in range(9))
    found = imported(tmp_path, "x.jsonl", lines, kind=Kind.PAIRS, langs=("en",), limit=2)
    assert [row["anchor"] for row in found.rows] == ["q0", "q1"]
    assert "6 rows that stand twice were left out" in found.notes


@pytest.mark.parametrize(
    ("file", "text", "options", "message"),
    [
        ("x-en.csv", "a,b\n", {}, "--kind: say what the rows are"),
        (
            "x-en.csv",
            "q,a\n1,2\n",
            {"columns": {"anchor": "q", "positive": "p"}, "kind": Kind.PAIRS},
            "no column 'p'",
        ),
        ("x-en.csv", "a,b,c\n", {"columns": {"text1": "1", "text2": "2"}}, "score is not said"),
        (
            "x-en.csv",
            "s1,s2,y\na,b,high\n",
            {"columns": {"text1": "s1", "text2": "s2", "score": "y"}},
            "found 'high'",
        ),
        (
            "x-en.csv",
            "s1,s2,y\na,b\n",
            {"columns": {"text1": "s1", "text2": "s2", "score": "y"}},
            "2 columns, the",
        ),
        (
            "x-en.ods",
            "",
            {"kind": Kind.PAIRS},
            "expected .jsonl, .csv, .json, .parquet, .tmx, .tsv, .xlsx or SQuAD .json",
        ),
        (
            "x.jsonl",
            '{"anchor": "a", "positive": "b"}\n',
            {"kind": Kind.PAIRS},
            "which language is it?",
        ),
        (
            "x-en.csv",
            "a\n",
            {"columns": {"text1": "1", "text2": "2", "score": "3"}},
            "text2: expected a text",
        ),
    ],
)
def test_bad_files_and_bad_usage(
    tmp_path: Path, file: str, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        imported(tmp_path, file, text, **options)
    assert message in str(caught.value)
    assert not (tmp_path / "pairs").exists()


def test_a_row_that_spans_lines_is_told_as_a_spreadsheet_numbers_it(tmp_path: Path) -> None:
    text = 'anchor,positive,positive_lang\n"a\nb",c,en\n"d\ne\nf",,en\n'
    columns = parse_columns("anchor=anchor,positive=positive")
    with pytest.raises(UserError, match=r"x-en\.csv, row 3: positive: the text is empty"):
        imported(tmp_path, "x-en.csv", text, columns=columns, kind=Kind.PAIRS)


def langs_of(found: PairSet) -> list[tuple[str, str]]:
    return [(row["anchor_lang"], row["positive_lang"]) for row in found.rows]


def test_language_columns_of_a_table_are_read(tmp_path: Path) -> None:
    text = "anchor,positive,anchor_lang,lang\nSoru?,An answer.,tr,en\nFrage?,Another answer.,German,en-GB\n"
    found = imported(tmp_path, "x.csv", text, kind=Kind.PAIRS)
    assert langs_of(found) == [("tr", "en"), ("de", "en")]
    assert any("'en-GB' is a variety. Taken for en (English); --varieties" in note for note in found.notes)
    columns = parse_columns("anchor=q,positive=a,anchor_lang=ql,lang=al")
    text = "q,a,ql,al,lang\nSoru?,An answer.,tr,en,x\n"
    assert langs_of(imported(tmp_path, "y.csv", text, columns=columns, kind=Kind.PAIRS)) == [("tr", "en")]
    # The file's name speaks for the column that says nothing.
    text = "anchor,positive,positive_lang\nSoru?,An answer.,en\n"
    assert langs_of(imported(tmp_path, "x.tr.csv", text, kind=Kind.PAIRS)) == [("tr", "en")]


def test_columns_are_said_as_ours_equals_theirs() -> None:
    assert parse_columns("anchor=q, positive=2") == {"anchor": "q", "positive": "2"}
    with pytest.raises(UserError, match="expected OURS=THEIRS, found 'anchor'"):
        parse_columns("anchor")
    with pytest.raises(UserError, match=r"'ancor' is none of .*Did you mean 'anchor'"):
        parse_columns("ancor=q")


def test_squad_gives_questions_paragraphs_and_groups(tmp_path: Path) -> None:
    qas = [
        {"id": str(i), "question": q, "answers": [{"text": "old", "answer_start": 12}]}
        for i, q in enumerate("ab")
    ]
    text = json.dumps({"data": [{"title": "t", "paragraphs": [{"context": "The mill is old.", "qas": qas}]}]})
    found = imported(tmp_path, "q.en.json", text)
    assert [(r["anchor"], r["positive"]) for r in found.rows] == [
        ("a", "The mill is old."),
        ("b", "The mill is old."),
    ]
    assert len({row["group"] for row in found.rows}) == 1
    (tmp_path / "q.en.json.gz").write_bytes(gzip.compress(text.encode()))
    packed = import_pairs([tmp_path / "q.en.json.gz"], "n", tmp_path / "packed", ReadOptions())
    assert packed.rows == found.rows
    answers = imported(tmp_path, "q.en.json", text, documents=DocumentUnit.ANSWERS)
    assert {row["positive"] for row in answers.rows} == {"old"}


def test_public_corpora(shared_data: Path, tmp_path: Path) -> None:
    def load(path: str, **options: Any) -> PairSet:
        return import_pairs([shared_data / path], "n", tmp_path / "n", ReadOptions(**options), force=True)

    tr = load("stsb/stsb-tr-train.tsv", columns=parse_columns("text1=sentence1,text2=sentence2,score=score"))
    assert tr.languages == ("tr",) and len(tr.rows) == 5_709
    assert {0.0, 5.0} <= {row["score"] for row in tr.rows} and max(r["score"] for r in tr.rows) == 5
    en = load("stsb/stsb-en-train.csv", columns=parse_columns("text1=1,text2=2,score=3"))
    assert en.rows[0] == {
        "text1": "A plane is taking off.",
        "text1_lang": "en",
        "text2": "An air plane is taking off.",
        "text2_lang": "en",
        "score": 5.0,
    }
    tquad = load("tquad/train-v0.1.json", langs=("tr",))
    assert len(tquad.rows) == 7_664 and len({row["group"] for row in tquad.rows}) > 1_500
    assert len(tquad.notes) < 10
    ntrex = load(
        "parallel/ntrex.jsonl", kind=Kind.TRANSLATIONS, columns=parse_columns("anchor=en,positive=tr")
    )
    assert len(ntrex.rows) == 1_997 and ntrex.languages == ("en", "tr")


def test_the_language_of_jsonl_rows_is_told_by_the_name_unless_rows_say_it(tmp_path: Path) -> None:
    found = imported(
        tmp_path, "faq.en.jsonl", '{"anchor": "What is it?", "positive": "A kettle."}\n', kind=Kind.PAIRS
    )
    assert found.languages == ("en",)
    assert found.notes[0].endswith(
        "faq.en.jsonl: language en, told by the file's name. Say another one with --lang"
    )
    said = '{"anchor": "Was ist es?", "positive": "Ein Kocher.", "lang": "de"}\n'
    assert imported(tmp_path, "rows.jsonl", said, kind=Kind.PAIRS).languages == ("de",)
    assert imported(tmp_path, "x.csv", "anchor,positive,lang\na,b,de\n", kind=Kind.PAIRS).notes == ()
    with pytest.raises(UserError, match=r"faq\.en\.jsonl:2: anchor_lang: .*found None.*--lang"):
        imported(tmp_path, "faq.en.jsonl", said + '{"anchor": "a", "positive": "b"}\n', kind=Kind.PAIRS)


SNLI = """s1,s2,gold_label
A man reads.,A person reads.,entailment
A dog runs.,A cat runs.,-
A man reads.,Nobody reads.,contradiction
"""


def test_labels_are_read_or_the_import_is_refused(tmp_path: Path) -> None:
    options = {"kind": Kind.PAIRS, "columns": {"anchor": "s1", "positive": "s2"}}
    with pytest.raises(UserError, match=r"'gold_label' may say .*--where gold_label=VALUE"):
        imported(tmp_path, "snli-en.csv", SNLI, **options)
    found = imported(tmp_path, "snli-en.csv", SNLI, where={"gold_label": {"entailment"}}, **options)
    assert [row["positive"] for row in found.rows] == ["A person reads."]
    assert "2 of 3 rows left out by --where gold_label=entailment" in found.notes
    everything = imported(tmp_path, "snli-en.csv", SNLI, where={"gold_label": {"*"}}, **options)
    assert len(everything.rows) == 3
    by_number = SNLI.partition("\n")[2]
    with pytest.raises(UserError, match="the column '3'"):
        imported(tmp_path, "x-en.csv", by_number, kind=Kind.PAIRS, columns={"anchor": "1", "positive": "2"})


def test_translations_that_are_the_same_text_are_refused(tmp_path: Path) -> None:
    options = {"kind": Kind.TRANSLATIONS, "columns": {"anchor": "en", "positive": "tr"}}
    rows = "en,tr\nTom,Tom\nOK,OK\n"
    with pytest.raises(UserError, match="2 of 2 pairs are the same in en and tr"):
        imported(tmp_path, "x.csv", rows, **options)
    assert imported(tmp_path, "x.csv", rows, believe=True, **options).notes == (
        "2 of 2 pairs are the same in en and tr",
    )
    alike = imported(tmp_path, "x.en.csv", "anchor,positive\nHi.,hi.\nWho?,Me.\n", kind=Kind.PAIRS)
    assert alike.notes[1:] == ("1 of 2 rows have the same text as anchor and positive",)


def test_languages_are_checked_against_the_texts(tmp_path: Path) -> None:
    rows = "anchor,positive\nSuyu ne kaynatır?,Su ısıtıcısı suyu kaynatır.\nKilit neden yapılmış?,Çelikten yapılmış.\n"
    with pytest.raises(
        UserError,
        match=r"de: of 2 sampled texts \(anchor\), 2 tell their language, 2 of them another one: tr",
    ):
        imported(tmp_path, "x.de.csv", rows, kind=Kind.PAIRS)
