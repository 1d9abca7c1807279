"""The catalogue: every number that gradlab records, declared once, with its unit, its meaning and its source.

Schemas of the store, axis labels, report headings and the dashboard's explanations are made from it. Logs are
natural, exponents are nats per step, time counts from 0, gradients are of the scalar that `backward()` was called on.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["real", "count", "flag", "text"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One coordinate of a table: integers, numbers or text that say where a number was measured."""

    name: str
    kind: Literal["count", "real", "text"]
    label: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """One recorded number: what it is called, in which unit, and what it means."""

    name: str
    symbol: str
    unit: str
    """Empty for a pure number."""
    meaning: str
    """One sentence for a person who looks at a figure."""
    source: str = ""
    """Paper and equation, or the definition it follows."""
    kind: Kind = "real"
    log: bool = False
    """Best drawn on a logarithmic axis (spans orders of magnitude, never negative)."""

    @property
    def label(self) -> str:
        """Axis label: the symbol, and the unit in brackets where there is one."""
        return f"{self.symbol} [{self.unit}]" if self.unit else self.symbol


@dataclass(frozen=True, slots=True)
class Table:
    """One tidy table: a row per combination of its axes, a column per quantity."""

    name: str
    axes: tuple[str, ...]
    meaning: str
    quantities: tuple[Quantity, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Axes first, then quantities, in the order of declaration."""
        return self.axes + tuple(quantity.name for quantity in self.quantities)

    def __getitem__(self, name: str) -> Quantity:
        """The quantity of that name; raises KeyError naming the table."""
        for quantity in self.quantities:
            if quantity.name == name:
                return quantity
        known = ", ".join(quantity.name for quantity in self.quantities)
        raise KeyError(f"table {self.name!r} has no quantity {name!r}; it has {known}")


AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        Axis("run", "text", "run", "Which run: the hash of its settings."),
        Axis("step", "count", "training step", "Training step, from 0."),
        Axis("parameter", "text", "parameter", "Name of the parameter; a gate's block as `name[gate]`."),
        Axis("module", "text", "module", "Name of the recurrent module inside the model."),
        Axis("call", "count", "sequence", "Which unbroken sequence of the training step, from 0."),
        Axis("layer", "count", "layer", "Layer of the recurrent module, from 0 at the input."),
        Axis("direction", "count", "direction", "0 reads forward in time, 1 backward."),
        Axis("t", "count", "time step t", "Position in the sequence, from 0 at its start, in both directions."),
        Axis("gate", "text", "gate", "Name of the gate or inner activation."),
        Axis("index", "count", "index", "Rank, from 0 at the largest."),
        Axis("lag", "count", "lag", "How many steps back."),
        Axis("source", "count", "loss time s", "Position at which a part of the loss's gradient enters the layer."),
        Axis("window", "count", "window K", "How many time steps back the gradient was followed."),
        Axis("strategy", "text", "strategy", "Name of a clipping strategy."),
        Axis(
            "setting",
            "real",
            "setting",
            "The strategy's own setting: threshold, ratio, percentile, score or length; NaN for none.",
        ),
        Axis("term", "text", "term", "Name of a term beside the loss."),
        Axis("path", "text", "path", "Along which step the loss was looked at, or on the plane through both."),
        Axis("point", "count", "point", "Number of the point on its path, from 0; a plane is gone through in rows."),
        Axis("example", "count", "example", "Which of several examples, from 0; the same ones at every step."),
    )
}

_PASCANU = "Pascanu, Mikolov & Bengio 2013"

# a table reads best as one
# fmt: off
RUNS = Table(
    "runs",
    ("run",),
    "One row a run: every setting as a column, and how it ended.",
    (
        Quantity("study", "study", "", "The study that the run belongs to.", kind="text"),
        Quantity("status", "status", "", "running, finished, stopped or failed.", kind="text"),
        Quantity("steps", "steps", "", "Training steps that were done.", kind="count"),
        Quantity("seconds", "time", "s", "Wall-clock time of the run."),
        Quantity("final_loss", "final loss", "nats or MSE", "Training loss, mean of the last twentieth of the steps."),
        Quantity("final_score", "final score", "", "Score on held-out data at the end."),
        Quantity("created", "created", "", "When the run was started, UTC.", kind="text"),
        Quantity("gradlab_version", "gradlab", "", "Version of gradlab that wrote the run.", kind="text"),
        Quantity("torch_version", "torch", "", "Version of torch that trained it.", kind="text"),
        Quantity("python_version", "Python", "", "Version of Python.", kind="text"),
    ),
)

STEPS = Table(
    "steps",
    ("step",),
    "One row a training step: loss, gradient norm, and what clipping did.",
    (
        Quantity("loss", "L", "", "Training loss of this step's batch."),
        Quantity("score", "score", "", "Score on held-out data, at the steps where it was evaluated."),
        Quantity("score_loss", "held-out L", "", "Loss on held-out data, at the steps where it was evaluated."),
        Quantity(
            "grad_norm", "‖g‖", "", "Norm of the whole gradient as backward() left it.", "Frobenius norm, float64",
            log=True,
        ),
        Quantity(
            "grad_norm_clipped", "‖g‖ after clipping", "", "Norm of the gradient that the optimiser was given.",
            log=True,
        ),
        Quantity(
            "clip_coefficient", "clip coefficient", "",
            "Norm after clipping over norm before: 1 when clipping did nothing.", f"{_PASCANU}, algorithm 1", log=True,
        ),
        Quantity("clip_fired", "clipping fired", "", "Whether clipping changed the gradient.", kind="flag"),
        Quantity("clip_threshold", "threshold", "", "Threshold that the clipper used at this step.", log=True),
        Quantity(
            "clip_cosine", "cos(g, clipped g)", "",
            "Cosine between raw and clipped gradient: 1 when clipping kept the direction.",
        ),
        Quantity("learning_rate", "η", "", "Learning rate of the first parameter group.", log=True),
        Quantity(
            "first_nonfinite", "first non-finite", "",
            "The first thing that was NaN or infinite at this step, in causal order; empty when nothing was.",
            kind="text",
        ),
        Quantity("seconds", "time", "s", "Wall-clock time since the previous step."),
        Quantity("recording_seconds", "recording time", "s", "Part of it that was spent on recording."),
    ),
)

PARAMETERS = Table(
    "parameters",
    ("step", "parameter"),
    "One row a recorded step and parameter; recurrent matrices also by gate.",
    (
        Quantity("grad_norm", "‖∂L/∂W‖", "", "Norm of this parameter's gradient.", log=True),
        Quantity("weight_norm", "‖W‖", "", "Norm of the parameter before the update.", log=True),
        Quantity(
            "update_ratio", "‖ΔW‖/‖W‖", "", "How far the optimiser moved the parameter, relative to its norm.", log=True
        ),
        Quantity("spectral_norm", "σ_max(W)", "", "Largest singular value of a recurrent matrix.", log=True),
        Quantity(
            "spectral_radius", "ρ(W)", "", "Largest |eigenvalue| of a square recurrent matrix or gate block.", log=True
        ),
        Quantity(
            "closure_error", "closure error", "",
            "Relative difference between the weight gradient rebuilt from the adjoint and autograd's: "
            "the instrument's own error.", log=True,
        ),
    ),
)

_TIME_AXES = ("step", "module", "call", "layer", "direction", "t")


def _over_sequences(name: str, symbol: str, meaning: str) -> tuple[Quantity, ...]:
    """Median, 10 % and 90 % over the sequences of a batch; NaN counts as larger than everything."""
    spread = "over the sequences of the batch"
    return (
        Quantity(name, symbol, "", f"{meaning}; median {spread}.", f"{_PASCANU}, eq. 5", log=True),
        Quantity(f"{name}_low", f"{symbol}, 10 %", "", f"{meaning}; 10 % quantile {spread}.", log=True),
        Quantity(f"{name}_high", f"{symbol}, 90 %", "", f"{meaning}; 90 % quantile {spread}.", log=True),
    )


TIMESTEPS = Table(
    "timesteps",
    _TIME_AXES,
    "One row a recorded step, layer and time step: what backpropagation through time does there.",
    (
        *_over_sequences(
            "grad_h", "‖∂L/∂h_t‖", "Gradient of the loss with respect to the hidden state, through all paths"
        ),
        *_over_sequences(
            "grad_c", "‖∂L/∂c_t‖", "Gradient of the loss with respect to the cell state, through all paths"
        ),
        *_over_sequences("grad_x", "‖∂L/∂x_t‖", "Gradient of the loss with respect to the layer's input at t"),
        Quantity("sequences", "sequences", "", "Sequences that had a real step here and were measured.", kind="count"),
        Quantity(
            "nonfinite", "non-finite", "", "Share of those sequences whose gradient at t was NaN or infinite."
        ),
        Quantity(
            "weight_gradient_norm", "‖G_t‖", "",
            "Norm of the contribution of time step t to the gradient of W_hh (of the measured sequences).",
            f"{_PASCANU}, eq. 4: G = Σ_t G_t", log=True,
        ),
        Quantity(
            "weight_gradient_share", "⟨G_t, G⟩/‖G‖²", "",
            "Share of time step t in the gradient of W_hh; sums to 1 over t, negative where a step pulls against "
            "the sum.",
        ),
        Quantity("state_norm", "‖h_t‖", "", "Norm of the hidden state; median over the sequences.", log=True),
        Quantity("saturation", "saturated", "", "Share of hidden units with |h| above 0.99 (ReLU: at zero)."),
        Quantity(
            "dead", "dead units", "",
            "Share of ReLU units at zero in every measured sequence, at this and all earlier time steps; at the last "
            "time step those that were never active in the pass.",
        ),
        Quantity("sigma_max", "σ_max(J_t)", "", "Largest singular value of the state Jacobian ∂s_t/∂s_{t−1}; "
                 "median over the sequences measured.", log=True),
        Quantity("sigma_min", "σ_min(J_t)", "", "Smallest singular value of the state Jacobian.", log=True),
        Quantity(
            "mean_log_sigma", "mean ln σ(J_t)", "nats",
            "Mean of the logarithms of all singular values: ln|det J_t| over the number of states.",
        ),
        Quantity("condition", "σ_max/σ_min", "", "Condition number of the state Jacobian.", log=True),
    ),
)

GATES = Table(
    "gates",
    (*_TIME_AXES, "gate"),
    "One row a recorded step, layer, time step and gate.",
    (
        Quantity("mean", "mean activation", "", "Mean of the gate over units and sequences."),
        Quantity("low", "share near its lower end", "", "Share of units within 0.01 of the gate's lower bound."),
        Quantity("high", "share near its upper end", "", "Share of units within 0.01 of the gate's upper bound."),
    ),
)

SPECTRA = Table(
    "spectra",
    (*_TIME_AXES, "index"),
    "All singular values of the state Jacobians, where asked for.",
    (Quantity("log_sigma", "ln σ_i(J_t)", "nats", "Logarithm of a singular value; −∞ for a dead direction."),),
)

LAGS = Table(
    "lags",
    ("step", "module", "call", "layer", "direction", "lag"),
    "Products of Jacobians over a lag, and the gradient that survives it.",
    (
        Quantity("log_sigma_max", "ln σ_max", "nats", "Largest singular value of ∂s_T/∂s_{T−lag}, in logs."),
        Quantity("log_sigma_median", "ln σ_median", "nats", "Median singular value of ∂s_T/∂s_{T−lag}, in logs."),
        Quantity("log_sigma_min", "ln σ_min", "nats", "Smallest singular value of ∂s_T/∂s_{T−lag}, in logs."),
        Quantity("grad_norm", "‖∂L/∂h_{T−lag}‖", "", "Gradient norm at that lag before the end.", log=True),
        Quantity(
            "log_bound", "lag · ln(γ σ_max(W))", "nats", "Upper bound on ln σ_max that the weights alone give.",
            f"{_PASCANU}, section 2.1",
        ),
    ),
)

LYAPUNOV = Table(
    "lyapunov",
    ("step", "module", "call", "layer", "direction", "index"),
    "Lyapunov exponents of the state's dynamics along the recorded sequences.",
    (
        Quantity("exponent", "λ", "nats/step", "Mean growth rate per step of the i-th direction."),
        Quantity("standard_error", "s.e.(λ)", "nats/step", "Standard error of the exponent from batch means."),
    ),
)

# fmt: on

TEACHING = Table(
    "teaching",
    (*_TIME_AXES[:-1], "source", "t"),
    "Who teaches whom: how much of the gradient that enters a layer at time s arrives at time t. What enters is what "
    "comes from above (readout or next layer) at s, and at the last step what comes from the returned state. At most "
    "32 of the times at which something enters, and 64 time steps, the first and the last of both among them.",
    (
        Quantity(
            "log_gradient",
            "ln ‖∂L_s/∂h_t‖",
            "nats",
            "Norm, in logs, of the part of the gradient at h_t that entered at time s; median over the measured "
            "sequences in which something entered then. −∞ for exactly zero.",
            f"{_PASCANU}, eq. 4, one summand of the loss",
        ),
    ),
)

TRUNCATION = Table(
    "truncation",
    ("step", "parameter", "window"),
    "Truncated gradients against the full one: one row a parameter and window, `all` for all parameters together.",
    (
        Quantity(
            "cosine",
            "cos(g_K, g)",
            "",
            "Cosine between the gradient cut off after K steps and the full one: "
            "negative where truncation makes training go the wrong way.",
            "Tallec & Ollivier 2017",
        ),
        Quantity(
            "relative_error",
            "‖g_K − g‖/‖g‖",
            "",
            "Relative bias of the truncated gradient.",
            "Aicher, Foti & Fox 2019",
            log=True,
        ),
        Quantity(
            "sign_agreement", "right signs", "", "Share of the gradient's numbers that have the sign of the full one."
        ),
        Quantity("grad_norm", "‖g_K‖", "", "Norm of the truncated gradient.", log=True),
        Quantity(
            "state_gradient",
            "‖∂L/∂s_{T−K}‖",
            "",
            "Norm of the gradient at the state where it is cut off, median over the sequences; in rows of `all`.",
            log=True,
        ),
        Quantity(
            "predicted_error",
            "e^{λ₁K}",
            "",
            "Decay of the relative bias that the largest Lyapunov exponent λ₁ along the same time steps predicts, "
            "up to a constant factor; in rows of `all`.",
            "Aicher, Foti & Fox 2019",
            log=True,
        ),
    ),
)

WINDOWS = Table(
    "windows",
    ("step",),
    "How far back adaptive truncation lets the gradient flow: one row a measurement.",
    (
        Quantity("length", "K", "", "Time steps of the windows from the next step on.", kind="count"),
        Quantity(
            "log_decay",
            "ln β",
            "nats/step",
            "Slope of the logarithm of the gradient's norm against the lag.",
            "Aicher, Foti & Fox 2019",
        ),
        Quantity("bias_bound", "δ(K)", "", "Bound on the relative bias of that window.", log=True),
    ),
)

PENALTIES = Table(
    "penalties",
    ("step", "term"),
    "Terms beside the loss: one row a step and regulariser.",
    (Quantity("value", "Ω", "", "Value of the term, its weight included.", log=True),),
)

CLIPPING = Table(
    "clipping",
    ("step", "strategy", "setting"),
    "What clipping strategies and thresholds would have done to the same gradient; none of them acted.",
    (
        Quantity("coefficient", "clip coefficient", "", "Norm after over norm before.", log=True),
        Quantity("cosine", "cos(g, clipped g)", "", "Cosine between raw and clipped gradient."),
        Quantity("fired", "would have fired", "", "Whether the gradient would have been changed.", kind="flag"),
        Quantity("threshold", "threshold", "", "Threshold in force at this step, where it moves.", log=True),
    ),
)

CLIFF = Table(
    "cliff",
    ("step", "path", "point"),
    "The loss of the step's own data along the raw step, the clipped step, and on a plane through both.",
    (
        Quantity("along", "along the raw step", "", "Distance from the weights of this step, in the raw direction."),
        Quantity("across", "across it", "", "Distance at a right angle to it, towards the clipped step."),
        Quantity("fraction", "fraction of the step", "", "How much of the step was made; on the two lines."),
        Quantity("loss", "L", "", "Loss there.", f"{_PASCANU}, figure 6", log=True),
    ),
)

SAMPLES = Table(
    "samples",
    ("step", "example"),
    "What a net that speaks says by itself, fed its own output: the training as one can read it.",
    (
        Quantity(
            "prompt", "prompt", "", "What the net was given to go on with; null where that is no text.", kind="text"
        ),
        Quantity(
            "said",
            "said",
            "",
            "What it said, always with the same random numbers; null where its weights were no longer finite.",
            kind="text",
        ),
        Quantity("wanted", "wanted", "", "What would have been right; null where nothing is.", kind="text"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        RUNS,
        STEPS,
        PARAMETERS,
        TIMESTEPS,
        GATES,
        SPECTRA,
        LAGS,
        LYAPUNOV,
        TEACHING,
        TRUNCATION,
        WINDOWS,
        PENALTIES,
        CLIPPING,
        CLIFF,
        SAMPLES,
    )
}
