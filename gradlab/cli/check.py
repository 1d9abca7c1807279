"""`gradlab check`: read a study whole, show its grid, and estimate what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import OverridesArgument, ScaleOption, StudyArgument, ThreadsOption

if TYPE_CHECKING:
    from rich.table import Table

    from gradlab.study.estimate import Estimate
    from gradlab.study.plan import Study


def check(
    study: StudyArgument,
    overrides: OverridesArgument = None,
    threads: ThreadsOption = 1,
    scale: ScaleOption = "small",
    quick: Annotated[bool, typer.Option("--quick", help="Only check; time nothing.")] = False,
) -> None:
    """Check a study file and show its runs, with an estimate of what they cost.

    Every mistake is listed, with file, line and column. The estimate comes from a few real training steps
    of every distinct shape.
    """
    import torch

    from gradlab.cli.console import console
    from gradlab.cli.words import duration, size
    from gradlab.study.catalogue import find
    from gradlab.study.estimate import Estimator
    from gradlab.study.plan import read_study

    plan = read_study(find(study), overrides or (), scale)
    torch.set_num_threads(threads)
    estimator = Estimator()
    estimates = None if quick else [estimator(run) for run in plan.runs]
    out = console()
    out.print(f"{plan.name}: {plan.header.question}", markup=False, soft_wrap=True)
    for claim in plan.header.claims:
        out.print(f"  claim: {claim}", markup=False, soft_wrap=True)
    limits = plan.runs[0].limits
    if limits != type(limits)():
        told = ", ".join(f"{name} {value:g}" for name, value in limits if value)
        out.print(f"  limits of a run: {told}", markup=False)
    out.print(_table(plan, estimates))
    told = f"{len(plan.runs)} runs"
    if estimates is not None:
        time, space = sum(one.seconds for one in estimates), sum(one.bytes for one in estimates)
        most = max(one.memory for one in estimates)
        told += f", about {duration(time)} one after the other, {size(space)} on disk, {size(most)} of memory for one"
    out.print(told, markup=False)


def _table(plan: Study, estimates: list[Estimate] | None) -> Table:
    """A row a run."""
    from rich import box
    from rich.table import Table

    from gradlab.cli.words import duration, short_names, size, value_word

    names = short_names(plan.axes)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("run")
    for axis in plan.axes:
        table.add_column(names[axis])
    for heading in ("steps", "length", "parameters", *(("time", "disk", "memory") if estimates else ())):
        table.add_column(heading, justify="right")
    for at, run in enumerate(plan.runs):
        cells = [run.id, *(value_word(run.varied[axis]) if axis in run.varied else "" for axis in plan.axes)]
        cells += [f"{count:,}" for count in (run.config.training.steps, run.config.task.length, run.parameters)]
        if estimates:
            one = estimates[at]
            cells += [duration(one.seconds), size(one.bytes), size(one.memory)]
        table.add_row(*cells)
    return table
