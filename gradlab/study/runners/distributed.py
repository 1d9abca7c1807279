"""The runner on dask.distributed: several worker processes on this machine, or a cluster at an address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from gradlab.errors import GradlabError
from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended, Listener
from gradlab.study.plan import PlannedRun
from gradlab.study.runners.hall import Hall
from gradlab.study.runners.local_workers import CLOSING_SECONDS, LocalWorkers
from gradlab.study.runners.wait import finish_shared
from gradlab.study.share import record_failure

if TYPE_CHECKING:
    from distributed import Client


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
        """Do the runs on the workers. A run whose worker is killed is done again, at most three times.

        A run that is stuck in a step beyond its time limit is ended with its worker, which is replaced.
        """
        token = uuid4().hex
        with Interrupt() as interrupt, self._client() as client:
            hall = Hall(client, runs, token, listener, partial(record_failure, study=study, store=store))
            for run in runs:
                hall.submit(run, (study, store, token, self._threads), self._resources)
            elsewhere = hall.wait(interrupt)
        # What another invocation has in hand is waited for here, and done here if it is left undone.
        shared = finish_shared(elsewhere, study, store, listener, begun=False) if not interrupt.asked else []
        ended = {one.run.id: one for one in [*hall.ended, *shared]}
        return [ended[run.id] for run in runs if run.id in ended]

    def _client(self) -> AbstractContextManager[Client]:
        if self._cluster is not None:
            return self._connected(self._cluster)
        return LocalWorkers(self._jobs, self._threads, self._resources)

    @contextmanager
    def _connected(self, address: str) -> Iterator[Client]:
        """A client of a running cluster, whose workers have what a run needs."""
        client = self._found(address)
        try:
            yield client
        except KeyboardInterrupt:
            with suppress(Exception):
                client.close(timeout=CLOSING_SECONDS)
            raise
        except BaseException:
            client.close()
            raise
        client.close()

    def _found(self, address: str) -> Client:
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
