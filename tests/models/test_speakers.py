"""Models that speak: encoder and decoder, captions; with the right letters before their eyes and left to themselves."""

import pytest
import torch

from gradlab.models import CaptionModel, EncoderDecoder, ModelSettings, Speaker, build, speak
from gradlab.models.image_features import ImageFeatures, trained_features
from gradlab.tasks import Captions, ReadAloud, Task
from gradlab.tasks.digit_images import digit_images
from gradlab.tasks.spelling import END, START

TASKS = [ReadAloud(digits=2), Captions(), Captions(fine_tune=True)]
SETTINGS = [
    ModelSettings(cell="lstm", hidden=7, precision="float64"),
    ModelSettings(cell="gru", hidden=7, layers=2, embedding=5, precision="float64"),
    ModelSettings(cell="lru", hidden=8, precision="float64"),
]
every_pair = pytest.mark.parametrize(
    ("task", "settings"),
    [(task, settings) for task in TASKS for settings in SETTINGS],
    ids=lambda value: getattr(value, "cell", None) or value.name,
)


def inputs_of(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    batch = task.batch(5, torch.Generator().manual_seed(0))
    return batch.to(torch.device("cpu"), torch.float64).inputs


@every_pair
def test_one_pass_and_letter_by_letter_are_the_same(task: Task, settings: ModelSettings) -> None:
    model = build(settings, task, 0)
    assert isinstance(model, Speaker)
    given, said = inputs_of(task)
    whole = model((given, said))
    state, parts = model.begin(given), []
    for token in said:
        logits, state = model.say(token.unsqueeze(0), state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-10, atol=1e-10)
    assert whole.shape == (*said.shape, task.output_size)


@every_pair
def test_weights_are_a_function_of_the_seed(task: Task, settings: ModelSettings) -> None:
    torch.manual_seed(1)
    first = build(settings, task, 3).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second, other = (build(settings, task, seed).state_dict() for seed in (3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["readout.weight"], other["readout.weight"])


@every_pair
def test_gradients_reach_what_is_given(task: Task, settings: ModelSettings) -> None:
    model = build(settings, task, 0)
    model(inputs_of(task)).square().sum().backward()
    for key, parameter in model.named_parameters():
        if key.startswith("features.") and not task.fine_tune:
            assert not parameter.requires_grad and parameter.grad is None
        elif not key.startswith(("encoder.read.", "encoder.skip.")):  # beside the state, and what is read is the state
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


@every_pair
def test_speaking_feeds_back_what_was_said(task: Task, settings: ModelSettings) -> None:
    """Against one pass over everything that was said: each token is the likeliest behind those before it."""
    model = build(settings, task, 0)
    given, _ = inputs_of(task)
    said = speak(model, given, START, 9, torch.Generator())
    read = torch.cat((torch.full((1, 5), START), said[:-1]))
    assert torch.equal(model((given, read)).argmax(-1), said)
    assert model.training
    wild = [speak(model, given, START, 9, torch.Generator().manual_seed(seed), 2.0) for seed in (0, 0, 1)]
    assert torch.equal(wild[0], wild[1]) and not torch.equal(wild[0], wild[2])


def test_parameter_counts() -> None:
    hidden, letters = 7, END + 1
    lstm = 4 * hidden * (hidden + 2)
    model = build(ModelSettings(cell="lstm", hidden=hidden), ReadAloud(), 0)
    assert isinstance(model, EncoderDecoder)
    expected = 2 * lstm + 4 * hidden * (10 + letters + 1) + letters * (hidden + 1)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    model = build(ModelSettings(cell="lstm", hidden=hidden, embedding=5), Captions(), 0)
    assert isinstance(model, CaptionModel)
    features = 16 * 10 + 32 * (16 * 9 + 1) + 64 * (32 * 4 + 1)
    rest = 5 * (64 + 1) + 5 * (letters + 1) + lstm + 4 * hidden * 5 + letters * (hidden + 1)
    assert sum(parameter.numel() for parameter in model.parameters()) == features + rest


def test_features_tell_the_known_digits_apart_and_serve_for_the_others() -> None:
    """A linear readout of the frozen features, fitted in closed form, names all ten digits; of fresh ones, fewer."""
    task = Captions(known=(0, 1, 2, 3, 4))
    trained = build(ModelSettings(), task, 0).features
    torch.manual_seed(0)
    fresh = ImageFeatures(8)
    shares = []
    for features in (trained, fresh):
        inputs, targets = {}, {}
        with torch.no_grad():
            for split in ("train", "test"):
                images = digit_images(split)
                ones = torch.ones(len(images.labels), 1)
                inputs[split] = torch.cat((features(images.pixels), ones), dim=1).double()
                targets[split] = images.labels
        wanted = torch.nn.functional.one_hot(targets["train"], 10).double()
        unseen = targets["test"] >= 5
        ridge = inputs["train"].T @ inputs["train"] + 1e-3 * torch.eye(65).double()
        readout = torch.linalg.solve(ridge, inputs["train"].T @ wanted)
        named = (inputs["test"] @ readout).argmax(1) == targets["test"]
        shares.append((float(named.double().mean()), float(named[unseen].double().mean())))
    print(f"all digits, and those never seen: trained {shares[0]}, fresh {shares[1]}")
    assert shares[0][0] > 0.9 and shares[0][1] > 0.87
    assert shares[0][0] > shares[1][0] + 0.02


def test_features_are_the_same_for_every_seed_thread_and_process_state() -> None:
    images, labels = Captions(known=(0, 8)).labelled_images()
    first = trained_features(images, labels).state_dict()
    import gradlab.models.image_features as module

    module._trained.clear()
    torch.manual_seed(99)
    before = torch.get_rng_state()
    with torch.no_grad():
        second = trained_features(images, labels).state_dict()
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == 1
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_fine_tuning_does_not_change_the_features_of_the_next_model() -> None:
    task = Captions(fine_tune=True)
    model = build(ModelSettings(), task, 0)
    with torch.no_grad():
        model.features.first.weight.zero_()
    assert build(ModelSettings(), task, 0).features.first.weight.any()


def test_shapes_alone_can_be_tried() -> None:
    for task in TASKS:
        with torch.device("meta"):
            model = build(ModelSettings(hidden=10**5), task, 0)
        assert all(parameter.is_meta for parameter in model.parameters())


def test_a_task_of_an_unknown_kind_is_refused() -> None:
    class Other(ReadAloud):
        net = "telepathy"

    with pytest.raises(ValueError, match=r"sequence, encoder_decoder, captions, .*, got 'telepathy'"):
        build(ModelSettings(), Other(), 0)
