"""A diagnosis as text: the whole story of one run, or the same findings of many runs together."""

from __future__ import annotations

from collections.abc import Sequence

from gradlab.diagnosis.finding import Finding, Unjudged
from gradlab.diagnosis.result import WELL, Diagnosis, surest

_SHOWN = 6
"""Runs that are named where a finding has many."""


def text_of(diagnosis: Diagnosis) -> str:
    """Problems, notes, and what could not be judged."""
    if not diagnosis.runs:
        return "Nothing has been recorded yet."
    parts = [_heading(diagnosis)]
    if len(diagnosis.runs) == 1:
        parts += [str(finding) for finding in diagnosis]
    else:
        parts += [_together(group, diagnosis) for group in by_name(diagnosis.findings)]
    missing = unjudged_lines(diagnosis.unjudged, len(diagnosis.runs))
    if missing:
        parts.append("\n".join(["Could not be judged:", *(f"  - {line}" for line in missing)]))
    return "\n\n".join(parts)


def _heading(diagnosis: Diagnosis) -> str:
    if len(diagnosis.runs) == 1:
        name = f"Run {diagnosis.label(diagnosis.runs[0])}: " if diagnosis.runs[0] else ""
        count = len(diagnosis.problems)
        notes = f" {len(diagnosis.notes)} worth knowing." if diagnosis.notes else ""
        return f"{name}{verdict(count)}{notes}"
    ill = len({finding.run for finding in diagnosis.problems})
    count = len(diagnosis.runs)
    return f"{count} runs: {WELL}" if not ill else f"{count} runs: {ill} with a problem, {count - ill} without."


def verdict(problems: int) -> str:
    """How many problems there are, in a sentence."""
    return WELL if not problems else f"{problems} problem{'s' if problems > 1 else ''} found."


def by_name(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of the same name and weight together, in their order."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.weight, finding.name), []).append(finding)
    return sorted(groups.values(), key=lambda group: (group[0].weight == "note", -len(group)))


def _together(group: list[Finding], diagnosis: Diagnosis) -> str:
    """The surest of some findings in full, and in which runs there are more of them."""
    names = list(dict.fromkeys(finding.run for finding in group))
    listed = [f"  {diagnosis.label(name)}" for name in names[:_SHOWN]]
    listed += [f"  and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    counts = {word: sum(one.certainty == word for one in group) for word in ("strong", "likely", "weak")}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    chosen = surest(group)
    head = f"{chosen.name.upper()} in {len(names)} of {len(diagnosis.runs)} runs ({said}):"
    return "\n".join([head, *listed, f"the surest, in run {chosen.run}:", str(chosen)])


def unjudged_lines(unjudged: Sequence[Unjudged], runs: int) -> list[str]:
    """A line for each reason, with the number of runs where that is not all of them."""
    lines = []
    for reason in dict.fromkeys(each.reason for each in unjudged):
        same = [each for each in unjudged if each.reason == reason]
        names = ", ".join(sorted({each.name for each in same}))
        inside = len({each.run for each in same})
        many = f" in {inside} of {runs} runs" if inside < runs else ""
        how = same[0].record
        keys = f" ({'; '.join(f'{key}: {_flow(value)}' for key, value in how.keys.items())})" if how.keys else ""
        lines.append(f"{names}{many}: {reason}. {how.words}{keys}")
    return lines


def _flow(value: object) -> str:
    """A setting as it stands in a study file, on one line."""
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)
