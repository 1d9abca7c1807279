"""Parts of batches, whatever their inputs are made of."""

import torch
from torch import Tensor

from gradlab.tasks import Batch, Padded, Prompted, Task


def sequences(batch: Batch) -> set[bytes]:
    """What each sequence is about, as bytes, to tell them apart."""
    inputs = batch.inputs
    if isinstance(inputs, Padded):
        return {
            inputs.values[-length:, place].numpy().tobytes() for place, length in enumerate(inputs.lengths.tolist())
        }
    inputs = inputs if isinstance(inputs, Tensor) else inputs.given
    return {sequence.numpy().tobytes() for sequence in inputs.transpose(0, 1).contiguous()}


def equal(first: Batch, second: Batch) -> bool:
    pairs = zip(tensors(first), tensors(second), strict=True)
    return all(one.dtype == other.dtype and one.equal(other) for one, other in pairs)


def tensors(batch: Batch) -> list[Tensor]:
    inputs = batch.inputs
    if isinstance(inputs, Padded):
        return [inputs.values, inputs.lengths, batch.targets]
    return [*([inputs] if isinstance(inputs, Tensor) else inputs), batch.targets]


def part(task: Task, batch: Batch, outputs: Tensor, chosen: slice) -> tuple[Tensor, Batch]:
    """Outputs and batch of some of the sequences."""
    inputs = batch.inputs
    some: Tensor | Padded | Prompted
    if isinstance(inputs, Padded):
        some = inputs.sequences(chosen)
    elif isinstance(inputs, Prompted):
        some = Prompted(*(each[:, chosen] for each in inputs))
    else:
        some = inputs[:, chosen]
    if task.reads == "last":
        return outputs[chosen], Batch(some, batch.targets[chosen])
    return outputs[:, chosen], Batch(some, batch.targets[:, chosen])


def outputs_of(task: Task, batch: Batch, fill: float = 0.0) -> Tensor:
    """Outputs of the shape that the task's model gives, all alike."""
    places = batch.targets.shape[:1] if task.reads == "last" else batch.targets.shape[:2]
    return torch.full((*places, task.output_size), fill)
