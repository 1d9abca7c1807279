"""How much faster two worker processes do a study than one (on two cores that nobody else uses), and what it holds."""

import gc
import tempfile
import time
from pathlib import Path

from gradlab.study.listener import Ended, Silence
from gradlab.study.memory import resident_memory
from gradlab.study.plan import Study, read_study
from gradlab.study.remaining import register
from gradlab.study.runners import Distributed, Inline, Runner
from tests.benchmarks.interleaved import compare, print_table

STUDY = Path(__file__).parent.parent / "study" / "adding.yaml"
RUNS, SECONDS = 16, 5.0
TINY = 2000


def of_seconds(seconds: float) -> Study:
    """A study of runs that take about so long each, by a timed one."""
    settings = ["task.steps=100", "model.hidden=32", "training.evaluate_every=null", "record.every=null"]
    steps = 200
    for _ in range(2):  # the first run of a process imports what it needs
        taken = done(read_study(STUDY, [*settings, "seed=0", f"training.steps={steps}"]), Inline())
    steps = max(1, round(steps * seconds / taken))
    return read_study(STUDY, [*settings, f"grid.seed={list(range(RUNS))}", f"training.steps={steps}"])


def done(study: Study, runner: Runner) -> float:
    """Seconds to do a study, the start of workers included."""
    with tempfile.TemporaryDirectory() as store:
        register(study, store)
        begun = time.perf_counter()
        ended = runner(study.runs, study.name, store, Silence())
        assert [one.status for one in ended] == ["finished"] * len(study.runs)
        return time.perf_counter() - begun


class Memory(Silence):
    """Notes how much this process, which holds scheduler and store's listing, has when so many runs are over."""

    def __init__(self, every: int) -> None:
        self.seen: dict[int, int] = {}
        self._every, self._count = every, 0

    def ended(self, ended: Ended) -> None:
        """Count, and note."""
        self._count += 1
        if self._count % self._every == 0:
            gc.collect()
            self.seen[self._count] = resident_memory()


def held(runs: int = TINY, every: int = TINY // 8) -> dict[int, int]:
    """Resident bytes of the process that waits, over a study of tiny runs."""
    tiny = ["training.steps=1", "training.evaluate_every=null", "training.evaluation_size=1", "record.every=null"]
    study = read_study(STUDY, [*tiny, f"grid.seed={list(range(runs))}"])
    memory = Memory(every)
    with tempfile.TemporaryDirectory() as store:
        register(study, store)
        ended = Distributed(2)(study.runs, study.name, store, memory)
    assert [one.status for one in ended] == ["finished"] * runs
    return memory.seen


def main(repetitions: int = 1) -> None:
    """Print the tables."""
    seen = held()
    print(f"### Memory of the scheduler over {TINY:,} tiny runs\n")
    print_table(["runs over", "MB"], [[f"{count:,}", f"{size / 1e6:.0f}"] for count, size in seen.items()])
    study = of_seconds(SECONDS)
    result = compare(
        {"--jobs 1": lambda: done(study, Inline()), "--jobs 2": lambda: done(study, Distributed(2))}, repetitions
    )
    print(f"### Workers: {RUNS} runs of about {SECONDS:g} s\n")
    print_table(
        ["", "time", "times as fast as one", "at least"],
        [
            [name, f"{result.median(name):.1f} s", result.ratio("--jobs 1", name), limit]
            for name, limit in (("--jobs 1", ""), ("--jobs 2", "1.8"))
        ],
    )


if __name__ == "__main__":
    main()
