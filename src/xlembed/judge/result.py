"""What `xlembed judge-pairs` found."""

from __future__ import annotations

from collections.abc import Mapping

from xlembed.files import Record
from xlembed.stats.kappa import Kappa
from xlembed.stats.prediction_powered import Mean
from xlembed.words import Lang


class JudgedPair(Record):
    """One question and one document that a model found; None: no usable answer, nobody looked."""

    need_id: str
    query_id: str
    query_lang: Lang
    doc_id: str
    doc_lang: Lang
    machine: int | None
    human: int | None


class Precision(Record):
    """Share of right documents among the first of one model, mean over questions.

    Attributes:
        machine: all questions, by the language model.
        human: questions of which people judged all these documents; None: there are none.
        powered: machine judgements corrected by the human ones; None: too few of either, or nothing to correct.
    """

    model: str
    machine: Mean
    human: Mean | None
    powered: Mean | None


class Judged(Record):
    """All of it.

    Attributes:
        task: whose questions were judged.
        judge: the language model.
        depth: documents of each ranking.
        agreement: language of the question -> with people; ``all``: together; empty without human judgements.
        people: where the human judgements come from.
        failures: why pairs have no grade -> how many.
        cost: in the prices' currency.
    """

    task: str
    task_digest: str
    judge: str
    models: tuple[str, ...]
    depth: int
    needs: int
    pairs: tuple[JudgedPair, ...]
    agreement: dict[str, Kappa]
    people: str
    precision: tuple[Precision, ...]
    failures: dict[str, int]
    tokens_in: int
    tokens_out: int
    cost: float

    def params(self) -> Mapping[str, str]:
        """Of the run."""
        return {"llm": self.judge, "models": ",".join(self.models)}

    def tags(self) -> Mapping[str, str]:
        """Of the run."""
        return {"machine_judged": "true"}

    def metrics(self) -> Mapping[str, float]:
        """Of the run."""
        found = {"pairs": float(len(self.pairs)), "cost": self.cost}
        kappa = self.agreement["all"].kappa if self.agreement else None
        return found if kappa is None else found | {"kappa": kappa}
