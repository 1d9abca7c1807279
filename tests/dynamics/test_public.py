"""What the package shows, and that its theory is light."""

import subprocess
import sys

import gradlab.dynamics


def test_every_public_name_is_there() -> None:
    for name in gradlab.dynamics.__all__:
        assert getattr(gradlab.dynamics, name).__doc__, name


def test_theory_does_not_import_torch() -> None:
    names = "MeanField, critical_sigma_w, newman_exponents, log_gradient_bound, memory_of_bias"
    code = (
        f"import sys; from gradlab.dynamics import {names}; MeanField(1.5, 0.1).exponent; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    heavy = code.replace("memory_of_bias", "singular_values")
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True", "and this test can fail"
