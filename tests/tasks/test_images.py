"""Videos and glimpses: every frame is made of a real digit, where it should be."""

import pytest
import torch
from pydantic import ValidationError

from gradlab.tasks import Glimpses, Video, VideoFrames
from gradlab.tasks.digit_images import digit_images
from gradlab.tasks.glimpses import tiles
from gradlab.tasks.moving_digits import drawn, paths


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def known(split: str) -> dict[bytes, int]:
    images = digit_images(split)
    return {image.numpy().tobytes(): int(label) for image, label in zip(images.pixels, images.labels, strict=True)}


def found_in(frame: torch.Tensor, images: dict[bytes, int]) -> int | None:
    """The label of the digit in a frame, by looking everywhere."""
    size = frame.shape[-1]
    for row in range(size - 7):
        for column in range(size - 7):
            window = frame[row : row + 8, column : column + 8]
            rest = float(frame.sum()) - float(window.sum())
            if abs(rest) < 1e-5 and (key := window.contiguous().numpy().tobytes()) in images:
                return images[key]
    return None


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_clip_shows_its_digit_and_then_nothing(split: str) -> None:
    task = Video(frames=9, visible=6, size=20)
    batch = task.batch(8, source(), split)
    frames = batch.inputs.unflatten(2, (20, 20))
    assert not frames[6:].any()
    images = known(split)
    for sequence in range(8):
        labels = {found_in(frame, images) for frame in frames[:6, sequence]}
        assert labels == {int(batch.targets[sequence])}
        assert not torch.equal(frames[0, sequence], frames[1, sequence])


def test_every_frame_has_the_label_of_the_digit_whose_turn_it_is() -> None:
    task = VideoFrames(frames=21, shown=4, hidden=2)
    batch = task.batch(8, source(), "test")
    frames = batch.inputs.unflatten(2, (16, 16))
    images = known("test")
    longest = 0
    for sequence in range(8):
        unseen, last = 0, None
        for t in range(21):
            empty = not frames[t, sequence].any()
            last = last if empty else found_in(frames[t, sequence], images)
            assert last == int(batch.targets[t, sequence])
            unseen = unseen + 1 if empty else 0
            longest = max(longest, unseen)
    assert longest == 2 == task.demanded_lag


def test_paths_go_straight_and_bounce() -> None:
    room = 8
    corners = paths(200, 500, room, source())
    assert int(corners.min()) == 0 and int(corners.max()) == room
    moves = corners.diff(dim=0)
    at_wall = ((corners[1:-1] == 0) | (corners[1:-1] == room)) | (moves[1:].abs() != moves[:-1].abs())
    assert ((moves[1:] == moves[:-1]) | at_wall).all()
    assert set(moves.abs().max(dim=0).values.flatten().tolist()) == {1, 2}
    starts = torch.bincount(paths(1, 9000, room, source())[0, :, 0])
    assert (starts / 9000).tolist() == pytest.approx([1 / 9] * 9, abs=0.015)


def test_paths_against_bouncing_step_by_step() -> None:
    corners = paths(60, 40, 5, source(3))
    for sequence in range(40):
        for axis in range(2):
            track = corners[:, sequence, axis].tolist()
            assert track in [_bounced(track[0], speed, 60, 5) for speed in (-2, -1, 1, 2)]


def _bounced(place: int, speed: int, steps: int, room: int) -> list[int]:
    track = [place]
    while len(track) < steps:
        for _ in range(abs(speed)):
            if not 0 <= place + (1 if speed > 0 else -1) <= room:
                speed = -speed
            place += 1 if speed > 0 else -1
        track.append(place)
    return track


def test_a_digit_is_drawn_at_its_corner_and_nothing_else() -> None:
    digits = torch.rand(2, 3, 8, 8, generator=source())
    corners = torch.tensor([[[0, 0], [4, 8], [8, 1]], [[2, 2], [3, 3], [8, 8]]])
    frames = drawn(digits, corners, 16)
    for t in range(2):
        for sequence in range(3):
            row, column = corners[t, sequence].tolist()
            inside = frames[t, sequence, row : row + 8, column : column + 8]
            assert torch.equal(inside, digits[t, sequence])
            assert float(frames[t, sequence].sum()) == pytest.approx(float(inside.sum()), rel=1e-6)


def test_noise_has_its_deviation() -> None:
    batch = Video(noise=0.3, visible=1, frames=12).batch(50, source())
    assert float(batch.inputs[1:].std()) == pytest.approx(0.3, rel=0.01)


@pytest.mark.parametrize(("size", "window"), [(8, 4), (8, 3), (16, 5), (8, 8), (8, 1)])
def test_a_scan_shows_the_whole_image_tile_by_tile(size: int, window: int) -> None:
    order = tiles(size, window)
    task = Glimpses(size=size, window=window, steps=max(2, len(order)))
    batch = task.batch(6, source())
    images = digit_images("train", size)
    restored = torch.full((6, size, size), torch.nan)
    for t, (row, column) in enumerate(order):
        glimpse = batch.inputs[t, :, : window**2].unflatten(1, (window, window))
        restored[:, row : row + window, column : column + window] = glimpse
        assert batch.inputs[t, 0, window**2 :].tolist() == pytest.approx(
            [row / max(size - window, 1), column / max(size - window, 1)]
        )
    everything = {
        pixels.numpy().tobytes(): int(label) for pixels, label in zip(images.pixels, images.labels, strict=True)
    }
    assert [everything[image.numpy().tobytes()] for image in restored] == batch.targets.tolist()
    assert task.demanded_lag == len(order) - 1 if len(order) > 1 else True


def test_random_glimpses_are_where_they_say() -> None:
    task = Glimpses(path="random", window=3, steps=30)
    batch = task.batch(20, source())
    images = {int(label): [] for label in range(10)}
    for pixels, label in zip(digit_images("train").pixels, digit_images("train").labels, strict=True):
        images[int(label)].append(pixels)
    corners = (batch.inputs[..., 9:] * 5).round().long()
    for sequence in range(20):
        candidates = torch.stack(images[int(batch.targets[sequence])])
        for t in range(30):
            row, column = corners[t, sequence].tolist()
            window = candidates[:, row : row + 3, column : column + 3].flatten(1)
            candidates = candidates[(window == batch.inputs[t, sequence, :9]).all(1)]
        assert len(candidates) >= 1
    assert len(corners.flatten(0, 1).unique(dim=0)) == 36


def test_a_scan_repeats_itself_and_demands_no_more_than_one_round() -> None:
    task = Glimpses(steps=10)
    batch = task.batch(3, source())
    assert torch.equal(batch.inputs[4:8], batch.inputs[:4]) and task.demanded_lag == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Video(frames=5, visible=6), "at most the 5 frames"),
        (lambda: Video(size=15), "greater than or equal to 16"),
        (lambda: Glimpses(window=9), "at most the image's 8 pixels"),
    ],
)
def test_what_cannot_be_is_refused(make, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make()
