"""What gradlab's training loop costs over one written by hand, and what its measurements cost; LSTM, H=128, B=32."""

from collections.abc import Callable
from time import process_time
from typing import Any

import torch
from torch import nn

from gradlab.models import ModelSettings, build
from gradlab.recording import MemorySink
from gradlab.tasks import Adding, Characters, Task
from gradlab.training import TrainingSettings
from gradlab.training.run import Run
from gradlab.training.seeds import generator
from tests.benchmarks.interleaved import compare, print_table

STEPS, BATCH, EVERY = 10, 32, 50
SAMPLES_EVERY = 500
TASKS: dict[str, tuple[Task, dict[str, Any]]] = {
    "adding, T=200": (Adding(steps=200), {"name": "full"}),
    "adding, T=200, k2=50": (Adding(steps=200), {"name": "truncated", "k1": 50}),
    "characters, T=50": (Characters(steps=50), {"name": "full"}),
    "characters, k1=k2=50": (Characters(steps=50), {"name": "truncated", "k1": 50}),
}


class Taker:
    """An observer that takes rows and nothing else, so that only the measurement itself is paid for."""

    def __init__(self) -> None:
        self.sink = MemorySink()

    def write(self, table: str, columns: Any) -> None:
        """Keep them."""
        self.sink.write(table, columns)

    def step(self, loss: Any, *, learning_rate: float | None = None) -> None:
        """Nothing."""

    def clipped(self, report: Any) -> None:
        """Nothing."""

    def evaluated(self, *, score: float, loss: float) -> None:
        """Nothing."""


def settings(bptt: dict[str, Any], measure: dict[str, Any]) -> TrainingSettings:
    """Adam and norm clipping, as by hand."""
    measured = {"clipping_every": None, "samples_every": None, **measure}
    return TrainingSettings.model_validate(
        {"steps": 10**6, "batch": BATCH, "clip": 1.0, "evaluate_every": None, "bptt": bptt, "measure": measured}
    )


def ours(task: Task, bptt: dict[str, Any], measure: dict[str, Any] | None) -> Callable[[], float]:
    """Some steps of gradlab's loop; where something is measured, one of them measures."""
    net = build(ModelSettings(hidden=128), task, 0)
    observer = None if measure is None else Taker()
    run = Run(net, task, settings(bptt, measure or {}), 0, observer)

    def some() -> float:
        run.steps = 0  # where every measurement is due
        began = process_time()
        for _ in range(STEPS):
            run.step()
        return process_time() - began

    return some


def by_hand(task: Task) -> Callable[[], float]:
    """The same steps as anyone would write them, for full backpropagation."""
    net = build(ModelSettings(hidden=128), task, 0)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    source = generator(0, "batches")

    def some() -> float:
        began = process_time()
        for _ in range(STEPS):
            batch = task.batch(BATCH, source)
            optimiser.zero_grad()
            loss = task.loss(net(batch.inputs), batch)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            loss.item()
        return process_time() - began

    return some


def batches(task: Task) -> Callable[[], float]:
    """Making the data of the same number of steps."""
    source = generator(0, "batches")

    def some() -> float:
        began = process_time()
        for _ in range(STEPS):
            task.batch(BATCH, source)
        return process_time() - began

    return some


def main(repetitions: int = 15) -> None:
    """Print the tables."""
    print(f"### Training: {STEPS} steps at a time, one thread\n")
    rows = []
    for name, (task, bptt) in TASKS.items():
        cases = {
            "gradlab": ours(task, bptt, None),
            "bias": ours(task, bptt, {"bias_every": EVERY}),
            "clipping": ours(task, bptt, {"clipping_every": EVERY}),
            "batches": batches(task),
        }
        if bptt["name"] == "full":
            cases["by hand"] = by_hand(task)
        if isinstance(task, Characters):
            cases["samples"] = ours(task, bptt, {"samples_every": SAMPLES_EVERY})
        result = compare(cases, repetitions)

        def per_step(case: str, every: int, result: Any = result) -> float:
            """Share of a step's time that one measurement every so many steps costs."""
            return (result.ratio(case, "gradlab") - 1) * STEPS / every

        speed: Any = result.ratio("by hand", "gradlab") if "by hand" in cases else ""
        share = result.ratio("batches", "gradlab") if bptt["name"] == "full" else ""
        step = f"{1000 * result.median('gradlab') / STEPS:.1f} ms"
        samples: Any = per_step("samples", SAMPLES_EVERY) if "samples" in cases else ""
        rows.append([name, step, speed, share, per_step("bias", EVERY), per_step("clipping", EVERY), samples])
    headings = [
        "task",
        "step",
        "steps/s over by hand",
        "batches",
        f"bias every {EVERY}",
        f"other clipping every {EVERY}",
        f"samples every {SAMPLES_EVERY}",
    ]
    print_table(headings, rows)
    print("At least 0.95 of the steps by hand; batches at most 0.05, bias at most 0.10 of a step.\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
