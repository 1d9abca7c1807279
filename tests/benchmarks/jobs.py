"""How much faster two worker processes do a study than one; needs two cores that nobody else uses."""

import tempfile
import time
from pathlib import Path

from gradlab.study.listener import Silence
from gradlab.study.plan import Study, read_study
from gradlab.study.remaining import register
from gradlab.study.runners import Distributed, Inline, Runner
from tests.benchmarks.interleaved import compare, print_table

STUDY = Path(__file__).parent.parent / "study" / "adding.yaml"
RUNS, SECONDS = 16, 5.0


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


def main(repetitions: int = 1) -> None:
    """Print the table."""
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
