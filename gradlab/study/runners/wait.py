"""Waiting for runs that another invocation of the same study has in hand."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended, Listener
from gradlab.study.plan import PlannedRun
from gradlab.study.share import attempt, look

LOOK_SECONDS = 0.5


def finish_shared(
    runs: Sequence[PlannedRun], study: str, store: str, listener: Listener, *, begun: bool
) -> list[Ended]:
    """Wait until these runs are over; one that its process leaves undone is done here.

    Args:
        runs: what others have in hand.
        study: the study that they belong to.
        store: where they stand.
        listener: is told how they end.
        begun: whether the listener has been told already that they have started.

    Returns:
        How they ended; after Ctrl-C those that are over by then.
    """
    waiting, ended = list(runs), []
    with Interrupt() as interrupt:
        while waiting and not interrupt.asked:
            for run in list(waiting):
                found: object = look(run, study, store)
                if found is not None and not isinstance(found, Ended):  # stopped, or its process has died
                    found = attempt(run, study, store, listener, interrupt)
                if isinstance(found, Ended):
                    waiting.remove(run)
                    if not begun:
                        listener.started(run)
                    ended.append(found)
                    listener.ended(found)
                if interrupt.asked:
                    break
            if waiting and not interrupt.asked:
                time.sleep(LOOK_SECONDS)
    return ended
