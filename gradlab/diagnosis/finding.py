"""What a finding says: what is wrong, where, by which numbers, how sure, and what to do about it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

Certainty = Literal["strong", "likely", "weak"]
"""Each rule states what it calls strong, likely and weak."""
WIDTH = 110
"""Characters of a line of words."""
CERTAINTIES: tuple[Certainty, ...] = ("strong", "likely", "weak")

Weight = Literal["problem", "note"]
"""A problem harms training; a note is worth knowing and harms nothing by itself."""

Subject = Literal["vanishing", "exploding", "clipping", "truncation", "instrument"]
"""What a finding is about, in a word: what one asks first of a net that does not learn."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured number and what it is held against."""

    what: str
    value: float
    unit: str = ""
    limit: float | None = None
    """The threshold of the rule; None for numbers that are told for information."""
    relation: Literal["at least", "at most", "above", "below"] = "at least"
    """Where the number would have to stand for all to be well."""

    def __str__(self) -> str:
        said = f"{self.what}: {in_words(self.value)}{self._unit}"
        if self.limit is None:
            return said
        return f"{said} (well: {self.relation} {in_words(self.limit)}{self._unit})"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a finding; what does not apply is None or empty."""

    module: str = ""
    layer: int | None = None
    direction: int | None = None
    first_step: int | None = None
    """First training step at which it was seen."""
    last_step: int | None = None
    since: int | None = None
    """Training step at which it began, as far as recorded; None where that is not known."""

    def __str__(self) -> str:
        parts = [f"module {self.module}"] if self.module else []
        parts += [f"layer {self.layer}"] if self.layer is not None else []
        parts += ["backward direction"] if self.direction else []
        if self.first_step is not None:
            same = self.last_step in (None, self.first_step)
            steps = f"step {self.first_step}" if same else f"steps {self.first_step} to {self.last_step}"
            parts.append(f"training {steps}")
        if self.since is not None and self.since != self.first_step:
            parts.append(f"since step {self.since}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Advice:
    """What would help, in words and to be pasted; pieces of advice can be added up."""

    words: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Settings of a study by dotted key."""
    code: str = ""
    """The same in Python, for a training loop of one's own."""

    def __add__(self, other: Advice) -> Advice:
        words = " ".join(part for part in (self.words, other.words) if part)
        code = "\n".join(part for part in (self.code, other.code) if part)
        return Advice(words, {**self.keys, **other.keys}, code)

    @property
    def yaml(self) -> str:
        """The keys as they stand in a study file; empty without any."""
        tree: dict[str, Any] = {}
        for key, value in self.keys.items():
            *way, last = key.split(".")
            place = tree
            for name in way:
                place = place.setdefault(name, {})
            place[last] = value
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True).rstrip() if tree else ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a run shows, with everything needed to believe it or not."""

    name: str
    """Of the rule."""
    title: str
    """One sentence."""
    certainty: Certainty
    evidence: tuple[Evidence, ...]
    advice: Advice
    where: Where = Where()
    weight: Weight = "problem"
    run: str = ""
    about: Subject | None = None
    """Filled in from the rule, unless its judgement says so itself."""
    threshold: str = ""
    """What the rule asks for, in words; filled in from the rule."""
    source: str = ""
    """Where the threshold comes from."""

    def __str__(self) -> str:
        lines = [f"{self.weight.upper()} {self.title} ({self.name}, {self.certainty})"]
        lines += [f"  where: {self.where}"] if str(self.where) else []
        lines += [f"  - {each}" for each in self.evidence]
        lines += _wrapped("advice", self.advice.words)
        if self.advice.yaml:
            lines += ["  in a study file:", *(f"    {line}" for line in self.advice.yaml.splitlines())]
        if self.advice.code:
            lines += ["  in Python:", *(f"    {line}" for line in self.advice.code.splitlines())]
        lines += _wrapped("the rule", self.threshold) + _wrapped("its source", self.source)
        return "\n".join(lines)


def _wrapped(name: str, words: str) -> list[str]:
    return textwrap.wrap(f"{name}: {words}", WIDTH, initial_indent="  ", subsequent_indent="    ")


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A rule that could not be applied, why, and what to record so that it can."""

    name: str
    reason: str
    record: Advice
    run: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}. {self.record.words}"


class CannotJudge(Exception):
    """Raised by a rule that lacks what it needs."""

    def __init__(self, reason: str, record: Advice) -> None:
        super().__init__(reason)
        self.reason = reason
        self.record = record


def in_words(value: float) -> str:
    """A number with three digits that say something; infinities and NaN by their names."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinity"
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.3g}"
