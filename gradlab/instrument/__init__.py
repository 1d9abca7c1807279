"""How gradlab holds on to torch's modules: hooks that capture a pass, and the replay that takes it apart."""

from gradlab.instrument.call import Call
from gradlab.instrument.capture import Capture
from gradlab.instrument.modules import Layout, layout, recurrent_modules
from gradlab.instrument.replay import Pass, replay
from gradlab.instrument.segment import chosen

__all__ = ["Call", "Capture", "Layout", "Pass", "chosen", "layout", "recurrent_modules", "replay"]
