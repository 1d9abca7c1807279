"""How much is measured on a recorded step: sequences, time steps of Jacobians, checks, and further tables."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

Preset = Literal["light", "standard", "full"]
TABLES = ("spectra", "lags", "lyapunov", "teaching")
"""Tables that are written only where asked for."""


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
    tables: frozenset[str] = frozenset()
    """Which of the tables that need every Jacobian are written."""


PRESETS: dict[Preset, Amount] = {
    # Cost of a recorded step, T time steps of B sequences with H units. Gradients, shares, gates: T·B·H².
    "light": Amount(jacobian_times=0),
    # And a few singular value decompositions: times · sequences · states³.
    "standard": Amount(),
    # And products of all Jacobians: T · sequences · states³.
    "full": Amount(sequences=None, jacobian_times=32, tables=frozenset(TABLES)),
}
"""From cheap to dear; `gradlab.recording.costs` measures each on a model at hand."""


def amount(
    preset: Preset = "standard",
    *,
    sequences: int | Literal["all"] | None = None,
    jacobian_times: int | Literal["all"] | None = None,
    jacobian_sequences: int | None = None,
    check_every: int | Literal["never"] | None = None,
    tables: Collection[str] | None = None,
) -> Amount:
    """The amount of a preset, with what is given in place of its own; raises ValueError naming the argument."""
    if preset not in PRESETS:
        raise ValueError(f"preset: expected one of {', '.join(PRESETS)}, got {preset!r}")
    chosen = PRESETS[preset]
    if sequences is not None:
        chosen = replace(chosen, sequences=_count("sequences", sequences, 1, "all"))
    if jacobian_times is not None:
        chosen = replace(chosen, jacobian_times=_count("jacobian_times", jacobian_times, 0, "all"))
    if jacobian_sequences is not None:
        count = _count("jacobian_sequences", jacobian_sequences, 1)
        assert count is not None
        chosen = replace(chosen, jacobian_sequences=count)
    if check_every is not None:
        chosen = replace(chosen, check_every=_count("check_every", check_every, 1, "never"))
    if tables is not None:
        unknown = sorted(set(tables) - set(TABLES)) if not isinstance(tables, str) else [tables]
        if unknown:
            raise ValueError(f"tables: expected some of {', '.join(TABLES)}, got {unknown}")
        chosen = replace(chosen, tables=frozenset(tables))
    return chosen


def _count(name: str, value: object, least: int, word: str | None = None) -> int | None:
    """A number, or None for the word that stands for no limit."""
    if word is not None and value == word:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        expected = f"an integer from {least}" + (f" or {word!r}" if word else "")
        raise ValueError(f"{name}: expected {expected}, got {value!r}")
    return value
