"""How good the diagnosis is on the suite: what it names, what it cries about for nothing, and what its advice heals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.diagnosis.running import Ran, SetUp, is_healed, run

GOALS = {"named": 0.9, "false alarms": 0.05, "healed": 0.7}
NOTHING_TO_HEAL = ("near_critical",)
"""Rules that find no illness: their set-ups count as named or not, and not among those to be healed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One set-up, what was found, and what became of it when the advice was followed."""

    set_up: SetUp
    ran: Ran
    after: Ran | None
    """The run repeated with the study keys of the finding; None for healthy ones and for those not named."""

    @property
    def named(self) -> bool:
        """Whether the cause is among what was found: as a problem, or as a note."""
        return self.set_up.cause in self.ran.names() | self.ran.names("note")

    @property
    def named_first(self) -> bool:
        """Whether it stands first."""
        return bool(self.ran.diagnosis) and self.ran.diagnosis[0].name == self.set_up.cause

    @property
    def alarm(self) -> bool:
        """Whether any problem was found, however weak: false for a healthy run."""
        return bool(self.ran.names())

    @property
    def healed(self) -> bool:
        """The finding is gone, and the loss or the score is no worse."""
        return self.after is not None and is_healed(self.ran, self.after, self.set_up.cause)

    @property
    def better(self) -> bool:
        """Healed, and what was learned is clearly more: a tenth off the loss, or 0.05 more score."""
        if self.after is None or not self.healed:
            return False
        return self.after.loss < 0.9 * self.ran.loss or self.after.score > self.ran.score + 0.05


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts over some verdicts."""

    sick: int
    named: int
    named_first: int
    curable: int
    healed: int
    better: int
    healthy: int
    alarms: int

    @property
    def misses(self) -> list[str]:
        """The goals that were missed, with the numbers."""
        found = {
            "named": self.named / max(1, self.sick),
            "false alarms": self.alarms / max(1, self.healthy),
            "healed": self.healed / max(1, self.curable),
        }
        worse = {
            name: found[name] > goal if name == "false alarms" else found[name] < goal for name, goal in GOALS.items()
        }
        return [f"{name}: expected {GOALS[name]:.0%}, got {found[name]:.0%}" for name in GOALS if worse[name]]


def verdict(set_up: SetUp) -> Verdict:
    """Run it, and where its cause was named follow the advice of that finding alone."""
    ran = run(set_up)
    found = next((finding for finding in ran.diagnosis if set_up.cause and finding.name == set_up.cause), None)
    after = run(set_up, found.advice.keys) if found is not None and found.advice.keys else None
    return Verdict(set_up, ran, after)


def rates(verdicts: Iterable[Verdict]) -> Rates:
    """Counts over sick and healthy ones together."""
    given = list(verdicts)
    sick = [one for one in given if one.set_up.cause]
    curable = [one for one in sick if one.set_up.cause not in NOTHING_TO_HEAL]
    healthy = [one for one in given if not one.set_up.cause]
    return Rates(
        len(sick),
        sum(one.named for one in sick),
        sum(one.named_first for one in sick),
        len(curable),
        sum(one.healed for one in curable),
        sum(one.better for one in curable),
        len(healthy),
        sum(one.alarm for one in healthy),
    )
