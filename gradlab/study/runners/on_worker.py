"""What runs inside a worker process of dask: one run, and what it tells the process that waits."""

from __future__ import annotations

import threading
import time
from typing import Any

from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended
from gradlab.study.plan import PlannedRun

REPORT_SECONDS = 0.5
"""How often a run tells its step."""
_STOPPED: set[str] = set()
"""The calls of the runner whose runs have to stop."""


def work(run: PlannedRun, study: str, store: str, token: str, threads: int) -> tuple[str, Ended | None]:
    """Do a run. `unbegun` after Ctrl-C, `elsewhere` when another process has it in hand."""
    import torch
    from distributed import get_worker

    from gradlab.study.share import attempt

    if token in _STOPPED:
        return "unbegun", None
    torch.set_num_threads(threads)
    reporter = _Reporter(get_worker(), token)
    reporter.begun(run)
    ended = attempt(run, study, store, reporter, _Remote(token))
    return ("over", ended) if ended is not None else ("elsewhere", None)


def stop(token: str) -> None:
    """Let the runs of a call stop after their step."""
    _STOPPED.add(token)


class _Remote(Interrupt):
    """An interrupt that comes from the process that waits."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def check(self) -> None:
        """Raise KeyboardInterrupt if this call of the runner has to stop."""
        if self._token in _STOPPED:
            raise KeyboardInterrupt


class _Reporter:
    """A listener that tells the process that waits, now and then."""

    def __init__(self, worker: Any, token: str) -> None:
        self._worker, self._token = worker, token
        self._last = -REPORT_SECONDS
        self._lock = threading.Lock()

    def begun(self, run: PlannedRun) -> None:
        """Tell where the run is, so that it can be ended from outside."""
        if run.limits.seconds is not None:
            self._worker.log_event(self._token, ("begun", run.id, self._worker.address))

    def started(self, run: PlannedRun) -> None:
        """Told with the first step."""

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        """Tell the step, if the last word is long enough ago."""
        with self._lock:
            if time.monotonic() - self._last < REPORT_SECONDS:
                return
            self._last = time.monotonic()
        self._worker.log_event(self._token, ("stepped", run.id, step, float(loss), float(grad_norm)))

    def ended(self, ended: Ended) -> None:
        """Told by the result."""
