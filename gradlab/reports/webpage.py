"""Studies as one page of HTML that needs nothing else: no network, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from gradlab.errors import StoreError
from gradlab.reports.contents import Contents, Drawing, TextTable

TEMPLATE = "webpage.html"


def write_webpage(
    studies: Sequence[Contents],
    path: Path,
    drawings: Mapping[str, Sequence[Drawing]] | None = None,
    compared: TextTable | None = None,
) -> Path:
    """Write the page: question, claims, findings, figures and tables of every study, and how to read them.

    plotly's program stands in the page once; its content policy forbids every request to elsewhere. Words from study
    files and runs are escaped, also within the figures' numbers.

    Args:
        studies: in the order of the page.
        path: the file.
        drawings: figures by name of their study; `""` for those of all studies together.
        compared: a table of two studies side by side.

    Raises:
        StoreError: when jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise StoreError("HTML needs the package jinja2: pip install jinja2") from error
    drawings = drawings or {}
    figures = {name: [_Placed(f"figure-{at}-{place}", one) for place, one in enumerate(drawn)]
               for at, (name, drawn) in enumerate(drawings.items())}  # fmt: skip
    source = resources.files("gradlab.reports").joinpath(TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(source).render(
        title=", ".join(study.name for study in studies),
        studies=studies,
        figures=figures,
        compared=compared,
        script=_plotly() if any(figures.values()) else "",
    )
    path.write_text(page, encoding="utf-8")
    return path


class _Placed:
    """A figure with the id of its place on the page."""

    def __init__(self, place: str, drawing: Drawing) -> None:
        self.place = place
        self.title, self.how_to_read, self.described = drawing.title, drawing.how_to_read, drawing.described
        self.json = _in_script(drawing.figure)


def _in_script(figure: str) -> str:
    """JSON that may stand within a script: it cannot close it, whatever words it holds."""
    text = json.dumps(json.loads(figure), ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
