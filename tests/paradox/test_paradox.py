"""The paradox test: verdicts on hand-made score sets, conditions one by one, correlations."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pandas as pd
import pytest

from xlembed.data.task import Alignment
from xlembed.measures import parse_measure
from xlembed.models.spec import resolve_model
from xlembed.paradox.job import Paradox, Row
from xlembed.paradox.remedies import Choice, Remedy, choose, halves, judging_measures, remedies
from xlembed.paradox.subjects import Subject
from xlembed.paradox.verdict import (
    IN_GENERAL,
    Outcome,
    Verdict,
    correlate,
    correlation_text,
    decide,
    rule_lines,
)
from xlembed.settings import Settings
from xlembed.stats.comparison import Evaluated, compare_models
from xlembed.stats.conditions import (
    Breaks,
    Loss,
    Margins,
    ModelConditions,
    judge_models,
    smallest_undecided,
)
from xlembed.stats.margins import Condition, Status
from xlembed.stats.standing import Standing, standings
from xlembed.words import UserError

HIT = parse_measure("accuracy@1")
S, V, U, NA = Status.SHOWN, Status.VIOLATED, Status.UNDECIDED, Status.NOT_APPLICABLE
CHANCE = 0.01
N = 400
FAST = 1000


def model(
    name: str,
    mono: float,
    true_all: float,
    target: float | None = None,
    cross: float | None = None,
    n: int = N,
    shift: int = 0,
) -> Evaluated:
    """Two languages, one need per cluster: the share of needs answered in each mode, counted from need `shift` on.

    What is answered in a harder pool is answered in an easier one too.
    """
    target = true_all if target is None else target
    modes = (
        ("monolingual", "target", True, mono),
        ("cross_lingual", "all", True, mono if cross is None else cross),
        ("true_cross_lingual", "all", False, true_all),
        ("true_cross_lingual", "target", False, target),
    )
    rows = []
    for (mode, pool, same, share), lang in itertools.product(modes, ("en", "de")):
        other = lang if same else ("de" if lang == "en" else "en")
        rows += [
            {
                "query_id": f"q{i}-{lang}",
                "need_id": f"n{i}",
                "cluster": f"c{i:04d}",
                "query_lang": lang,
                "doc_lang": other,
                "mode": mode,
                "pool": pool,
                "n_relevant": 1,
                "hit@1": float((i - shift) % n < round(share * n)),
            }
            for i in range(n)
        ]
    return Evaluated(name, pd.DataFrame(rows), {})


def judged(
    models: list[Evaluated],
    bm25: Evaluated | None,
    is_demonstration: bool = False,
) -> tuple[Verdict, dict[str, Standing], dict[str, ModelConditions]]:
    """As the stage does it."""
    margins = Margins()
    found = standings(models, bm25, HIT, CHANCE, margins, n_resamples=FAST)
    able = [m for m in models if found[m.name].is_judged]
    conditions = judge_models(able, able, HIT, margins, n_resamples=FAST)
    return decide(conditions, is_demonstration), found, conditions


BM25 = model("bm25", 0.6, 0.01)
RANDOM = model("random", 0.0125, 0.01)
PERFECT = model("perfect", 1.0, 1.0)
E5 = model("e5", 0.858, 0.008, 0.622)
"""multilingual-e5-small on the bundled reviews, as measured."""


# Verdicts on hand-made score sets


def test_random_weights_are_not_judged() -> None:
    verdict, found, _ = judged([RANDOM, replace(RANDOM, name="random too")], BM25)
    assert verdict.outcome is Outcome.NOBODY and verdict.text == "No model could be judged."
    assert "not shown to be above twice chance (2.0 %)" in found["random"].reason


def test_where_twice_chance_is_above_every_score_that_is_the_reason() -> None:
    _, found, _ = judged([PERFECT], BM25)
    assert not found["perfect"].reason
    few = replace(found["perfect"], bar=5 / 3)
    assert few.reason == (
        "a random order of so few documents already scores 83.3 %, and no score can be shown to be above twice that"
    )


def test_random_weights_do_not_change_what_is_said_of_others() -> None:
    verdict, _, conditions = judged([RANDOM, E5], BM25)
    assert (verdict.outcome, verdict.models) == (Outcome.NONE, ("e5",)) and list(conditions) == ["e5"]


def test_bm25_alone() -> None:
    verdict, found, _ = judged([], BM25)
    assert verdict.outcome is Outcome.NOBODY and found == {}


def test_without_bm25_nobody_is_judged() -> None:
    verdict, found, _ = judged([PERFECT], None)
    assert verdict.outcome is Outcome.NOBODY and "bm25" in found["perfect"].reason


def test_one_model_without_loss_has_nothing_to_compare_with() -> None:
    verdict, _, conditions = judged([PERFECT], BM25)
    assert (verdict.outcome, verdict.models) == (Outcome.NO_LOSS, ("perfect",))
    assert verdict.text == "perfect: no loss shown; nothing to compare with."
    assert conditions["perfect"].monolingual.status is NA and conditions["perfect"].is_alone


def test_one_model_that_loses() -> None:
    verdict, _, _ = judged([E5], BM25)
    assert verdict.outcome is Outcome.NONE
    assert "These" not in verdict.text and "this model on this task only" in verdict.text
    assert (
        "today" not in verdict.text.lower()
        and "1 base model judged, general sentences need 5" in verdict.text
    )


def test_three_equal_weak_models_are_too_far_below_bm25() -> None:
    weak = [model(f"weak{i}", 0.2, 0.2) for i in range(3)]
    verdict, found, _ = judged(weak, BM25)
    assert verdict.outcome is Outcome.NOBODY
    assert found["weak0"].floor == pytest.approx(-0.10)  # half of 0.6 is more than 10 points
    assert "−40.0 points and not shown to be above −10.0" in found["weak0"].reason


def test_three_equal_weak_models_on_a_hard_task() -> None:
    """BM25 finds 8 %, so the floor is 4 points; they find 8 % too and lose half of it: 4 points, but half."""
    weak = [model(f"weak{i}", 0.08, 0.04, shift=i) for i in range(3)]
    hard = model("bm25", 0.08, 0.0)
    verdict, found, conditions = judged(weak, hard)
    assert found["weak0"].floor == pytest.approx(-0.04) and verdict.n_judged == 3
    assert {c.loss_strong.share.status for c in conditions.values()} == {
        V
    }  # 4 points of 8 are more than 10 %
    assert {c.loss_strong.points.status for c in conditions.values()} == {U}
    assert verdict.outcome is Outcome.NONE and verdict.models == ("weak0", "weak1", "weak2")


def test_a_perfect_model_among_others() -> None:
    verdict, _, conditions = judged([PERFECT, E5], BM25)
    assert (verdict.outcome, verdict.models) == (Outcome.SOME, ("perfect",))
    assert conditions["perfect"].breaks is Breaks.YES and conditions["e5"].breaks is Breaks.NO
    assert conditions["e5"].monolingual.status is V and conditions["e5"].monolingual.against == "perfect"
    assert "these 2 models on this task only" in verdict.text


def test_e5_as_measured() -> None:
    """With static_multilingual, which is too far below BM25 to be judged."""
    static = model("static_multilingual", 0.501, 0.122, 0.389, 0.302)
    verdict, found, conditions = judged([E5, static], model("bm25", 0.617, 0.007, 0.079, 0.614))
    assert [name for name, s in found.items() if s.is_judged] == ["e5"]
    assert verdict.outcome is Outcome.NONE and verdict.models == ("e5",)
    loss = conditions["e5"].loss_strong
    assert loss.points.difference is not None and loss.share.difference is not None
    assert loss.points.difference.value == pytest.approx(0.85, abs=0.005)
    assert loss.share.difference.value == pytest.approx(0.85 - 0.0858, abs=0.005)
    assert conditions["e5"].cross_lingual.status is S and (loss.points.status, loss.share.status) == (V, V)


def test_partly_is_loss_weak_in_place_of_loss_strong_only() -> None:
    part = model("part", 0.8, 0.4, 0.8)
    verdict, _, _ = judged([part, model("other", 0.8, 0.3, 0.3)], BM25)
    assert (verdict.outcome, verdict.models) == (Outcome.PARTLY, ("part",))


def test_twelve_clusters_decide_nothing() -> None:
    few = [model("a", 1.0, 0.75, n=12), model("b", 1.0, 0.75, n=12)]
    bm25 = model("bm25", 0.25, 0.0, n=12)
    verdict, found, conditions = judged(few, bm25)
    assert all(s.is_judged for s in found.values())
    assert verdict.outcome is Outcome.UNDECIDED and smallest_undecided(conditions) > 0.1  # type: ignore[operator]
    assert "today" not in verdict.text.lower() and "size" not in verdict.text


def test_nine_clusters_judge_nobody() -> None:
    verdict, found, _ = judged([model("a", 1.0, 1.0, n=9)], model("bm25", 0.3, 0.0, n=9))
    assert verdict.outcome is Outcome.NOBODY
    assert found["a"].reason == "9 clusters of queries are too few for an interval"


@pytest.mark.parametrize("outcome", list(IN_GENERAL))
def test_general_sentences_need_five_judged_models_and_a_real_task(outcome: Outcome) -> None:
    right = {Outcome.SOME: (0.9, 0.9), Outcome.PARTLY: (0.2, 0.9), Outcome.NONE: (0.2, 0.2)}[outcome]
    models = [model(f"m{i}", 0.9, *right) for i in range(5)]
    for given, is_demonstration, general in (
        (models, False, True),
        (models[:4], False, False),
        (models, True, False),
    ):
        verdict, _, _ = judged(given, BM25, is_demonstration)
        assert verdict.outcome is outcome and verdict.is_general is general
        assert (IN_GENERAL[outcome] in verdict.text) is general
        assert ("on this task only" in verdict.text) is not general
        assert ("demonstration" in verdict.text) is is_demonstration


# Who is judged


def test_holm_over_the_models_goes_on_while_one_is_shown() -> None:
    """Against chance alone: at alpha / 3 only two are shown, the third at its own alpha."""
    # 14 of 400: Wilson's lower end is 2.10 % at 95 %, 1.88 % at 98.3 %.
    near = model("near", 0.035, 0.0)
    alone = standings([near], RANDOM, HIT, CHANCE, Margins(), n_resamples=FAST)["near"]
    assert alone.monolingual.ci_low > 0.02  # type: ignore[operator]
    weak = [replace(near, name="near2"), replace(near, name="near3")]
    three = standings([near, *weak], BM25, HIT, CHANCE, Margins(), n_resamples=FAST)
    assert three["near"].monolingual.ci_low < 0.02  # type: ignore[operator]  # nobody passes alpha / 3
    strong = standings([near, PERFECT, E5], BM25, HIT, CHANCE, Margins(), n_resamples=FAST)
    assert strong["near"].monolingual.ci_low == pytest.approx(alone.monolingual.ci_low)


def test_bm25_that_finds_nothing_must_be_beaten() -> None:
    nothing = model("bm25", 0.0, 0.0)
    found = standings([model("m", 0.5, 0.5)], nothing, HIT, CHANCE, Margins(), n_resamples=FAST)["m"]
    assert found.floor == 0 and found.is_judged


# Conditions


def conditions_of(
    mono: Status, cross: Status, strong: tuple[Status, Status], weak: Status = Status.UNDECIDED
) -> ModelConditions:
    one = {status: Condition(status, 0.0) for status in Status}
    return ModelConditions(
        one[mono], one[cross], Loss(one[strong[0]], one[strong[1]]), Loss(one[weak], one[weak])
    )


@pytest.mark.parametrize(
    ("found", "breaks"),
    [
        (conditions_of(S, S, (S, S)), Breaks.YES),
        (conditions_of(NA, S, (S, S)), Breaks.YES),
        (conditions_of(NA, S, (U, S), S), Breaks.UNDECIDED),  # alone there is no "partly"
        (conditions_of(S, S, (S, U), S), Breaks.PARTLY),
        (conditions_of(S, S, (S, V), S), Breaks.PARTLY),
        (conditions_of(S, S, (S, U)), Breaks.UNDECIDED),
        (conditions_of(S, S, (S, V)), Breaks.NO),  # small in points, not as a share
        (conditions_of(S, S, (V, S)), Breaks.NO),
        (conditions_of(U, S, (S, S), S), Breaks.UNDECIDED),
        (conditions_of(S, U, (S, S), S), Breaks.UNDECIDED),
        (conditions_of(V, S, (S, S), S), Breaks.NO),
        (conditions_of(S, V, (S, S), S), Breaks.NO),
        (conditions_of(U, U, (U, U), V), Breaks.UNDECIDED),  # loss_weak alone violates nothing
    ],
)
def test_what_one_model_does(found: ModelConditions, breaks: Breaks) -> None:
    assert found.breaks is breaks


def test_none_needs_every_judged_model() -> None:
    no, open_ = conditions_of(V, S, (S, S)), conditions_of(S, S, (U, S))
    assert decide({"a": no, "b": no}).outcome is Outcome.NONE
    assert decide({"a": no, "b": open_}).outcome is Outcome.UNDECIDED


def test_a_fall_of_the_own_score_in_the_pool_of_all() -> None:
    """(b): nothing else differs."""
    found = judge_models(
        [m := model("m", 0.9, 0.9, cross=0.8), model("n", 0.9, 0.9)], [m], HIT, Margins(), n_resamples=FAST
    )
    assert (found["m"].cross_lingual.status, found["n"].cross_lingual.status) == (V, S)
    assert found["m"].cross_lingual.difference.value == pytest.approx(-0.1)  # type: ignore[union-attr]


def test_every_other_judged_model_is_a_rival_and_the_worst_decides() -> None:
    models = [model("a", 0.8, 0.8), model("b", 0.79, 0.79), model("c", 0.9, 0.9)]
    found = judge_models(models, models, HIT, Margins(), n_resamples=FAST)
    assert (found["a"].monolingual.status, found["a"].monolingual.against) == (V, "c")
    assert found["a"].monolingual.difference.value == pytest.approx(-0.1)  # type: ignore[union-attr]
    assert (found["c"].monolingual.status, found["c"].monolingual.against) == (S, "a")


def test_margins_decide() -> None:
    models = [model("a", 0.8, 0.7), model("b", 0.7, 0.6)]
    strict = judge_models(models, models, HIT, Margins(0.03, 0.03, 0.5), n_resamples=FAST)
    lax = judge_models(models, models, HIT, Margins(0.2, 0.2, 0.5), n_resamples=FAST)
    assert (strict["a"].loss_strong.status, strict["b"].monolingual.status) == (V, V)
    assert (lax["a"].loss_strong.status, lax["b"].monolingual.status) == (S, S)
    share = judge_models(models, models, HIT, Margins(0.2, 0.2, 0.05), n_resamples=FAST)
    assert (share["a"].loss_strong.points.status, share["a"].loss_strong.share.status) == (S, V)


def test_the_share_is_of_the_macros_shown_beside_it() -> None:
    """A third of the needs has no German query: the macro of the losses stays over pairs, that of mono over languages.

    Monolingual: en 300 of 400, de 200 of 250, so 0.775. en -> de: need i < 100 right of 250, its own language 200: loss
    0.4; de -> en: 100 right of 250, own 250: loss 0.6. loss_strong 0.5; minus a tenth of 0.775 is 0.4225.
    """
    whole = model("m", 0.75, 0.25)
    table = whole.units
    number = table["need_id"].str[1:].astype(int)
    table = table[~((number >= 250) & (table["doc_lang"].eq("de") | table["query_lang"].eq("de")))].copy()
    de_mono = table["mode"].isin(["monolingual", "cross_lingual"]) & table["doc_lang"].eq("de")
    table.loc[de_mono, "hit@1"] = (number[de_mono[de_mono].index] < 200).astype(float)
    m = Evaluated("m", table, {})
    found = judge_models([m], [m], HIT, Margins(), n_resamples=FAST)["m"].loss_strong
    assert found.points.difference.value == pytest.approx(0.5)  # type: ignore[union-attr]
    assert found.share.difference.value == pytest.approx(0.4225)  # type: ignore[union-attr]


def test_violated_takes_bonferroni_over_the_conditions() -> None:
    """A loss whose usual interval is just above the margin: violated at 5 %, not at 5 % / 4."""
    table = model("a", 0.8, 0.7145, 0.8)
    rival = replace(table, name="b")
    found = judge_models([table, rival], [table, rival], HIT, Margins(), n_resamples=4000)[
        "a"
    ].loss_strong.points
    # 34 of 400 clusters lose: 0.085, SE 0.0139; 1.96 SE leaves 0.0577, 2.50 SE leaves 0.0502.
    assert found.difference.ci_low > 0.05  # type: ignore[union-attr, operator]
    tight = Margins(loss=0.0535)
    found = judge_models([table, rival], [table, rival], HIT, tight, n_resamples=4000)["a"].loss_strong.points
    assert found.difference.ci_low > 0.0535 and found.status is U  # type: ignore[union-attr, operator]


def test_few_clusters_decide_nothing() -> None:
    models = [model("a", 1.0, 1.0, n=9), model("b", 0.0, 0.0, n=9)]
    found = judge_models(models, models, HIT, Margins(), n_resamples=500)
    assert {condition.status for c in found.values() for condition in c.named().values()} == {U}
    assert found["a"].loss_strong.points.difference.ci_low is None  # type: ignore[union-attr]
    assert smallest_undecided(found) is None


def test_monolingual_units_alone_are_not_enough() -> None:
    table = model("a", 0.5, 0.5, n=20).units
    only = Evaluated("a", table[table["mode"] == "monolingual"], {})
    with pytest.raises(UserError, match=r"cross_lingual .* all three modes"):
        judge_models([only], [only], HIT, Margins(), n_resamples=100)


def test_the_rule_says_its_margins() -> None:
    text = " ".join(rule_lines(Margins(0.02, 0.1, 0.2, 0.15), "nDCG@10"))
    for words in (
        "-2 points",
        "below 10 points and below 20 %",
        "-15 points",
        "nDCG@10",
        "95 %",
        "2 times chance",
    ):
        assert words in text


# Remedies


def mended(after: Evaluated, base: Evaluated, not_judged: dict[str, str] | None = None) -> Remedy:
    found = compare_models([after, base], [HIT], HIT, n_resamples=FAST, pairs=[(after.name, base.name)])
    (one,) = remedies(found.rows, [HIT], {"m": 0.6, "m+center": 0.2}, not_judged or {}, Margins())
    return one


def test_a_remedy_mends_when_nothing_within_falls_and_across_rises() -> None:
    base = model("m", 0.8, 0.2)
    found = mended(model("m+center", 0.81, 0.6), base)
    assert (found.mends, found.share_mended) == ("yes", pytest.approx(1 - 0.2 / 0.6))
    (effect,) = found.effects
    assert (effect.monolingual, effect.cross_lingual, effect.true_cross) == (S, S, S)
    assert (effect.gain and effect.gain.difference, effect.cost and effect.cost.difference) == (
        pytest.approx(0.4),
        pytest.approx(0.01),
    )
    same = mended(
        model("m+z50", 0.8, 0.6, cross=0.81), base
    )  # nothing within a language can change: no evidence
    assert (same.mends, same.effects[0].monolingual, same.effects[0].cross_lingual) == ("yes", NA, S)
    assert mended(model("m+center", 0.7, 0.6), base).mends == "no"  # mono falls by 10 points
    assert mended(model("m+center", 0.8, 0.6, cross=0.7), base).mends == "no"
    assert mended(model("m+center", 0.8, 0.2), base).mends == "undecided"
    assert mended(model("m+center", 0.8, 0.1), base).mends == "no"


def test_a_score_that_could_change_and_did_not_is_kept_only_where_its_interval_says_so() -> None:
    """Of 40 clusters without a change 3 in 40 may have one; merged scores cannot change a ranking within a language."""
    base = model("m", 0.8, 0.2, n=40)
    found = [mended(model(f"m+{name}", 0.8, 0.6, n=40), base) for name in ("center", "interleave")]
    assert [(r.mends, r.effects[0].monolingual) for r in found] == [("undecided", U), ("undecided", NA)]
    assert [r.effects[0].cross_lingual for r in found] == [U, U]
    large = mended(model("m+center", 0.8, 0.6), model("m", 0.8, 0.2))
    assert (large.mends, large.effects[0].monolingual) == ("yes", S)


def test_nothing_is_mended_where_nothing_is_judged() -> None:
    found = mended(model("m+center", 0.8, 0.6), model("m", 0.8, 0.2), {"m": "random weights"})
    assert (found.mends, found.to_json()[0]["reason"]) == ("not judged", "random weights")


def at_ten(of: Evaluated, deep: Evaluated) -> Evaluated:
    """The first model's units with a hit@10 and a rr@10 that are the second one's."""
    units = of.units.assign(**{"hit@10": deep.units["hit@1"], "rr@10": deep.units["hit@1"]})
    return Evaluated(of.name, units, {})


def test_variants_of_a_fine_tuned_model_are_judged_where_that_is() -> None:
    ref = resolve_model("static_multilingual")
    of = {
        "e5": None,
        "good": "e5",
        "good+interleave": "good",
        "weak": "e5",
        "weak+interleave": "weak",
        "bm25": None,
    }
    rows = [
        Row(Subject(replace(ref, slug=name), base, "" if name == "e5" else "no base model"), None, (), None)  # type: ignore[arg-type]
        for name, base in of.items()
    ]
    good, weak = replace(E5, name="good"), replace(RANDOM, name="weak")
    models = {"e5": E5, "good": good, "weak": weak, "bm25": BM25}
    found = Paradox(None, Settings(), rows, models, ())  # type: ignore[arg-type]
    vars(found)["chance"] = CHANCE
    reasons = found._not_judged()
    assert reasons.pop("weak+interleave").startswith("its monolingual score 1.2 % is not shown to be above")
    assert reasons == {"e5": "", "bm25": "no base model of the test"}


def test_on_a_comparable_task_rank_ten_decides_and_rank_one_counts_as_cost() -> None:
    """Nothing is won at rank 1, where languages compete; the first place within languages must be kept all the same."""
    columns = {"hit@1", "hit@10", "rr@10"}
    judging = judging_measures(Alignment.COMPARABLE, HIT, columns)
    assert [m.name for m in judging] == ["accuracy@10", "MRR@10"]
    assert judging_measures(Alignment.PARALLEL, HIT, columns) == [HIT]
    assert judging_measures(Alignment.COMPARABLE, HIT, {"hit@1"}) == [HIT]
    base = at_ten(model("m", 0.8, 0.02), model("m", 0.9, 0.1))
    for cross, mends in ((0.8, "yes"), (0.6, "no")):
        after = at_ten(model("m+x", 0.8, 0.02, cross=cross), model("m+x", 0.9, 0.7))
        found = compare_models([after, base], judging, HIT, n_resamples=FAST, pairs=[("m+x", "m")])
        (one,) = remedies(found.rows, judging, {}, {}, Margins())
        assert [(e.measure, e.must_rise) for e in one.effects] == [
            ("accuracy@1", False),
            ("accuracy@10", True),
            ("MRR@10", True),
        ]
        assert one.mends == mends


def test_the_best_remedy_is_chosen_on_one_half_and_told_of_the_other() -> None:
    """+good mends; +wild has more across languages but loses within; +luck is good on the half that chooses only."""
    base = model("m", 0.8, 0.2)
    first, second = halves(sorted(set(base.units["cluster"])))
    assert len(first) == len(second) == N // 2 and not first & second
    good, wild = model("m+good", 0.8, 0.5), model("m+wild", 0.8, 0.9, cross=0.5)
    units = model("m+luck", 0.8, 0.2).units
    across = (units["mode"] == "true_cross_lingual") & units["cluster"].isin(first)
    luck = Evaluated("m+luck", units.assign(**{"hit@1": units["hit@1"].where(~across, 1.0)}), {})

    def chosen(*tried: Evaluated) -> Choice:
        return choose(base, tried, HIT, [HIT], {}, Margins(), n_resamples=FAST)

    found = chosen(good, wild)
    assert found.chosen == "m+good" and found.held_out is not None and found.held_out.mends == "yes"
    assert found.text.startswith(
        "m: m+good is the best of 2 on 200 clusters; on the other 200, accuracy@1: true cross"
    )
    lucky = chosen(good, luck)
    assert (lucky.chosen, lucky.score) == ("m+luck", 1.0)
    assert lucky.held_out is not None and lucky.held_out.mends == "undecided"
    assert chosen(wild).text == (
        "m: none of 1 remedies mends on 200 clusters; the highest accuracy@1 across languages there is that of m+wild"
    )


# Correlations


def test_under_five_models_there_is_rho_without_p() -> None:
    found = correlate([0.1, 0.2, 0.3, 0.4], {"monolingual": [1, 2, 3, 4]})
    assert found[0].test.rho == 1 and found[0].test.p_value is None and found[0].p_adjusted is None
    assert not found[0].is_shown
    assert correlation_text(found) == "too few models: 4 base models, a test needs 5"


def test_holm_over_the_three() -> None:
    """p = 1/120, 5/120 and 1: times 3, 2 and 1."""
    scores = {"a": [1, 2, 3, 4, 5], "b": [2, 1, 3, 4, 5], "c": [5, 4, 3, 2, 1]}
    found = correlate([1, 2, 3, 4, 5], scores)
    assert [c.p_adjusted for c in found] == pytest.approx([3 / 120, 10 / 120, 1])
    assert [c.is_shown for c in found] == [True, False, False]
    assert correlation_text(found) == "part of the paradox is seen: more separation goes along with a only"


def test_a_constant_score_counts_as_one() -> None:
    found = correlate(range(6), {"a": [1] * 6, "b": range(6), "c": range(6)})  # type: ignore[arg-type]
    assert [c.p_adjusted for c in found] == pytest.approx([1, 3 / 720, 3 / 720])
    assert correlation_text(found[1:]) == "the paradox is seen: more separation goes along with all three"
    assert "not shown" in correlation_text(found[:1])
