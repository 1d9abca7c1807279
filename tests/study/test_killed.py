"""A study whose scheduler, workers, or all of them are killed at random moments ends as one that nobody touched."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from gradlab.store import Store
from tests.training.test_killed import content

RUNS = 40
STUDY = f"""
question: do forty runs survive?
task: {{name: adding, steps: 20}}
model: {{hidden: 8, cell: gru}}
training: {{steps: 150, batch: 8, evaluate_every: 50, evaluation_size: 16, checkpoint_every: 25}}
record: {{every: 25}}
grid: {{seed: {list(range(RUNS))}}}
"""
PROGRAM = [sys.executable, "-c", "from gradlab.cli.main import main; main()", "run", "study.yaml"]


def start(folder: Path, store: str) -> subprocess.Popen[bytes]:
    with (folder / "errors.txt").open("wb") as errors:
        return subprocess.Popen(
            [*PROGRAM, "--store", store, "--jobs", "2"],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )


def said(folder: Path) -> str:
    return (folder / "errors.txt").read_text()[-3000:]


def files(folder: Path, store: str) -> dict[Path, int]:
    found = {}
    for path in (folder / store).glob("study/*/*/*"):
        with suppress(FileNotFoundError):  # merged with others in this moment
            found[path] = path.stat().st_mtime_ns
    return found


def finished(folder: Path, store: str) -> dict[str, bytes]:
    """The facts of every run that is done, as they lie there."""
    found = {path.parent.name: path.read_bytes() for path in (folder / store).glob("study/*/facts.json")}
    return {run: facts for run, facts in found.items() if json.loads(facts)["status"] == "finished"}


def kill(process: subprocess.Popen[bytes], what: str) -> None:
    """Kill the scheduler, the processes that train, or all at once."""
    with psutil.Process(process.pid).oneshot():
        below = psutil.Process(process.pid).children(recursive=True)
    if what != "workers":
        process.send_signal(signal.SIGKILL)
    if what != "scheduler":
        for worker in below:
            if worker.is_running():
                worker.kill()
    if what != "workers":
        process.wait()
        psutil.wait_procs(below, timeout=60)  # those that lost their scheduler end by themselves


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_forty_runs_survive_twenty_kills(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    straight = start(tmp_path, "straight")
    assert straight.wait(timeout=600) == 0, said(tmp_path)
    chance, done, kills = random.Random(0), {}, 0
    while kills < 20:
        process = start(tmp_path, "killed")
        for what in [*(["workers"] * chance.randrange(3)), chance.choice(["scheduler", "both"])]:
            before, deadline = files(tmp_path, "killed"), time.monotonic() + 120
            while process.poll() is None and files(tmp_path, "killed") == before and time.monotonic() < deadline:
                time.sleep(0.01)
            assert process.poll() is None, (kills, said(tmp_path))
            assert files(tmp_path, "killed") != before, f"after kill {kills} nothing goes on"
            time.sleep(chance.random() * 0.5)
            kill(process, what)
            kills += 1
            now = finished(tmp_path, "killed")
            assert now.items() >= done.items(), "what was finished is never done again"
            done = now
    assert len(done) < RUNS, "the last kill must have met it at work"
    assert start(tmp_path, "killed").wait(timeout=600) == 0, said(tmp_path)
    assert finished(tmp_path, "killed").items() >= done.items()
    expected = {run.id: content(run) for run in Store(tmp_path / "straight").runs("study")}
    found = {run.id: content(run) for run in Store(tmp_path / "killed").runs("study")}
    assert len(expected) == RUNS
    assert found == expected
