"""A rule: the question that it answers, its threshold with the source, and the function that judges one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gradlab.diagnosis.case import Case
from gradlab.diagnosis.finding import CannotJudge, Finding, Subject, Unjudged

MEASURED = "rule of thumb, measured on the suite of sick runs (tests/diagnosis)"
"""The source of thresholds that no paper gives."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `gradlab.diagnosis.FINDINGS`."""

    name: str
    question: str
    """What it answers, in a sentence."""
    about: Subject
    """What its findings belong to."""
    judge: Callable[[Case], Finding | None]
    """None where nothing is found or the rule does not concern the run; raises CannotJudge without its data."""
    threshold: str
    """In words, with numbers."""
    source: str
    certainty: str
    """What it calls strong, likely and weak."""

    def __call__(self, case: Case) -> Finding | Unjudged | None:
        """What the rule says of one run."""
        try:
            found = self.judge(case)
        except CannotJudge as lack:
            return Unjudged(self.name, lack.reason, lack.record, case.run)
        if found is None:
            return None
        about = found.about or self.about
        return replace(found, name=self.name, run=case.run, about=about, threshold=self.threshold, source=self.source)
