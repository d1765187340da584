"""Frames through the network: batches, order, and the thread that prepares them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import InputError  # noqa: E402
from dice_core.network.model.crop import Crop, cut  # noqa: E402
from dice_core.network.model.dice import build_network  # noqa: E402
from dice_core.network.model.inference import Runner, choose_device  # noqa: E402
from tests.network.tiny import tiny_state  # noqa: E402

CROP = Crop(0, 0, 224)


@pytest.fixture(scope="module")
def runner() -> Runner:
    positions = torch.randn(843, 3, generator=torch.Generator().manual_seed(1))
    return Runner(build_network(tiny_state()), positions, "cpu")


def _frames(count: int) -> Iterator[tuple[int, np.ndarray, Crop]]:
    rng = np.random.default_rng(2)
    for key in range(count):
        yield key, rng.integers(0, 256, (240, 240, 3), dtype=np.uint8), CROP


def test_stream_gives_every_frame_its_own_result_in_order(runner: Runner) -> None:
    results = list(runner.stream(_frames(runner.batch + 2)))
    assert [result.key for result in results] == list(range(runner.batch + 2))
    for (_, image, crop), result in zip(_frames(runner.batch + 2), results, strict=True):
        alone = runner.run(cut(image, crop)[None])
        assert result.outputs["head_vs"].shape == (5023, 3)
        assert np.abs(result.outputs["head_vs"] - alone["head_vs"][0]).max() < 1e-4
    assert list(runner.stream(iter(()))) == []


def test_errors_of_the_frames_are_raised_here(runner: Runner) -> None:
    def broken() -> Iterator[tuple[int, np.ndarray, Crop]]:
        yield from _frames(1)
        raise InputError("The video ends early.")

    with pytest.raises(InputError, match="ends early"):
        list(runner.stream(broken()))


def test_closing_ends_the_thread(runner: Runner) -> None:
    stream = runner.stream(_frames(1000))
    next(stream)
    assert any(thread.name == "crops" for thread in threading.enumerate())
    stream.close()
    assert not any(thread.name == "crops" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("cuda", "mps", "automatic"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_devices(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, automatic: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == automatic
    for name, available in (("cuda", cuda), ("mps", mps)):
        if available:
            assert choose_device(name).type == name
        else:
            with pytest.raises(InputError, match=f"{name} is not available"):
                choose_device(name)
    with pytest.raises(InputError, match="no device"):
        choose_device("abacus")
