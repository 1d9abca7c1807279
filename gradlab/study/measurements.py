"""Which measurements a run makes beside its training, how often, and how to make one kind of them alone."""

from __future__ import annotations

from gradlab.training.measuring import MeasuringSettings

NOTHING = MeasuringSettings(clipping_every=None, samples_every=None)
"""No measurement at all."""
CLIFF = "cliff_at"
_SWITCHES = ("bias_every", "clipping_every", "samples_every", CLIFF)


def asked_for(measure: MeasuringSettings) -> list[str]:
    """The settings that switch on a measurement."""
    return [name for name in _SWITCHES if getattr(measure, name)]


def alone(measure: MeasuringSettings, name: str, steps: int) -> MeasuringSettings:
    """The same settings, but with one kind of measurement only, made at each of the first steps."""
    off = dict.fromkeys(_SWITCHES, None) | {CLIFF: ()}
    return measure.model_copy(update=off | {name: tuple(range(steps)) if name == CLIFF else 1})


def occasions(measure: MeasuringSettings, name: str, steps: int) -> int:
    """At how many of a run's steps one kind is made."""
    if name == CLIFF:
        return sum(step < steps for step in set(measure.cliff_at))
    every = getattr(measure, name)
    return 0 if every is None else -(-steps // every)
