"""The gallery's random nets, wider and longer than it draws them, on the line of mean-field theory."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gradlab.figures import mean_field_data

SCRIPT = Path(__file__).resolve().parents[2] / "studies" / "gallery" / "mean_field.py"
TOLERANCE = {128: 0.035 / 2, 256: 0.012 / 2}
"""One net, growth of ln‖g‖ per step (half of that of ln‖g‖²), after the correction of first order in 1/N."""


@pytest.mark.slow
def test_random_nets_agree_with_theory() -> None:
    specification = importlib.util.spec_from_file_location("gallery_mean_field", SCRIPT)
    assert specification is not None and specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    sigmas = (1.25, 2.0, 3.0)
    frame = script.sweep({128: range(1), 256: range(1)}, sigmas, steps=200)
    data = mean_field_data(frame, injected_variance=script.INJECTED_VARIANCE, by=["units"])
    assert data["group"].cat.categories.tolist() == ["units=128", "units=256", "theory"]
    for units, tolerance in TOLERANCE.items():
        rows = data[data["group"] == f"units={units}"]
        np.testing.assert_allclose(rows["sigma_w"], sigmas)
        assert (rows["runs"] == 1).all()
        np.testing.assert_allclose(rows["median"], rows["theory"] + rows["finite_size"], rtol=0, atol=tolerance)
    assert (
        data.loc[data["sigma_w"] == 1.25, "median"].dropna().max() < 0 < data.loc[data["sigma_w"] == 2, "median"].min()
    )
