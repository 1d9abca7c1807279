"""How long the command and the read side take to start, beside an import of torch."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from tests.benchmarks.interleaved import compare, print_table

READ_SIDE = "import gradlab.store, gradlab.quantities, gradlab.reports, gradlab.figures, gradlab.diagnosis"
TORCH = "import torch"
CASES = {
    "gradlab --help": "import sys; sys.argv = ['gradlab', '--help']; from gradlab.cli.main import main; main()",
    "import gradlab": "import gradlab",
    "the read side": READ_SIDE,
    TORCH: TORCH,
}
LIMITS = {"gradlab --help": "0.4 s"}


def seconds(code: str) -> float:
    """How long a fresh process needs for some code."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def holds_torch(code: str) -> bool:
    """Whether torch was imported by it."""
    report = "import atexit, sys; atexit.register(lambda: print('TORCH', 'torch' in sys.modules)); "
    done = subprocess.run([sys.executable, "-c", report + code], check=True, capture_output=True, text=True)
    return done.stdout.rstrip().endswith("TORCH True")


def main(repetitions: int = 9) -> None:
    """Print the table."""
    cases: dict[str, Callable[[], float]] = {name: partial(seconds, code) for name, code in CASES.items()}
    result = compare(cases, repetitions)
    print("### Starting\n")
    rows = [
        [name, f"{result.median(name):.2f} s", result.ratio(name, TORCH), LIMITS.get(name, ""), holds_torch(code)]
        for name, code in CASES.items()
    ]
    print_table(["what", "time", "over import torch", "at most", "torch imported"], rows)


if __name__ == "__main__":
    main()
