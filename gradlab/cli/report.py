"""`gradlab report`: studies as files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gradlab.cli.options import StoreOption
from gradlab.errors import GradlabError

if TYPE_CHECKING:
    from gradlab.reports.export import Format as Written
    from gradlab.store import Store


class Format(StrEnum):
    """What a report can be written as."""

    csv = "csv"
    parquet = "parquet"
    md = "md"
    xlsx = "xlsx"
    tex = "tex"
    html = "html"
    netcdf = "netcdf"
    datasets = "datasets"
    png = "png"
    svg = "svg"
    pdf = "pdf"


PAGES = (Format.html, Format.tex)
"""What takes several studies at once."""
IMAGES = (Format.png, Format.svg, Format.pdf)
"""A file a figure."""


def report(
    studies: Annotated[list[str], typer.Argument(metavar="STUDY…", help="Names of studies in the store.")],
    to: Annotated[Format, typer.Option("--to", help="Kind of file.")] = Format.md,
    compare: Annotated[bool, typer.Option("--compare", help="Put two studies side by side (html, tex).")] = False,
    store: StoreOption = "runs",
    folder: Annotated[Path, typer.Option("--folder", help="Where to write.")] = Path("reports"),
) -> None:
    """Write the tables of studies, and what was found, as files.

    html and tex put all of them on one page, html with figures; the page needs nothing else, and no network. png, svg
    and pdf write a file a figure; they need the extra `images` and a chromium.
    """
    from gradlab import reports
    from gradlab.store import Store

    if compare and to not in PAGES:
        raise GradlabError(f"--compare: expected --to html or tex, got {to.value}")
    try:
        opened = Store(store)
        for path in _written(opened, studies, to, compare, folder):
            typer.echo(path)
    except (ValueError, ImportError, OSError) as error:
        raise GradlabError(str(error)) from error
    for study in studies:
        verdicts = reports.claims(opened, study) if study else []
        if verdicts:
            typer.echo("", err=True)  # standard output is the list of files
        for verdict in verdicts:
            typer.echo(verdict, err=True)


def _written(store: Store, studies: list[str], to: Format, compare: bool, folder: Path) -> list[Path]:
    from gradlab import reports

    if to in IMAGES:
        return [path for study in studies for path in _images(store, study, to, folder)]
    kind = cast("Written", to.value)
    if to not in PAGES:
        return [path for study in studies for path in reports.export(store, study, kind, folder)]
    drawn = None
    if to is Format.html:
        from gradlab.cli.drawings import drawings

        drawn = drawings(store, studies, compare=compare)
    return [reports.export_page(store, studies, kind, folder, drawings=drawn, compare=compare)]


def _images(store: Store, study: str, to: Format, folder: Path) -> list[Path]:
    """Every figure of a study as a file of its own."""
    from gradlab.cli.drawings import pictures
    from gradlab.figures import write_image
    from gradlab.store.names import encode_name

    if not store.runs(study):
        raise GradlabError(f"{store.address}: study {study!r} has no runs yet; run it first")
    name = encode_name(study or "runs")
    return [write_image(picture, folder / f"{name}-{figure}.{to.value}") for figure, picture in pictures(store, study)]
