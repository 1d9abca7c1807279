"""Ctrl-C during training: the running step is finished first, so that weights and records agree."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether someone has asked the run to end."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def deferred_interruption() -> Iterator[Interruption]:
    """Turn the first Ctrl-C into a request; a second one raises KeyboardInterrupt at once.

    Signals reach the main thread only, and whoever has replaced Python's own handler knows why: elsewhere
    nothing is changed, and KeyboardInterrupt is raised as ever.
    """
    interruption = Interruption()
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield interruption
        return

    def request(number: int, frame: FrameType | None) -> None:
        interruption.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, request)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
