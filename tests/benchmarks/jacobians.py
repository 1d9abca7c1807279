"""Jacobians in closed form over `vmap(jacrev)`, for 400 states of H=128, one thread."""

import time
from collections.abc import Callable

import torch

from gradlab.recurrence import GRU, LSTM, RNN, reference
from gradlab.recurrence.base import Recurrence
from tests.benchmarks.interleaved import compare, print_table

STATES, HIDDEN, INPUTS = 400, 128, 128
TORCHS_OWN: tuple[Recurrence, ...] = (RNN("tanh"), RNN("relu"), LSTM(), GRU())
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
AT_LEAST = {"rnn": 20, "lstm": 10}


def ways(recurrence: Recurrence) -> dict[str, Callable[[], torch.Tensor]]:
    """The two ways to the same matrices, `1 states rows columns`."""
    torch.manual_seed(0)
    rows = GATES[recurrence.name] * HIDDEN
    shapes = {"weight_ih": (rows, INPUTS), "weight_hh": (rows, HIDDEN), "bias_ih": (rows,), "bias_hh": (rows,)}
    weights = {name: torch.empty(shape).uniform_(-(HIDDEN**-0.5), HIDDEN**-0.5) for name, shape in shapes.items()}
    inputs = torch.randn(1, STATES, INPUTS)
    initial = tuple(torch.randn(STATES, HIDDEN).tanh() for _ in recurrence.state_names)
    before = tuple(state.unsqueeze(0) for state in initial)
    trace = recurrence.trace(weights, inputs, initial)
    return {
        "closed form": lambda: recurrence.jacobian(weights, trace, before).dense(),
        "vmap(jacrev)": lambda: reference.jacobian(recurrence, weights, inputs, before),
    }


def seconds(way: Callable[[], object]) -> float:
    """How long one call computes."""
    began = time.process_time()
    way()
    return time.process_time() - began


def main(repetitions: int = 9) -> None:
    """Print the table, after a look that both ways give the same."""
    torch.set_num_threads(1)
    print(f"### Jacobians of {STATES} states, H={HIDDEN}, one thread, processor time\n")
    rows = []
    for recurrence in TORCHS_OWN:
        fast, slow = ways(recurrence).items()
        torch.testing.assert_close(fast[1](), slow[1](), rtol=1e-4, atol=1e-5)
        result = compare({name: lambda way=way: seconds(way) for name, way in (fast, slow)}, repetitions)
        name = " ".join([recurrence.name, getattr(recurrence, "nonlinearity", "")]).strip()
        size = len(recurrence.state_names) * HIDDEN
        times = [f"{result.median(way) * 1e3:.1f} ms" for way, _ in (fast, slow)]
        least = AT_LEAST.get(recurrence.name, "")
        rows.append([name, f"{size} × {size}", *times, f"{result.ratio(slow[0], fast[0]):.1f}", least])
    print_table(["recurrence", "matrix", "closed form", "vmap(jacrev)", "times faster", "at least"], rows)


if __name__ == "__main__":
    main()
