"""LU of many matrices gives what LU of each one gives, on several threads too, and leaves their number as it was."""

import subprocess
import sys

PROGRAM = """
import torch
from gradlab.lu import log_abs_det, lu_factor, lu_solve
torch.manual_seed(0)
torch.set_num_threads(2)
matrices = torch.randn(16, 256, 256, dtype=torch.float64)
vectors = torch.randn(16, 256, 3, dtype=torch.float64)
each = torch.stack([torch.linalg.slogdet(matrix).logabsdet for matrix in matrices])
for _ in range(5):
    torch.testing.assert_close(log_abs_det(matrices), each, rtol=1e-12, atol=0)
    factors, pivots, info = lu_factor(matrices)
    assert not info.any()
    torch.testing.assert_close(matrices @ lu_solve(factors, pivots, vectors), vectors, rtol=0, atol=1e-8)
    solved = lu_solve(factors, pivots, vectors, adjoint=True)
    torch.testing.assert_close(matrices.mT @ solved, vectors, rtol=0, atol=1e-8)
assert torch.get_num_threads() == 2
"""


def test_on_two_threads():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "MKL ERROR" not in done.stdout + done.stderr
