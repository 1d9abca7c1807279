"""For notebooks: one pass analysed at a call, and results that show themselves with a figure."""

from gradlab.notebook.analysis import Analysis, analyse
from gradlab.notebook.html import html_of
from gradlab.recording import watch
from gradlab.recording.presentation import present_with

present_with(html_of)

__all__ = ["Analysis", "analyse", "watch"]
