"""Pages of HTML that need nothing else, no network and no other file: studies, and exhibits of a gallery."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from gradlab.errors import StoreError
from gradlab.reports.contents import Contents, Drawing, TextTable


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One figure of a gallery with all that a visitor wants to know."""

    name: str
    """Where it stands on the page."""
    question: str
    finding: str
    seen: str
    """What one sees, and what it means."""
    source: str
    code: str
    drawing: Drawing


def write_webpage(
    studies: Sequence[Contents],
    path: Path,
    drawings: Mapping[str, Sequence[Drawing]] | None = None,
    compared: TextTable | None = None,
) -> Path:
    """Write the page: question, claims, findings, figures and tables of every study, and how to read them.

    plotly's program stands in the page once; its content policy forbids every request to elsewhere. Words from study
    files and runs are escaped, also within the figures' numbers. The page is light or dark as its reader prefers.

    Args:
        studies: in the order of the page.
        path: the file.
        drawings: figures by name of their study; `""` for those of all studies together.
        compared: a table of two studies side by side.

    Raises:
        StoreError: when jinja2 is not installed.
    """
    drawings = drawings or {}
    figures = {name: [_Placed(f"figure-{at}-{place}", one) for place, one in enumerate(drawn)]
               for at, (name, drawn) in enumerate(drawings.items())}  # fmt: skip
    shown = [one for drawn in drawings.values() for one in drawn]
    title = ", ".join(study.name for study in studies)
    page = _rendered(
        "webpage.html",
        shown,
        title=title,
        told={study.name: _counted(study) for study in studies},
        studies=studies,
        figures=figures,
        compared=compared,
    )
    path.write_text(page, encoding="utf-8")
    return path


def write_exhibits(exhibits: Sequence[Exhibit], path: Path, *, title: str, introduction: str) -> Path:
    """Write a gallery: of every exhibit the question, the finding, the figure, how to read it, source, and code.

    Raises:
        StoreError: when jinja2 is not installed.
    """
    figures = {one.name: _Placed(f"figure-{one.name}", one.drawing) for one in exhibits}
    shown = [one.drawing for one in exhibits]
    page = _rendered("exhibits.html", shown, title=title, introduction=introduction, exhibits=exhibits, figures=figures)
    path.write_text(page, encoding="utf-8")
    return path


def _counted(study: Contents) -> str:
    """How the claims ended, in a headline."""
    verdicts = [verdict.verdict for verdict in study.verdicts]
    ends = {end: verdicts.count(end) for end in ("held", "failed", "undecided")}
    counts = [f"{count} {end}" for end, count in ends.items() if count]
    counts += [f"{len(study.sentences)} not checked"] if study.sentences else []
    return f"Claims: {', '.join(counts)}"


def _rendered(template: str, shown: Sequence[Drawing], **words: Any) -> str:
    """A template of this folder with its words put in, all of them escaped."""
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
    except ImportError as error:
        raise StoreError("HTML needs the package jinja2: pip install jinja2") from error
    folder = resources.files("gradlab.reports")
    loader = FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8"))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=loader
    )
    dark = {light: dark for one in shown for light, dark in one.dark.items()}
    script = _plotly() if shown else ""
    return environment.get_template(template).render(script=script, dark=_in_script(json.dumps(dark)), **words)


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
