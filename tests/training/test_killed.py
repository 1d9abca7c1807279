"""Runs killed by SIGKILL at random moments: continued, they end with the bytes of one that was not killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradlab.store import RunInfo, Store

STUDY = """
question: does it survive?
task: {name: characters, text: file, path: text.txt, steps: 12}
model: {hidden: 5, cell: gru, layers: 2, dropout: 0.3}
training:
  steps: 700
  batch: 4
  clip: {name: autoclip}
  bptt: {name: truncated, k1: 8}
  evaluate_every: 30
  evaluation_size: 16
  checkpoint_every: 25
  measure:
    {bias_every: 40, clipping_every: 30, cliff_at: [100, 600], cliff_points: 3, samples_every: 60, sample_length: 20}
record: {every: 20, check_every: 3}
seed: 6
"""
PROGRAM = [sys.executable, "-c", "from gradlab.cli.main import main; main()", "run", "study.yaml"]
TIMING = ("seconds", "recording_seconds")


def start(folder: Path, store: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*PROGRAM, "--store", store], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(folder: Path, store: str) -> RunInfo:
    process = start(folder, store)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors.decode()
    [run] = Store(folder / store).runs("study")
    assert run.status == "finished"
    return run


def kill_while_it_runs(folder: Path, store: str, chance: random.Random) -> int:
    """Start it, kill it after it has made some way, and say how many checkpoints' steps it had behind it."""
    checkpoint = folder / store / "study"
    before = {path: path.stat().st_mtime_ns for path in checkpoint.glob("*/artifacts/checkpoint.pt")}
    process = start(folder, store)
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline:
        now = {path: path.stat().st_mtime_ns for path in checkpoint.glob("*/artifacts/checkpoint.pt")}
        if now and now != before:
            break
        time.sleep(0.002)
    time.sleep(chance.random() * 0.35)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode


def content(run: RunInfo) -> dict[str, object]:
    """Weights as bytes, and every table in full but for its columns of timing."""
    found: dict[str, object] = {"weights": run.read_artifact("weights.safetensors")}
    for table in run.tables():
        read = run.read(table)
        read = read.select([name for name in read.column_names if name not in TIMING])
        found[table] = repr(read.to_pydict())  # every bit of a float, and NaN equals NaN
    facts = ("status", "steps", "final_loss", "final_score", "final_score_loss", "skipped_updates", "parameters")
    found["facts"] = repr({name: run.facts[name] for name in facts})
    return found


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_killed_and_continued_it_equals_one_that_was_not(tmp_path: Path, kills: int) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "text.txt").write_text("To be, or not to be, that is the question:\n" * 50)
    chance = random.Random(kills)
    expected = content(finish(tmp_path, "straight"))
    tables = {"steps", "timesteps", "parameters", "gates", "truncation", "clipping", "cliff", "samples"}
    assert {"weights", *tables} <= expected.keys()
    stores, ended = 0, 0
    for _ in range(kills):
        if kill_while_it_runs(tmp_path, f"killed{stores}", chance) != -signal.SIGKILL:
            ended, stores = ended + 1, stores + 1  # it was faster: the next one starts from nothing
    for number in range(stores + 1):
        run = finish(tmp_path, f"killed{number}")
        found = content(run)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name] == value, name
    assert ended <= kills // 2, "most kills must have met it at work"
