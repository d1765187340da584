"""The dice engine: landmarks give crops, the published network reads them, its bodies are posed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from dice_core.engines.base import Chunk, FittedFrame, camera_of
from dice_core.engines.dice.frames import DiceFrames
from dice_core.engines.dice.postprocess import Postprocessor
from dice_core.engines.dice.survey import DEFAULT_FOV, Person, survey
from dice_core.engines.dice.tracking import TrackedFrame, sample_frames, track, views_of, wanted_hands
from dice_core.engines.frame_table import FrameTable
from dice_core.engines.settings import CaptureSettings
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.landmarks import model_identities
from dice_core.media.footage import SURVEY_FRAMES, Footage
from dice_core.network.body_models.posing import TakeBodies
from dice_core.network.loading import LoadedNetwork
from dice_core.network.model.inference import NetworkResult

__all__ = ["DiceEngine"]

_ROWS_A_VIEW = 4  # frames without a face that a batch waits for at most, over the views in a batch; set by hand


class DiceEngine:
    """Captures one person's head and hands by the DICE network, MANO and FLAME."""

    frame_table = DiceFrames
    postprocess_module = None  # it is the network that takes long here, and loading the bodies anew would cost a second

    def __init__(self, footage: Footage, settings: CaptureSettings) -> None:
        self._footage = footage
        self._settings = settings
        loaded = LoadedNetwork.load(settings.device, settings.precision, gate=settings.gate)
        self._identities = loaded.identities
        self._layers, self._runner = loaded.layers, loaded.runner
        self._camera = camera_of(footage, settings, DEFAULT_FOV)
        self._bodies: TakeBodies | None = None
        self._postprocessor: Postprocessor | None = None

    def models(self) -> dict[str, str]:
        """sha256 of every model that the result depends on."""
        return {**model_identities(), **self._identities}

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
        assert self._postprocessor is not None
        return self._postprocessor.mesh(name)

    def prepare(self, saved: dict[str, np.ndarray] | None, should_stop: Callable[[], bool]) -> dict[str, np.ndarray]:
        """Find the person's shape and which hands there are, or take those `saved` by an earlier run.

        Raises Stopped where `should_stop` says so.
        """
        person = self._survey(should_stop) if saved is None else Person.from_arrays(saved)
        self._bodies = TakeBodies(self._layers, person.face_shape, person.hand_shape, person.mirrored)
        self._postprocessor = Postprocessor(
            self._bodies, self._footage.fps, solve_contact=self._settings.contact == "solver"
        )
        return person.to_arrays()

    def _survey(self, should_stop: Callable[[], bool]) -> Person:
        """Show the network the frames of the survey that have a hand at a face."""
        frames = sample_frames(self._footage, SURVEY_FRAMES, should_stop)
        found = {hand.side for _, landmarks in frames for hand in wanted_hands(landmarks, self._settings.sides)}
        mirrored = found == {"left"} or self._settings.hands == "left"
        views = [
            view
            for image, landmarks in frames
            for view in views_of(image, landmarks, self._settings.sides, mirrored=mirrored)
            if view.side != "none"
        ]
        size = self._runner.batch
        batches = [views[first : first + size] for first in range(0, len(views), size)]
        outputs = [result.outputs for batch in batches for result in self._runner.results(batch)]
        return survey(outputs, mirrored=mirrored)

    def fit(self, start: int, previous: FittedFrame | None) -> Generator[FittedFrame, None, None]:
        """Read the rows from `start` on; previous : the frame before, None at the first."""
        assert self._bodies is not None
        state = None if previous is None else previous.tracker
        mirrored = self._bodies.mirrored_head
        with closing(track(self._footage, start, state, self._settings.sides, mirrored=mirrored)) as tracked:
            for frame, results in self._read(tracked):
                yield FittedFrame(self._row(frame, results), frame.tracker)

    def _read(self, tracked: Iterator[TrackedFrame]) -> Iterator[tuple[TrackedFrame, list[NetworkResult]]]:
        """Frames with what the network reads in their views, a batch at a time."""
        waiting: list[TrackedFrame] = []
        views = 0
        for frame in tracked:
            waiting.append(frame)
            views += len(frame.views)
            if views >= self._runner.batch or len(waiting) >= _ROWS_A_VIEW * self._runner.batch:
                yield from self._read_batch(waiting)
                waiting, views = [], 0
        yield from self._read_batch(waiting)

    def _read_batch(self, frames: list[TrackedFrame]) -> Iterator[tuple[TrackedFrame, list[NetworkResult]]]:
        results = iter(self._runner.results([view for frame in frames for view in frame.views]))
        for frame in frames:
            yield frame, [next(results) for _ in frame.views]

    def _row(self, frame: TrackedFrame, results: list[NetworkResult]) -> DiceFrames:
        """What was detected and read of one frame; the first result is the one that the head comes from."""
        assert self._bodies is not None
        row = DiceFrames.empty(1)
        row.frame[0] = frame.frame
        face = frame.landmarks.face
        if face is None:
            return row
        row.head.set_detection(0, face)
        alignment = None
        for number, (view, result) in enumerate(zip(frame.views, results, strict=True)):
            head, hand, alignment = self._bodies.read(result, self._camera, alignment)
            if number == 0:
                row.head.found[0] = 1
                row.head.rotation[0], row.head.translation[0] = head.rotation, head.translation
                row.head.expression[0], row.head.jaw[0] = head.expression, head.jaw
            if view.side == "none":  # without a hand there is nothing to touch the head
                continue
            row.head.set_touch(0, view.side, head.deformation, head.contact)
            found = next(hand for hand in frame.landmarks.hands if hand.side == view.side)
            seen = row.hand(view.side)
            seen.set_detection(0, found)
            seen.rotation[0], seen.translation[0], seen.contact[0] = hand.rotation, hand.translation, hand.contact
        return row

    def postprocess(self, window: FrameTable, start: int, stop: int) -> Chunk:
        """Rows start..stop-1 of a window of neighbouring rows, as the take holds them."""
        assert self._postprocessor is not None
        assert isinstance(window, DiceFrames)
        return self._postprocessor.chunk(window, start, stop)

    def separate_postprocess(self) -> None:
        """None, as there is no module for it."""
