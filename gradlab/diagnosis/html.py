"""A diagnosis as HTML for a notebook or a report; everything that came from outside is escaped."""

from __future__ import annotations

from html import escape

from gradlab.diagnosis.finding import Finding
from gradlab.diagnosis.result import Diagnosis
from gradlab.diagnosis.text import unjudged_lines, verdict


def html_of(diagnosis: Diagnosis) -> str:
    """A fold for every finding, and a list of what could not be judged."""
    if not diagnosis.runs:
        return "<p>Nothing has been recorded yet.</p>"
    count = len(diagnosis.problems)
    parts = [f"<p><b>{verdict(count)}</b></p>"]
    many = len(diagnosis.runs) > 1
    parts += [_fold(finding, diagnosis.label(finding.run) if many else "") for finding in diagnosis]
    lines = unjudged_lines(diagnosis.unjudged, len(diagnosis.runs))
    if lines:
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        parts.append(f"<details><summary>Could not be judged</summary><ul>{items}</ul></details>")
    return "\n".join(parts)


def _fold(finding: Finding, label: str) -> str:
    run = f"run {label}: " if label else ""
    head = f"{finding.weight}, {finding.certainty}: {run}{finding.title}"
    evidence = "".join(f"<li>{escape(str(each))}</li>" for each in finding.evidence)
    where = f"<p>Where: {escape(str(finding.where))}</p>" if str(finding.where) else ""
    pasted = "".join(
        f"<p>{label}:</p><pre>{escape(block)}</pre>"
        for label, block in (("In a study file", finding.advice.yaml), ("In Python", finding.advice.code))
        if block
    )
    return (
        f"<details><summary>{escape(head)}</summary>{where}<ul>{evidence}</ul>"
        f"<p>Threshold: {escape(finding.threshold)} Source: {escape(finding.source)}</p>"
        f"<p>{escape(finding.advice.words)}</p>{pasted}</details>"
    )
