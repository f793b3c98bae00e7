"""What was published beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from xlembed.files import Record
from xlembed.words import Choice


class Agreement(Choice):
    """Where a published value lies."""

    AGREES = "agrees"
    HIGHER = "published is higher"
    LOWER = "published is lower"
    UNKNOWN = "no interval"


class Figure(Record):
    """One measure: published with so many digits, and ours with its 95 % interval (None: too few clusters)."""

    measure: str
    published: float
    digits: int
    value: float
    ci_low: float | None
    ci_high: float | None
    n_units: int
    n_clusters: int

    @property
    def agreement(self) -> Agreement:
        """Whether the published value, which was rounded, lies within our interval.

        >>> Figure(measure="MRR", published=0.71, digits=2, value=0.7, ci_low=0.65, ci_high=0.706, n_units=50,
        ...        n_clusters=50).agreement
        <Agreement.AGREES: 'agrees'>
        """
        if self.ci_low is None or self.ci_high is None:
            return Agreement.UNKNOWN
        half = 0.5 * 10.0**-self.digits + 1e-12
        if self.published < self.ci_low - half:
            return Agreement.LOWER
        return Agreement.HIGHER if self.published > self.ci_high + half else Agreement.AGREES


class Reproduced(Record):
    """All measures of one recipe.

    Attributes:
        name: of the recipe.
        published_by: who published the figures.
        label: what must stand beside ours.
        unsure: what the publication does not say.
        data: where the task's data is from.
        changed: what is otherwise than in the recipe; empty: nothing.
    """

    name: str
    published_by: str
    model: str
    task: str
    data: str
    label: str = ""
    unsure: str = ""
    changed: tuple[str, ...] = ()
    figures: tuple[Figure, ...]

    def params(self) -> Mapping[str, str]:
        """Model and recipe."""
        return {"reproduce.recipe": self.name, "reproduce.model": self.model}

    def tags(self) -> Mapping[str, str]:
        """Where each published value lies."""
        return {f"agreement.{f.measure.replace('@', '_at_')}": str(f.agreement) for f in self.figures}

    def metrics(self) -> Mapping[str, float]:
        """Ours and theirs."""
        found: dict[str, float] = {}
        for figure in self.figures:
            found |= {figure.measure: figure.value, f"published/{figure.measure}": figure.published}
        return found

    def headline(self) -> list[str]:
        """What can be said of it."""
        known = [f for f in self.figures if f.agreement is not Agreement.UNKNOWN]
        if not known:
            lines = ["No interval: fewer than 10 independent groups of questions. Nothing can be said."]
        else:
            n = sum(f.agreement is Agreement.AGREES for f in known)
            lines = [f"{n} of {len(known)} published figures lie within our 95 % intervals (unadjusted)."]
        lines += [f"Otherwise than in the recipe: {what}." for what in self.changed]
        return [*lines, *([f"Not said there: {self.unsure}."] if self.unsure else [])]
