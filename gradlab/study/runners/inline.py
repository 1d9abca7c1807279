"""The runner that does one run after the other in this process."""

from __future__ import annotations

from collections.abc import Sequence

from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended, Listener
from gradlab.study.plan import PlannedRun
from gradlab.study.runners.wait import finish_shared
from gradlab.study.share import attempt


class Inline:
    """One run after the other, in this process."""

    name = "inline"

    def __call__(self, runs: Sequence[PlannedRun], study: str, store: str, listener: Listener) -> list[Ended]:
        """Do the runs in their order."""
        done: list[Ended] = []
        elsewhere: list[PlannedRun] = []
        with Interrupt() as interrupt:
            for run in runs:
                if interrupt.asked:
                    break
                listener.started(run)
                ended = attempt(run, study, store, listener, interrupt)
                if ended is None:
                    elsewhere.append(run)
                    continue
                done.append(ended)
                listener.ended(ended)
                if ended.status == "stopped":
                    break
        stopped = interrupt.asked or any(one.status == "stopped" for one in done)
        return done if stopped else [*done, *finish_shared(elsewhere, study, store, listener, begun=True)]
