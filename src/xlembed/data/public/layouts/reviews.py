"""Amazon reviews: a title asks, and every review of the same product answers, in whatever language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from xlembed.data.checks import Row
from xlembed.data.lines import unpacked_name
from xlembed.data.objects import SUFFIXES, read_objects
from xlembed.data.opening import read_rows
from xlembed.data.public.entry import Part
from xlembed.data.public.source import CARD, Source
from xlembed.data.reading import Rows
from xlembed.data.task import Document, Query
from xlembed.words import UserError, counted

FIELDS = ("review_id", "product_id", "review_title", "review_body", "language")
ROWS = Part(config=("{subset}", "all_languages", "default"))
ENDINGS = (*SUFFIXES, ".csv", ".tsv")


def read(source: Source) -> Rows:
    """Bodies are documents, titles of products with several reviews are queries; the product is the group.

    A title's own review is right too (`--relevance own` keeps only it), and named as the document it was written for.
    """
    found: dict[str, Row] = {}
    for row in _every(source):
        review = row.required_id("review_id")
        if review is not None and row.values["language"] in source.chosen:
            found.setdefault(review, row)
    if not found:
        langs = ", ".join(source.chosen)
        raise UserError(f"{source.entry.name}: no reviews in {langs} (column language) in {source.split}")
    rows = Rows(source.card(), source.problems)
    of_product: dict[str, list[str]] = defaultdict(list)
    n_empty = 0
    for review, row in found.items():
        product, text = row.required_id("product_id"), row.optional("review_body") or ""
        n_empty += not text.strip()
        if product is not None and text.strip():
            document = Document(review, text, row.values["language"], group=product)
            if rows.add_document(document, row.place, ("review_id", "review_body")):
                of_product[product].append(review)
    if n_empty:
        rows.excluded.append(f"{counted(n_empty, 'review')} without a text left out")
    for review, row in found.items():
        same, title = of_product[str(row.values["product_id"])], row.optional("review_title") or ""
        if len(same) < 2 or review not in same or not title.strip():
            continue
        query_id = f"q-{review}"
        query = Query(query_id, title, row.values["language"], query_id, doc_id=review)
        if rows.add_query(query, row.place, ("review_id", "review_title")):
            for doc_id in same:
                rows.add_judgement(query_id, doc_id, 1, row.place)
    return rows


def _every(source: Source) -> Iterator[Row]:
    """Rows of the original files below a folder, or of the repository."""
    if source.folder is not None and not (source.folder / CARD).is_file():
        yield from _originals(source, source.folder)
        return
    subsets, configs = list(source.chosen.values()), source.repository().configs
    for subset in subsets if set(subsets) <= set(configs) else [""]:
        yield from source.rows(source.entry.part("rows", ROWS), FIELDS, subset=subset)


def _originals(source: Source, folder: Path) -> Iterator[Row]:
    """Files as Amazon published them: JSON lines whatever they are called, or tables, a split in the name of each."""
    files = [f for f in sorted(folder.rglob("*")) if unpacked_name(f).suffix.lower() in ENDINGS]
    names = {"validation": ("validation", "dev")}.get(source.split, (source.split,))
    wanted = [f for f in files if any(name in f.relative_to(folder).as_posix().lower() for name in names)]
    if not wanted:
        raise UserError(
            f"--from {folder}: no file of split {source.split!r} (its name must say so) among "
            f"{', '.join(f.name for f in files[:5]) or 'no files'}; expected {', '.join(ENDINGS)}"
        )
    for file in wanted:
        objects = unpacked_name(file).suffix.lower() in SUFFIXES
        for row in read_objects(file, source.problems) if objects else read_rows(file, source.problems).rows:
            if missing := [name for name in FIELDS if name not in row.values]:
                raise UserError(
                    f"{row.place}: no field {', '.join(missing)}; the row has {', '.join(row.values)}"
                )
            yield row
