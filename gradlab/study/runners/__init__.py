"""Ways to take the runs of a study through; a further one is one file here and one line in the list."""

from gradlab.study.runners.base import Runner
from gradlab.study.runners.distributed import Distributed
from gradlab.study.runners.inline import Inline

RUNNERS: dict[str, type[Runner]] = {runner.name: runner for runner in (Inline, Distributed)}
"""Every runner by its name."""

__all__ = ["RUNNERS", "Distributed", "Inline", "Runner"]
