"""The runner on dask.distributed: several worker processes on this machine, or a cluster at an address."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from gradlab.errors import GradlabError
from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended, Listener
from gradlab.study.plan import PlannedRun
from gradlab.study.runners import worker_process
from gradlab.study.runners.replacements import Replacements
from gradlab.study.runners.wait import finish_shared
from gradlab.study.share import record_failure

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

REPORT_SECONDS = 0.5
"""How often a run tells its step."""
_STOPPED: set[str] = set()
"""In a worker: the calls of the runner whose runs have to stop."""


class Distributed:
    """One process and one thread a run; the workers stay for the whole study.

    Args:
        jobs: worker processes to start on this machine.
        cluster: address of a scheduler that runs already, such as `tcp://10.0.0.1:8786`; then no worker is started.
        threads: that torch uses for one run.
        resources: what a run needs of a worker, such as `{"GPU": 1}`.
    """

    name = "distributed"

    def __init__(
        self, jobs: int = 1, cluster: str | None = None, threads: int = 1, resources: dict[str, float] | None = None
    ) -> None:
        self._jobs, self._cluster, self._threads, self._resources = jobs, cluster, threads, resources

    def __call__(self, runs: Sequence[PlannedRun], study: str, store: str, listener: Listener) -> list[Ended]:
        """Do the runs on the workers. A run whose worker is killed is done again, at most three times."""
        token = uuid4().hex
        with Interrupt() as interrupt, self._client() as client:
            hall = _Hall(client, runs, token, listener, partial(record_failure, study=study, store=store))
            for run in runs:
                hall.submit(run, (study, store, token, self._threads), self._resources)
            elsewhere = hall.wait(interrupt)
        # What another invocation has in hand is waited for here, and done here if it is left undone.
        shared = finish_shared(elsewhere, study, store, listener, begun=False) if not interrupt.asked else []
        ended = {one.run.id: one for one in [*hall.ended, *shared]}
        return [ended[run.id] for run in runs if run.id in ended]

    @contextlib.contextmanager
    def _client(self) -> Iterator[Client]:
        import dask
        from distributed import Client, LocalCluster

        if self._cluster is not None:
            with self._connected(self._cluster) as client:
                yield client
            return
        # Nannies set MALLOC_TRIM_THRESHOLD_, which makes torch give memory back at every step and costs it 40 %.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), self._threads)
        with (
            dask.config.set({"distributed.nanny.pre-spawn-environ": threads}),
            LocalCluster(
                n_workers=self._jobs,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # None would mean port 8787 of every interface
                memory_limit=0,
                silence_logs=50,
                resources=self._resources,
                preload=[worker_process.__name__],
            ) as cluster,
            Client(cluster) as client,
            Replacements(cluster, self._jobs) as replacements,
        ):
            try:
                yield client
            except KeyboardInterrupt:
                replacements.stop()
                _kill(cluster)
                raise

    def _connected(self, address: str) -> Client:
        """A client of a running cluster, whose workers have what a run needs."""
        from distributed import Client

        try:
            client = Client(address)
        except (OSError, ValueError) as error:
            told = " ".join(str(error).split())
            raise GradlabError(f"expected a dask scheduler at {address}, none answered: {told}") from error
        there = [worker.get("resources", {}) for worker in client.scheduler_info(n_workers=-1)["workers"].values()]
        for name, amount in (self._resources or {}).items():
            if there and not any(worker.get(name, 0) >= amount for worker in there):
                client.close()
                found = ", ".join(sorted({str(worker) for worker in there}))
                raise GradlabError(
                    f"{address}: expected a worker with {name} {amount:g}, the workers have {found}; "
                    f"start them with --resources {name}={amount:g}"
                )
        return client


def _kill(cluster: LocalCluster) -> None:
    """End the workers of this machine at once; closing them would wait for their steps."""
    for nanny in list(cluster.workers.values()):
        nanny.auto_restart = False
        if nanny.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGKILL)


class _Hall:
    """The runs in hand: what workers tell of them reaches the listener in the thread that waits."""

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
        self._begun: set[str] = set()
        self._news: queue.Queue[tuple[str, Any]] = queue.Queue()
        client.subscribe_topic(token, lambda event: self._news.put(("told", event[1])))

    def submit(self, run: PlannedRun, arguments: tuple[Any, ...], resources: dict[str, float] | None) -> None:
        future = self._client.submit(
            _work, run, *arguments, key=f"{self._token}-{run.id}", pure=False, resources=resources
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
                self._client.run(_stop, self._token, on_error="ignore")
                asked_at = time.monotonic()
            with contextlib.suppress(queue.Empty):
                kind, news = self._news.get(timeout=0.1)
                if kind == "told":
                    self._hear(*news)
                elif (found := self._close(news)) is not None:
                    elsewhere.append(found)
        return elsewhere

    def _hear(self, name: str, step: int | None, loss: float, grad_norm: float) -> None:
        if name not in self._futures:
            return
        self._begin(name)
        if step is not None:
            self._listener.stepped(self._runs[name], step, loss, grad_norm)

    def _begin(self, name: str) -> None:
        if name not in self._begun:
            self._begun.add(name)
            self._listener.started(self._runs[name])

    def _close(self, name: str) -> PlannedRun | None:
        """Take a run's result; gives the run when another process has it in hand."""
        from distributed import KilledWorker

        run = self._runs[name]
        future = self._futures.pop(name)
        try:
            what, ended = future.result()
        except KilledWorker as error:
            what, ended = "over", Ended(run, "failed", 0, float("nan"), float("nan"), float("nan"), _one_line(error))
            self._record_failure(run, reason=ended.reason)
        if what == "over":
            self._begin(name)
            self.ended.append(ended)
            self._listener.ended(ended)
        return run if what == "elsewhere" else None


def _one_line(error: Exception) -> str:
    return f"its worker died several times ({type(error).__name__}); out of memory?"


def _work(run: PlannedRun, study: str, store: str, token: str, threads: int) -> tuple[str, Ended | None]:
    """In a worker: do a run. `unbegun` after Ctrl-C, `elsewhere` when another process has it in hand."""
    import torch
    from distributed import get_worker

    from gradlab.study.share import attempt

    if token in _STOPPED:
        return "unbegun", None
    torch.set_num_threads(threads)
    ended = attempt(run, study, store, _Reporter(get_worker(), token), _Remote(token))
    return ("over", ended) if ended is not None else ("elsewhere", None)


def _stop(token: str) -> None:
    """In a worker: let the runs of a call stop after their step."""
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
    """In a worker: a listener that tells the process that waits, now and then."""

    def __init__(self, worker: Any, token: str) -> None:
        self._worker, self._token = worker, token
        self._last = -REPORT_SECONDS
        self._lock = threading.Lock()

    def started(self, run: PlannedRun) -> None:
        """Told with the first step."""

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        """Tell the step, if the last word is long enough ago."""
        with self._lock:
            if time.monotonic() - self._last < REPORT_SECONDS:
                return
            self._last = time.monotonic()
        self._worker.log_event(self._token, (run.id, step, float(loss), float(grad_norm)))

    def ended(self, ended: Ended) -> None:
        """Told by the result."""
