"""The whole way of the dice engine with generated weights and made-up body models: capture, resume, blend, FBX."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")
pytest.importorskip("safetensors")

from dice_core.capture import capture  # noqa: E402
from dice_core.cli import main  # noqa: E402
from dice_core.engines.dice import tracking  # noqa: E402
from dice_core.engines.settings import CaptureSettings  # noqa: E402
from dice_core.errors import InputError, MissingModelError  # noqa: E402
from dice_core.landmarks import FaceDetection, FrameLandmarks, HandDetection  # noqa: E402
from dice_core.landmarks.hand import HandReading  # noqa: E402
from dice_core.landmarks.region import Region  # noqa: E402
from dice_core.media.opening import open_footage  # noqa: E402
from dice_core.network.files.body_files import read_indices  # noqa: E402
from dice_core.network.files.models import add_models  # noqa: E402
from dice_core.network.loading import LoadedNetwork  # noqa: E402
from dice_core.network.model import dice as network  # noqa: E402
from dice_core.network.model import inference  # noqa: E402
from dice_core.sample import sample_clip  # noqa: E402
from dice_core.take import open_take  # noqa: E402
from tests.network.synthetic import write_licensed_files  # noqa: E402
from tests.network.tiny import plausible_state, save_official  # noqa: E402

SIZE = (240, 320)
FRAMES = 6
FACELESS = 3


class _Tracker:
    """Stands for the landmark networks: a face, and a hand that comes from the side; frame 3 shows nobody."""

    sides: tuple[str, ...] = ("right",)
    max_hands = 2

    def __init__(self) -> None:
        self.seen = 0

    def read_hand(self, image: np.ndarray, region: Region) -> HandReading:
        """Nothing: hands come into view in the frame in which they are found."""
        return HandReading(np.zeros((21, 3)), np.zeros((21, 3)), 0.0, 0.5, region)

    @property
    def state(self) -> dict[str, np.ndarray]:
        return {"seen": np.array(self.seen)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.seen = int(state["seen"])

    def track(self, image: np.ndarray) -> FrameLandmarks:
        number = self.seen
        self.seen += 1
        return self._at(image, number)

    def detect(self, image: np.ndarray) -> FrameLandmarks:
        return self._at(image, 1)

    def _at(self, image: np.ndarray, number: int) -> FrameLandmarks:
        if number == FACELESS:
            return FrameLandmarks(None, ())
        rng = np.random.default_rng(1)
        region = Region(150.0, 110.0, 80.0)
        face = np.concatenate([rng.uniform([120, 70], [180, 150], (478, 2)), np.zeros((478, 1))], axis=1)
        hands = []
        for side in self.sides:
            middle = [200 - 4 * number, 130] if side == "left" else [100 + 4 * number, 130]
            points = np.concatenate([rng.uniform(-25, 25, (21, 2)) + middle, np.zeros((21, 1))], axis=1)
            hands.append(HandDetection(points.astype(np.float32), np.zeros((21, 3)), side, 0.9, 0.9, region))  # type: ignore[arg-type]
        return FrameLandmarks(FaceDetection(face.astype(np.float32), 0.95, region), tuple(hands))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("licensed")
    write_licensed_files(folder)
    save_official(folder / "model.bin", plausible_state())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DICE_DATA", str(folder / "data"))
        add_models([folder])
    return folder / "data"


@pytest.fixture
def footage(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DICE_DATA", str(data))
    monkeypatch.setattr(tracking, "LandmarkTracker", _Tracker)
    folder = tmp_path / "frames"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"{number:03d}.png"), rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    return folder


def _arrays(take: Path) -> dict[str, np.ndarray]:
    opened = open_take(take)
    keys = ["head.vertices", "head.deformation", "head.contact", "head.rotation", "head.expression", "tracked_head"]
    for name in opened.meshes:
        if name != "head":
            keys += [f"{name}.vertices", f"{name}.contact", f"{name}.rotation", f"tracked_{name}"]
    return {key: opened.array(key) for key in keys}


@pytest.mark.parametrize("contact", ["network", "solver"])
def test_take_of_a_right_hand(tmp_path: Path, footage: Path, data: Path, contact: str) -> None:
    result = capture(open_footage(footage), tmp_path / "a.dicetake", CaptureSettings(engine="dice", contact=contact))
    take = open_take(result.take)
    assert set(take.meshes) == {"head", "hand_right"}
    assert take.info["engine"]["name"] == "dice"
    assert len(take.info["engine"]["models"]["model.bin"]) == 64
    arrays = _arrays(result.take)
    assert arrays["tracked_head"].tolist() == [1, 1, 1, 2, 1, 1]
    assert arrays["head.vertices"].shape == (FRAMES, 5023, 3)
    assert np.isfinite(arrays["head.vertices"]).all()
    seen = take.camera.project(arrays["head.vertices"].mean(1))
    assert np.abs(seen - [150, 110]).max() < 60
    assert 0 < np.abs(arrays["head.deformation"]).max() < 0.05
    assert 0 <= arrays["head.contact"].min() < arrays["head.contact"].max() <= 1
    if contact == "network":
        neck = read_indices(data / "models" / "neck_idx.npy")
        assert not arrays["head.deformation"][:, neck].any()


def test_killed_captures_go_on(tmp_path: Path, footage: Path) -> None:
    settings = CaptureSettings(engine="dice")
    whole = capture(open_footage(footage), tmp_path / "whole.dicetake", settings)
    asked = iter([False, False, True])
    part = capture(open_footage(footage), tmp_path / "part.dicetake", settings, should_stop=lambda: next(asked, True))
    assert part.cancelled
    again = capture(open_footage(footage), tmp_path / "part.dicetake", settings)
    assert not again.cancelled
    for key, values in _arrays(whole.take).items():
        assert np.array_equal(values, _arrays(again.take)[key]), key


def test_takes_name_their_precision_and_are_not_continued_in_another(
    tmp_path: Path, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.dicetake"
    settings = CaptureSettings(engine="dice", precision="half")
    monkeypatch.setattr(inference, "half_types", lambda _: (torch.bfloat16,))
    asked = iter([False, False, True])
    stopped = capture(open_footage(footage), path, settings, should_stop=lambda: next(asked, True))
    assert stopped.cancelled
    assert open_take(path).info["engine"]["settings"]["precision"] == "half (bfloat16)"
    LoadedNetwork.release()
    monkeypatch.setattr(inference, "half_types", lambda _: ())
    with pytest.raises(InputError, match="other footage or settings"):
        capture(open_footage(footage), path, CaptureSettings(engine="dice"))
    assert main(["capture", str(footage), "-o", str(path), "--engine", "dice", "--precision", "half"]) == 2
    LoadedNetwork.release()
    monkeypatch.setattr(inference, "half_types", lambda _: (torch.bfloat16,))
    assert not capture(open_footage(footage), path, settings).cancelled
    full = capture(open_footage(footage), tmp_path / "b.dicetake", CaptureSettings(engine="dice", precision="full"))
    assert open_take(full.take).info["engine"]["settings"]["precision"] == "full"


def test_the_presence_gate_is_a_setting(tmp_path: Path, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "PRESENCE_THRESHOLD", 1.1)  # no touch is ever likely enough
    for gate in ("on", "off"):
        take = tmp_path / f"{gate}.dicetake"
        assert main(["capture", str(footage), "-o", str(take), "--engine", "dice", "--gate", gate]) == 0
        assert open_take(take).array("head.deformation").any() == (gate == "off")


@pytest.mark.parametrize("sides", [("left",), ("left", "right")])
def test_takes_of_left_hands(
    tmp_path: Path, footage: Path, monkeypatch: pytest.MonkeyPatch, sides: tuple[str, ...]
) -> None:
    monkeypatch.setattr(_Tracker, "sides", sides)
    result = capture(open_footage(footage), tmp_path / "a.dicetake", CaptureSettings(engine="dice"))
    take = open_take(result.take)
    assert set(take.meshes) == {"head", *(f"hand_{side}" for side in sides)}
    rest = take.meshes["hand_left"].rest_vertices
    assert rest[:, 0].mean() > 0  # MANO's right hand points the other way
    assert take.array("tracked_hand_left").all()
    # Each hand's touches come from a view of its own.
    assert {event["hand"] for event in take.info["events"]} == {f"hand_{side}" for side in sides}


def test_missing_files_are_listed(tmp_path: Path, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DICE_DATA", str(tmp_path / "nothing"))
    with pytest.raises(MissingModelError, match=r"model\.bin.*mano\.is\.tue\.mpg\.de.*dice models add") as error:
        capture(open_footage(footage), tmp_path / "a.dicetake", CaptureSettings(engine="dice"))
    assert error.value.exit_status == 2
    assert "\n" not in str(error.value)


# Largest distance from the take, millimetres: as the design promises for every take.
@pytest.mark.parametrize(("keys", "limit"), [("per-frame", 0.01), ("compact", 0.2), ("rigged", 0.2)])
def test_the_sample_goes_the_whole_way(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, keys: str, limit: float
) -> None:
    bpy = pytest.importorskip("bpy")
    from tests.blender.surfaces import OBJECTS, worst_distance

    monkeypatch.setenv("DICE_DATA", str(data))
    take = tmp_path / "a.dicetake"
    assert main(["capture", str(sample_clip()), "-o", str(take), "--engine", "dice", "--frames", "24:28"]) == 0
    assert open_take(take).array("tracked_head").tolist() == [1, 1, 1, 1]
    assert open_take(take).array("tracked_hand_right").tolist() == [1, 1, 1, 1]
    scene, exported = tmp_path / "a.blend", tmp_path / "a.fbx"
    assert main(["blend", str(take), "-o", str(scene), "--keys", keys, "--fbx", str(exported)]) == 0
    assert scene.stat().st_size > 100_000
    assert exported.stat().st_size > 100_000
    assert main(["metrics", str(take), "--json"]) == 0
    # The jaw's turn and MANO's pose correctives are no part of the take's rig; the importer's own keys carry them.
    bpy.ops.wm.open_mainfile(filepath=str(scene))
    start = bpy.context.scene.frame_start
    for mesh in ("head", "hand_right"):
        assert worst_distance(open_take(take), mesh, bpy.data.objects[OBJECTS[mesh]], start) < limit, mesh
