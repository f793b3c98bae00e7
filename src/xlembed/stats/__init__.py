"""Statistics: per-unit values in, named results out; see docs of each module for the method's source."""

from xlembed.stats.bootstrap import N_RESAMPLES, Resampled, cluster_weights, resample, score_cells
from xlembed.stats.clusters import cluster_needs
from xlembed.stats.holm import Adjusted, Comparison, Family, FamilyKind, adjust, holm, primary_size
from xlembed.stats.layout import UnitLayout, unit_layout
from xlembed.stats.mcnemar import McNemar, has_one_unit_per_cluster, mcnemar_test
from xlembed.stats.paired import difference_cells
from xlembed.stats.power import Power, detectable_difference
from xlembed.stats.scores import MIN_CLUSTERS, CiMethod, Difference, Score, Table
from xlembed.stats.signflip import SignFlip, cluster_contributions, flips_needed, sign_flip_tests
from xlembed.stats.wilson import Interval, wilson_interval

__all__ = [
    "MIN_CLUSTERS",
    "N_RESAMPLES",
    "Adjusted",
    "CiMethod",
    "Comparison",
    "Difference",
    "Family",
    "FamilyKind",
    "Interval",
    "McNemar",
    "Power",
    "Resampled",
    "Score",
    "SignFlip",
    "Table",
    "UnitLayout",
    "adjust",
    "cluster_contributions",
    "cluster_needs",
    "cluster_weights",
    "detectable_difference",
    "difference_cells",
    "flips_needed",
    "has_one_unit_per_cluster",
    "holm",
    "mcnemar_test",
    "primary_size",
    "resample",
    "score_cells",
    "sign_flip_tests",
    "unit_layout",
    "wilson_interval",
]
