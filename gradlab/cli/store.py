"""`gradlab store`: list, verify, repair, prune and merge a store of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import StoreOption

if TYPE_CHECKING:
    from gradlab.store import RunInfo

store_commands = typer.Typer(no_args_is_help=True, help="Look after a store: list, verify, repair, prune, merge.")

StudyOption = Annotated[str | None, typer.Option("--study", help="Only the runs of this study.")]


@store_commands.command("ls")
def list_runs(store: StoreOption = "runs", study: StudyOption = None) -> None:
    """List every run with its status, its tables and its size."""
    from tabulate import tabulate

    from gradlab.store import Store, ls

    found = ls(Store(store), study)
    rows = [
        (run.study, run.run, run.status, run.created[:16].replace("T", " "), ", ".join(run.tables), f"{run.size:,}")
        for run in found
    ]
    headings = ["study", "run", "status", "created (UTC)", "tables", "bytes"]
    typer.echo(tabulate(rows, headings, disable_numparse=True, colalign=("left",) * 5 + ("right",)) if rows else "")
    typer.echo(f"{len(found)} runs, {sum(run.size for run in found):,} bytes in {store}", err=True)


@store_commands.command()
def verify(store: StoreOption = "runs") -> None:
    """Read everything against its checksums, and name what cannot be read; exit code 1 if there is any."""
    from gradlab.store import Store
    from gradlab.store import verify as look

    problems = look(Store(store))
    for problem in problems:
        typer.echo(f"{problem.path}: {problem.message}")
    typer.echo(f"{len(problems)} problems in {store}", err=True)
    if problems:
        raise typer.Exit(1)


@store_commands.command()
def repair(store: StoreOption = "runs") -> None:
    """Move damaged files aside, remove what killed writers left, close their runs; nothing readable is lost."""
    from gradlab.store import Store
    from gradlab.store import repair as mend

    done = mend(Store(store))
    for line in done:
        typer.echo(line)
    typer.echo(f"{len(done)} things done in {store}", err=True)


@store_commands.command()
def prune(
    store: StoreOption = "runs",
    study: StudyOption = None,
    status: Annotated[str | None, typer.Option("--status", help="Only runs that ended so, such as failed.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove them; without it they are only listed.")] = False,
) -> None:
    """List the runs that their study's grid no longer holds or, with --status, that ended so; remove with --remove."""
    from gradlab.store import Store, unexpected
    from gradlab.store import prune as clear

    opened = Store(store)
    not_expected = unexpected(opened)

    def unwanted(run: RunInfo) -> bool:
        of_study = study is None or run.study == study
        return of_study and (run.status == status if status is not None else not_expected(run))

    if study is not None:
        opened.study(study)  # an unknown one is an error and not an empty list
    if remove:
        found = clear(opened, unwanted)
    else:
        found = [run.id for run in opened.runs(study) if run.status != "running" and unwanted(run)]
    for run in found:
        typer.echo(run)
    typer.echo(f"{len(found)} runs {'removed' if remove else 'would be removed; add --remove'}", err=True)


@store_commands.command()
def merge(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Stores to copy from.")],
    store: StoreOption = "runs",
) -> None:
    """Copy studies and runs from other stores; what is there already stays as it is."""
    from gradlab.errors import StoreError
    from gradlab.store import Store
    from gradlab.store import merge as copy

    opened = [Store(source) for source in sources]
    for source, there in zip(sources, opened, strict=True):
        if not there.folder.exists():
            raise StoreError(f"{source}: expected a store of runs, found none; nothing was copied")
    copied = copy(Store(store), opened)
    for run in copied:
        typer.echo(run)
    typer.echo(f"{len(copied)} runs copied to {store}", err=True)
