"""Sees that all workers of this machine are there: a nanny gives up on a worker that is killed while it starts."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import LocalCluster

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 6.0
"""A nanny without a process for so long will not start one any more."""


class Replacements:
    """Between `start` and `stop` workers that died for good get successors."""

    def __init__(self, cluster: LocalCluster, jobs: int) -> None:
        self._cluster, self._jobs = cluster, jobs
        self._dead_since: dict[Any, float] = {}
        self._callback: Any = None

    def start(self) -> None:
        """From now on."""
        from tornado.ioloop import PeriodicCallback

        self._callback = PeriodicCallback(self._look, LOOK_SECONDS * 1e3)
        assert self._cluster.loop is not None
        self._cluster.loop.add_callback(self._callback.start)

    def stop(self) -> None:
        """No worker is replaced any more."""
        if self._callback is not None:
            self._callback.stop()

    async def _look(self) -> None:
        """In the cluster's own thread."""
        now, workers = time.monotonic(), self._cluster.workers
        dead = {name for name, nanny in workers.items() if not nanny.is_alive()}
        self._dead_since = {name: self._dead_since.get(name, now) for name in dead}
        for name in [name for name, since in self._dead_since.items() if now - since > PATIENCE_SECONDS]:
            del self._dead_since[name]
            nanny = workers.pop(name, None)
            if nanny is not None:
                with contextlib.suppress(Exception):  # whatever it died of, it is gone
                    await nanny.close(timeout=2)
        if len(workers) < self._jobs:
            self._cluster.scale(self._jobs)
