"""gradlab: what backpropagation through time does to the gradient of a recurrent net, at every step.

`import gradlab` is light; torch and pandas are imported when something that needs them is first used.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from gradlab import (
        diagnosis,
        dynamics,
        errors,
        figures,
        models,
        nn,
        recording,
        reports,
        store,
        study,
        tasks,
        training,
    )
    from gradlab.diagnosis import diagnose
    from gradlab.instrument import Cell, FunctionCell
    from gradlab.notebook import analyse
    from gradlab.recording import watch

    __version__: str

_submodule, _, _ = lazy_loader.attach(
    __name__,
    submodules=[
        "diagnosis", "dynamics", "errors", "figures", "models", "nn", "recording", "reports", "store", "study", "tasks",
        "training",
    ],
    # The notebook settles how a recorder shows itself, so `watch` comes from there.
    submod_attrs={"notebook": ["analyse", "watch"], "instrument": ["Cell", "FunctionCell"], "diagnosis": ["diagnose"]},
)  # fmt: skip

__all__ = [
    "Cell",
    "FunctionCell",
    "__version__",
    "analyse",
    "diagnose",
    "diagnosis",
    "dynamics",
    "errors",
    "figures",
    "models",
    "nn",
    "recording",
    "reports",
    "store",
    "study",
    "tasks",
    "training",
    "watch",
]


def __getattr__(name: str) -> object:
    """Import a part of gradlab, or look up its version, at first use."""
    return _version() if name == "__version__" else _submodule(name)


def __dir__() -> list[str]:
    """The public names, also those not imported yet."""
    return sorted(__all__)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gradlab-dynamics")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+source"
