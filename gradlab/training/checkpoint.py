"""A training run frozen between two steps: everything that the next step depends on, as bytes and back."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from gradlab.errors import GradlabError

WEIGHTS = "weights.safetensors"
"""Name of the artifact that holds the weights alone, for whoever wants to use the model."""
CHECKPOINT = "checkpoint.pt"
"""Name of the artifact from which a run continues."""
_FORMAT = 1


class CheckpointError(GradlabError):
    """A checkpoint that cannot be read, or that does not belong to this model."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a run after `step` training steps.

    A run that continues from it ends bit-equal to one that was never interrupted (on the CPU).
    """

    step: int
    """Training steps that are done; rows from this step on are not part of it."""
    seed: int
    """The run's. Random streams are taken up only by a run with the same one."""
    weights: Mapping[str, Tensor]
    """The model's `state_dict`."""
    state: Mapping[str, Any]
    """What else the run is made of: optimiser, clipper, random generators, carried hidden states, last losses."""

    def to_bytes(self) -> bytes:
        """One file for everything, so that a single atomic write is the whole checkpoint.

        The weights are inside in the bytes of `weights_to_bytes`.
        """
        weights = torch.frombuffer(bytearray(weights_to_bytes(self.weights, self.step)), dtype=torch.uint8)
        content = {"format": _FORMAT, "step": self.step, "seed": self.seed, "weights": weights}
        file = io.BytesIO()
        torch.save(content | {"state": dict(self.state)}, file)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Read what `to_bytes` gave; no code in it is ever run (`weights_only`).

        Raises CheckpointError when it is damaged, or when a later gradlab wrote it.
        """
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            if content["format"] != _FORMAT:
                raise CheckpointError(
                    f"expected a checkpoint of format {_FORMAT}, got {content['format']}; "
                    "continue with the version of gradlab that wrote it"
                )
            weights = weights_from_bytes(content["weights"].numpy().tobytes())
            return cls(content["step"], content["seed"], weights, content["state"])
        except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the checkpoint is damaged ({type(error).__name__}); remove it, and the run starts anew"
            ) from error

    def write(self, artifact: Callable[[str, bytes], None]) -> None:
        """Hand on both artifacts. Each must appear whole or not at all, as `RunWriter.write_artifact` has it."""
        artifact(CHECKPOINT, self.to_bytes())
        artifact(WEIGHTS, weights_to_bytes(self.weights, self.step))


def weights_to_bytes(weights: Mapping[str, Tensor], step: int) -> bytes:
    """A safetensors file of a `state_dict`; the training step stands in its metadata."""
    # Copies: parameters that share their memory are stored each, which safetensors would refuse to guess.
    tensors = {name: weight.detach().cpu().contiguous().clone() for name, weight in weights.items()}
    return safetensors.torch.save(tensors, metadata={"step": str(step)})


def weights_from_bytes(data: bytes) -> dict[str, Tensor]:
    """The `state_dict` in a safetensors file. Raises CheckpointError when it is damaged."""
    try:
        return safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"expected the weights of a model as safetensors, got something else: {error}") from error


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights into a model where it is. Raises CheckpointError naming what does not fit."""
    own = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    given = {name: tuple(weight.shape) for name, weight in weights.items()}
    if own != given:
        wrong = sorted({name for name, _ in own.items() ^ given.items()})
        raise CheckpointError(
            f"expected weights for this {type(model).__name__}, got others at {', '.join(wrong)}; "
            "task and model must be those of the run that the checkpoint belongs to"
        )
    model.load_state_dict(dict(weights))
