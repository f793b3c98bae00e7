"""Post-processing, counted by hand on vectors of two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from xlembed.models.postprocess import Fitted, Parallel, fit
from xlembed.models.removal import Step, check_steps, methods, parse_step
from xlembed.words import UserError, Vectors

CENTER, LIR1, ABTT1 = Step(methods()["center"]), Step(methods()["lir"], 1), Step(methods()["abtt"], 1)
HALF = np.sqrt(0.5)


def table(*rows: Sequence[float]) -> Vectors:
    return np.array(rows, dtype=np.float32)


def fitted_on(vectors: NDArray[np.floating], langs: Sequence[str], *steps: Step) -> Fitted:
    return fit(lambda: [vectors], langs, steps)


# Five English vectors around x (mean .6, 0), five German ones around y (mean 0, .6).
BOTH = table(*[(0.6, 0.8), (0.6, -0.8)] * 2, (0.6, 0), *[(0.8, 0.6), (-0.8, 0.6)] * 2, (0, 0.6))
LANGS = ["en"] * 5 + ["de"] * 5


def test_center_subtracts_the_mean_of_the_own_language() -> None:
    fitted = fitted_on(BOTH, LANGS, CENTER)
    out = fitted.apply(table((0.6, 0.8), (0.6, 0.8), (1, 0)), ["en", "de", "en"])
    # en: (0, .8); de: (.6, .2) of length sqrt(.4); en: (.4, 0).
    expected = [(0, 1), (0.6 / np.sqrt(0.4), 0.2 / np.sqrt(0.4)), (1, 0)]
    np.testing.assert_allclose(out, expected, atol=1e-6)
    assert out.dtype == np.float32


def test_shift_subtracts_what_sets_a_language_apart_from_the_pivot() -> None:
    """German lies .6 above its English translations, Turkish has too few pairs and is left as it is."""
    pairs = Parallel(
        table(*[(0.8, 0.6)] * 5, *[(0, 1)] * 4, (0, 0)),
        ["de"] * 5 + ["tr"] * 5,
        table(*[(0.8, 0)] * 9, (1, 0)),
        "en",
    )
    shift = parse_step("shift-news")
    assert shift is not None and shift.name == "shift-news"
    fitted = fit(lambda: [BOTH], LANGS, (shift,), {"news": pairs})
    out = fitted.apply(table((0.6, 0.8), (0.6, 0.8), (0.6, 0.8)), ["de", "en", "tr"])
    expected = [(0.6 / np.sqrt(0.4), 0.2 / np.sqrt(0.4)), (0.6, 0.8), (0.6, 0.8)]
    np.testing.assert_allclose(out, expected, atol=1e-6)
    assert fitted.pooled(["de", "en", "tr"], on_pairs=True) == {"shift-news": ["tr"]}
    assert fitted.pooled(["de", "en", "tr"]) == {}


def test_shift_sees_its_pairs_as_the_steps_before_leave_them() -> None:
    """Centred, both sides of every pair are at 0: there is nothing left to shift."""
    pairs = Parallel(table(*[(0, 0.6)] * 5), ["de"] * 5, table(*[(0.6, 0)] * 5), "en")
    steps = (CENTER, Step(methods()["shift"], pairs="news"))
    fitted = fit(lambda: [BOTH], LANGS, steps, {"news": pairs})
    np.testing.assert_allclose(fitted.steps[1].own["de"].mean, [0, 0], atol=1e-6)


def test_lir_removes_the_first_direction_of_the_matrix_as_it_is() -> None:
    """English: sums of squares 4 along x, 2 along y. About its mean it would be 0 and 2: y would go."""
    english = table(*[(0.8, 0.6), (0.8, -0.6)] * 2, (0.8, 0))
    german = english[:, ::-1]
    fitted = fitted_on(np.concatenate([english, german]), LANGS, LIR1)
    out = fitted.apply(table((0.8, 0.6), (0.8, 0.6), (0.6, -0.8)), ["en", "de", "en"])
    np.testing.assert_allclose(out, [(0, 1), (1, 0), (0, -1)], atol=1e-6)


def test_lir_of_two_components_leaves_the_third() -> None:
    rows = table(*[(1, 0, 0)] * 5, *[(0, 1, 0)] * 4, *[(0, 0, 1)] * 3)
    out = fitted_on(rows, ["en"] * 12, Step(methods()["lir"], 2)).apply(table((0.6, 0.64, 0.48)), ["en"])
    np.testing.assert_allclose(out, [(0, 0, 1)], atol=1e-6)


def test_abtt_takes_the_common_mean_and_then_the_widest_direction() -> None:
    """Mean (.5, 0, 0); about it, x does not vary, y varies by 1, z by .25."""
    rows = table(*[(0.5, 1, 0), (0.5, -1, 0), (0.5, 0, 0.5), (0.5, 0, -0.5)] * 2)
    langs = ["en", "de"] * 4
    out = fitted_on(rows, langs, ABTT1).apply(table((0.5, 1, 1), (1, 1, 0.5)), ["en", "never seen"])
    np.testing.assert_allclose(out, [(0, 0, 1), (HALF, 0, HALF)], atol=1e-6)


def test_abtt_projects_the_vector_as_it_comes_as_the_paper_does() -> None:
    """Mean (.5, .2, 0), widest along y: (1, 1, .5) loses .5 along x, .2 + 1 along y, so that y is not 0 but -.2."""
    rows = table(*[(0.5, 1.2, 0), (0.5, -0.8, 0), (0.5, 0.2, 0.5), (0.5, 0.2, -0.5)] * 2)
    out = fitted_on(rows, ["en"] * 8, ABTT1).apply(table((1, 1, 0.5)), ["en"])
    np.testing.assert_allclose(out, [np.array((0.5, -0.2, 0.5)) / np.sqrt(0.54)], atol=1e-6)


def test_steps_are_composed_in_the_order_written() -> None:
    """lir after center removes the widest direction about the mean, so that x is left; before it, y is."""
    rows = table(*[(0.8, 0.6), (0.8, -0.6)] * 3, (0.9, 0), (0.7, 0))
    query, langs = table((0.5, 0.7)), ["en"] * 8
    np.testing.assert_allclose(
        fitted_on(rows, langs, CENTER, LIR1).apply(query, ["en"]), [(-1, 0)], atol=1e-6
    )
    np.testing.assert_allclose(fitted_on(rows, langs, LIR1, CENTER).apply(query, ["en"]), [(0, 1)], atol=1e-6)


def test_only_the_last_step_brings_to_unit_length() -> None:
    """(.8, .6) less the mean (.8, 0) is (0, .6): fitted at unit length, the second mean would be another."""
    rows = table(*[(1, 0)] * 4, (0, 1))  # mean (.8, .2)
    second = fitted_on(rows, ["en"] * 5, CENTER, CENTER)
    np.testing.assert_allclose(second.steps[1].own["en"].mean, 0, atol=1e-7)
    np.testing.assert_allclose(second.apply(table((1, 0)), ["en"]), [(HALF, -HALF)], atol=1e-6)


@pytest.mark.parametrize(("n_german", "own"), [(14, False), (15, True)])
def test_fewer_than_five_documents_per_component_take_the_statistics_of_all(n_german: int, own: bool) -> None:
    rng = np.random.default_rng(0)
    english, german = rng.normal(size=(40, 6)), rng.normal(size=(n_german, 6))
    langs = ["en"] * 40 + ["de"] * n_german
    fitted = fitted_on(np.concatenate([english, german]), langs, CENTER, Step(methods()["lir"], 3))
    assert fitted.pooled(langs) == ({} if own else {"lir3": ["de"]})  # 14 are enough for a mean
    assert fitted.pooled(["sw"]) == {"center": ["sw"], "lir3": ["sw"]}
    query = rng.normal(size=(1, 6))
    same = np.array_equal(fitted.apply(query, ["de"]), fitted.apply(query, ["sw"]))
    assert not same  # the means differ
    lir = fitted_on(np.concatenate([english, german]), langs, Step(methods()["lir"], 3))
    assert np.array_equal(lir.apply(query, ["de"]), lir.apply(query, ["sw"])) is not own
    assert not np.array_equal(lir.apply(query, ["en"]), lir.apply(query, ["sw"]))


def test_statistics_of_all_are_those_of_the_documents_together() -> None:
    rows = table(*[(1, 0)] * 6, *[(0, 1)] * 2)  # mean (.75, .25)
    fitted = fitted_on(rows, ["en"] * 6 + ["de"] * 2, CENTER)
    np.testing.assert_allclose(fitted.apply(table((1, 0.25)), ["de"]), [(1, 0)], atol=1e-6)


def test_zero_vectors_teach_nothing_and_stay_zero() -> None:
    with_zeros = np.concatenate([BOTH, np.zeros((20, 2), dtype=np.float32)])
    fitted = fitted_on(with_zeros, [*LANGS, *["en"] * 16, *["sw"] * 4], CENTER, ABTT1)
    assert fitted.n_documents == 10
    assert fitted.pooled(["en", "sw"]) == {"center": ["sw"]}
    np.testing.assert_allclose(fitted.steps[0].own["en"].mean, (0.6, 0), atol=1e-6)
    assert not fitted.apply(np.zeros((2, 2), dtype=np.float32), ["en", "sw"]).any()


def test_a_vector_of_which_only_rounding_is_left_becomes_zero() -> None:
    rows = table(*[(0.1, 0.3, 0.5)] * 7)
    out = fitted_on(rows, ["en"] * 7, CENTER).apply(rows[:1], ["en"])
    assert not out.any()


def test_directions_that_no_document_has_are_not_made_up() -> None:
    """All documents lie on one line, so that the second component is arbitrary; y and z must survive."""
    rows = table(*[(1, 0, 0)] * 10)
    out = fitted_on(rows, ["en"] * 10, Step(methods()["lir"], 2)).apply(table((0.5, 0.6, 0.8)), ["en"])
    np.testing.assert_allclose(out, [(0, 0.6, 0.8)], atol=1e-6)


def test_parts_and_order_of_rows_change_nothing_but_rounding() -> None:
    rng = np.random.default_rng(1)
    rows, langs = rng.normal(size=(50, 8)), ["en", "de"] * 25
    steps = (CENTER, Step(methods()["lir"], 2), Step(methods()["abtt"], 2))
    whole = fitted_on(rows, langs, *steps).apply(rows, langs)
    parts = fit(lambda: np.array_split(rows, 7), langs, steps).apply(rows, langs)
    turned = fitted_on(rows[::-1], langs[::-1], *steps).apply(rows, langs)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    np.testing.assert_allclose(turned, whole, atol=1e-6)
    np.testing.assert_array_equal(fitted_on(rows, langs, *steps).apply(rows, langs), whole)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)


def test_against_a_singular_value_decomposition() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(60, 10)) + rng.normal(size=10)
    _, _, right = np.linalg.svd(rows)
    left = rows - rows @ right[:3].T @ right[:3]
    expected = left / np.linalg.norm(left, axis=1, keepdims=True)
    np.testing.assert_allclose(
        fitted_on(rows, ["en"] * 60, Step(methods()["lir"], 3)).apply(rows, ["en"] * 60), expected, atol=1e-6
    )
    centred = rows - rows.mean(axis=0)
    _, _, right = np.linalg.svd(centred)
    left = centred - rows @ right[:3].T @ right[:3]
    expected = left / np.linalg.norm(left, axis=1, keepdims=True)
    found = fitted_on(rows, ["en"] * 60, Step(methods()["abtt"], 3)).apply(rows, ["en"] * 60)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_no_rows_to_apply_to() -> None:
    out = fitted_on(BOTH, LANGS, CENTER, LIR1).apply(np.empty((0, 2), dtype=np.float32), [])
    assert out.shape == (0, 2)


@pytest.mark.parametrize(
    ("steps", "n", "message"),
    [
        ((Step(methods()["lir"], 1),), 4, r"\+lir1 needs the vectors of 5 documents .* found 4"),
        ((CENTER,), 4, r"\+center needs the vectors of 5 documents"),
        ((CENTER,), 0, r"found 0"),
        ((Step(methods()["abtt"], 2),), 10, "2 dimensions have nothing left without 2 components"),
    ],
)
def test_what_cannot_be_fitted(steps: tuple[Step, ...], n: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fitted_on(BOTH[:n], LANGS[:n], *steps)


def test_callers_mistakes() -> None:
    with pytest.raises(ValueError, match="more than 9 vectors"):
        fitted_on(BOTH, LANGS[:9], CENTER)
    with pytest.raises(ValueError, match="9 vectors, 10 languages"):
        fitted_on(BOTH[:9], LANGS, CENTER)
    with pytest.raises(ValueError, match="1 vectors and 0 languages"):
        fitted_on(BOTH, LANGS, CENTER).apply(BOTH[:1], [])


# Names


@pytest.mark.parametrize(
    ("suffix", "step"),
    [
        ("center", CENTER),
        ("lir", LIR1),
        ("lir1", LIR1),
        ("abtt12", Step(methods()["abtt"], 12)),
        ("lirx", None),
        ("dim64", None),
    ],
)
def test_a_suffix_is_a_step(suffix: str, step: Step | None) -> None:
    assert parse_step(suffix) == step


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        ("lir0", r"'\+lir0': expected \+lirR .* from 1, for example \+lir3"),
        ("abtt", r"'\+abtt': expected \+abttD"),
        ("abtt03", r"expected \+abttD"),
        ("center2", r"\+center takes no number"),
    ],
)
def test_a_number_that_cannot_be(suffix: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_step(suffix)


def test_one_configuration_has_one_name() -> None:
    with pytest.raises(UserError, match=r"'\+lir1\+lir2': one lir after the other; write \+lir3"):
        check_steps((LIR1, Step(methods()["lir"], 2)), None)
    with pytest.raises(UserError, match=r"write \+center"):
        check_steps((CENTER, CENTER), None)
    check_steps((ABTT1, CENTER, ABTT1), 2)
