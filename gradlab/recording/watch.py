"""`gradlab.watch`: attach a recorder to any model that holds torch's recurrent modules or cells."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from torch import nn

from gradlab.errors import UnsupportedError
from gradlab.instrument import Cell, find_cells, recurrent_modules
from gradlab.recording.amount import Preset, amount
from gradlab.recording.recorder import Recorder
from gradlab.recording.schedule import schedule
from gradlab.recording.sink import MemorySink, Sink


def watch(
    model: nn.Module,
    *,
    cells: Mapping[Any, Cell] | None = None,
    every: int | Literal["log"] | None = 10,
    at: Sequence[int] | None = None,
    preset: Preset = "standard",
    sequences: int | Literal["all"] | None = None,
    jacobian_times: int | Literal["all"] | None = None,
    jacobian_sequences: int | None = None,
    check_every: int | Literal["never"] | None = None,
    tables: Collection[str] | None = None,
    budget: float | None = None,
    flight: int = 0,
    on_nonfinite: Literal["continue", "stop"] = "continue",
    on_error: Literal["raise", "log"] = "raise",
    sink: Sink | None = None,
    scaler: Any = None,
) -> Recorder:
    """Watch a model while it trains, without changing it: weights end bit-equal to those of an unwatched run.

    Args:
        model: any module; its `nn.RNN`, `nn.LSTM`, `nn.GRU` and their cells are found by themselves.
        cells: recurrences that are not torch's: a class of modules, or one module, with how it is called. Every call is
            one time step. See `gradlab.Cell`; a plain function is wrapped in `FunctionCell` first.
        every: record every n-th training step; `"log"` for ever wider gaps, None for scalars only.
        at: record exactly at these training steps instead.
        preset: how much a recorded step measures: `"light"` gradients, shares and gates; `"standard"` also singular
            values at a few time steps; `"full"` all sequences and the tables `spectra`, `lags` and `lyapunov`. What
            each costs on a model at hand is measured by `gradlab.recording.costs`. The arguments below go before it.
        sequences: sequences of a batch that are replayed for the quantities per time step (8).
        jacobian_times: time steps, evenly spread, at which the state Jacobian's singular values are taken (8).
        jacobian_sequences: on so many sequences (2); the further tables are of these.
        check_every: every so many recorded steps (10) all sequences are replayed and the weight gradients rebuilt
            from them are compared with autograd's (the closure error); `"never"` for not at all.
        tables: which of `spectra`, `lags` and `lyapunov` are written.
        budget: instead of `every`, the share of the training time that recording may take: 0.05 for 5 %. What was
            chosen and what was really spent are facts of the run (`sink.facts` or `facts.json`).
        flight: so many steps before the present one are kept ready and written in full when something explodes;
            costs the memory of their inputs and outputs.
        on_nonfinite: `"stop"` raises ExplosionError at the first NaN or infinity, after everything is written.
        on_error: `"log"` lets training go on unrecorded after an error inside the recorder, which is logged once.
        sink: where rows go; memory by default, `gradlab.store.RunWriter` for a folder.
        scaler: the `torch.amp.GradScaler` in use, so that gradients are recorded unscaled.

    Raises:
        UnsupportedError: the model holds no recurrent module, or one whose equations are not known.
        ValueError: an argument is out of its range.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    model = getattr(model, "_orig_mod", model)  # the model inside torch.compile's wrapper, with its own names
    own = find_cells(model, cells or {})
    instances = [module for found in own.values() for _, module in found.instances]
    layouts = dict(recurrent_modules(model, instances)) | own
    if not layouts:
        raise UnsupportedError(
            f"expected a model that holds nn.RNN, nn.LSTM, nn.GRU or one of their cells, got {type(model).__name__} "
            "without any; a recurrence of your own is named by watch(..., cells={MyCell: gradlab.Cell()})"
        )
    if isinstance(flight, bool) or not isinstance(flight, int) or flight < 0:
        raise ValueError(f"flight: expected a number of steps, an integer from 0, got {flight!r}")
    for name, value, words in (
        ("on_nonfinite", on_nonfinite, ("continue", "stop")),
        ("on_error", on_error, ("raise", "log")),
    ):
        if value not in words:
            raise ValueError(f"{name}: expected {' or '.join(map(repr, words))}, got {value!r}")
    return Recorder(
        model,
        layouts,
        MemorySink() if sink is None else sink,
        schedule(every, at, budget),
        amount(
            preset,
            sequences=sequences,
            jacobian_times=jacobian_times,
            jacobian_sequences=jacobian_sequences,
            check_every=check_every,
            tables=tables,
        ),
        scaler=scaler,
        flight=flight,
        on_nonfinite=on_nonfinite,
        on_error=on_error,
    )
