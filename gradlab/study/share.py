"""Runs shared between processes: one that another live process writes is left to it, and looked at when it is over."""

from __future__ import annotations

import math
import os
import socket
from contextlib import suppress
from typing import Any

from gradlab.errors import StoreError
from gradlab.store import RunInfo, Store
from gradlab.study.config import resolved
from gradlab.study.execute import execute
from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended, Listener, Status
from gradlab.study.plan import PlannedRun

_OVER: dict[str, Status] = {"finished": "finished", "failed": "failed"}


def attempt(run: PlannedRun, study: str, store: str, listener: Listener, interrupt: Interrupt) -> Ended | None:
    """Do a run, unless another process has finished it or is at it; None in the latter case.

    Raises StoreError when the run cannot be written for any other reason.
    """
    try:
        return execute(run, study, store, listener, interrupt)
    except StoreError:
        found = stored(run, study, store)
        if found is None or found.status not in ("finished", "running") or _is_ours(found):
            raise
        return None if found.status == "running" else as_ended(run, found)


def record_failure(run: PlannedRun, study: str, store: str, reason: str, **facts: str) -> None:
    """Let the store know that a run has failed whose process could not say so itself, why, and what else is known.

    A run that is not there, is finished, or that another live process has in hand is left as it is.
    """
    found = stored(run, study, store)
    if found is None or found.status in ("finished", "running"):
        return
    with suppress(StoreError):  # taken up by somebody else in between
        writer = Store(store).writer(run.id, study, config=resolved(run.config), resume=True)
        writer.annotate(reason=reason, **facts)
        writer.close("failed")


def look(run: PlannedRun, study: str, store: str) -> Ended | RunInfo | None:
    """How a run that another process had in hand stands.

    Returns:
        How it ended; None while that process is still at it; what is in the store when it was left undone.
    """
    found = stored(run, study, store)
    if found is None:
        return None
    if found.status == "running":
        return None
    return as_ended(run, found) if found.status in _OVER else found


def stored(run: PlannedRun, study: str, store: str) -> RunInfo | None:
    """The run as the store has it."""
    return next((found for found in Store(store).runs(study) if found.id == run.id), None)


def as_ended(run: PlannedRun, found: RunInfo) -> Ended:
    """How a run ended that another process did."""
    return Ended(
        run=run,
        status=_OVER.get(found.status, "stopped"),
        steps=int(_number(found.facts.get("steps", 0))),
        seconds=_number(found.facts.get("seconds")),
        final_loss=_number(found.facts.get("final_loss")),
        final_score=_number(found.facts.get("final_score")),
        reason=str(found.facts.get("reason", "")),
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _is_ours(found: RunInfo) -> bool:
    """Whether this very process holds the run: then waiting for it would never end."""
    return found.facts.get("pid") == os.getpid() and found.facts.get("host") == socket.gethostname()
