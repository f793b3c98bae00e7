import numpy as np
import pytest
from scipy.stats import norm

from xlembed.stats.power import detectable_difference, discordant_needed
from xlembed.stats.scores import CiMethod, Difference
from xlembed.stats.signflip import sign_flip_tests


def difference(se, n_clusters=100, n_discordant=20, clusters=20, value=0.0):
    return Difference(
        value=value,
        ci_low=None,
        ci_high=None,
        ci_method=CiMethod.CLUSTER_PERCENTILE,
        se=se,
        n_units=n_clusters,
        n_needs=n_clusters,
        n_clusters=n_clusters,
        n_discordant=n_discordant,
        n_discordant_clusters=clusters,
    )


def test_by_hand():
    # t with 99 degrees of freedom: 1.98422 (0.975) + 0.84527 (0.8) = 2.82948; with m = 4, 2.54416 + 0.84527 = 3.38943.
    # SE 0.05 x sqrt(100 / 99) = 0.050252; 20 clusters differ, by 0.050252 x 100 / sqrt(20) = 1.12, that is at most 1:
    # D^2 = 8.00598 x (0.0025253 + D / 100), and D^2 = 11.48823 x (0.0025253 + D / 100)
    found = detectable_difference(difference(0.05), family_size=4)
    assert found.detectable_unadjusted == pytest.approx(0.187744, abs=1e-5)
    assert found.detectable == pytest.approx(0.237191, abs=1e-5)


def test_the_difference_that_was_seen_plays_no_part():
    assert detectable_difference(difference(0.05, value=0.3)) == detectable_difference(difference(0.05))


def test_discordance_is_floored_at_three_clusters():
    # 3 of 100 clusters discordant: SE = sqrt(0.03 / 100)
    for se in (0.0, 0.01):
        found = detectable_difference(difference(se, n_discordant=0, clusters=0))
        # with 0 or 0.01 x 1.00504 below it: D^2 = 8.00598 x (0.0003 + b D / 100), b = sqrt(3 / 3) = 1
        assert found.detectable == pytest.approx(0.103309, abs=1e-5)


@pytest.mark.parametrize("clusters", [5, 6])
def test_fewer_than_six_cannot_reject(clusters):
    """Even when all of them agree."""
    (test,) = sign_flip_tests(np.eye(20)[:, :clusters].sum(axis=1)[:, None], np.random.default_rng(0), 20_000)
    assert (test.p_value > 0.05) == (clusters < discordant_needed(0.05))


def test_more_are_needed_in_a_family():
    # 2^(1 - 9) = 0.0039 <= 0.05 / 12 = 0.0042 < 2^(1 - 8)
    assert [discordant_needed(alpha) for alpha in (0.05, 0.05 / 12)] == [6, 9]


def test_no_se_no_answer_and_bad_calls_are_named():
    assert detectable_difference(difference(None, n_clusters=9)) is None
    with pytest.raises(ValueError, match="family_size >= 1"):
        detectable_difference(difference(0.05), family_size=0)


@pytest.mark.parametrize(("p", "units"), [(0.6, 1), (0.9, 1), (0.9, 5)])
def test_a_difference_of_that_size_is_found_with_at_least_80_percent(p, units):
    """400 tasks of 200 clusters; the size comes from equal models, and is then the true difference. (Was 60-70 %.)"""
    rng = np.random.default_rng(3)

    def differences(lost):
        """Mean difference of each cluster, shape (400, 200): hits by normal latents that the models share in part."""
        shared = rng.standard_normal((400, 200, units))
        a, b = (np.sqrt(0.9) * shared + np.sqrt(0.1) * rng.standard_normal(shared.shape) for _ in range(2))
        return ((a < norm.ppf(p)).astype(float) - (b < norm.ppf(p - lost))).mean(axis=2)

    equal = differences(0.0)
    found = [
        detectable_difference(difference(se, 200, clusters=k)).detectable
        for se, k in zip(equal.std(axis=1) / np.sqrt(200), np.count_nonzero(equal, axis=1), strict=True)
    ]
    tests = sign_flip_tests(differences(float(np.median(found))).T, rng, 999)
    assert np.mean([t.p_value <= 0.05 for t in tests]) >= 0.8 - 3 * np.sqrt(0.8 * 0.2 / 400)
