"""Every probe: learns what can be learnt, not what cannot, comes back from its files, and is the same twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fakes.toy import digests
from xlembed.data.scored import ScoredKind
from xlembed.probe.base import FLOOR, Batch, FitOptions, find_probe, load_probe, probe_names
from xlembed.probe.kinds.ridge import STRENGTHS
from xlembed.words import UserError

N, DIM = 600, 16
LEARNERS = [name for name in probe_names() if name != FLOOR]


def batches(kind: ScoredKind = ScoredKind.SCORES, noise: float = 0.3) -> tuple[Batch, Batch, Batch]:
    """Two dimensions that follow from the vectors on different scales, and parts of 400, 100 and 100."""
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(N, DIM)).astype(np.float32)
    signal = vectors[:, :2].astype(np.float64) + vectors[:, 2:4]
    scores = np.array([5.0, -40.0]) + np.array([1.0, 10.0]) * (signal + noise * rng.normal(size=signal.shape))
    if kind is ScoredKind.LABELS:
        scores = (rng.random(signal.shape) < expit(4 * signal)).astype(np.float64)
    cuts = (slice(0, 400), slice(400, 500), slice(500, N))
    train, validation, test = (Batch(vectors[c], scores[c]) for c in cuts)
    return train, validation, test


def test_the_probes_of_the_house() -> None:
    assert probe_names() == ("lightgbm", "mean", "mlp", "ridge")
    with pytest.raises(UserError, match=r"no probe 'rigde'.*ridge"):
        find_probe("rigde")


@pytest.mark.parametrize("kind", ScoredKind)
@pytest.mark.parametrize("name", LEARNERS)
def test_a_probe_learns_and_comes_back_from_its_files(name: str, kind: ScoredKind, tmp_path: Path) -> None:
    train, validation, test = batches(kind)
    fitted = find_probe(name).fit(train, validation, FitOptions(kind))
    floor = find_probe(FLOOR).fit(train, validation, FitOptions(kind))
    wrong = np.abs(fitted.predict(test.vectors) - test.scores).mean(axis=0)
    assert (wrong < 0.75 * np.abs(floor.predict(test.vectors) - test.scores).mean(axis=0)).all()
    fitted.save(tmp_path / "saved")
    again = load_probe(tmp_path / "saved")
    assert np.array_equal(again.predict(test.vectors), fitted.predict(test.vectors))
    assert again.n_parameters == fitted.n_parameters > DIM
    json.dumps(dict(fitted.details))
    kept = {file.suffix for file in (tmp_path / "saved").rglob("*")}
    assert kept <= {".json", ".safetensors", ".txt"}  # nothing that runs code when it is read


@pytest.mark.parametrize("name", LEARNERS)
def test_the_same_seed_gives_the_same_probe(name: str) -> None:
    train, validation, test = batches()
    first, second = (
        find_probe(name).fit(train, validation, FitOptions(ScoredKind.SCORES)).predict(test.vectors)
        for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", LEARNERS)
def test_the_number_of_threads_changes_no_bit(name: str, tmp_path: Path) -> None:
    """As one finds in another process: `dvc repro` here and on a colleague's machine of more cores."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(900, 384)).astype(np.float32)
    scores = vectors[:, :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(900, 2))
    parts = Batch(vectors[:700], scores[:700]), Batch(vectors[700:800], scores[700:800])
    found = []
    threads = torch.get_num_threads()
    try:
        for n in (1, 4):
            torch.set_num_threads(n)
            with threadpool_limits(n):
                fitted = find_probe(name).fit(*parts, FitOptions(ScoredKind.SCORES))
                found.append(fitted.predict(vectors[800:]))
            fitted.save(tmp_path / str(n))
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(found[0], found[1])
    assert digests(tmp_path / "1") == digests(tmp_path / "4")


@pytest.mark.parametrize("name", ["mlp", "lightgbm"])
def test_another_seed_gives_another_probe(name: str) -> None:
    train, validation, test = batches()
    first, second = (
        find_probe(name).fit(train, validation, FitOptions(ScoredKind.SCORES, seed)).predict(test.vectors)
        for seed in (1, 2)
    )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", LEARNERS)
def test_scaling_is_inside(name: str) -> None:
    """Vectors of another length and scores of another scale give the same answers on that scale."""
    train, validation, test = batches()
    plain = find_probe(name).fit(train, validation, FitOptions(ScoredKind.SCORES))
    large = find_probe(name).fit(
        *(Batch(b.vectors * 1024, b.scores * 8) for b in (train, validation)), FitOptions(ScoredKind.SCORES)
    )
    expected = 8 * plain.predict(test.vectors)
    assert np.allclose(large.predict(test.vectors * 1024), expected, rtol=1e-3, atol=1e-2)


def test_where_nothing_can_be_learnt_a_probe_stays_near_the_floor() -> None:
    train, validation, test = batches()
    rng = np.random.default_rng(3)
    blind = [Batch(b.vectors, rng.permutation(b.scores)) for b in (train, validation, test)]
    floor = np.abs(blind[2].scores - blind[0].scores.mean(axis=0)).mean(axis=0)
    for name in LEARNERS:
        fitted = find_probe(name).fit(blind[0], blind[1], FitOptions(ScoredKind.SCORES))
        wrong = np.abs(fitted.predict(blind[2].vectors) - blind[2].scores).mean(axis=0)
        assert (wrong < 1.15 * floor).all(), name


def test_ridge_is_sklearns_with_the_strength_that_validation_chose() -> None:
    train, validation, test = batches(noise=3.0)
    fitted = find_probe("ridge").fit(train, validation, FitOptions(ScoredKind.SCORES))
    scaler = StandardScaler().fit(train.vectors)

    def model(strength: float, dimension: int) -> Ridge:
        return Ridge(alpha=strength).fit(scaler.transform(train.vectors), train.scores[:, dimension])

    for d, strength in enumerate(fitted.details["strengths"]):
        unseen, truth = scaler.transform(validation.vectors), validation.scores[:, d]
        errors = {s: np.abs(model(s, d).predict(unseen) - truth).mean() for s in STRENGTHS}
        assert strength == min(errors, key=lambda s: errors[s])
        expected = model(strength, d).predict(scaler.transform(test.vectors))
        assert np.allclose(fitted.predict(test.vectors)[:, d], expected, rtol=1e-4, atol=1e-4)


def test_the_network_has_the_promised_layers_and_stops_when_it_gets_no_better() -> None:
    train, validation, _ = batches()
    fitted = find_probe("mlp").fit(train, validation, FitOptions(ScoredKind.SCORES))
    layers = [(DIM + 1) * 256, (256 + 1) * 128, (128 + 1) * 2]
    assert fitted.n_parameters == sum(layers)
    details = fitted.details
    assert details["epochs"] == details["best_epoch"] + 10


def test_labels_are_probabilities_of_trees_and_networks() -> None:
    train, validation, test = batches(ScoredKind.LABELS)
    for name in ("mlp", "lightgbm"):
        found = find_probe(name).fit(train, validation, FitOptions(ScoredKind.LABELS)).predict(test.vectors)
        assert ((found > 0) & (found < 1)).all()
        sure = found > 0.9
        assert test.scores[sure].mean() > 0.8, name


def test_a_column_that_never_varies_does_no_harm() -> None:
    train, validation, test = batches()
    flat = [Batch(b.vectors * (np.arange(DIM) > 0), b.scores * [1, 0]) for b in (train, validation, test)]
    for name in LEARNERS:
        found = find_probe(name).fit(flat[0], flat[1], FitOptions(ScoredKind.SCORES)).predict(flat[2].vectors)
        assert np.isfinite(found).all() and np.abs(found[:, 1]).mean() < 0.1, name


def test_a_folder_without_a_probe_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"probe\.json is missing: .* holds no saved probe"):
        load_probe(tmp_path)
    (tmp_path / "probe.json").write_text('{"format": 99, "kind": "ridge"}')
    with pytest.raises(UserError, match="format 99"):
        load_probe(tmp_path)
