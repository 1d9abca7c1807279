"""The character model's texts: where they come from, how they are split, and what the baselines say."""

import http.server
import math
import os
import threading
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gradlab.models import ModelSettings, build
from gradlab.tasks import Characters, texts
from gradlab.tasks.ngrams import bigram_logits, text_baselines

SHAKESPEARE = "GRADLAB_SHAKESPEARE"
"""Names a copy of tiny Shakespeare for the test that needs it; without one it is skipped."""
HAMLET = "To be, or not to be, that is the question:\n" * 40


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "text.txt").write_text(HAMLET, encoding="utf-8")
    return str(tmp_path / "text.txt")


def test_inputs_and_targets_are_neighbours_in_their_part_of_the_text(file: str) -> None:
    task = Characters(text="file", path=file, steps=12, held_out=0.25)
    border = len(HAMLET) * 3 // 4
    for split, part in (("train", HAMLET[:border]), ("test", HAMLET[border:])):
        batch = task.batch(50, torch.Generator().manual_seed(0), split)
        for inputs, targets in zip(batch.inputs.T, batch.targets.T, strict=True):
            window = task.source.decode(inputs)
            assert window + task.source.decode(targets)[-1] in part
            assert torch.equal(inputs[1:], targets[:-1])


def test_as_many_test_windows_as_there_are_read_the_held_out_part_once(file: str) -> None:
    task = Characters(text="file", path=file, steps=7)
    part = task.part("test")
    count = (len(part) - 1) // 7
    batch = task.batch(count, torch.Generator().manual_seed(0), "test")
    assert sorted(batch.targets.flatten().tolist()) == sorted(part[1 : 1 + 7 * count].tolist())
    starts = {tuple(column) for column in batch.inputs.T.tolist()}
    assert starts == {tuple(part[place : place + 7].tolist()) for place in range(0, 7 * count, 7)}


def test_every_training_window_can_come(file: str) -> None:
    task = Characters(text="file", path=file, steps=1700, held_out=0.005)
    part = task.part("train")
    with pytest.raises(ValueError, match="part for test is longer than 1700"):
        task.batch(1, torch.Generator(), "test")
    batch = task.batch(300, torch.Generator().manual_seed(0))
    drawn = {tuple(column) for column in batch.inputs.T.tolist()}
    assert drawn == {tuple(part[start : start + 1700].tolist()) for start in range(len(part) - 1700)}


def test_encoding_is_undone_by_decoding() -> None:
    source = Characters().source
    assert source.decode(source.encode("def f():\n    return 1")) == "def f():\n    return 1"
    assert source.decode(source.tokens[:500]) == source.decode(source.encode(source.decode(source.tokens[:500])))
    with pytest.raises(ValueError, match="got '☃'"):
        source.encode("a snowman: ☃")


def test_topics_come_from_the_standard_library_each_paragraph_once() -> None:
    from pydoc_data.topics import topics

    source = Characters().source
    whole = source.decode(source.tokens)
    kept = [paragraph for paragraph in whole.split("\n\n") if paragraph.strip()]
    assert len({" ".join(paragraph.split()) for paragraph in kept}) == len(kept)
    known = {" ".join(part.split()) for topic in topics.values() for part in topic.split("\n\n")} - {""}
    assert {" ".join(paragraph.split()) for paragraph in kept} == known
    assert source.sha256 == sha256(whole.encode()).hexdigest() == Characters().describe()["text_sha256"]


def test_baselines_of_a_chain_whose_answers_are_known() -> None:
    """a is followed by a or b alike, b always by a: stationary 2/3 and 1/3, so 2/3 ln 2 nats by the one before."""
    rng = np.random.default_rng(0)
    tokens = [0]
    for _ in range(200_000):
        tokens.append(0 if tokens[-1] == 1 else int(rng.integers(2)))
    baselines = text_baselines(torch.tensor(tokens), 2)
    assert baselines.uniform == math.log(2)
    assert baselines.unigram == pytest.approx(math.log(3) - 2 / 3 * math.log(2), abs=2e-3)
    assert baselines.bigram == pytest.approx(2 / 3 * math.log(2), abs=2e-3)


def test_the_bigram_is_what_its_table_loses(file: str) -> None:
    source = Characters(text="file", path=file).source
    logits = bigram_logits(source.tokens, len(source.symbols)).clamp_min(-1e4)
    loss = torch.nn.functional.cross_entropy(logits[source.tokens[:-1]], source.tokens[1:])
    assert text_baselines(source.tokens, len(source.symbols)).bigram == pytest.approx(float(loss), abs=1e-9)


@pytest.mark.skipif(SHAKESPEARE not in os.environ, reason=f"{SHAKESPEARE} names no copy of the text")
def test_tiny_shakespeare_has_its_published_numbers() -> None:
    task = Characters(text="shakespeare", path=os.environ[SHAKESPEARE])
    facts = task.describe()
    assert (facts["text_characters"], facts["text_symbols"]) == (1_115_394, 65)
    nats = [facts[f"{kind}_bits"] * math.log(2) for kind in ("uniform", "unigram", "bigram")]
    assert nats == pytest.approx([4.1744, 3.3128, 2.4526], abs=5e-5)


def test_a_wrong_copy_of_shakespeare_is_refused(file: str) -> None:
    with pytest.raises(ValueError, match=f"expected the text with SHA-256 {texts.SHAKESPEARE_SHA256}, got"):
        Characters(text="shakespeare", path=file).batch(1, torch.Generator())


def test_shakespeare_is_fetched_once_and_its_digest_is_checked(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pooch = pytest.importorskip("pooch")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        cache = tmp_path / "cache"
        monkeypatch.setattr(pooch, "os_cache", lambda project: cache)
        monkeypatch.setattr(texts, "SHAKESPEARE_URL", f"http://127.0.0.1:{server.server_port}/text.txt")
        with pytest.raises(ValueError, match=r"SHA256 hash|does not match"):
            texts.text("shakespeare", None)
        monkeypatch.setattr(texts, "SHAKESPEARE_SHA256", sha256(HAMLET.encode()).hexdigest())
        found = texts.text("shakespeare", None)
        assert found.decode(found.tokens) == HAMLET
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    again = texts.text("shakespeare", None)  # the server is gone
    assert again.sha256 == found.sha256
    (cache / "tinyshakespeare.txt").unlink()
    with pytest.raises(OSError, match="cannot be fetched"):
        texts.text("shakespeare", None)


def test_a_file_that_changed_is_another_text(tmp_path: Path, file: str) -> None:
    task = Characters(text="file", path=file)
    before = task.source.sha256, task.chance
    Path(file).write_text(HAMLET + "Zounds! " * 40, encoding="utf-8")
    assert (task.source.sha256, task.chance) != before and task.output_size == len(set(HAMLET + "Zounds!"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": "file"}, "expected the path of a text for text 'file', got null"),
        ({"path": "x.txt"}, "expected null for text 'topics', got 'x.txt'"),
        ({"held_out": 1.0}, "less than 1"),
    ],
)
def test_mistakes_are_told(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Characters(**values)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"x\.bin: expected text in UTF-8"):
        Characters(text="file", path=str(tmp_path / "x.bin")).source  # noqa: B018
    (tmp_path / "x.txt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x\.txt: expected a text, got an empty file"):
        Characters(text="file", path=str(tmp_path / "x.txt")).source  # noqa: B018
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Characters(text="file", path="nowhere.txt").source  # noqa: B018


@pytest.mark.slow
def test_a_short_training_beats_the_bigram() -> None:
    """Trained by hand for seconds, so that nothing but task and model is in play."""
    task = Characters(steps=25)
    model = build(ModelSettings(cell="gru", hidden=96), task, 0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(400):
        batch = task.batch(32, generator)
        loss = task.loss(model(batch.inputs), batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    batch = task.batch(1000, generator, "test")
    with torch.no_grad():
        score = task.score(model(batch.inputs), batch)
    print(f"{score:.3f} bits per character, bigram {task.describe()['bigram_bits']:.3f}")
    assert score < task.describe()["bigram_bits"] - 0.2
