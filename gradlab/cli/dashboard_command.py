"""`gradlab dashboard`: look at runs in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from gradlab.cli.options import StoreOption
from gradlab.errors import GradlabError


def dashboard(
    store: StoreOption = "runs",
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="On 127.0.0.1; else the first free from 8501."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")] = False,
) -> None:
    """Serve the dashboard of a store on this machine (127.0.0.1 only), also while runs are going on."""
    from gradlab.cli.dashboard import serve

    try:
        serve(store, port, not no_browser)
    except FileNotFoundError as error:
        raise GradlabError(str(error)) from error
