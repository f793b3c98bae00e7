"""`xlembed import pairs`: files -> training rows, and every way to ask for it wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from xlembed.cli.import_ import import_task
from xlembed.data.pairs import load_pairs
from xlembed.words import UserError

PAIRS = ("--name", "n", "--kind", "pairs", "--columns", "anchor=q,positive=a")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, row in (("one", "soru\tcevap"), ("two", "question\tanswer")):
        (tmp_path / f"{name}.tsv").write_text(f"q\ta\n{row}\n", encoding="utf-8")
    return tmp_path


def _import(*words: str) -> Result:
    return CliRunner().invoke(import_task, words, catch_exceptions=False)


def test_rows_are_written_and_the_next_step_told(workplace: Path) -> None:
    result = _import("pairs", "one.tsv", "two.tsv", *PAIRS, "--lang", "tr,en", "--licence", "CC0")
    assert result.exit_code == 0
    assert "n: 2 rows of kind pairs" in result.output and "`pairs: n`" in result.output
    found = load_pairs("n", workplace / "data")
    assert [(r["anchor"], r["anchor_lang"]) for r in found.rows] == [("soru", "tr"), ("question", "en")]
    assert (found.licence, found.languages) == ("CC0", ("en", "tr"))


@pytest.mark.parametrize(
    ("file", "text", "kind", "texts", "told"),
    [
        ("a.csv", "Question,answer,lang\nWhy?,So.,en\n", "pairs", [("Why?", "So.")], "anchor = Question"),
        (
            "a.csv",
            "id,de,en\n1,Haus,house\n",
            "translations",
            [("Haus", "house")],
            "anchor = de, positive = en",
        ),
        (
            "a.de.csv",
            "source,tgt,target_lang\nHaus,Bau,de\n",
            "translations",
            [("Haus", "Bau")],
            "anchor = source",
        ),
        (
            "a.en.tsv",
            "sentence1\tsentence2\tscore\na b\tb a\t4.5\n",
            "scored",
            [("a b", "b a")],
            "text1 = sentence1",
        ),
        (
            "a.en.jsonl",
            '{"query": "why", "pos": ["so", "thus"], "neg": ["no"]}\n'
            '{"anchor": "x", "positive": "y", "negative": ["z"]}\n',
            "triplets",
            [("why", "so"), ("why", "thus"), ("x", "y")],
            "positive = pos",
        ),
    ],
)
def test_headers_tell_what_the_columns_are(
    workplace: Path, file: str, text: str, kind: str, texts: list[tuple[str, str]], told: str
) -> None:
    (workplace / file).write_text(text, encoding="utf-8")
    output = _import("pairs", file, "--name", "n", "--believe").output
    assert f"{len(texts)} rows of kind {kind}" in output and told in " ".join(output.split())
    found = load_pairs("n", workplace / "data")
    assert [tuple(row[c] for c in found.columns[:2]) for row in found.rows] == texts


@pytest.mark.parametrize("header", ["Language", "locale", "Sprache"])
def test_a_column_of_languages_is_found_by_its_header_and_goes_before_the_option(
    workplace: Path, header: str
) -> None:
    text = f"Question,Answer,{header}\nwhat is it,a kettle,en\nwas ist das,ein Wasserkocher,de-DE\n"
    (workplace / "qa.csv").write_text(text, encoding="utf-8")
    result = _import("pairs", "qa.csv", "--name", "n", "--lang", "en")
    assert result.exit_code == 0 and f"lang = {header}" in result.output
    rows = load_pairs("n", workplace / "data").rows
    assert [(r["anchor_lang"], r["positive_lang"]) for r in rows] == [("en", "en"), ("de", "de")]


def test_lists_in_parquet_make_rows_too(workplace: Path) -> None:
    rows = [
        {"query": "why", "pos": ["so", "thus"], "neg": ["no\nnever"]},
        {"query": "x", "pos": ["y"], "neg": []},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows[:1]), workplace / "a.en.parquet")
    assert "n: 2 rows of kind triplets" in _import("pairs", "a.en.parquet", "--name", "n", "--believe").output
    found = load_pairs("n", workplace / "data").rows
    assert [(row["positive"], row["negative"]) for row in found] == [
        ("so", "no\nnever"),
        ("thus", "no\nnever"),
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), workplace / "b.en.parquet")
    with pytest.raises(UserError, match=r"row 2: negative: the text is empty"):
        _import("pairs", "b.en.parquet", "--name", "m", "--believe")


def test_line_aligned_files_are_translations(workplace: Path) -> None:
    texts = {"de": ["Haus", "Baum"], "en": ["house", "tree"], "tr": ["ev", "ağaç"]}
    for lang, lines in texts.items():
        (workplace / f"opus.{lang}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = _import("pairs", "opus.de", "opus.en", "opus.tr", "--name", "n", "--believe").output
    assert "n: 4 rows of kind translations" in output
    rows = [
        (r["anchor"], r["positive_lang"], r["positive"]) for r in load_pairs("n", workplace / "data").rows
    ]
    assert rows == [
        ("Haus", "en", "house"),
        ("Haus", "tr", "ev"),
        ("Baum", "en", "tree"),
        ("Baum", "tr", "ağaç"),
    ]
    (workplace / "opus.en").write_text("house\n", encoding="utf-8")
    with pytest.raises(UserError, match="unequal line counts"):
        _import("pairs", "opus.de", "opus.en", "--name", "m")


SENTENCES = [("The house is very big.", "Das Haus ist sehr groß."), ("Where is it?", "Wo ist das?")]


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
def test_translations_nested_as_sets_of_the_hub_have_them(workplace: Path, suffix: str) -> None:
    rows = [
        {"id": str(i), "translation": dict(zip(("en", "de"), s, strict=True))}
        for i, s in enumerate(SENTENCES)
    ]
    if suffix == "parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), workplace / "a.parquet")
    else:
        lines = [json.dumps(rows)] if suffix == "json" else [json.dumps(row) for row in rows]
        (workplace / f"a.{suffix}").write_text("\n".join(lines), encoding="utf-8")
    assert "n: 2 rows of kind translations; en-de 2" in _import("pairs", f"a.{suffix}", "--name", "n").output
    assert [(r["anchor"], r["positive"]) for r in load_pairs("n", workplace / "data").rows] == SENTENCES


UNIT = '<tu><tuv {0}="{1}"><seg>{2}</seg></tuv><tuv {0}="{3}"><seg>{4}</seg></tuv></tu>'
TMX = (
    '<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx version="1.4"><header/><body>{}</body></tmx>'
)


def test_a_translation_memory(workplace: Path) -> None:
    marked = 'The <bpt i="1">&lt;b&gt;</bpt>house<ept i="1">&lt;/b&gt;</ept> is\n  very <hi>big</hi>.'
    units = UNIT.format("xml:lang", "en-US", marked, "de-DE", SENTENCES[0][1])
    units += UNIT.format("lang", "EN", SENTENCES[1][0], "DE", SENTENCES[1][1])
    (workplace / "memory.tmx").write_text(TMX.format(units), encoding="utf-16")
    result = _import("pairs", "memory.tmx", "--name", "n")
    assert "n: 2 rows of kind translations; en-de 2" in result.output and "'EN' is no code" in result.output
    assert [(r["anchor"], r["positive"]) for r in load_pairs("n", workplace / "data").rows] == SENTENCES
    (workplace / "cut.tmx").write_text(TMX.format(units)[:-30], encoding="utf-8")
    with pytest.raises(UserError, match=r"cut.tmx is damaged: no element found: line 2"):
        _import("pairs", "cut.tmx", "--name", "m")
    (workplace / "gap.tmx").write_text(TMX.format(units.replace('"DE"', '"FR"')), encoding="utf-8")
    words = ("pairs", "gap.tmx", "--name", "m", "--columns", "anchor=en-US,positive=de-DE")
    result = _import(*words, "--believe")
    assert "m: 1 rows of kind translations" in result.output and "no text in en-US. Left out" in result.output
    with pytest.raises(UserError, match="there are no rows"):
        _import(*words[:3], "k", "--columns", "anchor=en-US,positive=TR")


def test_a_translation_memory_in_a_namespace_with_several_texts_of_a_language(workplace: Path) -> None:
    variant = '<tuv xml:lang="{}"><seg>{}</seg></tuv>'
    (anchor, positive), _ = SENTENCES
    unit = (
        variant.format("en-us", anchor)
        + variant.format("de-de", positive)
        + variant.format("de-de", "Anders.")
    )
    text = TMX.format(f"<tu>{unit}</tu>").replace("<tmx ", '<tmx xmlns="http://www.lisa.org/tmx14" ')
    (workplace / "memory.tmx").write_text(text, encoding="utf-8")
    output = _import("pairs", "memory.tmx", "--name", "n").output
    assert "n: 1 rows of kind translations; en-de 1" in output and "several texts in de-de" in output
    assert [(r["anchor"], r["positive"]) for r in load_pairs("n", workplace / "data").rows] == SENTENCES[:1]


def test_what_is_read_of_a_table_and_what_is_not(workplace: Path) -> None:
    rows = "query,pos,negative_1,negative_2,lang\nwhere?,here,here,there,en\nwho?,me,you,them,en\n"
    (workplace / "a.csv").write_text(rows, encoding="utf-8")
    output = _import("pairs", "a.csv", "--name", "n").output
    assert "negative = negative_1" in output and "not read: negative_2" in output
    assert "1 of 2 rows have the same text as positive and negative" in output


def test_languages_in_columns_beside_the_texts(workplace: Path) -> None:
    head = "source_lang,target_lang,source_text,target\n"
    rows = "".join(f"en,de,{en},{de}\n" for en, de in SENTENCES)
    (workplace / "a.csv").write_text(head + rows, encoding="utf-8")
    assert "n: 2 rows of kind translations; en-de 2" in _import("pairs", "a.csv", "--name", "n").output


def test_a_column_of_numbers_is_no_indonesian(workplace: Path) -> None:
    (workplace / "a.csv").write_text("id,en\n1,House\n2,Garden\n", encoding="utf-8")
    with pytest.raises(UserError, match="anchor: 2 of 2 texts have no letter: are they translations"):
        _import("pairs", "a.csv", "--name", "n")
    assert "2 rows of kind translations" in _import("pairs", "a.csv", "--name", "n", "--believe").output


def test_the_error_of_a_formula_as_a_text_is_told(workplace: Path) -> None:
    (workplace / "a.csv").write_text("en,de\nHouse,#N/A\nGarden,#NAME?\nTree,Baum\n", encoding="utf-8")
    output = _import("pairs", "a.csv", "--name", "n").output
    assert "a.csv: positive: error of a formula: 2 times (rows 2, 3)" in " ".join(output.split())


@pytest.mark.parametrize("words", [(), ("--columns", "anchor=English,positive=Almanca")])
def test_columns_called_by_names_of_languages(workplace: Path, words: tuple[str, ...]) -> None:
    lines = ["No\tEnglish\tAlmanca", *(f"{i}\t{en}\t{de}" for i, (en, de) in enumerate(SENTENCES))]
    (workplace / "a.tsv").write_text("\n".join(lines), encoding="utf-8")
    output = _import("pairs", "a.tsv", "--name", "n", *words).output
    assert "n: 2 rows of kind translations; en-de 2" in output and "language 'Almanca'" in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("anchor,positive\na,b\n", "--kind: say what the rows are"),  # an answer, or a translation?
        ("de,en,fr\na,b,c\n", "--kind: say what the rows are.*; the columns of a.en.csv are de, en, fr"),
        ('{"query": "x", "pos": []}\n', "positive: expected a text"),
    ],
)
def test_headers_that_leave_a_doubt(workplace: Path, text: str, message: str) -> None:
    file = "a.en.jsonl" if text.startswith("{") else "a.en.csv"
    (workplace / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        _import("pairs", file, "--name", "n")


def test_what_is_there_stays_without_force(workplace: Path) -> None:
    _import("pairs", "one.tsv", *PAIRS, "--lang", "tr")
    with pytest.raises(UserError, match=r"exists already: .*replace it with --force"):
        _import("pairs", "two.tsv", *PAIRS, "--lang", "en")
    assert load_pairs("n", workplace / "data").languages == ("tr",)
    assert _import("pairs", "two.tsv", *PAIRS, "--lang", "en", "--force").exit_code == 0
    assert load_pairs("n", workplace / "data").languages == ("en",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pairs", "one.tsv", *PAIRS, "--lang", "tr,en"], "--lang: 2 languages for 1 files"),
        (["pairs", "one.tsv", "two.tsv", "one.tsv", *PAIRS, "--lang", "tr,en"], "2 languages for 3 files"),
        (["pairs", "one.tsv", *PAIRS, "--lang", "turkish"], "--lang"),
        (["pairs", "one.tsv", *PAIRS], "which language is it"),
        (
            ["pairs", "one.tsv", *PAIRS[2:], "--name", "../n", "--lang", "tr"],
            "'../n' is no name for a pair set",
        ),
        (["pairs", "one.tsv", "--name", "n", "--kind", "pears"], "'pears' is not a Kind"),
        (["pair", "one.tsv", *PAIRS], "no format 'pair'. Did you mean 'pairs'?"),
        (
            ["squad", "one.tsv", *PAIRS],
            "--kind: for `xlembed import pairs|scored` only",
        ),
        (["bier", "one.tsv", "--name", "n"], "Did you mean 'beir'?"),
    ],
)
def test_bad_usage(workplace: Path, words: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        _import(*words)
    assert message in str(caught.value)
    assert not (workplace / "data").exists() and not (workplace / "n").exists()
