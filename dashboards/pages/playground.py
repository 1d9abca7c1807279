"""Playground: what would the gradient do in a random net? No training, an answer at once."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.components.address import choose
from dashboards.components.answers import playground_answer
from dashboards.components.figure import write_figure
from dashboards.components.text import write_text
from gradlab import figures
from gradlab.dynamics.mean_field import MeanField
from gradlab.figures.text import number_in_words

if TYPE_CHECKING:
    pass

CELLS = ("rnn, tanh", "rnn, relu", "lstm", "gru", "mgu", "minimal rnn", "peephole lstm")
_INITIALISATIONS = {
    "gaussian": "Gaussian, σ_w = gain", "orthogonal": "orthogonal × gain", "identity": "identity × gain",
    "torch": "as torch does",
}  # fmt: skip
_GAINS = tuple(float(gain) for gain in np.round(np.arange(0.1, 3.01, 0.05), 2))
_DRIVES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
_ACTIVATIONS = {"rnn, tanh": "tanh", "rnn, relu": "relu"}


def main() -> None:
    st.title("Playground", anchor=False)
    answer = st.container()
    asked = _choose()
    if None in asked.values():
        return
    frames = _frames(**asked)
    theory = _theory(asked)
    timesteps = frames["timesteps"].assign(net="this net")
    if theory is not None:
        timesteps = pd.concat([timesteps, _expected(timesteps, theory)], ignore_index=True)
    profile = figures.gradient_profile_data(timesteps, by=("net",))
    growth = _growth(frames["timesteps"])
    with answer:
        write_text(playground_answer(growth, int(asked["length"])), "answer")
        if theory is not None:
            write_text(
                f"Theory of an infinitely wide net expects {number_in_words(float(f'{theory.exponent:.3g}'))} nats a "
                f"step (½ ln χ, χ = {theory.chi:.3g}); here it is {number_in_words(float(f'{growth:.3g}'))}.",
                "small",
            )
        else:
            write_text("There is no mean-field theory of this cell or these weights to lay over.", "small")
    write_figure(figures.GRADIENT_PROFILE, profile)
    st.subheader("Singular values of its Jacobians", anchor=False)
    write_figure(figures.SPECTRUM_FAN, figures.spectrum_fan_data(frames["spectra"]))
    write_figure(figures.SPECTRUM_HISTOGRAM, figures.spectrum_histogram_data(frames["spectra"]))


def _choose() -> dict[str, Any]:
    """All settings of the net, each in the address."""
    with st.container(horizontal=True, vertical_alignment="top"):
        asked: dict[str, Any] = {
            "cell": choose("Cell", "cell", CELLS),
            "hidden": choose("Units", "units", (8, 16, 32, 64, 128), default=64),
            "initialisation": choose("Weights", "weights", tuple(_INITIALISATIONS), show=_INITIALISATIONS.__getitem__),
            "length": choose("Time steps", "length", (20, 50, 100, 200, 400), default=100),
        }
    with st.container(horizontal=True, vertical_alignment="top"):
        asked["gain"] = choose(
            "Gain", "gain", _GAINS, default=1.0, slider=True, show=lambda gain: f"{gain:g}",
            help_text="Standard deviation of the recurrent weights times √N; torch's own weights do not know it.",
        )  # fmt: skip
        asked["drive"] = choose(
            "Drive", "drive", _DRIVES, default=0.3, slider=True, show=lambda drive: f"{drive:g}",
            help_text="Standard deviation of what the input adds to each pre-activation.",
        )  # fmt: skip
        if asked["cell"] in ("lstm", "peephole lstm"):
            asked["forget_bias"] = choose(
                "Forget bias", "forget", (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0), default=0.0, slider=True,
                show=lambda bias: f"{bias:g}",
            )  # fmt: skip
        asked["seed"] = choose("Draw", "draw", (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), show=lambda seed: f"number {seed}")
    return asked


@st.cache_resource(max_entries=64, show_spinner="Drawing a net …")
def _frames(**asked: Any) -> dict[str, pd.DataFrame]:
    # torch is imported with it, and only for this page
    from dashboards.random_net import RandomNet, frames_of

    net: RandomNet = RandomNet(**asked)
    return frames_of(net)


def _theory(asked: dict[str, Any]) -> MeanField | None:
    """The mean field of these weights; None where it says nothing."""
    if asked["cell"] not in _ACTIVATIONS or asked["initialisation"] not in ("gaussian", "orthogonal"):
        return None
    field = MeanField(asked["gain"], asked["drive"] ** 2, _ACTIVATIONS[asked["cell"]])  # type: ignore[arg-type]
    return field if np.isfinite(field.exponent) and np.isfinite(field.variance) else None


def _expected(timesteps: pd.DataFrame, theory: MeanField) -> pd.DataFrame:
    """The line that theory gives, from the gradient at the last step back."""
    t = np.sort(timesteps["t"].unique())
    start = timesteps.loc[timesteps["t"] == t[-1], "grad_h"].median()
    grad = start * np.exp(theory.exponent * (t[-1] - t))
    return pd.DataFrame({"run": "theory", "step": 0, "t": t, "grad_h": grad, "net": "theory, N → ∞"})


def _growth(timesteps: pd.DataFrame) -> float:
    """Mean change of ln‖∂L/∂h_t‖ per step back, of the median sequence; the ends of the sequence left out."""
    gradient = timesteps.groupby("t")["grad_h"].median().to_numpy(dtype=float)
    cut = min(10, len(gradient) // 5)
    inner = gradient[cut : len(gradient) - cut]
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = np.log(inner[0]), np.log(inner[-1])
        return float((first - last) / (len(inner) - 1)) if np.isfinite(last) else -np.inf


main()
