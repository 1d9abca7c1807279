"""`gradlab studies`: the studies that are shipped, with their questions."""

from __future__ import annotations

import typer


def studies() -> None:
    """List the shipped studies and the question that each one answers."""
    from gradlab.study.catalogue import shipped
    from gradlab.study.header import read_header

    headers = [read_header(path) for path in shipped().values()]
    width = max((len(header.name) for header in headers), default=0)
    for header in headers:
        typer.echo(f"{header.name:{width}}  {header.question}")
