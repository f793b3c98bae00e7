"""What came of a promotion: moved or refused, and why; in words, as JSON, as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from xlembed.promote.decision import Decision
from xlembed.tracking.versions import SearchMove


@dataclass
class Outcome:
    """What became of a promotion.

    Attributes:
        name: registered model.
        candidate: its URI.
        opponent: URI of the champion, or the base model.
        task: of the gate.
        verdict: in words.
        granted: the gate holds, or was forced.
        moved: the alias was moved by this call.
        dry_run: nothing was to be moved.
        number: of the promotion, if one was claimed.
        run_id: MLflow run with all of this.
        reason: of --force, where it was needed.
        refusals: why the gate does not hold.
        notes: what else is worth knowing.
        decision: the numbers; None where nothing could be compared.
        search: the search alias that moved with it.
        next_step: what to do now.
        kind: `promote` or `rollback`.
    """

    name: str
    candidate: str
    opponent: str = ""
    task: str = ""
    verdict: str = ""
    granted: bool = False
    moved: bool = False
    dry_run: bool = False
    number: int | None = None
    run_id: str = ""
    reason: str = ""
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    decision: Decision | None = None
    search: SearchMove | None = None
    next_step: str = ""
    kind: str = "promote"

    def to_json(self) -> dict[str, Any]:
        """For scripts, and promotion.json."""
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        values["decision"] = None if self.decision is None else self.decision.to_json()
        values["search"] = None if self.search is None else asdict(self.search)
        return values


def _advice(outcome: Outcome) -> str:
    decision = outcome.decision
    if decision is None or decision.holds:
        return "see the reasons above; --force REASON promotes all the same, and the reason is kept on the version"
    if decision.fallen:
        return (
            f"look at {', '.join(decision.fallen)} (xlembed compare), and train with texts in these languages"
        )
    if decision.better:
        return "use a task with more queries" + (", or leave --strict out" if decision.gate.strict else "")
    return (
        "train a better one, or use a task with more queries; trying the same again changes nothing, and every new "
        "attempt is tested more strictly"
    )


def gate_metrics(decision: Mapping[str, Any]) -> dict[str, float]:
    """`gate/difference`, `gate/p_value`, `gate/de/difference`, ... of what has a number."""
    keys = ("candidate", "champion", "difference", "ci_low", "ci_high")
    found = {f"gate/{k}": decision[k] for k in (*keys, "p_value", "level", "attempt", "detectable")}
    for row in decision["languages"]:
        found |= {f"gate/{row['lang']}/{k}": row[k] for k in (*keys, "p_fall_adjusted")}
    return {key: float(value) for key, value in found.items() if value is not None}
