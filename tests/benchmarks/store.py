"""What a run costs beyond its training, and how fast the store writes, reads, and lists thousands of runs."""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from gradlab.quantities import TABLES
from gradlab.recording import watch
from gradlab.reports import load
from gradlab.store import RunWriter, Store
from gradlab.store.schema import RESOLUTION
from gradlab.study.listener import Ended, Silence
from gradlab.study.plan import read_study
from gradlab.study.remaining import register
from gradlab.study.runners import Distributed, Inline
from tests.benchmarks.interleaved import print_table

RUNS, STEPS, TIMES = 100, 200, 1000
QUANTITIES = tuple(one.name for one in TABLES["timesteps"].quantities if one.kind == "real")[:10]
MANY = 10_000
STUDY = Path(__file__).parent.parent / "study" / "adding.yaml"


def written(folder: Path, runs: int = RUNS, resolution: int = RESOLUTION) -> float:
    """Seconds to write the runs: numbers whose last digits are noise, as measured ones are."""
    generator = np.random.default_rng(0)
    store = Store(folder)
    t, zero = np.arange(TIMES), np.zeros(TIMES, dtype=np.int64)
    drawn = np.exp(generator.normal(size=(8, len(QUANTITIES), TIMES)).cumsum(axis=-1) / 10)
    module = np.full(TIMES, "recurrent", dtype=object)
    store.write_study("written", axes=["seed"], expected={f"run{run:03}": {"seed": run} for run in range(runs)})
    begun = time.perf_counter()
    for run in range(runs):
        with store.writer(f"run{run:03}", "written", config={"seed": run}, resolution=resolution) as writer:
            for step in range(STEPS):
                values = dict(zip(QUANTITIES, drawn[step % 8] * (1 + run / 7 + step / 11), strict=True))
                axes = {"step": zero + step, "module": module, "call": zero, "layer": zero, "direction": zero, "t": t}
                writer.write("timesteps", {**axes, **values})
    return time.perf_counter() - begun


def real(folder: Path, passes: int = 10) -> float:
    """Bytes of what a real net has recorded over long sequences, over those of its measured numbers as they are."""
    torch.manual_seed(0)
    layer, readout = torch.nn.LSTM(8, 32), torch.nn.Linear(32, 1)
    with watch(layer, every=1, sink=RunWriter(folder / "real")) as recorder:
        for _ in range(passes):
            x = torch.randn(TIMES, 8, 8)
            loss = (readout(layer(x)[0]) - x[..., :1].cumsum(0) / 10).square().mean()
            loss.backward()
            recorder.step(loss)
    found = Store(folder).run("real").read("timesteps")
    numbers = sum(len(column) - column.null_count for column in found.columns if pa.types.is_floating(column.type))
    return size(folder / "real" / "timesteps") / (8 * numbers)


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def many(folder: Path) -> None:
    """Thousands of runs: one is written, and its files are copied under other names."""
    store = Store(folder)
    with store.writer("run00000", "many", config={"seed": 0, "model": {"cell": "lstm"}}) as writer:
        writer.write("steps", {"step": np.arange(20), "loss": np.ones(20)})
        writer.annotate(final_loss=1.0, final_score=0.5)
    first = folder / "many" / "run00000"
    for run in range(1, MANY):
        shutil.copytree(first, folder / "many" / f"run{run:05}")
    configs = {f"run{run:05}": {"seed": run, "model": {"cell": "lstm"}} for run in range(MANY)}
    store.write_study("many", axes=["seed"], expected=configs)


def median(call: Callable[[], object], repetitions: int = 5) -> float:
    """Median seconds of a call, after one to warm up."""
    call()
    seconds = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


class Clock(Silence):
    """Notes when each run ended, and how long its training took."""

    def __init__(self) -> None:
        self.ends: list[tuple[float, float]] = []

    def ended(self, ended: Ended) -> None:
        """Note it."""
        self.ends.append((time.perf_counter(), ended.seconds))

    def overhead(self) -> float:
        """Median seconds from the end of a run to that of the next, less its training; the first runs warm up."""
        pairs = zip(self.ends[2:], self.ends[3:], strict=False)
        return statistics.median(later - before - seconds for (before, _), (later, seconds) in pairs)


def overhead(runner: Inline | Distributed, folder: Path) -> float:
    """Seconds that a run of a warm worker costs beyond its training."""
    study = read_study(STUDY, [f"grid.seed={list(range(16))}", "training.steps=20"])
    register(study, str(folder))
    clock = Clock()
    runner(study.runs, study.name, str(folder), clock)
    return clock.overhead()


def main() -> None:
    """Print the table."""
    print(f"### Store: {RUNS} runs × {STEPS} steps × {TIMES} time steps × {len(QUANTITIES)} quantities; runs\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: list[list[object]] = [
            [f"a run beyond its training, {runner.name}", f"{1e3 * overhead(runner, folder / runner.name):.0f} ms",
             "100 ms"]
            for runner in (Inline(), Distributed())
        ]  # fmt: skip
        raw = RUNS * STEPS * TIMES * len(QUANTITIES) * 8
        seconds = written(folder / "store")
        written(folder / "reduced", RUNS // 10, resolution=24)
        store, quantity = Store(folder / "store"), QUANTITIES[0]
        one = store.run("run042")
        rows += [
            ["write", f"{raw / seconds / 1e6:.0f} MB/s", "at least 40 MB/s"],
            ["size over that of the raw numbers", f"{size(folder / 'store') / raw:.2f}", "0.8"],
            ["the same, 24 bits of mantissa kept", f"{10 * size(folder / 'reduced') / raw:.2f}", ""],
            ["the same, what a real LSTM gives in float32", f"{real(folder):.2f}", "0.8"],
            ["one quantity of one run", f"{1e3 * median(lambda: one.read('timesteps', [quantity])):.1f} ms", "10 ms"],
            ["one quantity of all runs",
             f"{median(lambda: load(store, 'timesteps', study='written', columns=[quantity]), 3):.2f} s", "0.5 s"],
        ]  # fmt: skip
        shutil.rmtree(folder / "store")
        many(folder / "many")
        rows += [
            [f"list {MANY:,} runs", f"{median(lambda: Store(folder / 'many').runs('many'), 3):.2f} s", "1 s"],
            ["`reports.load` of their table", f"{median(lambda: load(folder / 'many', study='many'), 3):.2f} s", "1 s"],
        ]
    print_table(["what", "measured", "at most"], rows)


if __name__ == "__main__":
    main()
