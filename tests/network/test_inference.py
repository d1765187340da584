"""Frames through the network: batches and their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.errors import InputError  # noqa: E402
from dice_core.network.model.crop import Crop, cut  # noqa: E402
from dice_core.network.model.dice import build_network  # noqa: E402
from dice_core.network.model.inference import Runner, choose_device  # noqa: E402
from tests.network.tiny import tiny_state  # noqa: E402


@pytest.fixture(scope="module")
def runner() -> Runner:
    positions = torch.randn(843, 3, generator=torch.Generator().manual_seed(1))
    return Runner(build_network(tiny_state()), positions, "cpu")


@dataclass(frozen=True)
class SquareView:
    """A crop and its pixels."""

    crop: Crop
    pixels: np.ndarray


def _views(count: int) -> list[SquareView]:
    rng = np.random.default_rng(2)
    images = [rng.integers(0, 256, (240, 240, 3), dtype=np.uint8) for _ in range(count)]
    return [SquareView(Crop(key, 0, 224), cut(image, Crop(key, 0, 224))) for key, image in enumerate(images)]


def test_every_view_has_its_own_result_in_order(runner: Runner) -> None:
    views = _views(runner.batch + 2)
    results = runner.results(views)
    assert [result.crop.left for result in results] == list(range(runner.batch + 2))
    for view, result in zip(views, results, strict=True):
        alone = runner.run(view.pixels[None])
        assert result.outputs["head_vs"].shape == (5023, 3)
        assert np.abs(result.outputs["head_vs"] - alone["head_vs"][0]).max() < 1e-4
    assert runner.results([]) == []


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
