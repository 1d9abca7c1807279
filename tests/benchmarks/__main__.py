"""Prints all figures, or those that are named: `python -m tests.benchmarks recording jacobians start`."""

import platform
import sys

import torch

from tests.benchmarks import (
    dashboard,
    diagnosis,
    dynamics,
    jacobians,
    jobs,
    paint,
    recording,
    start,
    store,
    training,
    ways,
)

ALL = {
    "start": start.main,
    "jacobians": jacobians.main,
    "recording": recording.main,
    "training": training.main,
    "ways": ways.main,
    "dynamics": dynamics.main,
    "diagnosis": diagnosis.main,
    "store": store.main,
    "jobs": jobs.main,
    "dashboard": dashboard.main,
    "paint": paint.main,
}

unknown = set(sys.argv[1:]) - set(ALL)
if unknown:
    sys.exit(f"expected some of {', '.join(ALL)}, got {', '.join(sorted(unknown))}")
print(f"Python {platform.python_version()}, torch {torch.__version__}, {platform.machine()}\n", flush=True)
for name in sys.argv[1:] or ALL:
    ALL[name]()
