from __future__ import annotations

import io

import pytest
from rich.console import Console

from xlembed.cli.console import FILE_WIDTH, open_console, print_line, print_table
from xlembed.show.content import Cell, Grid, heads, row
from xlembed.show.folding import fold, longest_part, text_width

LONG = "static_multilingual+dim64"
LABEL = "English-only model (de, fr)"


def scores(labels: bool) -> Grid:
    """A name, four numbers with intervals, perhaps a label."""
    rows = tuple(
        row(model, *[Cell("4.0", "[3.9, 5.1]")] * 4, *([label] if labels else []))
        for model, label in ((LONG, ""), ("all_minilm_l6_v2", LABEL))
    )
    columns = heads("model", "a", "b", "c", "d", *(["label"] if labels else []), words=("label",))
    return Grid("scores", "scores", columns, rows, notes=("In %.",))


def printed(width: int, table: Grid) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    print_table(console, table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("width", [80, 120])
def test_names_stay_whole(width: int, labels: bool) -> None:
    lines = printed(width, scores(labels))
    assert any(line.startswith(LONG) for line in lines)
    assert max(map(len, lines)) <= width
    assert all(line.count("[3.9, 5.1]") in (0, 4) for line in lines)


def test_labels_go_below_where_they_do_not_fit_beside() -> None:
    narrow, wide = printed(80, scores(True)), printed(120, scores(True))
    assert not any("label" in line for line in narrow) and any("label" in line for line in wide)
    assert any(line.startswith("all_minilm_l6_v2* ") for line in narrow)
    assert f"* all_minilm_l6_v2: {LABEL}" in [line.strip() for line in narrow]
    assert any(line.strip() == "In %." for line in narrow)
    assert not any(line.startswith(f"{LONG}*") for line in narrow)


def test_names_stand_above_where_the_numbers_alone_fit() -> None:
    wide = Grid("w", "w", heads("model", *"abcd"), (row(LONG * 2, *[Cell("4.0", "[3.9, 5.1]")] * 4),))
    lines = printed(60, wide)
    at = lines.index(LONG * 2)
    assert lines[at + 1].split() == ["4.0"] * 4 and lines[at + 2].count("[3.9, 5.1]") == 4


def test_what_does_not_fit_is_a_block_per_row() -> None:
    lines = printed(34, scores(True))
    at = lines.index("all_minilm_l6_v2")
    assert lines[0] == "scores" and max(map(len, lines)) <= 34
    assert lines[at - 1 : at + 2] == ["  d 4.0 [3.9, 5.1]", "all_minilm_l6_v2", "  a 4.0 [3.9, 5.1]"]
    assert "  label: English-only model (de," in lines
    assert "  a 4.0 [3.9, 5.1]  b 4.0 [3.9, 5.1]" in printed(36, scores(True))


def test_a_row_is_told_from_others_by_as_many_words_as_it_takes() -> None:
    of = [row("queries", lang, *[Cell("26.5", "[25.6, 27.3]")] * 3) for lang in ("de", "en")]
    lines = printed(
        30, Grid("t", "t", heads("texts", "language", "a", "b", "c", words=("language",)), tuple(of))
    )
    assert [line for line in lines if line.startswith("queries")] == ["queries, de", "queries, en"]


def test_words_are_never_broken_and_chinese_is_between_characters() -> None:
    assert fold("one-two three", 8) == ["one-two", "three"]
    assert fold("12.3 [10.0, 14.9] 10.0 % of", 13) == ["12.3", "[10.0, 14.9]", "10.0 % of"]
    assert fold("味は満点、手入れが20枚", 10) == ["味は満点、", "手入れが", "20枚"]
    assert fold("label  " + "word " * 3, 14) == ["label  word", "       word", "       word"]
    assert all(text_width(line) <= 10 for line in fold("水" * 21, 10)) and longest_part("水" * 21) == 2


def test_messages_are_broken_between_words_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    path = "folder/" * 20
    print_line(open_console(), f"written to {path}[red]x :smile: and that is all there is")
    assert capsys.readouterr().out.splitlines() == [
        "written to",
        f"{path}[red]x",
        ":smile: and that is all there is",
    ]


def test_width_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert open_console().width == FILE_WIDTH
    monkeypatch.setenv("COLUMNS", "90")
    assert open_console().width == 90
    monkeypatch.setenv("COLUMNS", "0")  # not known, as in a container; nothing would be printed
    assert open_console().width == FILE_WIDTH
