"""Serving the dashboard: finds the app, tells it where the store is, and starts Streamlit on this machine only."""

import os
import threading
from importlib import resources
from pathlib import Path

from gradlab.cli.preload import Preload, links

STORE_VARIABLE = "GRADLAB_STORE"
ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8501


def app_path() -> Path:
    """The dashboard's `app.py`: of the checkout when gradlab runs from one, else the copy shipped in the wheel.

    Raises FileNotFoundError when neither is there.
    """
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "dashboards" / "app.py").is_file():
        return checkout / "dashboards" / "app.py"
    shipped = Path(str(resources.files("gradlab") / "_shipped" / "dashboards" / "app.py"))
    if not shipped.is_file():
        raise FileNotFoundError(
            f"expected the dashboard at {shipped}, found nothing there; install gradlab again, from a wheel"
        )
    return shipped


def server_config(port: int | None, open_browser: bool) -> dict[str, object]:
    """Streamlit's settings: this machine only, nothing sent anywhere, no developer's menu.

    Args:
        port: where to listen; from 8501 upward the first free one when not given.
        open_browser: whether to open the page.

    Returns:
        Dotted option → value.
    """
    return {
        "server.address": ADDRESS,
        # a page of another site that resolves its own name to this machine must not get in
        "server.allowedHosts": [ADDRESS, "localhost"],
        **({} if port is None else {"server.port": port}),
        "server.headless": not open_browser,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "browser.serverAddress": ADDRESS,
        "client.toolbarMode": "viewer",
        "client.showErrorLinks": "false",
        "theme.light.primaryColor": "#0072b2",
        "theme.dark.primaryColor": "#56b4e9",
    }


def serve(store: str, port: int | None = None, open_browser: bool = True) -> None:
    """Serve the dashboard until it is stopped.

    Args:
        store: address of the store.
        port: where to listen on 127.0.0.1; the first free one from 8501 when not given.
        open_browser: whether to open the page in a browser.
    """
    path = app_path()
    # a relative folder must mean the same to the app, whatever it calls its working directory
    os.environ[STORE_VARIABLE] = store if "://" in store else str(Path(store).resolve())
    import streamlit
    from starlette.middleware import Middleware
    from streamlit.runtime.pages_manager import PagesManager

    # The folder `pages` looks like Streamlit's old way of many pages; until the first visit has called
    # st.navigation a link to any page but the first would be answered with "page not found".
    PagesManager.uses_pages_directory = False
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    early = Middleware(Preload, links=links(Path(streamlit.__file__).with_name("static")))
    streamlit.App(path, middleware=[early]).run(config=server_config(port, open_browser))


def warm_up() -> None:
    """Import what the first page needs, and draw a figure, while the server starts and the browser opens its window."""
    import inspect

    import pandas as pd
    import pyarrow.parquet  # noqa: F401

    import gradlab.diagnosis.judging  # noqa: F401
    import gradlab.reports.load  # noqa: F401
    from gradlab import figures

    # plotly reads its rules of what may be drawn with the first figure
    steps = pd.DataFrame({"step": range(50), "loss": 1.0, "score": 0.5})
    figures.LEARNING_CURVES.draw(figures.LEARNING_CURVES.data(steps)).to_json()
    # with its first element Streamlit looks where it was called from, and for that at the source of every module
    inspect.stack()
