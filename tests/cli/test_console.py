from __future__ import annotations

import io

import pytest
from rich.console import Console

from xlembed.cli.console import FILE_WIDTH, open_console, print_line, print_table
from xlembed.show.content import Cell, Grid, heads, row

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


def test_a_terminal_that_is_far_too_narrow_folds_names() -> None:
    lines = printed(36, scores(False))
    assert not any(LONG in line for line in lines) and max(map(len, lines)) <= 36


def test_messages_are_never_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = f"written to {'folder/' * 20}[red]x :smile:"
    print_line(open_console(), text)
    assert capsys.readouterr().out == text + "\n"


def test_width_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert open_console().width == FILE_WIDTH
    monkeypatch.setenv("COLUMNS", "90")
    assert open_console().width == 90
