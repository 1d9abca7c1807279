"""The look that all figures share: colours for colour-blind eyes, dashes and marks for none at all.

Categorical colours after Okabe & Ito (2008), "Color Universal Design"; the heatmap's scale is viridis.
"""

from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

ThemeName = Literal["light", "dark"]

FONT = '"Source Sans", "Source Sans Pro", "DejaVu Sans", Verdana, sans-serif'
SEQUENTIAL = "Viridis"
GROUPS_DRAWN = 12
"""More groups than this in one panel cannot be told apart; the others stay in the data."""

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_SYMBOLS = ("circle", "square", "diamond", "cross", "star", "hexagon", "pentagon")


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How one group is drawn, so that colour is never the only difference."""

    colour: str
    dash: str
    symbol: str

    def band(self, opacity: float = 0.18) -> str:
        """The group's colour as a translucent fill."""
        return f"rgba({_numbers(self.colour)},{opacity})"


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one mode; everything else is common to both."""

    name: ThemeName
    page: str
    """The paper that it is made for."""
    text: str
    muted: str
    grid: str
    surface: str
    """What hover labels and special cells stand on."""
    categorical: tuple[str, ...]
    zero: str
    """Cells whose gradient is exactly zero."""
    infinite: str
    nan: str

    def style(self, index: int) -> LineStyle:
        """The style of the index-th group; 35 of them differ in dash or mark, however they look in colour."""
        return LineStyle(
            self.categorical[index % len(self.categorical)],
            _DASHES[index % len(_DASHES)],
            _SYMBOLS[index % len(_SYMBOLS)],
        )

    def template(self) -> go.layout.Template:
        """The plotly template: transparent paper, so that the figure lies on the page that shows it."""
        axis = {
            "gridcolor": self.grid,
            "linecolor": self.muted,
            "zeroline": False,
            "ticks": "outside",
            "tickcolor": self.grid,
            "automargin": True,
            "title": {"standoff": 8},
            "exponentformat": "power",
            "showline": True,
        }
        return go.layout.Template(
            layout={
                "font": {"family": FONT, "size": 14, "color": self.text},
                "title": {
                    "x": 0,
                    "xanchor": "left",
                    "xref": "paper",
                    "font": {"size": 17},
                    "y": 1,
                    "yanchor": "top",
                    "yref": "container",
                    "pad": {"t": 12},
                },
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
                "colorway": list(self.categorical),
                "hoverlabel": {"bgcolor": self.surface, "font": {"color": self.text, "family": FONT}},
                "legend": {
                    "orientation": "h",
                    "x": 0,
                    "xanchor": "left",
                    "y": 1.02,
                    "yanchor": "bottom",
                    "bgcolor": "rgba(0,0,0,0)",
                    "font": {"size": 13},
                },
                "margin": {"l": 10, "r": 10, "t": 84, "b": 10},
                "hovermode": "closest",
                "dragmode": "zoom",
                "xaxis": axis,
                "yaxis": axis,
            }
        )


LIGHT = Theme(
    "light",
    page="#ffffff",
    text="#1f2430",
    muted="#6b7280",
    grid="#e3e6eb",
    surface="#ffffff",
    categorical=("#0072b2", "#d55e00", "#009e73", "#a8478a", "#b07d00", "#3d9bd6", "#444444", "#8a6d3b"),
    zero="#c4c8cf",
    infinite="#d55e00",
    nan="#cc79a7",
)
DARK = Theme(
    "dark",
    page="#0e1117",
    text="#f0f2f6",
    muted="#9aa3b2",
    grid="#323845",
    surface="#1b1f2a",
    categorical=("#56b4e9", "#ff8a3d", "#2fd0a0", "#e59cc6", "#f0e442", "#8fb8ff", "#d7d7d7", "#c9a66b"),
    zero="#596070",
    infinite="#ff7a30",
    nan="#ec9ac8",
)
_THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def theme_named(name: ThemeName | Theme) -> Theme:
    """The theme of that name; raises ValueError naming the known ones."""
    if isinstance(name, Theme):
        return name
    if name not in _THEMES:
        raise ValueError(f"expected a theme out of {', '.join(_THEMES)}, got {name!r}")
    return _THEMES[name]


def theme_of(figure: go.Figure) -> Theme:
    """The theme that a figure was drawn in, by the colour of its text; light for one of another make."""
    return DARK if figure.layout.template.layout.font.color == DARK.text else LIGHT


def dark_colours() -> dict[str, str]:
    """Every colour of the light theme, and what it is in the dark one; as `#rrggbb`, and as `r,g,b` within `rgba(…)`.

    For pages that follow the reader's choice: a figure that was drawn in the light theme becomes the dark one by these.
    """
    pairs = {
        getattr(LIGHT, name): getattr(DARK, name)
        for name in ("nan", "infinite", "zero", "surface", "grid", "muted", "text")
    } | dict(zip(LIGHT.categorical, DARK.categorical, strict=True))
    numbers = {_numbers(light): _numbers(dark) for light, dark in pairs.items()}
    return pairs | numbers


def _numbers(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))


def new_figure(theme: Theme, title: str, height: int) -> go.Figure:
    """An empty figure in the theme, as wide as its page."""
    # autosize and no width: the page decides, from a phone to a projector.
    return go.Figure(
        layout={"template": theme.template(), "title": {"text": title}, "height": height, "autosize": True}
    )
