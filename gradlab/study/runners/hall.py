"""The runs that workers have in hand: what is told of them reaches the listener in the thread that waits."""

from __future__ import annotations

import contextlib
import math
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gradlab.study.interrupt import Interrupt
from gradlab.study.limits import Limits
from gradlab.study.listener import Ended, Listener
from gradlab.study.plan import PlannedRun
from gradlab.study.runners.on_worker import stop, work

if TYPE_CHECKING:
    from distributed import Client, Future

GRACE_SECONDS = 10.0
GRACE_SHARE = 0.1
"""A worker looks at the limits between steps. One that has not done so by then is stuck in a step, and is ended."""
RESTART_SECONDS = 10.0
"""So long a worker may take to end and to start anew, before the others are looked after again."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """When a run was begun, on the clock here, and where."""

    at: float
    worker: str


class Hall:
    """One call of the runner.

    Args:
        client: of the scheduler.
        runs: all that will be submitted.
        token: of this call, unlike every other one's.
        listener: is told how the runs go.
        record_failure: tells the store of a run that failed and could not say so itself.
    """

    def __init__(
        self,
        client: Client,
        runs: Sequence[PlannedRun],
        token: str,
        listener: Listener,
        record_failure: Callable[..., None],
    ) -> None:
        self.ended: list[Ended] = []
        self._client, self._token, self._listener = client, token, listener
        self._record_failure = record_failure
        self._runs = {run.id: run for run in runs}
        self._futures: dict[str, Future] = {}
        self._told: set[str] = set()
        self._begun: dict[str, _Begun] = {}
        self._news: queue.Queue[tuple[str, Any]] = queue.Queue()
        client.subscribe_topic(token, lambda event: self._news.put(("told", event[1])))

    def submit(self, run: PlannedRun, arguments: tuple[Any, ...], resources: dict[str, float] | None) -> None:
        """Hand a run to the scheduler."""
        future = self._client.submit(
            work, run, *arguments, key=f"{self._token}-{run.id}", pure=False, resources=resources
        )
        self._futures[run.id] = future
        future.add_done_callback(lambda done, name=run.id: self._news.put(("done", name)))

    def wait(self, interrupt: Interrupt) -> list[PlannedRun]:
        """Wait until every run is over or has stopped; gives those that other processes have in hand."""
        elsewhere, asked_at = [], -1.0
        while self._futures:
            if interrupt.asked and time.monotonic() - asked_at > 1.0:
                if not self._client.nthreads():
                    break  # nobody is left who could stop
                self._client.run(stop, self._token, on_error="ignore")
                asked_at = time.monotonic()
            with contextlib.suppress(queue.Empty):
                kind, news = self._news.get(timeout=0.1)
                if kind == "told":
                    self._hear(*news)
                elif (found := self._close(news)) is not None:
                    elsewhere.append(found)
            self._end_stuck()
        return elsewhere

    def _hear(self, what: str, name: str, *told: Any) -> None:
        if name not in self._futures:
            return
        if what == "begun":
            self._begun[name] = _Begun(time.monotonic(), *told)
            return
        self._begin(name)
        self._listener.stepped(self._runs[name], *told)

    def _begin(self, name: str) -> None:
        if name not in self._told:
            self._told.add(name)
            self._listener.started(self._runs[name])

    def _close(self, name: str) -> PlannedRun | None:
        """Take a run's result; gives the run when another process has it in hand."""
        from distributed import KilledWorker

        if name not in self._futures:
            return None  # ended from here
        run = self._runs[name]
        future = self._futures.pop(name)
        try:
            what, ended = future.result()
        except KilledWorker as error:
            what, ended = "over", _failed(run, math.nan, _one_line(error))
            self._record_failure(run, reason=ended.reason)
        if what == "over":
            self._end(replace(ended, run=run))  # what came back has a copy of the run, for each one more memory
        return run if what == "elsewhere" else None

    def _end(self, ended: Ended) -> None:
        self._begin(ended.run.id)
        self.ended.append(ended)
        self._listener.ended(ended)

    def _end_stuck(self) -> None:
        """End the workers whose run is far over its time limit, and record their runs as failed by it."""
        now = time.monotonic()
        for name, begun in list(self._begun.items()):
            if name not in self._futures:
                del self._begun[name]
                continue
            limits, seconds = self._runs[name].limits, now - begun.at
            if seconds > patience(limits):
                del self._begun[name]
                self._end_worker(name, begun.worker)
                told = (
                    f"time limit: expected at most {limits.seconds:g} s, was still in a step after {seconds:.1f} s; "
                    "its worker was ended"
                )
                self._record_failure(self._runs[name], reason=told, limit="seconds")
                self._end(_failed(self._runs[name], seconds, told))

    def _end_worker(self, name: str, worker: str) -> None:
        """Let the scheduler forget a run, or it would give it to the next worker, and have its process replaced."""
        self._client.cancel([self._futures.pop(name)], force=True)
        with contextlib.suppress(ValueError, OSError, TimeoutError):  # without a nanny, or gone by itself
            self._client.restart_workers([worker], timeout=RESTART_SECONDS, raise_for_error=False)


def patience(limits: Limits) -> float:
    """Seconds after which a run is ended from outside: its limit and a grace, for all its attempts together."""
    if limits.seconds is None:
        return math.inf
    return (1 + limits.retries) * (limits.seconds + max(GRACE_SECONDS, GRACE_SHARE * limits.seconds))


def _failed(run: PlannedRun, seconds: float, reason: str) -> Ended:
    return Ended(run, "failed", 0, seconds, math.nan, math.nan, reason)


def _one_line(error: Exception) -> str:
    return f"its worker died several times ({type(error).__name__}); out of memory?"
