"""A diagnosis: the findings of some runs, and how they show themselves as text, frame, dict and HTML."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, overload

import pandas as pd

from gradlab.diagnosis.finding import CERTAINTIES, Finding, Unjudged

WELL = "Nothing is wrong, as far as this was recorded."


@dataclass(frozen=True, slots=True)
class Diagnosis(Sequence[Finding]):
    """The list of findings, problems first; also what could not be judged."""

    findings: tuple[Finding, ...]
    unjudged: tuple[Unjudged, ...]
    runs: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    """What tells the runs apart, such as `cell=lstm seed=0`."""

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        return self.findings[index]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __add__(self, other: Diagnosis) -> Diagnosis:
        """Of both runs; the findings of the first stand first."""
        return Diagnosis(
            self.findings + other.findings,
            self.unjudged + other.unjudged,
            self.runs + other.runs,
            {**self.labels, **other.labels},
        )

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that harm training."""
        return tuple(finding for finding in self.findings if finding.weight == "problem")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that harm nothing by themselves."""
        return tuple(finding for finding in self.findings if finding.weight == "note")

    @property
    def is_well(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def of(self, run: str) -> Diagnosis:
        """What was found in one run."""
        return Diagnosis(
            tuple(finding for finding in self.findings if finding.run == run),
            tuple(each for each in self.unjudged if each.run == run),
            (run,),
            self.labels,
        )

    def label(self, run: str) -> str:
        """A run as it is called in words: its id and what tells it apart."""
        return f"{run} ({self.labels[run]})" if self.labels.get(run) else run

    def __str__(self) -> str:
        from gradlab.diagnosis.text import text_of

        return text_of(self)

    def __repr__(self) -> str:
        return str(self)

    def frame(self) -> pd.DataFrame:
        """One row a finding: of which run, what, how sure, since which training step, where, and all that it says."""
        columns = [
            "run", "name", "about", "weight", "certainty", "title", "since", "where", "evidence", "threshold", "source",
            "advice",
        ]  # fmt: skip
        rows = [
            [f.run, f.name, f.about, f.weight, f.certainty, f.title, f.where.since, str(f.where),
             "; ".join(map(str, f.evidence)), f.threshold, f.source, f.advice.words]
            for f in self.findings
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """JSON values; numbers that JSON does not have are the texts `NaN`, `Infinity` and `-Infinity`."""
        return _plain(
            {
                "runs": list(self.runs),
                "labels": dict(self.labels),
                "is_well": self.is_well,
                "findings": [asdict(finding) for finding in self.findings],
                "unjudged": [asdict(each) for each in self.unjudged],
            }
        )

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)

    def _repr_html_(self) -> str:
        from gradlab.diagnosis.html import html_of

        return html_of(self)


def surest(findings: Sequence[Finding]) -> Finding:
    """The one that is surest, of some that there are."""
    return min(findings, key=lambda finding: CERTAINTIES.index(finding.certainty))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
