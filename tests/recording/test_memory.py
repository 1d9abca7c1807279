"""Watching thousands of steps holds on to nothing."""

import json
import subprocess
import sys

import psutil
import pytest
import torch
from torch import nn

import gradlab
from gradlab.recording import MemorySink


class Nowhere(MemorySink):
    """Drops every row, so that only the recorder's own memory can grow."""

    def write(self, table, columns):
        pass


def measured(steps):
    """MB that this process holds after each tenth of the steps."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential()
    model.rnn, model.head = nn.GRU(3, 8), nn.Linear(8, 1)
    optimiser = torch.optim.SGD(model.parameters(), 1e-3)
    process = psutil.Process()
    x = torch.randn(5, 4, 3)
    used = []
    with gradlab.watch(model, every=100, flight=2, sink=Nowhere()) as recorder:
        for step in range(steps):
            loss = model.head(model.rnn(x)[0][-1]).square().mean()
            loss.backward()
            recorder.step(loss)
            optimiser.step()
            optimiser.zero_grad()
            if (step + 1) % (steps // 10) == 0:
                used.append(process.memory_info().rss / 2**20)
    return used


@pytest.mark.parametrize(("steps", "megabytes"), [(2_000, 0.5), pytest.param(10_000, 1.0, marks=pytest.mark.slow)])
def test_many_steps_leave_memory_flat(steps, megabytes, pytestconfig):
    # in a process of its own: what other tests have left behind is given back, and taken, at any time
    program = f"import json; from tests.recording.test_memory import measured; print(json.dumps(measured({steps})))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=pytestconfig.rootpath
    )
    used = json.loads(done.stdout)
    # The first steps warm caches up; what may come after them is less than a gradient's row a step.
    assert used[-1] - used[3] < megabytes, used
