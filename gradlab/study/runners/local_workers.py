"""Worker processes on this machine: started, closed, and ended at once when nobody may wait for them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gradlab.study.runners import worker_process
from gradlab.study.runners.replacements import Replacements

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, Nanny

CLOSING_SECONDS = 1.0
"""So long dask may take to close after its workers were killed; then it is left as it is."""
_WORKER = "Dask Worker process (from Nanny)"
"""How dask names the processes that it starts."""


class LocalWorkers:
    """So many worker processes, of one thread each, for as long as it is entered; gives a client of theirs.

    A KeyboardInterrupt kills them: closing would wait for their steps, and for workers that are just starting.
    """

    def __init__(self, jobs: int, threads: int, resources: dict[str, float] | None) -> None:
        self._jobs, self._threads, self._resources = jobs, threads, resources
        self._settings = contextlib.ExitStack()
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._replacements: Replacements | None = None

    def __enter__(self) -> Client:
        try:
            return self._start()
        except KeyboardInterrupt:
            self._abandon()
            raise
        except BaseException:
            self._close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._abandon()
            return
        try:
            self._close()
        except KeyboardInterrupt:
            self._abandon()
            raise

    def _start(self) -> Client:
        import dask
        from distributed import Client, LocalCluster

        # Nannies set MALLOC_TRIM_THRESHOLD_, which makes torch give memory back at every step and costs it 40 %.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), self._threads)
        self._settings.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": threads}))
        self._cluster = LocalCluster(
            n_workers=self._jobs,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None would mean port 8787 of every interface
            memory_limit=0,
            silence_logs=50,
            resources=self._resources,
            preload=[worker_process.__name__],
        )
        self._client = Client(self._cluster, set_as_default=False)
        self._replacements = Replacements(self._cluster, self._jobs)
        self._replacements.start()
        return self._client

    def _close(self, **options: Any) -> None:
        if self._replacements is not None:
            self._replacements.stop()
        for part in (self._client, self._cluster):
            if part is not None:
                part.close(**options)
        self._settings.close()

    def _abandon(self) -> None:
        """End the workers now, and let dask close what is left in a thread that nobody waits for long."""
        if self._replacements is not None:
            self._replacements.stop()
        nannies: list[Nanny] = [] if self._cluster is None else list(self._cluster.workers.values())
        for nanny in nannies:
            nanny.close_gracefully()  # or it starts another process in place of the one that is killed
        kill_workers()
        closing = threading.Thread(target=self._close_quietly, daemon=True, name="closing dask")
        closing.start()
        closing.join(CLOSING_SECONDS)

    def _close_quietly(self) -> None:
        with contextlib.suppress(Exception):
            self._close(timeout=CLOSING_SECONDS)


def kill_workers() -> None:
    """End the processes of all nannies here, also those that are still starting."""
    for process in multiprocessing.active_children():
        if process.name == _WORKER and process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
