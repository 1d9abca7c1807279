"""Quantities of the `timesteps` table, one group a file; each takes a pass and gives columns, one number a time step.

A group is a function `(Pass, Amount) -> {name: array over real time}`; a further group is a file and a line here.
"""

from gradlab.recording.timesteps.gradients import gradients
from gradlab.recording.timesteps.jacobians import jacobians
from gradlab.recording.timesteps.shares import shares
from gradlab.recording.timesteps.states import states

GROUPS = (gradients, shares, states, jacobians)

__all__ = ["GROUPS"]
