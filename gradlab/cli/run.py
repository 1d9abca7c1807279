"""`gradlab run`: do the runs of a study that are not done yet."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gradlab.cli.options import OverridesArgument, ScaleOption, StoreOption, StudyArgument, ThreadsOption
from gradlab.errors import GradlabError

if TYPE_CHECKING:
    from gradlab.study.listener import Ended
    from gradlab.study.plan import PlannedRun, Study


def run(
    study: StudyArgument,
    overrides: OverridesArgument = None,
    store: StoreOption = "runs",
    threads: ThreadsOption = 1,
    scale: ScaleOption = "small",
    device: Annotated[str, typer.Option("--device", help="Where nets are trained: cpu, cuda, cuda:1, …")] = "cpu",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Runs at the same time, each in a process.")] = 1,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="ADDRESS", help="A dask scheduler to run on.")
    ] = None,
    needs: Annotated[
        list[str] | None,
        typer.Option("--needs", metavar="NAME=AMOUNT", help="Resources of a worker that one run takes, such as GPU=1."),
    ] = None,
) -> None:
    """Do the runs of a study that are not done yet, and say what was found.

    Runs that the store holds as finished are kept. Ctrl-C ends cleanly; the same command continues.
    The same study may be run from several terminals or machines at once: they share the work.
    """
    import torch

    from gradlab.cli.progress import listener_on_terminal
    from gradlab.study.catalogue import find
    from gradlab.study.plan import read_study
    from gradlab.study.remaining import register, remaining
    from gradlab.study.runners import Distributed, Inline, Runner

    resources = _resources(needs or [])
    if cluster is None:  # the workers of a cluster may have what this machine has not
        _check_device(device)
    plan = read_study(find(study), overrides or (), scale)
    register(plan, store)
    todo = [replace(one, device=device) for one in remaining(plan, store)]
    typer.echo(f"{plan.name}: {plan.header.question}")
    typer.echo(_what_to_do(plan, todo, store))
    torch.set_num_threads(threads)
    here = jobs == 1 and cluster is None
    runner: Runner = Inline() if here else Distributed(jobs, cluster, threads, resources)
    ended: list[Ended] = []
    broken_off = True
    with suppress(KeyboardInterrupt), listener_on_terminal(todo) as listener:  # a second Ctrl-C comes through
        ended = runner(todo, plan.name, store, listener) if todo else []
        broken_off = False
    if len(ended) < len(todo) or any(one.status == "stopped" for one in ended):
        again = ["gradlab", "run", study, *(overrides or []), *([] if scale == "small" else ["--scale", scale])]
        _say_how_to_continue(again, store, len(remaining(plan, store)))
        if broken_off:
            _leave_at_once()
        raise typer.Exit(130)
    _say_what_was_found(plan, store, ended)
    if any(one.status == "failed" for one in ended):
        raise typer.Exit(1)


def _resources(needs: list[str]) -> dict[str, float] | None:
    """`["GPU=1"]` as a mapping; null for nothing."""
    resources = {}
    for text in needs:
        name, _, amount = text.partition("=")
        try:
            resources[name] = float(amount)
        except ValueError:
            resources[name] = 0.0
        if not name or not resources[name] > 0:
            raise GradlabError(f"--needs: expected NAME=AMOUNT, such as GPU=1, got {text!r}")
    return resources or None


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        told = str(error).splitlines()[0]
        raise GradlabError(f"--device: expected a device that torch has here, got {device!r}: {told}") from error


def _what_to_do(plan: Study, todo: list[PlannedRun], store: str) -> str:
    done = len(plan.runs) - len(todo)
    if not todo:
        return f"All {done} runs are in {store} already."
    return f"{len(todo)} runs to do" + (f", {done} are in {store} already." if done else ".")


def _leave_at_once() -> NoReturn:
    """End without what is usually done at an end: dask's would wait for its workers. They go with this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(130)


def _say_how_to_continue(command: list[str], store: str, left: int) -> None:
    again = shlex.join(command + ([] if store == "runs" else ["--store", store]))
    what = "1 run is" if left == 1 else f"{left} runs are"
    typer.echo(f"Stopped. Everything recorded so far is in {store}; {what} left. Continue with:\n  {again}")


def _say_what_was_found(plan: Study, store: str, ended: list[Ended]) -> None:
    from gradlab import reports
    from gradlab.cli.words import settings

    for one in ended:
        if one.status == "failed":
            typer.echo(f"run {one.run.id} failed ({settings(one.run.varied)}): {one.reason}", err=True)
    typer.echo("")
    for sentence in reports.summary(store, plan.name):
        typer.echo(sentence)
    reports.keep_verdicts(store, plan.name, reports.claims(store, plan.name))
    place = "" if store == "runs" else f" --store {shlex.quote(store)}"
    name = shlex.quote(plan.name)
    typer.echo(f"\nLook:  gradlab dashboard{place}\nTables:  gradlab report {name} --to csv{place}")
