"""How gradlab holds on to recurrent modules: hooks that capture a pass, and the replay that takes it apart."""

from gradlab.instrument.call import Call
from gradlab.instrument.capture import Capture, paused
from gradlab.instrument.modules import Layout, layout, recurrent_modules
from gradlab.instrument.replay import Pass, in_real_time, replay
from gradlab.instrument.segment import chosen
from gradlab.instrument.user_capture import hold_on
from gradlab.instrument.user_cells import Cell, FunctionCell
from gradlab.instrument.user_modules import find_cells

__all__ = [
    "Call",
    "Capture",
    "Cell",
    "FunctionCell",
    "Layout",
    "Pass",
    "chosen",
    "find_cells",
    "hold_on",
    "in_real_time",
    "layout",
    "paused",
    "recurrent_modules",
    "replay",
]
