"""What a recorded step costs by cell, size, length and threads, beside the recipe of today: cells with retain_grad."""

import argparse
import time
from collections.abc import Callable

import torch
from torch import nn

from gradlab.recording import watch
from tests.benchmarks.interleaved import compare, print_table

CELLS = {"LSTM": (nn.LSTM, nn.LSTMCell), "GRU": (nn.GRU, nn.GRUCell), "RNN": (nn.RNN, nn.RNNCell)}
HIDDEN, LENGTHS, BATCH, INPUTS = (64, 128, 256), (100, 1000), 32, 64
CASES = {
    "plain": None,
    "all": {"every": 1, "sequences": "all", "check_every": "never"},
    "8": {"every": 1, "check_every": "never"},
    "8, light": {"every": 1, "check_every": "never", "preset": "light"},
    "closure check": {"every": 1, "check_every": 1},
    "not recorded": {"every": None},
}


def step_of(cell: str, hidden: int, length: int, options: dict | None) -> Callable[[], float]:
    """One training step of torch's fused layer, watched where there are options; gives its wall-clock seconds."""
    torch.manual_seed(0)
    model = CELLS[cell][0](INPUTS, hidden)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    x = torch.randn(length, BATCH, INPUTS)
    recorder = None if options is None else watch(model, **options)

    def step() -> float:
        began = time.perf_counter()
        optimiser.zero_grad()
        loss = model(x)[0].square().mean()
        loss.backward()
        if recorder is not None:
            recorder.step(loss)
        optimiser.step()
        return time.perf_counter() - began

    return step


def unrolled(cell: str, hidden: int, length: int) -> Callable[[], float]:
    """The recipe of today: torch's cell in a Python loop, with retain_grad on every state and its norm afterwards."""
    torch.manual_seed(0)
    model = CELLS[cell][1](INPUTS, hidden)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    x = torch.randn(length, BATCH, INPUTS)

    def step() -> float:
        began = time.perf_counter()
        optimiser.zero_grad()
        state, states = None, []
        for now in x:
            state = model(now, state)
            h = state[0] if isinstance(state, tuple) else state
            h.retain_grad()
            states.append(h)
        torch.stack(states).square().mean().backward()
        torch.stack([h.grad.norm() for h in states])
        optimiser.step()
        return time.perf_counter() - began

    return step


def main(repetitions: int = 5, threads: tuple[int, ...] = (1, 2)) -> None:
    """Print one table a number of threads."""
    for count in threads:
        torch.set_num_threads(count)
        print(f"### A recorded step over a plain one, B={BATCH}, input {INPUTS}, {count} thread(s), wall clock\n")
        print("`every=10` is put together from the medians: of 100 steps 1 is checked, 9 recorded, 90 not.\n")
        rows = []
        for length in LENGTHS:
            for hidden in HIDDEN:
                for cell in CELLS:
                    cases = {name: step_of(cell, hidden, length, options) for name, options in CASES.items()}
                    cases["cells + retain_grad"] = unrolled(cell, hidden, length)
                    result = compare(cases, repetitions)
                    ratios = {name: result.ratio(name, "plain") for name in cases}
                    every = (ratios["closure check"] + 9 * ratios["8"] + 90 * ratios["not recorded"]) / 100
                    plain = f"{result.median('plain') * 1e3:.1f} ms"
                    others = [ratios[name] for name in list(cases)[1:]]
                    rows.append([cell, hidden, length, plain, *others, every])
        names = [name for name in CASES if name != "plain"]
        print_table(["cell", "H", "T", "plain", *names, "cells + retain_grad", "every=10"], rows)
    torch.set_num_threads(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    main(parser.parse_args().repetitions)
