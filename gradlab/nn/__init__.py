"""torch's recurrent modules, instrumented: same arguments, same state dict, and after `backward()` a recording."""

from gradlab.nn.layer import LayerRecording
from gradlab.nn.modules import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from gradlab.nn.recording import Recording

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "LayerRecording", "RNNCell", "Recording"]
