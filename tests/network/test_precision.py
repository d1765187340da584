"""Half precision: taken only where the device gains by it and the checkpoint bears it, never silently refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dice_core.engines.settings import CaptureSettings  # noqa: E402
from dice_core.errors import DiceError, InputError  # noqa: E402
from dice_core.network.model import inference  # noqa: E402
from dice_core.network.model.crop import normalise  # noqa: E402
from dice_core.network.model.dice import DiceNetwork, build_network  # noqa: E402
from dice_core.network.model.fused import FusedNetwork  # noqa: E402
from dice_core.network.model.inference import Runner  # noqa: E402
from dice_core.network.model.precision import Change, half_types  # noqa: E402
from tests.network.tiny import plausible_state  # noqa: E402

TRIAL = np.random.default_rng(4).integers(0, 256, (224, 224, 3), dtype=np.uint8)
PERSON = 0.05  # of the made-up network's vertices, whose deviation is about a metre


def _state(scale: float) -> dict[str, torch.Tensor]:
    """State dict whose vertices have a deviation of about `scale` metres."""
    state = plausible_state()
    factors = {"hand_upsampling": scale, "head_upsampling2": scale, "face_param_regressor.regressor.3": 0.1}
    for name, factor in factors.items():
        for leaf in ("weight", "bias"):
            state[f"{name}.{leaf}"] = state[f"{name}.{leaf}"] * factor
    return state


@pytest.fixture(scope="module")
def network() -> DiceNetwork:
    return build_network(_state(PERSON))


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this processor had half precision."""
    monkeypatch.setattr(inference, "half_types", lambda _: (torch.bfloat16,))


def test_a_device_without_half_precision_says_so(
    monkeypatch: pytest.MonkeyPatch, network: DiceNetwork, positions: torch.Tensor
) -> None:
    monkeypatch.setattr(inference, "half_types", lambda _: ())
    assert Runner(network, positions[0], "cpu", "auto", trial=TRIAL).dtype == torch.float32
    assert Runner(network, positions[0], "cpu", "full").dtype == torch.float32
    with pytest.raises(InputError, match="cpu of this machine does not compute in half precision"):
        Runner(network, positions[0], "cpu", "half", trial=TRIAL)
    with pytest.raises(InputError, match="no precision 'double'"):
        Runner(network, positions[0], "cpu", "double")
    with pytest.raises(InputError, match="no precision 'double'"):
        CaptureSettings(engine="dice", precision="double")


def test_types_of_half_precision_follow_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    for fast in (False, True):
        for name in checks:
            monkeypatch.setattr(torch.cpu, name, lambda fast=fast: fast, raising=False)
        assert half_types(torch.device("cpu")) == ((torch.bfloat16,) if fast else ())
    for capability, types in (
        ((6, 1), ()),
        ((7, 5), (torch.float16,)),
        ((8, 9), (torch.float16, torch.bfloat16)),
    ):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, found=capability: found)
        assert half_types(torch.device("cuda")) == types


@pytest.mark.usefixtures("capable")
def test_auto_takes_half_precision_where_the_checkpoint_bears_it(network: DiceNetwork, positions: torch.Tensor) -> None:
    full = Runner(network, positions[0], "cpu", "full")
    auto = Runner(network, positions[0], "cpu", "auto", trial=TRIAL)
    assert (auto.dtype, auto.warnings) == (torch.bfloat16, ())
    expected, found = full.run(TRIAL[None]), auto.run(TRIAL[None])
    for name in ("head_vs", "hand_vs"):
        assert found[name].dtype == np.float32
        error = np.linalg.norm(found[name] - expected[name], axis=-1).mean()
        assert 0 < error < 1e-3, name
    assert Runner(network, positions[0], "cpu", "auto").dtype == torch.float32  # nothing to try it on


@pytest.mark.usefixtures("capable")
def test_a_checkpoint_that_suffers_keeps_full_precision(positions: torch.Tensor) -> None:
    delicate = build_network(_state(20 * PERSON))
    assert Runner(delicate, positions[0], "cpu", "auto", trial=TRIAL).dtype == torch.float32
    asked = Runner(delicate, positions[0], "cpu", "half", trial=TRIAL)
    assert asked.dtype == torch.bfloat16
    assert len(asked.warnings) == 1
    assert "mm on average" in asked.warnings[0]


def test_overflow_is_an_error_and_no_result(
    monkeypatch: pytest.MonkeyPatch, network: DiceNetwork, positions: torch.Tensor
) -> None:
    monkeypatch.setattr(inference, "half_types", lambda _: (torch.float16,))
    state = _state(PERSON)
    name = "trans_encoder.0.bert.encoder.layer.0.intermediate.dense.weight"
    state[name] = state[name] * 1e8
    loud = build_network(state)
    assert Runner(loud, positions[0], "cpu", "auto", trial=TRIAL).dtype == torch.float32
    with pytest.raises(InputError, match="do not fit half precision"):
        Runner(loud, positions[0], "cpu", "half", trial=TRIAL)
    with pytest.raises(DiceError, match="--precision full"):
        Runner(loud, positions[0], "cpu", "half").run(TRIAL[None])


def test_change_is_measured_in_millimetres(network: DiceNetwork, positions: torch.Tensor) -> None:
    expected = network(normalise(TRIAL[None]), positions[0], False)
    assert Change.between(expected, expected) == Change(0, 0, 0)
    shift = torch.tensor([0.0, 0.003, 0.004])
    moved = Change.between(dataclasses.replace(expected, head_vs=expected.head_vs + shift), expected)
    assert moved.vertices_mm == pytest.approx(5, rel=1e-3)
    assert not moved.negligible
    assert moved.finite
    nearer = expected.cam_param * torch.tensor([1.03, 1.0, 1.0])
    assert Change.between(dataclasses.replace(expected, cam_param=nearer), expected).worst == pytest.approx(3, rel=1e-3)
    broken = dataclasses.replace(expected, deform=expected.deform * float("nan"))
    assert not Change.between(broken, expected).finite


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_network_itself_is_left_as_it_is(
    network: DiceNetwork, positions: torch.Tensor, images: torch.Tensor, dtype: torch.dtype
) -> None:
    before = network(images[:1], positions[0]).as_dict()
    FusedNetwork(network, positions[0], dtype).to("meta")
    assert {values.dtype for values in network.parameters()} == {torch.float32}
    for name, values in network(images[:1], positions[0]).as_dict().items():
        assert torch.equal(values, before[name]), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_nothing_stays_behind_on_the_cpu(
    network: DiceNetwork, positions: torch.Tensor, images: torch.Tensor, dtype: torch.dtype
) -> None:
    # A device without data: tensors left on the CPU would not mix with those on it.
    moved = FusedNetwork(network, positions[0], dtype, winograd=False).to("meta")
    for name, values in moved(images.to("meta")).as_dict().items():
        assert (values.device.type, values.dtype) == ("meta", torch.float32), name
