"""What a store holds, as pandas frames, as files for other programs, and in plain words."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from gradlab.reports.claims import Verdict, claims, keep_verdicts
    from gradlab.reports.export import export
    from gradlab.reports.groups import Grouping, grouping
    from gradlab.reports.growth import growth
    from gradlab.reports.load import load
    from gradlab.reports.reach import reach
    from gradlab.reports.summary import summary

__all__ = ["Grouping", "Verdict", "claims", "export", "grouping", "growth", "keep_verdicts", "load", "reach", "summary"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "claims": ["Verdict", "claims", "keep_verdicts"],
        "export": ["export"],
        "groups": ["Grouping", "grouping"],
        "growth": ["growth"],
        "load": ["load"],
        "reach": ["reach"],
        "summary": ["summary"],
    },
)
