"""Tables of recorded passes as HTML for a notebook: what was measured, the instrument's error, and a figure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_PLACE = ["module", "call", "layer", "direction"]


def html_of(frames: Mapping[str, pd.DataFrame], name: str = "") -> str:
    """A heading, a row for every layer and direction at the last recorded step, and the gradient as a figure.

    Over several recorded steps the figure is the flow of the gradient over training, else its profile.
    """
    steps = frames.get("steps")
    if steps is None or not len(steps):
        return "<p>Nothing has been recorded yet.</p>"
    parts = [f"<p><b>{escape(_heading(frames, name))}</b></p>"]
    timesteps = frames.get("timesteps")
    if timesteps is not None and len(timesteps):
        parts += [_by_layer(timesteps), _figure(timesteps)]
    return "\n".join(parts)


def _heading(frames: Mapping[str, pd.DataFrame], name: str) -> str:
    last = frames["steps"].iloc[-1]
    words = [name] if name else [f"training step {int(last['step'])}"]
    words += [f"loss {last['loss']:.6g}", f"‖gradient‖ {last['grad_norm']:.4g}"]
    if last["first_nonfinite"]:
        words.append(f"first non-finite: {last['first_nonfinite']}")
    parameters = frames.get("parameters")
    if parameters is not None and parameters["closure_error"].notna().any():
        words.append(f"closure error {parameters['closure_error'].max():.1e}")
    return " · ".join(words)


def _by_layer(timesteps: pd.DataFrame) -> str:
    """How far the gradient comes, layer by layer: its norm at both ends, and what a step does to it on average."""
    last = timesteps[timesteps["step"] == timesteps["step"].max()]
    rows: list[dict[str, Any]] = []
    for place, part in last.groupby(_PLACE):
        part = part.sort_values("t")
        first, end = float(part["grad_h"].iloc[0]), float(part["grad_h"].iloc[-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = (np.log(end) - np.log(first)) / max(1, len(part) - 1)
        rows.append(
            dict(zip(_PLACE, place, strict=True))
            | {
                "steps": len(part),
                "‖∂L/∂h‖ at the first step": f"{first:.3g}",
                "at the last": f"{end:.3g}",
                "nats per step": f"{rate:+.3f}",
                "median σ_max(J_t)": f"{part['sigma_max'].median():.3g}",
                "saturated": f"{part['saturation'].mean():.1%}",
            }
        )
    import pandas as pd

    return str(pd.DataFrame(rows).to_html(index=False, escape=True, border=0))


def _figure(timesteps: pd.DataFrame) -> str:
    from gradlab.figures import gradient_flow, gradient_profile

    figure = gradient_flow(timesteps) if timesteps["step"].nunique() > 1 else gradient_profile(timesteps)
    # As plotly itself shows figures here; where its renderer gives no HTML, with the script inside: works offline.
    html = figure._repr_mimebundle_().get("text/html")
    return str(html or figure.to_html(full_html=False, include_plotlyjs=True))
