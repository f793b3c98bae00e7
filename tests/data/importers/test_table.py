"""Spreadsheets as people have them: products and queries in one table, in two, in three; what is wrong in them."""

from __future__ import annotations

import datetime
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from conftest import REPOSITORY
from xlembed.data.building import build_task
from xlembed.data.cells import parse_grades
from xlembed.data.checks import Problems
from xlembed.data.headers import parse_table_columns
from xlembed.data.importers.table import read
from xlembed.data.read_options import ReadOptions
from xlembed.data.task import Task
from xlembed.words import UserError

CASES = REPOSITORY.parent / "shared" / "cases"

PRODUCTS = (
    "SKU;Title;Description;Locale;Price\n"
    '001;Wasserkocher;"Leise, auch nachts,\nschöne Größe fürs Büro";de_DE;19,90\n'
    "002;Bohrer;Stärker: für größere Löcher, schön günstig;German;99,00\n"
    "003;Kettle;Very quiet;en;25,00\n"
)
QUERIES = (
    "query,sku,lang\nleiser Kessel,001,de\n"
    'quiet kettle,"003, 001",en\n'
    "Bohrmaschine,002|002,de\nBohrmaschine,003,de\n"
)


class Read:
    """Files that were read: the task, what was told, and how they were understood."""

    def __init__(self, folder: Path, files: dict[str, str | bytes], **options: Any) -> None:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        problems = Problems()
        options["columns"] = parse_table_columns(options.pop("columns", ""))
        options["grades"] = parse_grades(options.pop("grades", ""))
        rows = read([folder / name for name in files], ReadOptions("shop", **options), problems)
        rows.card = replace(rows.card, unjudged=rows.card.unjudged or options.get("unjudged", False))
        self.task: Task = build_task(rows, keep_duplicates=True)
        self.notes = "\n".join(problems.notes())
        self.read_as = "\n".join(problems.read_as)

    @property
    def right(self) -> dict[str, set[str]]:
        """Query's text -> right documents."""
        return {q.text: set(self.task.qrels[q.query_id]) for q in self.task.queries}


def errors(folder: Path, files: dict[str, str | bytes], **options: Any) -> list[str]:
    """The lines of what is told, without the folder."""
    with pytest.raises(UserError) as caught:
        Read(folder, files, **options)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_two_tables_as_a_spreadsheet_writes_them(tmp_path: Path) -> None:
    found = Read(tmp_path, {"products.csv": PRODUCTS.encode("cp1252"), "queries.csv.gz": QUERIES})
    documents = {d.doc_id: (d.title, d.text, d.lang) for d in found.task.documents}
    assert documents == {
        "001": ("Wasserkocher", "Leise, auch nachts,\nschöne Größe fürs Büro", "de"),
        "002": ("Bohrer", "Stärker: für größere Löcher, schön günstig", "de"),
        "003": ("Kettle", "Very quiet", "en"),
    }
    # One query may name several documents, in a cell or in rows of its own.
    assert found.right == {
        "leiser Kessel": {"001"},
        "quiet kettle": {"001", "003"},
        "Bohrmaschine": {"002", "003"},
    }
    assert [q.lang for q in found.task.queries] == ["de", "en", "de"]
    assert "windows-1252, as in 'schöne Größe fürs Büro" in found.notes and "semicolons" in found.notes
    assert "'de_DE' is no code. Taken for de (German)" in found.notes
    assert "id = A (SKU), text = C (Description), title = B (Title), lang = D (Locale)" in found.read_as
    assert "not read: E (Price)" in found.read_as and "separated by ',' in 1 cell" in found.read_as
    assert "query = A (query), doc = B (sku), lang = C (lang)" in found.read_as


def test_reviews_are_right_by_their_product(tmp_path: Path) -> None:
    reviews = (CASES / "21-csv-reviews" / "reviews.csv") if CASES.is_dir() else None
    if reviews is None:
        pytest.skip(f"the shared cases are not at {CASES}")
    queries = "query,product_id,lang\nleiser Kessel,P1,de\nbroken,P2,en\n"
    found = Read(tmp_path, {"reviews.csv": reviews.read_bytes(), "queries.csv": queries})
    texts = {d.doc_id: (d.group, d.lang, d.title) for d in found.task.documents}
    assert list(texts.values()) == [("P1", "de", "Leise"), ("P1", "en", "Quiet"), ("P2", "tr", "Kötü")]
    assert found.right == {"leiser Kessel": {"d00001", "d00002"}, "broken": {"d00003"}}
    assert "group = A (product_id)" in found.read_as


def test_one_table_of_queries_with_their_documents_and_grades(tmp_path: Path) -> None:
    table = (
        "query_id,query,product_id,product_title,product_locale,relevance\n"
        "1,quiet kettle,B1,Silent kettle,en,2.0\n1,quiet kettle,B2,Drill,en,0\n2,Bohrer,B2,Drill,en,1\n"
    )
    found = Read(tmp_path, {"all.csv": table})
    assert [d.doc_id for d in found.task.documents] == ["B1", "B2"]
    assert found.task.qrels == {"1": {"B1": 2, "B2": 0}, "2": {"B2": 1}}


ESCI = (
    "query,product_id,product_title,product_locale,esci_label\nquiet kettle,B1,Silent kettle,us,E\n"
    "quiet kettle,B2,Kettle lid,us,C\nquiet kettle,B3,Drill,us,I\n"
)


def test_words_are_grades_as_told(tmp_path: Path) -> None:
    found = Read(tmp_path, {"esci.csv": ESCI}, columns="grade=esci_label", grades="e=3, S=2,C=1,I=0")
    assert list(found.task.qrels.values()) == [{"B1": 3, "B2": 1, "B3": 0}]
    assert found.task.languages == ("en",) and "language 'us': 3 times" in found.notes
    told = errors(tmp_path, {"esci.csv": ESCI}, columns="grade=esci_label", grades="E=3,I=0")
    assert told[1].startswith("  esci.csv, row 3: E (esci_label): 'C' is not a whole number")
    assert "1 error" in told[0]
    assert (
        "--grades: no column has grades"
        in errors(tmp_path, {"q.csv": QUERIES, "p.csv": PRODUCTS}, grades="E=3")[0]
    )
    assert "or read it with --columns grade=esci_label" in errors(tmp_path, {"esci.csv": ESCI})[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("E", "expected WORD=GRADE, found 'E'"),
        ("E=x", "found 'E=x'"),
        ("E=1,e=2", "'e' is said twice, as 1 and 2"),
    ],
)
def test_grades_said_wrongly(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_grades(text)


def test_answers_that_repeat_are_one_document(tmp_path: Path) -> None:
    faq = "Frage\tAntwort\nZurück?\t30 Tage.\nUmtausch?\t30 Tage.\nWie leise?\t40 dB\n"
    found = Read(tmp_path, {"faq.de.tsv": faq})
    assert len(found.task.documents) == 2 and found.right["Zurück?"] == found.right["Umtausch?"]
    assert "language de, told by the file's name" in found.notes


def test_judgements_in_a_third_table_and_columns_as_told(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "p.csv": "nr,de_name,blah\n1,Kessel,leise\n2,Bohrer,stark\n",
        "q.csv": "n,ask\n7,leiser Kessel\n8,starker Bohrer\n",
        "j.csv": "n,nr,stars\n7,1.0,3\n8,2.0,1\n7,2,0\n",
    }
    columns = "id=nr,text=de_name+blah,query=ask,query_id=n,grade=stars"
    found = Read(tmp_path, files, columns=columns, langs=("de",))
    assert [d.text for d in found.task.documents] == ["Kessel\nleise", "Bohrer\nstark"]
    assert found.task.qrels == {"7": {"1": 3, "2": 0}, "8": {"2": 1}}
    assert "the id is 1.0. Taken as 1" in found.notes or "ids with decimals: 2 times" in found.notes


def test_parquet_with_lists_of_ids(tmp_path: Path) -> None:
    pd.DataFrame({"product_id": [1, 2], "title": ["Kettle", "Bohrer"], "locale": ["en", "de"]}).to_parquet(
        tmp_path / "a.parquet"
    )
    pd.DataFrame({"query": ["quiet", "x"], "product_id": [[1, 2], [2]], "locale": ["en", "de"]}).to_parquet(
        tmp_path / "b.parquet"
    )
    files = {name: (tmp_path / name).read_bytes() for name in ("a.parquet", "b.parquet")}
    found = Read(tmp_path, dict(files))
    assert found.right == {"quiet": {"1", "2"}, "x": {"2"}}
    pd.DataFrame({"query": ["quiet"], "product_id": [[1, 9]], "locale": ["en"]}).to_parquet(
        tmp_path / "b.parquet"
    )
    files["b.parquet"] = (tmp_path / "b.parquet").read_bytes()
    told = errors(tmp_path, dict(files))
    assert "b.parquet, row 1: column 'product_id': there is no document '9' in a.parquet" in told[1]


def test_everything_wrong_is_told_at_once_with_row_and_column(tmp_path: Path) -> None:
    products = (
        "id,title,description,lang,group\n"
        'P1,Kettle,"Quiet\nkettle",en,k\n'
        ",No id,Something here,en,k\n"
        "P1,Other,Same id again,en,k\n"
        "P3,,,en,k\n"
        "P4,#N/A,Strong drill,gibberish,d\n"
        ",,,,\n"
        "1.2345E+12,Long,Lost digits,en,d\n"
        "P7,Plain,Nothing,,d\n"
        "0012,Zeros,Zero,en,d\n"
    )
    queries = (
        "query,right_ids,grade,lang\n"
        "quiet kettle,P1,1,en\n"
        ",P1,1,en\n"
        'drill,"P4, P9",1.5,en\n'
        "drill,zz,1,en\n"
        "kettle for office,k,,en\n"
        "zero,12,1,en\n"
    )
    told = errors(tmp_path, {"p.csv": products, "q.csv": queries})
    wanted = (
        "p.csv, row 3: A (id): the id is empty",
        "p.csv, row 4: A (id): the id 'P1' is used in p.csv, row 2 already",
        "p.csv, row 6: B (title): the cell holds #N/A",
        "p.csv, row 6: D (lang): 'gibberish' is not an ISO 639 language code",
        "p.csv, row 8: A (id): the id 1.2345E+12 was shortened by a spreadsheet",
        "p.csv, row 9: D (lang): the row has no language",
        "q.csv, row 3: A (query): the text is empty",
        "q.csv, row 4: C (grade): '1.5' is not a whole number",
        "q.csv, row 5: B (right_ids): there is no document 'zz' in p.csv",
        "q.csv, row 6: C (grade): the grade is missing",
        "q.csv, row 7: B (right_ids): there is no document '12'; there is '0012'",
    )
    assert told[0].startswith(f"shop: {len(wanted)} errors (")
    for start in wanted:
        assert any(line.strip().startswith(start) for line in told), start
    assert any("p.csv, row 7: the row is blank. Skipped" in line for line in told)
    assert any("p.csv: 8 rows, documents: id = A (id)" in line for line in told)  # how it was understood


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({"p.csv": PRODUCTS}, {}, "no table has a column of queries"),
        ({"q.csv": QUERIES}, {}, "no table has documents"),
        ({"p.csv": PRODUCTS, "q.csv": "query,lang\nx,de\n"}, {}, "no column says which documents are right"),
        (
            {
                "p.csv": PRODUCTS,
                "q.csv": 'query,lang,zuordnung\nx,de,"001, 002"\ny,de,002\nz,de,neu\nv,de,\n',
            },
            {},
            "the column C (zuordnung) holds ids of documents. Fix: if they are right",
        ),
        (
            {"p.csv": PRODUCTS, "q.csv": "query,lang,note\nx,de,001\ny,de,neu\nz,de,alt\n"},
            {},
            "no column says which documents are right",
        ),
        (
            {"p.csv": PRODUCTS, "q.csv": QUERIES},
            {"unjudged": True},
            "the table says which documents are right",
        ),
        ({"p.csv": "a,b\n1,2\n"}, {}, "its first row has a, b: no text, no query"),
        ({"p.csv": PRODUCTS, "q.csv": "query,sku\nx,001\n"}, {}, "which language is it?"),
        ({"p.csv": PRODUCTS}, {"columns": "id=nr"}, "no column 'nr'"),
        ({"p.csv": PRODUCTS}, {"columns": "idd=SKU"}, "'idd' is none of"),
        ({"p.csv": PRODUCTS}, {"encoding": "gibberish"}, "there is no encoding 'gibberish'"),
        (
            {"p.csv": "text\nBüro\n".encode("cp1252")},
            {},
            "too few foreign letters to tell what it is. Fix: say it",
        ),
        ({"p.csv": b"text\n\xff\xfe\n"}, {"encoding": "ascii"}, "the file is not ascii"),
        ({"p.jsonl": "{}\n"}, {}, "rows of JSON are read by `xlembed import jsonl`"),
        ({"p.csv": "id,text,text\n1,x,y\n"}, {}, "two columns are called 'text': B and C"),
        ({"p.csv": b"PK\x03\x04" + bytes(range(256))}, {}, "a zip file or a workbook"),
        ({"p.parquet": b"PAR1 broken"}, {}, "p.parquet is damaged"),
        ({"p.csv.gz": PRODUCTS, "none.csv": ""}, {}, "no text, no query"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_understood(
    tmp_path: Path, files: dict[str, str | bytes], options: dict[str, Any], message: str
) -> None:
    assert message in "\n".join(errors(tmp_path, files, **options))


def test_rows_that_are_no_right_pairs_are_chosen_or_refused(tmp_path: Path) -> None:
    products = {"p.csv": PRODUCTS}
    queries: dict[str, str | bytes] = {"q.csv": "query,sku,lang,label\nKessel,001,de,1\nKessel,002,de,0\n"}
    told = "\n".join(errors(tmp_path, {**products, **queries}))
    assert "the column 'label' may say that some rows are no right pairs" in told
    found = Read(tmp_path, {**products, **queries}, where={"label": {"1"}})
    assert found.right == {"Kessel": {"001"}}
    assert found.task.notes[0] == "1 of 2 rows left out by --where label=1"
    found = Read(tmp_path, {**products, **queries}, columns="grade=label")
    assert found.task.qrels == {"q00001": {"001": 1, "002": 0}}


def test_languages_are_detected_only_when_told(tmp_path: Path) -> None:
    faq = (
        "query,answer\nWie leise ist der Wasserkocher?,Sehr leise: unter 40 Dezibel.\n"
        "How long is the warranty?,Two years for all kettles.\nKann ich ihn zurückgeben?,Ja binnen 30 Tagen.\n"
    )
    found = Read(tmp_path, {"faq.csv": faq}, detect_lang=True)
    assert (
        [d.lang for d in found.task.documents] == [q.lang for q in found.task.queries] == ["de", "en", "de"]
    )
    assert "languages told by texts: de 4, en 2" in found.read_as
    short = {"faq.csv": faq + "usb?,no\n"}
    told = errors(tmp_path, dict(short), detect_lang=True)
    assert "faq.csv, row 5: lang: the row has no language, and its text tells none" in told[1]
    found = Read(tmp_path, dict(short), detect_lang=True, langs=("en",))
    assert (
        found.task.documents[-1].lang == "en"
        and "1 text that tells no language, taken for en" in found.read_as
    )
    found = Read(tmp_path, dict(short), langs=("en",))
    assert found.task.languages == ("en",)


def test_a_log_of_queries_is_a_task_without_judgements(tmp_path: Path) -> None:
    log = "Top queries,lang\nleiser Kessel,de\nBohrer,de\nBohrer,de\n"
    found = Read(tmp_path, {"p.csv": PRODUCTS, "log.csv": log}, unjudged=True)
    assert [q.text for q in found.task.queries] == ["leiser Kessel", "Bohrer"]
    assert not any(found.task.qrels.values())


def test_sheets_of_a_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="the extra xlsx is not installed")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Products"
    for row in (
        ["review_id", "product", "text", "locale"],
        [1, "kettle", "Leise", "de-DE"],
        [2.0, None, "Quiet", "en"],
        [None] * 4,
        [3, "drill", 42, "English"],
    ):
        sheet.append(row)
    sheet.merge_cells("B2:B3")
    sheet["A2"].number_format = "000"
    queries = book.create_sheet("Search queries")
    for row in (["Question", "Product", "Language"], ["leiser Kessel", "kettle", "de"]):
        queries.append(row)
    book.create_sheet("Notes").append(["made by", "Ann"])
    hidden = book.create_sheet("old")
    hidden.append(["query", "product"])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "shop.xlsx")
    found = Read(tmp_path, {"shop.xlsx": (tmp_path / "shop.xlsx").read_bytes()})
    assert [(d.doc_id, d.text, d.group) for d in found.task.documents] == [
        ("001", "Leise", "kettle"), ("2", "Quiet", "kettle"), ("3", "42", "drill"),
    ]  # fmt: skip
    assert found.right == {"leiser Kessel": {"001", "2"}}
    for told in (
        "cells B2:B3 are merged",
        "[old]: the sheet is hidden",
        "[Notes]: its first row",
        "row 4: the row is",
    ):
        assert told in found.notes
    for row in (["=1/0", "drill", "en"], ["x", "#REF!", "en"], [datetime.date(2024, 1, 2), "none", "en"]):
        queries.append(row)
    queries["A3"] = "#DIV/0!"
    book.save(tmp_path / "shop.xlsx")
    told_lines = "\n".join(errors(tmp_path, {"shop.xlsx": (tmp_path / "shop.xlsx").read_bytes()}))
    for told in (
        "shop.xlsx [Search queries], row 3: A (Question): the cell holds #DIV/0!",
        "shop.xlsx [Search queries], row 4: B (Product): the cell holds #REF!",
        "row 5: A (Question): the cell is a date: 2024-01-02. Taken as text",
        "row 5: B (Product): no document has the group 'none'",
    ):
        assert told in told_lines


def test_line_ends_of_a_workbook_and_hidden_rows(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="the extra xlsx is not installed")
    book = openpyxl.Workbook()
    for row in (["query", "text"], ["quiet?", "Very_x000D_\nquiet."], ["warm?", "A_x005F_x000D_ lamp."]):
        book.active.append(row)
    book.active.row_dimensions[3].hidden = True
    book.save(tmp_path / "shop.xlsx")
    found = Read(tmp_path, {"shop.xlsx": (tmp_path / "shop.xlsx").read_bytes()}, langs=("en",))
    assert [d.text for d in found.task.documents] == ["Very\nquiet.", "A_x000D_ lamp."]
    assert "[Sheet]: 1 row hidden, perhaps by a filter: 3. Read all the same" in found.notes


def test_formulas_whose_value_was_never_saved_are_no_empty_cells(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="the extra xlsx is not installed")
    book = openpyxl.Workbook()
    for row in (["query", "text", "title"], ["Is it quiet?", "Very quiet.", '="The " & "kettle"']):
        book.active.append(row)
    book.save(tmp_path / "shop.xlsx")
    _, told = errors(tmp_path, {"shop.xlsx": (tmp_path / "shop.xlsx").read_bytes()}, langs=("en",))
    assert told.strip().startswith("shop.xlsx [Sheet]: 1 formula without a saved value: C2")


def test_without_openpyxl_a_workbook_is_refused_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    assert "pip install 'xlembed[xlsx]'" in errors(tmp_path, {"shop.xlsx": b"PK"})[0]


def test_locales_are_languages_unless_varieties_are_kept_apart(tmp_path: Path) -> None:
    products = "id,text,lang\n1,Fone sem fio leve.,pt_BR\n2,Auscultadores sem fios leves.,pt-PT\n"
    files: dict[str, str | bytes] = {"p.csv": products, "q.csv": "query,doc,lang\nleve,1,pt-BR\n"}
    plain = Read(tmp_path, files)
    assert plain.task.languages == ("pt",)
    assert "'pt-PT' is a variety. Taken for pt (Portuguese); --varieties keeps it apart" in plain.notes
    apart = Read(tmp_path, files, varieties=True)
    assert apart.task.languages == ("pt-BR", "pt-PT") and apart.task.queries[0].lang == "pt-BR"


def test_a_file_s_name_tells_a_variety_where_they_are_kept_apart(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "faq.pt-BR.csv": "query,text\nQual chaleira é silenciosa?,A Nova é silenciosa.\n"
    }
    assert Read(tmp_path, files).task.languages == ("pt",)
    assert Read(tmp_path, files, varieties=True).task.languages == ("pt-BR",)
