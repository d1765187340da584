"""The dice engine as a capture drives it: landmarks crop, the published network reads, its bodies are posed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dice_core.engines.base import SIDES, Columns, Finished
from dice_core.engines.dice.postprocess import DiceFinisher
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import MissingModelError
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.landmarks import FrameLandmarks, LandmarkTracker, model_identities
from dice_core.media.footage import Footage
from dice_core.network.files.models import require_models

if TYPE_CHECKING:
    from dice_core.network.body_models.posing import TakeBodies
    from dice_core.network.model.crop import Crop
    from dice_core.network.model.inference import NetworkResult

__all__ = ["DiceEngine"]

_DEFAULT_FOV = 40.0  # degrees along the longer side: between a phone's video and a portrait lens
_SURVEY_FRAMES = 8  # seen by the network to find the person's shape
_EXPRESSIONS, _SHAPES, _BETAS, _HAND_JOINTS, _HAND_VERTICES = 50, 100, 10, 16, 778
_LANDMARKS = 468


@dataclass(frozen=True)
class _Seen:
    """What is known of a row before the network has read it. views : how many crops it has."""

    landmarks: FrameLandmarks
    state: dict[str, np.ndarray]
    views: int


class DiceEngine:
    """Captures one person's head and hands by the DICE network, MANO and FLAME."""

    def __init__(self, footage: Footage, settings: CaptureSettings) -> None:
        self._footage = footage
        self._settings = settings
        self._models = require_models()
        try:
            from dice_core.network import loading
            from dice_core.network.body_models import posing
        except ImportError:
            raise MissingModelError(
                "The dice engine needs torch and safetensors: install dice-core with its `dice` extra, "
                "or use the open engine."
            ) from None
        paths = {name: Path(state.path) for name, state in self._models.items()}
        self._posing = posing
        self._layers = loading.load_layers(paths)
        self._runner = loading.load_runner(
            paths, self._layers, settings.device, settings.precision, gate=settings.gate
        )
        self._camera = Camera.from_fov(footage.width, footage.height, settings.fov or _DEFAULT_FOV)
        self._bodies: TakeBodies | None = None
        self._finisher: DiceFinisher | None = None
        self._meshes: dict[str, Mesh] = {}

    def models(self) -> dict[str, str]:
        """sha256 of every model that the result depends on."""
        return {**model_identities(), **{name: state.sha256 for name, state in self._models.items()}}

    def settings(self) -> dict[str, Any]:
        """What the user chose, as the take holds it, with the precision that it came to."""
        name = str(self._runner.dtype).removeprefix("torch.")
        precision = "full" if name == "float32" else f"half ({name})"
        return self._settings.to_json() | {"precision": precision}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user."""
        return self._runner.warnings

    @property
    def camera(self) -> Camera:
        """The camera of the take."""
        return self._camera

    def mesh(self, name: str) -> Mesh:
        """A mesh of the take by its name."""
        assert self._bodies is not None
        if name not in self._meshes:
            side = name.removeprefix("hand_")
            self._meshes[name] = self._bodies.head_mesh() if name == "head" else self._bodies.hand_mesh(side)
        return self._meshes[name]

    def prepare(self, saved: Columns | None) -> Columns:
        """Find the person's shape and which hands there are, or take them as `saved` by an earlier run."""
        person = self._survey() if saved is None else saved
        self._bodies = self._posing.TakeBodies(
            self._layers, person["face_shape"], person["betas"], bool(person["mirrored"])
        )
        self._finisher = DiceFinisher(
            self._bodies, self.mesh, self._footage.fps, solve_contact=self._settings.contact == "solver"
        )
        return person

    def _survey(self) -> Columns:
        """Medians of the shapes that the network sees in frames spread over the footage."""
        footage = self._footage
        tracker = LandmarkTracker()
        rows = np.unique(np.linspace(0, footage.count - 1, min(_SURVEY_FRAMES, footage.count)).round().astype(int))
        found = [(image, tracker.detect(image)) for image in (footage.read(int(row)) for row in rows)]
        sides = {hand.side for _, landmarks in found for hand in self._hands(landmarks)}
        mirrored = sides == {"left"} or self._settings.hands == "left"
        items = []
        for image, landmarks in found:
            crops = [(side, crop) for side, crop in self._crops(landmarks, mirrored) if side != "none"]
            items += [(side, image, crop) for side, crop in crops]
        results = list(self._runner.stream(iter(items)))
        faces = [result.outputs["face_shape"] for result in results]
        hands = [result.outputs["rh_betas"] for result in results]
        return {
            "face_shape": np.median(faces, axis=0) if faces else np.zeros(_SHAPES),
            "betas": np.median(hands, axis=0) if hands else np.zeros(_BETAS),
            "mirrored": np.array(mirrored),
        }

    def _hands(self, landmarks: FrameLandmarks) -> list[Any]:
        return [hand for hand in landmarks.hands if hand.side in self._settings.sides]

    def _crops(self, landmarks: FrameLandmarks, mirrored: bool) -> list[tuple[str, Crop]]:
        """What of a frame the network reads: first the view that the head comes from, with the hand of its side.

        Returns (side of the hand in the view or "none", crop), nothing where there is no face.
        """
        from dice_core.network.model.crop import crop_around

        if landmarks.face is None:
            return []
        face = landmarks.face.points
        hands = {hand.side: hand.points for hand in self._hands(landmarks)}
        first, second = ("left", "right") if mirrored else ("right", "left")
        views = []
        for side, flipped in ((first, mirrored), (second, not mirrored)):
            if side == first or side in hands:
                crop = crop_around(face, [hands[side]] if side in hands else [], flipped)
                assert crop is not None
                views.append((side if side in hands else "none", crop))
        return views

    def blocks(
        self, size: int, previous: Columns | None, start: int, on_frame: Callable[[], bool]
    ) -> Iterator[Columns]:
        """Read the rows from `start` on, in blocks.

        previous : the block before, as it was yielded; on_frame : called after each row, False ends after it.
        A block's "state.*" entries are the landmark tracker's state after it.
        """
        assert self._bodies is not None
        footage = self._footage
        seen: dict[int, _Seen] = {}
        stream = self._runner.stream(self._views(start, previous, seen))
        waiting: list[NetworkResult] = []
        block: Columns | None = None
        row = start
        ended = False
        try:
            while row < footage.count:
                while not ended and not _complete(seen.get(row), row, waiting):
                    result = next(stream, None)
                    ended = result is None
                    if result is not None:
                        waiting.append(result)
                if row not in seen:
                    break
                mine, waiting = _split(waiting, row)
                if block is None:
                    block = self._empty(range(row, min(row + size, footage.count)))
                    first = row
                self._note(block, row - first, seen.pop(row, None), mine)
                state = self._last_state
                row += 1
                going = on_frame()
                if row - first == len(block["frame"]) or not going:
                    cut = {key: value[: row - first] for key, value in block.items()}
                    block = None
                    yield cut | {f"state.{key}": value for key, value in state.items()}
                if not going:
                    return
            if block is not None and row > first:  # the footage ended before its count said
                yield {key: value[: row - first] for key, value in block.items()}
        finally:
            stream.close()

    def _views(
        self, start: int, previous: Columns | None, seen: dict[int, _Seen]
    ) -> Iterator[tuple[tuple[int, str], np.ndarray, Crop]]:
        """Crops of the rows in order; runs in the network's thread for preparation, and notes every row in `seen`."""
        assert self._bodies is not None
        tracker = LandmarkTracker()
        if previous is not None:
            prefix = "state."
            tracker.restore({key[len(prefix) :]: value for key, value in previous.items() if key.startswith(prefix)})
        still = self._footage.kind == "image"
        for row, image in self._footage.frames(start):
            landmarks = tracker.detect(image) if still else tracker.track(image)
            crops = self._crops(landmarks, self._bodies.mirrored_head)
            seen[row] = _Seen(landmarks, tracker.state, len(crops))
            for side, crop in crops:
                yield (row, side), image, crop

    def _empty(self, rows: range) -> Columns:
        count, vertices = len(rows), len(self.mesh("head").rest_vertices)
        columns: Columns = {
            "frame": np.asarray(rows, np.int32) + self._footage.first_frame,
            "head": np.zeros(count, np.uint8),
            "head.confidence": np.zeros(count, np.float32),
            "head.landmarks": np.zeros((count, _LANDMARKS, 2), np.float32),
            "head.rotation": np.zeros((count, 3)),
            "head.translation": np.zeros((count, 3)),
            "head.expression": np.zeros((count, _EXPRESSIONS)),
            "head.jaw": np.zeros((count, 3)),
        }
        for side in SIDES:
            columns |= {
                side: np.zeros(count, np.uint8),
                f"{side}.confidence": np.zeros(count, np.float32),
                f"{side}.landmarks": np.zeros((count, 21, 2), np.float32),
                f"{side}.rotation": np.zeros((count, _HAND_JOINTS, 3)),
                f"{side}.translation": np.zeros((count, 3)),
                f"{side}.contact": np.zeros((count, _HAND_VERTICES), np.float16),
                f"head.deformation_{side}": np.zeros((count, vertices, 3), np.float16),
                f"head.contact_{side}": np.zeros((count, vertices), np.float16),
            }
        return columns

    def _note(self, columns: Columns, row: int, seen: _Seen | None, results: list[NetworkResult]) -> None:
        """Enter what was seen and read of one row; the first result is the one that the head comes from."""
        assert seen is not None
        assert self._bodies is not None
        self._last_state = seen.state
        face = seen.landmarks.face
        if face is None or not results:
            return
        columns["head.confidence"][row] = face.confidence
        columns["head.landmarks"][row] = face.points[:_LANDMARKS, :2]
        placed = None
        for number, result in enumerate(results):
            side = result.key[1]
            head, hand, placed = self._bodies.read(result, self._camera, placed)
            if number == 0:
                columns["head"][row] = 1
                columns["head.rotation"][row], columns["head.translation"][row] = head.rotation, head.translation
                columns["head.expression"][row], columns["head.jaw"][row] = head.expression, head.jaw
            if side != "none":  # without a hand there is nothing to touch the head
                columns[f"head.deformation_{side}"][row] = head.deformation
                columns[f"head.contact_{side}"][row] = head.contact
            found = seen.landmarks.hand(side) if side != "none" else None  # type: ignore[arg-type]
            if found is not None:
                columns[side][row] = 1
                columns[f"{side}.confidence"][row] = found.presence
                columns[f"{side}.landmarks"][row] = found.points[:, :2]
                columns[f"{side}.rotation"][row] = hand.rotation
                columns[f"{side}.translation"][row] = hand.translation
                columns[f"{side}.contact"][row] = hand.contact

    def finish(self, window: Columns, start: int, stop: int) -> Finished:
        """Rows start..stop-1 of a window of blocks as the take holds them."""
        assert self._finisher is not None
        return self._finisher.finish(window, start, stop)


def _complete(seen: _Seen | None, row: int, waiting: list[NetworkResult]) -> bool:
    """Whether all of a row's views have come back."""
    return seen is not None and sum(result.key[0] == row for result in waiting) == seen.views


def _split(waiting: list[NetworkResult], row: int) -> tuple[list[NetworkResult], list[NetworkResult]]:
    mine = [result for result in waiting if result.key[0] == row]
    return mine, [result for result in waiting if result.key[0] != row]
