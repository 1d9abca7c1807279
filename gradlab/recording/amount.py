"""How much is measured on a recorded step: sequences, time steps of Jacobians, checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Amount:
    """What one recorded step measures; the same words as the arguments of `gradlab.watch`."""

    sequences: int | None = 8
    """Sequences for the quantities per time step; None for all."""
    jacobian_times: int | None = 8
    """Time steps at which Jacobians are taken; None for all, 0 for none."""
    jacobian_sequences: int = 2
    check_every: int | None = 10
    """At every so many recorded steps, the first included, the closure error is measured on all sequences."""


def amount(
    sequences: int | Literal["all"],
    jacobian_times: int | Literal["all"],
    jacobian_sequences: int,
    check_every: int | None,
) -> Amount:
    """Check the arguments of `watch` and give the amount; raises ValueError naming the argument."""

    def counted(name: str, value: object, least: int, words: bool) -> int | None:
        if words and value == "all":
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            expected = f"an integer from {least}" + (" or 'all'" if words else "")
            raise ValueError(f"{name}: expected {expected}, got {value!r}")
        return value

    per_jacobian = counted("jacobian_sequences", jacobian_sequences, 1, False)
    checks = None if check_every is None else counted("check_every", check_every, 1, False)
    assert per_jacobian is not None
    return Amount(
        counted("sequences", sequences, 1, True),
        counted("jacobian_times", jacobian_times, 0, True),
        per_jacobian,
        checks,
    )
