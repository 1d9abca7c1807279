"""What helps, ready to be pasted: each remedy in words, as settings of a study and as Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradlab.diagnosis.case import Case, rounded
from gradlab.diagnosis.finding import Advice

ADAPTIVE_RATE = 0.003
"""Where adaptive optimisers are safe for small nets: three times the default of Kingma & Ba 2015."""

_ORTHOGONAL = """\
for name, weight in model.named_parameters():
    if "weight_hh" in name:
        for block in weight.data.split(weight.shape[1]):
            torch.nn.init.orthogonal_(block)"""
_IDENTITY = """\
for name, weight in model.named_parameters():
    if "weight_hh" in name:
        torch.nn.init.eye_(weight.data)
    if "bias_ih" in name or "bias_hh" in name:
        weight.data.zero_()"""
_STANDARDISE = """\
mean, deviation = inputs.mean((0, 1)), inputs.std((0, 1))  # over all training data, not each batch
inputs = (inputs - mean) / deviation.clamp_min(1e-6)"""
_FORGET = """\
for name, bias in model.named_parameters():
    if "bias_ih" in name:  # torch's order of gates: i, f, g, o; it adds a second bias, bias_hh
        bias.data.chunk(4)[1].fill_({value})"""
_CHRONO_LSTM = """\
for name, bias in model.named_parameters():
    if "bias_ih" in name:  # torch's order of gates: i, f, g, o
        i, f, _, _ = bias.data.chunk(4)
        f.copy_(torch.empty_like(f).uniform_(1, {longest}).log())
        i.copy_(-f)"""
_CHRONO_GRU = """\
for name, bias in model.named_parameters():
    if "bias_ih" in name:  # torch's order of gates: r, z, n
        _, z, _ = bias.data.chunk(3)
        z.copy_(torch.empty_like(z).uniform_(1, {longest}).log())"""


def clip_at(threshold: float) -> Advice:
    """Clip the norm of the gradient."""
    return Advice(
        f"Clip the gradient's norm at {threshold:g}.",
        {"training.clip": {"name": "norm", "threshold": threshold}},
        f"torch.nn.utils.clip_grad_norm_(model.parameters(), {threshold:g})  # before optimizer.step()",
    )


def guard() -> Advice:
    """A threshold for norms that are not known yet, because other weights are about to be taken."""
    words = "Guard against what is left by clipping the norm at 5 (Sutskever, Vinyals & Le 2014)."
    return replace(clip_at(5.0), words=words)


def lower_rate(case: Case, factor: float) -> Advice:
    """A smaller learning rate: so many times lower, and with an adaptive optimiser near its authors' default."""
    rate = case.rate
    if rate is None:
        return Advice(f"Lower the learning rate by a factor of {factor:g}.")
    new = rounded(min(rate / factor, ADAPTIVE_RATE) if case.is_adaptive else rate / factor, 1)
    return Advice(
        f"Lower the learning rate from {rate:g} to {new:g}.",
        {"training.optimiser.rate": new},
        f"for group in optimizer.param_groups:\n    group['lr'] = {new:g}",
    )


def _starts_with(case: Case, name: str) -> bool:
    """Whether the run started that way already, at gain or scale 1."""
    factors = [case.number(f"model.initialiser.{key}") for key in ("gain", "scale")]
    return case.about.get("model.initialiser.name") == name and all(factor in (None, 1.0) for factor in factors)


def initialise(case: Case) -> Advice:
    """Recurrent weights that keep lengths: orthogonal ones, and the identity for rectified units.

    Where the run started that way, training has led away from it: then a smaller learning rate.
    """
    if _starts_with(case, "identity" if case.nonlinearity == "relu" else "orthogonal"):
        return lower_rate(case, 10)
    if case.nonlinearity == "relu":
        return Advice(
            "Start the recurrent matrix at the identity and biases at 0, which keeps a state as it is (Le, Jaitly & "
            "Hinton 2015).",
            {"model.initialiser": {"name": "identity"}},
            _IDENTITY,
        )
    keys: dict[str, Any] = {"model.initialiser": {"name": "orthogonal"}}
    if case.about.get("model.forget_bias") is not None:
        keys["model.forget_bias"] = 1.0
    return Advice(
        "Start with orthogonal recurrent matrices, which keep lengths (Saxe, McClelland & Ganguli 2014).",
        keys,
        _ORTHOGONAL,
    )


def standardise() -> Advice:
    """Inputs of mean 0 and variance 1: no setting of a study, whose tasks give such inputs by themselves."""
    return Advice(
        "The recurrent matrix is too small to do this: what comes in does. Standardise the inputs (LeCun, Bottou, Orr "
        "& Müller 1998, section 4.3), and look for large input weights and biases.",
        {},
        _STANDARDISE,
    )


def remember(case: Case) -> Advice:
    """Initial weights that hold a state as long as the task demands."""
    lag = case.demanded_lag or 100
    if case.cell in ("lstm", "gru", "peephole_lstm"):
        if _starts_with(case, "chrono"):  # training has closed what was open
            return lower_rate(case, 10)
        code = (_CHRONO_GRU if case.cell == "gru" else _CHRONO_LSTM).format(longest=lag)
        keys: dict[str, Any] = {"model.initialiser": {"name": "chrono"}}
        if case.about.get("model.forget_bias") is not None:
            keys["model.forget_bias"] = None
        return Advice(
            "Set the gates' biases for all times that the task may need: chrono initialisation (Tallec & Ollivier "
            "2018).",
            keys,
            code,
        )
    tried = _starts_with(case, "identity" if case.nonlinearity == "relu" else "orthogonal")
    if tried or case.cell not in ("rnn", None):
        keys = {"model.cell": "gru", "model.initialiser": {"name": "chrono"}}
        if case.nonlinearity == "relu":
            keys["model.nonlinearity"] = "tanh"
        return Advice(
            "Take a cell whose gates can be set to hold a state, with chrono initialisation (Tallec & Ollivier 2018).",
            keys,
            _CHRONO_GRU.format(longest=lag),
        )
    advice = initialise(case)
    return Advice(
        f"{advice.words} If that is not enough, take a cell with gates (model.cell: gru, or lstm).",
        advice.keys,
        advice.code,
    )


def forget_bias(value: float) -> Advice:
    """A bias of the forget gate."""
    return Advice(
        f"Give the forget gate a bias of {value:g}.", {"model.forget_bias": value}, _FORGET.format(value=f"{value:g}")
    )
