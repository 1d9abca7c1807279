"""What a store holds, as pandas frames, as files for other programs, and in plain words."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from gradlab.reports.claims import Verdict, claims, keep_verdicts
    from gradlab.reports.contents import Drawing
    from gradlab.reports.export import export, export_page
    from gradlab.reports.groups import Grouping, grouping
    from gradlab.reports.growth import growth
    from gradlab.reports.load import load
    from gradlab.reports.other_libraries import to_datasets, to_xarray
    from gradlab.reports.reach import reach
    from gradlab.reports.summary import summary

__all__ = [
    "Drawing",
    "Grouping",
    "Verdict",
    "claims",
    "export",
    "export_page",
    "grouping",
    "growth",
    "keep_verdicts",
    "load",
    "reach",
    "summary",
    "to_datasets",
    "to_xarray",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "claims": ["Verdict", "claims", "keep_verdicts"],
        "contents": ["Drawing"],
        "export": ["export", "export_page"],
        "groups": ["Grouping", "grouping"],
        "growth": ["growth"],
        "load": ["load"],
        "other_libraries": ["to_datasets", "to_xarray"],
        "reach": ["reach"],
        "summary": ["summary"],
    },
)
