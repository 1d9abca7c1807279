"""Studies that were started from the page: a file with settings, a process that runs it, its words, its end.

Only settings are ever run: the text is written into a file, and the command `gradlab` reads it as any other study file.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from dashboards.components.runs import store_address

# a dashboard that was started in the background hands on that Ctrl-C is to be ignored
_CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from gradlab.cli.main import main
main()
"""
_COMMAND = [sys.executable, "-c", _CODE]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
CHECK_SECONDS = 180
_TAIL = 40
"""Lines of what the process says that are shown."""


@dataclass(slots=True)
class Started:
    """One study that runs, or has run, as a process of its own."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    began: float = field(default_factory=time.time)

    @property
    def state(self) -> str:
        """running, finished, stopped, or failed."""
        code = self.process.poll()
        if code is None:
            return "running"
        return {0: "finished", 130: "stopped", -signal.SIGINT: "stopped"}.get(code, "failed")

    @property
    def words(self) -> str:
        """The end of what it has said."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.is_file() else ""
        return "\n".join(line.rpartition("\r")[2] for line in text.splitlines()[-_TAIL:])

    def stop(self) -> None:
        """Ask it to end cleanly, as Ctrl-C does; what was recorded stays, and the study can be continued."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)


@st.cache_resource
def all_started() -> list[Started]:
    """What was started since the dashboard runs, the latest last; shared by all its readers."""
    return []


@st.cache_resource
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="gradlab-studies-"))


def is_name(name: str) -> bool:
    """Whether a study file may be called so: letters, digits, - and _, and nothing that leads elsewhere."""
    return _NAME.fullmatch(name) is not None


def check(name: str, text: str, *, quick: bool) -> tuple[bool, str]:
    """What `gradlab check` says of a study's text, in a process of its own.

    Args:
        name: of the study; see `is_name`.
        text: of the study file.
        quick: without trying out what it costs.

    Returns:
        Whether it can be run, and what was said; never raises for what is wrong with the text.
    """
    command = [*_COMMAND, "check", str(_written(name, text)), *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=CHECK_SECONDS,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"The check took more than {CHECK_SECONDS} seconds; try it without the estimate of costs."
    said = (done.stdout + done.stderr).decode(errors="replace").replace(str(_folder()) + os.sep, "")
    return done.returncode == 0, said.strip()


def start(name: str, text: str, jobs: int) -> Started:
    """Run a study into the store that the dashboard shows, in a process that outlives the page."""
    path = _written(name, text)
    log = path.with_suffix(f".{len(all_started())}.log")
    command = [*_COMMAND, "run", str(path), "--store", store_address(), "--jobs", str(jobs)]
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, stdout=words, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=_environment(),
            start_new_session=True,
        )  # fmt: skip
    started = Started(name, process, log)
    all_started().append(started)
    return started


def _written(name: str, text: str) -> Path:
    if not is_name(name):
        raise ValueError(f"expected a name of letters, digits, - and _, got {name!r}")
    path = _folder() / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _environment() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "150", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
