"""`gradlab fork`: take a run's past up to a training step, and give it another future."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from gradlab.cli.options import OverridesArgument, StoreOption, ThreadsOption

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of the run, a unique beginning of it, or STUDY/ID.")
]
AtOption = Annotated[int, typer.Option("--at", min=1, metavar="STEP", help="Training steps that both share.")]


def fork(
    run: RunArgument,
    at: AtOption,
    overrides: OverridesArgument = None,
    store: StoreOption = "runs",
    threads: ThreadsOption = 1,
) -> None:
    """The same past, another future: continue a run from one of its steps with other settings.

    The fork is a run of its own, in the study STUDY-forks, and knows where it comes from. The same command
    again continues a fork that was interrupted.
    """
    import torch

    from gradlab.cli.progress import listener_on_terminal
    from gradlab.store import Store
    from gradlab.study.fork import fork as prepared
    from gradlab.study.runners import RUNNERS

    torch.set_num_threads(threads)
    planned, study = prepared(store, run, at, overrides or ())
    place = "" if store == "runs" else f" --store {shlex.quote(store)}"
    if Store(store).run(f"{study}/{planned.id}").status == "finished":
        typer.echo(f"The fork {study}/{planned.id} is finished already.")
    else:
        with listener_on_terminal([planned]) as listener:
            [ended] = RUNNERS["inline"]()([planned], study, store, listener)
        if ended.status == "stopped":
            again = shlex.join(["gradlab", "fork", run, "--at", str(at), *(overrides or [])]) + place
            typer.echo(f"Stopped. Continue with:\n  {again}")
            raise typer.Exit(130)
        if ended.status == "failed":
            typer.echo(f"the fork {planned.id} failed: {ended.reason}", err=True)
            raise typer.Exit(1)
        typer.echo(f"The fork is {study}/{planned.id}.")
    typer.echo(f"Look:  gradlab dashboard{place}")
