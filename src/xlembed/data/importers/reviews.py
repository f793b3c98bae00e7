"""Reviews of products, millions of them: rows are chosen while files are read, so that memory follows what is kept."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from xlembed.data.card import Card
from xlembed.data.cells import language_code
from xlembed.data.checks import Place, Problems, Row, check_language
from xlembed.data.choosing import is_chosen, where_note
from xlembed.data.headers import WORDS, Header
from xlembed.data.lines import unpacked_name
from xlembed.data.opening import read_tables
from xlembed.data.read_options import DocumentUnit, ReadOptions
from xlembed.data.reading import Rows, document_unit, language_by_name, said_languages
from xlembed.data.sampling import drawn
from xlembed.data.spoken import other_languages
from xlembed.data.tables import Table, as_text
from xlembed.data.task import Document
from xlembed.words import Lang, UserError, counted, near_miss

COLUMNS = {
    "id": "review_id reviewid id",
    "group": "product_id parent_asin asin product item_id sku group",
    "lang": WORDS["lang"],
    "title": "review_title review_headline title summary headline titel baslik titre titulo",
    "text": f"review_body body reviewtext {WORDS['text']}",
    "product": "product_title product_name",
}
"""Our field -> what it is called, the likelier first; Amazon's own sets are among them."""

NAMELESS = "they name no product"
BATCH = 10_000
"""Rows whose languages are told at once."""

LONGEST = 4_000
"""Characters of a product's reviews that are taken: no model of the catalogue reads more in its 512 tokens."""


class _Review(NamedTuple):
    place: Place
    key: str
    lang: Lang
    group: str
    title: str
    text: str


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """Documents without queries: a review each, or a product's reviews in a language, whose group is the product.

    Left out and counted: reviews that are too short, that look like another language than said, and, of a language that
    has more documents than `max_documents_per_language`, all but those whose id draws a small lot.

    Raises:
        UserError: for a wrong option, or a file without a column of texts.
    """
    unit = document_unit(options, (DocumentUnit.REVIEWS, DocumentUnit.PRODUCTS))
    rows = Rows(Card(options.name, source=", ".join(file.name for file in files), unjudged=True), problems)
    found = _Reviews(unit is DocumentUnit.PRODUCTS, options, problems)
    sample = _Sample(options.max_documents_per_language, options.seed)
    others: Counter[tuple[Lang, Lang]] = Counter()
    reviews = found.of_files(files)
    while batch := list(itertools.islice(reviews, BATCH)):
        wanted = [review for review in batch if sample.wants(review)]
        looks = other_languages([(review.lang, f"{review.title}\n{review.text}") for review in wanted])
        for review, other in zip(wanted, looks, strict=True):
            if other is None:
                sample.add(review)
            else:
                others[review.lang, other] += 1
    rows.excluded += found.told()
    for lang in sorted({said for said, _ in others}):
        listed = ", ".join(f"{other} {n:,}" for (said, other), n in others.most_common() if said == lang)
        rows.excluded.append(
            f"{lang}: reviews left out that look like another language (by lingua): {listed}"
        )
    rows.excluded += sample.told(unit)
    for document, place in sample.documents(unit):
        rows.add_document(document, place, ("id", "text"))
    return rows


class _Reviews:
    """The rows of files as reviews, with what is left out of them counted by reason."""

    def __init__(self, products: bool, options: ReadOptions, problems: Problems) -> None:
        self._products, self._options, self._problems = products, options, problems
        self._n_rows = self._n_unchosen = 0
        self._short = f"fewer than {counted(options.min_length, 'character')}"
        self._left_out: Counter[str] = Counter()

    def of_files(self, files: Sequence[Path]) -> Iterator[_Review]:
        """All of them, file by file."""
        for file, lang in zip(files, said_languages(files, self._options), strict=True):
            for table in read_tables(file, self._problems, encoding=self._options.encoding or "utf-8"):
                yield from self._of_table(file, table, lang)

    def told(self) -> list[str]:
        """What was left out, in words."""
        notes = where_note(self._n_unchosen, self._n_rows, self._options.where)
        reasons = [(why, n) for why in (self._short, NAMELESS) if (n := self._left_out[why])]
        return notes + [f"{n:,} of {self._n_rows:,} reviews left out: {why}" for why, n in reasons]

    def _of_table(self, file: Path, table: Table, default: Lang | None) -> Iterator[_Review]:
        rows = iter(table.rows)
        head = list(itertools.islice(rows, 1))
        columns = table.header or tuple(head[0].values if head else ())
        fields = self._understand(Header(table.name, columns, lettered=table.is_text), table)
        if "lang" not in fields and head:
            default = default or language_by_name(file, self._problems, self._options.varieties)
        named = {ours: theirs for ours, theirs in fields.items() if ours != "product"}
        labels = {**named, "_id": named.get("id", "id")} if table.is_text else None
        stem = unpacked_name(file).stem
        for row in itertools.chain(head, rows):
            self._n_rows += 1
            if self._n_rows % BATCH == 0 and self._options.watch:
                self._options.watch("rows", self._n_rows, 0)
            if not is_chosen(row.values, self._options.where):
                self._n_unchosen += 1
                continue
            place = Place(row.place.file, row.place.line, columns=labels, in_table=table.is_text)
            if review := self._review(row._replace(place=place), fields, default, stem):
                yield review

    def _review(self, row: Row, fields: Mapping[str, str], default: Lang | None, stem: str) -> _Review | None:
        cells = {ours: as_text(row.values.get(theirs)).strip() for ours, theirs in fields.items()}
        text, group, word = (cells.get(name, "") for name in ("text", "group", "lang"))
        if len(text) < self._options.min_length:
            self._left_out[self._short] += 1
            return None
        if word:
            word = language_code(row, "lang", word, varieties=self._options.varieties)
        if not (lang := word or default or ""):
            fix = "fill the cell, or name the language of such rows with --lang"
            row.error("lang", "missing language", "the row has no language", fix)
        if not lang or not check_language(self._problems, row.place, lang, None):
            return None
        if not self._products:
            key = cells.get("id") or f"{stem}-{row.place.line}"
            return _Review(row.place, key, lang, group, cells.get("title", ""), text)
        if not group:
            self._left_out[NAMELESS] += 1
            return None
        return _Review(row.place, f"{lang}-{group}", lang, group, cells.get("product", ""), text)

    def _understand(self, header: Header, table: Table) -> dict[str, str]:
        """Our field -> the file's column."""
        listed = ", ".join(filter(None, header.columns)) or "nothing"
        fields: dict[str, str] = {}
        for field, words in COLUMNS.items():
            said = self._options.columns.get(field)
            if said is not None and said not in header.columns:
                guess = near_miss(said, header.columns)
                raise UserError(
                    f"--columns {field}={said}: no column {said!r}.{guess} {table.name} has {listed}"
                )
            if column := said or header.find(words, but=fields.values()):
                fields[field] = column
        for column in self._options.where:
            if header.columns and column not in header.columns:
                raise UserError(f"--where: no row has {column!r}.{near_miss(column, header.columns)}")
        needed = ("text", "group") if self._products else ("text",)
        if header.columns and (missing := [field for field in needed if field not in fields]):
            what = "text" if missing == ["text"] else "product"
            raise UserError(
                f"{table.name}: no column holds the {what} of a review; it has {listed}. Say which: --columns "
                f"{missing[0]}=..."
            )
        unread = [column for column in header.columns if column and column not in fields.values()]
        read = ", ".join(f"{ours} = {header.label([theirs])}" for ours, theirs in fields.items())
        self._problems.read_as.append(f"{table.name}: reviews: {read}")
        self._problems.read_as += [f"  not read: {', '.join(unread)}"] * bool(unread)
        return fields


class _Sample:
    """For each language the documents that draw the smallest lots, each with its reviews in their order."""

    def __init__(self, size: int | None, seed: int) -> None:
        self._size, self._seed, self._drawn = size, seed, drawn(seed)
        self._kept: dict[Lang, dict[str, list[_Review]]] = defaultdict(dict)
        self._highest: dict[Lang, list[tuple[int, str]]] = defaultdict(list)
        self._left_out: Counter[Lang] = Counter()

    def wants(self, review: _Review) -> bool:
        """Whether its document is, as far as is known, among those kept; others are counted."""
        kept = self._kept[review.lang]
        wanted = (
            self._size is None
            or review.key in kept
            or len(kept) < self._size
            or self._lot(review) < -self._highest[review.lang][0][0]
        )
        self._left_out[review.lang] += not wanted
        return wanted

    def add(self, review: _Review) -> None:
        """Takes it, and gives up the document with the largest lot if there are too many."""
        if not self.wants(review):
            return  # its place went to another of the same batch
        kept, highest = self._kept[review.lang], self._highest[review.lang]
        if self._size is not None and review.key not in kept:
            heapq.heappush(highest, (-self._lot(review), review.key))
        kept.setdefault(review.key, []).append(review)
        if self._size is not None and len(kept) > self._size:
            _, key = heapq.heappop(highest)
            self._left_out[review.lang] += len(kept.pop(key))

    def told(self, unit: DocumentUnit) -> list[str]:
        """What was left out of each language."""
        notes = []
        for lang, n in sorted((+self._left_out).items()):
            kept = len(self._kept[lang])
            of = f" of {kept + n:,}" if unit is DocumentUnit.REVIEWS else ""
            others = "" if of else f"; {counted(n, 'review')} of other products left out"
            notes.append(f"{lang}: {kept:,}{of} {unit} sampled (seed {self._seed}){others}")
        return notes

    def documents(self, unit: DocumentUnit) -> Iterator[tuple[Document, Place]]:
        """Those kept, language by language in the order of the files."""
        for lang, kept in sorted(self._kept.items()):
            for key, reviews in kept.items():
                first, group = reviews[0], reviews[0].group or None
                if unit is DocumentUnit.PRODUCTS:
                    yield Document(key, _joined(reviews), lang, first.title, group), first.place
                    continue
                for review in reviews:  # several only where an id is used twice, which is told
                    yield Document(key, review.text, lang, review.title, group), review.place

    def _lot(self, review: _Review) -> int:
        return int.from_bytes(self._drawn(review.key)[:8])


def _joined(reviews: Sequence[_Review]) -> str:
    """As many of them as fit, each once and whole; the first one always."""
    taken: dict[str, None] = {}
    for review in reviews:
        if taken and sum(map(len, taken)) + len(review.text) > LONGEST:
            break
        taken[review.text] = None
    return "\n".join(taken)
