"""Penalties: values by hand, gradients by finite differences, and what following them does."""

import math

import pytest
import torch
from torch import Tensor

from gradlab.dynamics import (
    gradient_flossing,
    lyapunov_spectrum,
    orthogonality_penalty,
    pascanu_penalty,
    spectral_norm_penalty,
)
from tests.dynamics.nets import RowScaled, agrees, gaussian, gaussian_jacobians


class TestPascanu:
    def test_by_hand(self) -> None:
        jacobians = torch.diag(torch.tensor([2.0, 0.5])).double().expand(2, 2, 2)
        deltas = torch.tensor([[3.0, 0.0], [1.0, 1.0]]).double()
        # (4 − 1)² and ((4 + ¼)/2 − 1)².
        assert float(pascanu_penalty(jacobians, deltas)) == pytest.approx(9 + 1.125**2)

    def test_is_zero_where_norms_are_kept(self) -> None:
        jacobians = torch.linalg.qr(gaussian(7, 2, 4, 4)).Q
        assert float(pascanu_penalty(jacobians, gaussian(7, 2, 4, seed=1))) == pytest.approx(0, abs=1e-25)

    def test_does_not_depend_on_the_size_of_the_deltas(self) -> None:
        jacobians, deltas = gaussian_jacobians(6, 2, states=4), gaussian(6, 2, 4, seed=1)
        expected = pascanu_penalty(jacobians, deltas)
        agrees(pascanu_penalty(jacobians, 1e-200 * deltas), expected, 1e-12)

    def test_steps_without_gradient_add_nothing(self) -> None:
        jacobians = gaussian_jacobians(4, states=3).requires_grad_()
        deltas = gaussian(4, 3, seed=1)
        deltas[:2] = 0
        penalty = pascanu_penalty(jacobians, deltas)
        agrees(penalty.detach(), pascanu_penalty(jacobians.detach()[2:], deltas[2:]), 1e-14)
        (gradient,) = torch.autograd.grad(penalty, jacobians)
        assert (gradient[:2] == 0).all() and gradient.isfinite().all()

    def test_gradcheck(self) -> None:
        jacobians, deltas = gaussian_jacobians(4, 2, states=3).requires_grad_(), gaussian(4, 2, 3, seed=1)
        assert torch.autograd.gradcheck(lambda j: pascanu_penalty(j, deltas), jacobians)
        deltas.requires_grad_()
        assert torch.autograd.gradcheck(lambda j, d: pascanu_penalty(j, d, detach=False), (jacobians, deltas))

    def test_operators_reach_the_weights(self) -> None:
        weight = gaussian(3, 3).requires_grad_()
        slopes, deltas = gaussian(5, 3, seed=1).abs(), gaussian(5, 3, seed=2)
        assert torch.autograd.gradcheck(lambda w: pascanu_penalty(RowScaled(w, slopes), deltas), weight)

    def test_wrong_shapes(self) -> None:
        with pytest.raises(ValueError, match="expected deltas of shape"):
            pascanu_penalty(gaussian_jacobians(4, states=3), gaussian(3, 3))


class TestFlossing:
    def test_by_hand(self) -> None:
        jacobians = 0.5 * torch.eye(4).double().expand(9, 4, 4)
        assert float(gradient_flossing(jacobians, 2)) == pytest.approx(math.log(2) ** 2)
        assert float(gradient_flossing(jacobians, 2, target=-math.log(2))) == pytest.approx(0, abs=1e-25)

    def test_is_the_mean_square_of_the_exponents(self) -> None:
        jacobians = gaussian_jacobians(40, states=5)
        expected = lyapunov_spectrum(jacobians, 3, transient=15).exponents.square().mean()
        agrees(gradient_flossing(jacobians, 3, transient=15), expected, 1e-10)

    @pytest.mark.parametrize("k", [1, 3])
    def test_gradcheck(self, k: int) -> None:
        jacobians = gaussian_jacobians(4, 2, states=3).requires_grad_()
        assert torch.autograd.gradcheck(lambda j: gradient_flossing(j, k), jacobians)
        (gradient,) = torch.autograd.grad(gradient_flossing(jacobians, k, transient=2), jacobians)
        assert (gradient[:2] == 0).all() and (gradient[2:] != 0).all()

    def test_following_it_keeps_gradients_alive(self) -> None:
        weight = gaussian(8, 8, scale=0.5 / 8**0.5).requires_grad_()
        inputs = gaussian(30, 8, seed=1, scale=0.3)

        def jacobians() -> Tensor:
            state, found = torch.zeros(8, dtype=torch.float64), []
            for x in inputs:
                state = torch.tanh(weight @ state + x)
                found.append((1 - state**2)[:, None] * weight)
            return torch.stack(found)

        optimiser = torch.optim.SGD([weight], lr=0.05)
        before = lyapunov_spectrum(jacobians(), 3).exponents
        for _ in range(60):
            optimiser.zero_grad()
            gradient_flossing(jacobians(), 3).backward()
            optimiser.step()
        after = lyapunov_spectrum(jacobians(), 3).exponents
        assert float(after.abs().max()) < 0.5 * float(before.abs().max())

    @pytest.mark.parametrize("k, transient", [(0, 0), (4, 0), (1, 5), (1, -1)])
    def test_wrong_arguments(self, k: int, transient: int) -> None:
        with pytest.raises(ValueError, match="expected 1 ≤ k ≤ 3"):
            gradient_flossing(gaussian_jacobians(5, states=3), k, transient=transient)


class TestWeightPenalties:
    def test_spectral_norm(self) -> None:
        weight = torch.diag(torch.tensor([3.0, 1.0])).double()
        assert float(spectral_norm_penalty(weight)) == pytest.approx(4)
        assert float(spectral_norm_penalty(weight, 5.0)) == 0
        assert torch.autograd.gradcheck(lambda w: spectral_norm_penalty(w, 0.1), gaussian(4, 3).requires_grad_())

    def test_orthogonality(self) -> None:
        for shape in ((4, 4), (5, 3), (3, 5)):
            weight = gaussian(*shape)
            assert torch.autograd.gradcheck(orthogonality_penalty, weight.clone().requires_grad_())
            basis = torch.linalg.qr(weight if shape[0] >= shape[1] else weight.mT).Q
            basis = basis if shape[0] >= shape[1] else basis.mT
            assert float(orthogonality_penalty(basis)) == pytest.approx(0, abs=1e-25)
        assert float(orthogonality_penalty(2 * torch.eye(3))) == pytest.approx(27)
