"""Landmarks of the footage, detected in a process of their own while earlier frames are fitted; of short clips, and on
one processor, in a thread, which is waited for less than it seems: OpenCV's networks release Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from dice_core.engines.open.landmark_process import landmark_process
from dice_core.errors import Stopped
from dice_core.fitting.expression_prior import ExpressionPrior, FacePrediction
from dice_core.fitting.mirrored_face import read_mirrored_too
from dice_core.landmarks import FrameLandmarks, LandmarkTracker
from dice_core.landmarks.detections import FaceDetection
from dice_core.landmarks.earlier_hands import SeenFrame, track_clip
from dice_core.landmarks.face import FaceLandmarker
from dice_core.landmarks.face_choice import FacePath, choose_path
from dice_core.landmarks.side_over_time import SIDE_SECONDS, with_later_sides
from dice_core.media.footage import Footage, spread_rows
from dice_core.own_process import OwnProcess
from dice_core.prefetch import prefetch

__all__ = ["FirstRow", "TrackedFrame", "clip_landmarks", "read_face", "sample_landmarks", "track"]

_CAPACITY = 64  # frames that wait to be fitted, 70 kB each: tracking goes on until the person is known; set by hand


_IDLE_SECONDS = 0.1
"""While no hand is in view one looks for them in every other frame, where two frames are shorter than this. Set by
hand: on eleven public clips of 10 to 30 frames a second every hand is in the same frames as with a look at each."""

_USUAL_FPS = 24.0
"""Frames a second from which the tracker's intervals between searches hold as they are; where they are fewer, intervals
are of fewer frames, so that they last as long. Set by hand."""


@dataclass(frozen=True)
class TrackedFrame:
    """A frame's landmarks and the tracker's state after it; frame : index in the footage; told : what the face
    network's inner layers say of the expression, None where that is not known."""

    frame: int
    landmarks: FrameLandmarks
    tracker: dict[str, np.ndarray]
    told: FacePrediction | None = None


@dataclass(frozen=True)
class FirstRow:
    """A clip's first row as soon as it is read, before it is known what comes later."""

    frame: TrackedFrame


@lru_cache(maxsize=1)
def _still_tracker() -> LandmarkTracker:
    """The tracker of all pictures of a process: `detect` leaves no state behind."""
    return LandmarkTracker()


@lru_cache(maxsize=1)
def _face_landmarker() -> FaceLandmarker:
    return FaceLandmarker()


def track(
    footage: Footage,
    start: int,
    state: dict[str, np.ndarray] | None,
    face_path: FacePath | None = None,
    first: Future[TrackedFrame] | None = None,
) -> Generator[TrackedFrame, None, None]:
    """Landmarks of the rows from `start` on, in order; of a picture at once, of a clip by `prefetch`.

    state : the tracker's after the row before `start`, None where there is none; face_path : of the face to follow;
    first : of a clip, is given the first row as soon as it is read, before it is known what comes later.
    """
    if footage.kind == "image":
        return _detect(footage)
    first = Future() if first is None else first
    process = landmark_process(footage.count - start)
    if process is None:
        return prefetch(clip_landmarks(footage, start, state, face_path, first), _CAPACITY, "landmarks")
    received = _received(process, (footage, start, state, face_path), first)
    return prefetch(received, _CAPACITY, "landmarks", process.kill)


def clip_landmarks(
    footage: Footage,
    start: int,
    state: dict[str, np.ndarray] | None,
    face_path: FacePath | None,
    first: Future[TrackedFrame],
) -> Iterator[TrackedFrame]:
    """`track` of a clip, found while they are asked for."""
    ahead = round(SIDE_SECONDS * footage.fps)
    return map(_with_prediction, with_later_sides(_track(footage, start, state, face_path, first), ahead))


def _received(process: OwnProcess, request: object, first: Future[TrackedFrame]) -> Generator[TrackedFrame, None, None]:
    """The same, as `landmark_worker` finds them in another process, which is ended."""
    with process, _told(first):
        process.send(request)
        while (answer := process.receive()) is not None:
            if isinstance(answer, BaseException):
                raise answer
            if isinstance(answer, FirstRow):
                first.set_result(answer.frame)
            else:
                yield answer


@contextmanager
def _told(first: Future[TrackedFrame]) -> Iterator[None]:
    """Whoever waits for the first row hears of an error before it, and of footage without a single frame."""
    try:
        yield
    except BaseException as error:
        if not first.done():
            first.set_exception(error)
        raise
    finally:
        first.cancel()


def _with_prediction(frame: TrackedFrame) -> TrackedFrame:
    """A frame with its face read both ways, and what is told of its expression."""
    landmarks = _face_both_ways(frame.landmarks)
    told = None if landmarks.face is None else ExpressionPrior.load().predict(landmarks.face)
    return replace(frame, landmarks=landmarks, told=told)


def _face_both_ways(landmarks: FrameLandmarks) -> FrameLandmarks:
    if landmarks.face is None:
        return landmarks
    return replace(landmarks, face=read_mirrored_too(landmarks.face, _face_landmarker()))


def _detect(footage: Footage) -> Generator[TrackedFrame, None, None]:
    tracker = _still_tracker()
    for row, image in footage.frames():
        found = tracker.detect(image)
        # In clips it takes too long: as long as reading hands does.
        found = replace(found, hands=tuple(tracker.read_mirrored_too(image, hand) for hand in found.hands))
        yield _with_prediction(TrackedFrame(row + footage.first_frame, found, tracker.state))


def _track(
    footage: Footage,
    start: int,
    state: dict[str, np.ndarray] | None,
    face_path: FacePath | None,
    first: Future[TrackedFrame],
) -> Iterator[TrackedFrame]:
    def in_footage(seen: SeenFrame) -> TrackedFrame:
        return TrackedFrame(seen.row + footage.first_frame, seen.landmarks, seen.state)

    def note(seen: SeenFrame) -> None:
        if not first.done():
            first.set_result(in_footage(seen))

    with _told(first):
        idle_interval = 2 if 2 / footage.fps < _IDLE_SECONDS else 1
        pace = min(1.0, footage.fps / _USUAL_FPS)
        tracker = LandmarkTracker(face_path=face_path, frame=start, idle_interval=idle_interval, pace=pace)
        if state is not None:
            tracker.restore(state)
        for seen in track_clip(footage.frames(start), tracker, note):
            yield in_footage(seen)


def read_face(image: np.ndarray, row: int, face_path: FacePath | None) -> FaceDetection | None:
    """The face of one frame, as if tracking began there, read both ways; face_path : of the face to follow, among
    others."""
    return _face_both_ways(LandmarkTracker(face_path=face_path, frame=row).track(image)).face


def sample_landmarks(
    footage: Footage, most: int, should_stop: Callable[[], bool], first: Future[TrackedFrame] | None = None
) -> tuple[list[FrameLandmarks], FacePath | None]:
    """Landmarks of at most `most` frames spread evenly over the footage, and the path of the face to follow.

    first : the first row as `track` reads it, which then need not be read again.
    The path is None where no other face was seen, and tracking finds this one by itself. Raises Stopped where
    `should_stop` says so.
    """
    rows = spread_rows(footage.count, most)
    if footage.kind == "image" and not should_stop():  # read thoroughly as it is: its best face is chosen already
        return [_still_tracker().detect(footage.read(0))], None
    tracker = _still_tracker() if len(rows) == 1 else LandmarkTracker()
    found, faces = [], []
    for row in rows:
        if should_stop():
            raise Stopped
        image = footage.read(int(row))
        if row == 0 and first is not None:
            read = first.result()
            tracker.restore(read.tracker)
            found.append(read.landmarks)
        else:
            found.append(tracker.detect(image) if len(rows) == 1 else tracker.track(image))
        faces.append(tracker.faces(image, found[-1].face))
    # Tracking looks at the whole picture alone, where a small or dark face is missed that a thorough look finds.
    missed = [landmarks.face is None and bool(seen) for landmarks, seen in zip(found, faces, strict=True)]
    chosen, path = choose_path(rows.tolist(), faces, always=any(missed))
    if path is not None:  # there may be others: all are compared as they are read when none is known
        for k, landmarks in enumerate(found):
            if landmarks.face is not None:
                faces[k] = tracker.faces(footage.read(int(rows[k])))
        chosen, path = choose_path(rows.tolist(), faces, always=any(missed))
    if path is not None:
        found = [replace(landmarks, face=face) for landmarks, face in zip(found, chosen, strict=True)]
    return [_face_both_ways(landmarks) for landmarks in found], path
