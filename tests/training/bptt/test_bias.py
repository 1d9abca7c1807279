"""The columns of the bias, put together from single parameters, against whole gradients laid end to end."""

import math

import numpy as np
import pytest
import torch

from gradlab.training.bptt import WindowGradient, bias_columns
from gradlab.training.clipping.measure import cosine

SHAPES = {"weight": (4, 3), "bias": (5,), "single": ()}


def gradients(seed: int, scale: float = 1.0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = {name: scale * torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    found["weight"][0] = 0.0
    return found


def rows(short: dict[str, torch.Tensor], full: dict[str, torch.Tensor]) -> dict[str, dict[str, float]]:
    """Of the shorter window, by parameter."""
    columns = bias_columns([WindowGradient(3, short, []), WindowGradient(9, full, [])])
    plain = {name: np.ma.getdata(column) for name, column in columns.items()}
    return {
        name: {key: plain[key][place] for key in ("cosine", "relative_error", "sign_agreement", "grad_norm")}
        for place, (name, window) in enumerate(zip(plain["parameter"], plain["window"], strict=True))
        if window == 3
    }


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e30])
def test_they_are_those_of_whole_vectors(scale: float) -> None:
    short, full = gradients(0, scale), gradients(1, scale)
    found = rows(short, full)
    for name, row in found.items():
        names = list(SHAPES) if name == "all" else [name]
        one, other = (torch.cat([given[each].double().flatten() for each in names]) for given in (short, full))
        assert row["cosine"] == pytest.approx(cosine([one], [other]), abs=1e-12)
        assert row["relative_error"] == pytest.approx(float((one - other).norm() / other.norm()), rel=1e-12)
        asked = other != 0
        assert row["sign_agreement"] == pytest.approx(float((one.sign() == other.sign())[asked].double().mean()))
        assert row["grad_norm"] == pytest.approx(float(one.norm()), rel=1e-12)


def test_a_parameter_that_no_gradient_reaches_counts_as_zero() -> None:
    short, full = gradients(0), gradients(1)
    del short["bias"]
    found = rows(short, full)
    assert found["bias"] == {"cosine": 0.0, "relative_error": 1.0, "sign_agreement": 0.0, "grad_norm": 0.0}
    assert 0 < found["all"]["relative_error"] < 3


def test_zeros_and_what_is_not_finite() -> None:
    zeros = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    nothing = rows(zeros, zeros)["all"]
    assert (nothing["cosine"], nothing["relative_error"], nothing["grad_norm"]) == (1.0, 0.0, 0.0)
    assert math.isnan(nothing["sign_agreement"])
    assert rows(gradients(0), zeros)["all"]["relative_error"] == math.inf
    broken = gradients(0)
    broken["bias"][2] = math.nan
    found = rows(broken, gradients(1))
    assert math.isnan(found["all"]["cosine"]) and math.isnan(found["all"]["relative_error"])
    assert math.isfinite(found["weight"]["cosine"])
