"""Spectra, exponents and long products: ratios to the plain ways, and how the costs grow; float64, one thread."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gradlab.dynamics import (
    JacobianOperator,
    leading_singular_values,
    log_singular_values_of_product,
    lyapunov_spectrum,
    reference,
)
from gradlab.recurrence import LSTM, RNN
from tests.benchmarks.interleaved import compare, print_table

FEATURES = 32
AUTOGRAD_STEPS = 4
"""Autograd Jacobians are measured on so many steps, and counted for all."""


def seconds(way: Callable[[], object]) -> Callable[[], float]:
    """How long one call computes."""

    def measured() -> float:
        began = time.process_time()
        way()
        return time.process_time() - began

    return measured


class Net:
    """A layer with torch's own initialisation and its Jacobians along random sequences."""

    def __init__(self, kind: str, hidden: int, steps: int, sequences: int) -> None:
        torch.manual_seed(0)
        self.recurrence = LSTM() if kind == "LSTM" else RNN("tanh")
        self.module = (nn.LSTM if kind == "LSTM" else nn.RNN)(FEATURES, hidden).double()
        self.weights = {name.removesuffix("_l0"): p.detach() for name, p in self.module.named_parameters()}
        self.inputs = torch.randn(steps, sequences, FEATURES, dtype=torch.float64)
        zero = torch.zeros(sequences, hidden, dtype=torch.float64)
        self.trace = self.recurrence.trace(self.weights, self.inputs, tuple(zero for _ in self.recurrence.state_names))
        self.before = tuple(self.trace.before(index) for index in range(len(self.recurrence.state_names)))
        self.jacobians: JacobianOperator = self.recurrence.jacobian(self.weights, self.trace, self.before)

    @torch.no_grad()
    def forward(self) -> None:
        """The fused forward pass."""
        self.module(self.inputs)

    def every_step(self) -> Tensor:
        """Closed form, made dense, and a QR at every step."""
        return reference.lyapunov_exponents(self.jacobians.dense())

    def autograd(self) -> None:
        """Autograd Jacobians of a few steps, one sequence after the other, and their QRs."""
        sizes = [state.shape[-1] for state in self.before]
        for t in range(AUTOGRAD_STEPS):
            for b in range(self.inputs.shape[1]):

                def step(state: Tensor, t: int = t, b: int = b) -> Tensor:
                    states = tuple(part.unsqueeze(0) for part in state.split(sizes))
                    return torch.cat(self.recurrence.step(self.weights, self.inputs[t, b : b + 1], states), -1).squeeze(
                        0
                    )

                state = torch.cat([part[t, b] for part in self.before], -1)
                torch.linalg.qr(torch.autograd.functional.jacobian(step, state))


def full_spectrum(kind: str, hidden: int, steps: int, repetitions: int) -> None:
    """All exponents: against autograd, and against closed form with a QR at every step."""
    net = Net(kind, hidden, steps, 4)
    result = compare(
        {
            "adaptive": seconds(lambda: lyapunov_spectrum(net.jacobians)),
            "QR at every step": seconds(net.every_step),
            "autograd": seconds(net.autograd),
        },
        repetitions,
    )
    found = lyapunov_spectrum(net.jacobians)
    error = (found.exponents - net.every_step().sort(dim=-1, descending=True).values).abs().max()
    share = steps / AUTOGRAD_STEPS
    print(f"### All exponents: {kind}, {net.jacobians.shape[-1]} states, B=4, T={steps}\n")
    print_table(
        ["way", "seconds", "times adaptive"],
        [
            ["adaptive", result.median("adaptive"), 1.0],
            ["QR at every step", result.median("QR at every step"), result.ratio("QR at every step", "adaptive")],
            ["autograd", share * result.median("autograd"), share * result.ratio("autograd", "adaptive")],
        ],
    )
    print(f"\nQR every {found.mean_interval:.1f} steps, exponents within {float(error):.1e} of QR at every step.\n")


def leading_exponents(repetitions: int) -> None:
    """Ten exponents of 512 states, against the forward pass."""
    net = Net("RNN", 512, 1000, 1)
    ten = seconds(lambda: lyapunov_spectrum(net.jacobians, 10))
    result = compare({"ten exponents": ten, "forward": seconds(net.forward)}, repetitions)
    print("### Ten leading exponents: RNN, H=512, T=1000, B=1\n")
    print_table(["over the forward pass", "at most"], [[result.ratio("ten exponents", "forward"), 4]])
    print()


def leading_values(repetitions: int) -> None:
    """The largest singular values of 400 LSTM Jacobians of 512 × 512, against dense SVDs."""
    net, part = Net("LSTM", 256, 400, 1), 40
    dense = net.jacobians[:part].dense()
    rows = []
    for k in (1, 4):
        result = compare(
            {
                "matrix-free": seconds(lambda k=k: leading_singular_values(net.jacobians, k)),
                "svdvals": seconds(lambda: torch.linalg.svdvals(dense)),
            },
            repetitions,
        )
        exact = torch.linalg.svdvals(dense)[..., :k]
        error = ((leading_singular_values(net.jacobians, k).values[:part] - exact) / exact).abs().max()
        rows.append([k, 400 / part * result.ratio("svdvals", "matrix-free"), f"{float(error):.1e}"])
    print("### Largest singular values of 400 LSTM Jacobians, 512 × 512\n")
    print_table(["k", "times faster than svdvals (at least 8)", "relative error"], rows)
    print()


def product(repetitions: int) -> None:
    """The spectrum of a product of 10,000, against the QR sweep alone."""
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn(10_000, 64, 64, dtype=torch.float64, generator=generator) / 8
    result = compare(
        {
            "product": seconds(lambda: log_singular_values_of_product(factors)),
            "QR sweep": seconds(lambda: reference.lyapunov_exponents(factors)),
        },
        repetitions,
    )
    print("### Spectrum of a product: N=64, T=10,000\n")
    print_table(["over the QR sweep alone", "at most"], [[result.ratio("product", "QR sweep"), 3]])
    print()


def growth(repetitions: int) -> None:
    """How the cost grows with H, T and B: seconds, and the ratio to the line before."""
    cases = [(64, 200, 2), (128, 200, 2), (256, 200, 2), (128, 400, 2), (128, 800, 2), (128, 200, 4), (128, 200, 8)]
    rows = []
    for hidden, steps, sequences in cases:
        net = Net("RNN", hidden, steps, sequences)
        result = compare(
            {
                "all": seconds(lambda net=net: lyapunov_spectrum(net.jacobians)),
                "ten": seconds(lambda net=net: lyapunov_spectrum(net.jacobians, 10)),
                "product": seconds(lambda net=net: log_singular_values_of_product(net.jacobians)),
            },
            repetitions,
        )
        rows.append([hidden, steps, sequences, *(result.median(name) for name in ("all", "ten", "product"))])
    print("### How the cost grows: RNN, seconds\n")
    print_table(["H", "T", "B", "all exponents", "ten exponents", "product spectrum"], rows)
    print()


def main(repetitions: int = 3) -> None:
    """Print all tables."""
    torch.set_num_threads(1)
    full_spectrum("RNN", 128, 1000, repetitions)
    full_spectrum("LSTM", 128, 200, repetitions)
    leading_exponents(repetitions)
    leading_values(repetitions)
    product(repetitions)
    growth(1)


if __name__ == "__main__":
    main()
