"""The open engine: landmark networks, open bodies, fitting, refinement against the head, and a soft-tissue solver."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from dice_core.bodies import Head, load_hand
from dice_core.bodies.head_model import load_head_model
from dice_core.contact.soft_tissue import SoftTissue
from dice_core.contact.tissue.stiffness import Tissue, head_tissue
from dice_core.engines.base import SIDES, Chunk, FittedFrame, Postprocess, camera_of
from dice_core.engines.frame_table import FrameTable
from dice_core.engines.open.frame_fit import FrameFitter
from dice_core.engines.open.frames import OpenFrames
from dice_core.engines.open.postprocess import Postprocessor, chunk_of, skin_of
from dice_core.engines.open.survey import DEFAULT_FOV, Person, survey
from dice_core.engines.open.tracking import TrackedFrame, read_face, sample_landmarks, track
from dice_core.engines.settings import CaptureSettings
from dice_core.errors import InputError
from dice_core.fitting.depth_prior import HandDepthPrior
from dice_core.fitting.expression_prior import ExpressionPrior
from dice_core.fitting.neutral_face import MEAN_REST, rest_of
from dice_core.fitting.shape_prior import HeadShapePrior
from dice_core.geometry.camera import Camera
from dice_core.geometry.mesh import Mesh
from dice_core.landmarks import FrameLandmarks, model_identities
from dice_core.landmarks.face_choice import FacePath
from dice_core.media.footage import SURVEY_FRAMES, Footage
from dice_core.prefetch import in_background

__all__ = ["OpenEngine"]


class OpenEngine:
    """Captures one person's head and hands without torch or licensed files."""

    frame_table = OpenFrames
    postprocess_module = Postprocessor.__module__
    warnings: tuple[str, ...] = ()

    def __init__(self, footage: Footage, settings: CaptureSettings) -> None:
        self._footage = footage
        self._settings = settings
        self._camera = camera_of(footage, settings, DEFAULT_FOV)
        self._head_model = load_head_model(settings.head)
        self._person: Person | None = None
        self._fitter: FrameFitter | None = None
        self._postprocessor: Postprocessor | None = None
        self._skin: Future[SoftTissue] | None = None
        self._face_path: FacePath | None = None
        self._rest = MEAN_REST
        self._tracked: Iterable[TrackedFrame] | None = None  # of the clip from its start, begun during the survey

    def models(self) -> dict[str, str]:
        """sha256 of every model that the result depends on."""
        own = {f"head_{self._head_model.name}": self._head_model.sha256} if self._head_model.sha256 else {}
        return model_identities() | own

    def settings(self) -> dict[str, Any]:
        """What the user chose, as the take holds it."""
        return self._settings.to_json()

    def prepare(self, saved: dict[str, np.ndarray] | None, should_stop: Callable[[], bool]) -> dict[str, np.ndarray]:
        """Find the person's constants, or take those `saved` by an earlier run; returns them for saving.

        Raises Stopped where `should_stop` says so, InputError where the frame of a resting face shows none.
        """
        loaded = in_background(partial(_load_bodies, self._head_model.proxy), "bodies")
        seen = self._look(should_stop) if saved is None else []
        tissue = loaded.result()
        sides = self._settings.sides
        if saved is not None and "face_frames" in saved:
            self._face_path = FacePath.from_arrays(saved)
        if saved is not None:
            person = Person.from_arrays(saved, self._head_model)
        else:
            prepare_skin = partial(self._prepare_skin, seen, tissue)
            person = survey(self._camera, seen, sides, prepare_skin, self._head_model, self._rest)
        self._person = person
        self._fitter = FrameFitter(person, tissue, self._footage.fps)
        self._postprocessor = Postprocessor(person, tissue, self._footage.fps, self._skin)
        path = {} if self._face_path is None else self._face_path.to_arrays()
        return person.to_arrays() | path

    def _read_rest(self) -> np.ndarray:
        """(52,) the resting face's, of the frame that the user names."""
        chosen, footage = self._settings.neutral, self._footage
        if chosen is None:
            return MEAN_REST
        if footage.count < 2:
            raise InputError("A single picture has no other frame in which the face rests: leave out --neutral.")
        row = chosen - footage.first_frame
        if not 0 <= row < footage.count:
            raise InputError(
                f"Frame {chosen}, in which the face is to rest, is none of those that are captured: name one from "
                f"{footage.first_frame} to {footage.first_frame + footage.count - 1}."
            )
        face = read_face(footage.read(row), row, self._face_path)
        prediction = None if face is None else ExpressionPrior.load().predict(face)
        if prediction is None:
            raise InputError(f"Frame {chosen} shows no face: name a frame in which the face rests and is seen.")
        return rest_of(prediction)

    def _prepare_skin(self, seen: list[FrameLandmarks], tissue: Tissue, head_shape: np.ndarray) -> None:
        """Prepare a head for hands that are seen with it, while the rest of the person is fitted."""
        sides = self._settings.sides
        if any(found.face is not None and any(hand.side in sides for hand in found.hands) for found in seen):
            self._skin = in_background(partial(skin_of, self._head_model.proxy, head_shape, tissue), "skin")

    def _look(self, should_stop: Callable[[], bool]) -> list[FrameLandmarks]:
        """Landmarks of frames all over the footage."""
        if self._footage.kind == "image":
            self._rest = self._read_rest()
            self._tracked = frames = list(track(self._footage, 0, None))
            return [frame.landmarks for frame in frames]
        # The clip is tracked from its start while the survey looks at frames all over it: together they keep two cores
        # busy, one after the other they take twice as long.
        first: Future[TrackedFrame] = Future()
        self._tracked = tracked = track(self._footage, 0, None, first=first)
        try:
            seen, self._face_path = sample_landmarks(self._footage, SURVEY_FRAMES, should_stop, first)
            self._rest = self._read_rest()
        except BaseException:
            tracked.close()
            raise
        if self._face_path is not None:  # there are other faces, one of which may be followed already
            tracked.close()
            self._tracked = None
        return seen

    @property
    def camera(self) -> Camera:
        """The camera of the take."""
        return self._camera

    def mesh(self, name: str) -> Mesh:
        """A mesh of the take by its name."""
        assert self._person is not None
        return self._person.head_mesh() if name == "head" else self._person.hand_mesh(name.removeprefix("hand_"))

    def fit(self, start: int, previous: FittedFrame | None) -> Generator[FittedFrame, None, None]:
        """Track and fit the rows from `start` on; previous : the frame before, None at the first."""
        assert self._fitter is not None
        before = None if previous is None else OpenFrames.from_arrays(previous.table.to_arrays())
        for item in self._tracked_from(start, previous):
            frame = OpenFrames.of_landmarks(item.frame, item.landmarks, self._settings.sides)
            self._fitter.fit(frame, before, item.told)
            yield FittedFrame(frame, item.tracker)
            before = frame

    def _tracked_from(self, start: int, previous: FittedFrame | None) -> Generator[TrackedFrame, None, None]:
        tracked, self._tracked = self._tracked, None
        if tracked is None:
            state = None if previous is None else previous.tracker
            tracked = track(self._footage, start, state, self._face_path)
        if isinstance(tracked, Generator):
            with closing(tracked):
                yield from tracked
        else:
            yield from tracked

    def postprocess(self, window: FrameTable, start: int, stop: int) -> Chunk:
        """Rows start..stop-1 of a window of neighbouring rows, as the take holds them."""
        assert self._postprocessor is not None
        assert isinstance(window, OpenFrames)
        return self._postprocessor.chunk(window, start, stop)

    def separate_postprocess(self) -> Callable[[], Postprocess]:
        """What makes `Postprocessor.chunk` in another process, out of what is loaded here already."""
        assert self._postprocessor is not None
        return partial(chunk_of, self._postprocessor)


def _load_bodies(head: Head) -> Tissue:
    """Read all that ships with the product and is needed for any footage; returns the head's tissue."""
    for side in SIDES:
        load_hand(side)
    ExpressionPrior.load()
    HeadShapePrior.load()
    HandDepthPrior.load()
    return head_tissue(head)
