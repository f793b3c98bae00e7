"""The report of a task: its numbers are those of scores.json, and texts of others stay texts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from fakes.document_fakes import HOSTILE, NAMES, guide, hostile, inputs, task
from xlembed.data.public.entry import public_sets
from xlembed.evaluate.figures import comparisons as comparisons_kind
from xlembed.models.catalogue import catalogue
from xlembed.report.assemble import assemble
from xlembed.report.limitations import limitations
from xlembed.report.verdicts import _not_weighed
from xlembed.reproduce.recipe import claims
from xlembed.show.content import Cell, Document, Grid, Head, Missing, Row
from xlembed.show.figures.registry import figures_of
from xlembed.show.html import to_html
from xlembed.show.latex import TEMPLATES, escape, references, table_name, to_paper, to_table
from xlembed.show.markdown import to_markdown
from xlembed.show.published import PUBLISHED_NOTE, published
from xlembed.stats.scorebook import MACROS


class Tables(HTMLParser):
    """id -> rows of cells (text), and what scripts and elements there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.scripts = 0
        self.tags: set[str] = set()
        self._rows: list[list[str]] | None = None
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.scripts += tag == "script"
        if tag == "table":
            self._rows = self.tables.setdefault(str(dict(attrs)["id"]), [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th") and self._rows:
            self._rows[-1].append("")
            self._inside = True
        elif tag == "span" and self._inside and self._rows and dict(attrs).get("class") == "label":
            self._rows[-1][-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self._rows:
            self._rows[-1][-1] += data


def stored(model: str, kind: str, pool: str, query: str | None, doc: str | None) -> dict[str, Any]:
    """The row of scores.json itself."""
    (scores,) = [s for s in inputs().scores if s["model"] == model]
    (row,) = [
        r
        for r in scores["scores"]
        if (r["kind"], r["pool"], r["query_lang"], r["doc_lang"], r["measure"])
        == (kind, pool, query, doc, "accuracy@1")
    ]
    return row


def shown(row: dict[str, Any]) -> str:
    return f"{100 * row['value']:.1f} [{100 * row['ci_low']:.1f}, {100 * row['ci_high']:.1f}]"


@pytest.fixture(scope="module")
def document() -> Document:
    return assemble(inputs())


@pytest.fixture(scope="module")
def page(document: Document) -> Tables:
    return Tables(to_html(document))


def test_the_headline_shows_what_scores_json_holds(page: Tables) -> None:
    head, *rows, foot = page.tables["table-headline"]
    assert len(head) == 5 and {r[0] for r in rows} == set(NAMES)
    for name, *cells in rows:
        for macro, cell in zip(MACROS, cells, strict=True):
            text = shown(stored(name, macro.kind, macro.pool, None, None))
            label = " | English-only model" if name == "all_mpnet_base_v2" else ""
            assert cell == text + label, (name, macro)
    assert foot[1:] == ["210 / 210 / 30", "210 / 210 / 30", "1,050 / 210 / 30", "1,050 / 210 / 30"]


def test_languages_pairs_and_matrices_show_what_scores_json_holds(page: Tables) -> None:
    _, *rows = page.tables["table-languages"]
    assert len(rows) == 6 * len(NAMES)
    for lang, model, mono, cross, counts in rows:
        labelled = " | English-only model" if model == "all_mpnet_base_v2" and lang != "en" else ""
        assert mono == shown(stored(model, "monolingual", "target", lang, lang)) + labelled
        assert cross == shown(stored(model, "cross_lingual", "all", lang, lang)) + labelled
        assert counts == "35 / 30"
    _, *pairs = page.tables["table-pairs"]
    assert len(pairs) == 30 * len(NAMES)
    for b, a, model, pool_all, _, _ in pairs:
        assert pool_all.split(" | ")[0] == shown(stored(model, "true_cross_lingual", "all", b, a))
    head, *matrix = page.tables["table-matrix-bge_m3-target"]
    for b, *cells in matrix:
        for a, cell in zip(head[1:], cells, strict=True):
            kind = "monolingual" if a == b else "true_cross_lingual"
            assert cell == f"{100 * stored('bge_m3', kind, 'target', b, a)['value']:.1f}"


def test_markdown_and_latex_show_the_same_numbers(document: Document) -> None:
    text = to_markdown(document)
    grids = document.grids()
    tables = {g.key: to_table(g, table_name(g, grids)) for g in grids}
    for model in NAMES:
        number = shown(stored(model, "true_cross_lingual", "all", None, None))
        assert number.replace("[", "\\[").replace("]", "\\]") in text
        assert number.replace("[", "{[}").replace("]", "{]}") in tables["headline"]
    assert text.count("(English-only model)") > 30
    assert r"\textsuperscript{\dag}" in tables["headline"] and "English-only model" in tables["headline"]


def test_verdicts_say_how_sure_they_are() -> None:
    clear, refused = assemble(inputs()).verdicts
    assert (clear.model, clear.sure) == (
        NAMES[0],
        "clear",
    ) and clear.among.endswith("not weighed: all_mpnet_base_v2 (English-only model)")
    assert clear.evidence == "accuracy@1: 70.0 % in one language, all languages searched"
    assert (refused.model, refused.sure) == ("", "none") and "no model is left" in refused.text
    for made, sure in (
        (guide(NAMES[:2], with_best=True), "open"),
        (guide(NAMES[:2], with_best=None), "open"),
        (guide(NAMES[:2], first=None), "few"),
        (guide(NAMES[:1]), "only"),
        (
            guide(NAMES[:2], standing={NAMES[0]: {"beats_chance": False, "shortfall": "it is random"}}),
            "chance",
        ),
    ):
        (found,) = assemble(inputs(guides={"chatbot": made})).verdicts
        assert found.sure == sure
    assert found.text.endswith("But nothing is recommended: it is random.") and "Take" not in found.text
    assert found.model == ""


def test_a_long_table_fits_the_line() -> None:
    """It cannot be scaled: columns of names share what the numbers leave."""
    row = Row((Cell("a" * 60), Cell("-12.3", interval="[-15.4, +19.8]"), Cell("<0.001"), Cell("b" * 30)))
    heads = (Head("A - B", numeric=False), Head("difference"), Head("p"), Head("verdict", numeric=False))
    tex = to_table(Grid("t", "T", heads, (row,) * 40), "t")
    widths = [float(width) for width in re.findall(r"p\{([0-9.]+)\\linewidth\}", tex)]
    numbers = 0.0095 * (20 + 7) + 4 * 0.026
    assert len(widths) == 2 and widths[0] == widths[1]
    assert sum(widths) + numbers == pytest.approx(1, abs=0.011)
    assert r"p{0.24\linewidth}" in to_table(Grid("t", "T", heads, (row,)), "t")


def test_many_models_left_out_are_counted_by_reason() -> None:
    few = {"a": ["English-only model (de)"], "b": ["900 ms per query, the limit is 50"]}
    assert _not_weighed(few) == "a (English-only model), b (900 ms per query, the limit is 50)"
    many = {f"m{i}": ["English-only model (de)"] for i in range(3)} | {"s": ["language not supported (ja)"]}
    assert _not_weighed(many) == "3 models (English-only model), 1 model (language not supported)"


def test_published_figures_stand_apart_with_their_labels(document: Document) -> None:
    (grid,) = [g for g in document.grids() if g.key == "published"]
    assert grid.marked and PUBLISHED_NOTE in grid.notes and "not comparable" in PUBLISHED_NOTE
    assert "10 0.30/0.78" not in str(document.headline)
    english = [e for e in published() if "mpnet" in e["model"].lower() or "e5-large-v2" in e["model"]]
    assert len(english) == 3 and all(e["label"].startswith("English-only model") for e in english)
    said = to_table(grid, "published")
    assert said.count("English-only model") == 3


def test_what_is_missing_names_the_command(document: Document) -> None:
    missing = [b for part in document.parts for b in part.blocks if isinstance(b, Missing)]
    assert [m.command.split()[1] for m in missing] == ["explore", "paradox", "analyse"]
    assert missing[-1].command.split()[4:] == ["-m", "bge_m3"]  # the others' names open no model
    assert all("-t reviews_sample" in m.command for m in missing)
    alone = assemble(inputs(scores=inputs().scores[:1], comparison=None))
    assert isinstance(alone.part("tests").blocks[0], Missing)
    assert "paired tests, which need two models" in to_html(alone)


def test_without_scores_across_languages_nothing_is_said_or_drawn_of_them() -> None:
    whole = inputs().scores
    within = [s | {"scores": [r for r in s["scores"] if r["kind"] != "true_cross_lingual"]} for s in whole]
    document = assemble(inputs(scores=within))
    text = to_markdown(document)
    assert "Nothing was measured across languages" in text and "xlembed paradox" not in text
    assert "Each point is a model" not in text and "Each point is a model" in to_markdown(assemble(inputs()))
    assert not figures_of(comparisons_kind)["tradeoff"].applies(within, [])
    assert figures_of(comparisons_kind)["tradeoff"].applies(whole, [])


def test_limitations_follow_from_the_task() -> None:
    comparable = " ".join(assemble(inputs()).limitations)
    parallel = " ".join(assemble(inputs(task=task(alignment="parallel", documents=60_000))).limitations)
    assert (
        "A comparable task" in comparable and "Small pools: 100 documents per language and 600" in comparable
    )
    assert "A parallel task" in parallel and "Small pools" not in parallel
    wrong = [{**book, "evaluate": {"other_versions": "wrong"}} for book in inputs().scores]
    said = " ".join(assemble(inputs(task=task(alignment="parallel"), scores=wrong)).limitations)
    assert "taken out before scoring" in parallel and "taken out before scoring" not in said
    assert "count as wrong (other_versions: wrong)" in said
    assert "all_mpnet_base_v2: English-only model (de, es, fr, ja, zh)" in comparable


def test_few_clusters_promise_nothing_and_one_is_one() -> None:
    def said(n: int) -> str:
        scores = inputs().scores[0]
        rows = [{**row, "n_clusters": n} for row in scores["scores"]]
        return limitations(inputs(scores=[{**scores, "scores": rows}]))[0]

    assert said(1).startswith("Only 1 cluster of questions:")
    assert said(19).startswith("19 clusters of questions at most: below 20 nothing is promised of intervals")
    assert said(20) == "Everything rests on 20 clusters of questions, which intervals and tests resample."


def test_a_model_that_was_not_tested_is_not_taken_for_one_told_apart() -> None:
    places = [{"model": name, "place": 1, "behind": 0.0, "with_best": True} for name in NAMES]
    order = [{"kind": "monolingual", "pool": "target", "measure": "accuracy@1", "models": places}]
    comparison = {**(inputs().comparison or {}), "order": order, "left_out": ["a+center", "b"]}
    rest = assemble(inputs(comparison=comparison)).headline.notes
    (note,) = [n for n in rest if n.startswith("Not told apart from the best")]
    assert note.endswith(". Not tested: a+center, b.")


def test_models_are_grouped_by_objective_and_size(document: Document) -> None:
    (grid,) = [g for g in document.grids() if g.key == "groups"]
    kinds = {row.cells[3].text: (row.cells[0].text, row.cells[1].text) for row in grid.rows}
    assert kinds["bge_m3"] == ("contrastive", "300 M to 1 B") and kinds["e5_large_instruct"][0] == "not known"


def test_files_of_other_commands_may_hold_anything() -> None:
    """They are written elsewhere: nothing in them may break the report."""
    odd = {
        "verdict": {"text": "Undecided."},
        "models": [{"model": "m"}],
        "correlations": [{"against": "x", "rho": None}],
        "conditions": [{"model": "m", "loss_weak": {"value": 0.1, "status": "violated"}}],
        "loss_changes": [{"variant": "m+lir3", "base": "m", "kind": "loss_weak", "difference": -0.05}],
    }
    analysis = {
        "separation": [
            {"measure": "silhouette", "lang": None, "value": 0.25, "ci_low": 0.2, "ci_high": 0.3},
            7,
        ],
        "morphology": [{"lang": "tr", "superiority": {"value": 0.9}}],
        "tokenisation": None,
        "notes": ["Topic confounded."],
    }
    found = assemble(inputs(paradox=odd, analyses={"bge_m3": analysis}))
    page = Tables(to_html(found))
    assert page.tables["table-separation"][1] == ["bge_m3", "0.250 [0.200, 0.300]"]
    assert page.tables["table-morphology"][1][:3] == ["tr", "bge_m3", "0.90 (no CI)"]
    assert page.tables["table-paradox-variants"][1][:3] == ["m+lir3 − m", "loss_weak", "−5.0 (no CI)"]
    conditions = {row[1]: row[2:] for row in page.tables["table-paradox-conditions"][1:]}
    assert conditions["loss_weak"] == ["+10.0 (no CI)", "below n/a", "violated"]
    assert "Undecided." in found.lead and "Topic confounded." in to_markdown(found)
    assemble(inputs(paradox={}, analyses={"bge_m3": {}}))


def test_texts_of_others_stay_texts() -> None:
    document = assemble(hostile())
    html = to_html(document)
    page, plain = Tables(html), Tables(to_html(assemble(inputs())))
    assert page.scripts == plain.scripts == 1 and page.tags <= plain.tags
    assert HOSTILE in [row[0] for row in page.tables["table-headline"]]
    assert "script-src 'sha256-" in html and "default-src 'none'" in html
    assert "http://" not in html and "https://" not in html and 'src="data:' not in html
    text = to_markdown(document)
    assert "<script" not in re.sub(r"(?<!\\)`[^`\n]*`", "", text) and "&lt;script&gt;" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "script" in line]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) in (5, 6, 7, 8) for row in rows)


def balanced(tex: str) -> bool:
    bare = re.sub(r"\\[\\{}%&$#_]", "", re.sub(r"(?m)(?<!\\)%.*$", "", tex))
    opened = re.findall(r"\\begin\{(\w+\*?)\}", bare)
    return bare.count("{") == bare.count("}") and sorted(opened) == sorted(
        re.findall(r"\\end\{(\w+\*?)\}", bare)
    )


@pytest.mark.parametrize("made", [inputs, hostile])
def test_latex_is_well_formed_whatever_the_names(made: Any) -> None:
    document = assemble(made())
    grids = document.grids()
    names = [table_name(g, grids) for g in grids]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[A-Za-z0-9-]+", n) for n in names)
    for grid, name in zip(grids, names, strict=True):
        tex = to_table(grid, name)
        assert balanced(tex), tex
        assert r"\input{x}" not in tex and "script>" not in tex
        body = tex.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
        rows = [r for r in body.split("\n") if r.endswith(r"\\")]
        assert len(rows) == len(grid.rows) + len(grid.foot)
        assert {len(re.findall(r"(?<!\\)&", r)) for r in rows} == {len(grid.heads) - 1}
    paper = to_paper(document, {"tradeoff"})
    assert balanced(paper) and r"\input{x}" not in paper
    assert set(re.findall(r"\\input\{\\tables/([^}]+)\}", paper)) <= set(names)


def test_latex_escapes_what_latex_reads() -> None:
    assert escape(r"a_b%c&d#e\f$g{h}~^") == (
        r"a\_\allowbreak{}b\%c\&d\#e\textbackslash{}f\$g\{h\}\textasciitilde{}\textasciicircum{}"
    )
    assert escape("çğş 中") == r"çğş \unichar{4E2D}" and escape(escape("_")) == escape("_")


def _entries(bibliography: str) -> dict[str, str]:
    entries = re.split(r"(?m)^@", bibliography)[1:]
    return {re.match(r"\w+\{([^,]+),", e)[1]: e for e in entries}  # type: ignore[index]


def test_every_card_and_public_set_names_what_to_cite() -> None:
    known = _entries((TEMPLATES / "references.bib").read_text(encoding="utf-8"))
    named = {card.name: card.citation for card in catalogue().values()}
    named |= {entry.name: entry.citation for entry in public_sets().values()}
    named |= {claim.name: claim.citation for claim in claims().values() if claim.citation}
    assert {n: c for n, c in named.items() if c not in known and not c.startswith("https://")} == {}
    papers = (
        "zhang-etal-2023-miracl",
        "zhang-etal-2021-mrtydi",
        "muennighoff-etal-2023-mteb",
        "conneau-etal-2020-xlmr",
    )
    papers += ("chen-etal-2024-m3", "wang-etal-2024-me5", "reimers-gurevych-2020", "feng-etal-2022-labse")
    papers += ("pires-etal-2019", "sturua-etal-2024-jina-v3", "roy-etal-2020-lareqa")
    assert set(papers) <= set(known)


def test_every_citation_has_a_reference() -> None:
    """What a paper cites stands in its own list, and nothing else; the task and a model add theirs."""
    every = (TEMPLATES / "references.bib").read_text(encoding="utf-8")
    found = assemble(inputs())
    plain = to_paper(found)
    model = found.models[0]
    more = to_paper(replace(found, citations={found.task: "https://x.org/a", model: "chen-etal-2024-m3"}))
    assert r"\citep{chen-etal-2024-m3}" in more and r"The data are those of \url{https://x.org/a}." in more
    assert "chen-etal-2024-m3" in references(more) and "chen-etal-2024-m3" not in references(plain)
    for paper in (plain, more):
        cited = {k for keys in re.findall(r"\\cite[tp]\{([^}]+)\}", paper) for k in keys.split(",")}
        assert balanced(paper) and cited == set(_entries(references(paper)))
    for entry in _entries(every).values():
        assert all(f"{field} = {{" in entry for field in ("title", "author", "year")) and balanced(entry)


def test_the_same_inputs_give_the_same_bytes(document: Document) -> None:
    again = assemble(inputs())
    assert to_html(again) == to_html(document) and to_markdown(again) == to_markdown(document)
    assert to_paper(again) == to_paper(document)


def test_every_number_in_a_table_can_be_sorted_and_explained(document: Document) -> None:
    for grid in document.grids():
        assert isinstance(grid, Grid) and all(
            len(r.cells) == len(grid.heads) for r in (*grid.rows, *grid.foot)
        )
    for row in document.headline.rows:
        assert all(cell.sort is not None for cell in row.cells[1:])
        assert (
            "35" not in row.cells[1].details[0]
            and "210 units, 210 needs, 30 clusters" in row.cells[1].details[0]
        )
        assert "Wilson" in row.cells[1].details[1]


def test_differences_in_languages_that_no_card_has_stand_on_the_page_marked_as_exploratory() -> None:
    given = inputs()
    assert given.comparison is not None
    rows = given.comparison["primary"][:4]
    page = to_html(assemble(replace(given, comparison={**given.comparison, "labelled": rows})))
    shown_rows = Tables(page).tables["table-comparison-labelled"]
    pairs = {f"{r['a']} − {r['b']}" for r in rows}
    assert pairs <= {cells[0] for cells in shown_rows}
    assert "differences in languages that are not on both cards (exploratory)" in page
    assert "comparison-labelled" not in to_html(assemble(given))
