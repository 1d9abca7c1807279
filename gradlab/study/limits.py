"""What a run may take, and what is done when it does not end well."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

from pydantic import Field, ValidationError

from gradlab.errors import Fault, GradlabError
from gradlab.settings import Settings
from gradlab.study.faults import faults_of
from gradlab.study.memory import resident_memory
from gradlab.study.tree import Entry, with_tuples

MB = 1_000_000


class Limits(Settings):
    """Bounds of a run. They do not decide what it computes, and so are no part of its identity."""

    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Wall-clock time of one attempt; null for no bound. Looked at between training steps. With workers (`--jobs`,
    `--cluster`) a run that is stuck in a step is ended from outside, a tenth of this or 10 s later; in one process
    nobody is there to end it."""
    memory: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Resident memory, in MB, of the process that does the run; null for no bound. Looked at between steps."""
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    """How often a run that ended by an error is done again, from its last checkpoint. One at its limit, or whose
    numbers became NaN, would end so again and is not."""


class LimitError(GradlabError):
    """A run took more than its limits allow.

    Attributes:
        limit: which one: `seconds` or `memory`.
    """

    def __init__(self, limit: str, message: str) -> None:
        self.limit = limit
        super().__init__(message)


def limits_of(entry: Entry | None) -> tuple[Limits, list[Fault]]:
    """Read the `limits` of a study file, and the mistakes in them; without any there are no bounds."""
    if entry is None or entry.node.value is None:
        return Limits(), []
    if not isinstance(entry.node.value, dict):
        return Limits(), [Fault(entry.node.where, "limits", "seconds, memory and retries", entry.node.shown())]
    try:
        return Limits.model_validate(with_tuples(entry.node.plain()), strict=True), []
    except ValidationError as error:
        return Limits(), [replace(one, key=f"limits.{one.key}") for one in faults_of(error, entry.node, Limits)]


class Watchman:
    """Looks after the limits of one attempt; to be asked between steps.

    Raises LimitError, naming the limit, what was allowed and what was found.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._started = time.perf_counter()

    def check(self) -> None:
        """Raise LimitError when a limit is passed."""
        seconds, memory = self._limits.seconds, self._limits.memory
        if seconds is not None and (taken := time.perf_counter() - self._started) > seconds:
            raise LimitError("seconds", f"time limit: expected at most {seconds:g} s, took {taken:.1f} s so far")
        if memory is not None and (used := resident_memory() / MB) > memory:
            told = f"memory limit: expected at most {memory:g} MB, the process has {used:.0f} MB"
            raise LimitError("memory", told)
