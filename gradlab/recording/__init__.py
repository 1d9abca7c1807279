"""What is measured during training, when, and where it goes."""

from gradlab.recording.amount import Amount
from gradlab.recording.costs import costs
from gradlab.recording.recorder import Recorder
from gradlab.recording.settings import RecordSettings
from gradlab.recording.sink import MemorySink, Sink
from gradlab.recording.watch import watch

__all__ = ["Amount", "MemorySink", "RecordSettings", "Recorder", "Sink", "costs", "watch"]
