"""The pages of the dashboard, in the order of the menu: a further page is one file here and one line in `PAGES`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page: its file beside this one, the name in the menu, and its address."""

    file: str
    title: str
    section: str = "Ask"
    """Heading in the menu that it stands under."""
    draws_nets: bool = False
    """Whether it imports torch when it is opened; all others stay light."""

    @property
    def path(self) -> Path:
        """The script that draws the page."""
        return Path(__file__).with_name(self.file)

    @property
    def address(self) -> str:
        """Last part of the page's address."""
        return Path(self.file).stem.replace("_", "-")


PAGES = (
    PageEntry("overview.py", "Overview", "Look"),
    PageEntry("run.py", "Run", "Look"),
    PageEntry("compare.py", "Compare", "Look"),
    PageEntry("gradient_flow.py", "Gradient flow"),
    PageEntry("vanishing.py", "Vanishing"),
    PageEntry("exploding.py", "Exploding"),
    PageEntry("spectra.py", "Spectra"),
    PageEntry("clipping.py", "Clipping"),
    PageEntry("truncation.py", "Truncation"),
    PageEntry("text.py", "Text and samples"),
    PageEntry("playground.py", "Playground", "Do", draws_nets=True),
    PageEntry("new_study.py", "New study", "Do"),
    PageEntry("export.py", "Export", "Do"),
)
