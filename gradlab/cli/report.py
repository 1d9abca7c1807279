"""`gradlab report`: the tables of a study as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gradlab.cli.options import StoreOption
from gradlab.errors import GradlabError


class Format(StrEnum):
    """What a report can be written as."""

    csv = "csv"
    parquet = "parquet"
    md = "md"
    xlsx = "xlsx"


def report(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study in the store.")],
    to: Annotated[Format, typer.Option("--to", help="Kind of file.")] = Format.md,
    store: StoreOption = "runs",
    folder: Annotated[Path, typer.Option("--folder", help="Where to write.")] = Path("reports"),
) -> None:
    """Write the tables of a study, and what was found, as files."""
    from gradlab import reports

    try:
        written = reports.export(store, study, to.value, folder)
    except (ValueError, ImportError, OSError) as error:
        raise GradlabError(str(error)) from error
    for path in written:
        typer.echo(path)
    verdicts = reports.claims(store, study) if study else []
    if verdicts:
        typer.echo("", err=True)  # standard output is the list of files
    for verdict in verdicts:
        typer.echo(verdict, err=True)
