"""`gradlab dashboard`: look at runs in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from gradlab.cli.options import StoreOption


def dashboard(
    store: StoreOption = "runs",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1.")] = 8501,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser window.")] = False,
) -> None:
    """Serve the dashboard of a store on this machine (127.0.0.1 only), also while runs are going on."""
    from gradlab.cli.dashboard import serve

    serve(store, port, not no_browser)
