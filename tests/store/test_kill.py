"""Writers are killed at random moments: everything that was acknowledged is there, in order, once."""

import random
import signal
import subprocess
import sys
import time

import pytest

from gradlab.store import RunWriter, Store

WRITER = """
import sys
from gradlab.store import RunWriter, Store
path, resume = sys.argv[1], sys.argv[2] == "resume"
writer = RunWriter(path, resume=resume, flush_seconds=1e9)
done = Store(path).runs()[0].read("steps", ["step"]).num_rows
step = done
while True:
    for _ in range(3):
        writer.write("steps", {"step": [step], "loss": [float(step)]})
        writer.write("parameters", {"step": [step], "parameter": ["w"], "grad_norm": [step / 7]})
        step += 1
    writer.flush()
    print(step, flush=True)
    if step % 60 == 0:
        writer.truncate(step - 1)
        step -= 1
        print(step, flush=True)
"""


def acknowledged(process, seconds):
    """Let the process write for some time, kill it, and give the last step that it said was safe."""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    lines = [line for line in output.decode().split("\n")[:-1] if line]
    return lines


@pytest.mark.parametrize("seed", range(3))
def test_nothing_acknowledged_is_lost_over_repeated_kills(tmp_path, seed):
    moments = random.Random(seed)
    path = tmp_path / "r"
    safe = 0
    for attempt in range(4):
        mode = "resume" if attempt else "new"
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), mode], stdout=subprocess.PIPE)
        first = process.stdout.readline()
        lines = [first.decode().strip(), *acknowledged(process, moments.uniform(0, 0.4))]
        assert lines[0]
        safe = int(lines[-1])
        store = Store(tmp_path)
        run = store.run("r")
        assert run.status == "lost"
        steps = run.read("steps", ["step"])["step"].to_pylist()
        # A truncation that was under way may have taken the last step; it is written again.
        assert len(steps) >= safe - 1 and steps == list(range(len(steps)))
        losses = run.read("steps", ["loss"])["loss"].to_pylist()
        assert losses == [float(step) for step in steps]
        weights = run.read("parameters", ["step", "grad_norm"]).to_pydict()
        assert weights["step"] == list(range(len(weights["step"]))) and len(weights["step"]) >= safe - 1
        assert weights["grad_norm"] == [step / 7 for step in weights["step"]]
        assert store.problems(deep=True) == []
        with RunWriter(path, resume=True) as writer:
            # The tables are flushed one after the other: bring them to the same step, as a checkpoint would.
            writer.truncate(min(len(steps), len(weights["step"])))
            writer.close("stopped")
    assert not list(path.rglob(".tmp-*"))
    assert safe > 0
