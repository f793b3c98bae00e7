"""Looks are constant, files are the same bytes again, global settings are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from fakes.report_fakes import MODELS, TWELVE, comparisons, scores, several
from xlembed.evaluate.figures import comparisons as comparisons_kind
from xlembed.evaluate.figures import runs as runs_kind
from xlembed.show.figures.registry import draw
from xlembed.show.page import Panel, Words, page, text_width, wrap
from xlembed.show.placing import place_labels
from xlembed.show.style import LANGUAGES, MARKERS, contrast, ink_on, language_look, model_look, save, style


def test_every_listed_language_differs_in_colour_or_hatch_from_all_others() -> None:
    assert len(set(LANGUAGES)) == len(LANGUAGES)
    assert len({language_look(x)[:2] for x in LANGUAGES}) == len(LANGUAGES)


def test_the_first_eight_differ_in_hatch_alone() -> None:
    assert len({language_look(x).hatch for x in LANGUAGES[:8]}) == 8
    assert language_look("en").colour == "#0072B2"
    assert language_look("ja").colour == "#D55E00"


def test_an_unlisted_language_has_a_fixed_look() -> None:
    assert "eu" not in LANGUAGES
    assert language_look("eu") == language_look("eu")
    assert language_look("eu").colour.startswith("#")


def test_nine_models_have_nine_markers_and_colours() -> None:
    assert len({model_look(i).marker for i in range(9)}) == len(MARKERS) == 9
    assert len({model_look(i).colour for i in range(9)}) == 9


def test_ink_has_enough_contrast_on_every_look() -> None:
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)  # the known border case of WCAG
    assert ink_on("#FFFFCC") == "black"
    assert ink_on("#004529") == "white"
    assert min(contrast(ink_on(language_look(x).colour), language_look(x).colour) for x in LANGUAGES) > 4.5


def test_drawing_and_saving_leave_global_settings_alone(tmp_path: Path) -> None:
    mpl.rcParams["font.size"] = 23.0
    before = dict(mpl.rcParams)
    try:
        figure = draw(runs_kind, scores())["language_bars"]
        save(figure, tmp_path, "bars")
        assert dict(mpl.rcParams) == before
        assert figure.axes[0].xaxis.label.get_fontsize() == 8.5
    finally:
        mpl.rcdefaults()
    with style():
        assert mpl.rcParams["svg.hashsalt"] == "xlembed"


def test_the_same_scores_give_the_same_bytes_and_no_date(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        figures = draw(runs_kind, scores()) | draw(comparisons_kind, several(2), comparisons(MODELS[:2]))
        for name, figure in figures.items():
            save(figure, tmp_path / folder, name, pdf=True)
    written = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert len(written) == 2 * 5
    for name in written:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        for trace in (b"CreationDate", b"Producer", b"Software", b"Matplotlib"):
            assert trace not in content, (name, trace)
    assert (tmp_path / "a" / "tradeoff.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "a" / "tradeoff.pdf").read_bytes()[:4] == b"%PDF"


def test_saving_a_figure_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    figure = draw(runs_kind, scores())["accuracy_matrix"]
    first = [p.read_bytes() for p in save(figure, tmp_path, "one", pdf=True)]
    assert [p.read_bytes() for p in save(figure, tmp_path, "two", pdf=True)] == first


def test_another_process_with_other_hashes_writes_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fakes.report_fakes import scores; "
        "from xlembed.evaluate.figures import runs; from xlembed.show.figures.registry import draw; "
        "from xlembed.show.style import save; "
        "save(draw(runs, scores())['language_matrix'], Path(sys.argv[1]), 'matrix', pdf=True)"
    )
    for seed in ("1", "2"):
        paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True, env=environment)
    for name in ("matrix.png", "matrix.pdf"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_importing_figures_does_not_import_pyplot() -> None:
    code = (
        "import sys; from xlembed.evaluate.figures import comparisons, runs; "
        "from xlembed.show.figures.registry import figures_of; "
        "figures_of(runs); figures_of(comparisons); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0


def test_wrap_breaks_long_names_and_loses_nothing() -> None:
    text = "accuracy@1 of nomic_embed_v2_moe+dim256+bf16+lir3+center on reviews_sample"
    lines = wrap(text, 1.5, 9.0)
    assert len(lines) > 2
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(text_width(line, 9.0) for line in lines) <= 1.5
    assert wrap("short", 5.0, 9.0) == ["short"]


def test_a_page_grows_with_its_texts_and_its_panels_keep_their_size() -> None:
    panel = Panel(3.0, 2.0, lambda axes: axes.set_ylabel("a label"))
    short = page(Words("title", "one line"), [[panel]])
    long = page(Words("title", "one line", ["a note " * 40]), [[panel]])
    assert long.get_figheight() > short.get_figheight() + 0.3
    place = long.axes[0].get_position()
    assert place.width * long.get_figwidth() == pytest.approx(3.0)
    assert place.height * long.get_figheight() == pytest.approx(2.0)
    two = page(Words("title", "one line"), [[panel, panel], [None, panel]])
    (first, second, below) = (a.get_position() for a in two.axes)
    assert first.x1 < second.x0 == below.x0 and below.y1 < first.y0 == second.y0


def test_labels_keep_clear_of_each_other_marks_and_edges() -> None:
    marks = [(100.0 + i, 100.0) for i in range(5)] + [(2.0, 2.0), (198.0, 198.0)]
    sizes = [(8.0, 8.0)] * len(marks)
    places = [
        (x + dx, y + dy) for (x, y), (dx, dy) in zip(marks, place_labels(marks, sizes, 200.0), strict=True)
    ]
    for i, (x, y) in enumerate(places):
        assert 4 <= x <= 196 and 4 <= y <= 196
        assert all(abs(x - a) >= 8 or abs(y - b) >= 8 for a, b in places[i + 1 :])
        assert all(abs(x - a) >= 8 or abs(y - b) >= 8 for a, b in marks)


def test_twelve_languages_are_all_in_the_legend() -> None:
    figure = draw(runs_kind, scores(languages=TWELVE))["language_matrix"]
    assert [t.get_text() for t in figure.axes[1].get_legend().get_texts()] == list(TWELVE)
