"""What every runner does: it takes planned runs through, and tells a listener how they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gradlab.study.listener import Ended, Listener
from gradlab.study.plan import PlannedRun


class Runner(Protocol):
    """A way to take runs through, on one process or many. Its `name` is how the command line calls it."""

    name: str

    def __call__(self, runs: Sequence[PlannedRun], study: str, store: str, listener: Listener) -> list[Ended]:
        """Do the runs and write them into the store.

        A run that fails is recorded as failed and does not stop the others. After Ctrl-C the run in hand is
        recorded as stopped, and the list of what ended is returned as it is.
        """
