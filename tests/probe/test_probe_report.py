"""The report of probes: its numbers are those of report.json, in every format; texts of others stay texts."""

from __future__ import annotations

import copy
import io
import re
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.document import Document as WordDocument
from docx.oxml.ns import qn

from probe.probe_fakes import DIMENSIONS, HOSTILE, MODELS, Fake, fake, labels, tiny
from report.test_document import Tables
from xlembed.probe.document import probe_document, write_probe_report
from xlembed.probe.figures_data import ProbeBook, read_probes
from xlembed.probe.probe_advice import Advice, advise
from xlembed.show.docx import column_blocks, column_widths, to_docx
from xlembed.show.html import to_html
from xlembed.show.markdown import to_markdown

FILES = ["figures", "report.docx", "report.html", "report.md"]


def read(found: Fake, timings: bool = True) -> ProbeBook:
    return read_probes(found.report, found.predictions, found.timings if timings else None)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("probe")
    (folder / "timings.json").write_text("{}")
    (folder / "figures").mkdir()
    (folder / "figures" / "old.png").write_bytes(b"")
    found = fake()
    write_probe_report(found.report, found.predictions, found.timings, folder)
    return folder


@pytest.fixture(scope="module")
def word(written: Path) -> WordDocument:
    return docx.Document(str(written / "report.docx"))


def stored(name: str, measure: str = "MAE", dimension: str | None = None, lang: str | None = None) -> str:
    """As report.json has it, rounded by hand."""
    (row,) = [
        r
        for r in fake().report["scores"]
        if (r["system"], r["measure"], r["dimension"], r["lang"]) == (name, measure, dimension, lang)
    ]
    values = [row["value"], row["ci_low"], row["ci_high"]]
    value, low, high = (f"{x:.3f}".replace("-", "−") for x in values)
    return f"{value} [{low}, {high}]"


def names() -> list[str]:
    return [s["name"] for s in fake().report["systems"]]


def test_the_folder_has_all_files_and_keeps_others(written: Path) -> None:
    assert sorted(p.name for p in written.iterdir()) == [*FILES, "timings.json"]
    pictures = sorted(p.name for p in (written / "figures").iterdir())
    assert "overall.png" in pictures and "old.png" not in pictures
    assert len(pictures) == 7


def test_html_shows_the_numbers_of_the_report(written: Path) -> None:
    page = Tables((written / "report.html").read_text(encoding="utf-8"))
    head, *rows = page.tables["table-systems"]
    assert [h.split(" ")[0] for h in head[2:5]] == ["MAE", "RMSE", "Spearman"]
    found = {row[0].split(" | ")[0]: row for row in rows}
    assert set(found) == set(names())
    for name in names():
        assert found[name][2:5] == [stored(name, m) for m in ("MAE", "RMSE", "Spearman")]
    assert found["e5_small:ridge"][5:] == ["2,310", "9.2 kB", "12.3", "0.400"]
    assert found["all_minilm_l6_v2:ridge"][0].endswith("| English-only model (de, tr, ja)")
    for name, *cells in page.tables["table-dimensions"][1:]:
        assert cells == [stored(name.split(" | ")[0], dimension=d) for d in DIMENSIONS]
    for name, *cells in page.tables["table-by-language"][1:-1]:
        for lang, cell in zip(("en", "de", "tr", "ja"), cells, strict=True):
            value, _, label = cell.partition(" | ")
            assert value == stored(name, lang=lang)
            assert (label == "English-only model") == (name.startswith("all_minilm") and lang != "en")


def test_html_needs_nothing_else(written: Path) -> None:
    html = (written / "report.html").read_text(encoding="utf-8")
    assert "http://" not in html and "https://" not in html
    assert html.count('src="data:image/png;base64,') == 7 and "<title>Probes on frozen embeddings" in html


def test_markdown_shows_the_same(written: Path) -> None:
    text = (written / "report.md").read_text(encoding="utf-8").replace("\\[", "[").replace("\\]", "]")
    for name in names():
        assert stored(name) in text and stored(name, "Spearman", "humour") in text
    for target in re.findall(r"\]\((figures/[^)]+)\)", text):
        assert (written / target).is_file()
    assert text.startswith("# Probes on frozen embeddings: mood_sample\n")


def test_word_shows_the_same_numbers(word: WordDocument) -> None:
    (table,) = [t for t in word.tables if "trained" in "".join(c.text for c in t.rows[0].cells)][:1]
    rows = {plain(r.cells[0].text).split("\n")[0]: [plain(c.text) for c in r.cells] for r in table.rows}
    for name in names():
        assert [c.replace("\n", " ") for c in rows[name][2:5]] == [
            stored(name, m) for m in ("MAE", "RMSE", "Spearman")
        ]
    every = plain("\n".join(c.text for t in word.tables for r in t.rows for c in r.cells)).replace("\n", " ")
    assert all(stored(n, dimension=d) in every for n in names() for d in DIMENSIONS)


def plain(text: str) -> str:
    """Without marks at which a line may, or may not, be broken."""
    return text.replace("\u200b", "").replace("\xa0", " ")


def test_word_has_headings_captions_and_pages(word: WordDocument) -> None:
    styles = [p.style.name for p in word.paragraphs if p.style is not None]
    headings = [p.text for p in word.paragraphs if p.style is not None and p.style.name == "Heading 1"]
    assert styles[0] == "Title" and headings[0] == "How far off each system is"
    assert "What is not known" in headings and "Published elsewhere" in headings
    captions = [p.text for p in word.paragraphs if p.style is not None and p.style.name == "Caption"]
    figures = [c for c in captions if c.startswith("Figure")]
    assert [c.split(":")[0] for c in figures] == [f"Figure {i}" for i in range(1, 8)]
    tables = [c.split(":")[0] for c in captions if c.startswith("Table")]
    assert tables == [f"Table {i}" for i in range(1, len(tables) + 1)] and len(tables) == len(word.tables) - 1
    (section,) = word.sections
    assert (round(section.page_width.cm, 1), round(section.page_height.cm, 1)) == (21.0, 29.7)
    assert " PAGE " in section.footer._element.xml and "mood_sample" in section.header.paragraphs[0].text
    assert word.core_properties.title == "Probes on frozen embeddings: mood_sample"


def test_heads_of_word_tables_come_again_and_tables_fit_the_page(word: WordDocument) -> None:
    for table in word.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
        assert all(row._tr.trPr.find(qn("w:cantSplit")) is not None for row in table.rows)
        assert sum(column.width.cm for column in table.columns) <= 17.01
        assert table.style is not None and table.style.name in ("xlembed table", "xlembed table marked")


def test_word_pictures_can_be_read_aloud_and_fit(word: WordDocument) -> None:
    assert len(word.inline_shapes) == 7
    for shape in word.inline_shapes:
        assert shape._inline.docPr.get("descr", "").endswith(".") and shape.width.cm <= 17.0
    ids = [shape._inline.docPr.get("id") for shape in word.inline_shapes]
    assert len(set(ids)) == 7


def test_the_same_results_give_the_same_bytes() -> None:
    document = probe_document(read(tiny()), {})
    assert to_docx(document) == to_docx(document)


def test_wide_tables_are_cut_into_blocks_that_fit() -> None:
    wide = fake(n_texts=30, dimensions=tuple(f"a_dimension_{i:02d}" for i in range(16)), models=MODELS[:1])
    grid = probe_document(read(wide), {}).part("dimensions").blocks[0]
    blocks = column_blocks(grid)
    assert len(blocks) > 1 and all(block[0] == 0 for block in blocks)
    assert [c for block in blocks for c in block[1:]] == list(range(1, 17))
    assert all(sum(column_widths(grid, block)) <= 17.01 for block in blocks)


def test_labels_are_shown_in_percent() -> None:
    found = labels()
    document = probe_document(read(found), {})
    page = Tables(to_html(document))
    (row,) = [
        r
        for r in found.report["scores"]
        if (r["system"], r["measure"], r["dimension"], r["lang"]) == ("e5_small:mlp", "F1", None, None)
    ]
    value = f"{100 * row['value']:.1f} [{100 * row['ci_low']:.1f}, {100 * row['ci_high']:.1f}]"
    assert value in [r[2] for r in page.tables["table-systems"] if r[0] == "e5_small:mlp"]
    (verdict,) = [r for r in page.tables["table-verdicts"] if r[0] == "e5_small:mlp"]
    assert verdict[-1].startswith("+"), "above 0 is better"
    assert page.tables["table-systems"][0][2].startswith("F1 (%)")
    assert page.tables["table-criteria"][1][2] == "0 or 1"
    assert "threshold" in to_markdown(document)


def test_without_times_nothing_is_said_of_them() -> None:
    found = fake()
    book = read(found, timings=False)
    assert advise(book).cost == ""
    page = Tables(to_html(probe_document(book, {})))
    assert all(row[7:] == ["n/a", "n/a"] for row in page.tables["table-systems"][1:])
    assert "Not timed: e5_small:ridge, " in to_markdown(probe_document(book, {}))


def test_without_intervals_nothing_is_sure() -> None:
    book = read(tiny())
    advice = advise(book)
    assert advice.sureness == "small" and "every number is descriptive" in advice.lead
    assert "(no CI)" in to_markdown(probe_document(book, {}))
    assert docx.Document(io.BytesIO(to_docx(probe_document(book, {})))).tables


def test_truncation_is_a_table_or_a_command() -> None:
    study = fake(n_texts=90, study=True, dimensions=DIMENSIONS[:1], models=MODELS[:1])
    page = Tables(to_html(probe_document(read(study), {})))
    rows = page.tables["table-truncation"][1:]
    assert [r[1:3] for r in rows[:3]] == [["128", "62.0"], ["256", "31.0"], ["512", "4.0"]]
    test = read(study).test("e5_small+max128:lightgbm", "e5_small:lightgbm")
    assert test is not None and rows[0][4].startswith(f"{test.difference:+.3f}".replace("-", "−"))
    text = to_markdown(probe_document(read(fake()), {}))
    assert "`xlembed probe -t mood_sample --max-tokens 128,256,512,8192`" in text


def test_published_figures_stand_apart() -> None:
    (grid,) = [b for b in probe_document(read(fake()), {}).part("published").blocks if not isinstance(b, str)]
    assert grid.marked and len(grid.rows) == 4  # type: ignore[union-attr]
    assert "0.68" in str(grid) and "98.3" in str(grid) and "MedTurkQuAD" not in str(grid)


def hostile() -> ProbeBook:
    found = fake(n_texts=30, dimensions=("joy",), models=("static_multilingual",))
    report = copy.deepcopy(found.report)
    report |= {"task": HOSTILE, "description": HOSTILE, "source": HOSTILE, "notes": [HOSTILE]}
    report["dimensions"][0]["description"] = HOSTILE
    report["leakage"]["examples"][0]["train_id"] = HOSTILE
    return read_probes(report, found.predictions, found.timings)


def test_texts_of_others_stay_texts() -> None:
    document = probe_document(hostile(), {})
    html = to_html(document)
    page, usual = Tables(html), Tables(to_html(probe_document(read(fake()), {})))
    assert page.scripts == usual.scripts == 1 and page.tags <= usual.tags
    text = to_markdown(document)
    assert "<script" not in re.sub(r"(?<!\\)`[^`\n]*`", "", text) and "&lt;script&gt;" in text
    word = docx.Document(io.BytesIO(to_docx(document)))
    assert '<script>document.title="run"</script>' in word.paragraphs[0].text
    assert "\x07" not in word.paragraphs[0].text


def outcome(name: str, **changes: Any) -> Advice:
    """The advice where the best probe has another verdict."""
    found = fake()
    report = copy.deepcopy(found.report)
    for verdict in report["verdicts"]:
        if verdict["system"] == "e5_small:ridge":
            verdict |= {"outcome": name} | changes
    return advise(read_probes(report, found.predictions, found.timings))


def test_advice_follows_the_verdict() -> None:
    closes = outcome("closes the gap")
    assert closes.take == "e5_small:ridge" and "replaces the fine-tuned minilm_lora here" in closes.replaces
    partial = outcome("partial")
    assert partial.choice.startswith("Take e5_small:ridge where time and size count, minilm_lora where")
    nothing = outcome("no improvement")
    assert nothing.take == "minilm_lora" and "does not replace" in nothing.replaces
    fails = outcome("fails", fraction=None)
    assert fails.take == "minilm_lora" and "not shown to beat the floor" in fails.replaces
    undecided = outcome("undecided")
    assert undecided.take == "e5_small:ridge" and "cannot be said" in undecided.replaces
    assert "e5_small:ridge takes 12.3 ms per text and was trained in 0.4 s" in closes.cost
    assert "minilm_lora takes 31.4 ms per text (2.6 times as slow) and was trained in 31 min" in closes.cost


def test_without_a_rival_replacing_is_not_known() -> None:
    found = fake(rival=False, models=MODELS[:1])
    book = read(found)
    advice = advise(book)
    assert advice.take == "e5_small:ridge" and advice.outcome == "not comparable"
    assert "not known: none was trained" in advice.replaces
    text = to_markdown(probe_document(book, {}))
    assert "a fine-tuned rival on the same split" in text and "not measured" in text


def test_a_labelled_probe_is_never_taken() -> None:
    """Even where it has the best number of all."""
    found = fake()
    report = copy.deepcopy(found.report)
    for row in report["scores"]:
        if row["system"] == "all_minilm_l6_v2:ridge":
            row["value"] = 0.1
    advice = advise(read_probes(report, found.predictions, found.timings))
    assert advice.take == "e5_small:ridge" and "all_minilm" not in advice.lead


def test_advice_tells_what_is_level_and_what_is_worse() -> None:
    """By the adjusted p of the report, counted here anew."""
    found = fake()
    taken = "e5_small:ridge"
    level = [
        ({t["a"], t["b"]} - {taken}).pop()
        for t in found.report["comparisons"]
        if taken in (t["a"], t["b"]) and t["p_holm"] >= 0.05
    ]
    said = advise(read(found)).sure
    assert sorted(level) == ["e5_small:mlp", "minilm_lora"]
    assert "cannot be told from minilm_lora and e5_small:mlp" in said and "4 of the 6 others" in said
