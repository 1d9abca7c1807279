"""Runs the command in a process of its own, as a user does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

STUDY = Path(__file__).parent / "study.yaml"
_PROGRAM = [sys.executable, "-W", "error::RuntimeWarning", "-c", "from gradlab.cli.main import main; main()"]


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start the command; its output is to be read by `communicate`."""
    return subprocess.Popen(
        [*_PROGRAM, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, as a shell gives it
    )


def gradlab(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    process = start(*arguments, cwd=cwd)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def interrupt_when(
    process: subprocess.Popen[str], ready: Callable[[], bool], wait: float, times: int = 1
) -> tuple[str, str]:
    """Send Ctrl-C so many seconds after something has happened, and read what is said until the end.

    As from a terminal, it reaches the process and all that it has started.
    """
    deadline = time.monotonic() + 60
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"it ended before it could be interrupted: {process.communicate()}")
        time.sleep(0.01)
    time.sleep(wait)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    return process.communicate(timeout=60)


def left_over(process: subprocess.Popen[str], patience: float = 3.0) -> list[str]:
    """Processes that a command has started and that outlive it for so many seconds; they are ended then."""
    deadline = time.monotonic() + patience
    while found := [each for each in psutil.process_iter() if _is_of(each, process.pid)]:
        if time.monotonic() > deadline:
            told = [" ".join(each.cmdline()) for each in found]
            os.killpg(process.pid, signal.SIGKILL)
            return told
        time.sleep(0.1)
    return []


def _is_of(one: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(one.pid) == group and one.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False
