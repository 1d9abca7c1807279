"""Numbers in letters: what is asked for, what counts, and what free speech makes of it."""

import math

import pytest
import torch
from pydantic import ValidationError

from gradlab.models import ModelSettings, build, speak
from gradlab.tasks import Captions, ReadAloud
from gradlab.tasks.digit_images import digit_images
from gradlab.tasks.spelling import ANSWERS, END, LETTERS, START, WORDS, blind_guess, counted, steps, text
from tests.tasks.learning import learn


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_alphabet() -> None:
    assert WORDS == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert LETTERS == " efghinorstuvwxz" and (END, START, ANSWERS) == (16, 17, 17)
    assert steps(1) == len("three") + 1 and steps(4) == len("three three three three") + 1


@pytest.mark.parametrize("split", ["train", "test"])
def test_strings_are_read_aloud(split: str) -> None:
    batch = ReadAloud(digits=4).batch(50, source(), split)
    for digits, target, said in zip(batch.inputs.given.T, batch.targets.T, batch.inputs.said.T, strict=True):
        assert text(target) == " ".join(WORDS[digit] for digit in digits.tolist())
        end = target.tolist().index(END)
        assert (target[end:] == END).all()
        assert said[0] == START and torch.equal(said[1:], target[:-1])
        assert counted(target.unsqueeze(1)).flatten().tolist() == [place <= end for place in range(len(target))]


@pytest.mark.parametrize("split", ["train", "test"])
def test_captions_name_the_image(split: str) -> None:
    images = digit_images(split)
    known = {image.numpy().tobytes(): int(label) for image, label in zip(images.pixels, images.labels, strict=True)}
    batch = Captions().batch(50, source(), split)
    for sequence in range(50):
        image = batch.inputs.given[:, sequence].contiguous().numpy().tobytes()
        assert text(batch.targets[:, sequence]) == WORDS[known[image]]


def test_what_stands_behind_the_end_does_not_count() -> None:
    task = Captions()
    batch = task.batch(20, source())
    outputs = 100.0 * torch.nn.functional.one_hot(batch.targets, ANSWERS).double()
    outputs[~counted(batch.targets)] = torch.randn(ANSWERS).double()
    assert task.score(outputs, batch) == 1.0 and float(task.loss(outputs, batch)) < 1e-6
    outputs[1, :3] = 0.0  # the second letter of three captions; ties go to the first token, which is the space
    assert task.score(outputs, batch) == pytest.approx(17 / 20)
    assert float(task.loss(outputs, batch)) == pytest.approx(3 / 20 * math.log(ANSWERS))


def test_the_blind_guess_goes_letter_by_letter() -> None:
    even = torch.full((10,), 0.1)
    assert WORDS[blind_guess(even)] in ("two", "three", "four", "five", "six", "seven")
    one_sided = torch.tensor([0, 0, 0.2, 0.2, 0, 0, 0.3, 0, 0.3, 0])
    assert WORDS[blind_guess(one_sided)] in ("two", "three")  # t is the likeliest first letter
    assert blind_guess(torch.nn.functional.one_hot(torch.tensor(8), 10).float()) == 8


def test_labelled_images_are_the_training_images_of_the_known_digits() -> None:
    pixels, labels = Captions(known=(7, 2, 4)).labelled_images()
    images = digit_images("train")
    expected = [
        (image, (7, 2, 4).index(int(label)))
        for image, label in zip(images.pixels, images.labels, strict=True)
        if int(label) in (7, 2, 4)
    ]
    assert torch.equal(pixels, torch.stack([image for image, _ in expected]))
    assert labels.tolist() == [place for _, place in expected]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"known": (1,)}, "at least 2"), ({"known": (1, 1)}, "every class once"), ({"known": (1, 10)}, "less than 10")],
)
def test_mistakes_are_told(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Captions(**values)


@pytest.mark.slow
@pytest.mark.parametrize(("fine_tune", "reached"), [(False, 0.75), (True, 0.9)])
def test_captions_are_learned_and_said_freely(fine_tune: bool, reached: float) -> None:
    task = Captions(known=(0, 1, 2, 3, 4), fine_tune=fine_tune)
    model, loss, score = learn(task, ModelSettings(cell="lstm", hidden=48, embedding=16), steps=600)
    assert score > reached and loss < 0.5 * task.chance.loss
    batch = task.batch(300, source(), "test")
    said = speak(model, batch.inputs.given, START, steps(1), source())
    free = [text(one) == text(other) for one, other in zip(said.T, batch.targets.T, strict=True)]
    with torch.no_grad():
        assert sum(free) / 300 == pytest.approx(task.score(model(batch.inputs), batch), abs=1e-9)


@pytest.mark.slow
def test_strings_are_learned_and_read_freely() -> None:
    task = ReadAloud(digits=3)
    model, loss, score = learn(task, ModelSettings(cell="gru", hidden=96), steps=900, rate=0.005)
    assert score > 0.9 and loss < 0.1
    batch = task.batch(200, source(), "test")
    said = speak(model, batch.inputs.given, START, steps(3), source())
    free = [text(one) == text(other) for one, other in zip(said.T, batch.targets.T, strict=True)]
    with torch.no_grad():
        assert sum(free) / 200 == pytest.approx(task.score(model(batch.inputs), batch), abs=1e-9)


def test_free_speech_and_right_letters_give_the_same_score_also_untrained() -> None:
    task = Captions()
    model = build(ModelSettings(cell="gru", hidden=16), task, 0)
    with torch.no_grad():  # says one name for every image: right for some
        model.readout.bias.zero_()
        model.readout.weight.zero_()
        for place, letter in enumerate("six"):
            model.readout.bias[LETTERS.index(letter)] = 1.0 - 0.1 * place
    batch = task.batch(100, source(), "test")
    said = speak(model, batch.inputs.given, START, steps(1), source())
    free = [text(one) == text(other) for one, other in zip(said.T, batch.targets.T, strict=True)]
    with torch.no_grad():
        assert sum(free) / 100 == task.score(model(batch.inputs), batch)
