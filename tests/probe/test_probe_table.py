"""Tables of probes for the console: they fit, and show what the report holds."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from probe.probe_fakes import DIMENSIONS, MODELS, Fake, fake, labels, tiny
from xlembed.cli.console import print_table
from xlembed.probe.document import probe_tables, verdict_lines


def study() -> Fake:
    return fake(n_texts=90, study=True, dimensions=DIMENSIONS[:1], models=MODELS[:2])


CASES = {"scores": fake, "labels": labels, "tiny": tiny, "study": study}


def printed(found: Fake, width: int) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=False)
    for table in probe_tables(found.report, found.timings):
        print_table(console, table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_cut(case: str, width: int) -> None:
    """Every number and every interval of the main measure is there whole, whatever the width."""
    found = CASES[case]()
    lines = printed(found, width)
    assert max(map(len, lines)) <= width
    whole = " ".join(" ".join(lines).split())
    share = found.report["primary"] == "F1"
    for row in found.report["scores"]:
        if row["measure"] != found.report["primary"] or (row["dimension"] and row["lang"]):
            continue
        if row["lang"] and len(found.report["languages"]) == 1:
            continue
        digits, factor = (1, 100) if share else (3, 1)
        assert f"{factor * row['value']:.{digits}f}" in whole
        if row["ci_low"] is not None:
            assert f"[{factor * row['ci_low']:.{digits}f}, {factor * row['ci_high']:.{digits}f}]" in whole


def test_a_wide_console_has_one_table_of_systems() -> None:
    lines = printed(fake(), 200)
    (row,) = [line for line in lines if line.startswith("e5_small:ridge") and "2,310" in line]
    assert row.split()[1:] == [
        "0.722", "[0.668,", "0.780]", "0.905", "[0.851,", "0.963]", "0.853", "[0.799,", "0.911]",
        "2,310", "9.2", "kB", "12.3", "0.400",
    ]  # fmt: skip
    assert not any("(continued)" in line for line in lines)


def test_a_narrow_one_has_a_block_per_system() -> None:
    lines = printed(fake(), 80)
    rows = [line for line in lines if line.startswith("e5_small:ridge") and "−" not in line]
    assert len(rows) >= 3, "a block of systems, a row of dimensions and of languages"
    assert max(map(len, lines)) <= 80


def test_labels_and_kinds_are_explained_below() -> None:
    lines = printed(fake(), 80)
    assert "* English-only model (de, tr, ja): invalid for a decision." in lines
    assert "Fine-tuned: minilm_lora. Floor: mean." in lines
    assert any(line.startswith("all_minilm_l6_v2:ridge* ") for line in lines)


def test_tests_name_the_better_one() -> None:
    lines = printed(fake(), 200)
    (row,) = [line for line in lines if line.startswith("e5_small:ridge − static_multilingual:ridge")]
    assert row.split()[-2:] == ["A", "better"]
    (row,) = [line for line in lines if line.startswith("e5_small:ridge − minilm_lora")]
    assert row.split()[-2:] == ["not", "shown"]


def test_verdict_lines_say_what_to_take() -> None:
    found = fake()
    lines = verdict_lines(found.report, found.timings)
    assert lines[0].startswith("Take e5_small:ridge") and len(lines) == 4
    assert verdict_lines(found.report)[-1] == lines[2]
