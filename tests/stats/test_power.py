import math

import numpy as np
import pytest

from xlembed.stats.power import detectable_difference
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
    # z(0.975) = 1.95996, z(0.8) = 0.84162; with m = 4, z(1 - 0.00625) = 2.49771
    found = detectable_difference(difference(0.05), family_size=4)
    assert found.detectable_unadjusted == pytest.approx(0.14008, abs=1e-5)
    assert found.detectable == pytest.approx(0.16697, abs=1e-5)
    assert (found.se, found.note) == (0.05, "")


def test_the_difference_that_was_seen_plays_no_part():
    assert detectable_difference(difference(0.05, value=0.3)) == detectable_difference(difference(0.05))


def test_discordance_is_floored_at_three_clusters():
    # 3 of 100 clusters discordant: SE = sqrt(0.03 / 100)
    for se in (0.0, 0.01):
        found = detectable_difference(difference(se, n_discordant=0, clusters=0))
        assert found.se == pytest.approx(math.sqrt(0.03 / 100))
        assert found.detectable == pytest.approx(2.80158 * 0.0173205, abs=1e-6)


@pytest.mark.parametrize(
    ("clusters", "note"), [(5, "fewer than 6 discordant units: this test cannot reject"), (6, "")]
)
def test_fewer_than_six_cannot_reject(clusters, note):
    assert detectable_difference(difference(0.05, clusters=clusters)).note == note
    # and indeed: even when all of them agree
    (test,) = sign_flip_tests(np.eye(20)[:, :clusters].sum(axis=1)[:, None], np.random.default_rng(0), 20_000)
    assert (test.p_value > 0.05) == bool(note)


def test_more_are_needed_in_a_family():
    found = detectable_difference(difference(0.05), family_size=12)
    # 2^(1 - 9) = 0.0039 <= 0.05 / 12 = 0.0042 < 2^(1 - 8)
    assert (found.n_needed, found.n_needed_adjusted) == (6, 9)


def test_no_se_no_answer_and_bad_calls_are_named():
    assert detectable_difference(difference(None, n_clusters=9)) is None
    with pytest.raises(ValueError, match="family_size >= 1"):
        detectable_difference(difference(0.05), family_size=0)
