"""What a worker process on this machine does first: it leaves Ctrl-C to the process that waits for it.

A terminal sends Ctrl-C to every process at once. A worker that went away by it would take its run with it, and the
process that waits could not stop it cleanly. Loaded by dask as a preload module.
"""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Called by dask in the worker's main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
