"""Findings: what is wrong with a run, read from its tables, each with its evidence. No torch."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from gradlab.diagnosis.finding import Advice, Evidence, Finding, Unjudged, Where
    from gradlab.diagnosis.findings import FINDINGS
    from gradlab.diagnosis.judging import diagnose
    from gradlab.diagnosis.result import Diagnosis
    from gradlab.diagnosis.rule import Rule

__all__ = ["FINDINGS", "Advice", "Diagnosis", "Evidence", "Finding", "Rule", "Unjudged", "Where", "diagnose"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "judging": ["diagnose"],
        "finding": ["Advice", "Evidence", "Finding", "Unjudged", "Where"],
        "findings": ["FINDINGS"],
        "result": ["Diagnosis"],
        "rule": ["Rule"],
    },
)
