"""What a recorded training step costs over a plain one: nn.LSTM, nn.GRU and nn.RNN, H=128, B=32, T=1000."""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gradlab.recording import watch
from tests.benchmarks.interleaved import compare, print_table

TIMES, BATCH, HIDDEN = 1000, 32, 128
INPUTS = (128, 16)
CELLS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
PLAIN = "plain"
CASES: dict[str, dict[str, Any] | None] = {
    PLAIN: None,
    "all sequences": {"every": 1, "sequences": "all", "check_every": "never"},
    "8 sequences": {"every": 1, "check_every": "never"},
    "8, no Jacobians": {"every": 1, "check_every": "never", "jacobian_times": 0},
    "8, closure check": {"every": 1, "check_every": 1},
    "not recorded": {"every": None},
}
LIMITS = {"all sequences": 1.8, "8 sequences": 1.35, "not recorded": 1.02}


def step_of(cell: str, inputs: int, options: dict[str, Any] | None) -> Callable[[], float]:
    """A training step of a model of its own, watched where there are options; gives the seconds it computed."""
    torch.manual_seed(0)
    model = CELLS[cell](inputs, HIDDEN)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    x = torch.randn(TIMES, BATCH, inputs)
    recorder = None if options is None else watch(model, **options)

    def step() -> float:
        began = time.process_time()
        optimiser.zero_grad()
        loss = model(x)[0].square().mean()
        loss.backward()
        if recorder is not None:
            recorder.step(loss)
        optimiser.step()
        return time.process_time() - began

    return step


def peak(cell: str, inputs: int, case: str) -> float:
    """How far the memory of a fresh process rises in three steps, in MB; median of three processes."""
    ask = [sys.executable, "-m", "tests.benchmarks.recording", "--peak", cell, str(inputs), case]
    answers = (subprocess.run(ask, capture_output=True, text=True, check=True).stdout for _ in range(3))
    return statistics.median(float(json.loads(answer)) for answer in answers)


def rise(cell: str, inputs: int, case: str) -> float:
    """The same in this process, which must be fresh; Linux only."""
    torch.set_num_threads(1)
    step = step_of(cell, inputs, CASES[case])
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
    for _ in range(3):
        step()
    return _memory("VmHWM") - before


def _memory(entry: str) -> float:
    (found,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(entry))
    return int(found.split()[1]) / 1000


def main(repetitions: int = 9) -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    watched = [case for case in CASES if case != PLAIN]
    print(f"### A training step over a plain one, H={HIDDEN}, B={BATCH}, T={TIMES}, one thread, processor time\n")
    print("at most: " + ", ".join(f"{case} {limit}" for case, limit in LIMITS.items()) + "\n")
    rows = []
    for inputs in INPUTS:
        for cell in CELLS:
            result = compare({case: step_of(cell, inputs, options) for case, options in CASES.items()}, repetitions)
            plain = f"{result.median(PLAIN) * 1e3:.0f} ms"
            rows.append([cell, inputs, plain, *(result.ratio(case, PLAIN) for case in watched)])
    print_table(["cell", "input size", PLAIN, *watched], rows)
    if not Path("/proc/self/clear_refs").exists():
        return
    print("### The rise of memory in it, over that of a plain one\n")
    rows = []
    for cell in CELLS:
        plain_peak, *rest = (peak(cell, INPUTS[0], case) for case in (PLAIN, *LIMITS))
        rows.append([cell, INPUTS[0], f"{plain_peak:.0f} MB", *(one / plain_peak for one in rest)])
    print_table(["cell", "input size", PLAIN, *LIMITS], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peak", nargs=3, metavar=("CELL", "INPUTS", "CASE"), help="memory of one case, in MB")
    parser.add_argument("--repetitions", type=int, default=9)
    asked = parser.parse_args()
    with contextlib.suppress(BrokenPipeError):
        if asked.peak:
            print(json.dumps(rise(asked.peak[0], int(asked.peak[1]), asked.peak[2])))
        else:
            main(asked.repetitions)
