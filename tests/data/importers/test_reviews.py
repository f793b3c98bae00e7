"""Reviews: chosen while they are read, sampled by seed and id, in the language they are said to be in."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from xlembed.cli import xlembed
from xlembed.data.importers import reviews
from xlembed.data.importing import Imported, import_files
from xlembed.data.loading import load_task
from xlembed.data.read_options import DocumentUnit, ReadOptions
from xlembed.words import UserError

DE = "Der Wasserkocher ist leise und schnell, Nummer {}."
EN = "The kettle is quiet and boils quickly, number {}."


def rows(n: int = 30) -> list[dict[str, Any]]:
    return [
        {
            "review_id": f"{lang}_{i:03d}", "product_id": f"p{i % 5}", "stars": str(i % 5 + 1), "language": lang,
            "review_title": f"{lang} {i}", "review_body": text.format(i),
        }
        for i in range(n)
        for lang, text in (("de", DE), ("en", EN))
    ]  # fmt: skip


def take(tmp_path: Path, found: list[dict[str, Any]], *, believe: bool = False, **options: Any) -> Imported:
    file = tmp_path / "reviews.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in found))
    told = ReadOptions(**options, believe=believe)
    return import_files("reviews", [file], "shop", tmp_path / "out", options=told, force=True)


def test_a_review_is_a_document_of_its_product(tmp_path: Path) -> None:
    imported = take(tmp_path, rows())
    task = load_task(str(imported.folder))
    assert task.unjudged and not task.queries and task.languages == ("de", "en") and len(task.documents) == 60
    first = task.documents[0]
    assert (first.doc_id, first.group, first.title, first.text) == ("de_000", "p0", "de 0", DE.format(0))
    assert "not read: stars" in " ".join(imported.read_as)
    assert not any("no queries" in note for note in task.notes)


def test_a_larger_sample_contains_the_smaller_whatever_the_order_of_rows(tmp_path: Path) -> None:
    def sampled(found: list[dict[str, Any]], n: int, seed: int = 0) -> set[str]:
        task = take(tmp_path, found, max_documents_per_language=n, seed=seed).task
        assert [sum(d.lang == lang for d in task.documents) for lang in ("de", "en")] == [n, n]
        return {d.doc_id for d in task.documents}

    small = sampled(rows(), 4)
    assert small < sampled(rows(), 9)
    assert small == sampled(rows()[::-1], 4) != sampled(rows(), 4, seed=1)


def test_the_sample_is_the_same_in_batches_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = take(tmp_path, rows(), max_documents_per_language=4)
    monkeypatch.setattr(reviews, "BATCH", 3)
    parts = take(tmp_path, rows(), max_documents_per_language=4)
    assert parts.task == whole.task and "de: 4 of 30 reviews sampled (seed 0)" in " ".join(parts.task.notes)


def test_a_products_reviews_are_a_document_in_each_language(tmp_path: Path) -> None:
    found = rows()
    found[0]["product_id"] = ""
    task = take(tmp_path, found, documents=DocumentUnit.PRODUCTS).task
    assert {d.doc_id for d in task.documents} == {f"{lang}-p{i}" for lang in ("de", "en") for i in range(5)}
    (third,) = [d for d in task.documents if d.doc_id == "en-p3"]
    assert third.text.splitlines() == [EN.format(i) for i in range(3, 30, 5)] and third.group == "p3"
    assert "1 of 60 reviews left out: they name no product" in task.notes
    sampled = take(tmp_path, found, documents=DocumentUnit.PRODUCTS, max_documents_per_language=2).task
    assert len(sampled.documents) == 4
    assert {d.text for d in sampled.documents} < {d.text for d in task.documents}
    assert "en: 2 products sampled (seed 0); 18 reviews of other products left out" in sampled.notes


def test_a_product_whose_reviews_do_not_all_fit_keeps_whole_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "LONGEST", 3 * len(EN))
    task = take(tmp_path, rows(), documents=DocumentUnit.PRODUCTS).task
    (third,) = [d for d in task.documents if d.doc_id == "en-p3"]
    assert third.text.splitlines() == [EN.format(i) for i in (3, 8, 13)]


@pytest.mark.parametrize("locale", ["de-AT", "de_AT"])
def test_varieties_are_kept_apart_only_where_that_is_said(tmp_path: Path, locale: str) -> None:
    found = [row | {"language": locale} for row in rows(3) if row["language"] == "de"]
    assert take(tmp_path, found).task.languages == ("de",)
    assert take(tmp_path, found, varieties=True).task.languages == ("de-AT",)


def test_short_reviews_and_those_in_another_language_are_left_out_and_counted(tmp_path: Path) -> None:
    found = rows()
    found[0]["review_body"] = "Gut."
    found[2]["review_body"], found[2]["review_title"] = "This one was written in English, as it happens.", ""
    task = take(tmp_path, found, min_length=10).task
    assert {"de_000", "de_001"}.isdisjoint(d.doc_id for d in task.documents) and len(task.documents) == 58
    assert "1 of 60 reviews left out: fewer than 10 characters" in task.notes
    assert "de: reviews left out that look like another language (by lingua): en 1" in task.notes


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl.gz"])
def test_every_form_gives_the_same_documents(tmp_path: Path, form: str) -> None:
    file, found = tmp_path / f"reviews.{form}", rows()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(found), file)
    elif form == "csv":
        lines = [",".join(found[0]), *(",".join(f'"{v}"' for v in row.values()) for row in found)]
        file.write_text("\n".join(lines) + "\n")
    else:
        file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in found).encode()))
    task = import_files("reviews", [file], "shop", tmp_path / "out").task
    assert task.documents == take(tmp_path, found).task.documents


def test_the_rows_of_amazons_set_of_2023_have_no_id_and_no_language(tmp_path: Path) -> None:
    found = [
        {"rating": 5.0, "title": "Quiet", "text": EN.format(i), "asin": f"b{i}", "parent_asin": f"a{i % 3}"}
        for i in range(6)
    ]
    with pytest.raises(UserError, match="which language is it"):
        take(tmp_path, found)
    task = take(tmp_path, found, langs=("en",), where={"rating": {"5"}}).task
    assert [d.doc_id for d in task.documents] == [f"reviews-{i}" for i in range(1, 7)]
    assert task.documents[4].group == "a1"


def test_what_is_wrong_is_told_by_line_and_column(tmp_path: Path) -> None:
    found = rows(3)
    found[1]["language"], found[2]["language"], found[3]["language"] = "xx", "", "German"
    with pytest.raises(UserError) as error:
        take(tmp_path, found)
    assert "reviews.jsonl:2: lang" in str(error.value) and "reviews.jsonl:3: lang" in str(error.value)
    with pytest.raises(UserError, match=r"--columns text=body: no column 'body'.*has review_id, product_id"):
        take(tmp_path, rows(3), columns={"text": "body"})
    with pytest.raises(UserError, match="no column holds the text of a review"):
        take(tmp_path, [{"a": 1}])
    with pytest.raises(UserError, match="choose one of reviews, products here"):
        take(tmp_path, rows(3), documents=DocumentUnit.CONTEXTS)


def test_the_command_says_what_was_read_and_what_comes_next(tmp_path: Path) -> None:
    file = tmp_path / "reviews.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    arguments = ["import", "reviews", str(file), "--name", "shop", "--out", str(tmp_path / "out")]
    answer = CliRunner().invoke(xlembed, [*arguments, "--max-documents-per-language", "3", "--dry-run"])
    assert answer.exit_code == 0, answer.output
    assert "reviews: id = column 'review_id'" in answer.output and "Nothing was written" in answer.output
    assert not (tmp_path / "out").exists()
    answer = CliRunner().invoke(xlembed, ["import", "beir", str(file), "--name", "x", "--min-length", "3"])
    assert answer.exit_code != 0 and "--min-length: for `xlembed import reviews` only" in str(
        answer.exception
    )
