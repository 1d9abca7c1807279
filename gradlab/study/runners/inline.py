"""The runner that does one run after the other in this process."""

from __future__ import annotations

from collections.abc import Sequence

from gradlab.study.execute import execute
from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended, Listener
from gradlab.study.plan import PlannedRun


class Inline:
    """One run after the other, in this process."""

    name = "inline"

    def __call__(self, runs: Sequence[PlannedRun], study: str, store: str, listener: Listener) -> list[Ended]:
        """Do the runs in their order."""
        done: list[Ended] = []
        with Interrupt() as interrupt:
            for run in runs:
                if interrupt.asked:
                    break
                listener.started(run)
                done.append(execute(run, study, store, listener, interrupt))
                listener.ended(done[-1])
                if done[-1].status == "stopped":
                    break
        return done
