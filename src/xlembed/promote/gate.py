"""The gate of a promotion: is the candidate better than the champion, and does no language fall?

Better: the macro difference of one measure in one mode and pool, fixed beforehand. Who tries often wins by chance (of
20 worthless candidates at a fixed 5 % one passes in up to 40 % of the series), so attempt j is tested at
alpha / (j (j + 1)): the levels of all attempts together never exceed alpha (the sum of 1 / (j (j + 1)) is 1; alpha is
spent as in Foster & Stine 2008).

No language falls: per language the one-sided test of H0 "change >= -margin" (a non-inferiority test turned round:
rejecting shows a fall), Holm-adjusted over the languages (Holm 1979). The margin is added to every unit's difference,
then signs of cluster sums are flipped; the one-sided p is half the two-sided one, since flipped sums lie symmetrically
about 0. A test that shows no fall proves little with few needs (with 40 a true fall of 15 points passed in 17 %), so a
language whose one-sided 95 % lower bound is below -margin_unknown refuses too. At the border itself shifted differences
are skewed, so the level is not exact: simulated type I error 0.3 to 5.3 % at 5 % with 40 to 1,000 clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xlembed.promote.decision import ALL, Decision, Gate, LanguageChange, NothingToCompare
from xlembed.stats.bootstrap import N_RESAMPLES, cluster_seed
from xlembed.stats.comparison import Evaluated, align, supported
from xlembed.stats.evaluation import CellLayout, cell_layout
from xlembed.stats.holm import holm
from xlembed.stats.layout import Floats
from xlembed.stats.mcnemar import has_one_unit_per_cluster, mcnemar_test
from xlembed.stats.paired import difference_cells
from xlembed.stats.power import detectable_difference
from xlembed.stats.scores import Difference
from xlembed.stats.signflip import N_FLIPS, cluster_contributions, flips_needed, sign_flip_tests
from xlembed.words import Lang, UserError


def attempt_level(alpha: float, attempt: int) -> float:
    """Two-sided level of attempt j: alpha / (j (j + 1)).

    Raises:
        ValueError: if attempt < 1 or alpha is not inside (0, 1).

    >>> [round(attempt_level(0.05, j), 5) for j in (1, 2, 3)]
    [0.025, 0.00833, 0.00417]
    """
    if attempt < 1 or not 0 < alpha < 1:
        raise ValueError(f"expected attempt >= 1 and alpha in (0, 1), found {attempt} and {alpha}")
    return alpha / (attempt * (attempt + 1))


def fall_p_value(contributions: Floats, margin_contributions: Floats, n_flips: int, seed: int) -> float:
    """One-sided p of H0 "the change is at least -margin".

    What each cluster adds to the change, and to a change of +margin in every unit: shape (n_clusters,) each.
    """
    shifted = (contributions + margin_contributions)[:, None]
    (test,) = sign_flip_tests(shifted, np.random.default_rng(seed), n_flips)
    return test.p_value / 2 if test.statistic < 0 else 1 - test.p_value / 2


def decide(
    candidate: Evaluated, champion: Evaluated, gate: Gate, attempt: int, n_resamples: int = N_RESAMPLES
) -> Decision:
    """Test a candidate against the champion on the same units, in attempt j (from 1).

    Both are of the same task and settings: the caller checks digests.

    Raises:
        UserError: the measure, mode or pool was not evaluated, or the sets of units differ.
        NothingToCompare: no cell in languages that both support.
    """
    level = attempt_level(gate.alpha, attempt)
    new, old = _chosen(candidate, gate), _chosen(champion, gate)
    (new, old), _ = align([new, old], intersect=False)
    left_out = {**old.unsupported, **new.unsupported}
    keep = supported(new.units, left_out)
    task_languages = set(new.units["query_lang"]) | set(new.units["doc_lang"])
    left_out = {lang: label for lang, label in sorted(left_out.items()) if lang in task_languages}
    clusters = sorted(set(candidate.units["cluster"]))
    if not keep.any():
        reasons = ", ".join(f"{lang}: {label}" for lang, label in left_out.items())
        raise NothingToCompare(
            f"{candidate.name} and {champion.name}: no cell in languages that both support ({reasons})"
        )
    cells = cell_layout(new.units[keep], clusters)
    column = gate.measure.column
    a, b = (m.units.loc[keep, [column]].to_numpy(dtype=np.float64) for m in (new, old))
    members = {ALL: list(range(len(cells.cells)))}
    for i, (_, _, query_lang, _) in enumerate(cells.cells):
        members.setdefault(query_lang, []).append(i)

    def changes_at(level: float) -> dict[str, Difference]:
        table = difference_cells(cells.layout, a, b, members, n_resamples, level)
        return {name: change for name, (change,) in table.macros.items() if change is not None}

    changes = changes_at(0.95)
    lower = {name: change.ci_low for name, change in changes_at(0.9).items()}  # one-sided 95 %
    seed = cluster_seed(clusters) + 2  # neither the stream of the weights nor that of `compare`
    p_value, test = _superiority(cells, a, b, gate, level, seed)
    macro = changes.pop(ALL)
    return Decision(
        gate=gate,
        attempt=attempt,
        level=level,
        candidate=_macro(cells, a, members[ALL]),
        champion=_macro(cells, b, members[ALL]),
        difference=macro,
        p_value=p_value,
        test=test,
        power=detectable_difference(macro, 1, level),
        languages=_guard(cells, a, b, gate, changes, lower, members, seed),
        left_out=left_out,
        cells=tuple(f"{query_lang}->{doc_lang}" for _, _, query_lang, doc_lang in cells.cells),
    )


def _chosen(model: Evaluated, gate: Gate) -> Evaluated:
    """The units of the gate's mode and pool."""
    if gate.measure.column not in model.units:
        raise UserError(f"{model.name} was evaluated without {gate.measure.name}: evaluate it again")
    rows = model.units[(model.units["mode"] == gate.mode) & (model.units["pool"] == gate.searched)]
    if rows.empty:
        raise UserError(
            f"{model.name} has no units of {gate.mode} (pool {gate.searched}): the task has none, or evaluate.modes "
            "leaves that mode out; choose another --mode"
        )
    return Evaluated(model.name, rows, model.unsupported)


def _superiority(
    cells: CellLayout, a: Floats, b: Floats, gate: Gate, level: float, seed: int
) -> tuple[float, str]:
    """Two-sided p of the macro difference, and the test's name."""
    is_accuracy = gate.measure.family == "accuracy"
    if len(cells.cells) == 1 and is_accuracy and has_one_unit_per_cluster(cells.layout.clusters):
        return mcnemar_test(a[:, 0], b[:, 0], cells.layout.clusters).p_value, "McNemar exact"
    parts = cluster_contributions(cells.layout, a - b, range(len(cells.cells)))
    n_flips = max(N_FLIPS, flips_needed(1, level))
    (test,) = sign_flip_tests(parts, np.random.default_rng(seed), n_flips)
    return test.p_value, "sign-flip"


def _guard(
    cells: CellLayout,
    a: Floats,
    b: Floats,
    gate: Gate,
    changes: Mapping[Lang, Difference],
    lower: Mapping[Lang, float | None],
    members: Mapping[Lang, Sequence[int]],
    seed: int,
) -> tuple[LanguageChange, ...]:
    n_flips = max(N_FLIPS, flips_needed(len(changes), gate.alpha))
    margin = np.full_like(a, gate.margin)
    p_values = [
        fall_p_value(
            cluster_contributions(cells.layout, a - b, members[lang])[:, 0],
            cluster_contributions(cells.layout, margin, members[lang])[:, 0],
            n_flips,
            seed,
        )
        for lang in changes
    ]
    return tuple(
        LanguageChange(
            lang=lang,
            candidate=_macro(cells, a, members[lang]),
            champion=_macro(cells, b, members[lang]),
            difference=change,
            p_value=p,
            p_adjusted=float(adjusted),
            fell=bool(adjusted < gate.alpha),
            excluded=change.ci_low is not None and change.ci_low >= -gate.margin,
            lower=lower[lang],
        )
        for (lang, change), p, adjusted in zip(changes.items(), p_values, holm(p_values), strict=True)
    )


def _macro(cells: CellLayout, values: Floats, members: Sequence[int]) -> float:
    """Mean of the means of some cells."""
    return float(np.mean([values[cells.layout.cells == cell, 0].mean() for cell in members]))
